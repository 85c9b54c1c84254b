"""How large a network is and how much it computes, from its graph alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence

from .gradient import differentiate
from .graph import Graph
from .operators import Shape, elements, flag
from .rules import MXNET_1_9
from .shapes import infer

# w += m with m = momentum * m - lr * (rescale * g + wd * w): four multiplications and three additions.
_UPDATE_FLOPS_PER_PARAMETER = 7


@dataclass(frozen=True)
class Arithmetic:
    """Parameters and the work of one training step.

    ``parameters`` counts the numbers that training learns, ``auxiliary`` the moving means and variances. ``macs`` are
    multiply-accumulates of Convolution and FullyConnected in the forward pass, biases not counted; one is two FLOPs.
    The backward pass does the forward's work once for the gradients of the weights and once for those of the data; the
    latter is not needed by layers below which nothing is learned. What a network marks with ``__force_mirroring__`` is
    computed again in the backward pass. The update is SGD with momentum. Everything else (normalisation, activations,
    pooling, sums) is left out: it is bound by memory, and no faster for more arithmetic.
    """

    parameters: int
    auxiliary: int
    macs: int
    forward_flops: int
    backward_flops: int
    recomputed_flops: int
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
    macs, backward = {}, 0
    learns = [roles.get(index) == "parameter" for index in range(len(graph.nodes))]
    for index, node in graph.applications():
        learns[index] = any(learns[source] for source, _ in node.inputs)
        if node.operator.name in _MACS:
            inputs = [shapes[source][output] for source, output in node.inputs]
            macs[index] = _MACS[node.operator.name](inputs, shapes[index][0])
            backward += 2 * macs[index] * (1 + learns[node.inputs[0].node])
    forward = sum(macs.values())
    again = sum(macs.get(index, 0) for index in _recomputed(graph))
    return Arithmetic(totals["parameter"], totals["auxiliary"], forward, 2 * forward, backward, 2 * again,
                      _UPDATE_FLOPS_PER_PARAMETER * totals["parameter"])


def _recomputed(graph: Graph) -> List[int]:
    """The nodes that MXNet applies a second time in the backward pass, because the network marks them."""
    if not any(flag(node, "__force_mirroring__") for _, node in graph.applications()):
        return []
    training = differentiate(graph, MXNET_1_9)
    steps = (training.steps[index] for index in training.schedule)
    return [step.node for step in steps if step.kind == "recomputed"]


def count_parameters(graph: Graph, image_shape: Sequence[int]) -> int:
    """The numbers that training learns: weights, biases, gammas and betas, without moving means and variances."""
    return count(graph, image_shape).parameters


def count_macs(graph: Graph, image_shape: Sequence[int]) -> int:
    """Multiply-accumulates of the forward pass of one image, in Convolution and FullyConnected, biases not counted."""
    return count(graph, image_shape).macs
