"""What the devices of a sweep reach at best: measured before the first cell, and kept for later sweeps."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
import threading
from pathlib import Path
from typing import Callable, Dict, Optional

from ..data.standard import cache_folder
from ..errors import UserError
from ..measure.job import GEMM, Job
from ..results.files import write_atomically
from ..results.record import OK, Peak, peak_from_fields
from .child import REFUSED, Outcome

_TIMEOUT_SECONDS = 120.0
_NO_PEAK = (KeyError, TypeError, ValueError, AttributeError)  # what fields that are no peak raise


class WithPeak:
    """Makes measurements as ``run`` does and adds the peak of the cell's devices to each that finishes.

    The peak is measured by ``run`` too, once for all sweeps under the same ``surroundings``. A measurement is as good
    without it: ``tell`` is then given a line that says why there is none.
    """

    def __init__(self, run: Callable[..., Outcome], surroundings: Dict[str, Dict], tell: Callable[[str], None]):
        self._run, self._surroundings, self._tell = run, surroundings, tell
        self._alone = threading.Lock()
        self._known: Dict[str, Optional[Peak]] = {}

    def __call__(self, job: Job, timeout_seconds: float, on_event: Callable[[dict], None]) -> Outcome:
        with self._alone:  # the first of several that are to run at the same time measures for all
            found = self._peak(job)
        outcome = self._run(job, timeout_seconds, on_event)
        if found is None or outcome.status != OK:
            return outcome
        return outcome._replace(fields={**(outcome.fields or {}), "peak": dataclasses.asdict(found)})

    def _peak(self, job: Job) -> Optional[Peak]:
        key = _key(job, self._surroundings)
        if key not in self._known:
            self._known[key] = _read(key) or self._measure(job, key)
        return self._known[key]

    def _measure(self, job: Job, key: str) -> Optional[Peak]:
        outcome = self._run(dataclasses.replace(job, task=GEMM, memory_limit=0), _TIMEOUT_SECONDS, lambda event: None)
        try:
            found = _peak_of(outcome.fields or {})
        except _NO_PEAK:
            if outcome.status != REFUSED:  # what cannot be done at all, the measurement itself will say
                self._tell(f"warning: the machine's peak could not be measured ({outcome.message or outcome.status}): "
                           "the records will not say what part of it was reached")
            return None
        _write(key, found)
        return found


def _key(job: Job, surroundings: Dict[str, Dict]) -> str:
    """Everything that the peak depends on: the machine, MXNet and its settings, devices and data type."""
    return json.dumps({
        "node": platform.node(), "machine": surroundings["machine"], "mxnet": surroundings["software"]["mxnet"],
        "variables": surroundings["variables"], "devices": job.cell.devices, "dtype": job.cell.dtype,
    }, sort_keys=True)


def _file(key: str) -> Path:
    return cache_folder() / f"peak-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _peak_of(fields: Dict) -> Peak:
    """The peak among fields that a process or a file has given; one of ``_NO_PEAK`` if it is none."""
    found = peak_from_fields(fields["peak"])
    if not 0 < found.gflops < math.inf:
        raise ValueError(f"a peak of {found.gflops} GFLOP/s")
    return found


def _read(key: str) -> Optional[Peak]:
    """The peak that an earlier sweep has kept; None if there is none, or its file is torn or foreign."""
    try:
        content = json.loads(_file(key).read_text(encoding="utf-8"))
        return _peak_of(content) if content["key"] == key else None
    except (OSError, RecursionError, *_NO_PEAK):
        return None


def _write(key: str, found: Peak) -> None:
    """Keep a peak for later sweeps; where nothing can be written, the next one measures it again."""
    try:
        _file(key).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(key), json.dumps({"key": key, "peak": dataclasses.asdict(found)}))
    except (OSError, UserError):
        pass
