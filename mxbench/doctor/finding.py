"""What a check finds."""

from __future__ import annotations

from typing import NamedTuple

OK, WARNING, FAILURE = "OK", "warning", "failure"


class Finding(NamedTuple):
    """One line of the report: how bad it is, what it is about, what was found, and what to do about it."""

    level: str
    subject: str
    found: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """What was found and what to do."""
        return f"{self.found}: {self.advice}" if self.advice else self.found
