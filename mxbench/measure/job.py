"""What a worker process is told: one measurement, as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Dict

from ..results.record import Cell
from .method import Method


@dataclass(frozen=True)
class Job:
    """One measurement to make.

    ``source`` tells where a network that does not come with mxbench is defined ("path/to/module.py:function"), ``data``
    is the prepared training input, ``seed`` starts the random numbers of parameters and crops, ``memory_limit`` bounds
    the process in bytes (0: no bound).
    """

    cell: Cell
    method: Method = Method()
    source: str = ""
    data: Dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    memory_limit: int = 0

    def to_json(self) -> str:
        """The job on one line."""
        return json.dumps(dataclasses.asdict(self))


def from_json(text: str) -> Job:
    """The job that :meth:`Job.to_json` wrote."""
    content = json.loads(text)
    cell = content.pop("cell")
    cell.update(devices=tuple(cell["devices"]), image_shape=tuple(cell["image_shape"]))
    return Job(cell=Cell(**cell), method=Method(**content.pop("method")), **content)
