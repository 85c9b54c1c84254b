"""What the cells of two runs say together: the geometric mean of the ratios, and whether the order of networks held."""

from __future__ import annotations

import math
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .runs import Pair
from .statistics import CONFIDENCE, MIN_RANKED, Interval

_RESAMPLES = 10000


class Mean(NamedTuple):
    """A geometric mean over networks, with its 95 % interval; None with fewer than six networks."""

    ratio: float
    interval: Optional[Interval]
    networks: int


def geometric_mean(pairs: Sequence[Pair], ratio: Callable[[Pair], Optional[float]]) -> Optional[Mean]:
    """Geometric mean of a ratio, every network with the same weight, whatever the number of its batch sizes.

    The interval is the percentile bootstrap over networks (Efron and Tibshirani, An Introduction to the Bootstrap,
    chapter 13): networks are drawn with replacement, with all their cells. So it shows both what differs between
    networks and what differs between processes, which the windows of one process do not show. The draws are the same
    each time. None if there is no ratio.
    """
    logs: Dict[str, List[float]] = {}
    for pair in pairs:
        value = ratio(pair)
        if value:
            logs.setdefault(pair.first.cell.network, []).append(math.log(value))
    if not logs:
        return None
    return mean_of_ratios([math.exp(sum(values) / len(values)) for values in logs.values()])


def mean_of_ratios(ratios: Sequence[float]) -> Mean:
    """Geometric mean of one ratio for each of some networks."""
    logs = [math.log(ratio) for ratio in ratios]
    return Mean(math.exp(sum(logs) / len(logs)), _bootstrap(logs), len(logs))


def _bootstrap(logs: Sequence[float]) -> Optional[Interval]:
    if len(logs) < MIN_RANKED:
        return None
    import numpy

    drawn = numpy.random.default_rng(0).choice(logs, size=(_RESAMPLES, len(logs))).mean(axis=1)
    low, high = numpy.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return math.exp(low), math.exp(high)


class Ranking(NamedTuple):
    """The order of networks by one figure in two runs, at one batch size.

    ``spearman`` and ``kendall`` (tau-b) are the rank correlations, None where a run knows no order. ``places`` has a
    network's name with its place in either run, 1 for the highest figure, in the order of the first.
    """

    batch_size: int
    spearman: Optional[float]
    kendall: Optional[float]
    places: Tuple[Tuple[str, int, int], ...]

    @property
    def moved(self) -> List[Tuple[str, int, int]]:
        """The networks that changed places."""
        return [place for place in self.places if place[1] != place[2]]


def rankings(pairs: Sequence[Pair]) -> List[Ranking]:
    """How far the order of networks by speed held, for each batch size with at least three finished networks."""
    by_size: Dict[int, List[Pair]] = {}
    for pair in pairs:
        if pair.finished:
            by_size.setdefault(pair.first.cell.batch_size, []).append(pair)
    return [_ranking(size, found) for size, found in sorted(by_size.items()) if len(found) >= 3]


def _ranking(batch_size: int, pairs: Sequence[Pair]) -> Ranking:
    from scipy.stats import kendalltau, rankdata, spearmanr

    figures = [[getattr(pair, which).images_per_second for pair in pairs] for which in ("first", "second")]
    known = all(len(set(column)) > 1 for column in figures)
    before, after = ([int(place) for place in rankdata([-value for value in column], "min")] for column in figures)
    places = sorted(zip((pair.first.display_name for pair in pairs), before, after), key=lambda place: place[1])
    return Ranking(batch_size, float(spearmanr(*figures)[0]) if known else None,
                   float(kendalltau(*figures)[0]) if known else None, tuple(places))
