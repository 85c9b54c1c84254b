"""How fast the input pipeline is on its own, with nothing that trains."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Iterator, Optional, Sequence, Tuple

from .. import runtime
from ..results.machine import physical_cores, usable_cpus
from ..results.record import Window
from ..results.statistics import half_width, median_interval
from . import DataSpec, training_iterator

_WINDOW_SECONDS = 0.25
_ANY_LABEL = 2**24  # whole numbers above are no longer exact in a record
_BUSY = 0.9  # of the decoding threads, from which on they are what bounds the rate


@dataclass(frozen=True)
class Rate:
    """The speed of a pipeline in ``windows`` that follow each other, on ``threads`` decoding threads that kept
    ``processors`` processors busy."""

    windows: Sequence[Window]
    processors: float
    threads: int

    @property
    def images_per_second(self) -> float:
        """The median over the windows."""
        return median(window.images_per_second for window in self.windows)

    @property
    def half_width(self) -> Optional[float]:
        """Half the width of the median's 95 % interval relative to it, None if there are too few windows."""
        interval = median_interval([window.images_per_second for window in self.windows])
        return half_width(interval, self.images_per_second)

    @property
    def milliseconds(self) -> float:
        """Processor time of one image."""
        return 1000 * self.processors / self.images_per_second

    @property
    def is_decoding(self) -> bool:
        """Whether the decoding threads bound the rate; if not, they wait for the file."""
        return self.processors >= _BUSY * self.threads

    def fastest_training(self, loss: float, cores: int) -> Tuple[float, float]:
        """Up to which images/sec a network that trains on ``cores`` cores loses at most ``loss`` of its speed to the
        input: if all cores wait while one decodes, as they do at the end of every parallel loop, and if they share the
        work evenly."""
        waiting = loss / (1 - loss) * 1000 / self.milliseconds
        return waiting, waiting * cores


def decoding_threads(asked: int) -> int:
    """How many threads MXNet 1.9.1 decodes on when ``asked`` for so many (ImageRecordIOParser2::Init in
    src/io/iter_image_recordio_2.cc)."""
    return max(1, min(asked, len(usable_cpus()) // 2 - 1))


def measure(spec: DataSpec, batch_size: int, image_shape: Sequence[int], seconds: float) -> Rate:
    """Take batches of ``spec`` for ``seconds`` as training does, which must not go on meanwhile.

    One window before does not count: its first batches lay decoded in the iterator's buffers.
    """
    runtime.tune(on_cpu=False)
    batches = training_iterator(spec, batch_size, image_shape, _ANY_LABEL, runtime.mx.cpu())
    _window(batches)
    busy, began = time.process_time(), time.perf_counter()
    windows = [_window(batches)]
    while time.perf_counter() - began < seconds:
        windows.append(_window(batches))
    return Rate(windows, (time.process_time() - busy) / (time.perf_counter() - began),
                decoding_threads(physical_cores()))


def _window(batches: Iterator) -> Window:
    began, images, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < _WINDOW_SECONDS:
        data = next(batches).data[0]
        data.wait_to_read()
        images += data.shape[0]
        elapsed = time.perf_counter() - began
    return Window(images, elapsed)
