"""When warm-up ends, when measuring ends, and what the windows are worth: decided from timed windows alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import List, Optional

from ..results.record import Speed, Window
from ..results.statistics import half_width, mad, median_interval

# Why measuring ended.
PRECISE = "precise"
NOT_IMPROVING = "not_improving"
TIME_LIMIT = "time_limit"

# How far to trust the figure.
STABLE = "stable"
NOISY = "noisy"
LIMITED = "limited"

VERDICTS = {PRECISE: STABLE, NOT_IMPROVING: NOISY, TIME_LIMIT: LIMITED}


@dataclass(frozen=True)
class Method:
    """The stopping rule of one measurement.

    A window lasts at least ``window_seconds`` and one batch, or ``disp_batches`` batches where that is not 0. Warm-up
    ends when ``steady_windows`` windows in a row lie within ``steadiness`` of each other, or none of them is faster than an
    earlier one by more than that (in both cases they count already), or after ``warmup_seconds``. Measuring ends after at
    least ``min_windows`` windows and ``min_seconds``, as soon as the 95 % interval of the median is within ``precision`` of
    it on either side or no longer gets narrower, and in any case after ``max_seconds``.
    """

    precision: float = 0.01
    min_windows: int = 6
    min_seconds: float = 3.0
    max_seconds: float = 30.0
    warmup_seconds: float = 10.0
    window_seconds: float = 0.5
    disp_batches: int = 0
    steady_windows: int = 3
    steadiness: float = 0.05

    def batches_per_window(self, seconds_per_batch: float) -> int:
        """How many batches make a window long enough."""
        return self.disp_batches or max(1, math.ceil(self.window_seconds / seconds_per_batch))


QUICK = Method(max_seconds=15.0, warmup_seconds=5.0, min_seconds=2.0)

# Doubling the number of windows narrows an interval of pure noise to 0.71; less than this much of a gain is none.
_IMPROVEMENT = 0.9
_IMPROVEMENT_WINDOWS = 40


@dataclass
class Meter:
    """Collects the timed windows of one process and says when there are enough."""

    method: Method
    warmup: List[Window] = field(default_factory=list)
    windows: List[Window] = field(default_factory=list)
    stop: str = ""

    def add(self, window: Window) -> bool:
        """Take one more window; True when measuring is finished."""
        if self.windows or self._warmup_time_is_up():
            self.windows.append(window)
        else:
            self.warmup.append(window)
            if self._is_steady():
                count = self.method.steady_windows
                self.windows, self.warmup = self.warmup[-count:], self.warmup[:-count]
        self.stop = self._reason_to_stop()
        return bool(self.stop)

    @property
    def phase(self) -> str:
        """What the newest window is part of: ``warming up`` or ``measuring``."""
        return "measuring" if self.windows else "warming up"

    def speed(self) -> Speed:
        """The speed over the counted windows.

        Raises:
            ValueError: there is no counted window yet.
        """
        speeds = [window.images_per_second for window in self.windows]
        if not speeds:
            raise ValueError("no window was counted")
        return Speed(
            images_per_second=median(speeds),
            interval=median_interval(speeds),
            mad=mad(speeds),
            stop=self.stop,
            verdict=VERDICTS.get(self.stop, LIMITED),
            windows=tuple(self.windows),
            warmup=tuple(self.warmup),
        )

    def _warmup_time_is_up(self) -> bool:
        return bool(self.warmup) and _seconds(self.warmup) >= self.method.warmup_seconds

    def _is_steady(self) -> bool:
        """Whether the newest windows agree, or the speed rises no more although it varies, as on a machine that is shared.

        The very first window never counts: it allocates and compiles.
        """
        count, most = self.method.steady_windows, 1 + self.method.steadiness
        speeds = [window.images_per_second for window in self.warmup[1:]]
        earlier, newest = speeds[:-count], speeds[-count:]
        if len(newest) < count:
            return False
        return max(newest) <= most * min(newest) or bool(earlier) and max(newest) <= most * max(earlier)

    def _reason_to_stop(self) -> str:
        method, seconds = self.method, _seconds(self.windows)
        if len(self.windows) >= method.min_windows and seconds >= method.min_seconds:
            width = self._half_width(len(self.windows))
            if width is not None and width <= method.precision:
                return PRECISE
            if self._no_longer_improves(width):
                return NOT_IMPROVING
        return TIME_LIMIT if self.windows and seconds >= method.max_seconds else ""

    def _no_longer_improves(self, width: Optional[float]) -> bool:
        count = len(self.windows)
        if count < _IMPROVEMENT_WINDOWS or width is None:
            return False
        return width > _IMPROVEMENT * self._half_width(count // 2)

    def _half_width(self, count: int) -> Optional[float]:
        speeds = [window.images_per_second for window in self.windows[:count]]
        return half_width(median_interval(speeds), median(speeds))


class Follower(Meter):
    """The meter of a worker that trains on for as long as another one measures."""

    def _reason_to_stop(self) -> str:
        return ""


def _seconds(windows: List[Window]) -> float:
    return sum(window.seconds for window in windows)
