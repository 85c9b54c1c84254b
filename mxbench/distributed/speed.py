"""The speed of workers that train together, from the windows of each."""

from __future__ import annotations

import bisect
from dataclasses import asdict
from statistics import median
from typing import Dict, List, Sequence, Tuple

from ..results.statistics import mad, median_interval


class Tally:
    """Images that each worker has trained on by which time, as its windows tell: seconds of one clock."""

    def __init__(self, workers: int):
        self._times: List[List[float]] = [[] for _ in range(workers)]
        self._images: List[List[int]] = [[] for _ in range(workers)]
        self._speeds: List[List[float]] = [[] for _ in range(workers)]

    def add(self, rank: int, images: int, images_per_second: float, at: float) -> None:
        """Count a window of one worker that has just ended."""
        before = self._images[rank][-1] if self._images[rank] else 0
        self._times[rank].append(at)
        self._images[rank].append(before + images)
        self._speeds[rank].append(images_per_second)

    def speeds(self, windows: int) -> Tuple[float, ...]:
        """Images/sec of each worker, the median over its newest ``windows`` windows; 0 for one that has none."""
        return tuple(median(speeds[-windows:]) if speeds else 0.0 for speeds in self._speeds)

    def images(self, start: float, end: float) -> float:
        """Images of all workers in that time; between the ends of its windows a worker's count is taken to rise evenly."""
        return sum(self._by(rank, end) - self._by(rank, start) for rank in range(len(self._times)))

    def ends(self, count: int) -> List[float]:
        """When the newest ``count`` windows of worker 0 and the one before them ended; fewer if there are fewer."""
        return self._times[0][-count - 1:]

    def _by(self, rank: int, time: float) -> float:
        times, images = self._times[rank], self._images[rank]
        after = bisect.bisect_left(times, time)
        if not times or after == len(times):
            return images[-1] if images else 0.0
        if after == 0:
            return float(images[0])
        share = (time - times[after - 1]) / (times[after] - times[after - 1])
        return images[after - 1] + share * (images[after] - images[after - 1])


def together(speed: Dict, workers: int, tally: Tally, is_sync: bool) -> Dict:
    """The field ``speed`` of a record for all workers, from that of worker 0.

    Workers that wait for each other in each step have trained on as many images each. Those that do not are counted over
    the time of each window of worker 0.
    """
    windows = [dict(window) for window in speed["windows"]]
    if is_sync:
        for window in windows:
            window["images"] *= workers
    else:
        ends = tally.ends(len(windows))
        for window, start, end in zip(reversed(windows), reversed(ends[:-1]), reversed(ends[1:])):
            window["images"] = max(window["images"], round(tally.images(start, end) * window["seconds"] / (end - start)))
    speeds = [window["images"] / window["seconds"] for window in windows]
    return {**speed, "images_per_second": median(speeds), "interval": median_interval(speeds), "mad": mad(speeds),
            "windows": windows}
