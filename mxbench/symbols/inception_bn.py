"""Inception-BN: GoogLeNet's blocks with batch normalisation after every convolution."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from ..runtime import mx
from . import blocks

__all__ = ["get_symbol"]


class _Block(NamedTuple):
    """Filters of the branches; without ``single`` and ``projection`` the block halves height and width."""

    single: Optional[int]
    triple: Tuple[int, int]
    double: Tuple[int, int]
    pool: str
    projection: Optional[int]


BLOCKS = {
    "3a": _Block(64, (64, 64), (64, 96), "avg", 32),
    "3b": _Block(64, (64, 96), (64, 96), "avg", 64),
    "3c": _Block(None, (128, 160), (64, 96), "max", None),
    "4a": _Block(224, (64, 96), (96, 128), "avg", 128),
    "4b": _Block(192, (96, 128), (96, 128), "avg", 128),
    "4c": _Block(160, (128, 160), (128, 160), "avg", 128),
    "4d": _Block(96, (128, 192), (160, 192), "avg", 128),
    "4e": _Block(None, (128, 192), (192, 256), "max", None),
    "5a": _Block(352, (192, 320), (160, 224), "avg", 128),
    "5b": _Block(352, (192, 320), (192, 224), "max", 128),
}


def _unit(data, name: str, num_filter: int, kernel: int = 1, stride: int = 1, pad: int = 0):
    data = mx.sym.Convolution(data, name="conv_" + name, num_filter=num_filter, kernel=(kernel, kernel),
                              stride=(stride, stride), pad=(pad, pad), workspace=1024, cudnn_tune="off")
    # The sum is how the zoo's file came to store 1.00001e-05.
    data = mx.sym.BatchNorm(data, name="bn_" + name, fix_gamma=False, momentum=0.9, eps=1e-5 + 1e-10)
    return blocks.relu(data, "relu_" + name)


def _inception(data, name: str, block: _Block):
    """One block: the branches' outputs joined along the channels."""
    stride = 2 if block.projection is None else 1
    branches = [] if block.single is None else [_unit(data, name + "_1x1", block.single)]
    triple = _unit(data, name + "_3x3_reduce", block.triple[0])
    branches.append(_unit(triple, name + "_3x3", block.triple[1], kernel=3, stride=stride, pad=1))
    double = _unit(data, name + "_double_3x3_reduce", block.double[0])
    double = _unit(double, name + "_double_3x3_0", block.double[1], kernel=3, pad=1)
    branches.append(_unit(double, name + "_double_3x3_1", block.double[1], kernel=3, stride=stride, pad=1))
    pool = mx.sym.Pooling(data, name=f"{block.pool}_pool_{name}_pool", pool_type=block.pool, kernel=(3, 3),
                          stride=(stride, stride), pad=(1, 1))
    branches.append(pool if block.projection is None else _unit(pool, name + "_proj", block.projection))
    return mx.sym.Concat(*branches, name=f"ch_concat_{name}_chconcat")


def get_symbol(num_classes=1000, image_shape="3,224,224", dtype="float32", **kwargs):
    """Inception-BN, the zoo's ``Inception-BN``, as a Symbol that ends in SoftmaxOutput ``softmax``.

    MXNet's example names the last layers ``flatten0`` and ``fullyconnected0`` and builds another network for images of
    up to 28 pixels; the zoo's file says ``flatten`` and ``fc1``, and only that network is built here.

    Args:
        num_classes: outputs of ``fc1``.
        image_shape: channels, height, width; beyond 236 pixels the size of ``fc1_weight`` grows with it.
        dtype: ``float32`` or ``float16``.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Ioffe, Szegedy: Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift,
    arXiv:1502.03167.
    """
    blocks.check_arguments("inception-bn", num_classes, image_shape, dtype, smallest=205)
    body = _unit(blocks.image(dtype), "1", 64, kernel=7, stride=2, pad=3)
    body = mx.sym.Pooling(body, name="pool_1", pool_type="max", kernel=(3, 3), stride=(2, 2))
    body = _unit(_unit(body, "2_red", 64), "2", 192, kernel=3, pad=1)
    body = mx.sym.Pooling(body, name="pool_2", pool_type="max", kernel=(3, 3), stride=(2, 2))
    for name, block in BLOCKS.items():
        body = _inception(body, name, block)
    body = mx.sym.Pooling(body, name="global_pool", pool_type="avg", kernel=(7, 7), stride=(1, 1))
    body = mx.sym.FullyConnected(mx.sym.Flatten(body, name="flatten"), num_hidden=num_classes, name="fc1")
    return blocks.softmax(body, "softmax", dtype)
