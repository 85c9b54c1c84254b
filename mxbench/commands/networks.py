"""``mxbench networks``: what can be measured."""

from __future__ import annotations

from typing import Iterator

import click

_HEADS = ("network", "input", "parameters", "MACs", "top-5")
_FORM = "{:<{name_width}}  {:>9}  {:>11}  {:>14}  {:>7}"


@click.command()
@click.option("--all", "all_models", is_flag=True,
              help="The models of the two Gluon zoos too. They are traced one by one, which takes some 15 seconds.")
def networks(all_models) -> int:
    """List the networks with input size, parameters, multiply-accumulates (MACs) of one image, and top-5 accuracy.

    Parameters and MACs are counted from the network's graph with 1000 classes; the accuracy is the published one on
    ImageNet-1k.
    """
    from .. import predict
    from ..gluon import zoos
    from ..symbols import get_network, list_networks
    from ..symbols.export import graph_of

    known = [get_network(name) for name in list_networks()]
    models = list(zoos.networks()) if all_models else []
    width = max(len(network.name) for network in (*known, *models))
    click.echo(_FORM.format(*_HEADS, name_width=width))
    for network in known:
        _echo(network, predict.count(predict.load(graph_of(network)), network.image_shape), width)
    for network, counted in _counted(models):
        _echo(network, counted, width)
    if all_models and not zoos.has_gluoncv():
        click.echo(f"the models of GluonCV are left out: {zoos.HOW_TO_INSTALL}", err=True)
    return 0


def _echo(network, counted, width: int) -> None:
    shape = "x".join(map(str, network.image_shape))
    top5 = "unknown" if network.top5 is None else f"{network.top5:.1f} %"
    click.echo(_FORM.format(network.name, shape, f"{counted.parameters:,}", f"{counted.macs:,}", top5, name_width=width))


def _counted(models) -> Iterator[tuple]:
    """Each model with its counts, as soon as they are known."""
    if models:
        from ..gluon.counting import count

        yield from ((model, count(model.get_symbol(), model.image_shape)) for model in models)
