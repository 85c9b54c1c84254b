#!/usr/bin/env python
"""Put what results/ holds into README.md; with --check only say whether it is there already."""

import sys
from pathlib import Path

import click

from mxbench.cli import main
from mxbench.report.readme import regenerate
from mxbench.results.files import write_atomically

README = Path(__file__).resolve().parents[1] / "README.md"


@click.command(name="regenerate_readme.py")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if README.md is out of date.")
@click.option("--readme", type=click.Path(path_type=Path), default=README, help="Another page.  [default: README.md]")
def regenerate_readme(check: bool, readme: Path) -> int:
    """Make the generated parts of README.md anew from the files in results/."""
    before = readme.read_text(encoding="utf-8")
    after = regenerate(before, readme.parent)
    if before == after:
        click.echo(f"{readme.name} is up to date")
        return 0
    if check:
        click.echo(f"{readme.name} is out of date: run make readme")
        return 1
    write_atomically(readme, after)
    click.echo(f"{readme.name} regenerated")
    return 0


if __name__ == "__main__":
    sys.exit(main(command=regenerate_readme))
