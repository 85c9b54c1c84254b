"""What only some users install: its tests are skipped without it, or fail where all of it is to be there."""

import importlib
import os

import pytest


def need(module: str, extra: str):
    """Import a module of an extra of setup.py; without it skip what runs, or fail it where MXBENCH_EXTRAS=required."""
    try:
        return importlib.import_module(module)
    except ImportError:
        reason = f"needs {module}: make test EXTRA=cpu,{extra}"
    if os.environ.get("MXBENCH_EXTRAS") == "required":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)
