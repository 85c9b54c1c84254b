"""The record of one measurement: one JSON object, one line of a results file.

History of the format:

1. The first: ``cell`` (what was asked), ``method`` (how it was to be measured), ``status``, ``speed``, ``memory`` (what
   came out), ``predicted`` (what was expected), ``machine``, ``software``, ``variables``, ``conditions`` (what it ran on),
   ``model`` (what exactly ran). Later records also have ``arithmetic`` (what it computes), ``peak`` (what the devices
   reach at best) and, for several workers, ``scaling`` (where the time of their steps goes).
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple, Union

SCHEMA = 1

OK = "ok"
OUT_OF_MEMORY = "out_of_memory"
TIMEOUT = "timeout"
ERROR = "error"
SKIPPED = "skipped"
STATUSES = (OK, OUT_OF_MEMORY, TIMEOUT, ERROR, SKIPPED)
# What stands in the place of a figure.
STATUS_TEXT = {OUT_OF_MEMORY: "out of memory", TIMEOUT: "timed out", ERROR: "failed", SKIPPED: "not run"}


class NotARecord(ValueError):
    """A line that is no record of a measurement; the message says why."""


@dataclass(frozen=True)
class Cell:
    """What was asked: one network at one batch size under one protocol.

    ``batch_size`` counts the images of one step over all devices together, as in MXNet. ``lr``, ``mom`` and ``wd``
    are the optimizer's learning rate, momentum and weight decay, None where they are not known. ``data`` names the
    input ("recordio", "synthetic"), ``data_name`` the set of images. ``frontend`` is "symbol" (Module) or "gluon"; files
    from before there was a choice have none.

    ``workers`` processes train together through a KVStore of ``servers`` processes ("dist_sync", "dist_async"), each on
    batches of ``batch_size`` on ``devices`` of its own; 0 servers is one process that needs none. ``gc_type`` is MXNet's
    gradient compression on the way to the servers: "none" or "2bit".
    """

    network: str
    batch_size: int
    devices: Tuple[str, ...] = ("cpu(0)",)
    protocol: str = "imagenet"
    data: str = "recordio"
    data_name: str = ""
    num_examples: int = 0
    image_shape: Tuple[int, int, int] = (3, 224, 224)
    num_classes: int = 1000
    dtype: str = "float32"
    optimizer: str = "sgd"
    lr: Optional[float] = 0.01
    mom: Optional[float] = 0.9
    wd: Optional[float] = 0.0001
    kv_store: str = "local"
    tuning: str = "tuned"
    frontend: str = "symbol"
    workers: int = 1
    servers: int = 0
    gc_type: str = "none"

    @property
    def on_gpu(self) -> bool:
        """Whether the cell runs on GPUs."""
        return self.devices[0].startswith("gpu")

    @property
    def is_distributed(self) -> bool:
        """Whether workers train through a parameter server."""
        return self.kv_store.startswith("dist")


@dataclass(frozen=True)
class Window:
    """One timed stretch of training: whole batches between two barriers."""

    images: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        """The speed over this window."""
        return self.images / self.seconds


@dataclass(frozen=True)
class Speed:
    """Training speed of one process.

    ``images_per_second`` is the median over ``windows``; ``interval`` the bounds of its 95 % confidence interval in
    images/sec, None when there are too few windows for one. ``stop`` says why measuring ended, ``verdict`` how far to
    trust it (see :mod:`mxbench.results.statistics`). ``warmup`` holds the windows that do not count.
    """

    images_per_second: float
    interval: Optional[Tuple[float, float]] = None
    mad: Optional[float] = None
    stop: str = ""
    verdict: str = ""
    windows: Tuple[Window, ...] = ()
    warmup: Tuple[Window, ...] = ()


@dataclass(frozen=True)
class Memory:
    """Memory that training took, in MiB: ``mib`` = ``peak_mib`` - ``baseline_mib``, read as ``method`` says."""

    mib: float
    method: str = ""
    baseline_mib: Optional[float] = None
    peak_mib: Optional[float] = None
    per_device_mib: Tuple[float, ...] = ()


@dataclass(frozen=True)
class Predicted:
    """Memory of one device that was predicted before the cell ran, in MiB: an interval, or twice the same figure."""

    low_mib: float
    high_mib: float


@dataclass(frozen=True)
class Arithmetic:
    """What training computes, as :class:`mxbench.predict.Arithmetic` counts it: for one image, and for the update of all
    parameters once, None for an optimizer other than SGD with momentum."""

    macs: int
    forward_flops: int
    backward_flops: int
    recomputed_flops: int = 0
    update_flops: Optional[int] = None


@dataclass(frozen=True)
class Peak:
    """What the devices of a cell reach at best, in 10^9 FLOPs per second over all of them: the fastest product of
    ``size`` x ``size`` matrices through MXNet's ``operator``, under the settings of the cell."""

    gflops: float
    operator: str = ""
    size: int = 0
    dtype: str = "float32"


@dataclass(frozen=True)
class Scaling:
    """Where the time of one step of workers that train together goes, and what crosses the network; of worker 0.

    ``step_seconds`` is the median over the counted windows. The other times come from further steps with a barrier after
    each part, which keeps the parts from overlapping: ``compute_seconds`` forward and backward, ``communicate_seconds``
    push, update and pull with the wait for the other workers, ``input_seconds`` the wait for a batch. ``sent_bytes`` and
    ``received_bytes`` are what TCP carried for one step, ``gradient_bytes`` the sum of the gradients' sizes.
    ``images_per_second`` and ``hosts`` are those of each worker.
    """

    step_seconds: float
    compute_seconds: float
    communicate_seconds: float
    input_seconds: float
    gradient_bytes: int
    sent_bytes: int
    received_bytes: int
    images_per_second: Tuple[float, ...] = ()
    hosts: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One measurement, finished or failed. See docs/results.md for every field with an example."""

    cell: Cell
    status: str
    message: str = ""
    inferred: bool = False
    repeat: int = 0
    method: Dict[str, Any] = field(default_factory=dict)
    speed: Optional[Speed] = None
    memory: Optional[Memory] = None
    predicted: Optional[Predicted] = None
    arithmetic: Optional[Arithmetic] = None
    peak: Optional[Peak] = None
    scaling: Optional[Scaling] = None
    warnings: Tuple[Dict[str, str], ...] = ()
    model: Dict[str, Any] = field(default_factory=dict)
    machine: Dict[str, Any] = field(default_factory=dict)
    software: Dict[str, Any] = field(default_factory=dict)
    variables: Dict[str, str] = field(default_factory=dict)
    conditions: Dict[str, Any] = field(default_factory=dict)
    time: str = ""
    seconds: Dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple:
        """What makes two records measurements of the same thing: the cell, the repeat and what it ran on."""
        return (self.cell, self.repeat, json.dumps(self.surroundings(), sort_keys=True))

    def surroundings(self) -> Dict[str, Any]:
        """Everything but network and batch size that must be equal before two records may stand in one table."""
        asked = dataclasses.asdict(self.cell)
        for name in ("network", "batch_size", "image_shape"):
            del asked[name]
        return {**asked, **self.machine, "mxnet": self.software.get("mxnet", ""), **self.variables}


def to_line(record: Record) -> str:
    """The record as one line of JSON, without a newline."""
    return json.dumps({"schema": SCHEMA, **dataclasses.asdict(record)}, separators=(",", ":"), allow_nan=False)


def from_line(line: str) -> Record:
    """Read a record from a line of a results file.

    Raises:
        NotARecord: the line is torn, foreign, or written by a newer version of the format.
    """
    try:
        content = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotARecord("not JSON: torn or foreign") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if type(schema) is not int or schema < 1:
        raise NotARecord("JSON, but no mxbench record (no schema number)")
    if schema > SCHEMA:
        raise NotARecord(f"schema {schema} is newer than {SCHEMA}, the newest this mxbench reads")
    try:
        return from_fields(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotARecord(f"an mxbench record with a field missing or of the wrong kind: {error}") from None


def from_fields(fields: dict) -> Record:
    """The record of a dictionary of JSON values, as in a results file.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or of the wrong kind.
    """
    content = dict(fields)
    if content["status"] not in STATUSES:
        raise ValueError(f"status {content['status']!r}")
    content["cell"] = _build(Cell, content["cell"])
    if content.get("speed") is not None:
        speed = dict(content["speed"])
        for name in ("windows", "warmup"):
            speed[name] = tuple(_build(Window, window) for window in speed.get(name, ()))
        content["speed"] = _build(Speed, speed)
    parts = {"memory": Memory, "predicted": Predicted, "arithmetic": Arithmetic, "peak": Peak, "scaling": Scaling}
    for name, kind in parts.items():
        if content.get(name) is not None:
            content[name] = _build(kind, content[name])
    record = _build(Record, content)
    if record.status == OK and record.speed is None:
        raise ValueError("status ok without a speed")
    return record


def peak_from_fields(fields: dict) -> Peak:
    """The peak of a dictionary of JSON values; raises as :func:`from_fields`."""
    return _build(Peak, fields)


def _build(kind, fields: dict):
    """A dataclass from JSON: lists become tuples, fields that this version does not know are left out."""
    known = _kinds(kind)
    content = {name: _frozen(value) for name, value in fields.items() if name in known}
    for name, value in content.items():
        if not _fits(value, known[name]):
            raise TypeError(f"{name} is {value!r}"[:100])
    return kind(**content)


@functools.lru_cache(maxsize=None)
def _kinds(kind) -> Dict[str, Any]:
    """The type of every field of a dataclass."""
    return typing.get_type_hints(kind)


def _fits(value, kind) -> bool:
    """Whether a value is of the type that a field is declared with; whole numbers are numbers, truth values are not."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Union:
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        expected = inner[:1] * len(value) if isinstance(value, tuple) and inner[1:] == (...,) else inner
        return isinstance(value, tuple) and len(value) == len(expected) and all(map(_fits, value, expected))
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    if kind is Any:
        return True
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _refuse(constant: str):
    raise ValueError(f"{constant} is not JSON")


def _frozen(value):
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def latest(records: List[Record]) -> List[Record]:
    """The records without those that a later one of the same key replaces, in order of their first appearance."""
    newest: Dict[tuple, Record] = {}
    for record in records:
        newest[record.key] = record
    return list(newest.values())
