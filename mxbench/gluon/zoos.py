"""The classification models of two Gluon zoos as networks: ``gluon:densenet121`` and ``gluoncv:mobilenetv2_1.0``.

``gluon`` is ``mxnet.gluon.model_zoo``, which comes with MXNet; ``gluoncv`` is GluonCV 0.10.5, an extra. Left out are its
models with group normalisation, which cannot be traced to a Symbol, and resnext101e and se_resnext101e, which it cannot
build without trained weights.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from functools import partial
from typing import Dict, Iterator

from ..errors import UserError, nearest
from ..runtime import mx
from ..symbols import blocks
from ..symbols.network import Network

GLUON = """
alexnet densenet121 densenet161 densenet169 densenet201 inceptionv3 mobilenet0.25 mobilenet0.5 mobilenet0.75 mobilenet1.0
mobilenetv2_0.25 mobilenetv2_0.5 mobilenetv2_0.75 mobilenetv2_1.0 resnet101_v1 resnet101_v2 resnet152_v1 resnet152_v2
resnet18_v1 resnet18_v2 resnet34_v1 resnet34_v2 resnet50_v1 resnet50_v2 squeezenet1.0 squeezenet1.1 vgg11 vgg11_bn vgg13
vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn
""".split()

GLUONCV = """
alexnet cifar_residualattentionnet452 cifar_residualattentionnet56 cifar_residualattentionnet92 cifar_resnet110_v1
cifar_resnet110_v2 cifar_resnet20_v1 cifar_resnet20_v2 cifar_resnet56_v1 cifar_resnet56_v2 cifar_resnext29_16x64d
cifar_resnext29_32x4d cifar_wideresnet16_10 cifar_wideresnet28_10 cifar_wideresnet40_8 darknet53 densenet121 densenet161
densenet169 densenet201 dla34 googlenet hrnet_w18_c hrnet_w18_small_v1_c hrnet_w18_small_v2_c hrnet_w30_c hrnet_w32_c
hrnet_w40_c hrnet_w44_c hrnet_w48_c hrnet_w64_c inceptionv3 mobilenet0.25 mobilenet0.5 mobilenet0.75 mobilenet1.0
mobilenetv2_0.25 mobilenetv2_0.5 mobilenetv2_0.75 mobilenetv2_1.0 mobilenetv3_large mobilenetv3_small nasnet_4_1056
nasnet_5_1538 nasnet_6_4032 nasnet_7_1920 residualattentionnet128 residualattentionnet164 residualattentionnet200
residualattentionnet236 residualattentionnet452 residualattentionnet56 residualattentionnet92 resnest101 resnest14
resnest200 resnest26 resnest269 resnest50 resnet101_v1 resnet101_v1b resnet101_v1c resnet101_v1d resnet101_v1d_0.73
resnet101_v1d_0.76 resnet101_v1e resnet101_v1s resnet101_v2 resnet152_v1 resnet152_v1b resnet152_v1c resnet152_v1d
resnet152_v1e resnet152_v1s resnet152_v2 resnet18_v1 resnet18_v1b resnet18_v1b_0.89 resnet18_v2 resnet34_v1 resnet34_v1b
resnet34_v2 resnet50_v1 resnet50_v1b resnet50_v1c resnet50_v1d resnet50_v1d_0.11 resnet50_v1d_0.37 resnet50_v1d_0.48
resnet50_v1d_0.86 resnet50_v1e resnet50_v1s resnet50_v2 resnext101_32x4d resnext101_64x4d resnext50_32x4d
se_resnet101_v1 se_resnet101_v2 se_resnet152_v1 se_resnet152_v2 se_resnet18_v1 se_resnet18_v2 se_resnet34_v1
se_resnet34_v2 se_resnet50_v1 se_resnet50_v2 se_resnext101_32x4d se_resnext101_64x4d se_resnext50_32x4d senet_154
senet_154e shufflenet_v1 shufflenet_v2 squeezenet1.0 squeezenet1.1 vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19
vgg19_bn xception xception71
""".split()

# Height and width that a model was published with, where it is not 224.
_SIZES = {
    "inceptionv3": 299, "xception": 299, "xception71": 299, "nasnet_5_1538": 331, "nasnet_6_4032": 331,
    "nasnet_7_1920": 331, "resnest101": 256, "resnest200": 320, "resnest269": 416,
}

_MODELS: Dict[str, int] = {
    f"{zoo}:{model}": 32 if model.startswith("cifar") else _SIZES.get(model, 224)
    for zoo, models in (("gluon", GLUON), ("gluoncv", GLUONCV)) for model in models
}
HOW_TO_INSTALL = "run scripts/setup.sh cpu,gluon, or pip install 'mxbench[gluon]'"


def is_model(name: str) -> bool:
    """Whether ``name`` is meant as a model of one of the zoos."""
    return name.partition(":")[0] in ("gluon", "gluoncv") and ":" in name


def networks() -> Iterator[Network]:
    """All models of the zoos that are installed."""
    return (network(name) for name in _MODELS if has_gluoncv() or not name.startswith("gluoncv:"))


def has_gluoncv() -> bool:
    """Whether GluonCV is installed."""
    return importlib.util.find_spec("gluoncv") is not None


def network(name: str) -> Network:
    """The model as a network, with its own input size.

    Raises:
        UserError: there is no such model (the nearest name is given), or GluonCV is not installed.
    """
    if name not in _MODELS:
        zoo, _, model = name.partition(":")
        known = GLUON if zoo == "gluon" else GLUONCV
        close = nearest(model, known)
        if close.startswith("did"):
            close = close.replace("mean ", f"mean {zoo}:")
        else:
            close = "mxbench networks --all lists them"
        raise UserError(f"no classification model is called {name!r}: {close}")
    if name.startswith("gluoncv:") and not has_gluoncv():
        raise UserError(f"{name} needs GluonCV, which is not installed: {HOW_TO_INSTALL}")
    size = _MODELS[name]
    # The name is the source too: by it another process finds the model again, and nothing is foretold of it.
    return Network(name, name, (3, size, size), None, "", partial(_symbol, name), source=name)


def block(name: str, classes: int = 1000, dtype: str = "float32"):
    """The model as a block whose parameters have the same names every time.

    As in a Module, biases and betas do not decay, and the initial values are those that the trainer chooses.
    """
    zoo, _, model = name.partition(":")
    with mx.name.NameManager():
        # NASNet has a second output otherwise, for a loss that helps it to learn.
        made = _get_model(zoo)(model, classes=classes, **({"use_aux": False} if model.startswith("nasnet") else {}))
    for parameter in made.collect_params().values():
        if parameter.name.endswith(("bias", "beta")):
            parameter.wd_mult = 0.0
        if parameter.name.endswith(("weight", "bias", "gamma", "beta")):
            parameter.init = None
    made.cast(dtype)
    return made


def _get_model(zoo: str):
    if zoo == "gluon":
        return mx.gluon.model_zoo.vision.get_model
    mx.nd  # imports MXNet the way that it needs to be, before GluonCV does so by itself
    try:
        with _no_pytorch():
            from gluoncv.model_zoo import get_model
    except ImportError as error:
        raise UserError(f"GluonCV cannot be imported ({error}): {HOW_TO_INSTALL}") from error
    return get_model


@contextlib.contextmanager
def _no_pytorch() -> Iterator[None]:
    """Hide PyTorch: GluonCV loads it where it is installed, has no use for it here, and fails with one of today."""
    loaded = sys.modules.get("torch")
    sys.modules["torch"] = None
    try:
        yield
    finally:
        if loaded is None:
            del sys.modules["torch"]
        else:
            sys.modules["torch"] = loaded


def _symbol(name: str, num_classes: int = 1000, image_shape: str = "", dtype: str = "float32"):
    """The model traced to a Symbol that ends in SoftmaxOutput."""
    with mx.name.NameManager():
        return blocks.softmax(block(name, num_classes, dtype)(blocks.image(dtype)), "softmax", dtype)
