"""Files of parameters, as MXNet writes them (``.params``)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict

from ..errors import UserError
from ..runtime import mx


def read(path) -> Dict[str, "mx.nd.NDArray"]:
    """The arrays of a file by name.

    Raises:
        UserError: the file cannot be read, or holds no named arrays.
    """
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        arrays = mx.nd.load(str(path))
    except mx.MXNetError:
        raise UserError(f"{path} is no file of parameters: give one written by mx.nd.save, Module.save_checkpoint or "
                        "Block.save_parameters") from None
    if not isinstance(arrays, dict) or not arrays:
        raise UserError(f"{path} holds no arrays with names: give one written by Module.save_checkpoint or "
                        "Block.save_parameters")
    return arrays


def write(path, arrays: Dict[str, "mx.nd.NDArray"]) -> None:
    """Write named arrays; a file of that name stays whole until the new one is.

    Raises:
        UserError: the file cannot be written.
    """
    unfinished = Path(f"{path}.part")
    try:
        with open(unfinished, "wb"):
            pass
        mx.nd.save(str(unfinished), arrays)
        os.replace(unfinished, path)
    except (OSError, mx.MXNetError) as error:
        if unfinished.is_file():
            unfinished.unlink()
        reason = getattr(error, "strerror", None) or str(error).splitlines()[-1]
        raise UserError(f"cannot write {path}: {reason}") from None
