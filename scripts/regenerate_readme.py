#!/usr/bin/env python
"""Put what results/ holds into README.md, the pages of docs/ and their figures; with --check only compare."""

import sys
from pathlib import Path

import click

from mxbench.cli import main
from mxbench.report import stamp
from mxbench.report.readme import regenerate
from mxbench.results.files import write_atomically
from mxbench.symbols.export import stale_symbols

PROJECT = Path(__file__).resolve().parents[1]


@click.command(name="regenerate_readme.py")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 and name what is out of date.")
@click.option("--readme", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="This page alone, with the results beside it.  [default: README.md, docs/, symbols/]")
def regenerate_readme(check: bool, readme: Path) -> int:
    """Make anew the generated parts of README.md and docs/*.md, and their figures, from the files in results/.

    Symbols are compared with their definitions; scripts/export_symbols.py writes them.
    """
    project = readme.parent if readme else PROJECT
    pages = [readme] if readme else [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("**/*.md"))]
    found = [problem for page in pages for problem in _page(page, project, write=not check)]
    for problem in found:
        click.echo(problem)
    stale = [] if readme else stale_symbols(PROJECT / "symbols")
    for path in stale:
        click.echo(f"{path.relative_to(PROJECT)} differs from its definition: run python scripts/export_symbols.py")
    if check and found:
        click.echo("run make readme")
    elif not found and not stale:
        click.echo("all is up to date")
    return 1 if stale or (check and found) else 0


def _page(page: Path, project: Path, write: bool) -> list:
    """What was wrong with a page and its figures; with ``write`` it is no longer."""
    before = page.read_text(encoding="utf-8")
    after, figures = regenerate(before, project, str(page.parent.relative_to(project)))
    problems = []
    if before != after:
        problems.append(f"{page.relative_to(project)} {'regenerated' if write else 'is out of date'}")
    for path, plot in figures.items():
        fault = stamp.fault(path, plot)
        if fault:
            problems.append(f"{path.relative_to(project)} {'drawn, since it ' * write}{fault}")
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, stamp.stamped(plot))
    if write and before != after:
        write_atomically(page, after)
    return problems


if __name__ == "__main__":
    sys.exit(main(command=regenerate_readme))
