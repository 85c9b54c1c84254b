"""Robust statistics of measured speeds: medians, their confidence intervals, and the noise that is left.

The interval of a median is the distribution-free rank interval: the number of values below the true median follows the
binomial distribution B(n, 1/2), so two order statistics enclose it with at least the confidence asked for
(Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2). It takes six values for 95 %. Between two and
five independent processes, Student's t interval of the mean is used instead.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Optional, Sequence, Tuple

CONFIDENCE = 0.95
MIN_RANKED = 6  # the fewest values that a 95 % rank interval exists for

Interval = Tuple[float, float]


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation from the median, in the unit of the values."""
    centre = median(values)
    return median([abs(value - centre) for value in values])


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Optional[Interval]:
    """Rank interval of the median, None if there are too few values for one."""
    from scipy.special import bdtr  # the binomial distribution's cumulative function

    ordered, count, tail = sorted(values), len(values), (1 - confidence) / 2
    outside = 0  # values that may be dropped at either end
    while outside < count // 2 and bdtr(outside, count, 0.5) <= tail:
        outside += 1
    return (ordered[outside - 1], ordered[-outside]) if outside else None


def process_interval(medians: Sequence[float], confidence: float = CONFIDENCE) -> Optional[Interval]:
    """Interval of the speed from the medians of independent processes, None for a single one.

    A speed is positive, so an interval is cut off at 0.
    """
    count = len(medians)
    if count < 2:
        return None
    if count >= MIN_RANKED:
        return median_interval(medians, confidence)
    from scipy.special import stdtrit  # Student's t quantile

    mean = sum(medians) / count
    variance = sum((value - mean) ** 2 for value in medians) / (count - 1)
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * math.sqrt(variance / count)
    return (max(0.0, mean - half), mean + half)


def half_width(interval: Optional[Interval], centre: float) -> Optional[float]:
    """Half the width of an interval relative to its centre: 0.01 is "within 1 %". None without an interval."""
    return (interval[1] - interval[0]) / 2 / centre if interval else None


def modified_z_scores(values: Sequence[float]) -> list:
    """Distance of every value from the median in units of 1.4826 MAD (Iglewicz and Hoaglin, 1993); 0 where MAD is 0."""
    centre, spread = median(values), 1.4826 * mad(values)
    return [(value - centre) / spread if spread else 0.0 for value in values]
