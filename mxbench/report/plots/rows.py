"""Figures with a row for each network and a mark for each batch size, on a scale of ratios."""

from __future__ import annotations

from statistics import median
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ...errors import UserError
from ...results.record import OK
from ..tables import Table
from . import canvas


class Mark(NamedTuple):
    """One cell: a ratio, or the two ends of one."""

    batch_size: int
    low: float
    high: float


class Rows(NamedTuple):
    """What a figure shows; in percent it is what a ratio is above or below 1."""

    title: str
    subtitle: str
    label: str
    percent: bool
    rows: Tuple[Tuple[str, Tuple[Mark, ...]], ...]


def measured_against_predicted(table: Table) -> Rows:
    """Measured over predicted memory, where a prediction was recorded before the cell ran."""
    def mark(cell) -> Optional[Mark]:
        found = cell.predicted
        if cell.status != OK or cell.memory_mib is None or found is None or found.low_mib <= 0:
            return None
        return Mark(cell.cell.batch_size, cell.memory_mib / found.high_mib, cell.memory_mib / found.low_mib)

    rows = _rows((row.name, [mark(cell) for cell in row.cells if cell]) for row in table.rows)
    if not rows:
        raise UserError("no cell has both a measured and a predicted memory")
    return Rows("Measured against predicted memory", table.headline(),
                "measured memory above (+) or below (-) the predicted", True, rows)


def against_published(table: Table, published: Table) -> Rows:
    """Speed over that of the published table, network by network, at the batch sizes that both have."""
    theirs = {(cell.cell.network, cell.cell.batch_size): cell.images_per_second for cell in published.summaries}

    def mark(cell) -> Optional[Mark]:
        other = theirs.get((cell.cell.network, cell.cell.batch_size))
        if cell.status != OK or not other:
            return None
        return Mark(cell.cell.batch_size, *[cell.images_per_second / other] * 2)

    rows = _rows((row.name, [mark(cell) for cell in row.cells if cell]) for row in table.rows)
    if not rows:
        raise UserError("no cell has a figure both here and in the published table")
    device = published.device().partition(": ")[2].partition(" (")[0]
    return Rows(f"Speed against the published {device} of 2017", table.headline(),
                f"speed here / speed of the {device} (logarithmic)", False, rows)


def reproduction(subtitle: str, cells: Sequence[Tuple[str, int, float]]) -> Rows:
    """Predicted over published memory of ``(name, batch size, ratio)``."""
    names = dict.fromkeys(name for name, _, _ in cells)
    rows = _rows((name, [Mark(size, ratio, ratio) for one, size, ratio in cells if one == name]) for name in names)
    return Rows("Predicted against published memory of 2017", subtitle,
                "predicted memory above (+) or below (-) the published", True, rows)


def _rows(found) -> Tuple[Tuple[str, Tuple[Mark, ...]], ...]:
    kept = ((name, tuple(filter(None, marks))) for name, marks in found)
    return tuple((name, marks) for name, marks in kept if marks)


def draw(rows: Rows):
    """The figure, with the median of each row in words at its right."""
    figure, axes = canvas.canvas(1.7 + 0.26 * len(rows.rows), rows.title, rows.subtitle)
    sizes = sorted({mark.batch_size for _, marks in rows.rows for mark in marks})
    scale = (lambda ratio: 100 * (ratio - 1)) if rows.percent else (lambda ratio: ratio)
    for number, size in enumerate(sizes):
        colour, marker, _ = canvas.pick(number)
        found = [(height, mark) for height, (_, marks) in enumerate(rows.rows) for mark in marks
                 if mark.batch_size == size]
        heights = [height + _offset(number, len(sizes)) for height, _ in found]
        lows, highs = [scale(mark.low) for _, mark in found], [scale(mark.high) for _, mark in found]
        axes.hlines(heights, lows, highs, color=colour, linewidth=2)
        axes.plot([(low + high) / 2 for low, high in zip(lows, highs)], heights, linestyle="none", marker=marker,
                  color=colour, markersize=5 if len(sizes) == 1 else 4, label=f"batch size {size}")
    axes.axvline(scale(1), color="black", linewidth=0.9, zorder=1)
    _axes(axes, rows, sizes)
    for height, (_, marks) in enumerate(rows.rows):
        axes.annotate(_in_words(marks, rows.percent), (1.015, height), xycoords=("axes fraction", "data"), va="center",
                      fontsize=8, annotation_clip=False)
    if len(sizes) > 1:
        axes.annotate("median", (1.015, 1.005), xycoords="axes fraction", fontsize=8, color=canvas.GREY)
    return figure


def _offset(number: int, count: int) -> float:
    """Where in its row a batch size stands."""
    return 0.0 if count == 1 else -0.33 + 0.66 * number / (count - 1)


def _axes(axes, rows: Rows, sizes: List[int]) -> None:
    axes.set_yticks(range(len(rows.rows)), [name for name, _ in rows.rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows.rows) - 0.4, -0.6)
    axes.set_xlabel(rows.label if len(sizes) > 1 else f"{rows.label}, batch size {sizes[0]}")
    if rows.percent:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.4g} %" if value else "0")
    else:
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        axes.set_xlim(low / 1.1, high * 1.1)
        canvas.plain_log_axis(axes.xaxis)
    if len(sizes) > 1:
        axes.figure.legend(loc="outside lower center", ncols=min(len(sizes), 6), fontsize=8)


def _in_words(marks: Sequence[Mark], percent: bool) -> str:
    middle = median((mark.low + mark.high) / 2 for mark in marks)
    if percent:
        return f"{round(middle - 1, 3) + 0:+.1%}"  # + 0 makes +0.0 of -0.0
    return f"{middle:.3g} times" if middle >= 1 else f"1/{1 / middle:.3g}"
