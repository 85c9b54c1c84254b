"""The fastest matrix product of a device: what the arithmetic of training is held against."""

from __future__ import annotations

import time
from typing import Callable, Sequence

from ..results.record import Peak
from ..runtime import mx

# The networks' own matrix product, which runs on oneDNN on a CPU and on cuBLAS on a GPU. mx.nd.dot is several times
# slower on a CPU: it runs on the OpenBLAS that MXNet was built with.
OPERATOR = "FullyConnected"

SIZES = (1024, 2048, 4096, 8192)
_SECONDS = 0.6  # for each size: single products vary, the fastest of many hardly does
_FEWEST = 3
# A product of twice the size takes eight times as long: after one as long as this the next size is left out.
_LONGEST_SECONDS = 0.04


def measure(job) -> dict:
    """The record's field ``peak`` for the devices, data type and settings of a job's cell."""
    from .trainer import contexts

    peaks = [peak(context, job.cell.dtype) for context in contexts(job.cell.devices)]
    best = max(peaks, key=lambda found: found.gflops)
    return {"peak": {**vars(best), "gflops": round(sum(found.gflops for found in peaks), 1)}}


def peak(context, dtype: str = "float32", sizes: Sequence[int] = SIZES) -> Peak:
    """The fastest product of two square matrices on one device, over ``sizes`` in ascending order."""
    best = Peak(0.0)
    for size in sizes:
        seconds = _fastest(_product(context, dtype, size))
        best = max(best, Peak(2 * size**3 / seconds / 1e9, OPERATOR, size, dtype), key=lambda found: found.gflops)
        if seconds > _LONGEST_SECONDS:
            break
    return best


def _product(context, dtype: str, size: int) -> Callable[[], None]:
    """A function that multiplies two matrices of ``size`` x ``size`` and returns when that is done."""
    drawn = (mx.nd.random.uniform(-1, 1, (size, size), ctx=mx.cpu()) for _ in range(2))
    one, other = (matrix.astype(dtype).as_in_context(context) for matrix in drawn)
    product = mx.nd.empty((size, size), ctx=context, dtype=dtype)

    def multiply() -> None:
        mx.nd.FullyConnected(one, other, num_hidden=size, no_bias=True, out=product)
        mx.nd.waitall()

    return multiply


def _fastest(work: Callable[[], None]) -> float:
    """Seconds of the fastest of several calls; the first, which allocates and compiles, is not counted."""
    work()
    times, began = [], time.perf_counter()
    while len(times) < _FEWEST or time.perf_counter() - began < _SECONDS:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
