"""``mxbench check``: is every figure of a results file to be trusted?"""

from __future__ import annotations

import click


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULTS...")
@click.option("--tolerance", type=click.FloatRange(min=0, min_open=True), default=0.05, show_default=True,
              help="Largest half-width of the 95 % interval, as a fraction of the speed.")
def check(results, tolerance) -> int:
    """Judge results files: exit with 1 if a cell is not to be trusted, and say why.

    A cell is in doubt when its speed is known to less than the tolerance, when it gave rise to a warning, and when it
    failed for another reason than memory. Lines that are no records count as doubts too.
    """
    from ..report.document import load
    from ..results.summary import by_reason, summarise

    unreadable = []
    records = load(results, tell=unreadable.append)
    summaries = [summary for group in summarise(records) for summary in group]
    doubtful = [summary for summary in summaries if summary.doubts(tolerance)]
    for line in unreadable:
        click.echo(line)
    for line in by_reason(summaries, lambda summary: summary.doubts(tolerance)):
        click.echo(line)
    click.echo(f"{len(summaries) - len(doubtful)} of {len(summaries)} cells are to be trusted")
    return 1 if doubtful or unreadable else 0
