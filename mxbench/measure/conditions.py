"""What else went on while a measurement was made."""

from __future__ import annotations

import os
from typing import Dict, List

import psutil

from ..results import machine, warnings


class Conditions:
    """Compares the machine at the start of training with the machine at its end."""

    def __init__(self):
        self._start, self._end = machine.conditions(), {}
        self._clock = self._clocks()

    def end(self) -> None:
        """Take the second reading, right after the last window."""
        self._end = machine.conditions()
        busy, own, idle = (after - before for after, before in zip(self._clocks(), self._clock))
        total = (busy + idle) or 1.0
        processors = os.cpu_count() or 1
        self._end["busy_processors"] = round(processors * busy / total, 2)
        self._end["own_processors"] = round(processors * own / total, 2)

    def seen(self) -> Dict[str, object]:
        """Both readings, as the record keeps them."""
        return {"start": self._start, "end": self._end}

    def warnings(self) -> List[Dict[str, str]]:
        """Warnings about other load and swapping."""
        return warnings.about_conditions(self._start, self._end)

    @staticmethod
    def _clocks() -> tuple:
        """Processor seconds so far: of everything, of this process, of idling."""
        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user and nice already
        return sum(times) - idle - guests, own.user + own.system, idle
