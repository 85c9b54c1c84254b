"""ResNeXt: residual units whose 3x3 convolution works in groups, and its variants for small images."""

from __future__ import annotations

from ..errors import UserError
from ..runtime import mx
from . import blocks, residual

__all__ = ["get_symbol"]


def _layer(data, name: str, index: int, num_filter: int, convolution, **geometry):
    """Convolve, then normalise."""
    data = convolution(data, f"{name}_conv{index}", num_filter, **geometry)
    return residual.batch_norm(data, f"{name}_bn{index}")


def _unit(convolution, bottleneck: bool, num_group: int, width_per_group: int):
    """The family's unit for :func:`residual.stages`."""

    def unit(data, name, num_filter, stride, project, sum_name):
        if bottleneck:
            width = num_filter * num_group * width_per_group // 256
            body = blocks.relu(_layer(data, name, 1, width, convolution, kernel=1), name + "_relu1")
            body = _layer(body, name, 2, width, convolution, kernel=3, stride=stride, num_group=num_group)
            body = _layer(blocks.relu(body, name + "_relu2"), name, 3, num_filter, convolution, kernel=1)
        else:
            body = blocks.relu(_layer(data, name, 1, num_filter, convolution, kernel=3, stride=stride), name + "_relu1")
            body = _layer(body, name, 2, num_filter, convolution, kernel=3)
        shortcut = data
        if project:
            shortcut = convolution(data, name + "_sc", num_filter, kernel=1, stride=stride)
            shortcut = residual.batch_norm(shortcut, name + "_sc_bn")
        return blocks.relu(mx.sym.elemwise_add(body, shortcut, name=sum_name), name + "_relu")

    return unit


def _check_groups(num_group: int, width_per_group: int, narrowest: int) -> None:
    blocks.check_count("resnext", "num_group", num_group)
    blocks.check_count("resnext", "width_per_group", width_per_group)
    if narrowest * width_per_group % 256:
        raise UserError(f"resnext: width_per_group is {width_per_group}; give a multiple of {256 // narrowest}, "
                        "because the first stage of this network is that many times narrower than ImageNet's")


def get_symbol(num_classes=1000, num_layers=50, image_shape="3,224,224", num_group=32, conv_workspace=None,
               dtype="float32", width_per_group=4, **kwargs):
    """ResNeXt as a Symbol that ends in SoftmaxOutput ``softmax``.

    The zoo's are 50 and 101 layers of 32x4d (``num_group=32``) and 101 layers of 64x4d (``num_group=64``). Where they
    differ from MXNet's example, the zoo wins: with 32 groups ``bn_data`` and ``bn0`` have a momentum of 0.99, 0.9 in
    the example; and the example keeps the width of the 3x3 convolutions whatever the number of groups, so that its 64
    groups are 64x2d (``width_per_group=2`` here).

    Args:
        num_classes: outputs of ``fc1``.
        num_layers: 18, 34, 50, 101, 152, 200 or 269; for images of up to 32 pixels 6n+2 below 164 and 9n+2 from there.
            Only from 50 layers, or 164 for small images, do the units have groups.
        image_shape: channels, height, width.
        num_group: groups of the 3x3 convolutions (the paper's cardinality).
        conv_workspace: limit of a convolution's workspace in MiB; None is what the zoo's files have, 256 with 64
            groups and 512 otherwise.
        dtype: ``float32`` or ``float16``.
        width_per_group: filters of a group in the first stage of the ImageNet networks (the paper's d).
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    Xie, Girshick, Dollar, Tu, He: Aggregated Residual Transformations for Deep Neural Networks, arXiv:1611.05431.
    """
    shape = blocks.check_arguments("resnext", num_classes, image_shape, dtype)
    plan = residual.plan("resnext", num_layers, shape)
    _check_groups(num_group, width_per_group, plan.filters[0] if plan.bottleneck else 256)
    if conv_workspace is None:
        conv_workspace = 256 if num_group == 64 else 512
    # 64x4d came to the zoo later, without the other files' setting and without their momentum in the stem.
    convolution = residual.convolver(conv_workspace, "fastest" if num_group == 32 else None)
    momentum = 0.99 if num_group == 32 and not plan.small else 0.9
    body = residual.stem(blocks.image(dtype), plan, convolution, momentum)
    unit = _unit(convolution, plan.bottleneck, num_group, width_per_group)
    return residual.head(residual.stages(body, plan, unit), num_classes, dtype)
