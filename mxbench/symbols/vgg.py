"""VGG: thirteen to nineteen layers of 3x3 convolutions."""

from __future__ import annotations

from ..runtime import mx
from . import blocks, caffe

__all__ = ["get_symbol"]

_FILTERS = (64, 128, 256, 512, 512)
_CONVOLUTIONS_PER_BLOCK = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def _layer(data, name: str, num_filter: int, batch_norm: bool):
    data = caffe.convolution(data, "conv" + name, num_filter, kernel=3, pad=1)
    if batch_norm:
        data = mx.sym.BatchNorm(data, name="bn" + name)
    return blocks.relu(data, "relu" + name)


def get_symbol(num_classes=1000, num_layers=16, batch_norm=False, image_shape="3,224,224", dtype="float32", **kwargs):
    """VGG as a Symbol that ends in SoftmaxOutput ``prob`` (label ``prob_label``); 16 and 19 layers are the zoo's.

    MXNet's example ends in ``softmax`` and rounds pooled sizes down; the zoo's files, converted from Caffe, end in
    ``prob`` and round up. The zoo wins; names and shapes of the parameters are the same in both.

    Args:
        num_classes: outputs of ``fc8``.
        num_layers: 11, 13, 16 or 19.
        batch_norm: a BatchNorm ``bnB_I`` after each convolution, as in MXNet's example.
        image_shape: channels, height, width; the size of ``fc6_weight`` follows from it.
        dtype: ``float32`` or ``float16``.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv:1409.1556.
    """
    blocks.check_arguments("vgg", num_classes, image_shape, dtype, smallest=17)
    blocks.choose("vgg", "num_layers", num_layers, _CONVOLUTIONS_PER_BLOCK)
    body = blocks.image(dtype)
    for block, (count, num_filter) in enumerate(zip(_CONVOLUTIONS_PER_BLOCK[num_layers], _FILTERS), start=1):
        for index in range(1, count + 1):
            body = _layer(body, f"{block}_{index}", num_filter, batch_norm)
        body = caffe.max_pool(body, f"pool{block}", kernel=2, stride=2)
    return caffe.classifier(body, num_classes, dtype)
