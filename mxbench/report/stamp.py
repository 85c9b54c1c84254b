"""Tells whether a figure in a folder is up to date, without drawing it.

Matplotlib's versions write the same figure in different bytes, so that drawing it again and comparing would fail on
another version without a reason. An SVG file carries instead what it was made from, and what it was when it was made:
one digest of what it shows and of the code that draws, and one of its own bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Optional

from .plots import KINDS, Plot, canvas, labels

_STAMP = re.compile(rb"<!-- mxbench figure: made from ([0-9a-f]{64}), drawn as ([0-9a-f]{64}) -->\n\Z")
_SIGNIFICANT_DIGITS = 9  # libraries may differ in the last digits of an interval


def stamped(plot: Plot) -> bytes:
    """The figure as SVG with its stamp.

    Raises:
        UserError: matplotlib is missing.
    """
    drawn = plot.draw("svg")
    return drawn + f"<!-- mxbench figure: made from {_made_from(plot)}, drawn as {_sha256(drawn)} -->\n".encode()


def fault(path: Path, plot: Plot) -> Optional[str]:
    """What is wrong with the file of a figure, None if nothing."""
    if not path.is_file():
        return "is missing"
    content = path.read_bytes()
    stamp = _STAMP.search(content)
    if not stamp or stamp[2].decode() != _sha256(content[:stamp.start()]):
        return "was changed after it was drawn"
    return None if stamp[1].decode() == _made_from(plot) else "shows other results, or was drawn by other code"


def _made_from(plot: Plot) -> str:
    return _sha256(json.dumps([plot.kind, _rounded(plot.shown)]).encode() + _code(plot))


def _code(plot: Plot) -> bytes:
    """The source of all that draws the figure: the module of its kind, and what all kinds share."""
    drawing = sys.modules[KINDS[plot.kind].draw.__module__]
    return b"".join(Path(module.__file__).read_bytes() for module in (drawing, canvas, labels))


def _rounded(value):
    if isinstance(value, float):
        return f"{value:.{_SIGNIFICANT_DIGITS}g}"
    return [_rounded(one) for one in value] if isinstance(value, tuple) else value


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
