"""The graph of a whole training step: forward nodes, recomputed copies, backward nodes, sums of gradients.

Follows the gradient pass of nnvm: nodes are differentiated in reverse topological order, a backward node depends on its
forward node, and a tensor with several readers gets the sum of their gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from .graph import Entry, Graph, Node
from .operators import flag
from .rules import Backward, Pairs, Rules

# From this many gradients on, MXNet chains additions instead of adding all at once.
_CHAINED_FROM = 8


class Use(NamedTuple):
    """One output of one step."""

    step: int
    output: int


@dataclass
class Step:
    """One node of the training graph.

    ``kind`` is ``variable``, ``forward``, ``recomputed``, ``backward``, ``sum`` or ``zeros``; ``node`` the node of the
    network that it belongs to. Output k has the shape of the network's entry ``like[k]``.
    """

    kind: str
    node: int
    like: Tuple[Entry, ...]
    inputs: List[Use] = field(default_factory=list)
    after: List[int] = field(default_factory=list)
    in_place: Pairs = ()
    identity: bool = False


@dataclass(frozen=True)
class TrainingGraph:
    """``schedule`` lists positions of ``steps`` in the order in which MXNet runs them.

    ``outputs`` are the network's results; ``gradients`` maps each parameter (its position in the network) to the
    use that ends up in its gradient array.
    """

    network: Graph
    steps: List[Step]
    schedule: List[int]
    outputs: List[Use]
    gradients: Dict[int, Use]


# What is computed again in the backward pass instead of being kept: nodes with the attribute __force_mirroring__; those
# and, as with MXNET_BACKWARD_DO_MIRROR=1, everything that is not in _KEPT; nothing.
MIRRORING = ("marked", "all", "none")
_KEPT = ("Concat", "Convolution", "FullyConnected", "SoftmaxOutput")


def differentiate(graph: Graph, rules: Rules, mirroring: str = "marked") -> TrainingGraph:
    """The training graph of a network, with gradients for its parameters only (data and labels get none).

    Args:
        graph: The network.
        rules: The release of MXNet that runs it.
        mirroring: What is computed again in the backward pass, one of ``MIRRORING``.
    """
    return _Pass(graph, rules, mirroring).run()


# Their results differ from one application to the next, so that two of them are never the same.
_NEVER_MERGED = ("BatchNorm", "Dropout")


def merge_duplicates(graph: Graph) -> Graph:
    """The graph with equal operators on equal inputs replaced by the first of them, as MXNet's executor does."""
    first: Dict[tuple, int] = {}
    stands_for: Dict[int, int] = {}
    nodes = list(graph.nodes)
    for index in _topological(graph):
        node = graph.nodes[index]
        inputs = [Entry(stands_for[entry.node], entry.output) for entry in node.inputs]
        nodes[index] = Node(node.operator, node.name, node.attributes, inputs)
        if node.operator is None or node.operator.name in _NEVER_MERGED:
            stands_for[index] = index
        else:
            key = (node.operator.name, tuple(sorted(node.attributes.items())), tuple(inputs))
            stands_for[index] = first.setdefault(key, index)
    return Graph(nodes, [Entry(stands_for[entry.node], entry.output) for entry in graph.outputs])


class _Pass:
    def __init__(self, graph: Graph, rules: Rules, mirroring: str):
        self.graph = merge_duplicates(graph) if rules.merges else graph
        self.rules, self.mirroring = rules, mirroring
        self.steps: List[Step] = []
        self.forward: Dict[int, int] = {}  # step of each node of the network
        self.copy: Dict[int, int] = {}  # step that the backward pass refers to instead
        self.contributions: Dict[Entry, List[Use]] = {}

    def run(self) -> TrainingGraph:
        order = _topological(self.graph)
        for index in order:
            self.forward[index] = self._forward_step(index, self.forward, "forward")
        for index in order:
            self.copy[index] = (self._forward_step(index, self.copy, "recomputed") if self._is_mirrored(index)
                                else self.forward[index])
        for entry in self.graph.outputs:
            self.contributions.setdefault(entry, []).append(self._head_gradient(entry))
        for index in reversed(order):
            if self.graph.nodes[index].operator is not None:
                self._differentiate(index)
        outputs = [Use(self.forward[entry.node], entry.output) for entry in self.graph.outputs]
        roles = self.graph.roles()
        gradients = {index: self._gradient(Entry(index, 0)) for index in order if roles.get(index) == "parameter"}
        ends = [use.step for use in outputs] + [use.step for use in gradients.values()]
        return TrainingGraph(self.graph, self.steps, _schedule(self.steps, ends), outputs, gradients)

    def _add(self, step: Step) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    def _forward_step(self, index: int, source: Dict[int, int], kind: str) -> int:
        node = self.graph.nodes[index]
        if node.operator is None:
            return self._add(Step("variable", index, (Entry(index, 0),)))
        rule = self.rules.forward[node.operator.name](node)
        inputs = [Use(source[entry.node], entry.output) for entry in node.inputs]
        like = tuple(Entry(index, output) for output in rule.like)
        return self._add(Step(kind, index, like, inputs, [], rule.in_place, rule.identity))

    def _is_mirrored(self, index: int) -> bool:
        node = self.graph.nodes[index]
        if self.mirroring == "none" or node.operator is None or node.operator.name == "Dropout":
            return False
        return flag(node, "__force_mirroring__") or (self.mirroring == "all" and node.operator.name not in _KEPT)

    def _head_gradient(self, entry: Entry) -> Use:
        """What the caller would hand to backward(); a loss ignores it, so that it never enters the schedule."""
        given = self._add(Step("variable", entry.node, (entry,)))
        like = Use(self.forward[entry.node], entry.output)
        return Use(self._add(Step("sum", entry.node, (entry,), [Use(given, 0), like], [], ((0, 0),), True)), 0)

    def _gradient(self, entry: Entry) -> Use:
        """The gradient of an entry, summed over its readers."""
        parts = self.contributions.pop(entry, [])
        if not parts:
            total = Use(self._add(Step("zeros", entry.node, (entry,))), 0)
        elif len(parts) == 1:
            total = parts[0]
        elif len(parts) < _CHAINED_FROM:
            total = Use(self._add(Step("sum", entry.node, (entry,), list(parts), [], ((0, 0),))), 0)
        else:
            total = self._chain(entry, parts)
        self.contributions[entry] = [total]
        return total

    def _chain(self, entry: Entry, parts: List[Use]) -> Use:
        total = parts[0]
        for before, part in zip(parts, parts[1:]):
            if before.step != part.step:
                self.steps[part.step].after.append(total.step)
            total = Use(self._add(Step("sum", entry.node, (entry,), [total, part], [], ((0, 0),))), 0)
        return Use(self._add(Step("sum", entry.node, (entry,), [total], [], ((0, 0),), True)), 0)

    def _differentiate(self, index: int) -> None:
        node = self.graph.nodes[index]
        forward = self.steps[self.forward[index]]
        rule: Backward = self.rules.backward[node.operator.name](node)
        gradients = {}
        for output in range(len(forward.like)):
            if rule.passes or ("gradient", output) in rule.reads:
                gradients[output] = self._output_gradient(index, output, forward.like[output])
        copy = self.copy[index]
        if rule.passes or rule.copies:
            for entry in node.inputs:
                part = gradients[0]
                if rule.copies:
                    part = Use(self._add(Step("backward", index, (entry,), [part], [], rule.in_place, True)), 0)
                self.contributions.setdefault(entry, []).append(part)
            return
        inputs = []
        for kind, position in rule.reads:
            if kind == "gradient":
                inputs.append(gradients[position])
            elif kind == "input":
                inputs.append(self.steps[copy].inputs[position])
            else:
                inputs.append(Use(copy, position))
        like = tuple(node.inputs[:rule.gradients])
        step = self._add(Step("backward", index, like, inputs, [copy], rule.in_place, rule.identity))
        for position, entry in enumerate(like):
            self.contributions.setdefault(entry, []).append(Use(step, position))

    def _output_gradient(self, index: int, output: int, like: Entry) -> Use:
        if output != like.output:  # a workspace: nothing but the operator's own backward pass reads it
            return Use(self._add(Step("zeros", index, (like,))), 0)
        return self._gradient(like)


def _topological(graph: Graph) -> List[int]:
    """Depth-first post-order from the outputs, inputs in their order."""
    return _post_order([entry.node for entry in graph.outputs],
                       lambda index: [entry.node for entry in graph.nodes[index].inputs])


def _schedule(steps: List[Step], ends: List[int]) -> List[int]:
    """Depth-first post-order: inputs first, then what must have run before."""
    return _post_order(ends, lambda index: [use.step for use in steps[index].inputs] + steps[index].after)


def _post_order(ends: List[int], needs) -> List[int]:
    order: List[int] = []
    seen: Set[int] = set()
    for end in ends:
        if end in seen:
            continue
        seen.add(end)
        stack = [(end, iter(needs(end)))]
        while stack:
            index, waiting = stack[-1]
            following: Optional[int] = next((need for need in waiting if need not in seen), None)
            if following is None:
                order.append(index)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(needs(following))))
    return order
