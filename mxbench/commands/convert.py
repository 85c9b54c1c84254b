"""``mxbench convert``: parameters of the networks, from the zoo's names to Gluon's and back."""

from __future__ import annotations

import click

from .options import ImageShape


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--network", required=True, metavar="NAME", help="The network that the parameters belong to.")
@click.option("--to", type=click.Choice(["gluon", "symbol"]), required=True,
              help="gluon: for Block.load_parameters of mxbench.gluon.get_block. symbol: for the zoo's Symbols.")
@click.option("--image-shape", type=ImageShape(), help="Of the images, if a CaffeNet or VGG was made for another size.")
@click.option("--output", type=click.Path(), required=True, metavar="FILE", help="The file to write.")
def convert(file, network, to, image_shape, output) -> int:
    """Give the parameters in a .params FILE the names that the other frontend of MXNet loads.

    \b
    mxbench convert resnet-50-0000.params --network resnet-50 --to gluon --output resnet-50.params
    """
    from ..gluon import files, parameters

    converted = parameters.convert(files.read(file), network, to, image_shape)
    files.write(output, converted)
    click.echo(f"{output}: {len(converted)} arrays with {to} names")
    return 0
