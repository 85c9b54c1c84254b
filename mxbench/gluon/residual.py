"""ResNet, adapted from Gluon's, and ResNeXt, which GluonCV has as well: this one needs no package beside MXNet."""

from __future__ import annotations

from ..runtime import mx
from ..symbols import residual
from .layers import Classifier, change, nn, replace, sequence, set_epsilon

vision = mx.gluon.model_zoo.vision

_EPSILON = 2e-5
_IMAGE_SHAPE = (3, 224, 224)  # any beyond the small ones, for which the zoo has other networks


def _batch_norm(momentum: float = 0.9, **options):
    return nn.BatchNorm(epsilon=_EPSILON, momentum=momentum, **options)


class _ResNet(vision.ResNetV2):
    """Gluon's, with a projection in the first unit of every stage, also where the channels do not change."""

    def _make_layer(self, block, layers, channels, stride, stage_index, in_channels=0):
        layer = nn.HybridSequential(prefix=f"stage{stage_index}_")
        with layer.name_scope():
            layer.add(block(channels, stride, True, in_channels=in_channels, prefix=""))
            layer.add(*(block(channels, 1, False, in_channels=channels, prefix="") for _ in range(layers - 1)))
        return layer


def resnet(layers: int, classes: int):
    """ResNet with pre-activation, for images beyond 32 pixels. The shift of the raw image is learned."""
    plan = residual.plan("resnet", layers, _IMAGE_SHAPE)
    unit = vision.BottleneckV2 if plan.bottleneck else vision.BasicBlockV2
    net = _ResNet(unit, plan.units, (plan.stem_filters, *plan.filters), classes=classes)
    replace(net.features, 0, nn.BatchNorm(scale=False))
    change(net, nn.BatchNorm, set_epsilon(_EPSILON))
    return net


class _Unit(nn.HybridBlock):
    """A bottleneck with groups, normalised before the sum."""

    def __init__(self, width: int, filters: int, groups: int, stride: int, project: bool):
        super().__init__(prefix="")
        self.body = sequence(
            nn.Conv2D(width, 1, use_bias=False), _batch_norm(), nn.Activation("relu"),
            nn.Conv2D(width, 3, stride, 1, groups=groups, use_bias=False), _batch_norm(), nn.Activation("relu"),
            nn.Conv2D(filters, 1, use_bias=False), _batch_norm(),
        )
        self.shortcut = None
        if project:
            self.shortcut = sequence(nn.Conv2D(filters, 1, stride, use_bias=False), _batch_norm())

    def hybrid_forward(self, F, x):
        """The rectified sum of both ways."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.Activation(self.body(x) + shortcut, act_type="relu")


def resnext(layers: int, groups: int, classes: int):
    """ResNeXt with 4 filters a group in the first stage, for images beyond 32 pixels."""
    plan = residual.plan("resnext", layers, _IMAGE_SHAPE)
    momentum = 0.99 if groups == 32 else 0.9  # of the zoo's files
    units = []
    for stage, (count, filters) in enumerate(zip(plan.units, plan.filters)):
        for number in range(count):
            first = number == 0
            units.append(_Unit(filters * groups // 64, filters, groups, 2 if first and stage else 1, project=first))
    features = sequence(
        _batch_norm(momentum, scale=False), nn.Conv2D(plan.stem_filters, 7, 2, 3, use_bias=False),
        _batch_norm(momentum), nn.Activation("relu"), nn.MaxPool2D(3, 2, 1), *units, nn.GlobalAvgPool2D(),
    )
    return Classifier(features, nn.Dense(classes))
