"""ResNet with pre-activation units ("version 2"), 18 to 269 layers, and its variants for small images."""

from __future__ import annotations

from ..runtime import mx
from . import blocks, residual

__all__ = ["get_symbol"]

# Sums of ResNet-200 that its zoo file keeps in memory; all else is computed again in the backward pass.
_KEPT_SUMS = frozenset(f"_plus{index}" for index in (1, 4, 9, 14, 19, 24, 30, 39, 48, 57))


def _layer(data, name: str, index: int, num_filter: int, convolution, **geometry):
    """Normalise, rectify, convolve; the rectified input comes back too, for the shortcut."""
    activation = blocks.relu(residual.batch_norm(data, f"{name}_bn{index}"), f"{name}_relu{index}")
    return convolution(activation, f"{name}_conv{index}", num_filter, **geometry), activation


def _unit(convolution, bottleneck: bool):
    """The family's unit for :func:`residual.stages`."""

    def unit(data, name, num_filter, stride, project, sum_name):
        if bottleneck:
            body, activation = _layer(data, name, 1, num_filter // 4, convolution, kernel=1)
            body, _ = _layer(body, name, 2, num_filter // 4, convolution, kernel=3, stride=stride)
            body, _ = _layer(body, name, 3, num_filter, convolution, kernel=1)
        else:
            body, activation = _layer(data, name, 1, num_filter, convolution, kernel=3, stride=stride)
            body, _ = _layer(body, name, 2, num_filter, convolution, kernel=3)
        shortcut = convolution(activation, name + "_sc", num_filter, kernel=1, stride=stride) if project else data
        return mx.sym.elemwise_add(body, shortcut, name=sum_name)

    return unit


def _mirror(symbol, units):
    """Mark ``symbol`` with the mirroring attributes of the zoo's resnet-200 file.

    MXNet obeys ``__force_mirroring__`` whatever MXNET_BACKWARD_DO_MIRROR says (need_mirror in graph_executor.cc).
    """
    last_sums = {f"_plus{sum(units[:stage + 1]) - 1}" for stage in range(len(units))}
    for node in symbol.get_internals():
        name = node.name
        if node.get_children() is None and name not in ("data", "softmax_label"):
            continue
        node._set_attr(__force_mirroring__=str(name not in _KEPT_SUMS))
        if name.endswith("_sc") or (name.startswith("_plus") and name not in last_sums):
            node._set_attr(__mirror_stage__="True")
    return symbol


def get_symbol(num_classes=1000, num_layers=50, image_shape="3,224,224", conv_workspace=512, dtype="float32",
               mirroring=True, **kwargs):
    """ResNet as a Symbol that ends in SoftmaxOutput ``softmax``; 18, 34, 50, 101, 152 and 200 layers are the zoo's.

    The same network as MXNet's example, without the ``id`` node that the example puts after ``data``. The example
    builds four stages on a small stem for heights of 29 to 32 pixels; here they get three stages, as 28 pixels do.

    Args:
        num_classes: outputs of ``fc1``.
        num_layers: 18, 34, 50, 101, 152, 200 or 269; for images of up to 32 pixels 6n+2 below 164 and 9n+2 from there.
        image_shape: channels, height, width.
        conv_workspace: limit of a convolution's workspace in MiB; the zoo's files have 512.
        dtype: ``float32`` or ``float16``.
        mirroring: carry the attributes of the zoo's resnet-200, which trade time for memory in training; the files of
            the other depths have none.
        **kwargs: ignored, so that the arguments of MXNet's training scripts can be passed on as they are.

    Raises:
        UserError: an argument is not one of those above.

    He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, arXiv:1603.05027; mirroring: Chen, Xu, Zhang,
    Guestrin: Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174.
    """
    shape = blocks.check_arguments("resnet", num_classes, image_shape, dtype)
    plan = residual.plan("resnet", num_layers, shape)
    convolution = residual.convolver(conv_workspace, "limited_workspace")
    body = residual.stem(blocks.image(dtype), plan, convolution)
    body = residual.stages(body, plan, _unit(convolution, plan.bottleneck))
    body = blocks.relu(residual.batch_norm(body, "bn1"), "relu1")
    symbol = residual.head(body, num_classes, dtype)
    return _mirror(symbol, plan.units) if mirroring and num_layers == 200 and not plan.small else symbol
