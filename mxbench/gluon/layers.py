"""What the blocks are made of: features and output as in Gluon's own models, and changes to models of theirs."""

from __future__ import annotations

from typing import Callable

from ..runtime import mx

nn = mx.gluon.nn


class Classifier(nn.HybridBlock):
    """``output(features(x))``: a new ``output`` is how users of Gluon fine-tune a network."""

    def __init__(self, features, output):
        super().__init__()
        self.features = features
        self.output = output

    def hybrid_forward(self, F, x):
        """Logits (N, classes) of images (N, C, H, W)."""
        return self.output(self.features(x))


def sequence(*layers):
    """Layers one after the other."""
    out = nn.HybridSequential(prefix="")
    out.add(*layers)
    return out


def change(block, kind: type, alter: Callable) -> None:
    """Call ``alter`` with every layer of that kind in ``block``."""
    block.apply(lambda layer: alter(layer) if isinstance(layer, kind) else None)


def replace(layers, index: int, layer) -> None:
    """Put another layer, without parameters or before they are made, in the place of the one at ``index``."""
    layers._children[list(layers._children)[index]] = layer


def set_epsilon(epsilon: float) -> Callable:
    """For :func:`change`: a BatchNorm's epsilon."""

    def alter(batch_norm):
        batch_norm._kwargs["eps"] = epsilon

    return alter


def fix_gamma(batch_norm) -> None:
    """For :func:`change`: a BatchNorm whose gamma counts as 1 and is not trained."""
    batch_norm._kwargs["fix_gamma"] = True
    batch_norm.gamma.grad_req = "null"


def round_pools_up(pool) -> None:
    """For :func:`change`: a pooling layer whose output size is rounded up, as Caffe does it."""
    pool._kwargs["pooling_convention"] = "full"
