"""Inception-BN, which no library has with the zoo's pools, and Gluon's Inception-v3, adapted."""

from __future__ import annotations

from ..runtime import mx
from ..symbols import inception_bn as definition
from .layers import Classifier, change, fix_gamma, nn, replace, sequence


def _unit(filters: int, kernel: int = 1, stride: int = 1, pad: int = 0) -> tuple:
    # The epsilon is what the zoo's file has.
    return nn.Conv2D(filters, kernel, stride, pad), nn.BatchNorm(epsilon=1e-5 + 1e-10), nn.Activation("relu")


def _inception(block):
    """One block: the branches' outputs joined along the channels."""
    stride = 2 if block.projection is None else 1
    reduce, filters = block.triple
    double_reduce, double = block.double
    pool = (nn.AvgPool2D if block.pool == "avg" else nn.MaxPool2D)(3, stride, 1)
    out = mx.gluon.contrib.nn.HybridConcurrent(axis=1, prefix="")
    if block.single is not None:
        out.add(sequence(*_unit(block.single)))
    out.add(sequence(*_unit(reduce), *_unit(filters, 3, stride, 1)))
    out.add(sequence(*_unit(double_reduce), *_unit(double, 3, pad=1), *_unit(double, 3, stride, 1)))
    out.add(pool if block.projection is None else sequence(pool, *_unit(block.projection)))
    return out


def inception_bn(classes: int):
    """Inception-BN with the zoo's pools, which round down."""
    features = sequence(
        *_unit(64, 7, 2, 3), nn.MaxPool2D(3, 2), *_unit(64), *_unit(192, 3, pad=1), nn.MaxPool2D(3, 2),
        *map(_inception, definition.BLOCKS.values()), nn.AvgPool2D(7, 1),
    )
    return Classifier(features, nn.Dense(classes))


def inception_v3(classes: int):
    """Gluon's Inception-v3 as the zoo has it: the last block's pool takes the maximum, gammas are fixed, no dropout."""
    net = mx.gluon.model_zoo.vision.inception_v3(classes=classes)
    change(net, nn.BatchNorm, fix_gamma)
    *_, last_block, _, dropout = net.features
    replace(last_block[3], 0, nn.MaxPool2D(3, 1, 1))
    replace(net.features, -2, nn.AvgPool2D(8, 1))
    dropout._rate = 0
    return net
