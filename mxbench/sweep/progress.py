"""What a user sees of a sweep: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import List, Optional, Sequence

import tqdm

from ..results.accounts import accounts, duration_text, parts_text
from ..results.record import OK, OUT_OF_MEMORY, TIMEOUT, Record
from ..results.roofline import gflops, share_of_peak
from ..results.statistics import half_width
from .grid import Step
from .places import Place
from .sweep import Observer

_STATUS_TEXT = {OUT_OF_MEMORY: "out of memory", TIMEOUT: "timed out"}


class Progress(Observer):
    """Shows a sweep on standard error: a line for each finished step, and what the present ones are doing: the first of
    them on the line of the bar, every other on a line of its own. ``roofline`` adds the arithmetic per second."""

    def __init__(self, stream=None, roofline: bool = False):
        self._stream, self._roofline = stream or sys.stderr, roofline
        self._bar = None
        self._present: List[Optional[Step]] = []
        self._lines: List[tqdm.tqdm] = []
        self._began = 0.0
        self._total = self._position = 0
        self._made: List[Record] = []

    def skip(self, problem) -> None:
        self._say(str(problem))

    def begin(self, steps: int, done: int) -> None:
        self._total, self._position, self._began = steps, done, time.monotonic()
        if done:
            self._say(f"{done} of {steps} measurements are in the results file already")
        self._bar = tqdm.tqdm(
            total=steps, initial=done, file=self._stream, disable=None, unit="cell", smoothing=0, dynamic_ncols=True,
            bar_format="{n_fmt}/{total_fmt} {bar} {elapsed} passed, about {remaining} left | {desc}",
        )
        self._lines = [self._bar]

    def start(self, step: Step) -> None:
        if None in self._present:
            self._present[self._present.index(None)] = step
        else:
            self._present.append(step)
        if len(self._present) > len(self._lines):
            self._lines.append(tqdm.tqdm(
                file=self._stream, disable=None, dynamic_ncols=True, bar_format="{desc}", position=len(self._lines),
                leave=False,
            ))
        self._describe(step, "setting up")

    def event(self, step: Step, event: dict) -> None:
        if event["event"] == "window":
            self._describe(step, f"{event['phase']}, {event['images_per_second']:.2f} images/sec")

    def end(self, step: Step, record: Record) -> None:
        self._position += 1
        self._made.append(record)
        self._free(step)
        self._bar.update(1)
        left = "" if not self._bar.disable else self._time_left()
        self._say(f"[{self._position}/{self._total}] {_name(step)}{_where(record)}: {result_text(record, self._roofline)}{left}")

    def retry(self, step: Step, place: Place) -> None:
        self._total += 1
        self._bar.total += 1
        self._say(f"{_name(step)} will be tried elsewhere than on {place.name}")

    def give_up(self, step: Step, place: Place) -> None:
        advice = "; run nvidia-smi, which may say more" if place.share else ""
        self._say(f"warning: {place.name} is given up: {_name(step)} failed on it, but not on another{advice}")

    def lose(self, step: Step, place: Place) -> None:
        self._free(step)
        self._say(f"{_name(step)} was lost with {place.name} and will be measured again")

    def close(self) -> None:
        for line in reversed(self._lines):
            line.close()
        if self._made:
            self._say(_accounts_text(self._made, time.monotonic() - self._began, max(1, len(self._present))))

    def _free(self, step: Step) -> None:
        """Clear the line of a step; one that needed no process has none."""
        if step in self._present:
            self._lines[self._present.index(step)].set_description_str("")
            self._present[self._present.index(step)] = None

    def _describe(self, step: Step, doing: str) -> None:
        self._lines[self._present.index(step)].set_description_str(f"{_name(step)}: {doing}")

    def _time_left(self) -> str:
        seconds = (time.monotonic() - self._began) / len(self._made) * (self._total - self._position)
        return f" (about {duration_text(seconds)} left)" if self._position < self._total else ""

    def _say(self, line: str) -> None:
        with tolerant(self._stream):
            tqdm.tqdm.write(line, file=self._stream)
            self._stream.flush()


@contextmanager
def tolerant(stream):
    """Write to a stream in the body. Once its reader is gone, a closed terminal or pipe, everything written to it is
    dropped: what it still holds could not be flushed when the interpreter ends either, which would be exit code 120."""
    try:
        yield
    except OSError:
        with suppress(OSError), open(os.devnull, "wb") as nothing:  # a stream need not be a file
            os.dup2(nothing.fileno(), stream.fileno())


def say(line: str) -> None:
    """Tell the user, if there still is a terminal to tell on."""
    with tolerant(sys.stderr):
        print(line, file=sys.stderr, flush=True)


def result_text(record: Record, roofline: bool = False) -> str:
    """One line for a finished measurement: speed, interval, memory, arithmetic if asked, or why there are none."""
    if record.status != OK:
        text = _STATUS_TEXT.get(record.status, "failed")
        return f"{text} ({record.message})" if record.message else text
    speed = record.speed
    width = half_width(speed.interval, speed.images_per_second)
    spread = "" if width is None else f" ±{width:.1%}"
    memory = f", {record.memory.mib:.0f} MiB" if record.memory else ""
    return f"{speed.images_per_second:.2f} images/sec{spread}{memory}{_arithmetic_text(record) * roofline}, {speed.verdict}"


def _arithmetic_text(record: Record) -> str:
    achieved, share = gflops(record), share_of_peak(record)
    if achieved is None:
        return ""
    return f", {achieved:.0f} GFLOP/s" + (f" ({share:.0%} of the peak)" if share is not None else "")


def _accounts_text(records: Sequence[Record], seconds: float, at_once: int) -> str:
    """One line for where the time of a sweep went, of which up to ``at_once`` processes ran at the same time."""
    kind = "Dask workers" if any("worker" in record.conditions for record in records) else "GPUs"
    processes = f" on each of {at_once} {kind}" if at_once > 1 else ""
    return f"{duration_text(seconds)} in all{processes}: {parts_text(accounts(records, seconds * at_once))}"


def _name(step: Step) -> str:
    repeat = f", repeat {step.repeat + 1}" if step.repeat else ""
    workers = f", {step.cell.workers} worker{'s' * (step.cell.workers > 1)}" if step.cell.is_distributed else ""
    return f"{step.cell.network} batch {step.cell.batch_size}{workers}{repeat}"


def _where(record: Record) -> str:
    """Which of several places a record was made at."""
    if "worker" in record.conditions:
        return f" on {record.conditions['worker']['name']}"
    return f" on GPU {record.conditions['share']['gpu']}" if "share" in record.conditions else ""
