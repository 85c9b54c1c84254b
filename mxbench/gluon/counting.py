"""Parameters and multiply-accumulates of any Symbol, with the shapes that MXNet itself infers.

:mod:`mxbench.predict` counts without MXNet, but knows only the operators of the 16 networks.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Sequence

from ..predict.operators import elements
from .parameters import shapes


class Count(NamedTuple):
    """``parameters`` without moving statistics; ``macs`` of an image in Convolution and FullyConnected, without biases."""

    parameters: int
    macs: int


def count(symbol, image_shape: Sequence[int]) -> Count:
    """Count a network that ends in SoftmaxOutput."""
    graph = json.loads(symbol.tojson())["nodes"]
    internals = symbol.get_internals()
    _, found, _ = internals.infer_shape(data=(1, *image_shape))
    outputs = dict(zip(internals.list_outputs(), found))
    macs = 0
    for node in graph:
        if node["op"] in ("Convolution", "FullyConnected"):
            weight = graph[node["inputs"][1][0]]["name"]
            macs += elements(outputs[node["name"] + "_output"]) * elements(outputs[weight][1:])
    parameters = shapes(symbol, image_shape)
    return Count(sum(elements(shape) for name, shape in parameters.items() if name.startswith("arg:")), macs)
