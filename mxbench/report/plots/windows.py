"""The timed windows of one cell in the order in which they were measured: warm-up, drift and noise."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from ...errors import UserError
from ...results.statistics import Interval
from ..tables import Table
from . import canvas


class Process(NamedTuple):
    """One process: windows as (seconds since training began, seconds that it took, images/sec)."""

    warmup: Tuple[Tuple[float, float, float], ...]
    counted: Tuple[Tuple[float, float, float], ...]


class Windows(NamedTuple):
    """What a figure shows."""

    subtitle: str
    processes: Tuple[Process, ...]
    images_per_second: float
    interval: Optional[Interval]


def windows(table: Table) -> Windows:
    """The cell whose speed is known least; choose another with a table of that cell alone."""
    timed = [cell for cell in table.summaries if any(record.speed and record.speed.windows for record in cell.records)]
    if not timed:
        raise UserError("no cell has timed windows")
    cell = max(timed, key=lambda one: one.half_width or 0)
    return Windows(f"{cell.display_name}, batch size {cell.cell.batch_size}; {table.headline()}",
                   tuple(_process(record.speed) for record in cell.records if record.speed),
                   cell.images_per_second, cell.interval)


def _process(speed) -> Process:
    found, begin = [], 0.0
    for window in (*speed.warmup, *speed.windows):
        found.append((begin, window.seconds, window.images_per_second))
        begin += window.seconds
    count = len(speed.warmup)
    return Process(tuple(found[:count]), tuple(found[count:]))


def draw(found: Windows):
    """The figure: a bar as long as each window, hollow marks for warm-up, the median with its interval."""
    figure, axes = canvas.canvas(3.9, "Windows over time", found.subtitle)
    for number, process in enumerate(found.processes):
        colour, marker, _ = canvas.pick(number + 2)
        parts = ((process.warmup, "white", "warm-up, not counted"), (process.counted, colour, "counted"))
        for timed, face, what in parts:
            if timed:
                begins, lasted, speeds = zip(*timed)
                which = f" (process {number + 1})" if len(found.processes) > 1 else ""
                axes.hlines(speeds, begins, [begin + seconds for begin, seconds in zip(begins, lasted)], color=colour,
                            linewidth=1)
                axes.plot([begin + seconds / 2 for begin, seconds in zip(begins, lasted)], speeds, linestyle="none",
                          marker=marker, markersize=5, color=colour, markerfacecolor=face, label=what + which)
    end = max(sum(process.counted[-1][:2]) for process in found.processes if process.counted)
    axes.set_xlim(-0.01 * end, 1.01 * end)
    axes.axhline(found.images_per_second, color="black", linewidth=1.2, linestyle="--",
                 label=f"median {found.images_per_second:.4g} images/sec")
    if found.interval:
        axes.axhspan(*found.interval, facecolor="none", edgecolor="#bbbbbb", hatch="...", linewidth=0, zorder=0,
                     label=f"95 % interval {found.interval[0]:.4g} to {found.interval[1]:.4g}")
    axes.set(xlabel="seconds since training began", ylabel="images/sec of a window")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return figure
