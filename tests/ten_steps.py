"""Trains a small network for ten steps, alone or as one of several workers, and saves what it has learned.

    python ten_steps.py RANK OF GC_TYPE FILE
"""

import sys

import numpy as np

from mxbench.measure.trainer import Trainer
from mxbench.results.record import Cell
from mxbench.runtime import load, mx

STEPS, BATCH, SHAPE = 10, 8, (3, 16, 16)


class Over(Exception):
    """Raised after the last step."""


def network():
    net = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=8, kernel=(3, 3), name="conv")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net, name="flatten"), num_hidden=10, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


class Images(mx.io.DataIter):
    """The batches of one of several workers: its slice of each batch of all."""

    def __init__(self, rank, of):
        super().__init__(BATCH // of)
        self._random, self._slice = np.random.default_rng(3), slice(rank * self.batch_size, (rank + 1) * self.batch_size)
        self.provide_data = [mx.io.DataDesc("data", (self.batch_size, *SHAPE))]
        self.provide_label = [mx.io.DataDesc("softmax_label", (self.batch_size,))]

    def next(self):
        data, label = self._random.standard_normal((BATCH, *SHAPE)), self._random.integers(10, size=BATCH)
        return mx.io.DataBatch([mx.nd.array(data[self._slice])], [mx.nd.array(label[self._slice])], pad=0)


def main(rank, of, gc_type, path):
    steps = []

    def count(_):
        steps.append(1)
        if len(steps) == STEPS:
            raise Over

    cell = Cell("small", BATCH // of, kv_store="dist_sync" if of > 1 else "local", workers=of, gc_type=gc_type, lr=0.1)
    trainer = Trainer(cell, network(), Images(rank, of))
    try:
        trainer.fit(count)
    except Over:
        pass
    mx.nd.waitall()
    trainer.module.save_params(path)


if __name__ == "__main__":
    load()
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
