"""The one kind of error that a user can mend: shown as a single line, exit code 2."""

from __future__ import annotations

import difflib
from typing import Iterable


class UserError(Exception):
    """What was given, what is allowed and what to do, in one line; the command line prints it and exits with 2."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """A clause that names the nearest allowed name, or lists all of them: ``did you mean resnet-50?``"""
    allowed = list(allowed)
    close = difflib.get_close_matches(given.lower(), allowed, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"choose from {', '.join(allowed)}"
