"""``mxbench scale``: how well does training go in several processes, and how well would it on more machines?"""

from __future__ import annotations

import copy
from pathlib import Path

import click

from .options import Bandwidth, CommaList
from .report import draw
from .run import OPTIONS, SETTINGS

# What a run of several processes does without, or takes in another way.
_OTHERS = ("kv_store", "workers", "parallel_cells", "dask", "frontend", "roofline")
_WORKERS = (1, 2)


def _own() -> list:
    """The options of a run that hold here too, and those of the report."""
    workers = copy.copy(next(option for option in OPTIONS if option.name == "workers"))
    workers.default, workers.help = _WORKERS, "Numbers of processes to train in, measured one after the other.  [default: 1,2]"
    return [
        workers,
        click.Option(["--kv-store"], type=click.Choice(["dist_sync", "dist_device_sync", "dist_async"]),
                     default="dist_sync", show_default=True,
                     help="dist_sync: all workers take each step together. dist_async: none waits for the others."),
        *(option for option in OPTIONS if option.name not in _OTHERS),
        click.Option(["--predict"], type=CommaList(click.IntRange(min=1)), metavar="N,...",
                     help="Predict these numbers of workers, each on a machine of its own, from what was measured."),
        click.Option(["--bandwidth"], type=Bandwidth(),
                     help="Of the network between the machines, such as 10Gbit.  [default: as measured]"),
        click.Option(["--format", "form"], type=click.Choice(["markdown", "csv", "json"]), default="markdown",
                     show_default=True, help="Of the table."),
        click.Option(["--plots"], metavar="FOLDER", help="Draw the figure into this folder as well (needs matplotlib)."),
    ]


@click.command(context_settings=SETTINGS, params=_own())
def scale(predict, bandwidth, form, plots, **options) -> int:
    """Measure how well training scales over processes and machines, through MXNet's parameter server.

    Each worker trains on batches of its own, so that a step of N workers has N times the images. Without --hosts all run on
    this machine and share its cores.

    \b
    mxbench scale --network resnet-50 --batch-size 10 --workers 1,2,4 --hosts hosts.txt
    mxbench scale --network vgg16 --batch-size 10 --workers 1 --predict 2,4,8 --bandwidth 10Gbit
    """
    from ..report.scaling import build
    from ..sweep.progress import say
    from ..sweep.session import measure

    if bandwidth is not None and not predict:
        raise click.UsageError("--bandwidth is for predictions: add --predict with numbers of workers, or leave it out")
    session = measure({**options, "parallel_cells": False, "frontend": "symbol"})
    if session.records:
        click.echo(build(session.records, predict or (), bandwidth, form), nl=False)
    if session.records and plots:
        draw(session.records, Path(plots), ("scaling",))
    if session.leads:
        say(f"results: {options['output']}")
    return session.exit_code
