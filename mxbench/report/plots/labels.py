"""Places labels in a figure so that none covers another or a mark."""

from __future__ import annotations

import math
from typing import List, Sequence, Tuple

Box = Tuple[float, float, float, float]  # left, bottom, right, top, in pixels

_DIRECTIONS = tuple((math.cos(turn * math.pi / 8), math.sin(turn * math.pi / 8)) for turn in range(16))
_DISTANCES = (3, 10, 20, 34, 50)  # pixels between a mark's edge and its label
_NEAR = 90  # pixels within which marks crowd each other
_FAR_COST = 6.0  # a pixel further away is worth that many square pixels of overlap


def spread(heights: Sequence[float], gap: float) -> List[float]:
    """Heights at least ``gap`` apart, in the order of the given ones and together as near to them as can be.

    Labels that touch form a block, which stands where its labels would stand on average.
    """
    order = sorted(range(len(heights)), key=heights.__getitem__)
    blocks: List[List[int]] = []
    for index in order:
        blocks.append([index])
        while len(blocks) > 1 and _start(blocks[-1], heights, gap) < _end(blocks[-2], heights, gap):
            last = blocks.pop()
            blocks[-1] += last
    placed = [0.0] * len(heights)
    for block in blocks:
        for number, index in enumerate(block):
            placed[index] = _start(block, heights, gap) + number * gap
    return placed


def _start(block: Sequence[int], heights: Sequence[float], gap: float) -> float:
    """The lowest label's height in a block."""
    return sum(heights[index] for index in block) / len(block) - gap * (len(block) - 1) / 2


def _end(block: Sequence[int], heights: Sequence[float], gap: float) -> float:
    """Where the label after a block may stand."""
    return _start(block, heights, gap) + len(block) * gap


def beside_line_ends(axes, ends: Sequence[Tuple[float, float, str, str]], x: float) -> None:
    """Write ``(end's x, end's y, text, colour)`` at ``x``, right of the axes, joined to the ends of their lines."""
    from matplotlib.text import Text

    figure = axes.figure
    line = {"arrowstyle": "-", "linewidth": 0.7, "linestyle": ":", "shrinkA": 1, "shrinkB": 4}
    notes = [axes.annotate(text, end, xytext=(x, end[1]), textcoords="data", fontsize=8, va="center",
                           annotation_clip=False, arrowprops={**line, "color": colour})
             for *end, text, colour in ends]
    # The layout is told how much room they take, and left alone when they move.
    widest = max(Text.get_window_extent(note, figure.canvas.get_renderer()).width for note in notes)  # without its line
    figure.get_layout_engine().set(rect=(0, 0, 1 - (widest + 36) / (figure.get_figwidth() * figure.dpi), 1))
    for note in notes:
        note.set_in_layout(False)
    figure.canvas.draw()
    heights = [axes.transData.transform(note.xy)[1] for note in notes]
    to_data = axes.transData.inverted()
    for note, height in zip(notes, spread(heights, 11.5 * figure.dpi / 72)):
        note.xyann = (x, to_data.transform((0, height))[1])


def beside_marks(axes, marks: Sequence[Tuple[float, float, float, str]], **text) -> None:
    """Write the text of each ``(x, y, radius in pixels, text)`` near its mark, clear of all marks and other labels.

    The labels are placed one after the other, the most crowded first, each where it covers least.
    """
    figure = axes.figure
    figure.canvas.draw()
    centres = [tuple(axes.transData.transform(mark[:2])) for mark in marks]
    taken = [_square(centre, mark[2]) for centre, mark in zip(centres, marks)]
    renderer = figure.canvas.get_renderer()
    frame = axes.get_window_extent(renderer).extents
    neighbours = [sum(math.dist(centre, other) < _NEAR for other in centres) for centre in centres]
    for index in sorted(range(len(marks)), key=neighbours.__getitem__, reverse=True):
        (x, y), (_, _, radius, label) = centres[index], marks[index]
        note = axes.annotate(label, marks[index][:2], **text)
        extent = note.get_window_extent(renderer)
        box = min(_candidates(x, y, radius, extent.width, extent.height), key=lambda one: _cost(one, taken, frame))[1]
        note.remove()
        _write(axes, marks[index], (x, y), box, text)
        taken.append(box)


def _candidates(x: float, y: float, radius: float, width: float, height: float):
    for distance in _DISTANCES:
        for right, up in _DIRECTIONS:
            reach = radius + distance
            centre_x = x + right * (reach + width / 2)
            centre_y = y + up * (reach + height / 2)
            yield distance, (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)


def _cost(candidate: Tuple[float, Box], taken: Sequence[Box], frame) -> float:
    distance, box = candidate
    beyond = (frame[0] - box[0], frame[1] - box[1], box[2] - frame[2], box[3] - frame[3])
    outside = sum(max(0, distance) for distance in beyond)
    return distance * _FAR_COST + 1000 * outside + 5 * sum(_overlap(box, other) for other in taken)


def _overlap(one: Box, other: Box) -> float:
    """Area that two boxes share, with a margin of two pixels around each."""
    width = min(one[2], other[2]) - max(one[0], other[0]) + 4
    height = min(one[3], other[3]) - max(one[1], other[1]) + 2
    return width * height if width > 0 and height > 0 else 0.0


def _write(axes, mark, centre, box: Box, text) -> None:
    to_data = axes.transData.inverted()
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    beside = max(box[0] - centre[0], centre[0] - box[2], 0)
    above = max(box[1] - centre[1], centre[1] - box[3], 0)
    apart = math.hypot(beside, above) - mark[2]
    arrow = {"arrowstyle": "-", "color": "#888888", "linewidth": 0.6, "shrinkA": 0,
             "shrinkB": mark[2] * 72 / axes.figure.dpi}
    axes.annotate(mark[3], mark[:2], xytext=to_data.transform(middle), textcoords="data", ha="center", va="center",
                  arrowprops=arrow if apart > 6 else None, **text)


def _square(centre, radius: float) -> Box:
    # A little less than the square around the circle: its corners are free.
    side = 0.85 * radius
    return (centre[0] - side, centre[1] - side, centre[0] + side, centre[1] + side)
