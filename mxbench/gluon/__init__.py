"""The networks as Gluon blocks, their parameters under both names, and the models of two Gluon zoos.

Importing this package does not import MXNet.
"""

from __future__ import annotations

import importlib

from ..errors import UserError, nearest
from ..symbols.registry import ZOO_NAMES
from . import zoos

__all__ = ["check_block", "get_block"]

# The module that defines each network's block, its function and that function's arguments.
_BLOCKS = {
    "caffenet": ("caffe", "caffenet"),
    "squeezenet": ("caffe", "squeezenet"),
    "nin": ("caffe", "nin"),
    "vgg16": ("caffe", "vgg", 16),
    "vgg19": ("caffe", "vgg", 19),
    "inception-bn": ("inception", "inception_bn"),
    "inception-v3": ("inception", "inception_v3"),
    **{f"resnet-{layers}": ("residual", "resnet", layers) for layers in (18, 34, 50, 101, 152, 200)},
    "resnext-50": ("residual", "resnext", 50, 32),
    "resnext-101": ("residual", "resnext", 101, 32),
    "resnext-101-64x4d": ("residual", "resnext", 101, 64),
}


def get_block(name: str, classes: int = 1000):
    """A ``mxnet.gluon.HybridBlock`` without parameter values that maps images (N, C, H, W) to logits (N, classes).

    Args:
        name: one of the zoo's 16 networks, or a model of another zoo such as ``gluon:densenet121``.
        classes: outputs.

    Raises:
        UserError: there is no such block, its package is not installed, or ``classes`` is no count.
    """
    from ..symbols.blocks import check_count

    check_block(name)
    check_count(name, "classes", classes)
    if zoos.is_model(name):
        return zoos.block(name, classes)
    module, function, *arguments = _BLOCKS[name]
    return getattr(importlib.import_module(f".{module}", __name__), function)(*arguments, classes)


def check_block(name: str) -> None:
    """Raise a :class:`UserError` unless :func:`get_block` has a block called ``name``."""
    if zoos.is_model(name):
        zoos.network(name)
    elif name not in _BLOCKS:
        raise UserError(f"there is no Gluon block for {name!r}: {nearest(name, ZOO_NAMES)} (as a Symbol, "
                        "--frontend symbol, every network can be trained)")
