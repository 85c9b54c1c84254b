"""What else went on while a measurement was made."""

from __future__ import annotations

from typing import Dict, List

import psutil

from ..results import machine, warnings


class Conditions:
    """Compares the machine at the start of training with the machine at its end. A process that is not ``alone`` trains
    together with others, whose load is none of a stranger's."""

    def __init__(self, alone: bool = True):
        self._alone = alone
        self._start, self._end = machine.conditions(), {}
        self._clock = self._clocks()

    def end(self) -> None:
        """Take the second reading, right after the last window."""
        self._end = machine.conditions()
        busy, own, idle = (after - before for after, before in zip(self._clocks(), self._clock))
        total = (busy + idle) or 1.0
        self._end["busy_processors"] = round(len(self._processors()) * busy / total, 2)
        self._end["own_processors"] = round(len(self._processors()) * own / total, 2)

    def seen(self) -> Dict[str, object]:
        """Both readings, as the record keeps them."""
        return {"start": self._start, "end": self._end}

    def warnings(self) -> List[Dict[str, str]]:
        """Warnings about other load and swapping."""
        return warnings.about_conditions(self._start, self._end, self._alone)

    def _clocks(self) -> tuple:
        """Seconds so far of the processors that this process may use: of everything, of this process, of idling."""
        busy = idle = 0.0
        for times in self._processors():
            idling = times.idle + getattr(times, "iowait", 0.0)
            guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user and nice already
            busy, idle = busy + sum(times) - idling - guests, idle + idling
        own = psutil.Process().cpu_times()
        return busy, own.user + own.system, idle

    @staticmethod
    def _processors() -> List:
        """The times of each processor that this process may use; of all where the system numbers them otherwise."""
        times = psutil.cpu_times(percpu=True)
        return [times[cpu] for cpu in machine.usable_cpus() if cpu < len(times)] or times
