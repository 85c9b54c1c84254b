"""The memory plan: which tensors share which blocks, as nnvm's PlanMemory assigns them before anything runs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from .gradient import TrainingGraph, Use, differentiate
from .graph import Graph
from .operators import Shape, elements
from .rules import MXNET_1_9, Rules
from .shapes import element_bytes, infer

# Plans count four bytes an element whatever the type (a simplification of MXNet's own, kept to be exact).
_PLANNED_BYTES = 4
_MATCH_RANGE = 16
_OUTSIDE = -1


@dataclass
class Span:
    """A block in use from one step of the schedule to another, both included.

    ``tensors`` share it, one after the other in place; ``size`` is that of each, in bytes.
    """

    block: int
    size: int
    begin: int
    end: int
    tensors: List[Use]


@dataclass(frozen=True)
class Plan:
    """``blocks`` are sizes in bytes; ``block`` tells which one holds an output of a step (outside the plan: absent).

    Tensors outside the plan are variables and the gradients of parameters, which have arrays of their own. ``used`` are
    the bytes that each block really takes: none if nothing in it is ever read, fewer if its elements are of two bytes.
    ``spans`` tell when each block held what.
    """

    blocks: List[int]
    block: Dict[Use, int]
    used: List[int]
    spans: List[Span]

    @property
    def total_bytes(self) -> int:
        """What ``Executor.debug_str`` prints, in whole MiB, as "Total N MB allocated"."""
        return sum(self.blocks)


class _Allocator:
    """Blocks that grow to their largest use, and the free ones among them in order of size."""

    def __init__(self):
        self.sizes: List[int] = []
        self._free: List[Tuple[int, int, int]] = []  # size, order of release, block
        self._releases = 0

    def request(self, size: int) -> int:
        begin = bisect_left(self._free, (size // _MATCH_RANGE,))
        fitting = bisect_left(self._free, (size,))
        end = bisect_right(self._free, (size * _MATCH_RANGE, self._releases))
        if fitting < end:
            _, _, block = self._free.pop(fitting)
        elif fitting > begin:
            _, _, block = self._free.pop(fitting - 1)
        else:
            self.sizes.append(size)
            return len(self.sizes) - 1
        self.sizes[block] = max(self.sizes[block], size)
        return block

    def release(self, block: int) -> None:
        self._releases += 1
        insort(self._free, (self.sizes[block], self._releases, block))


def plan(training: TrainingGraph, shapes: Sequence[List[Shape]], rules: Rules) -> Plan:
    """Assign blocks to all tensors of a training step.

    Args:
        training: The training graph.
        shapes: Shapes of the network's entries, from :func:`mxbench.predict.shapes.infer`.
        rules: The release of MXNet.
    """
    return _Planner(training, shapes, rules).run()


# Outputs beyond their first are float32 or int32 whatever the network computes in: statistics, positions of maxima.
_FOUR_BYTE_SECONDS = ("BatchNorm", "Pooling")


def _widths(training: TrainingGraph) -> List[List[int]]:
    """Bytes of an element of every output of every step."""
    width = element_bytes(training.network)
    found = []
    for step in training.steps:
        operator = training.network.nodes[step.node].operator
        widths = [width[entry.node] for entry in step.like]
        if step.kind == "zeros":
            widths = [4]
        elif step.kind in ("forward", "recomputed") and operator.name in _FOUR_BYTE_SECONDS:
            widths[1:] = [4] * (len(widths) - 1)
        found.append(widths)
    return found


class _Planner:
    def __init__(self, training: TrainingGraph, shapes: Sequence[List[Shape]], rules: Rules):
        self.training, self.rules = training, rules
        sizes = [[elements(shape) for shape in outputs] for outputs in shapes]
        self.steps = training.steps
        self.sizes = [[sizes[node][output] for node, output in step.like] for step in self.steps]
        self.widths = _widths(training)
        self.readers: Dict[Use, int] = {}
        for index in training.schedule:
            for use in self.steps[index].inputs:
                self.readers[use] = self.readers.get(use, 0) + 1
        for use in list(training.outputs) + list(training.gradients.values()):
            self.readers[use] = self.readers.get(use, 0) + 1
        self.block: Dict[Use, int] = {use: _OUTSIDE for use in training.gradients.values()}
        self.left: Dict[object, int] = {}  # readers still to come, by block or by tensor as the release counts them
        self.allocator = _Allocator()
        self.spans: List[Span] = []
        self.open: Dict[int, Span] = {}  # by block
        self.now = 0

    def run(self) -> Plan:
        for self.now, index in enumerate(self.training.schedule):
            if self.steps[index].kind == "variable":
                self.block[Use(index, 0)] = _OUTSIDE
            else:
                self._take_over(index)
                self._allocate(index)
                self._free(index)
        for span in self.open.values():
            span.end = self.now
        held = {use: block for use, block in self.block.items() if block != _OUTSIDE}
        return Plan(self.allocator.sizes, held, self._used(held), self.spans)

    def _release(self, block: int) -> None:
        self.allocator.release(block)
        self.open.pop(block).end = self.now

    def _used(self, held: Dict[Use, int]) -> List[int]:
        used = [0] * len(self.allocator.sizes)
        for use, block in held.items():
            if self.readers.get(use, 0) > 0:
                used[block] = max(used[block], self.sizes[use.step][use.output] * self.widths[use.step][use.output])
        return used

    def _counted(self, use: Use):
        return self.block[use] if self.rules.counts_storages else use

    def _take_over(self, index: int) -> None:
        step = self.steps[index]
        taken = set()
        for source, output in step.in_place:
            use, result = step.inputs[source], Use(index, output)
            if (source not in taken and result not in self.block and self.block[use] != _OUTSIDE
                    and self._may_be_overwritten(use, step.identity) and self.readers.get(result, 0) > 0
                    and self.sizes[index][output] == self.sizes[use.step][use.output]
                    and self.widths[index][output] == self.widths[use.step][use.output]):
                taken.add(source)
                self.block[result] = self.block[use]
                self.open[self.block[use]].tensors.append(result)
                if self.rules.counts_storages:
                    self.left[self.block[use]] += self.readers[result]
                else:
                    self.left[use], self.left[result] = 0, self.readers[result]

    def _may_be_overwritten(self, use: Use, identity: bool) -> bool:
        return self.left[self._counted(use)] == 1 or (identity and self.rules.counts_storages)

    def _allocate(self, index: int) -> None:
        wanted = [(size, output) for output, size in enumerate(self.sizes[index])
                  if Use(index, output) not in self.block]
        for size, output in sorted(wanted, reverse=True):
            use = Use(index, output)
            block = self.allocator.request(size * _PLANNED_BYTES)
            self.block[use] = block
            self.left[self._counted(use)] = self.readers.get(use, 0)
            self.open[block] = Span(block, size * self.widths[index][output], self.now, self.now, [use])
            self.spans.append(self.open[block])

    def _free(self, index: int) -> None:
        step = self.steps[index]
        for use in step.inputs:
            counted = self._counted(use)
            if self.block[use] == _OUTSIDE or self.left[counted] == 0:  # none left: taken over in place
                continue
            self.left[counted] -= 1
            if self.left[counted] == 0:
                self._release(self.block[use])
        for output in range(len(step.like)):
            use = Use(index, output)
            if self.block[use] != _OUTSIDE and self.left[self._counted(use)] == 0:
                self._release(self.block[use])


def plan_training(graph: Graph, batch_size: int, image_shape: Sequence[int], rules: Rules = MXNET_1_9,
                  mirroring: str = "marked") -> Plan:
    """Plan the memory of one training step.

    Args:
        graph: The network.
        batch_size: Images in a batch.
        image_shape: (channels, height, width).
        rules: The release of MXNet.
        mirroring: What is computed again in the backward pass, one of ``MIRRORING``.

    Raises:
        UserError: the network cannot take such images, or the batch size is not possible.
    """
    return plan(differentiate(graph, rules, mirroring), infer(graph, batch_size, image_shape), rules)
