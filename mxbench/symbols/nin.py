"""NIN: small perceptrons, written as 1x1 convolutions, slide over the image in place of single filters."""

from __future__ import annotations

from ..runtime import mx
from . import blocks, caffe

__all__ = ["get_symbol"]


def _layer(data, name: str, relu: str, num_filter: int, **geometry):
    return blocks.relu(caffe.convolution(data, name, num_filter, **geometry), relu)


def get_symbol(num_classes=1000, image_shape="3,224,224", dtype="float32", **kwargs):
    """Network in Network, the zoo's ``nin``, as a Symbol that ends in SoftmaxOutput ``prob`` (label ``prob_label``).

    There is no fully connected layer: the last convolution has a map for each class, and ``pool4`` averages windows
    of 6x6, so that the outputs are as many as the classes for heights and widths of 199 to 230 pixels only.
    The names, with a gap at relu4 and the suffix ``_1024``, are those of the zoo's file.

    Args:
        num_classes: maps of ``cccp8_1024``.
        image_shape: channels, height, width.
        dtype: ``float32`` or ``float16``.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Lin, Chen, Yan: Network In Network, arXiv:1312.4400.
    """
    blocks.check_arguments("nin", num_classes, image_shape, dtype, smallest=199, largest=230)
    body = blocks.image(dtype)
    body = _layer(body, "conv1", "relu0", 96, kernel=11, stride=4)
    body = _layer(body, "cccp1", "relu1", 96, kernel=1)
    body = _layer(body, "cccp2", "relu2", 96, kernel=1)
    body = caffe.max_pool(body, "pool1", kernel=3, stride=2)
    body = _layer(body, "conv2", "relu3", 256, kernel=5, pad=2)
    body = _layer(body, "cccp3", "relu5", 256, kernel=1)
    body = _layer(body, "cccp4", "relu6", 256, kernel=1)
    body = caffe.max_pool(body, "pool2", kernel=3, stride=2)
    body = _layer(body, "conv3", "relu7", 384, kernel=3, pad=1)
    body = _layer(body, "cccp5", "relu8", 384, kernel=1)
    body = _layer(body, "cccp6", "relu9", 384, kernel=1)
    body = mx.sym.Dropout(caffe.max_pool(body, "pool3", kernel=3, stride=2), p=0.5, name="drop")
    body = _layer(body, "conv4_1024", "relu10", 1024, kernel=3, pad=1)
    body = _layer(body, "cccp7_1024", "relu11", 1024, kernel=1)
    body = _layer(body, "cccp8_1024", "relu12", num_classes, kernel=1)
    body = mx.sym.Pooling(body, name="pool4", pool_type="avg", kernel=(6, 6), stride=(1, 1), pooling_convention="full")
    return blocks.softmax(mx.sym.Flatten(body, name="flatten"), "prob", dtype)
