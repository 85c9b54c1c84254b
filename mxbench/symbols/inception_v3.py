"""Inception-v3: convolutions factorised into rows and columns."""

from __future__ import annotations

from ..runtime import mx
from . import blocks

__all__ = ["get_symbol"]


def _unit(data, name: str, num_filter: int, kernel=(1, 1), stride: int = 1, pad=(0, 0)):
    data = mx.sym.Convolution(data, name=name + "_conv2d", num_filter=num_filter, kernel=kernel,
                              stride=(stride, stride), pad=pad, no_bias=True, workspace=512)
    data = mx.sym.BatchNorm(data, name=name + "_batchnorm", fix_gamma=True, momentum=0.9, eps=0.001)
    return blocks.relu(data, name + "_relu")


def _square(data, name: str, num_filter: int, size: int, stride: int = 1, pad: int = 0):
    return _unit(data, name, num_filter, (size, size), stride, (pad, pad))


def _row(data, name: str, num_filter: int, width: int):
    return _unit(data, name, num_filter, (1, width), pad=(0, width // 2))


def _column(data, name: str, num_filter: int, height: int):
    return _unit(data, name, num_filter, (height, 1), pad=(height // 2, 0))


def _pool(data, block: str, kind: str, stride: int = 1, pad: int = 1):
    return mx.sym.Pooling(data, name=f"{kind}_pool_{block}_pool", pool_type=kind, kernel=(3, 3),
                          stride=(stride, stride), pad=(pad, pad))


def _join(block: str, *branches):
    return mx.sym.Concat(*branches, name=f"ch_concat_{block}_chconcat")


def _grid35(data, block: str, projection: int):
    """Figure 5 of the paper, with one 5x5 left as it is: mixed, mixed_1, mixed_2."""
    single = _unit(data, block + "_conv", 64)
    five = _square(_unit(data, block + "_tower_conv", 48), block + "_tower_conv_1", 64, 5, pad=2)
    double = _square(_unit(data, block + "_tower_1_conv", 64), block + "_tower_1_conv_1", 96, 3, pad=1)
    double = _square(double, block + "_tower_1_conv_2", 96, 3, pad=1)
    pool = _unit(_pool(data, block, "avg"), block + "_tower_2_conv", projection)
    return _join(block, single, five, double, pool)


def _reduce17(data, block: str):
    """From 35x35 to 17x17: mixed_3."""
    single = _square(data, block + "_conv", 384, 3, stride=2)
    double = _square(_unit(data, block + "_tower_conv", 64), block + "_tower_conv_1", 96, 3, pad=1)
    double = _square(double, block + "_tower_conv_2", 96, 3, stride=2)
    return _join(block, single, double, _pool(data, block, "max", stride=2, pad=0))


def _grid17(data, block: str, maps: int):
    """Figure 6 of the paper: mixed_4 to mixed_7."""
    single = _unit(data, block + "_conv", 192)
    seven = _row(_unit(data, block + "_tower_conv", maps), block + "_tower_conv_1", maps, 7)
    seven = _column(seven, block + "_tower_conv_2", 192, 7)
    double = _column(_unit(data, block + "_tower_1_conv", maps), block + "_tower_1_conv_1", maps, 7)
    double = _row(double, block + "_tower_1_conv_2", maps, 7)
    double = _column(double, block + "_tower_1_conv_3", maps, 7)
    double = _row(double, block + "_tower_1_conv_4", 192, 7)
    pool = _unit(_pool(data, block, "avg"), block + "_tower_2_conv", 192)
    return _join(block, single, seven, double, pool)


def _reduce8(data, block: str):
    """From 17x17 to 8x8: mixed_8."""
    triple = _square(_unit(data, block + "_tower_conv", 192), block + "_tower_conv_1", 320, 3, stride=2)
    seven = _row(_unit(data, block + "_tower_1_conv", 192), block + "_tower_1_conv_1", 192, 7)
    seven = _column(seven, block + "_tower_1_conv_2", 192, 7)
    seven = _square(seven, block + "_tower_1_conv_3", 192, 3, stride=2)
    return _join(block, triple, seven, _pool(data, block, "max", stride=2, pad=0))


def _grid8(data, block: str, pool: str):
    """Figure 7 of the paper: mixed_9 and mixed_10, whose pools differ in kind."""
    single = _unit(data, block + "_conv", 320)
    triple = _unit(data, block + "_tower_conv", 384)
    heads = [_row(triple, block + "_tower_mixed_conv", 384, 3), _column(triple, block + "_tower_mixed_conv_1", 384, 3)]
    double = _square(_unit(data, block + "_tower_1_conv", 448), block + "_tower_1_conv_1", 384, 3, pad=1)
    heads += [_row(double, block + "_tower_1_mixed_conv", 384, 3),
              _column(double, block + "_tower_1_mixed_conv_1", 384, 3)]
    return _join(block, single, *heads, _unit(_pool(data, block, pool), block + "_tower_2_conv", 192))


def _stem(data):
    data = _square(data, "conv", 32, 3, stride=2)
    data = _square(data, "conv_1", 32, 3)
    data = _square(data, "conv_2", 64, 3, pad=1)
    data = mx.sym.Pooling(data, name="pool", pool_type="max", kernel=(3, 3), stride=(2, 2))
    data = _square(_unit(data, "conv_3", 80), "conv_4", 192, 3)
    return mx.sym.Pooling(data, name="pool1", pool_type="max", kernel=(3, 3), stride=(2, 2))


def get_symbol(num_classes=1000, image_shape="3,299,299", dtype="float32", **kwargs):
    """Inception-v3, the zoo's ``Inception-7``, as a Symbol that ends in SoftmaxOutput ``softmax``.

    The zoo's checkpoint has 1008 outputs: give ``num_classes=1008`` to load it. The network has no dropout, and the
    pool of its last block takes the maximum where the paper's takes the average.

    Args:
        num_classes: outputs of ``fc1``.
        image_shape: channels, height, width; beyond 330 pixels the size of ``fc1_weight`` grows with it.
        dtype: ``float32`` or ``float16``.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for Computer Vision,
    arXiv:1512.00567.
    """
    blocks.check_arguments("inception-v3", num_classes, image_shape, dtype, smallest=299)
    body = _stem(blocks.image(dtype))
    for block, projection in (("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)):
        body = _grid35(body, block, projection)
    body = _reduce17(body, "mixed_3")
    for block, maps in (("mixed_4", 128), ("mixed_5", 160), ("mixed_6", 160), ("mixed_7", 192)):
        body = _grid17(body, block, maps)
    body = _reduce8(body, "mixed_8")
    body = _grid8(body, "mixed_9", pool="avg")
    body = _grid8(body, "mixed_10", pool="max")
    body = mx.sym.Pooling(body, name="global_pool", pool_type="avg", kernel=(8, 8), stride=(1, 1))
    body = mx.sym.FullyConnected(mx.sym.Flatten(body, name="flatten"), num_hidden=num_classes, name="fc1")
    return blocks.softmax(body, "softmax", dtype)
