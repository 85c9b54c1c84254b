"""Figures of results. Each is a pure function of what it shows: ``collect`` takes that from records, ``draw`` draws it.

A module for each kind of figure; matplotlib is imported only when one is drawn.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from ...errors import UserError
from ...results.record import Record
from ...results.summary import summarise
from ..beside import label_groups
from ..tables import Table, table
from . import canvas, choice, curves, rows, scaling, windows
from .canvas import FORMATS
from .published import compared_with_published, reproduction

__all__ = ["FORMATS", "KINDS", "Kind", "Plot", "Undrawable", "collect"]


class Kind(NamedTuple):
    """One kind of figure. ``collect`` raises :class:`UserError` with the reason where there is nothing to show.

    ``arrange`` makes of the records what ``collect`` takes, each under a label that tells it from the others.
    """

    about: str
    collect: Callable[[Any], Any]
    draw: Callable[[Any], Any]
    arrange: Callable[[Sequence[Record]], Sequence[Tuple[str, Any]]]


def _tables(records: Sequence[Record]) -> List[Tuple[str, Table]]:
    found = [table(summaries) for summaries in summarise(records)]
    return list(zip(label_groups(found), found))


KINDS: Dict[str, Kind] = {
    "speed": Kind("speed over batch size", curves.speed, curves.draw, _tables),
    "memory": Kind("memory over batch size", curves.memory, curves.draw, _tables),
    "choice": Kind("accuracy against speed, with memory as the area", choice.choices, choice.draw, _tables),
    "predicted": Kind("measured against predicted memory", rows.measured_against_predicted, rows.draw, _tables),
    "published": Kind("speed as a ratio to that of the published table", compared_with_published, rows.draw, _tables),
    "reproduction": Kind("predicted against published memory of 2017", reproduction, rows.draw, _tables),
    "scaling": Kind("speed and efficiency over the number of workers", scaling.scaling, scaling.draw, scaling.tables),
    "windows": Kind("timed windows of one cell: the least certain one", windows.windows, windows.draw, _tables),
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
    plots: List[Plot] = []
    undrawable: List[Undrawable] = []
    for kind in kinds:
        try:
            found = KINDS[kind].arrange(records)
        except UserError as reason:
            undrawable.append(Undrawable(kind, kind, str(reason)))
            continue
        for label, one in found:
            name = f"{kind}-{_slug(label)}" if len(found) > 1 else kind
            try:
                plots.append(Plot(kind, name, KINDS[kind].collect(one)))
            except UserError as reason:
                undrawable.append(Undrawable(kind, name, str(reason)))
    return plots, undrawable


def _slug(label: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in label.lower()).split())
