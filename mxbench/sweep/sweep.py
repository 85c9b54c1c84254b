"""Makes the measurements of a grid one after the other and keeps every one of them."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Callable, Dict, List, Optional, Sequence

from ..errors import UserError
from ..measure.job import Job
from ..measure.method import Method
from ..results import store
from ..results.record import ERROR, OUT_OF_MEMORY, Cell, Predicted, Record, from_fields, to_line
from .child import REFUSED, Outcome
from .grid import MEMORY_LIMIT, Done, Step, grid
from .signals import held_back


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a sweep is to measure.

    ``sources`` maps the names of networks that do not come with mxbench to where they are defined, ``facts`` every name
    to what the tables say of it, ``predicted`` cells to the memory that they will take. ``surroundings`` are the fields
    ``machine``, ``software`` and ``variables`` of a record made here and now: what counts as done must have been made in
    the same. ``shuffle`` is a seed, None for the order of the cells; ``again`` measures what is done already once more.
    """

    cells: Sequence[Cell]
    method: Method
    data: Dict[str, object]
    sources: Dict[str, str] = dataclasses.field(default_factory=dict)
    facts: Dict[str, Dict] = dataclasses.field(default_factory=dict)
    predicted: Dict[Cell, Predicted] = dataclasses.field(default_factory=dict)
    repeats: int = 1
    shuffle: Optional[int] = None
    memory_limit: int = 0
    timeout_seconds: float = 1800.0
    surroundings: Dict[str, Dict] = dataclasses.field(default_factory=dict)
    again: bool = False

    @property
    def machine(self) -> Dict[str, object]:
        """What a record must have been made on to count as done."""
        here = self.surroundings
        return {**here["machine"], "mxnet": here["software"]["mxnet"], "variables": here["variables"]}

    @property
    def method_fields(self) -> Dict[str, object]:
        """The method as a record keeps it."""
        limit = {MEMORY_LIMIT: self.memory_limit / 2**20} if self.memory_limit else {}
        return {**dataclasses.asdict(self.method), **limit}


class Observer:
    """Is told of everything that happens in a sweep; the base class keeps silent."""

    def skip(self, problem: store.Problem) -> None:
        """A line of the results file is no record."""

    def begin(self, steps: int, done: int) -> None:
        """A sweep of ``steps`` begins, of which ``done`` are in the results file already."""

    def start(self, step: Step) -> None:
        """A process is about to be started for a step."""

    def event(self, step: Step, event: dict) -> None:
        """The process of a step has sent a message."""

    def end(self, step: Step, record: Record) -> None:
        """A step is finished and its record is on the disk."""

    def close(self) -> None:
        """The sweep is over, or broken off."""


def sweep(plan: Plan, path, run: Callable[..., Outcome], observer: Observer = Observer()) -> List[Record]:
    """Measure every step of the plan that ``path`` does not hold yet; returns the new records.

    ``run(job, timeout_seconds, on_event)`` makes one measurement in a process of its own. Each record is on the disk
    before the next step begins, and before a signal that came meanwhile is heeded. A step that fails becomes a record
    with its status, and the sweep goes on.

    Raises:
        UserError: a process says that what was asked for cannot be done at all (its input, its installation).
        NotSaved: the results file cannot be written any more.
    """
    records, problems = store.read(path) if store.exists(path) else ([], [])
    for problem in problems:
        observer.skip(problem)
    done = Done([] if plan.again else records, plan.machine, plan.method_fields, plan.timeout_seconds)
    steps = grid(plan.cells, plan.repeats, plan.shuffle)
    remaining = [step for step in steps if not done.holds(step)]
    made = []
    observer.begin(len(steps), len(steps) - len(remaining))
    try:
        for step in remaining:
            with held_back():
                record = _infer(plan, step, done) or _measure(plan, step, run, observer)
                store.append(path, record)
            done.add(record)
            made.append(record)
            observer.end(step, record)
    finally:
        observer.close()
    return made


def _infer(plan: Plan, step: Step, done: Done):
    """The record of a step that cannot fit, because the network ran out of memory at no larger a batch size."""
    cause = done.out_of_memory_at(step)
    if cause is None:
        return None
    message = f"not run: out of memory at batch size {cause.cell.batch_size} already"
    return _record(plan, step, Outcome(OUT_OF_MEMORY, message), plan.surroundings, inferred=True)


def _measure(plan: Plan, step: Step, run: Callable[..., Outcome], observer: Observer) -> Record:
    told = {}

    def on_event(event: dict) -> None:
        if event["event"] == "surroundings":
            told.update({name: value for name, value in event.items() if name != "event"})
        observer.event(step, event)

    observer.start(step)
    job = Job(
        step.cell, plan.method, plan.sources.get(step.cell.network, ""), plan.data,
        seed=step.repeat, memory_limit=plan.memory_limit,
    )
    outcome = run(job, plan.timeout_seconds, on_event)
    if outcome.status == REFUSED:
        raise UserError(outcome.message)
    try:
        record = _record(plan, step, outcome, {**plan.surroundings, **told})
        to_line(record)
    except (KeyError, TypeError, ValueError) as error:
        return _record(plan, step, Outcome(ERROR, f"reported what is no measurement: {error}"), plan.surroundings)
    return record


def _record(plan: Plan, step: Step, outcome: Outcome, surroundings: dict, inferred: bool = False) -> Record:
    fields = {
        "cell": dataclasses.asdict(step.cell), "repeat": step.repeat, "status": outcome.status,
        "message": outcome.message, "inferred": inferred, "method": plan.method_fields,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        **surroundings, **(outcome.fields or {}),
    }
    if step.cell in plan.predicted:
        fields["predicted"] = dataclasses.asdict(plan.predicted[step.cell])
    fields["model"] = {**plan.facts.get(step.cell.network, {}), **fields.get("model", {})}
    return from_fields(fields)
