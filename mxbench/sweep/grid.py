"""The cells of a sweep: which network at which batch size, in which order, and what is done already."""

from __future__ import annotations

import dataclasses
import random
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from ..results.record import ERROR, OUT_OF_MEMORY, Cell, Record


class Step(NamedTuple):
    """One process to run: a cell, and which of its repeats."""

    cell: Cell
    repeat: int


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
    """What a results file holds of a sweep already, judged against the machine and the method of today."""

    def __init__(self, records: Iterable[Record], machine: Dict, method: Dict):
        self._records = [record for record in records if _is_from(record, machine)]
        self._method = method

    def holds(self, step: Step) -> bool:
        """Whether the step needs no measuring. A step that ended in an error is tried again."""
        return any(
            record.cell == step.cell and record.repeat == step.repeat and record.status != ERROR
            and (record.method == self._method or record.inferred)
            for record in self._records
        )

    def add(self, record: Record) -> None:
        """Count a new record as done."""
        self._records.append(record)

    def out_of_memory_at(self, step: Step) -> Optional[Record]:
        """A record of the same cell, or of the same network at a smaller batch size, that ran out of memory."""
        for record in self._records:
            same = dataclasses.replace(record.cell, batch_size=step.cell.batch_size) == step.cell
            if same and record.status == OUT_OF_MEMORY and record.cell.batch_size <= step.cell.batch_size:
                return record
        return None


def _is_from(record: Record, machine: Dict) -> bool:
    """Whether a record was made on this machine, with the same libraries and settings as today's would be."""
    found = {**record.machine, "mxnet": record.software.get("mxnet"), "variables": record.variables}
    return all(found.get(name) == value for name, value in machine.items())
