"""What a worker trains and on what: the network under its protocol, and the input."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from typing import Dict, Optional

import psutil

from .. import predict
from ..data import DataSpec, training_iterator
from ..errors import UserError
from ..results.record import Arithmetic
from ..runtime import mx
from ..symbols import get_network, label_name, replace_head
from .job import Job
from .outcome import telling_line
from .trainer import contexts

# The reader decodes ahead into buffers of its own, which belong to the input and not to the training.
_SETTLED_SECONDS, _MOST_SECONDS, _POLL_SECONDS = 0.3, 10.0, 0.05


class Workload:
    """Symbol and endless input of one job.

    Raises:
        UserError: the network or the input cannot be had.
    """

    def __init__(self, job: Job):
        cell = job.cell
        self._cell = cell
        self.symbol = _symbol(get_network(job.source or cell.network), cell)
        rank, workers = (job.member.rank, job.member.of) if job.member else (0, 1)
        self.iterator = training_iterator(
            DataSpec(**job.data), cell.batch_size, cell.image_shape, cell.num_classes, contexts(cell.devices)[0],
            label_name=label_name(self.symbol), dtype=cell.dtype, seed=job.seed + rank,
            background=cell.tuning == "tuned", part=(rank, workers),
        )
        self.iterator.next()
        if job.data["kind"] == "recordio":
            _await_full_buffers()

    def facts(self, parameters: int) -> Dict[str, object]:
        """What exactly ran, for the record."""
        return {
            "parameters": parameters,
            "symbol_sha256": hashlib.sha256(self.symbol.tojson().encode()).hexdigest(),
        }

    def arithmetic(self) -> Optional[Dict[str, int]]:
        """What training computes, for the record; None for a network that cannot be counted."""
        cell = self._cell
        try:
            counted = dataclasses.asdict(predict.count(predict.load(self.symbol), cell.image_shape))
        except UserError:
            return None
        if cell.optimizer.lower() != "sgd" or not cell.mom:
            del counted["update_flops"]
        if cell.frontend == "gluon":  # which has no marks for what is to be computed again
            counted["recomputed_flops"] = 0
        return {field.name: counted[field.name] for field in dataclasses.fields(Arithmetic) if field.name in counted}


def _await_full_buffers() -> None:
    """Wait until the process takes no more memory: the reader's buffers are full then."""
    process, began = psutil.Process(), time.monotonic()
    size, since = 0, began
    while time.monotonic() - since < _SETTLED_SECONDS and time.monotonic() - began < _MOST_SECONDS:
        time.sleep(_POLL_SECONDS)
        now = process.memory_info().rss
        if abs(now - size) > 2**20:
            size, since = now, time.monotonic()


def _symbol(network, cell):
    """The network with the head that the protocol asks for."""
    published = cell.protocol == "published"
    symbol = network.get_symbol(
        1000 if published else cell.num_classes, image_shape=cell.image_shape, dtype=cell.dtype,
    )
    symbol = replace_head(symbol, cell.num_classes) if published else symbol
    try:
        symbol.infer_shape(data=(cell.batch_size, *cell.image_shape))
    except mx.MXNetError as error:
        shape = ",".join(map(str, cell.image_shape))
        raise UserError(f"{cell.network} cannot take images of shape {shape}: {telling_line(str(error))}") from None
    return symbol
