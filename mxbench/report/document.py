"""The report of results files: what the command prints and the README shows."""

from __future__ import annotations

from typing import Callable, List, Sequence

from ..errors import UserError, nearest
from ..results import store
from ..results.record import Record
from ..results.summary import summarise
from . import formats
from .beside import side_by_side
from .tables import table


def load(paths: Sequence, tell: Callable[[str], None] = lambda line: None) -> List[Record]:
    """All records of some results files; ``tell`` is given a line for each line that is none.

    Raises:
        UserError: a file cannot be read, or there is no record in any.
    """
    records: List[Record] = []
    for path in paths:
        found, problems = store.read(path)
        records += found
        for problem in problems:
            tell(str(problem))
    if not records:
        raise UserError(f"no measurement in {', '.join(str(path) for path in paths)}: make one with mxbench run")
    return records


def refuse_stand_ins(records: Sequence[Record]) -> None:
    """Keep figures of stand-in CUDA libraries, which compute nothing, out of everything that is published.

    Raises:
        UserError: there is one among the records.
    """
    if any(record.machine.get("stand_in") for record in records):
        raise UserError("the results come from stand-in CUDA libraries, which compute nothing, and are never "
                        "published: measure on a real GPU")


def select(records: Sequence[Record], networks: Sequence[str] = (), batch_sizes: Sequence[int] = ()) -> List[Record]:
    """The records of some networks and batch sizes; of all where none is given.

    Raises:
        UserError: there is no record of a network or of a batch size that is asked for, or none of both together.
    """
    known = dict.fromkeys(record.cell.network for record in records)
    for name in networks:
        if name not in known:
            raise UserError(f"the results hold no network {name!r}: {nearest(name, known)}")
    sizes = sorted({record.cell.batch_size for record in records})
    for size in batch_sizes:
        if size not in sizes:
            raise UserError(f"the results hold no batch size {size}: choose from {', '.join(map(str, sizes))}")
    found = [record for record in records if (not networks or record.cell.network in networks)
             and (not batch_sizes or record.cell.batch_size in batch_sizes)]
    if not found:
        raise UserError("the results hold none of these networks at these batch sizes: leave out --networks or "
                        "--batch-sizes")
    return found


def build(records: Sequence[Record], spread: bool = False, predicted: bool = False, marks: bool = False,
          sort: str = "published", form: str = "markdown", beside: bool = False, roofline: bool = False,
          **options) -> str:
    """The report: a speed and a memory table for each set of conditions in the records, or one of each with ``beside``.

    Args:
        spread: show the interval beside each speed.
        predicted: show the prediction beside each memory.
        marks: mark cells that a note concerns, instead of listing them.
        sort: one of :data:`mxbench.report.tables.SORTS`.
        form: one of :data:`mxbench.report.formats.FORMATS`.
        roofline: add a table of the arithmetic per second and its share of the peak.
        options: go to the format's ``render``.
    """
    shown = {"spread": spread, "predicted": predicted, "marks": marks, "sort": sort, "roofline": roofline}
    groups = summarise(records)
    tables = [side_by_side(groups, **shown)] if beside else [table(summaries, **shown) for summaries in groups]
    return formats.render(form, tables, **options)
