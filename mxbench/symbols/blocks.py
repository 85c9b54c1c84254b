"""What every network definition shares: its arguments checked, its input and output in the asked precision."""

from __future__ import annotations

from typing import Iterable, Optional, Sequence, Tuple, Union

from ..errors import UserError
from ..runtime import mx

ImageShape = Tuple[int, int, int]

DTYPES = ("float32", "float16")

# The casts of a float16 network, named so that MXNet's name counter has no part in the graph.
TO_FLOAT16 = "data_float16"
TO_FLOAT32 = "logits_float32"


def parse_image_shape(image_shape: Union[str, Sequence[int]]) -> ImageShape:
    """``"3,224,224"`` or ``(3, 224, 224)`` as (channels, height, width).

    Raises:
        UserError: it is not three whole numbers of at least 1.
    """
    parts = image_shape.split(",") if isinstance(image_shape, str) else image_shape
    try:
        shape = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise UserError(f"image shape {image_shape!r}: give channels, height and width, such as 3,224,224")
    return shape


def check_arguments(network: str, num_classes: int, image_shape: Union[str, Sequence[int]], dtype: str,
                    smallest: int = 1, largest: Optional[int] = None) -> ImageShape:
    """Check what every ``get_symbol`` is given and return the image shape as a tuple.

    Args:
        smallest, largest: the heights and widths in pixels that the network's layers fit; no upper limit if None.

    Raises:
        UserError: an argument is not one that ``network`` can be built with.
    """
    check_count(network, "num_classes", num_classes)
    choose(network, "dtype", dtype, DTYPES)
    shape = parse_image_shape(image_shape)
    if min(shape[1:]) < smallest or (largest is not None and max(shape[1:]) > largest):
        allowed = f"at least {smallest}" if largest is None else f"{smallest} to {largest}"
        raise UserError(f"{network}: image shape {','.join(map(str, shape))}; height and width are {allowed} pixels")
    return shape


def check_count(network: str, argument: str, given) -> None:
    """Raise a :class:`UserError` unless ``given`` is a whole number of at least 1."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise UserError(f"{network}: {argument} is {given!r}; it is a whole number of at least 1")


def choose(network: str, argument: str, given, allowed: Iterable):
    """Return ``given`` if it is one of ``allowed``; raise a :class:`UserError` that lists them if not."""
    allowed = list(allowed)
    if given not in allowed:
        raise UserError(f"{network}: {argument} is {given!r}; choose from {', '.join(map(str, allowed))}")
    return given


def image(dtype: str = "float32"):
    """The variable ``data``, (N, C, H, W); a float16 network casts it first, so that it is fed float32 all the same."""
    data = mx.sym.Variable("data")
    return mx.sym.Cast(data, dtype="float16", name=TO_FLOAT16) if dtype == "float16" else data


def softmax(logits, name: str = "softmax", dtype: str = "float32"):
    """SoftmaxOutput over (N, classes) with the label ``<name>_label``, (N,).

    A float16 network casts back to float32 before it, because the exponentials of half precision overflow.
    """
    if dtype == "float16":
        logits = mx.sym.Cast(logits, dtype="float32", name=TO_FLOAT32)
    return mx.sym.SoftmaxOutput(logits, name=name)


def relu(data, name: str):
    """Activation ``name`` with the rectifier."""
    return mx.sym.Activation(data, act_type="relu", name=name)
