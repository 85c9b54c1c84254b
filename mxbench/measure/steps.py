"""Where the time of a step goes when several workers train together, and what it sends."""

from __future__ import annotations

import time
from statistics import median
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from ..results.record import Cell, Window
from ..runtime import mx
from .traffic import Traffic, traffic

_FEWEST, _SECONDS = 3, 5.0  # steps with barriers, and how long they may go on


class _Enough(Exception):
    """Raised from the batch-end callback after the last step with barriers."""


class Wire:
    """What a worker sends and receives from the end of its first counted window on."""

    def __init__(self, batch_size: int):
        self._batch_size, self._images = batch_size, 0
        self._first: Optional[Traffic] = None
        self._last = Traffic()

    def sample(self, window: Window, wanted: bool) -> None:
        """Read the counters at the end of a counted window, if they are wanted."""
        if not wanted:
            return
        self._last = traffic()
        if self._first is None:
            self._first = self._last
        else:
            self._images += window.images

    def each_step(self) -> Traffic:
        """Bytes of one step; none where fewer than two windows counted."""
        if not self._images:
            return Traffic()
        steps = self._images / self._batch_size
        return Traffic(*(round(count / steps) for count in self._last.since(self._first)))


def scaling(trainer, iterator, windows: Sequence[Window], wire: Wire, cell: Cell) -> Dict[str, object]:
    """The fields of the record's ``scaling`` that a worker knows itself: times in seconds and bytes of one step.

    In a measured step computing and communicating overlap. To take it apart, some further steps have a barrier after every
    part, so that each part has a time of its own; together they take longer than a measured step.
    """
    parts, bytes_ = _Parts(trainer, iterator), wire.each_step()
    parts.measure()
    return {
        "step_seconds": median(window.seconds * cell.batch_size / window.images for window in windows),
        "compute_seconds": median(parts.compute), "communicate_seconds": median(parts.communicate),
        "input_seconds": median(parts.waited),
        "gradient_bytes": trainer.parameter_count() * np.dtype(cell.dtype).itemsize,
        "sent_bytes": bytes_.sent, "received_bytes": bytes_.received,
    }


class _Parts:
    """Seconds of each part of single steps, in which every part waits for the one before."""

    def __init__(self, trainer, iterator):
        self.compute: List[float] = []
        self.communicate: List[float] = []
        self.waited: List[float] = []
        self._trainer, self._iterator = trainer, iterator

    def measure(self) -> None:
        """Train some further steps; the first does not count."""
        module, began, waited = self._trainer.module, time.perf_counter(), self._iterator.seconds_waited
        module.forward_backward = self._timed(module.forward_backward, self.compute)
        module.update = self._timed(module.update, self.communicate)

        def after_batch(_) -> None:
            nonlocal waited
            now = self._iterator.seconds_waited
            self.waited.append(now - waited)
            waited = now
            if len(self.waited) > _FEWEST and time.perf_counter() - began > _SECONDS or len(self.waited) > 4 * _FEWEST:
                raise _Enough

        try:
            self._trainer.fit(after_batch)
        except _Enough:
            pass
        for times in (self.compute, self.communicate, self.waited):
            del times[0]

    @staticmethod
    def _timed(part: Callable, times: List[float]) -> Callable:
        def run(*arguments, **named) -> None:
            mx.nd.waitall()
            began = time.perf_counter()
            part(*arguments, **named)
            mx.nd.waitall()
            times.append(time.perf_counter() - began)

        return run
