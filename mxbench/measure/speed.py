"""How fast training goes: MXNet's Speedometer with honest window edges."""

from __future__ import annotations

import time
from typing import Callable

from ..results.record import Window
from ..runtime import mx
from .method import Meter


class Finished(Exception):
    """Raised from the batch-end callback to leave ``Module.fit`` when there are enough windows."""


class Speedometer(mx.callback.Speedometer):
    """A batch-end callback that times whole batches between two barriers and hands the windows to a :class:`Meter`.

    MXNet runs asynchronously: when ``mx.callback.Speedometer`` reads its clock, backward pass and update of the last batch
    may still be pending, and it reads ``time.time()``, which is not monotonic. Here both edges of a window follow
    ``mx.nd.waitall()`` and the clock is ``time.perf_counter()``. The number of batches in a window (``frequent``) is
    settled during warm-up, unless the method gives one.
    """

    def __init__(self, batch_size: int, meter: Meter, on_window: Callable[[Window, list], None]):
        super().__init__(batch_size, frequent=meter.method.disp_batches or 1)
        self._meter = meter
        self._on_window = on_window
        self._batches = 0

    def start(self) -> None:
        """Open the first window; call it after everything is set up, right before the first batch."""
        mx.nd.waitall()
        self.tic = time.perf_counter()

    def __call__(self, param) -> None:
        self._batches += 1
        if self._batches < self.frequent:
            return
        mx.nd.waitall()
        window = Window(self._batches * self.batch_size, time.perf_counter() - self.tic)
        finished = self._meter.add(window)
        self._on_window(window, param.eval_metric.get_name_value())
        if finished:
            raise Finished
        if not self._meter.windows:
            self.frequent = self._meter.method.batches_per_window(window.seconds / self._batches)
        param.eval_metric.reset()
        self._batches = 0
        self.tic = time.perf_counter()
