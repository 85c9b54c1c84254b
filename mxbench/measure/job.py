"""What a worker process is told: one measurement, as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from ..results.record import Cell
from .method import Method

TRAINING, GEMM, SURROUNDINGS = "training", "gemm", "surroundings"


@dataclass(frozen=True)
class Share:
    """What one of ``of`` processes that measure at the same time may use: a GPU by its number, and processors."""

    gpu: int
    cpus: Tuple[int, ...]
    of: int


@dataclass(frozen=True)
class Member:
    """Which of ``of`` workers that train together a process is, by its ``rank``.

    On its machine it is number ``slot`` of ``slots``, and takes that part of the processors and of the ``gpus``, which are
    the numbers of all that the workers there share.
    """

    rank: int
    of: int
    slot: int = 0
    slots: int = 1
    gpus: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """One measurement to make.

    ``source`` tells where a network that does not come with mxbench is defined ("path/to/module.py:function"), ``data``
    is the prepared training input, ``seed`` starts the random numbers of parameters and crops, ``memory_limit`` bounds
    the process in bytes (0: no bound). Where a ``share`` confines the process to one GPU, that is the cell's gpu(0).
    ``task`` is to train the cell, to time matrix products on its devices, or to tell what a measurement would run
    on. A ``member`` is one of several workers that train the cell together.
    """

    cell: Cell
    method: Method = Method()
    source: str = ""
    data: Dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    memory_limit: int = 0
    share: Optional[Share] = None
    task: str = TRAINING
    member: Optional[Member] = None

    def to_json(self) -> str:
        """The job on one line."""
        return json.dumps(dataclasses.asdict(self))


def from_json(text: str) -> Job:
    """The job that :meth:`Job.to_json` wrote."""
    content = json.loads(text)
    cell = content.pop("cell")
    cell.update(devices=tuple(cell["devices"]), image_shape=tuple(cell["image_shape"]))
    share = content.pop("share")
    if share:
        share = Share(**{**share, "cpus": tuple(share["cpus"])})
    member = content.pop("member")
    if member:
        member = Member(**{**member, "gpus": tuple(member["gpus"])})
    return Job(cell=Cell(**cell), method=Method(**content.pop("method")), share=share, member=member, **content)
