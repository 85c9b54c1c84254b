"""Figures of results. Each is a pure function of what it shows: ``collect`` takes that from records, ``draw`` draws it.

A module for each kind of figure; matplotlib is imported only when one is drawn.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from ...errors import UserError
from ...results.record import Record
from ...results.summary import summarise
from ..beside import label_groups
from ..tables import Table, table
from . import canvas, choice, curves, rows, windows
from .canvas import FORMATS
from .published import compared_with_published, reproduction

__all__ = ["FORMATS", "KINDS", "Kind", "Plot", "Undrawable", "collect"]


class Kind(NamedTuple):
    """One kind of figure. ``collect`` raises :class:`UserError` with the reason where there is nothing to show."""

    about: str
    collect: Callable[[Table], Any]
    draw: Callable[[Any], Any]


KINDS: Dict[str, Kind] = {
    "speed": Kind("speed over batch size", curves.speed, curves.draw),
    "memory": Kind("memory over batch size", curves.memory, curves.draw),
    "choice": Kind("accuracy against speed, with memory as the area", choice.choices, choice.draw),
    "predicted": Kind("measured against predicted memory", rows.measured_against_predicted, rows.draw),
    "published": Kind("speed as a ratio to that of the published table", compared_with_published, rows.draw),
    "reproduction": Kind("predicted against published memory of 2017", reproduction, rows.draw),
    "windows": Kind("timed windows of one cell: the least certain one", windows.windows, windows.draw),
}


class Plot(NamedTuple):
    """A figure that can be drawn: its kind, what it shows, and a name that is a file's without a suffix."""

    kind: str
    name: str
    shown: Any

    def draw(self, form: str) -> bytes:
        """The file as ``svg`` or ``png``.

        Raises:
            UserError: matplotlib is missing.
        """
        with canvas.style():
            return canvas.render(KINDS[self.kind].draw(self.shown), form)


class Undrawable(NamedTuple):
    """A figure that the records give nothing for, and why."""

    kind: str
    name: str
    reason: str


def collect(records: Sequence[Record], kinds: Sequence[str] = tuple(KINDS)) -> tuple:
    """What can be drawn of the records, a figure for each kind and set of conditions, and what cannot.

    Returns:
        A list of :class:`Plot` and a list of :class:`Undrawable`.
    """
    tables = [table(summaries) for summaries in summarise(records)]
    names = [f"-{_slug(label)}" for label in label_groups(tables)] if len(tables) > 1 else [""]
    plots: List[Plot] = []
    undrawable: List[Undrawable] = []
    for kind in kinds:
        for one, name in zip(tables, names):
            try:
                plots.append(Plot(kind, kind + name, KINDS[kind].collect(one)))
            except UserError as reason:
                undrawable.append(Undrawable(kind, kind + name, str(reason)))
    return plots, undrawable


def _slug(label: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in label.lower()).split())
