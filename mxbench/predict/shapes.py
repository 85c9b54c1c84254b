"""Shapes of everything in a graph, from the shape of its input."""

from __future__ import annotations

from typing import List, Sequence

from ..errors import UserError
from .graph import Graph
from .operators import Shape


def check_batch_size(batch_size: int) -> int:
    """Return ``batch_size``; UserError unless it is an integer of at least 1."""
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise UserError(f"batch size {batch_size} is not possible: give an integer of at least 1")
    return batch_size


def check_image_shape(image_shape: Sequence[int]) -> Shape:
    """Return ``image_shape`` as a tuple; UserError unless it is (channels, height, width), each at least 1."""
    shape = tuple(image_shape)
    if len(shape) != 3 or any(not isinstance(extent, int) or extent < 1 for extent in shape):
        raise UserError(f"image shape {','.join(map(str, shape))} is not possible: give channels,height,width, "
                        "for example 3,224,224")
    return shape


def infer(graph: Graph, batch_size: int, image_shape: Sequence[int]) -> List[List[Shape]]:
    """Shapes of all outputs of every node, variables included, for a batch of images.

    Args:
        graph: The network.
        batch_size: Images in a batch.
        image_shape: (channels, height, width).

    Raises:
        UserError: the batch size or image shape is not possible, or some layer cannot take its input (it is named).
    """
    data_shape = (check_batch_size(batch_size),) + check_image_shape(image_shape)
    known: List[List[Shape]] = [[] for _ in graph.nodes]
    data = graph.variables("data")
    if len(data) != 1:
        names = ", ".join(graph.nodes[index].name for index in data) or "none"
        raise UserError(f"the network must have one input for its images, but it has {len(data)} ({names})")
    known[data[0]] = [data_shape]
    for index, node in graph.applications():
        shapes = [known[source][output] if known[source] else None for source, output in node.inputs]
        try:
            known[index] = node.operator.infer(node, shapes)
        except (ValueError, IndexError, ZeroDivisionError) as error:
            raise UserError(f"{node.operator.name} {node.name} does not fit images of "
                            f"{','.join(map(str, data_shape[1:]))}: {error}") from error
        for (source, _), shape in zip(node.inputs, shapes):
            if not known[source]:
                known[source] = [shape]
    return known


_ELEMENT_BYTES = {"float16": 2, "float32": 4, "float64": 8}


def element_bytes(graph: Graph) -> List[int]:
    """Bytes of an element of what each node puts out (its first output), variables included.

    Images and labels come as float32. A layer computes in the type of its data and has weights of that type; only
    BatchNorm keeps its parameters and statistics in float32.

    Raises:
        UserError: a Cast to a type that networks are not trained in.
    """
    found = [4] * len(graph.nodes)
    for index, node in graph.applications():
        source = found[node.inputs[0].node]
        if node.operator.name == "Cast":
            dtype = node.attributes.get("dtype", "float32")
            if dtype not in _ELEMENT_BYTES:
                raise UserError(f"Cast {node.name} is to {dtype}: networks are trained in {', '.join(_ELEMENT_BYTES)}")
            found[index] = _ELEMENT_BYTES[dtype]
        else:
            found[index] = source
            if node.operator.name != "BatchNorm":
                for entry in node.inputs[1:]:
                    if graph.nodes[entry.node].operator is None:
                        found[entry.node] = source
    return found
