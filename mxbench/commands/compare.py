"""``mxbench compare``: two results files side by side."""

from __future__ import annotations

import click

from .options import CommaList

SLOWER, MEMORY = FAILURES = "slower", "memory"


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="A [B]")
@click.option("--published", is_flag=True, help="Compare the one file with the table published for a TITAN X in 2017.")
@click.option("--across", type=CommaList(), metavar="FIELD,...",
              help="Fields that are meant to differ, such as machine, tuning, variables or mxnet; others must be alike.")
@click.option("--fail-on", type=CommaList(click.Choice(FAILURES)), metavar="KIND,...",
              help="Exit with 1 if a cell is slower or has no figure any more (slower), "
                   "or takes more memory or runs out of it now (memory).")
@click.option("--format", "form", type=click.Choice(["markdown", "csv", "json"]), default="markdown", show_default=True,
              help="What to print.")
def compare(results, published, across, fail_on, form) -> int:
    """Compare the cells of two results files, B over A: faster, slower, same or ambiguous, and by how much.

    Runs under unlike conditions are refused, and what differs is named.
    """
    from ..report.comparison import render
    from ..report.document import load, refuse_stand_ins
    from ..results.published import NAME, records as published_records
    from ..results.runs import match, match_published

    _check_count(results, published, across)
    runs = [load([path], tell=lambda line: click.echo(line, err=True)) for path in results]
    for run in runs:
        refuse_stand_ins(run)
    if published:
        matches, sides = match_published(published_records(), runs[0]), (NAME, results[0])
    else:
        matches, sides = match(*runs, across or ()), tuple(results)
    click.echo(render(form, matches, sides, published), nl=False)
    failed = [f"{pair.first.display_name} {pair.first.cell.batch_size} ({reason})"
              for one in matches for pair in one.pairs for reason in _failures(pair, fail_on or ())]
    if failed:
        click.echo(f"--fail-on {','.join(fail_on)}: {', '.join(failed)}", err=True)
    return 1 if failed else 0


def _check_count(results, published, across) -> None:
    if len(results) != (1 if published else 2):
        raise click.UsageError(f"give {'one results file with --published' if published else 'two results files'}, "
                               f"not {len(results)}")
    if published and across:
        raise click.UsageError("--published differs in everything: leave --across out")


def _failures(pair, fail_on):
    """Why a cell makes the command fail."""
    if SLOWER in fail_on and (pair.lost or pair.verdict == SLOWER):
        yield pair.verdict
    elif MEMORY in fail_on and pair.lost and pair.verdict == "now out of memory":
        yield pair.verdict
    if MEMORY in fail_on and pair.memory and pair.memory.verdict == "more":
        yield "more memory"
