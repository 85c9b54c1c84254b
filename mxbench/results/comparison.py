"""Two measurements of a cell side by side: by what factor they differ, and whether that means anything."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .record import OK
from .statistics import Interval
from .summary import Summary

SAME, FASTER, SLOWER, AMBIGUOUS = VERDICTS = "same", "faster", "slower", "ambiguous"
MORE, LESS = "more", "less"  # verdicts on memory, beside same and ambiguous

# The least half-width of a ratio's interval: windows of one process do not show how much processes differ.
NOISE_FLOOR = 0.02


class Comparison(NamedTuple):
    """A figure of the second measurement over that of the first, with its interval, and a verdict."""

    ratio: float
    interval: Interval
    verdict: str


def compare(first: Summary, second: Summary, noise_floor: float = NOISE_FLOOR) -> Comparison:
    """Compare the speed of two finished summaries.

    The interval of the ratio runs from the lowest of the second over the highest of the first to the opposite, and is
    never narrower than the noise floor. ``same``: it lies within twice the noise floor around 1. ``faster`` and
    ``slower``: it lies on one side of 1. ``ambiguous``: it has 1 in it, but is too wide to call the two the same, or
    there are too few windows for an interval.
    """
    ratio = second.images_per_second / first.images_per_second
    if first.interval is None or second.interval is None:
        return Comparison(ratio, (0.0, float("inf")), AMBIGUOUS)
    return _compare(ratio, first.interval, second.interval, noise_floor, (SLOWER, FASTER))


def compare_memory(first: Summary, second: Summary, noise_floor: float = NOISE_FLOOR) -> Optional[Comparison]:
    """Compare the memory of two finished summaries by the same rule: ``more``, ``less``, ``same`` or ``ambiguous``.

    The range over the processes stands for an interval. None where the memory of either is not known, or nothing.
    """
    if not first.memory_mib or not second.memory_mib:
        return None
    ratio = second.memory_mib / first.memory_mib
    return _compare(ratio, _memory_range(first), _memory_range(second), noise_floor, (LESS, MORE))


def _memory_range(summary: Summary) -> Interval:
    taken = [record.memory.mib for record in summary.records if record.status == OK and record.memory]
    return min(taken), max(taken)


def _compare(ratio: float, first: Interval, second: Interval, noise_floor: float, words: Tuple[str, str]) -> Comparison:
    low = min(second[0] / first[1], ratio * (1 - noise_floor))
    high = max(second[1] / first[0] if first[0] else float("inf"), ratio * (1 + noise_floor))
    return Comparison(ratio, (low, high), _verdict(low, high, 2 * noise_floor, *words))


def _verdict(low: float, high: float, margin: float, below: str, above: str) -> str:
    if low > 1:
        return above
    if high < 1:
        return below
    return SAME if low >= 1 - margin and high <= 1 + margin else AMBIGUOUS
