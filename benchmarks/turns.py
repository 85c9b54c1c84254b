"""Processes that train the same network and take turns: while one trains, the others wait.

A machine that gets slower or faster meanwhile does so for all of them, so that the ratio of two windows of one round says
more than two figures, each measured by itself. :class:`Turns` is the side of a training process, :func:`rounds` that of the
program that compares them.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from statistics import median
from typing import Dict, List, NamedTuple, Sequence, Tuple

import click

from mxbench.commands.options import BatchSize
from mxbench.errors import UserError
from mxbench.results.machine import cpu_model, physical_cores
from mxbench.results.overall import mean_of_ratios
from mxbench.results.statistics import median_interval

_LIBRARIES_SAY = 2000  # characters of a failed process's standard error

# What a program that compares processes takes.
OPTIONS = [
    click.Option(["--batch-size"], type=BatchSize(), default=10, show_default=True),
    click.Option(["--rounds", "count"], type=click.IntRange(min=6), default=6, show_default=True,
                 help="Windows of each; at least so many."),
    click.Option(["--at-least"], metavar="SECONDS", type=click.FloatRange(min=0), default=60, show_default=True,
                 help="Add rounds until the windows of a network have lasted so long."),
    click.Option(["--seconds"], type=click.FloatRange(min=0, min_open=True), default=1.5, show_default=True,
                 help="Length of a window; at least one step."),
]


class Over(Exception):
    """Raised in a training process when no further window is asked for."""


class Turns:
    """Trains when told to: call it after every step, when all work of the step is done.

    The first step allocates and compiles, and does not count.
    """

    def __init__(self, batch_size: int):
        self._batch_size, self._images, self._seconds, self._began = batch_size, 0, 0.0, 0.0

    def __call__(self) -> None:
        self._images += self._batch_size
        elapsed = time.perf_counter() - self._began
        if elapsed < self._seconds:
            return
        print(f"turn {self._images if self._seconds else 0} {elapsed}", flush=True)
        asked = sys.stdin.readline()
        if not asked:
            raise Over
        self._images, self._seconds, self._began = 0, float(asked), time.perf_counter()


class Contestant:
    """A training process, ready after its first step. ``printed`` holds what else it printed during its newest window."""

    def __init__(self, name: str, command: Sequence[str], environment: Dict[str, str]):
        self._name, self._errors = name, tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            list(command), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True)
        self._answer()

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *exception) -> None:
        self._process.kill()
        self._process.communicate()

    def window(self, seconds: float) -> float:
        """Images/sec over at least so many seconds and at least one step."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        images, elapsed = self._answer()
        return images / elapsed

    def _answer(self) -> Tuple[int, float]:
        self.printed: List[str] = []
        for line in self._process.stdout:
            kind, _, rest = line.partition(" ")
            if kind == "turn":
                images, elapsed = rest.split()
                return int(images), float(elapsed)
            self.printed.append(line.rstrip())
        self._errors.seek(0)
        lines = self._errors.read()[-_LIBRARIES_SAY:].strip().splitlines() or ["no word of why"]
        raise UserError(f"{self._name} ended: {lines[-1]}")


def rounds(commands: Dict[str, Tuple[Sequence[str], Dict[str, str]]], count: int, at_least: float,
           seconds: float) -> Dict[str, List[float]]:
    """Images/sec of the windows of each process, given by command and environment; the n-th ones stand side by side.

    There are at least ``count`` windows of each, and as many more as start within ``at_least`` seconds, so that a fast
    network's ratio rests on many. Within a round the order is random. One window before the first round does not count.
    """
    order = random.Random(1)
    with ExitStack() as stack:
        contestants = {name: stack.enter_context(Contestant(name, *how)) for name, how in commands.items()}
        found: Dict[str, List[float]] = {name: [] for name in contestants}
        for contestant in contestants.values():
            contestant.window(seconds)
        began = time.perf_counter()
        while min(map(len, found.values())) < count or time.perf_counter() - began < at_least:
            for name in order.sample(list(contestants), len(contestants)):
                found[name].append(contestants[name].window(seconds))
    return found


class Ratio(NamedTuple):
    """How many times as fast one is as another: median over the rounds, and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(of: Sequence[float], to: Sequence[float]) -> Ratio:
    """The ratio of two series of windows, at least six of each."""
    ratios = [first / second for first, second in zip(of, to)]
    return Ratio(median(ratios), *median_interval(ratios))


def conditions(batch_size: int, count: int, at_least: float) -> str:
    """What the ratios were measured on, and from how much."""
    return (f"CPU: {cpu_model()}, {physical_cores()} cores; batch size {batch_size}, synthetic data, "
            f"at least {count} rounds and {at_least:g} s")


def overall(ratios: Sequence[Ratio]) -> str:
    """The geometric mean over networks, and its 95 % interval where there are enough of them."""
    mean = mean_of_ratios([one.value for one in ratios])
    interval = f" ({mean.interval[0]:.2f} to {mean.interval[1]:.2f})" if mean.interval else ""
    return f"geometric mean of {mean.networks} networks: {mean.ratio:.2f}{interval}"
