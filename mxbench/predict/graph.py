"""A network's graph, read from symbol JSON as any MXNet since 0.5 wrote it; needs no MXNet."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple, Union

from ..errors import UserError
from . import operators

# Until MXNet 0.9 these attributes were written without the underscores that hide them from the operators.
_HIDDEN_ATTRIBUTES = ("force_mirroring", "mirror_stage", "ctx_group", "lr_mult", "wd_mult")

_NO_SYMBOL = "is no symbol JSON (an object with \"nodes\" and \"heads\"): write one with Symbol.save(FILE)"


class Entry(NamedTuple):
    """One output of one node: where the node stands in the graph, and which of its outputs."""

    node: int
    output: int


@dataclass
class Node:
    """A variable (``operator`` None) or the application of an operator.

    ``attributes`` are strings, as MXNet stores them.
    """

    operator: "operators.Operator | None"
    name: str
    attributes: Dict[str, str]
    inputs: List[Entry]


@dataclass
class Graph:
    """Nodes in an order in which every node follows its inputs, and the entries that the network returns."""

    nodes: List[Node]
    outputs: List[Entry]

    def applications(self) -> Iterator[Tuple[int, Node]]:
        """The nodes that apply an operator, with their positions."""
        return ((index, node) for index, node in enumerate(self.nodes) if node.operator is not None)

    def roles(self) -> Dict[int, str]:
        """What each variable is, by its position: ``data``, ``label``, ``auxiliary`` or ``parameter``.

        The operator that reads a variable first decides: ``weight`` of a Convolution is a parameter, ``moving_mean`` of
        a BatchNorm an auxiliary state.
        """
        roles: Dict[int, str] = {}
        for _, node in self.applications():
            for (source, _), slot in zip(node.inputs, node.operator.slots(node)):
                if self.nodes[source].operator is None:
                    roles.setdefault(source, _ROLES.get(slot, "data"))
        return roles

    def variables(self, role: str) -> List[int]:
        """Positions of the variables of that role, in graph order."""
        roles = self.roles()
        return sorted(index for index, found in roles.items() if found == role)


_ROLES = {
    "weight": "parameter",
    "bias": "parameter",
    "gamma": "parameter",
    "beta": "parameter",
    "moving_mean": "auxiliary",
    "moving_var": "auxiliary",
    "label": "label",
}


def load(source: Union[str, "os.PathLike[str]", dict, Any]) -> Graph:
    """Read a graph from a file of symbol JSON, from its text or parsed content, or from an MXNet Symbol.

    Raises:
        UserError: the file is missing or is no symbol, or an operator is unknown (it is named).
    """
    if isinstance(source, Graph):
        return source
    if hasattr(source, "tojson"):
        return _build(_parse(source.tojson(), "the symbol"), "the symbol")
    if isinstance(source, dict):
        return _build(source, "the given object")
    text = os.fspath(source)
    if text.lstrip().startswith("{"):
        return _build(_parse(text, "the given text"), "the given text")
    try:
        with open(text, encoding="utf-8") as file:
            content = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{text} cannot be read ({error}): give a file of symbol JSON") from error
    return _build(_parse(content, text), text)


def _parse(text: str, origin: str) -> dict:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{origin} is not JSON ({error}): give a file written by Symbol.save") from error


def _build(content: Any, origin: str) -> Graph:
    try:
        return _assemble(content["nodes"], content["heads"], origin)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise UserError(f"{origin} {_NO_SYMBOL}") from error


def _assemble(records: list, heads: list, origin: str) -> Graph:
    nodes: List[Node] = []
    position: List[int] = []  # of each record of the file; auxiliary variables that the file leaves out shift them
    for record in records:
        attributes = _attributes(record)
        inputs = [Entry(position[entry[0]], entry[1]) for entry in record["inputs"]]
        operator = None if record["op"] == "null" else operators.find(record["op"], record["name"], origin)
        node = Node(operator, record["name"], attributes, inputs)
        if operator is not None:
            _complete(node, nodes)
        position.append(len(nodes))
        nodes.append(node)
    if not heads:
        raise ValueError("no outputs")
    return Graph(nodes, [Entry(position[head[0]], head[1] if len(head) > 1 else 0) for head in heads])


def _attributes(record: dict) -> Dict[str, str]:
    attributes = dict(record.get("param") or {})
    attributes.update(record.get("attr") or {})
    attributes.update(record.get("attrs") or {})
    for name in _HIDDEN_ATTRIBUTES:
        if name in attributes:
            attributes[f"__{name}__"] = attributes.pop(name)
    return attributes


def _complete(node: Node, nodes: List[Node]) -> None:
    """Add the auxiliary variables that files older than MXNet 0.9 leave out, under the names that MXNet gives them."""
    slots = node.operator.slots(node)
    for slot in slots[len(node.inputs):]:
        if _ROLES.get(slot) != "auxiliary":
            raise UserError(f"{node.operator.name} {node.name} has {len(node.inputs)} inputs but needs {len(slots)} "
                            f"({', '.join(slots)}): the symbol is damaged or incomplete")
        nodes.append(Node(None, f"{node.name}_{slot}", {}, []))
        node.inputs.append(Entry(len(nodes) - 1, 0))
