"""Two measurements of a cell side by side: by what factor they differ, and whether that means anything."""

from __future__ import annotations

from typing import NamedTuple

from .statistics import Interval
from .summary import Summary

SAME, FASTER, SLOWER, AMBIGUOUS = VERDICTS = "same", "faster", "slower", "ambiguous"

# The least half-width of a ratio's interval: windows of one process do not show how much processes differ.
NOISE_FLOOR = 0.02


class Comparison(NamedTuple):
    """Speed of the second measurement over that of the first, with its interval, and one of the four verdicts."""

    ratio: float
    interval: Interval
    verdict: str


def compare(first: Summary, second: Summary, noise_floor: float = NOISE_FLOOR) -> Comparison:
    """Compare two finished summaries.

    The interval of the ratio runs from the lowest of the second over the highest of the first to the opposite, and is
    never narrower than the noise floor. ``same``: it lies within twice the noise floor around 1. ``faster`` and
    ``slower``: it lies on one side of 1. ``ambiguous``: it has 1 in it, but is too wide to call the two the same, or
    there are too few windows for an interval.
    """
    ratio = second.images_per_second / first.images_per_second
    if first.interval is None or second.interval is None:
        return Comparison(ratio, (0.0, float("inf")), AMBIGUOUS)
    low = min(second.interval[0] / first.interval[1], ratio * (1 - noise_floor))
    bound = second.interval[1] / first.interval[0] if first.interval[0] else float("inf")
    high = max(bound, ratio * (1 + noise_floor))
    return Comparison(ratio, (low, high), _verdict(low, high, 2 * noise_floor))


def _verdict(low: float, high: float, margin: float) -> str:
    if low > 1:
        return FASTER
    if high < 1:
        return SLOWER
    return SAME if low >= 1 - margin and high <= 1 + margin else AMBIGUOUS
