"""Speed of several workers together, and their efficiency, over the number of workers."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from ...errors import UserError
from ...results.record import OK, STATUS_TEXT, Record
from ...results.statistics import Interval
from ..beside import label_groups
from ..scaling import NOTHING, rate_text
from ..workers import ScalingTable, Workers, arrange
from . import canvas

_LINEAR = 8  # workers up to which an axis is linear
_IDEAL = {"color": canvas.GREY, "linestyle": "--", "linewidth": 1, "zorder": 1,
          "label": "ideal: a multiple of one worker"}
_BAND = {"facecolor": "#d6e9f5", "edgecolor": "#56B4E9", "hatch": "////", "linewidth": 0.8, "zorder": 0.8}


class Point(NamedTuple):
    """What was measured with some workers: images/sec over all of them; or else, in ``end``, what became of them."""

    workers: int
    images_per_second: Optional[float]
    interval: Optional[Interval]
    end: str


class Expected(NamedTuple):
    """Bounds of the predicted images/sec, and the estimate within them where there is one."""

    workers: int
    low: float
    high: float
    estimate: Optional[float]


class Scaling(NamedTuple):
    """What a figure shows.

    ``one`` is the speed of one worker as measured, ``alone`` the one that predictions start from; ``network`` is the
    bandwidth that they assume.
    """

    subtitle: str
    points: Tuple[Point, ...]
    one: float
    expected: Tuple[Expected, ...]
    alone: float
    network: str


def tables(records: Sequence[Record]) -> List[Tuple[str, ScalingTable]]:
    """The tables of workers that train together, each under a label that tells it from the others.

    Raises:
        UserError: there is none.
    """
    found = arrange(records)
    if not found:
        raise UserError(NOTHING)
    groups = label_groups([one.conditions for one in found])
    return [(f"{one.name} {one.batch_size} {label}", one) for one, label in zip(found, groups)]


def scaling(table: ScalingTable) -> Scaling:
    """The measured speeds, and where the rows tell a bandwidth the predicted ones, up to twice as many workers."""
    if not table.one or len(table.finished) < 2:
        raise UserError("there are no figures of both one worker and several")
    cell, basis = table.example.cell, table.basis()
    compressed = f", gradients {cell.gc_type}" if cell.gc_type != "none" else ""
    subtitle = (f"{table.name}, batch size {table.batch_size} for each worker, {cell.kv_store}{compressed}; "
                f"{table.conditions.headline()}")
    expected, network = [], ""
    if basis:
        network = f"{rate_text(basis.bandwidth)}, read from {basis.measured_with} workers"
        for found in (table.predict(count, basis) for count in _counts(2 * table.finished[-1].workers)):
            low, high = found.images_per_second
            estimate = None if found.estimate_seconds is None else found.speed(found.estimate_seconds)
            expected.append(Expected(found.workers, low, high, estimate))
    return Scaling(subtitle, tuple(map(_point, table.rows)), table.one, tuple(expected),
                   table.batch_size / table.predict(1, basis).alone_seconds if basis else table.one, network)


def _counts(most: int) -> List[int]:
    """Numbers of workers close enough together to draw a line through."""
    if most <= 64:
        return list(range(1, most + 1))
    return sorted({round(most ** (step / 64)) for step in range(65)})


def _point(row: Workers) -> Point:
    end = "" if row.summary.status == OK else "\n".join(STATUS_TEXT[row.summary.status].rsplit(maxsplit=1))
    return Point(row.workers, row.images_per_second, row.interval, end)


def draw(found: Scaling):
    """The figure: at the left the speed against the ideal, at the right the efficiency."""
    figure, speeds = canvas.canvas(4.1, "Scaling over workers", found.subtitle)
    left, right = figure.add_gridspec(1, 2)
    speeds.set_subplotspec(left)
    efficiencies = figure.add_subplot(right)
    last = max([one.workers for one in (*found.points, *found.expected)])
    _panel(speeds, found, lambda speed, workers: speed, lambda speed, workers: speed)
    _panel(efficiencies, found, lambda speed, workers: 100 * speed / workers / found.one,
           lambda speed, workers: 100 * speed / workers / found.alone)
    speeds.plot([1, last], [found.one, last * found.one], **_IDEAL)
    efficiencies.plot([1, last], [100, 100], **_IDEAL)
    _label(efficiencies, found)
    for axes in (speeds, efficiencies):
        _worker_axis(axes, found.points, last)
    if last > _LINEAR:
        speeds.set_yscale("log")
        canvas.plain_log_axis(speeds.yaxis)
    else:
        speeds.set_ylim(bottom=0)
    speeds.set_ylabel("images/sec, all workers together")
    efficiencies.set_ylabel("efficiency against one worker, %")
    efficiencies.set_ylim(0, max(108, 1.08 * efficiencies.get_ylim()[1]))
    figure.legend(*speeds.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure




def _panel(axes, found: Scaling, measured, predicted) -> None:
    """Both kinds of figures, by functions of the speed and the number of workers."""
    if found.expected:
        counts = [one.workers for one in found.expected]
        ends = [[predicted(getattr(one, end), one.workers) for one in found.expected] for end in ("low", "high")]
        axes.fill_between(counts, *ends, label=f"predicted bounds ({found.network})", **_BAND)
        if found.expected[0].estimate is not None:
            middles = [predicted(one.estimate, one.workers) for one in found.expected]
            axes.plot(counts, middles, color="#0072B2", linestyle=":", linewidth=1.5, zorder=2,
                      label="predicted, as much hidden as measured")
    known = [point for point in found.points if point.images_per_second is not None]
    heights = [measured(point.images_per_second, point.workers) for point in known]
    for point in known:
        if point.interval:
            ends = [measured(end, point.workers) for end in point.interval]
            axes.plot([point.workers] * 2, ends, color="black", linewidth=1.2, marker="_", markersize=8, zorder=3)
    axes.plot([point.workers for point in known], heights, linestyle="none", marker="o", markersize=5.5, color="black",
              zorder=4, label="measured, with its 95 % interval")


def _label(axes, found: Scaling) -> None:
    """Write each measured efficiency over its mark."""
    from matplotlib.patheffects import withStroke

    for point in found.points:
        if point.images_per_second is not None and point.workers > 1:
            top = max(point.interval or (point.images_per_second,))
            note = axes.annotate(
                f"{point.images_per_second / point.workers / found.one:.0%}",
                (point.workers, 100 * top / point.workers / found.one), xytext=(0, 5), textcoords="offset points",
                ha="center", fontsize=8.5, fontweight="bold", zorder=5)
            note.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _worker_axis(axes, points: Sequence[Point], last: int) -> None:
    """A tick for each number of workers that was measured, under it what became of those without a figure."""
    ticks = {point.workers: f"{point.workers}\n{point.end}".strip() for point in points}
    if last > _LINEAR:
        axes.set_xscale("log", base=2)
        axes.minorticks_off()
        axes.set_xlim(2 ** -0.25, last * 2 ** 0.25)
    else:
        axes.set_xlim(1 - 0.06 * last, last * 1.06)
    ticks.setdefault(last, str(last))
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xlabel("workers")
