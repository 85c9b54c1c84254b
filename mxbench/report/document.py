"""The report of results files: what the command prints and the README shows."""

from __future__ import annotations

from typing import Callable, List, Sequence

from ..errors import UserError
from ..results import store
from ..results.record import Record
from ..results.summary import summarise
from . import markdown
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
        raise UserError("the results come from stand-in CUDA libraries, which compute nothing, and are never published: "
                        "measure on a real GPU")


def build(records: Sequence[Record], spread: bool = False, predicted: bool = False, **form) -> str:
    """The report as Markdown: a speed and a memory table for each set of conditions in the records.

    ``spread`` shows the interval beside each speed, ``predicted`` the prediction beside each memory; ``form`` goes to
    :func:`mxbench.report.markdown.render`.
    """
    return markdown.render([table(summaries, spread, predicted) for summaries in summarise(records)], **form)
