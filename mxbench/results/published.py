"""The table that was published for a TITAN X in 2017, as records."""

from __future__ import annotations

from pathlib import Path
from typing import List

from . import store
from .record import Record

NAME = "published for a Maxwell TITAN X in 2017"
_FILE = Path(__file__).with_name("published-titan-x.jsonl")


def records() -> List[Record]:
    """The 64 cells of the table."""
    return store.read(_FILE)[0]
