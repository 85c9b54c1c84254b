#!/usr/bin/env python
"""Predict the memory table of 2017 from the networks' graphs, beside the published figures."""

import sys
from pathlib import Path

import click

from mxbench.cli import main
from mxbench.predict import published
from mxbench.report.plots import canvas, rows
from mxbench.symbols import get_network
from mxbench.symbols.export import json_path
from mxbench.symbols.registry import ZOO_NAMES

TABLE = Path(__file__).resolve().parents[1] / "results" / "published-titan-x.jsonl"


@click.command(name="reproduce_published.py")
@click.option("--table", type=click.Path(path_type=Path), default=TABLE,
              help="The published table.  [default: results/published-titan-x.jsonl]")
@click.option("--mxnet", type=click.Choice(["0.11", "0.10", "1.9.1"]), default="0.11", show_default=True,
              help="The release whose rules predict.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw predicted against published into this file.")
def reproduce_published(table: Path, mxnet: str, plot: Path) -> int:
    """Print predicted beside published memory, cell by cell, and how far they are apart.

    One constant, the CUDA context with what is loaded into it, is fitted to the table; the errors without the network
    at hand are those that a network not in the table could expect.
    """
    cells = published.cells(published.read(table), {name: json_path(name) for name in ZOO_NAMES}, mxnet)
    known = [cell for cell in cells if cell.published_mib is not None]
    context_mib = published.fit_context_mib(known)
    left_out = published.leave_one_network_out(known)
    click.echo(f"{'network':18} {'batch':>5} {'published':>9} {'predicted':>9} {'error':>8} {'left out':>8}")
    for cell in cells:
        predicted = cell.bare_mib + context_mib
        row = f"{get_network(cell.network).display_name:18} {cell.batch_size:5} "
        if cell.published_mib is None:
            verdict = published.verdict(cell, context_mib)
            click.echo(f"{row}{'oom':>9} {predicted:9.0f}   {verdict} in {published.TITAN_X_MIB} MiB")
        else:
            click.echo(f"{row}{cell.published_mib:9.0f} {predicted:9.0f} {cell.error(context_mib):+8.2%} "
                       f"{left_out[cell.network, cell.batch_size]:+8.2%}")
    click.echo(f"\n{len(known)} cells, MXNet {mxnet}'s rules, fitted context {context_mib:.1f} MiB")
    for name, errors in (("absolute error", [cell.error(context_mib) for cell in known]),
                         ("leaving the network out", list(left_out.values()))):
        found = published.summarise(errors)
        click.echo(f"{name}: median {found.median:.2%}, 90th percentile {found.p90:.2%}, largest {found.largest:.2%}")
    if plot is not None:
        told = f"{known[0].batch_size} to {known[-1].batch_size} images in a batch, by the rules of MXNet {mxnet}"
        ratios = [(get_network(cell.network).display_name, cell.batch_size, 1 + cell.error(context_mib)) for cell in known]
        canvas.save(lambda: rows.draw(rows.reproduction(told, ratios)), plot)
    return 0


if __name__ == "__main__":
    sys.exit(main(command=reproduce_published))
