"""A network: its name, what the tables say of it, and how its Symbol is built."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

from ..errors import UserError
from ..runtime import mx
from . import blocks
from .finetune import label_name


@dataclass(frozen=True)
class Network:
    """One network that can be measured.

    Attributes:
        name: as given on the command line, such as ``resnet-50``.
        display_name: as printed in tables, such as ``ResNet-50``.
        image_shape: channels, height, width that it is measured with.
        top5: reference top-5 accuracy on ImageNet-1k in percent, None if unknown.
        paper: where it was published.
        builder: ``builder(num_classes=..., image_shape="3,224,224", **options)`` returns its Symbol.
        options: arguments of ``builder`` that make it this network and no other of its family.
        source: ``/path/to/module.py:function`` of a network that does not come with mxbench, for other processes to
            import it from; None for the zoo's.
        checkpoint: prefix of the zoo's files for it, such as ``Inception-7``; None if there are none.
        checkpoint_classes: outputs of that checkpoint: ``num_classes`` to load it with.
    """

    name: str
    display_name: str
    image_shape: blocks.ImageShape
    top5: Optional[float]
    paper: str
    builder: Callable = field(repr=False)
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    source: Optional[str] = None
    checkpoint: Optional[str] = None
    checkpoint_classes: int = 1000

    def get_symbol(self, num_classes: int = 1000, **kwargs):
        """The Symbol with ``num_classes`` outputs, ending in SoftmaxOutput.

        Args:
            **kwargs: further arguments of the builder (``image_shape``, ``dtype``, ...); those that it does not take
                are left out.

        Raises:
            UserError: an argument does not fit the network, or what the builder returned is not a network.
        """
        for option, value in self.options.items():
            if kwargs.get(option, value) != value:
                raise UserError(f"{self.name} is built with {option}={value!r}, not {kwargs[option]!r}")
        # A string, as MXNet's own scripts pass it: a user's function may know nothing else.
        image_shape = ",".join(map(str, blocks.parse_image_shape(kwargs.pop("image_shape", self.image_shape))))
        given = {**kwargs, **self.options, "num_classes": num_classes, "image_shape": image_shape}
        return _checked(self.name, self.builder(**_accepted(self.name, self.builder, given)))


def _accepted(name: str, builder: Callable, given: dict) -> dict:
    """Those of the arguments that ``builder`` takes."""
    parameters = inspect.signature(builder).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return given
    if "dtype" not in parameters and given.get("dtype", "float32") != "float32":
        # Left out silently, it would make a float32 network pass for another precision.
        raise UserError(f"{name} is float32 only: its function takes no dtype, and {given['dtype']} was asked for")
    return {key: value for key, value in given.items() if key in parameters}


def _checked(name: str, symbol):
    if not isinstance(symbol, mx.sym.Symbol):
        raise UserError(f"{name}: its function returned {type(symbol).__name__}, not an mx.sym.Symbol")
    if "data" not in symbol.list_arguments():
        raise UserError(f"{name}: its Symbol has no input named data; name the image's variable so")
    label_name(symbol)
    return symbol
