"""CaffeNet, SqueezeNet, NIN and VGG, which came to the zoo from Caffe: pools round up.

SqueezeNet and VGG are those of ``mxnet.gluon.model_zoo``, adapted; no library has the other two.
"""

from __future__ import annotations

from ..runtime import mx
from .layers import Classifier, change, nn, replace, round_pools_up, sequence

vision = mx.gluon.model_zoo.vision


def _convolution(filters: int, kernel: int, stride: int = 1, pad: int = 0, groups: int = 1):
    return nn.Conv2D(filters, kernel, stride, pad, groups=groups, activation="relu")


def _pool():
    return nn.MaxPool2D(3, 2, ceil_mode=True)


def _norm():
    return nn.HybridLambda(lambda F, x: F.LRN(x, nsize=5, alpha=1e-4, beta=0.75, knorm=1))


def caffenet(classes: int):
    """CaffeNet: AlexNet with pooling before the local response normalisation."""
    features = sequence(
        _convolution(96, 11, stride=4), _pool(), _norm(),
        _convolution(256, 5, pad=2, groups=2), _pool(), _norm(),
        _convolution(384, 3, pad=1), _convolution(384, 3, pad=1, groups=2), _convolution(256, 3, pad=1, groups=2),
        _pool(),
        nn.Dense(4096, activation="relu"), nn.Dropout(0.5), nn.Dense(4096, activation="relu"), nn.Dropout(0.5),
    )
    return Classifier(features, nn.Dense(classes))


def nin(classes: int):
    """Network in Network, for images of 199 to 230 pixels: the last convolution has a map for each class."""
    features = sequence(
        _convolution(96, 11, stride=4), _convolution(96, 1), _convolution(96, 1), _pool(),
        _convolution(256, 5, pad=2), _convolution(256, 1), _convolution(256, 1), _pool(),
        _convolution(384, 3, pad=1), _convolution(384, 1), _convolution(384, 1), _pool(), nn.Dropout(0.5),
        _convolution(1024, 3, pad=1), _convolution(1024, 1),
    )
    return Classifier(features, sequence(_convolution(classes, 1), nn.AvgPool2D(6, 1, ceil_mode=True), nn.Flatten()))


def squeezenet(classes: int):
    """Gluon's SqueezeNet 1.1, its last pool over the whole map, so that it takes images of other sizes than 224."""
    net = vision.squeezenet1_1(classes=classes)
    replace(net.output, 2, nn.GlobalAvgPool2D())
    return net


def vgg(layers: int, classes: int):
    """Gluon's VGG with pools that round up, which makes a difference at sizes that are no multiple of 32."""
    net = vision.get_vgg(layers, classes=classes)
    change(net, nn.MaxPool2D, round_pools_up)
    return net
