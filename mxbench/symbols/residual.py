"""What ResNet and ResNeXt share: depths, stem, stages and head.

Each unit's sum is named ``_plusN`` by hand, in the order of the units: left to MXNet's name counter, a network would
differ with what the process had built before.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple

from ..errors import UserError
from ..runtime import mx
from . import blocks

# Images of up to this many rows get the networks of the CIFAR experiments, as in MXNet's examples.
SMALL_HEIGHT = 32

_UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3),
          200: (3, 24, 36, 3), 269: (3, 30, 48, 8)}


class Plan(NamedTuple):
    """The shape of a residual network: units and filters of each stage, filters of the stem, kinds of unit and stem."""

    units: Tuple[int, ...]
    filters: Tuple[int, ...]
    stem_filters: int
    bottleneck: bool
    small: bool


def plan(network: str, num_layers: int, image_shape: blocks.ImageShape) -> Plan:
    """The plan of ``network`` with ``num_layers`` layers for images of ``image_shape``.

    Raises:
        UserError: there is no network of that depth for images of that height.
    """
    if image_shape[1] <= SMALL_HEIGHT:
        return _small_plan(network, num_layers)
    units = _UNITS[blocks.choose(network, "num_layers", num_layers, _UNITS)]
    bottleneck = num_layers >= 50
    filters = (256, 512, 1024, 2048) if bottleneck else (64, 128, 256, 512)
    return Plan(units, filters, stem_filters=64, bottleneck=bottleneck, small=False)


def _small_plan(network: str, num_layers: int) -> Plan:
    whole = isinstance(num_layers, int)
    if whole and num_layers >= 164 and (num_layers - 2) % 9 == 0:
        return Plan(((num_layers - 2) // 9,) * 3, (64, 128, 256), stem_filters=16, bottleneck=True, small=True)
    if whole and 8 <= num_layers < 164 and (num_layers - 2) % 6 == 0:
        return Plan(((num_layers - 2) // 6,) * 3, (16, 32, 64), stem_filters=16, bottleneck=False, small=True)
    raise UserError(f"{network}: num_layers is {num_layers!r}; for images of up to {SMALL_HEIGHT} pixels it is 6n+2 "
                    "(8, 14, 20, ... 158) or, from 164 on, 9n+2 (164, 173, ...)")


def batch_norm(data, name: str, momentum: float = 0.9, fix_gamma: bool = False):
    """BatchNorm with the epsilon of both families."""
    return mx.sym.BatchNorm(data, name=name, fix_gamma=fix_gamma, eps=2e-5, momentum=momentum)


def stem(data, shape: Plan, convolution: Callable, momentum: float = 0.9):
    """Normalise the raw image, then convolve it, and for large images pool it down to a quarter of its size.

    Args:
        convolution: the family's own, ``convolution(data, name, num_filter, kernel, stride)``.
    """
    data = batch_norm(data, "bn_data", momentum, fix_gamma=True)
    if shape.small:
        return convolution(data, "conv0", shape.stem_filters, kernel=3)
    data = convolution(data, "conv0", shape.stem_filters, kernel=7, stride=2)
    data = blocks.relu(batch_norm(data, "bn0", momentum), "relu0")
    return mx.sym.Pooling(data, name="pooling0", pool_type="max", kernel=(3, 3), stride=(2, 2), pad=(1, 1))


def stages(data, shape: Plan, unit: Callable):
    """All units one after another; the first of a stage projects its input, and halves it from the second stage on.

    Args:
        unit: ``unit(data, name, num_filter, stride, project, sum_name)`` returns the unit's output.
    """
    index = 0
    for stage, (count, num_filter) in enumerate(zip(shape.units, shape.filters), start=1):
        for number in range(1, count + 1):
            first = number == 1
            data = unit(data, f"stage{stage}_unit{number}", num_filter, stride=2 if first and stage > 1 else 1,
                        project=first, sum_name=f"_plus{index}")
            index += 1
    return data


def head(data, num_classes: int, dtype: str):
    """Average each map, then ``fc1`` and ``softmax``."""
    # MXNet asks for a kernel although global pooling does not use it.
    data = mx.sym.Pooling(data, name="pool1", pool_type="avg", global_pool=True, kernel=(7, 7))
    data = mx.sym.FullyConnected(mx.sym.Flatten(data, name="flatten0"), num_hidden=num_classes, name="fc1")
    return blocks.softmax(data, "softmax", dtype)


def convolver(workspace_mib: int, cudnn_tune: Optional[str] = None) -> Callable:
    """``convolution(data, name, num_filter, kernel, stride, num_group)``: no bias, padded to keep the size."""
    tuning = {"workspace": workspace_mib}
    if cudnn_tune is not None:
        tuning["cudnn_tune"] = cudnn_tune

    def convolution(data, name, num_filter, kernel, stride=1, num_group=1):
        return mx.sym.Convolution(data, name=name, num_filter=num_filter, kernel=(kernel, kernel),
                                  stride=(stride, stride), pad=(kernel // 2, kernel // 2), num_group=num_group,
                                  no_bias=True, **tuning)

    return convolution
