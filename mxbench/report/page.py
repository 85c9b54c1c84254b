"""Renders results as one HTML page that stands by itself: it opens from the disk and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import jinja2

from ..errors import UserError
from ..results.record import OK, STATUS_TEXT, Record
from ..results.summary import Summary, summarise
from . import plots
from .beside import label_groups
from .page_details import details
from .tables import Table, predicted_text, table

_TEMPLATES = Path(__file__).with_name("templates")
_SCRIPTS = ("page-sortable.js", "page.js")  # the library first


class Figure(NamedTuple):
    """A figure in a page: what it shows, of which conditions, and the image as a data URI, in which nothing can run."""

    about: str
    label: str
    image: str


class Shown(NamedTuple):
    """One row of a table: a cell with what is shown of it at once, and the number under which its details are found."""

    summary: Summary
    detail: int
    state: str
    marks: Tuple[str, ...]
    share: float

    @property
    def failure(self) -> str:
        """What stands in the place of the speed; empty where there is one."""
        return "" if self.summary.status == OK else STATUS_TEXT[self.summary.status]


class Section(NamedTuple):
    """A set of conditions with its cells; ``has`` says which columns have anything in them."""

    anchor: str
    label: str
    table: Table
    rows: Tuple[Shown, ...]
    software: Dict[str, str]
    measured: str
    has: Dict[str, bool]


def build(records: Sequence[Record], title: str = "Training speed and memory") -> str:
    """The page as HTML: a table for each set of conditions in the records, the figures, the details of every cell."""
    sections, found = _sections(records)
    figures, missing = _figures(sections)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(_TEMPLATES)), trim_blocks=True, lstrip_blocks=True, autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    scripts = [(_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    summaries = [row.summary for section in sections for row in section.rows]
    return environment.get_template("page.html").render(
        title=title, sections=sections, figures=figures, missing=missing, details=found, scripts=scripts,
        script_hashes=[_hash(script) for script in scripts],
        style=(_TEMPLATES / "page.css").read_text(encoding="utf-8"),
        batch_sizes=sorted({summary.cell.batch_size for summary in summaries}),
        finished=sum(summary.status == OK for summary in summaries), count=len(summaries),
        networks=len({summary.cell.network for summary in summaries}), predicted_text=predicted_text,
    )


def _sections(records: Sequence[Record]) -> Tuple[List[Section], List[Dict[str, Any]]]:
    """The sections of the page, and the details of all their rows."""
    tables = [table(summaries, predicted=True) for summaries in summarise(records)]
    sections: List[Section] = []
    found: List[Dict[str, Any]] = []
    for number, (one, label) in enumerate(zip(tables, label_groups(tables)), start=1):
        cells = [cell for row in one.rows for cell in row.cells if cell]
        fastest = max((cell.images_per_second for cell in cells if cell.status == OK), default=1.0)
        rows = []
        for cell in cells:
            rows.append(_shown(cell, len(found), fastest))
            found.append(details(cell))
        has = {"spread": any(cell.half_width is not None for cell in cells),
               "predicted": any(cell.predicted for cell in cells),
               "accuracy": any(cell.reference_top5 is not None for cell in cells)}
        sections.append(Section(f"conditions-{number}", label, one, tuple(rows), _software(one), _measured(cells), has))
    return sections, found


def _shown(cell: Summary, detail: int, fastest: float) -> Shown:
    """A row: ``trusted``, ``doubtful`` or ``none`` (no figure), with a mark for each doubt."""
    verdicts = {record.speed.verdict for record in cell.records if record.speed}
    marks = ["time limit"] * ("limited" in verdicts) + ["noisy"] * ("noisy" in verdicts)
    marks += [entry["warning"].replace("_", " ") for record in cell.records for entry in record.warnings]
    if cell.status != OK:
        return Shown(cell, detail, "none", ("inferred",) * cell.inferred, 0.0)
    marks += ["no interval"] * (cell.interval is None)
    state = "doubtful" if cell.doubts() else "trusted"
    return Shown(cell, detail, state, tuple(dict.fromkeys(marks)), cell.images_per_second / fastest)


def _software(found: Table) -> Dict[str, str]:
    """Machine, software and variables of a group; where its records differ, every value."""
    values: Dict[str, Dict[str, None]] = {}
    for record in (record for summary in found.summaries for record in summary.records):
        for name, value in {**record.machine, **record.software, **record.variables}.items():
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            if text:
                values.setdefault(name, {})[text] = None
    return {name: " / ".join(texts) for name, texts in values.items()}


def _figures(sections: Sequence[Section]) -> Tuple[List[Figure], List[str]]:
    """Every figure that can be drawn of the sections, and why there is none where none can be drawn at all."""
    drawable = []
    for section in sections:
        label = section.label if len(sections) > 1 else ""
        found, _ = plots.collect(_records([section]), [kind for kind in plots.KINDS if kind != "scaling"])
        drawable += [(label, plot) for plot in found]
    # Numbers of workers are sections of their own.
    drawable += [(plot.shown.subtitle, plot) for plot in plots.collect(_records(sections), ["scaling"])[0]]
    try:
        return [_figure(label, plot) for label, plot in drawable], []
    except UserError as reason:
        return [], [str(reason)]


def _figure(label: str, plot: plots.Plot) -> Figure:
    image = base64.b64encode(plot.draw("svg")).decode("ascii")
    return Figure(plots.KINDS[plot.kind].about, label, f"data:image/svg+xml;base64,{image}")


def _records(sections: Sequence[Section]) -> List[Record]:
    return [record for section in sections for row in section.rows for record in row.summary.records]


def _measured(cells: Sequence[Summary]) -> str:
    """From which day to which the cells were measured."""
    days = sorted({record.time[:10] for cell in cells for record in cell.records if record.time})
    return " to ".join(dict.fromkeys(days[:1] + days[-1:]))


def _hash(script: str) -> str:
    """What allows this script in the page's content security policy, which allows no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'"
