"""Speed and memory over batch size: a line for each network."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from ...errors import UserError
from ...results.record import OK
from ..tables import STATUS_TEXT, Table
from . import canvas, labels


class Line(NamedTuple):
    """One network: its figure at each batch size that has one, and why there is none after the last."""

    network: str
    name: str
    points: Tuple[Tuple[int, float], ...]
    end: str


class Curves(NamedTuple):
    """What a figure shows."""

    title: str
    subtitle: str
    unit: str
    batch_sizes: Tuple[int, ...]
    lines: Tuple[Line, ...]


def speed(table: Table) -> Curves:
    """Training speed over batch size."""
    return _curves(table, "Training speed over batch size", "images/sec", lambda cell: cell.images_per_second)


def memory(table: Table) -> Curves:
    """Memory of training over batch size."""
    return _curves(table, "Memory of training over batch size", "MiB", lambda cell: cell.memory_mib)


def _curves(table: Table, title: str, unit: str, figure) -> Curves:
    lines = []
    for row in table.rows:
        known = [cell for cell in row.cells if cell and cell.status == OK and figure(cell) is not None]
        if known:
            points = tuple((cell.cell.batch_size, figure(cell)) for cell in known)
            lines.append(Line(known[0].cell.network, row.name, points, _end(row.cells, points[-1][0])))
    if max((len(line.points) for line in lines), default=0) < 2:
        raise UserError("no network has figures at two batch sizes")
    return Curves(title, table.headline(), unit, table.batch_sizes, tuple(lines))


def _end(cells, last: int) -> Optional[str]:
    """What became of the first larger batch size that gave no figure."""
    after = [cell for cell in cells if cell and cell.cell.batch_size > last]
    return f"{STATUS_TEXT[after[0].status]} at {after[0].cell.batch_size}" if after else ""


def draw(curves: Curves):
    """The figure: logarithmic, since networks differ by factors, with each name beside the end of its line."""
    figure, axes = canvas.canvas(1.6 + 0.27 * max(len(curves.lines), 8), curves.title, curves.subtitle)
    ends = []
    for line in curves.lines:
        colour, marker, stroke = canvas.look(line.network)
        sizes, figures = zip(*line.points)
        axes.plot(sizes, figures, color=colour, marker=marker, linestyle=stroke, linewidth=1.3, markersize=5)
        if line.end:
            axes.plot(sizes[-1:], figures[-1:], marker="x", markersize=11, color=colour, linestyle="none")
        ends.append((sizes[-1], figures[-1], f"{line.name} ({line.end})" if line.end else line.name, colour))
    axes.set_yscale("log")
    canvas.plain_log_axis(axes.yaxis)
    smallest, largest = curves.batch_sizes[0], curves.batch_sizes[-1]
    if largest > 8 * smallest:
        axes.set_xscale("log")
        canvas.plain_log_axis(axes.xaxis, curves.batch_sizes)
        axes.minorticks_off()
        axes.set_xlim(smallest * 0.94, largest * 1.03)
        beside = largest * 1.08
    else:
        axes.set_xticks(curves.batch_sizes)
        span = largest - smallest
        axes.set_xlim(smallest - 0.02 * span, largest + 0.02 * span)
        beside = largest + 0.06 * span
    axes.set(xlabel="batch size", ylabel=curves.unit)
    labels.beside_line_ends(axes, ends, beside)
    return figure
