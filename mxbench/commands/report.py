"""``mxbench report``: tables from results files."""

from __future__ import annotations

import click


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULTS...")
@click.option("--spread", is_flag=True, help="Show ± half the 95 % interval beside every speed.")
@click.option("--predicted", is_flag=True, help="Show the predicted memory beside the measured.")
@click.option("--output", type=click.Path(), help="Write to this file instead of standard output.")
def report(results, spread, predicted, output) -> int:
    """Render the speed and memory tables of results files as Markdown.

    Records of unlike machines, protocols, inputs or settings come into tables of their own.
    """
    from ..report.document import build, load, refuse_stand_ins

    records = load(results, tell=lambda line: click.echo(line, err=True))
    refuse_stand_ins(records)
    text = build(records, spread, predicted)
    if output:
        from ..results.files import write_atomically

        write_atomically(output, text)
    else:
        click.echo(text, nl=False)
    return 0
