"""What the records of one cell say together: one figure, its interval and a verdict, over all its processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .record import OK, OUT_OF_MEMORY, SKIPPED, Cell, Predicted, Record, latest
from .statistics import Interval, half_width, process_interval
from .warnings import describe

TOLERANCE = 0.05  # half-width of the interval, relative to the median, up to which a figure is to be trusted


@dataclass(frozen=True)
class Summary:
    """All records of one cell, made under the same conditions; at least one."""

    cell: Cell
    records: Tuple[Record, ...]

    @property
    def status(self) -> str:
        """``ok`` if any process finished, else how the last one ended."""
        return OK if self._finished() else self.records[-1].status

    @property
    def message(self) -> str:
        """Why there is no figure."""
        return "" if self._finished() else self.records[-1].message

    @property
    def inferred(self) -> bool:
        """Whether the cell was not run, because a smaller batch size ran out of memory."""
        return self.records[-1].inferred

    @property
    def display_name(self) -> str:
        """The network's name in tables."""
        return self.records[-1].model.get("display_name") or self.cell.network

    @property
    def reference_top5(self) -> Optional[float]:
        """Published top-5 accuracy on ImageNet in percent, None if unknown."""
        return self.records[-1].model.get("reference_top5")

    @property
    def images_per_second(self) -> Optional[float]:
        """Median of the processes' medians."""
        medians = self._medians()
        return median(medians) if medians else None

    @property
    def interval(self) -> Optional[Interval]:
        """95 % interval of the speed: between processes if there are several, else between the windows of the one."""
        finished = self._finished()
        if len(finished) == 1:
            return finished[0].speed.interval
        return process_interval(self._medians())

    @property
    def half_width(self) -> Optional[float]:
        """Half the width of the interval, relative to the speed."""
        return half_width(self.interval, self.images_per_second)

    @property
    def memory_mib(self) -> Optional[float]:
        """Median of the processes' memory."""
        taken = [record.memory.mib for record in self._finished() if record.memory]
        return median(taken) if taken else None

    @property
    def predicted(self) -> Optional[Predicted]:
        """Memory that was predicted for the cell."""
        return self.records[-1].predicted

    @property
    def warnings(self) -> List[str]:
        """Every warning of the records in plain words, each once."""
        entries = [entry for record in self.records for entry in record.warnings]
        return list(dict.fromkeys(describe(entry) for entry in entries))

    def doubts(self, tolerance: float = TOLERANCE) -> List[str]:
        """Why the cell is not to be trusted, in plain words; nothing for one that is."""
        if self.status in (OUT_OF_MEMORY, SKIPPED):
            return []
        if self.status != OK:
            return [f"{self.status}: {self.message}"]
        reasons = list(self.warnings)
        if self.half_width is None:
            reasons.insert(0, "too few windows for an interval")
        elif self.half_width > tolerance:
            reasons.insert(0, f"not known to within {tolerance:.1%}")
        return reasons

    def _finished(self) -> List[Record]:
        return [record for record in self.records if record.status == OK]

    def _medians(self) -> List[float]:
        return [record.speed.images_per_second for record in self._finished()]


def summarise(records: Sequence[Record]) -> List[List[Summary]]:
    """Groups of cells that may stand in one table, in order of appearance.

    Records of unlike machines, protocols, inputs or settings come into groups of their own; within a group there is one
    summary for every network and batch size.
    """
    groups: Dict[str, Dict[Cell, List[Record]]] = {}
    for record in latest(list(records)):
        group = groups.setdefault(json.dumps(record.surroundings(), sort_keys=True), {})
        group.setdefault(record.cell, []).append(record)
    return [[Summary(cell, tuple(found)) for cell, found in group.items()] for group in groups.values()]


def by_reason(summaries: Sequence[Summary], reasons: Callable[[Summary], Sequence[str]]) -> List[str]:
    """One line for each reason, with the cells that it concerns: what is said of many cells is said once."""
    concerned: Dict[str, List[str]] = {}
    for summary in summaries:
        for reason in reasons(summary):
            concerned.setdefault(reason, []).append(f"{summary.display_name} {summary.cell.batch_size}")
    return [f"{reason}: {_cells_text(cells, len(summaries))}" for reason, cells in concerned.items()]


def _cells_text(cells: Sequence[str], count: int) -> str:
    return f"all {count} cells" if len(cells) == count > 1 else ", ".join(cells)


def differences(first: Record, second: Record) -> Dict[str, tuple]:
    """The fields in which the surroundings of two records differ, with both values."""
    one, other = first.surroundings(), second.surroundings()
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}
