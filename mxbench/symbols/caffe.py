"""Layers as the zoo's Caffe converter wrote them: biases everywhere, pooling that rounds up, softmax ``prob``."""

from __future__ import annotations

from ..runtime import mx
from . import blocks

# The zoo's files ask for this much convolution workspace, in MiB, and switch cuDNN's search off.
_CONVOLUTION = {"workspace": 1024, "cudnn_tune": "off"}


def convolution(data, name: str, num_filter: int, kernel: int, stride: int = 1, pad: int = 0, num_group: int = 1):
    """A square convolution with bias."""
    return mx.sym.Convolution(data, name=name, num_filter=num_filter, kernel=(kernel, kernel), stride=(stride, stride),
                              pad=(pad, pad), num_group=num_group, **_CONVOLUTION)


def max_pool(data, name: str, kernel: int, stride: int):
    """Max pooling whose output size is rounded up, as Caffe does it."""
    return mx.sym.Pooling(data, name=name, pool_type="max", kernel=(kernel, kernel), stride=(stride, stride),
                          pooling_convention="full")


def classifier(data, num_classes: int, dtype: str):
    """The head of AlexNet that CaffeNet and VGG share: two layers of 4096 with dropout, then ``fc8`` and ``prob``."""
    data = mx.sym.Flatten(data, name="flatten_0")
    for layer in ("6", "7"):
        data = mx.sym.FullyConnected(data, num_hidden=4096, name="fc" + layer)
        data = mx.sym.Dropout(blocks.relu(data, "relu" + layer), p=0.5, name="drop" + layer)
    data = mx.sym.FullyConnected(data, num_hidden=num_classes, name="fc8")
    return blocks.softmax(data, "prob", dtype)
