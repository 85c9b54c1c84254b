"""``mxbench aa``: the same cell measured twice must come out the same."""

from __future__ import annotations

import click

from .run import OPTIONS, SETTINGS

_LEFT_OUT = ("parallel_cells", "dask", "repeats", "shuffle", "again", "roofline", "output")  # of the options of mxbench run


@click.command(context_settings=SETTINGS, params=[option for option in OPTIONS if option.name not in _LEFT_OUT])
@click.option("--pairs", type=click.IntRange(min=1), default=1, show_default=True, help="How often to do so.")
@click.option("--output", type=click.Path(), help="Keep the records in this file.  [default: they are not kept]")
def aa(pairs, output, **options) -> int:
    """Measure one cell twice, in two processes, and say whether the method calls the two the same.

    Exits with 1 when it calls any pair faster or slower: the method then sees differences that are not there. With
    several pairs the largest difference is the noise floor of this machine.
    """
    import tempfile
    from pathlib import Path

    from ..sweep.pairs import measure_pairs

    with tempfile.TemporaryDirectory() as folder:
        return measure_pairs(options, pairs, output or Path(folder) / "aa.jsonl", click.echo)
