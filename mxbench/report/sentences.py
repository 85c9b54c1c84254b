"""Single sentences that pages say of results: what stands out, how much is noise, how close predictions come."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from statistics import median
from typing import List

from ..errors import UserError
from ..predict import published
from ..results import accounts
from ..results.comparison import VERDICTS, compare
from ..results.overall import rankings
from ..results.published import records as published_records
from ..results.record import OK, Record
from ..results.runs import match_published
from ..results.summary import Summary, summarise
from ..symbols.export import json_path
from .comparison import ranking_text
from .tables import Table, accuracy_text, memory_text, speed_text, table


def highlights(records: List[Record]) -> str:
    """A list with an item for each set of conditions: what is fastest, smallest and most accurate there."""
    return "".join(f"\n- {_highlight(table(summaries))}" for summaries in summarise(records)) + "\n\n"


def _highlight(one: Table) -> str:
    """At the smallest batch size at which most networks have a figure."""
    finished = {size: [cell for cell in one.column(size) if cell and cell.status == OK] for size in one.batch_sizes}
    size = max(finished, key=lambda size: len(finished[size]))
    cells = finished[size]
    if not cells:
        raise UserError(f"no cell measured on {one.device()} has a figure to tell of")
    fastest = max(cells, key=lambda cell: cell.images_per_second)
    smallest = min(cells, key=lambda cell: float("inf") if cell.memory_mib is None else cell.memory_mib)
    best = max(cells, key=lambda cell: cell.reference_top5 or 0)
    return (f"{one.device()}, batch size {size}: {fastest.display_name} is the fastest with {speed_text(fastest)} "
            f"images/sec, {smallest.display_name} the smallest with {memory_text(smallest)} MiB, {best.display_name} "
            f"the most accurate with {accuracy_text(best.reference_top5)} at {speed_text(best)} images/sec and "
            f"{memory_text(best)} MiB.")


def pairs(records: List[Record]) -> str:
    """What an A/A test found; the records of its pairs stand one after the other."""
    single = [Summary(record.cell, (record,)) for record in records if record.status == OK]
    compared = [compare(first, second) for first, second in zip(single[::2], single[1::2])]
    if not compared:
        raise UserError("pairs need the results of an A/A test: make them with mxbench aa")
    ratios = [found.ratio for found in compared]
    verdicts = Counter(found.verdict for found in compared)
    example, machine = single[0], single[0].records[0].machine
    counted = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS if verdicts[verdict])
    largest = max(abs(ratio - 1) for ratio in ratios)
    return (f"{example.display_name} at batch size {example.cell.batch_size}, measured in {len(compared)} pairs of "
            f"processes on {machine['cores']} cores of the CPU {machine['cpu']}, came out at ratios from "
            f"{min(ratios):.3f} to {max(ratios):.3f}: differences of up to {largest:.1%} that mean nothing. The method's "
            f"verdicts on the pairs: {counted}.\n")


def reproduction(records: List[Record]) -> str:
    """How close predictions come to the published memory table."""
    names = {record.cell.network for record in records}
    cells = published.cells([asdict(record) for record in records], {name: json_path(name) for name in names})
    known = [cell for cell in cells if cell.published_mib is not None]
    errors = published.summarise([cell.error(published.fit_context_mib(known)) for cell in known])
    return (f"Over the {len(known)} cells of the published memory table the prediction is off by {errors.median:.1%} "
            f"in the median; nine in ten cells are within {errors.p90:.1%}, and all within {errors.largest:.1%}.\n")


def predictions(records: List[Record]) -> str:
    """How close predictions came to the memory that was then measured."""
    ratios = [record.memory.mib / record.predicted.low_mib - 1 for record in records
              if record.status == OK and record.predicted and record.predicted.low_mib == record.predicted.high_mib]
    if not ratios:
        raise UserError("predictions need cells for which one figure was predicted, as it is on a CPU")
    off = sorted(abs(ratio) for ratio in ratios)
    return (f"In the {len(off)} cells measured on a CPU above, the memory came out {min(ratios):+.1%} to "
            f"{max(ratios):+.1%} from what was predicted before the run, {median(off):.1%} in the median.\n")


def duration(records: List[Record]) -> str:
    """How long a run took, whose records stand in the order in which they were made, and what the time went into."""
    first, last = (datetime.fromisoformat(record.time) for record in (records[0], records[-1]))
    seconds = (last - first).total_seconds() + records[0].seconds.get("total", 0.0)
    parts = accounts.parts_text(accounts.accounts(records, seconds))
    return f"The run of {len(records)} cells took {accounts.duration_text(seconds)}: {parts}.\n"


def ranking(records: List[Record]) -> str:
    """A list of how far the order of the networks by speed is that of the published table, batch size by batch size."""
    matches = match_published(published_records(), records)
    return "".join(f"\n- {ranking_text(one)}" for match in matches for one in rankings(match.pairs)) + "\n\n"
