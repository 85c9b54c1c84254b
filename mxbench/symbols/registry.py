"""The list of networks: the zoo's 16 in the order of the published table, then those registered by users."""

from __future__ import annotations

import importlib.metadata
import re
import warnings
from typing import Callable, Dict, List, Optional, Sequence, Union

from ..errors import UserError, nearest
from . import blocks, caffenet, inception_bn, inception_v3, nin, resnet, resnext, squeezenet, vgg
from .network import Network
from .source import is_source, load_function, resolve_source, source_of, split_source

ENTRY_POINT_GROUP = "mxbench.networks"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

_ALEXNET = ("Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks, "
            "NIPS 2012; Jia et al.: Caffe, arXiv:1408.5093")
_SQUEEZENET = "Iandola et al.: SqueezeNet, arXiv:1602.07360"
_NIN = "Lin, Chen, Yan: Network In Network, arXiv:1312.4400"
_RESNET = "He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, arXiv:1603.05027"
_INCEPTION_BN = "Ioffe, Szegedy: Batch Normalization, arXiv:1502.03167"
_INCEPTION_V3 = "Szegedy et al.: Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567"
_VGG = "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv:1409.1556"
_RESNEXT = "Xie et al.: Aggregated Residual Transformations for Deep Neural Networks, arXiv:1611.05431"


def _zoo(name: str, display_name: str, top5: Optional[float], paper: str, family, size: int = 224,
         checkpoint: Optional[str] = None, checkpoint_classes: int = 1000, **options) -> Network:
    return Network(name, display_name, (3, size, size), top5, paper, family.get_symbol, options,
                   checkpoint=checkpoint or name, checkpoint_classes=checkpoint_classes)


_ZOO = (
    _zoo("caffenet", "CaffeNet", 78.3, _ALEXNET, caffenet, size=227),
    _zoo("squeezenet", "SqueezeNet", 78.8, _SQUEEZENET, squeezenet, size=227, checkpoint="squeezenet_v1.1",
         version="1.1"),
    _zoo("nin", "NIN", 81.3, _NIN, nin),
    _zoo("resnet-18", "ResNet-18", 88.7, _RESNET, resnet, num_layers=18),
    _zoo("resnet-34", "ResNet-34", 91.0, _RESNET, resnet, num_layers=34),
    _zoo("inception-bn", "Inception-BN", 90.8, _INCEPTION_BN, inception_bn, checkpoint="Inception-BN"),
    _zoo("resnet-50", "ResNet-50", 92.6, _RESNET, resnet, num_layers=50),
    _zoo("inception-v3", "Inception-v3", 93.3, _INCEPTION_V3, inception_v3, size=299, checkpoint="Inception-7",
         checkpoint_classes=1008),
    _zoo("vgg16", "VGG16", 89.8, _VGG, vgg, num_layers=16),
    _zoo("resnet-101", "ResNet-101", 93.3, _RESNET, resnet, num_layers=101),
    _zoo("vgg19", "VGG19", 89.8, _VGG, vgg, num_layers=19),
    _zoo("resnet-152", "ResNet-152", 93.1, _RESNET, resnet, num_layers=152),
    _zoo("resnet-200", "ResNet-200", None, _RESNET, resnet, num_layers=200),
    _zoo("resnext-50", "ResNeXt-50", 93.3, _RESNEXT, resnext, num_layers=50, num_group=32),
    _zoo("resnext-101", "ResNeXt-101", 94.1, _RESNEXT, resnext, num_layers=101, num_group=32),
    _zoo("resnext-101-64x4d", "ResNeXt-101-64x4d", 94.3, _RESNEXT, resnext, num_layers=101, num_group=64,
         width_per_group=4),
)

ZOO_NAMES = tuple(network.name for network in _ZOO)

_networks: Dict[str, Network] = {network.name: network for network in _ZOO}
_entry_points_loaded = False


def list_networks() -> List[str]:
    """The names of all networks: the 16 of the zoo in table order, then the registered ones as they came."""
    _load_entry_points()
    return list(_networks)


def get_network(name: str) -> Network:
    """The network called ``name``, the model of a Gluon zoo, or what ``path/to/module.py:function`` builds.

    The function is called like the zoo's, ``function(num_classes=1000, image_shape="3,224,224", ...)``, with those
    arguments that it takes. Unless its file registers it, its network is called ``module:function``.

    Raises:
        UserError: there is no such network (the nearest name is given), file or function.
    """
    from ..gluon import zoos  # which needs this module

    _load_entry_points()
    if zoos.is_model(name):
        return zoos.network(name)
    if is_source(name):
        return _from_source(resolve_source(name))
    if name not in _networks:
        raise UserError(f"no network is called {name!r}: {nearest(name, _networks)}")
    return _networks[name]


def get_symbol(name: str, num_classes: int = 1000, **kwargs):
    """The Symbol of the network called ``name``; see :meth:`Network.get_symbol`.

    Raises:
        UserError: there is no such network, or an argument does not fit it.
    """
    return get_network(name).get_symbol(num_classes, **kwargs)


def register_network(name: str, get_symbol: Callable, image_shape: Union[str, Sequence[int]] = (3, 224, 224),
                     display_name: Optional[str] = None, top5: Optional[float] = None, paper: str = "") -> Network:
    """Add a network of one's own to the list, so that it works in every command.

    A package that wants its networks there without further ado names the module that registers them as an entry point
    of the group ``mxbench.networks``; such a module takes MXNet from :mod:`mxbench.runtime`, so that listing the
    networks does not import it.

    Args:
        name: lower-case letters, digits, dots, hyphens and underscores.
        get_symbol: a function at the top level of a module, called as :func:`get_network` says.
        image_shape: channels, height, width.
        display_name: for tables; ``name`` if None.
        top5: top-5 accuracy in percent, None if unknown.
        paper: where it was published.

    Raises:
        UserError: the name is taken or not allowed, or another process could not import the function.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or is_source(name):
        raise UserError(f"network name {name!r}: use lower-case letters, digits, dots, hyphens and underscores")
    if name in _networks:
        raise UserError(f"a network called {name!r} is registered already: choose another name")
    if top5 is not None and not 0 <= top5 <= 100:
        raise UserError(f"network {name}: top5 is {top5!r}; it is a percentage from 0 to 100, or None if unknown")
    _networks[name] = Network(name, display_name or name, blocks.parse_image_shape(image_shape), top5, paper,
                              get_symbol, source=source_of(get_symbol))
    return _networks[name]


def _from_source(source: str) -> Network:
    """The registered network of that source, imported if need be, or one made for it."""
    known = _registered(source)
    if known is None:
        function = load_function(source)
        path, name = split_source(source)
        label = f"{path.stem}:{name}"
        # Importing the file may have registered the function, with all that the user wants said of it.
        known = _registered(source) or Network(label, label, (3, 224, 224), None, "", function, source=source)
    return known


def _registered(source: str) -> Optional[Network]:
    return next((network for network in _networks.values() if network.source == source), None)


def _load_entry_points() -> None:
    """Import the modules that installed packages name in the group ``mxbench.networks``; they register themselves."""
    global _entry_points_loaded
    if _entry_points_loaded:
        return
    _entry_points_loaded = True
    for entry_point in _entry_points():
        try:
            entry_point.load()
        except Exception as error:  # a broken package must not take the other networks away
            warnings.warn(f"networks of the entry point {entry_point.name} = {entry_point.value} are left out: "
                          f"{type(error).__name__}: {error}", RuntimeWarning, stacklevel=3)


def _entry_points() -> list:
    found = importlib.metadata.entry_points()
    if hasattr(found, "select"):  # Python 3.10 and later
        return list(found.select(group=ENTRY_POINT_GROUP))
    # Python 3.8 and 3.9 have a dict, with a package that is on the path twice in it twice.
    return list(dict.fromkeys(found.get(ENTRY_POINT_GROUP, ())))
