"""Which network to choose: top-5 accuracy against speed, with memory as the area of the circles."""

from __future__ import annotations

import math
from typing import NamedTuple, Tuple

from ...errors import UserError
from ...results.record import OK
from ..tables import Table
from . import canvas, labels

_LARGEST_RADIUS = 19  # points
_BEST = {"facecolor": "#56B4E9", "edgecolor": "#0b3c5d"}
_BEATEN = {"facecolor": "none", "edgecolor": canvas.GREY, "hatch": "////"}
_ERRORS = (40, 30, 25, 20, 15, 10, 8, 6, 5, 4, 3, 2, 1)  # percent, for ticks


class Choice(NamedTuple):
    """One network that could be chosen."""

    name: str
    images_per_second: float
    top5: float
    memory_mib: float
    best: bool  # no other is both faster and more accurate


class Choices(NamedTuple):
    """What a figure shows, and the networks that it cannot show."""

    subtitle: str
    networks: Tuple[Choice, ...]
    left_out: Tuple[str, ...]


def choices(table: Table) -> Choices:
    """The networks at the batch size at which most of them have figures, the largest of those."""
    size = max(table.batch_sizes, key=lambda one: (sum(map(_known, table.column(one))), one))
    known = [(row.name, cell.images_per_second, row.reference_top5, cell.memory_mib)
             for row, cell in zip(table.rows, table.column(size)) if _known(cell)]
    if not known:
        raise UserError("no network has a speed, a memory and a published accuracy")
    found = tuple(Choice(*one, not any(_better(other, one) for other in known)) for one in known)
    shown = {choice.name for choice in found}
    return Choices(f"{table.headline()}, batch size {size}", found,
                   tuple(row.name for row in table.rows if row.name not in shown))


def _known(cell) -> bool:
    return cell is not None and cell.status == OK and cell.memory_mib is not None and cell.reference_top5 is not None


def _better(other, one) -> bool:
    return other[1] >= one[1] and other[2] >= one[2] and other[1:3] != one[1:3]


def draw(found: Choices):
    """The figure. Accuracy is spaced by the logarithm of the error, which parts those that are good."""
    figure, axes = canvas.canvas(5.4, "Which network? Accuracy, speed and memory", found.subtitle)
    largest = max(choice.memory_mib for choice in found.networks)
    marks = []
    for choice in found.networks:
        radius = _LARGEST_RADIUS * math.sqrt(max(choice.memory_mib, 0) / largest)
        axes.scatter([choice.images_per_second], [_height(choice.top5)], s=(2 * radius) ** 2, linewidth=1,
                     alpha=0.75, zorder=2, **(_BEST if choice.best else _BEATEN))
        marks.append((choice.images_per_second, _height(choice.top5), radius * figure.dpi / 72, choice.name))
    axes.set_xscale("log")
    speeds = [choice.images_per_second for choice in found.networks]
    axes.set_xlim(min(speeds) / 1.35, max(speeds) * 1.35)
    canvas.plain_log_axis(axes.xaxis)
    _accuracy_axis(axes, [choice.top5 for choice in found.networks])
    axes.set(xlabel="training speed, images/sec (logarithmic)", ylabel="top-5 accuracy, % (spaced by the error)")
    _key(axes, largest, found)
    labels.beside_marks(axes, marks, fontsize=8.5)
    return figure


def _height(top5: float) -> float:
    return -math.log(max(100 - top5, 0.01))


def _accuracy_axis(axes, accuracies) -> None:
    low, high = _height(min(accuracies)), _height(max(accuracies))
    margin = 0.1 * (high - low) or 0.1
    axes.set_ylim(low - margin, high + 1.3 * margin)
    ticks = [100 - error for error in _ERRORS if low - margin <= -math.log(error) <= high + 1.3 * margin]
    axes.set_yticks([_height(tick) for tick in ticks], [str(tick) for tick in ticks])


def _key(axes, largest_mib: float, found: Choices) -> None:
    """What area and filling mean, in the lower left corner, where no good network can be."""
    from matplotlib.lines import Line2D

    step = 10 ** math.floor(math.log10(largest_mib))
    top = step * max(one for one in (1, 2, 5) if one * step <= largest_mib)
    entries = []
    for mib in (top / 10, top / 2, top):
        radius = _LARGEST_RADIUS * math.sqrt(mib / largest_mib)
        entries.append((Line2D([], [], marker="o", linestyle="none", markersize=2 * radius, markerfacecolor="none",
                               markeredgecolor=canvas.GREY), f"{mib:,.0f} MiB"))
    note = "filled: no other is both\nfaster and more accurate"
    if found.left_out:
        note += "\nno accuracy or figure:\n" + ",\n".join(found.left_out)
    legend = axes.legend(*zip(*entries), loc="lower left", title=note, labelspacing=1.3, handletextpad=1.4, borderpad=1,
                         fontsize=8, title_fontsize=8, alignment="left", handlelength=2.4)
    legend.set_zorder(1)
