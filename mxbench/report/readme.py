"""Keeps what a page says of measurements equal to the results files.

A page marks each generated part, which is replaced as a whole::

    <!-- begin tables results/published-titan-x.jsonl -->
    <!-- end tables -->

``tables`` are the speed and the memory table of a results file; ``pairs`` is what an A/A test found; ``reproduction``
and ``predictions`` say how close predictions come to the published memory table and to the memory that was measured.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Callable, Dict, List

from ..errors import UserError, nearest
from ..predict import published
from ..results.comparison import VERDICTS, compare
from ..results.record import OK, Record
from ..results.summary import Summary
from ..symbols.export import json_path
from .document import build, load, refuse_stand_ins

_PART = re.compile(r"<!-- begin (?P<kind>\S+) (?P<path>\S+) -->\n(?P<body>.*?)<!-- end (?P=kind) -->", re.DOTALL)
_BEGIN = re.compile(r"<!-- begin ")


def regenerate(page: str, folder: Path) -> str:
    """The page with every generated part made anew; paths in it are relative to ``folder``.

    Raises:
        UserError: a part has no end or is of an unknown kind, or its results file cannot be read.
    """
    if len(_BEGIN.findall(page)) != len(_PART.findall(page)):
        raise UserError("a generated part of the page is not closed: each <!-- begin KIND FILE --> needs its <!-- end KIND -->")
    return _PART.sub(lambda part: _replace(part, folder), page)


def _replace(part, folder: Path) -> str:
    kind, path = part["kind"], part["path"]
    if kind not in _KINDS:
        raise UserError(f"there is no generated part of the kind {kind!r}: {nearest(kind, _KINDS)}")
    records = load([folder / path])
    refuse_stand_ins(records)
    return f"<!-- begin {kind} {path} -->\n{_KINDS[kind](records)}<!-- end {kind} -->"


def _tables(records: List[Record]) -> str:
    return build(records, spread=any(record.speed and record.speed.interval for record in records), title="", level=3)


def _pairs(records: List[Record]) -> str:
    """One sentence for the pairs of an A/A test, the records of which stand one after the other."""
    single = [Summary(record.cell, (record,)) for record in records if record.status == OK]
    compared = [compare(first, second) for first, second in zip(single[::2], single[1::2])]
    ratios = [found.ratio for found in compared]
    verdicts = Counter(found.verdict for found in compared)
    example, machine = single[0], single[0].records[0].machine
    counted = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS if verdicts[verdict])
    return (f"{example.display_name} at batch size {example.cell.batch_size}, measured in {len(compared)} pairs of processes on a "
            f"{machine['cpu']} with {machine['cores']} cores, came out at ratios from {min(ratios):.3f} to {max(ratios):.3f}: "
            f"differences of up to {max(abs(ratio - 1) for ratio in ratios):.1%} that mean nothing. The method's verdicts on the "
            f"pairs: {counted}.\n")


def _reproduction(records: List[Record]) -> str:
    """One sentence for how close predictions come to the published memory table."""
    names = {record.cell.network for record in records}
    cells = published.cells([asdict(record) for record in records], {name: json_path(name) for name in names})
    known = [cell for cell in cells if cell.published_mib is not None]
    errors = published.summarise([cell.error(published.fit_context_mib(known)) for cell in known])
    return (f"Over the {len(known)} cells of the published memory table the prediction is off by {errors.median:.1%} in the "
            f"median; nine in ten cells are within {errors.p90:.1%}, and all within {errors.largest:.1%}.\n")


def _predictions(records: List[Record]) -> str:
    """One sentence for how close predictions came to the memory that was then measured."""
    ratios = [record.memory.mib / record.predicted.low_mib - 1 for record in records
              if record.status == OK and record.predicted and record.predicted.low_mib == record.predicted.high_mib]
    off = sorted(abs(ratio) for ratio in ratios)
    return (f"In the {len(off)} cells measured on a CPU above, the memory came out {min(ratios):+.1%} to {max(ratios):+.1%} from "
            f"what was predicted before the run, {median(off):.1%} in the median.\n")


_KINDS: Dict[str, Callable[[List[Record]], str]] = {
    "tables": _tables, "pairs": _pairs, "reproduction": _reproduction, "predictions": _predictions,
}
