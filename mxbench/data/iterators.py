"""Endless training input: batches that MXNet's own iterator reads from a .rec file, or one batch over and over.

Importing this module imports MXNet: the classes below are MXNet's.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

import numpy as np

from ..results.machine import physical_cores
from ..runtime import mx
from . import recordfile

# Mean and standard deviation of ImageNet's training images, red, green and blue, in 8-bit levels: those of MXNet's
# example/image-classification.
_MEAN = {"mean_r": 123.68, "mean_g": 116.779, "mean_b": 103.939}
_STD = {"std_r": 58.393, "std_g": 57.12, "std_b": 57.375}

_LOWEST_PRIORITY = 19  # of nice(1)


def recordio_iterator(path, num_examples, batch_size, image_shape, num_classes, context, label_name, dtype, seed,
                      threads, background, part=(0, 1)):
    """Random crops, mirrored at random, of the first ``num_examples`` images of a .rec file in a new order every pass.

    The shorter edge is scaled to 8/7 of the crop (256 for 224), whatever the images' size. A batch is decoded at a
    time, a few batches ahead; the last one of a pass is filled up with images of the next. ``seed`` decides the order.
    Of several workers each reads its ``part`` of them: its number and how many there are.
    With ``background`` the threads that decode leave the processors to those that compute, wherever both want one.
    """
    index = recordfile.read_index(path, limit=num_examples).part(*part)
    recordfile.check_labels(index, num_classes)
    recordfile.check_batch_size(path, len(index), batch_size)
    with tempfile.TemporaryDirectory(prefix="mxbench-") as folder:
        # No seed_aug: with it MXNet 1.9.1 crops and mirrors every batch in the same way.
        make = functools.partial(
            mx.io.ImageRecordIter, path_imgrec=str(path), path_imgidx=_write_index(index, Path(folder)), num_parts=2,
            part_index=0, data_shape=tuple(image_shape), batch_size=batch_size, label_width=1, label_name=label_name,
            shuffle=True, seed=seed, rand_crop=True, rand_mirror=True,
            resize=round(max(image_shape[1:]) * 8 / 7), preprocess_threads=threads or physical_cores(),
            device_id=context.device_id if context.device_type == "gpu" else -1, verbose=False, **_MEAN, **_STD)
        images = _in_background(make) if background else make()
    return _Endless(images, dtype)


def _in_background(make: Callable):
    """What ``make`` returns. All threads that it starts have the lowest priority: they inherit that of the thread that
    starts them, which is one for this purpose (Linux gives every thread a priority of its own)."""
    mx.nd.zeros(1).wait_to_read()  # starts MXNet's own threads, which are not to inherit it
    with ThreadPoolExecutor(1) as thread:
        if sys.platform == "linux":
            thread.submit(os.setpriority, os.PRIO_PROCESS, 0, _LOWEST_PRIORITY).result()
        return thread.submit(make).result()


def _write_index(index: recordfile.RecordIndex, folder: Path) -> str:
    """Write the index file that makes MXNet read these images and no others, and return its path.

    With an index MXNet shuffles all images and reads one batch at a time; without one it decodes the images of 8 MiB
    at once, and batches come in bursts. MXNet takes the last image of an index to end where the file does, which is
    wrong if the pass is shorter than the file. So as many entries again follow, all at the end of the last image, and
    the reader is told to read the first half of the index (num_parts=2).
    """
    path = folder / "images.idx"
    offsets = np.concatenate((index.offsets, np.full(len(index), index.end)))
    np.savetxt(path, np.stack((np.arange(len(offsets)), offsets), axis=1), fmt="%d", delimiter="\t")
    return str(path)


class _Endless(mx.io.ResizeIter):
    """Starts over at the end of the data, and gives batches of ``dtype``, which ImageRecordIter (float32) cannot.

    ``seconds_waited`` is how long the caller had to wait for batches that were not decoded yet, in all.
    """

    def __init__(self, images, dtype):
        self.seconds_waited = 0.0
        super().__init__(images, size=sys.maxsize, reset_internal=False)
        self._dtype = np.dtype(dtype)
        self.provide_data = [mx.io.DataDesc(data.name, data.shape, self._dtype) for data in images.provide_data]

    def iter_next(self):
        began = time.perf_counter()
        try:
            return super().iter_next()
        finally:
            self.seconds_waited += time.perf_counter() - began

    def getpad(self):
        return 0  # what fills up the last batch of a pass belongs to the next one, it is no repetition

    def getdata(self):
        return [array.astype(self._dtype, copy=False) for array in self.current_batch.data]


class SyntheticIterator(mx.io.DataIter):
    """The same batch again and again: normal data and uniform labels, resident in the memory of ``context``."""

    seconds_waited = 0.0

    def __init__(self, batch_size, image_shape, num_classes, context, label_name, dtype, seed):
        super().__init__(batch_size)
        random = np.random.default_rng(seed)
        data = random.standard_normal((batch_size, *image_shape), dtype=np.float32)
        label = random.integers(num_classes, size=batch_size)
        self.provide_data = [mx.io.DataDesc("data", data.shape, np.dtype(dtype))]
        self.provide_label = [mx.io.DataDesc(label_name, label.shape, np.float32)]
        self._batch = mx.io.DataBatch(
            [mx.nd.array(data, ctx=context, dtype=dtype)], [mx.nd.array(label, ctx=context, dtype="float32")], pad=0,
            provide_data=self.provide_data, provide_label=self.provide_label)

    def next(self):
        return self._batch
