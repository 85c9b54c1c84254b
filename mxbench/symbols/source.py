"""Functions in files: ``path/to/module.py:function``, so that any process can find a user's network again."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from pathlib import Path
from typing import Callable, List, Tuple

from .. import runtime
from ..errors import UserError, nearest


def is_source(text: str) -> bool:
    """Whether ``text`` is meant as a file rather than as a network's name."""
    return ".py" in text or "/" in text or "\\" in text


def resolve_source(text: str) -> str:
    """``text`` with an absolute path, the same for every spelling of it.

    Raises:
        UserError: it does not name a function in a Python file that exists.
    """
    path, function = split_source(text)
    if path.suffix != ".py" or not function.isidentifier():
        raise UserError(f"{text!r} is no network: give path/to/module.py:function")
    if not path.is_file():
        raise UserError(f"no such file: {path} (a network of your own is given as path/to/module.py:function)")
    return f"{path.resolve()}:{function}"


def split_source(source: str) -> Tuple[Path, str]:
    """The file and the function of ``source``; the function is empty if none is given."""
    # A drive letter's colon is no separator: what follows it is a path.
    path, colon, function = source.rpartition(":")
    return (Path(path), function) if colon and not set(function) & set("/\\") else (Path(source), "")


def source_of(function: Callable) -> str:
    """Where ``function`` can be imported from again, as ``/path/to/module.py:function``.

    Raises:
        UserError: another process could not import it: it is not at the top level of a module in a file.
    """
    name = getattr(function, "__qualname__", "")
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if getattr(module, "__file__", None) is None or getattr(module, name, None) is not function:
        raise UserError(f"{name or function!r} cannot be registered: give a function at the top level of a module's "
                        "file, so that the process that measures it can import it")
    return f"{Path(module.__file__).resolve()}:{name}"


def load_function(source: str) -> Callable:
    """Import the function that ``source`` names.

    A file inside a package is imported as part of it, any other file by itself, with its folder open to its imports.

    Raises:
        UserError: the file cannot be imported or has no such function.
    """
    path, name = split_source(source)
    runtime.load()  # prepares what MXNet needs, for a file that imports MXNet by itself
    try:
        module = _import_file(path)
    except (Exception, SystemExit) as error:  # whatever a user's file does on import
        raise UserError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UserError(f"{path} has no function {name!r}" + (f": {nearest(name, known)}" if known else ""))
    return function


def _import_file(path: Path):
    for module in list(sys.modules.values()):
        file = Path(getattr(module, "__file__", None) or "")
        if file.name == path.name and file.resolve() == path:
            return module
    root, package = _package_of(path)
    if str(root) not in sys.path:
        sys.path.append(str(root))
    if package:
        return importlib.import_module(".".join(package + [path.stem]))
    # The name must not hide another module, nor a file of the same name in another folder.
    name = f"mxbench_network_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _package_of(path: Path) -> Tuple[Path, List[str]]:
    """The folder to import ``path`` from and the names of the packages between the two."""
    root, package = path.parent, []
    while (root / "__init__.py").is_file():
        package.insert(0, root.name)
        root = root.parent
    return root, package
