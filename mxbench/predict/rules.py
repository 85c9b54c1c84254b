"""What each operator's passes keep and overwrite, by MXNet release: the part of a memory plan that no shape tells.

A backward node reads some of the gradients of its outputs, of the forward inputs and of the forward outputs; whatever
it reads stays alive until it has run. An in-place pair (i, j) lets output j take over the storage of input i. The pairs
and inputs are those that the operators declare to the executor (FGradient, FInplaceOption and FInplaceIdentity in
MXNet's sources), checked against ``Executor.debug_str``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Tuple

Pairs = Tuple[Tuple[int, int], ...]


@dataclass(frozen=True)
class Forward:
    """``like`` names, for each output in the plan, the output of the operator whose shape it has."""

    like: Tuple[int, ...] = (0,)
    in_place: Pairs = ()
    identity: bool = False


@dataclass(frozen=True)
class Backward:
    """``reads`` are pairs of a kind (``gradient``, ``input``, ``output``) and a position.

    ``gradients`` is the number of forward inputs, from the first on, that get a gradient. ``passes`` is a backward pass
    that is no node at all: the gradient of the output is that of every input; ``copies`` one that is a node of its own
    for every input.
    """

    reads: Tuple[Tuple[str, int], ...] = ()
    gradients: int = 1
    in_place: Pairs = ()
    identity: bool = False
    passes: bool = False
    copies: bool = False


@dataclass(frozen=True)
class Rules:
    """One release of MXNet on one kind of device.

    ``counts_storages``: a block may be taken over in place when a single reader of the block is left, not of the entry.
    ``merges``: two applications of an operator to the same inputs with the same attributes become one, except operators
    that change an input (BatchNorm) or draw random numbers (Dropout).
    """

    name: str
    forward: Dict[str, Callable]
    backward: Dict[str, Callable]
    counts_storages: bool
    merges: bool


_SHARES = ((0, 0),)


def _reads(text: str, node=None) -> Tuple[Tuple[str, int], ...]:
    """``"g0 i0 o1"``: gradient of output 0, input 0, output 1; ``i*`` stands for all inputs."""
    kinds = {"g": "gradient", "i": "input", "o": "output"}
    found = []
    for word in text.split():
        positions = range(len(node.inputs)) if word[1:] == "*" else (int(word[1:]),)
        found += [(kinds[word[0]], position) for position in positions]
    return tuple(found)


def _always(rule):
    return lambda node: rule


def _all_inputs(reads: str) -> Callable:
    """A gradient for every input."""
    return lambda node: Backward(_reads(reads, node), len(node.inputs))


def _pools_with_workspace(node) -> bool:
    """oneDNN keeps where each maximum was, in a second output of the size of the first."""
    return node.attributes.get("pool_type", "max") == "max" and "kernel" in node.attributes


def _pooling_forward(node) -> Forward:
    return Forward((0, 0)) if _pools_with_workspace(node) else Forward()


def _pooling_backward(node) -> Backward:
    if _pools_with_workspace(node):
        return Backward(_reads("g0 g1 i0 o0 o1"), in_place=((1, 0),))
    return Backward(_reads("g0 i0 o0"))


def _activation_backward(node) -> Backward:
    # oneDNN differentiates relu from its output, everything else from its input.
    reads = "g0 o0" if node.attributes.get("act_type") == "relu" else "g0 o0 i0"
    return Backward(_reads(reads), in_place=_SHARES)


_FORWARD_1_9: Dict[str, Callable] = {
    "Activation": _always(Forward(in_place=_SHARES)),
    "BatchNorm": _always(Forward((0, 1, 2))),
    "Cast": _always(Forward(in_place=_SHARES, identity=True)),
    "Concat": _always(Forward()),
    "Convolution": _always(Forward()),
    "Dropout": _always(Forward((0, 1), _SHARES)),
    "Flatten": _always(Forward(in_place=_SHARES, identity=True)),
    "FullyConnected": _always(Forward()),
    "LRN": _always(Forward((0, 1))),
    "Pooling": _pooling_forward,
    "SoftmaxOutput": _always(Forward(in_place=_SHARES)),
    "_copy": _always(Forward(in_place=_SHARES, identity=True)),
    "add_n": _always(Forward(in_place=_SHARES)),
    "clip": _always(Forward(in_place=_SHARES)),
    "elemwise_add": _always(Forward(in_place=((0, 0), (1, 0)))),
}

_BACKWARD_1_9: Dict[str, Callable] = {
    "Activation": _activation_backward,
    "BatchNorm": _always(Backward(_reads("g0 o1 o2 i0 i1 i2 i3 i4"), 3)),
    "Cast": _always(Backward(_reads("g0"), in_place=_SHARES, identity=True)),
    "Concat": _all_inputs("g0 i*"),
    "Convolution": _all_inputs("g0 i*"),
    "Dropout": _always(Backward(_reads("g0 o1"), in_place=_SHARES)),
    "Flatten": _always(Backward(_reads("g0"), in_place=_SHARES, identity=True)),
    "FullyConnected": lambda node: Backward(_reads("g0 i0 i1"), len(node.inputs), ((1, 0),)),
    "LRN": _always(Backward(_reads("g0 i0 o1"))),
    "Pooling": _pooling_backward,
    "SoftmaxOutput": _always(Backward(_reads("o0 i1"), 2, _SHARES)),
    "_copy": _always(Backward(_reads("g0"), in_place=_SHARES, identity=True)),
    "add_n": _always(Backward(_reads("g0"), in_place=_SHARES, identity=True, copies=True)),
    "clip": _always(Backward(_reads("g0 i0"))),
    "elemwise_add": _always(Backward(passes=True)),
}

MXNET_1_9 = Rules("1.9.1", _FORWARD_1_9, _BACKWARD_1_9, counts_storages=True, merges=True)

_FORWARD_0_11: Dict[str, Callable] = {**_FORWARD_1_9, "Pooling": _always(Forward())}

# cuDNN's activations were differentiated from input and output alike until 1.3; everything else kept less than today.
_BACKWARD_0_11: Dict[str, Callable] = {
    **_BACKWARD_1_9,
    "Activation": _always(Backward(_reads("g0 o0 i0"), in_place=_SHARES)),
    "BatchNorm": _always(Backward(_reads("g0 o1 o2 i0 i1 i3 i4"), 3)),
    "Concat": _all_inputs("g0"),
    "Convolution": _all_inputs("g0 i0 i1"),
    "LRN": _always(Backward(_reads("g0 i0 o1 o0"))),
    "Pooling": _always(Backward(_reads("g0 i0 o0"))),
    "SoftmaxOutput": _always(Backward(_reads("i1 o0"), 2, ((1, 0),))),
}

MXNET_0_11 = Rules("0.11", _FORWARD_0_11, _BACKWARD_0_11, counts_storages=True, merges=False)

# Until 0.11 an addition had a backward node of two outputs instead of handing its gradient on.
_ADD_0_10 = {"elemwise_add": _always(Backward(_reads("g0"), 2, ((0, 0), (0, 1))))}
MXNET_0_10 = Rules("0.10", _FORWARD_0_11, {**_BACKWARD_0_11, **_ADD_0_10}, counts_storages=False, merges=False)
