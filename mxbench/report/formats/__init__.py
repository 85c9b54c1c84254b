"""Tables as text: a module for each format, each with ``render(tables, **options)``."""

from __future__ import annotations

import importlib

FORMATS = ("markdown", "csv", "json", "latex")


def render(form: str, tables, **options) -> str:
    """The tables in one of :data:`FORMATS`."""
    return importlib.import_module(f".{form}", __name__).render(tables, **options)
