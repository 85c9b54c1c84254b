"""``mxbench export``: the networks as files."""

from __future__ import annotations

import click

from .options import CommaList


@click.command()
@click.option("--output", type=click.Path(file_okay=False), default="symbols", show_default=True, help="The folder.")
@click.option("--network", "--networks", "networks", type=CommaList(), help="Networks.  [default: the zoo's 16]")
@click.option("--num-classes", type=click.IntRange(min=1), default=1000, show_default=True, help="Outputs.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is missing or out of date.")
def export(output, networks, num_classes, check) -> int:
    """Write networks as MXNet symbol JSON, NAME-symbol.json, for MXNet in any language (mx.sym.load in Python)."""
    from ..symbols.export import export_symbols, stale_symbols

    if check:
        stale = stale_symbols(output, networks, num_classes)
        for path in stale:
            click.echo(f"{path} is missing or out of date: run mxbench export --output {output}")
        return 1 if stale else 0
    for path in export_symbols(output, networks, num_classes):
        click.echo(path)
    return 0
