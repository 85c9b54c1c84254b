"""How large a network is and how much it computes, from its graph alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence

from .graph import Graph
from .operators import Shape, elements
from .shapes import infer

# w += m with m = momentum * m - lr * (rescale * g + wd * w): four multiplications and three additions.
_UPDATE_FLOPS_PER_PARAMETER = 7


@dataclass(frozen=True)
class Arithmetic:
    """Parameters and the work of one training step.

    ``parameters`` counts the numbers that training learns, ``auxiliary`` the moving means and variances. ``macs`` are
    multiply-accumulates of Convolution and FullyConnected in the forward pass, biases not counted; one is two FLOPs.
    The backward pass does the forward's work once for the gradients of the weights and once for those of the data; the
    latter is not needed by layers below which nothing is learned. The update is SGD with momentum.
    """

    parameters: int
    auxiliary: int
    macs: int
    forward_flops: int
    backward_flops: int
    update_flops: int


def _convolution(shapes: List[Shape], out: Shape) -> int:
    return elements(out) * elements(shapes[1][1:])


def _fully_connected(shapes: List[Shape], out: Shape) -> int:
    return elements(out) * shapes[1][1]


_MACS: Dict[str, Callable] = {"Convolution": _convolution, "FullyConnected": _fully_connected}


def count(graph: Graph, image_shape: Sequence[int], batch_size: int = 1) -> Arithmetic:
    """Count parameters and arithmetic of one training step.

    Args:
        graph: The network.
        image_shape: (channels, height, width).
        batch_size: Images per step; parameters do not depend on it.

    Raises:
        UserError: the network cannot take images of that shape.
    """
    shapes = infer(graph, batch_size, image_shape)
    roles = graph.roles()
    totals = {"parameter": 0, "auxiliary": 0}
    for index, role in roles.items():
        if role in totals:
            totals[role] += elements(shapes[index][0])
    macs = backward = 0
    learns = [roles.get(index) == "parameter" for index in range(len(graph.nodes))]
    for index, node in graph.applications():
        learns[index] = any(learns[source] for source, _ in node.inputs)
        if node.operator.name in _MACS:
            inputs = [shapes[source][output] for source, output in node.inputs]
            work = _MACS[node.operator.name](inputs, shapes[index][0])
            macs += work
            backward += 2 * work * (1 + learns[node.inputs[0].node])
    return Arithmetic(totals["parameter"], totals["auxiliary"], macs, 2 * macs, backward,
                      _UPDATE_FLOPS_PER_PARAMETER * totals["parameter"])


def count_parameters(graph: Graph, image_shape: Sequence[int]) -> int:
    """The numbers that training learns: weights, biases, gammas and betas, without moving means and variances."""
    return count(graph, image_shape).parameters


def count_macs(graph: Graph, image_shape: Sequence[int]) -> int:
    """Multiply-accumulates of the forward pass of one image, in Convolution and FullyConnected, biases not counted."""
    return count(graph, image_shape).macs
