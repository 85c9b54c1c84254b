"""CaffeNet: AlexNet as Caffe's authors trained it, with pooling before the local response normalisation."""

from __future__ import annotations

from ..runtime import mx
from . import blocks, caffe

__all__ = ["get_symbol"]


def _norm(data, name: str):
    return mx.sym.LRN(data, nsize=5, alpha=1e-4, beta=0.75, knorm=1, name=name)


def get_symbol(num_classes=1000, image_shape="3,227,227", dtype="float32", **kwargs):
    """CaffeNet, the zoo's ``caffenet``, as a Symbol that ends in SoftmaxOutput ``prob`` (label ``prob_label``).

    The size of ``fc6_weight`` follows from the image: a checkpoint of the zoo fits heights and widths of 199 to 230.

    Args:
        num_classes: outputs of ``fc8``.
        image_shape: channels, height, width; the zoo's is 3,227,227, and 3,224,224 gives the same shapes.
        dtype: ``float32`` or ``float16``.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012;
    Jia et al.: Caffe: Convolutional Architecture for Fast Feature Embedding, arXiv:1408.5093.
    """
    blocks.check_arguments("caffenet", num_classes, image_shape, dtype, smallest=55)
    body = blocks.image(dtype)
    body = blocks.relu(caffe.convolution(body, "conv1", 96, kernel=11, stride=4), "relu1")
    body = _norm(caffe.max_pool(body, "pool1", kernel=3, stride=2), "norm1")
    body = blocks.relu(caffe.convolution(body, "conv2", 256, kernel=5, pad=2, num_group=2), "relu2")
    body = _norm(caffe.max_pool(body, "pool2", kernel=3, stride=2), "norm2")
    for layer, num_filter, num_group in (("3", 384, 1), ("4", 384, 2), ("5", 256, 2)):
        body = caffe.convolution(body, "conv" + layer, num_filter, kernel=3, pad=1, num_group=num_group)
        body = blocks.relu(body, "relu" + layer)
    return caffe.classifier(caffe.max_pool(body, "pool5", kernel=3, stride=2), num_classes, dtype)
