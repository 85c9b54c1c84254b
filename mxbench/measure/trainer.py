"""Trains one network the way a user of ``mx.mod.Module`` does."""

from __future__ import annotations

import functools
import inspect
import logging
import warnings
from typing import Callable, List

from ..errors import UserError, nearest
from ..results.record import Cell
from ..runtime import mx
from ..symbols import label_name
from .initializer import Xavier


def contexts(devices) -> list:
    """MXNet contexts for device names such as "cpu(0)" and "gpu(1)"."""
    return [mx.Context(*_split(device)) for device in devices]


def _split(device: str) -> tuple:
    kind, _, number = device.rstrip(")").partition("(")
    return kind, int(number)


def optimizer_options(cell: Cell) -> tuple:
    """Those of the cell's settings that its optimizer takes, as pairs of name and value.

    Raises:
        UserError: MXNet has no such optimizer.
    """
    known = mx.optimizer.Optimizer.opt_registry
    if cell.optimizer.lower() not in known:
        raise UserError(f"MXNet has no optimizer {cell.optimizer!r}: {nearest(cell.optimizer, sorted(known))}")
    options: List[tuple] = [("learning_rate", cell.lr), ("wd", cell.wd)]
    if "momentum" in inspect.signature(known[cell.optimizer.lower()]).parameters:
        options.append(("momentum", cell.mom))
    if cell.dtype == "float16":
        options.append(("multi_precision", True))
    return tuple(options)


class Trainer:
    """A bound Module with parameters and optimizer, ready to train from an endless iterator.

    ``symbol`` ends in one SoftmaxOutput; ``iterator`` yields batches of ``cell.batch_size`` images for all devices
    together. Setting up allocates parameters, gradients and optimizer state.

    Raises:
        UserError: MXNet has no such optimizer.
    """

    def __init__(self, cell: Cell, symbol, iterator, seed: int = 0):
        self._cell, self._options = cell, optimizer_options(cell)
        self._iterator = iterator
        self._metric = mx.metric.create(["acc", "ce"])
        self._kv_store = _kv_store(cell)
        self.module = mx.mod.Module(
            symbol, context=contexts(cell.devices), label_names=[label_name(symbol)], logger=_quiet_logger(),
            compression_params=None if cell.gc_type == "none" else {"type": cell.gc_type},
        )
        self.module.bind(iterator.provide_data, iterator.provide_label)
        self.module.init_params(Xavier(seed))
        self.module.init_optimizer(kvstore=self._kv_store, optimizer=cell.optimizer, optimizer_params=self._options)

    def fit(self, batch_end_callback: Callable) -> None:
        """Train until ``batch_end_callback`` raises: forward, backward, update, metric, callback for every batch."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Parameters already initialized")
            self.module.fit(
                self._iterator, eval_metric=self._metric, num_epoch=1, batch_end_callback=batch_end_callback,
                kvstore=self._kv_store, optimizer=self._cell.optimizer, optimizer_params=self._options,
            )

    def parameter_count(self) -> int:
        """Number of trained parameters, without auxiliary states."""
        arguments, _ = self.module.get_params()
        return sum(array.size for array in arguments.values())

    def images_per_device(self) -> List[int]:
        """How many images of a batch each device has: MXNet shares a batch out as evenly as it can."""
        return [part.stop - part.start for part in self.module._exec_group.slices]


def _kv_store(cell: Cell):
    """A KVStore object under protocol ``published`` (the weights then live in it once more), else its name. Several workers
    share one that is made once: making it waits for all of them."""
    if cell.protocol != "published" and not cell.is_distributed:
        return cell.kv_store
    store = mx.kv.create(cell.kv_store)
    if cell.gc_type != "none":
        # Module of 1.9.1 asks for both in one, which refuses to compress.
        store.pushpull = functools.partial(_push_then_pull, store)
    return store


def _push_then_pull(store, key, value, out, priority: int = 0) -> None:
    store.push(key, value, priority)
    store.pull(key, out, priority)


def _quiet_logger() -> logging.Logger:
    """A logger for Module that keeps to itself what is expected here: that fit finds everything set up already."""
    logger = logging.getLogger("mxbench.module")
    logger.setLevel(logging.ERROR)
    return logger
