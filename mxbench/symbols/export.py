"""The zoo's networks as MXNet symbol JSON, for users of other languages and for what reads them without MXNet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

from ..errors import UserError, nearest
from .network import Network
from .registry import ZOO_NAMES, get_network

_FOLDER = Path(__file__).with_name("json")


def json_path(name: str) -> Path:
    """The JSON file, with 1000 classes, of a network that comes with mxbench.

    Raises:
        UserError: ``name`` is none of the zoo's.
    """
    if name not in ZOO_NAMES:
        raise UserError(f"no symbol file comes with mxbench for {name!r}: {nearest(name, ZOO_NAMES)}")
    return _FOLDER / _file_name(name)


def graph_of(network: Network) -> Union[str, dict]:
    """The network's graph for :func:`mxbench.predict.load`: its file, or its JSON where none comes with mxbench."""
    return str(json_path(network.name)) if network.name in ZOO_NAMES else json.loads(network.get_symbol().tojson())


def export_symbols(folder: Union[str, Path], names: Optional[Sequence[str]] = None,
                   num_classes: int = 1000) -> List[Path]:
    """Write ``NAME-symbol.json`` into ``folder`` for each network and return the paths.

    The files, the same byte for byte whenever they are written, load with ``mx.sym.load``.

    Args:
        folder: made if missing.
        names: networks, the zoo's 16 if None.

    Raises:
        UserError: a name is unknown, or the folder cannot be written.
    """
    texts = _texts(names, num_classes)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / file_name, text) for file_name, text in texts.items()]
    except OSError as error:
        raise UserError(f"cannot write symbols to {folder}: {error.strerror}") from error


def stale_symbols(folder: Union[str, Path], names: Optional[Sequence[str]] = None,
                  num_classes: int = 1000) -> List[Path]:
    """The files in ``folder`` that are missing or differ from what :func:`export_symbols` would write."""
    expected = {Path(folder) / file_name: text for file_name, text in _texts(names, num_classes).items()}
    return [path for path, text in expected.items() if not path.is_file() or path.read_bytes() != text.encode()]


def _texts(names: Optional[Sequence[str]], num_classes: int) -> Dict[str, str]:
    """What each file holds, by the file's name."""
    networks = map(get_network, ZOO_NAMES if names is None else names)
    return {_file_name(network.name): network.get_symbol(num_classes).tojson() + "\n" for network in networks}


def _file_name(name: str) -> str:
    # The name of a network in a user's file has a colon, which not every file system takes.
    return f"{name.replace(':', '-')}-symbol.json"


def _write(path: Path, text: str) -> Path:
    # Renamed into place, so that a reader never finds half a file.
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(text.encode())
    os.replace(unfinished, path)
    return path
