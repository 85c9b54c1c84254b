"""``mxbench networks``: what can be measured."""

from __future__ import annotations

import click


@click.command()
def networks() -> int:
    """List the networks with input size, parameters, multiply-accumulates (MACs) of one image, and top-5 accuracy.

    Parameters and MACs are counted from the network's graph with 1000 classes; the accuracy is the published one on
    ImageNet-1k.
    """
    from .. import predict
    from ..symbols import get_network, list_networks
    from ..symbols.export import graph_of

    rows = [("network", "input", "parameters", "MACs", "top-5")]
    for network in map(get_network, list_networks()):
        counted = predict.count(predict.load(graph_of(network)), network.image_shape)
        shape = "x".join(map(str, network.image_shape))
        top5 = "unknown" if network.top5 is None else f"{network.top5:.1f} %"
        rows.append((network.name, shape, f"{counted.parameters:,}", f"{counted.macs:,}", top5))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for name, *figures in rows:
        click.echo("  ".join([name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(figures, widths[1:]))]))
    return 0
