"""Keeps what pages say and show of measurements equal to the results files.

A page marks each generated part, which is replaced as a whole; all paths are relative to the project's folder::

    <!-- begin tables results/published-titan-x.jsonl -->
    <!-- end tables -->
    <!-- begin plot choice docs/images/choice.svg results/cpu.jsonl -->
    <!-- end plot -->

``tables`` are the speed and the memory table of results files, ``roofline`` the table of their arithmetic, ``scaling`` the
scaling report; ``plot`` is a figure of the kind that is named first, kept in the file that is named next; the other kinds
are the functions of :mod:`mxbench.report.sentences`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

from ..errors import UserError, nearest
from ..results.record import Record
from ..results.summary import summarise
from . import scaling, sentences
from .document import build, load, refuse_stand_ins
from .formats import markdown
from .plots import KINDS, Plot, collect
from .tables import table

_PART = re.compile(
    r"<!-- begin (?P<kind>\S+) (?P<arguments>[^\n]*\S) -->\n(?P<body>.*?)<!-- end (?P=kind) -->", re.DOTALL)
_BEGIN = re.compile(r"<!-- begin ")


class Page(NamedTuple):
    """A page made anew, and the figures that it shows by the paths of their files."""

    text: str
    figures: Dict[Path, Plot]


def regenerate(text: str, project: Path, beside: str = "") -> Page:
    """The page with every generated part made anew.

    Args:
        text: the page.
        project: the folder that paths in marks are relative to.
        beside: the page's own folder, relative to that of the project, from which it refers to its figures.

    Raises:
        UserError: a part has no end or is of an unknown kind, or its results file cannot be read.
    """
    if len(_BEGIN.findall(text)) != len(_PART.findall(text)):
        raise UserError("a generated part of the page is not closed: each <!-- begin KIND FILE --> needs its "
                        "<!-- end KIND -->")
    figures: Dict[Path, Plot] = {}

    def made(part) -> str:
        kind, arguments = part["kind"], part["arguments"].split()
        if kind == "plot":
            path, plot = _plot(arguments, project)
            figures[project / path] = plot
            body = f"![{_described(plot)}]({Path(os.path.relpath(path, beside or '.')).as_posix()})\n"
        elif kind in _TEXTS:
            body = _TEXTS[kind](_records(arguments, project))
        else:
            raise UserError(f"there is no generated part of the kind {kind!r}: {nearest(kind, ['plot', *_TEXTS])}")
        return f"<!-- begin {kind} {part['arguments']} -->\n{body}<!-- end {kind} -->"

    return Page(_PART.sub(made, text), figures)


def _records(paths: List[str], project: Path) -> List[Record]:
    records = load([project / path for path in paths])
    refuse_stand_ins(records)
    return records


def _plot(arguments: List[str], project: Path) -> Tuple[str, Plot]:
    """The figure's file and the figure that a mark asks for."""
    if len(arguments) < 3:
        raise UserError(f"a plot's mark says {' '.join(arguments)!r}: name its kind, its file and a results file")
    kind, path, *results = arguments
    if kind not in KINDS:
        raise UserError(f"there is no plot of the kind {kind!r}: {nearest(kind, KINDS)}")
    plots, undrawable = collect(_records(results, project), [kind])
    if undrawable or len(plots) != 1:
        reason = undrawable[0].reason if undrawable else "the results are of several sets of conditions"
        raise UserError(f"no plot {kind} of {' '.join(results)}: {reason}")
    return path, plots[0]


def _described(plot: Plot) -> str:
    """What stands in for the figure where it cannot be seen."""
    about = KINDS[plot.kind].about
    return f"{about[0].upper()}{about[1:]}. {plot.shown.subtitle}"


def _tables(records: List[Record]) -> str:
    return build(records, spread=any(record.speed and record.speed.interval for record in records), marks=True,
                 title="", level=3)


def _roofline(records: List[Record]) -> str:
    tables = [table(summaries, roofline=True) for summaries in summarise(records)]
    return markdown.roofline(tables, level=3)


def _scaling(records: List[Record]) -> str:
    return scaling.build(records, title="", level=3)


_TEXTS: Dict[str, Callable[[List[Record]], str]] = {
    "tables": _tables, "roofline": _roofline, "scaling": _scaling, "highlights": sentences.highlights,
    "pairs": sentences.pairs, "reproduction": sentences.reproduction, "predictions": sentences.predictions,
    "duration": sentences.duration, "ranking": sentences.ranking,
}
