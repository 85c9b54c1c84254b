"""Tables as CSV: a row for each cell, with its conditions and all its figures."""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, List, Sequence

from ..tables import Table
from .figures import cells


def render(tables: Sequence[Table]) -> str:
    """All cells of all tables under one head. What a cell does not have is empty; lists are joined by "; "."""
    return text([{**_conditions(table), **found} for table in tables for found in cells(table)])


def text(rows: Sequence[Dict[str, Any]]) -> str:
    """Rows under a head that has the names of all of them."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    target = io.StringIO()
    writer = csv.DictWriter(target, heads, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return target.getvalue()


def _conditions(table: Table) -> Dict[str, Any]:
    return {"device": table.device().partition(": ")[2], **table.example.surroundings()}


def _cell(value) -> Any:
    if isinstance(value, (list, tuple)):
        parts: List[str] = [str(one) for one in value]
        return "; ".join(parts)
    return value
