"""SqueezeNet: AlexNet's accuracy with a fiftieth of its weights."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from ..runtime import mx
from . import blocks, caffe

__all__ = ["get_symbol"]

_SQUEEZE = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}


class _Version(NamedTuple):
    stem_filters: int
    stem_kernel: int
    pooled: Tuple[int, ...]  # a pool follows these fire modules
    last_pad: int
    smallest: int


_VERSIONS = {
    "1.0": _Version(stem_filters=96, stem_kernel=7, pooled=(4, 8), last_pad=1, smallest=29),
    "1.1": _Version(stem_filters=64, stem_kernel=3, pooled=(3, 5), last_pad=0, smallest=25),
}


def _layer(data, fire: str, name: str, num_filter: int, **geometry):
    return blocks.relu(caffe.convolution(data, f"{fire}_{name}", num_filter, **geometry), f"{fire}_relu_{name}")


def _fire(data, name: str, squeeze: int):
    """Squeeze to few maps, then expand four-fold by 1x1 and by 3x3 filters side by side."""
    data = _layer(data, name, "squeeze1x1", squeeze, kernel=1)
    return mx.sym.Concat(_layer(data, name, "expand1x1", 4 * squeeze, kernel=1),
                         _layer(data, name, "expand3x3", 4 * squeeze, kernel=3, pad=1), name=name + "_concat")


def get_symbol(num_classes=1000, version="1.1", image_shape="3,227,227", dtype="float32", **kwargs):
    """SqueezeNet as a Symbol that ends in SoftmaxOutput ``prob`` (label ``prob_label``).

    There is no fully connected layer: ``conv10`` has a map for each class. Version 1.0 pads that 1x1 convolution by 1,
    as the zoo's file does.

    Args:
        num_classes: maps of ``conv10``.
        version: ``"1.1"`` (2.4 times fewer operations, the zoo's ``squeezenet_v1.1``) or ``"1.0"``.
        image_shape: channels, height, width; the zoo's is 3,227,227.
        dtype: ``float32`` or ``float16``.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size,
    arXiv:1602.07360.
    """
    blocks.choose("squeezenet", "version", version, _VERSIONS)
    net = _VERSIONS[version]
    blocks.check_arguments("squeezenet", num_classes, image_shape, dtype, smallest=net.smallest)
    body = caffe.convolution(blocks.image(dtype), "conv1", net.stem_filters, kernel=net.stem_kernel, stride=2)
    body = caffe.max_pool(blocks.relu(body, "relu_conv1"), "pool1", kernel=3, stride=2)
    for index, squeeze in _SQUEEZE.items():
        body = _fire(body, f"fire{index}", squeeze)
        if index in net.pooled:
            body = caffe.max_pool(body, f"pool{index}", kernel=3, stride=2)
    body = mx.sym.Dropout(body, p=0.5, name="drop9")
    body = blocks.relu(caffe.convolution(body, "conv10", num_classes, kernel=1, pad=net.last_pad), "relu_conv10")
    body = mx.sym.Pooling(body, name="pool10", pool_type="avg", global_pool=True, kernel=(1, 1),
                          pooling_convention="full")
    return blocks.softmax(mx.sym.Flatten(body, name="flatten"), "prob", dtype)
