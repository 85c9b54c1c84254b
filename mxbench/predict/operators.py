"""The operators that predictions know: their inputs and the shapes of their outputs.

Shapes are tuples of ints in MXNet's order, (N, C, H, W) for images. An operator is described once, here, for every
MXNet; what its backward pass keeps differs by release and is described in :mod:`mxbench.predict.rules`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ..errors import UserError, nearest

Shape = Tuple[int, ...]


@dataclass(frozen=True)
class Operator:
    """``slots(node)`` names the inputs; ``infer(node, shapes)`` returns the shapes of all outputs.

    ``infer`` gets the shapes of the inputs, None where unknown, and fills in those of the parameters. It raises
    ValueError, in words, where shapes do not fit.
    """

    name: str
    slots: Callable
    infer: Callable


@lru_cache(maxsize=4096)
def integers(text: str) -> Shape:
    """``"(3, 3)"`` or ``"3"`` as a tuple of ints.

    Raises:
        ValueError: the text holds anything else.
    """
    if not re.fullmatch(r"\s*[\[(]?[\s\d,L-]*[\])]?\s*", text):
        raise ValueError(f"{text!r} is no list of integers")
    return tuple(int(number) for number in re.findall(r"-?\d+", text))


def flag(node, name: str, default: bool = False) -> bool:
    """A boolean attribute, written True, true or 1."""
    text = node.attributes.get(name)
    return default if text is None else text in ("True", "true", "1")


def integer(node, name: str, default: Optional[int] = None) -> int:
    """An integer attribute; ValueError if it is missing and has no default."""
    text = node.attributes.get(name)
    if text is None:
        if default is None:
            raise ValueError(f"{name} is missing")
        return default
    return int(text)


def _pair(node, name: str, default: Shape) -> Shape:
    values = integers(node.attributes.get(name, "")) or default
    if len(values) != 2:
        raise ValueError(f"{name} {values} is not two-dimensional")
    return values


def _image(shape: Shape) -> Shape:
    if len(shape) != 4:
        raise ValueError(f"its input {shape} is no batch of images (N, C, H, W)")
    return shape


def _fill(shapes: list, position: int, expected: Shape, slot: str) -> None:
    if shapes[position] is None:
        shapes[position] = expected
    elif shapes[position] != expected:
        raise ValueError(f"its {slot} is {shapes[position]} but {expected} is needed")


def elements(shape: Shape) -> int:
    """The number of elements of an array of this shape."""
    count = 1
    for extent in shape:
        count *= extent
    return count


def _convolution_slots(node) -> Sequence[str]:
    return ("data", "weight") if flag(node, "no_bias") else ("data", "weight", "bias")


def _convolution(node, shapes: list) -> List[Shape]:
    batch, channels, *extent = _image(shapes[0])
    filters, groups = integer(node, "num_filter"), integer(node, "num_group", 1)
    if groups < 1 or channels % groups or filters % groups:
        raise ValueError(f"{channels} channels and {filters} filters do not divide into {groups} groups")
    kernel = _pair(node, "kernel", ())
    stride, pad, dilate = _pair(node, "stride", (1, 1)), _pair(node, "pad", (0, 0)), _pair(node, "dilate", (1, 1))
    out = tuple((extent[axis] + 2 * pad[axis] - (dilate[axis] * (kernel[axis] - 1) + 1)) // stride[axis] + 1
                for axis in (0, 1))
    if min(out) < 1:
        raise ValueError(f"its kernel {kernel} exceeds the input of {extent[0]}x{extent[1]}")
    _fill(shapes, 1, (filters, channels // groups) + kernel, "weight")
    if len(shapes) > 2:
        _fill(shapes, 2, (filters,), "bias")
    return [(batch, filters) + out]


def _fully_connected_slots(node) -> Sequence[str]:
    return ("data", "weight") if flag(node, "no_bias") else ("data", "weight", "bias")


def _fully_connected(node, shapes: list) -> List[Shape]:
    data, hidden = shapes[0], integer(node, "num_hidden")
    if flag(node, "flatten", True):
        width, out = elements(data[1:]), (data[0], hidden)
    else:
        width, out = data[-1], data[:-1] + (hidden,)
    _fill(shapes, 1, (hidden, width), "weight")
    if len(shapes) > 2:
        _fill(shapes, 2, (hidden,), "bias")
    return [out]


def _batch_norm(node, shapes: list) -> List[Shape]:
    data, axis = shapes[0], integer(node, "axis", 1)
    if not -len(data) <= axis < len(data):
        raise ValueError(f"its axis {axis} does not exist in {data}")
    channels = (data[axis],)
    for position, slot in enumerate(("gamma", "beta", "moving_mean", "moving_var"), 1):
        _fill(shapes, position, channels, slot)
    return [data, channels, channels]


def _pooling(node, shapes: list) -> List[Shape]:
    batch, channels, *extent = _image(shapes[0])
    if flag(node, "global_pool"):
        return [(batch, channels, 1, 1)]
    kernel, stride, pad = _pair(node, "kernel", ()), _pair(node, "stride", (1, 1)), _pair(node, "pad", (0, 0))
    convention = node.attributes.get("pooling_convention", "valid")
    out = []
    for axis in (0, 1):
        span = extent[axis] + 2 * pad[axis] - kernel[axis]
        if span < 0:
            raise ValueError(f"its kernel {kernel} exceeds the input of {extent[0]}x{extent[1]}")
        if convention == "full":
            out.append(-(-span // stride[axis]) + 1)
        elif convention == "same":
            out.append(-(-(extent[axis] + 2 * pad[axis]) // stride[axis]))
        else:
            out.append(span // stride[axis] + 1)
    return [(batch, channels, *out)]


def _concat(node, shapes: list) -> List[Shape]:
    axis = integer(node, "dim", 1)
    first = shapes[0]
    for shape in shapes[1:]:
        if len(shape) != len(first) or shape[:axis] != first[:axis] or shape[axis + 1:] != first[axis + 1:]:
            raise ValueError(f"{first} and {shape} do not fit together")
    return [first[:axis] + (sum(shape[axis] for shape in shapes),) + first[axis + 1:]]


def _same(node, shapes: list) -> List[Shape]:
    return [shapes[0]]


def _same_twice(node, shapes: list) -> List[Shape]:
    return [shapes[0], shapes[0]]


def _add(node, shapes: list) -> List[Shape]:
    if any(shape != shapes[0] for shape in shapes[1:]):
        raise ValueError(f"{' and '.join(map(str, shapes))} cannot be added")
    return [shapes[0]]


def _flatten(node, shapes: list) -> List[Shape]:
    return [(shapes[0][0], elements(shapes[0][1:]))]


def _softmax_output(node, shapes: list) -> List[Shape]:
    _fill(shapes, 1, shapes[0][:1], "label")
    return [shapes[0]]


def _takes(*slots: str) -> Callable:
    return lambda node: slots


def _takes_many(node) -> Sequence[str]:
    return ("data",) * integer(node, "num_args", len(node.inputs))


_NORM_SLOTS = ("data", "gamma", "beta", "moving_mean", "moving_var")

TABLE: Dict[str, Operator] = {operator.name: operator for operator in (
    Operator("Activation", _takes("data"), _same),
    Operator("BatchNorm", _takes(*_NORM_SLOTS), _batch_norm),
    Operator("Cast", _takes("data"), _same),
    Operator("Concat", _takes_many, _concat),
    Operator("Convolution", _convolution_slots, _convolution),
    Operator("Dropout", _takes("data"), _same_twice),
    Operator("Flatten", _takes("data"), _flatten),
    Operator("FullyConnected", _fully_connected_slots, _fully_connected),
    Operator("LRN", _takes("data"), _same_twice),
    Operator("Pooling", _takes("data"), _pooling),
    Operator("SoftmaxOutput", _takes("data", "label"), _softmax_output),
    Operator("_copy", _takes("data"), _same),
    Operator("add_n", _takes_many, _add),
    Operator("clip", _takes("data"), _same),
    Operator("elemwise_add", _takes("lhs", "rhs"), _add),
)}

# Names under which MXNet, now or once, writes the same operator.
_ALIASES = {
    "BatchNorm_v1": "BatchNorm",
    "CuDNNBatchNorm": "BatchNorm",
    "cast": "Cast",
    "Convolution_v1": "Convolution",
    "ElementWiseSum": "add_n",
    "Pooling_v1": "Pooling",
    "Softmax": "SoftmaxOutput",
    "_Plus": "elemwise_add",
    "_add": "elemwise_add",
    "_plus": "elemwise_add",
    "concat": "Concat",
    "flatten": "Flatten",
    "identity": "_copy",
}


def find(name: str, node_name: str, origin: str) -> Operator:
    """The operator of that name.

    Raises:
        UserError: predictions do not know it.
    """
    operator = TABLE.get(_ALIASES.get(name, name))
    if operator is None:
        raise UserError(f"{origin} uses operator {name} (node {node_name}), which predictions do not know: "
                        f"{nearest(name, TABLE)}")
    return operator
