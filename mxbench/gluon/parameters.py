"""One network's parameters under two names: the zoo's (``arg:conv1_weight``) and Gluon's (``features.0.weight``).

The n-th weight of the Symbol is the n-th weight of the block, and so for each kind of parameter: no table of names is
needed.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence

from ..errors import UserError
from ..runtime import mx
from ..symbols import get_symbol
from ..symbols.registry import ZOO_NAMES
from . import get_block

GLUON, SYMBOL = "gluon", "symbol"

# Kinds of parameters by the ends of their names; the Symbols' moving statistics are the blocks' running ones.
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "gamma", "beta": "beta", "moving_mean": "mean",
          "running_mean": "mean", "moving_var": "variance", "running_var": "variance"}


class Pair(NamedTuple):
    """One parameter: its name in the zoo's files, its name in Gluon's files, its shape."""

    symbol: str
    gluon: str
    shape: tuple


def shapes(symbol, image_shape: Sequence[int]) -> Dict[str, tuple]:
    """The shape of every parameter and auxiliary state of a Symbol, by its name in the zoo's files, in graph order."""
    arguments, _, states = symbol.infer_shape(data=(1, *image_shape))
    found = {f"arg:{name}": shape for name, shape in zip(symbol.list_arguments(), arguments)
             if name != "data" and not name.endswith("label")}
    found.update((f"aux:{name}", shape) for name, shape in zip(symbol.list_auxiliary_states(), states))
    return found


def match(symbol_names: Sequence[str], block_names: Sequence[str]) -> Dict[str, str]:
    """The name in the block for each name of the Symbol, by order within each kind.

    Raises:
        UserError: the two have not as many parameters of a kind.
    """
    ours, theirs = _by_kind(symbol_names), _by_kind(block_names)
    for kind in dict.fromkeys([*ours, *theirs]):
        counts = len(ours.get(kind, ())), len(theirs.get(kind, ()))
        if counts[0] != counts[1]:
            raise UserError(f"the Symbol has {counts[0]} parameters of the kind {kind} and the block {counts[1]}: they "
                            "are not the same network")
    return {name: other for kind in ours for name, other in zip(ours[kind], theirs[kind])}


def pairs(network: str, classes: int = 1000, image_shape: Optional[Sequence[int]] = None) -> List[Pair]:
    """All parameters of one of the zoo's 16 networks, in the order of its Symbol."""
    from ..symbols import get_network

    size = image_shape or get_network(network).image_shape
    found = shapes(get_symbol(network, classes, image_shape=size), size)
    names = match(list(found), list(get_block(network, classes)._collect_params_with_prefix()))
    return [Pair(name, names[name], shape) for name, shape in found.items()]


def convert(arrays: Dict[str, "mx.nd.NDArray"], network: str, to: str,
            image_shape: Optional[Sequence[int]] = None) -> Dict[str, "mx.nd.NDArray"]:
    """The parameters of a network under the names of the other kind of file.

    The number of classes is that of the given classifier.

    Args:
        arrays: what ``mx.nd.load`` read from a file of the zoo, or from one that ``Block.save_parameters`` wrote.
        to: ``gluon`` or ``symbol``.
        image_shape: for CaffeNet and VGG at another image size than their own; it decides the size of a layer.

    Raises:
        UserError: ``network`` is none of the 16, or parameters are missing, unknown or of another shape (named).
    """
    if network not in ZOO_NAMES:
        get_block(network)  # says which name is nearest
        raise UserError(f"{network} has no file in the model zoo: only mxbench's 16 networks are converted")
    source, target = (SYMBOL, GLUON) if to == GLUON else (GLUON, SYMBOL)
    expected = pairs(network, 1000, image_shape)
    classifier = [getattr(pair, source) for pair in expected if pair.symbol.endswith("_bias")][-1]
    if classifier in arrays and len(arrays[classifier].shape) == 1:
        expected = pairs(network, arrays[classifier].shape[0], image_shape)
    _check(arrays, expected, source, target, network)
    return {getattr(pair, target): arrays[getattr(pair, source)] for pair in expected}


def _check(arrays, expected: List[Pair], source: str, target: str, network: str) -> None:
    names = {getattr(pair, source): pair.shape for pair in expected}
    if names.keys().isdisjoint(arrays) and not {getattr(pair, target) for pair in expected}.isdisjoint(arrays):
        raise UserError(f"the file has {target} names already: give --to {source}, or leave it as it is")
    faults = {
        "missing": [name for name in names if name not in arrays],
        f"not in {network}": [name for name in arrays if name not in names],
        "of another shape": [f"{name} {arrays[name].shape} instead of {shape}" for name, shape in names.items()
                             if name in arrays and arrays[name].shape != shape],
    }
    told = [f"{fault}: {_some(found)}" for fault, found in faults.items() if found]
    if told:
        raise UserError(f"these are not the parameters of {network} with {source} names; {'; '.join(told)}")


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _by_kind(names: Sequence[str]) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for name in names:
        kind = next((kind for end, kind in _KINDS.items() if name.endswith(end)), "other")
        found.setdefault(kind, []).append(name)
    return found
