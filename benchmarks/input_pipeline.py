"""What real input costs: training from RecordIO against training from synthetic data, in windows that take turns.

    python benchmarks/input_pipeline.py --networks nin,resnet-18

Each network trains in one process, and its input is switched between one window and the next, so that a machine that gets
slower or faster meanwhile slows both alike. What counts is the ratio of the two windows of a pair.
"""

from __future__ import annotations

import random
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from time import perf_counter
from typing import Dict, List

import click

from mxbench import cli
from mxbench.commands.options import BatchSize, CommaList
from mxbench.data import prepare, training_iterator
from mxbench.results.statistics import median_interval

KINDS = ("synthetic", "recordio")
NETWORKS = "nin,resnet-18,resnet-34,inception-bn,resnet-50"


class Enough(Exception):
    """Raised from the batch-end callback to end training."""


def speeds(network: str, batch_size: int, pairs: int, seconds: float, tuning: str) -> Dict[str, List[float]]:
    """Images/sec of ``pairs`` windows of about ``seconds`` for each kind of input, the n-th of one beside the n-th of the
    other."""
    from mxbench import runtime

    runtime.tune(tuning)
    from mxbench.measure.trainer import Trainer
    from mxbench.results.record import Cell
    from mxbench.symbols import get_network, label_name

    found = get_network(network)
    cell = Cell(network, batch_size, image_shape=found.image_shape, tuning=tuning)
    symbol = found.get_symbol(cell.num_classes, image_shape=cell.image_shape)
    sources = _Sources({kind: training_iterator(
        prepare(kind), batch_size, cell.image_shape, cell.num_classes, runtime.mx.cpu(), label_name(symbol),
        background=tuning == "tuned") for kind in KINDS})
    trainer = Trainer(cell, symbol, sources)
    turns = _Turns(sources, batch_size, pairs, seconds)
    try:
        trainer.fit(turns)
    except Enough:
        return turns.speeds
    raise AssertionError("training input has no end")


class _Sources:
    """Several inputs of the same shape as one iterator, which gives batches of the ``current`` one."""

    def __init__(self, iterators: Dict):
        self._iterators, self.current = iterators, KINDS[0]
        first = iterators[self.current]
        self.batch_size, self.provide_data, self.provide_label = first.batch_size, first.provide_data, first.provide_label

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._iterators[self.current])


class _Turns:
    """A batch-end callback that times windows and switches the input after each, in random order within a pair.

    One batch after a switch does not count: Module.fit had fetched it before. From then on a window decodes as many
    batches as it trains, because the reader's buffers are full.
    """

    def __init__(self, sources: _Sources, batch_size: int, pairs: int, seconds: float):
        self._sources, self._batch_size, self._pairs, self._seconds = sources, batch_size, pairs, seconds
        self._batches, self._length, self._next, self._random = -2, 0, [], random.Random(1)
        self.speeds: Dict[str, List[float]] = {kind: [] for kind in KINDS}

    def __call__(self, param) -> None:
        from mxbench.runtime import mx

        self._batches += 1
        if self._batches == 0:
            mx.nd.waitall()
            self._began = perf_counter()
        elif self._batches >= max(1, self._length):
            mx.nd.waitall()
            self._end(perf_counter() - self._began)
            param.eval_metric.reset()

    def _end(self, elapsed: float) -> None:
        if self._length:
            self.speeds[self._sources.current].append(self._batch_size * self._batches / elapsed)
        else:  # the first window only tells how long a batch takes
            self._length = max(1, round(self._seconds / elapsed))
        if not self._next:
            if len(self.speeds[KINDS[0]]) == self._pairs:
                raise Enough
            self._next = self._random.sample(KINDS, len(KINDS))
        self._sources.current = self._next.pop()
        self._batches = -1


def _alone(function, *arguments):
    """What a function returns in a process of its own, which no other network has left its mark on."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def _input_alone(batch_size: int) -> str:
    from mxbench.data import rate

    found = rate.measure(prepare(), batch_size, (3, 224, 224), seconds=3.0)
    return f"{found.images_per_second:.0f} images/sec, {found.milliseconds:.2f} ms of processor time an image"


@click.command(name="input_pipeline.py")
@click.option("--networks", type=CommaList(), default=NETWORKS, show_default=True, help="Networks by name.")
@click.option("--batch-size", type=BatchSize(), default=10, show_default=True)
@click.option("--pairs", type=click.IntRange(min=6), default=12, show_default=True, help="Pairs of windows.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=1.5, show_default=True,
              help="Length of a window; at least one batch.")
@click.option("--tuning", type=click.Choice(["tuned", "stock"]), default="tuned", show_default=True)
def main(networks: list, batch_size: int, pairs: int, seconds: float, tuning: str) -> None:
    """Compare training from RecordIO with training from synthetic data on the CPU."""
    click.echo(f"input alone: {_alone(_input_alone, batch_size)}")
    click.echo("network          synthetic  RecordIO  RecordIO/synthetic (95 % interval)")
    for network in networks:
        found = _alone(speeds, network, batch_size, pairs, seconds, tuning)
        ratios = [real / synthetic for synthetic, real in zip(*(found[kind] for kind in KINDS))]
        low, high = median_interval(ratios)
        click.echo(f"{network:16} {median(found['synthetic']):9.2f} {median(found['recordio']):9.2f}  "
                   f"{median(ratios):.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    sys.exit(cli.main(command=main))
