"""Where the memory of the plan goes: what is alive at each step, and which tensors at the fullest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List

from .gradient import TrainingGraph, Use
from .plan import Plan


@dataclass(frozen=True)
class LiveTensor:
    """A tensor (or several that share a block in place, named by the last) that is alive at the peak."""

    layer: str
    what: str
    size: int


@dataclass(frozen=True)
class Breakdown:
    """``live`` are the bytes in use at each step; the peak is the first step at which they are most.

    ``tensors`` are those alive at the peak, largest first; ``layers`` sums them by layer, largest first.
    """

    live: List[int]
    peak_step: int
    peak_layer: str
    tensors: List[LiveTensor]
    layers: Dict[str, int]

    @property
    def peak_bytes(self) -> int:
        """Bytes in use at the peak; the plan takes somewhat more, since its blocks do not always fit their tensors."""
        return self.live[self.peak_step]


def break_down(training: TrainingGraph, plan: Plan) -> Breakdown:
    """What the planned tensors of a training step take, step by step and at the peak."""
    changes = [0] * (len(training.schedule) + 1)
    for span in plan.spans:
        changes[span.begin] += span.size
        changes[span.end + 1] -= span.size
    live, total = [], 0
    for change in changes[:-1]:
        total += change
        live.append(total)
    peak = live.index(max(live))
    alive = [span for span in plan.spans if span.begin <= peak <= span.end]
    written = set(training.schedule[:peak + 1])
    tensors = [_describe(training, [use for use in span.tensors if use.step in written][-1], span.size)
               for span in alive]
    tensors.sort(key=lambda tensor: (-tensor.size, tensor.layer))
    layers: Dict[str, int] = {}
    for tensor in tensors:
        layers[tensor.layer] = layers.get(tensor.layer, 0) + tensor.size
    ordered = dict(sorted(layers.items(), key=lambda item: -item[1]))
    return Breakdown(live, peak, _step_name(training, training.schedule[peak]), tensors, ordered)


def _describe(training: TrainingGraph, use: Use, size: int) -> LiveTensor:
    step = training.steps[use.step]
    entry = step.like[use.output]
    layer = training.network.nodes[entry.node].name
    if step.kind in ("forward", "recomputed"):
        what = "output" if use.output == 0 else f"output {use.output}"
        return LiveTensor(layer, what if step.kind == "forward" else f"{what}, computed again", size)
    return LiveTensor(layer, "gradient", size)


def _step_name(training: TrainingGraph, index: int) -> str:
    step = training.steps[index]
    return f"{step.kind} {training.network.nodes[step.node].name}"
