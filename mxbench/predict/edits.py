"""Changes to a network's graph: another head, half precision."""

from __future__ import annotations

from typing import Dict, List

from ..errors import UserError
from . import operators
from .graph import Entry, Graph, Node


def cut(graph: Graph, num_classes: int) -> Graph:
    """The graph as fine-tuning cuts it: after its last Flatten follow FullyConnected ``fc`` and SoftmaxOutput.

    Raises:
        UserError: the network has no Flatten.
    """
    flattens = [index for index, node in graph.applications() if node.operator.name == "Flatten"]
    if not flattens:
        raise UserError("the network has no Flatten to be cut after: only protocol imagenet can be predicted for it")
    last = flattens[-1]
    kept = sorted(_reachable(graph, last))
    position = {old: new for new, old in enumerate(kept)}
    nodes = []
    for old in kept:
        node = graph.nodes[old]
        inputs = [Entry(position[entry.node], entry.output) for entry in node.inputs]
        nodes.append(Node(node.operator, node.name, node.attributes, inputs))
    flatten = len(nodes) - 1
    nodes += [Node(None, "fc_weight", {}, []), Node(None, "fc_bias", {}, [])]
    nodes.append(Node(operators.TABLE["FullyConnected"], "fc", {"num_hidden": str(num_classes)},
                      [Entry(flatten, 0), Entry(flatten + 1, 0), Entry(flatten + 2, 0)]))
    nodes.append(Node(None, "softmax_label", {}, []))
    nodes.append(Node(operators.TABLE["SoftmaxOutput"], "softmax", {}, [Entry(flatten + 3, 0), Entry(flatten + 4, 0)]))
    return Graph(nodes, [Entry(flatten + 5, 0)])


def _reachable(graph: Graph, index: int) -> set:
    found, waiting = set(), [index]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting += [entry.node for entry in graph.nodes[index].inputs]
    return found


def to_float16(graph: Graph) -> Graph:
    """The graph computed in half precision: images are cast on entry, and back before each SoftmaxOutput.

    This is how mxbench builds its float16 networks. A graph that casts already is returned as it is.
    """
    if any(node.operator.name == "Cast" for _, node in graph.applications()):
        return graph
    data = set(graph.variables("data"))
    nodes: List[Node] = []
    position: Dict[int, int] = {}
    for old, node in enumerate(graph.nodes):
        inputs = [Entry(position[entry.node], entry.output) for entry in node.inputs]
        if node.operator is not None and node.operator.name == "SoftmaxOutput":
            nodes.append(_cast(f"{node.name}_float32", "float32", inputs[0]))
            inputs[0] = Entry(len(nodes) - 1, 0)
        nodes.append(Node(node.operator, node.name, node.attributes, inputs))
        if old in data:
            nodes.append(_cast(f"{node.name}_float16", "float16", Entry(len(nodes) - 1, 0)))
        position[old] = len(nodes) - 1
    return Graph(nodes, [Entry(position[entry.node], entry.output) for entry in graph.outputs])


def _cast(name: str, dtype: str, source: Entry) -> Node:
    return Node(operators.TABLE["Cast"], name, {"dtype": dtype}, [source])
