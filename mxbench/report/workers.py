"""Arranges cells of workers that train together: a table for each network, batch size and set of conditions."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from statistics import median
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..predict.scaling import (Interval, ScalingPrediction, Traffic, effective_bandwidth, hidden_share, predict_scaling,
                               traffic)
from ..results.record import OK, Record
from ..results.summary import Summary, summarise
from .tables import Table, table

_PARTS = ("step_seconds", "compute_seconds", "communicate_seconds", "input_seconds", "gradient_bytes", "sent_bytes",
          "received_bytes")
_THREADS = "OMP_NUM_THREADS"  # workers that share a machine share out its cores


@dataclass(frozen=True)
class Workers:
    """One row that was measured: the cell, and the medians of its records."""

    summary: Summary

    @property
    def workers(self) -> int:
        """How many train together."""
        return self.summary.cell.workers

    @property
    def images_per_second(self) -> Optional[float]:
        """The speed of all workers together, the median over the records; None without a figure."""
        return self.summary.images_per_second

    @property
    def interval(self) -> Optional[Interval]:
        """The 95 % interval of that speed."""
        return self.summary.interval

    @property
    def parts(self) -> Optional[Dict[str, float]]:
        """Times and bytes of a step, as in :class:`mxbench.results.record.Scaling`; None where they were not taken."""
        found = [record.scaling for record in self.summary.records if record.status == OK and record.scaling]
        return {name: median(getattr(one, name) for one in found) for name in _PARTS} if found else None

    @property
    def hidden_seconds(self) -> Optional[float]:
        """By how much the parts of a step together are longer than the step, not below 0."""
        known = self.parts
        return known and max(0.0, sum(known[name] for name in _PARTS[1:4]) - known["step_seconds"])

    @property
    def hosts(self) -> Optional[int]:
        """On how many hosts they were; None if that is not known."""
        hosts = [record.scaling.hosts for record in self.summary.records if record.scaling and record.scaling.hosts]
        return len(set(hosts[-1])) if hosts else None


@dataclass(frozen=True)
class Basis:
    """What predictions start from: the row with the fewest workers; and the bandwidth, and where it is from.

    ``measured_with`` is the number of workers whose push and pull told the bandwidth, 0 where it was given.
    ``hidden`` is as for :func:`mxbench.predict.scaling.predict_scaling`.
    """

    start: Workers
    bandwidth: float
    measured_with: int
    hidden: Optional[float]
    local_seconds: float


@dataclass(frozen=True)
class ScalingTable:
    """One network at one batch size for each worker, a row for each number of workers, all else being equal.

    ``as_many_servers`` says that each row has a server for each worker; else all have ``servers`` servers.
    """

    rows: Tuple[Workers, ...]
    as_many_servers: bool
    conditions: Table

    @property
    def example(self) -> Record:
        """A record that stands for the conditions of all; its number of threads names that of each row."""
        example = self.conditions.example
        threads = [record.variables.get(_THREADS) for row in self.rows for record in row.summary.records]
        if len(set(threads)) < 2:
            return example
        told = " or ".join(dict.fromkeys(one or "unset" for one in threads))
        return dataclasses.replace(example, variables={**example.variables, _THREADS: told})

    @property
    def name(self) -> str:
        """The network's name in tables."""
        return self.rows[0].summary.display_name

    @property
    def batch_size(self) -> int:
        """Images in the batch of each worker."""
        return self.rows[0].summary.cell.batch_size

    @property
    def finished(self) -> List[Workers]:
        """The rows with a figure."""
        return [row for row in self.rows if row.images_per_second is not None]

    @property
    def one(self) -> Optional[float]:
        """The speed of one worker, None where it was not measured."""
        return next((row.images_per_second for row in self.finished if row.workers == 1), None)

    def servers(self, workers: int) -> int:
        """How many servers that many workers have."""
        return workers if self.as_many_servers else self.example.cell.servers

    def basis(self, bandwidth: Optional[float] = None, apart: bool = False) -> Optional[Basis]:
        """What predictions can start from, None if no row tells; a bandwidth that is given goes before a measured one.

        A bandwidth and an overlap are read from the row with the most workers that are on hosts of their own.
        """
        timed = [row for row in self.finished if row.parts]
        crossed = [row for row in timed if row.workers > 1 and row.hosts in (None, row.workers)]
        if not timed:
            return None
        alone, local, communicate = _alone(timed[0], apart)
        hidden, measured_with = None, 0
        if crossed:
            row = crossed[-1]
            network = row.parts["communicate_seconds"] - communicate
            hidden = hidden_share(alone, network, row.parts["step_seconds"])
            if bandwidth is None:
                bandwidth, measured_with = effective_bandwidth(self.traffic(row, apart), network), row.workers
        return Basis(timed[0], bandwidth, measured_with, hidden, local) if bandwidth else None

    def traffic(self, row: Workers, apart: bool = False) -> Traffic:
        """What should cross the network in one step of a row."""
        cell = row.summary.cell
        return traffic(row.parts["gradient_bytes"], cell.workers, max(1, cell.servers), cell.gc_type, apart)

    def predict(self, workers: int, basis: Basis, apart: bool = False) -> ScalingPrediction:
        """The step of that many workers on hosts of their own; ``apart`` gives each server a host of its own too."""
        parts = basis.start.parts
        return predict_scaling(
            self.batch_size, parts["compute_seconds"], parts["gradient_bytes"], workers, max(1, self.servers(workers)),
            basis.bandwidth, parts["input_seconds"], basis.local_seconds, self.example.cell.gc_type, apart,
            basis.hidden)


def arrange(records: Sequence[Record]) -> List[ScalingTable]:
    """The tables of all records of workers that train together, in order of appearance; there may be none."""
    groups: Dict[str, List[Summary]] = {}
    for summary in (one for group in summarise(records) for one in group):
        if summary.cell.is_distributed or any(record.scaling for record in summary.records):
            groups.setdefault(_conditions(summary), []).append(summary)
    return [_table(rows, every) for group in groups.values() for rows, every in _by_servers(group)]


def _conditions(summary: Summary) -> str:
    """What must be equal within a table, but for the servers.

    Not how many threads a worker has and how many machines there are: both follow from the number of workers.
    """
    found: Dict[str, Any] = summary.records[0].surroundings()
    for name in ("workers", "servers", "hosts", _THREADS):
        found.pop(name, None)
    return json.dumps([found, summary.cell.network, summary.cell.batch_size, summary.cell.image_shape], sort_keys=True)


def _by_servers(group: Sequence[Summary]) -> List[Tuple[List[Summary], bool]]:
    """Cells with as many servers as each other; those with a server for each worker where servers were varied so."""
    equal = [one for one in group if one.cell.servers == one.cell.workers]
    same: Dict[int, List[Summary]] = {}
    for one in group:
        same.setdefault(one.cell.servers, []).append(one)
    lonely = [servers for servers, found in same.items() if len(found) == 1 and found[0] in equal]
    if len(lonely) < min(2, len(group)):
        return [(found, False) for found in same.values()]
    return [(equal, True), *((found, False) for servers, found in same.items() if servers not in lonely)]


def _table(summaries: Sequence[Summary], as_many_servers: bool) -> ScalingTable:
    rows = tuple(Workers(one) for one in sorted(summaries, key=lambda one: one.cell.workers))
    return ScalingTable(rows, as_many_servers, table([row.summary for row in rows]))


def _alone(start: Workers, apart: bool) -> Tuple[float, float, float]:
    """Seconds without a network: the step, what push and pull add to it, and what they take by themselves.

    One worker beside its server tells; of others it is not known how much is the network.
    """
    parts = start.parts
    work = parts["compute_seconds"] + parts["input_seconds"]
    if start.workers > 1 or apart:
        return work, 0.0, 0.0
    alone = max(work, parts["step_seconds"])
    return alone, alone - work, parts["communicate_seconds"]
