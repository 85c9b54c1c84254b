"""The cells of a sweep: which network at which batch size, in which order, and what is done already."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from ..results.record import ERROR, OUT_OF_MEMORY, TIMEOUT, Cell, Record

MEMORY_LIMIT = "memory_limit_mib"  # in the method of a record, where there was one


class Step(NamedTuple):
    """One process to run: a cell, and which of its repeats."""

    cell: Cell
    repeat: int


def hinges_on(step: Step, other: Step) -> bool:
    """Whether the one cannot fit if the other runs out of memory: the same cell, at no smaller a batch size."""
    same = dataclasses.replace(other.cell, batch_size=step.cell.batch_size) == step.cell
    return same and other.cell.batch_size <= step.cell.batch_size


def grid(cells: Sequence[Cell], repeats: int = 1, shuffle: Optional[int] = None) -> List[Step]:
    """All steps of a sweep in round-robin order, so that a drift of the machine touches every cell alike.

    Every cell comes once before any comes twice; within a round the order is that of ``cells``, or random from the seed
    ``shuffle``.
    """
    steps: List[Step] = []
    generator = random.Random(shuffle)
    for repeat in range(repeats):
        round_ = [Step(cell, repeat) for cell in cells]
        if shuffle is not None:
            generator.shuffle(round_)
        steps += round_
    return steps


class Done:
    """What a results file holds of a sweep already: the newest record of each step made on each machine of today.

    ``machines`` are those of today as :func:`machine_of` describes them, ``method`` is the method of today as records keep
    it, ``timeout_seconds`` the time that a step would be given.
    """

    def __init__(self, records: Iterable[Record], machines: Sequence[Dict], method: Dict, timeout_seconds: float):
        self._newest: Dict[Step, List[Record]] = {}
        self._method, self._timeout_seconds = method, timeout_seconds
        for record in records:
            if is_from(record, machines):
                self.add(record)

    def holds(self, step: Step) -> bool:
        """Whether the step needs no measuring. It does after an error, and with more time or memory than it had."""
        return any(self._counts(record) for record in self._newest.get(step, ()))

    def add(self, record: Record) -> None:
        """Count a record as done; it replaces an older one of the same step on the same machine."""
        newest = self._newest.setdefault(Step(record.cell, record.repeat), [])
        newest[:] = [other for other in newest if _machine_of(other) != _machine_of(record)] + [record]

    def out_of_memory_at(self, step: Step, machine: Dict) -> Optional[Record]:
        """A record of the same cell, or of the same network at a smaller batch size, that ran out of memory on this
        machine."""
        for tried, records in self._newest.items():
            for record in records:
                if (record.status == OUT_OF_MEMORY and hinges_on(step, tried) and self._had_the_memory(record)
                        and is_from(record, [machine])):
                    return record
        return None

    def _counts(self, record: Record) -> bool:
        if record.status == ERROR:
            return False
        if record.status == OUT_OF_MEMORY:
            return self._had_the_memory(record)
        if record.status == TIMEOUT and record.seconds.get("total", math.inf) < self._timeout_seconds:
            return False
        return record.method == self._method

    def _had_the_memory(self, record: Record) -> bool:
        """Whether the record was made under the memory limit of today."""
        return record.method.get(MEMORY_LIMIT) == self._method.get(MEMORY_LIMIT)


def machine_of(surroundings: Dict[str, Dict]) -> Dict:
    """The part of the fields ``machine``, ``software`` and ``variables`` that two records must share to count as made on
    the same machine, with the same libraries and settings."""
    mxnet = surroundings["software"].get("mxnet")
    return {**surroundings["machine"], "mxnet": mxnet, "variables": surroundings["variables"]}


def is_from(record: Record, machines: Sequence[Dict]) -> bool:
    """Whether a record was made on one of these machines, as :func:`machine_of` describes them."""
    return _machine_of(record) in machines


def _machine_of(record: Record) -> Dict:
    return {**record.machine, "mxnet": record.software.get("mxnet"), "variables": record.variables}
