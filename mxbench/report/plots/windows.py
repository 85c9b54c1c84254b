"""The timed windows of one cell in the order in which they were measured: warm-up, drift and noise."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from ...errors import UserError
from ...results.statistics import Interval
from ..tables import Table
from . import canvas


class Process(NamedTuple):
    """One process: where it begins, and windows as (seconds of training before, seconds that it took, images/sec)."""

    begin: float
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
    processes, begin = [], 0.0
    for speed in (record.speed for record in cell.records if record.speed):
        processes.append(_process(speed, begin))
        begin = sum(processes[-1].counted[-1][:2]) if speed.windows else begin
    return Windows(f"{cell.display_name}, batch size {cell.cell.batch_size}; {table.headline()}", tuple(processes),
                   cell.images_per_second, cell.interval)


def _process(speed, begin: float) -> Process:
    found, time = [], begin
    for window in (*speed.warmup, *speed.windows):
        found.append((time, window.seconds, window.images_per_second))
        time += window.seconds
    count = len(speed.warmup)
    return Process(begin, tuple(found[:count]), tuple(found[count:]))


def draw(found: Windows):
    """The figure: a bar as long as each window, hollow marks for warm-up, the median with its interval.

    Several processes stand one after the other.
    """
    figure, axes = canvas.canvas(3.9, "Windows over time", found.subtitle)
    count = len(found.processes)
    colour, marker, _ = canvas.pick(2)
    warmup = [window for process in found.processes for window in process.warmup]
    counted = [window for process in found.processes for window in process.counted]
    for windows_of, face, what in ((warmup, "white", "warm-up, not counted"), (counted, colour, "counted")):
        if windows_of:
            begins, _, speeds = zip(*windows_of)
            ends, middles = zip(*((begin + seconds, begin + seconds / 2) for begin, seconds, _ in windows_of))
            axes.hlines(speeds, begins, ends, color=colour, linewidth=1)
            axes.plot(middles, speeds, linestyle="none", marker=marker, markersize=5 if count == 1 else 3, color=colour,
                      markerfacecolor=face, label=what)
    for process in found.processes[1:]:
        axes.axvline(process.begin, color="black", linewidth=0.8, linestyle=":")
    end = sum(counted[-1][:2])
    axes.set_xlim(-0.01 * end, 1.01 * end)
    axes.axhline(found.images_per_second, color="black", linewidth=1.2, linestyle="--",
                 label=f"median {found.images_per_second:.4g} images/sec")
    if found.interval:
        axes.axhspan(*found.interval, facecolor="none", edgecolor="#bbbbbb", hatch="...", linewidth=0, zorder=0,
                     label=f"95 % interval {found.interval[0]:.4g} to {found.interval[1]:.4g}")
    begun = "since training began" if count == 1 else f"of training, {count} processes one after the other"
    axes.set(xlabel=f"seconds {begun}", ylabel="images/sec of a window")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return figure
