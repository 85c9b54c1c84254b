"""Several sets of conditions as one table: a group of columns for each machine, protocol or setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from ..results.summary import Summary, differences
from .roofline import COUNTED, peak_text
from .tables import Row, Table, arrange, table


@dataclass(frozen=True)
class SideBySide(Table):
    """Several tables as one, a group of columns for each; ``labels`` tells them apart."""

    parts: Tuple[Table, ...] = ()
    labels: Tuple[str, ...] = ()

    @property
    def legend(self) -> List[str]:
        """For each label the conditions that it stands for."""
        return [f"{label}: {'; '.join([part.device(), *(part.conditions() or [_protocol(part)])])}"
                for label, part in zip(self.labels, self.parts)]

    def roofline_conditions(self) -> List[str]:
        """What arithmetic is counted, and for each label what it is held against."""
        return [COUNTED, *(f"peak of {label}: {peak_text(part.summaries)}" for label, part in zip(self.labels, self.parts))]

    @property
    def columns(self) -> List[Tuple[str, int]]:
        """The columns of all parts, one part after the other."""
        return [(label, size) for label, part in zip(self.labels, self.parts)
                for size in part.batch_sizes]


def side_by_side(groups: Sequence[Sequence[Summary]], sort: str = "published", **shown) -> SideBySide:
    """One table of several groups, with a row for each network of any; a network that two define unlike has one row.

    ``shown`` is as for :func:`table`. Notes mark cells, since names of cells would not say which group is meant.
    """
    parts = tuple(table(group, **shown) for group in groups)
    by_name: Dict[str, Row] = {}
    for part in parts:
        for row in part.rows:
            by_name.setdefault(row.name, row)
    rows = []
    for name, known in by_name.items():
        cells = [cell for part in parts for cell in _cells_of(part, name)]
        rows.append(Row(name, known.reference_top5, tuple(cells)))
    summaries = tuple(summary for group in groups for summary in group)
    shown["marks"] = True
    return SideBySide(summaries, tuple(sorted({summary.cell.batch_size for summary in summaries})), arrange(rows, sort),
                      **shown, parts=parts, labels=tuple(label_groups(parts)))


def _cells_of(part: Table, name: str) -> Sequence[Optional[Summary]]:
    """The row of that name, a row of nothing where there is none."""
    return next((row.cells for row in part.rows if row.name == name), (None,) * len(part.batch_sizes))


def _protocol(part: Table) -> str:
    return f"protocol: {part.example.cell.protocol}"


def label_groups(tables: Sequence[Table]) -> List[str]:
    """A short name for each of several sets of conditions: the device, and what else it takes to tell them apart."""
    labels = [one.short_device() for one in tables]
    for number, one in enumerate(tables):
        alike = [other for other in tables if other is not one and other.short_device() == labels[number]]
        names = dict.fromkeys(name for other in alike for name in differences(one.example, other.example))
        told = [_condition_text(name, one.example.surroundings().get(name)) for name in names]
        labels[number] += f" ({', '.join(told)})" if told else ""
    return labels


def _condition_text(name: str, value) -> str:
    if isinstance(value, (list, tuple)):
        value = " ".join(map(str, value))
    return f"{name.replace('_', ' ') if name.islower() else name} {'none' if value in (None, '') else value}"
