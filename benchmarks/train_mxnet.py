"""Trains one network with MXNet as mxbench does, from synthetic data, in turns: NETWORK BATCH_SIZE TUNING."""

from __future__ import annotations

import dataclasses
import sys

from turns import Over, Turns

from mxbench import data, runtime
from mxbench.results.record import Cell
from mxbench.symbols import get_network


def main(network: str, batch_size: int, tuning: str) -> None:
    """Train until nobody asks for a further window."""
    runtime.tune(tuning)
    from mxbench.measure.job import Job
    from mxbench.measure.trainer import Trainer
    from mxbench.measure.workload import Workload

    cell = Cell(network, batch_size, image_shape=get_network(network).image_shape, data="synthetic", tuning=tuning)
    workload = Workload(Job(cell, data=dataclasses.asdict(data.DataSpec("synthetic", None, 0))))
    turns = Turns(batch_size)

    def after_batch(_) -> None:
        runtime.mx.nd.waitall()
        turns()

    try:
        Trainer(cell, workload.symbol, workload.iterator).fit(after_batch)
    except Over:
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
