"""Tables as JSON: for each table the conditions and a list of cells with all their figures."""

from __future__ import annotations

import json
from typing import Any, Dict, Sequence

from ..tables import Table
from .figures import cells


def render(tables: Sequence[Table]) -> str:
    """One object: ``tables``, each with ``conditions``, ``software`` and ``cells``."""
    content = [{
        "device": table.device(),
        "conditions": table.example.surroundings(),
        "software": table.example.software,
        "cells": list(cells(table)),
    } for table in tables]
    return text({"tables": content})


def text(content: Dict[str, Any]) -> str:
    """The content indented, with a newline at its end."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
