"""Makes the measurements of a grid and keeps every one of them."""

from __future__ import annotations

import dataclasses
import datetime
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import UserError
from ..measure.job import Job, Share
from ..measure.method import Method
from ..results import store
from ..results.record import ERROR, OK, OUT_OF_MEMORY, Cell, Predicted, Record, from_fields, to_line
from .child import REFUSED, Outcome
from .executor import InThisThread
from .grid import MEMORY_LIMIT, Done, Step, grid
from .schedule import Schedule, Turn
from .signals import held_back, let_through


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a sweep is to measure.

    ``sources`` maps the names of networks that do not come with mxbench to where they are defined, ``facts`` every name
    to what the tables say of it, ``predicted`` cells to the memory that they will take. ``surroundings`` are the fields
    ``machine``, ``software`` and ``variables`` of a record made here and now: what counts as done must have been made in
    the same. ``shares`` are parts of the machine that measure at the same time, none for the whole machine. ``shuffle`` is
    a seed, None for the order of the cells; ``again`` measures what is done already once more.
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
    shares: Sequence[Share] = ()
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
    """Is told of everything that happens in a sweep; the base class keeps silent. ``event`` can come from any thread."""

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

    def retry(self, step: Step, share: Share) -> None:
        """A step that failed on a share will be tried on another."""

    def give_up(self, step: Step, share: Share) -> None:
        """A share gets no more steps: one that failed there is finished elsewhere."""

    def close(self) -> None:
        """The sweep is over, or broken off."""


def sweep(plan: Plan, path, run: Callable[..., Outcome], observer: Observer = Observer(),
          executor: Executor = InThisThread()) -> List[Record]:
    """Measure every step of the plan that ``path`` does not hold yet; returns the new records.

    ``run(job, timeout_seconds, on_event)`` makes one measurement in a process of its own; ``executor`` calls it, for as
    many steps at the same time as the plan has shares, and is shut down if the sweep is broken off. Each record is on the
    disk before the next step begins on its share, and before a signal that came meanwhile is heeded. A step that fails
    becomes a record with its status, and the sweep goes on.

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
    observer.begin(len(steps), len(steps) - len(remaining))
    going = _Sweep(plan, path, run, observer, executor, done, Schedule(remaining, plan.shares))
    try:
        going.go_on()
    except BaseException:
        going.break_off()
        raise
    finally:
        observer.close()
    return going.made


class _Measuring(NamedTuple):
    """A turn whose process runs, and what the process has told of its surroundings."""

    turn: Turn
    told: dict


class _Sweep:
    """A sweep that goes on: what runs, and what is made."""

    def __init__(self, plan: Plan, path, run, observer: Observer, executor: Executor, done: Done, schedule: Schedule):
        self.made: List[Record] = []
        self._plan, self._path, self._run, self._observer = plan, path, run, observer
        self._executor, self._done, self._schedule = executor, done, schedule
        self._running: Dict[Future, _Measuring] = {}

    def go_on(self) -> None:
        """Measure until nothing is left to."""
        while not self._schedule.is_over:
            with held_back():
                turn, record = self._next()
                store.append(self._path, record)
            self._count(turn, record)

    def break_off(self) -> None:
        """End what runs; what has finished meanwhile is kept all the same."""
        self._executor.shutdown()
        for future, measuring in list(self._running.items()):
            if not future.cancelled() and future.exception() is None and future.result().status == OK:
                del self._running[future]
                record = _record(self._plan, measuring, future.result())
                store.append(self._path, record)
                self._observer.end(measuring.turn.step, record)

    def _next(self) -> Tuple[Turn, Record]:
        """The next record: that of a step that needs no process, or that of the first process to end."""
        turn = self._schedule.next()
        while turn:
            cause = self._done.out_of_memory_at(turn.step)
            if cause is not None:
                return turn, _inferred(self._plan, turn, cause)
            self._begin(turn)
            turn = self._schedule.next()
        if not any(future.done() for future in self._running):
            with let_through():
                wait(self._running, return_when=FIRST_COMPLETED)
        future = next(future for future in self._running if future.done())
        measuring = self._running.pop(future)
        return measuring.turn, _record(self._plan, measuring, future.result())

    def _begin(self, turn: Turn) -> None:
        measuring, step, plan = _Measuring(turn, {}), turn.step, self._plan

        def on_event(event: dict) -> None:
            if event["event"] == "surroundings":
                measuring.told.update({name: value for name, value in event.items() if name != "event"})
            self._observer.event(step, event)

        self._observer.start(step)
        job = Job(
            step.cell, plan.method, plan.sources.get(step.cell.network, ""), plan.data,
            seed=step.repeat, memory_limit=plan.memory_limit, share=turn.share,
        )
        self._running[self._executor.submit(self._run, job, plan.timeout_seconds, on_event)] = measuring

    def _count(self, turn: Turn, record: Record) -> None:
        """Draw the consequences of a record that is on the disk."""
        self._done.add(record)
        self.made.append(record)
        lost = self._schedule.end(turn, record.status)
        self._observer.end(turn.step, record)
        if self._schedule.will_retry(turn.step):
            self._observer.retry(turn.step, turn.share)
        if lost:
            self._observer.give_up(turn.step, lost)


def _inferred(plan: Plan, turn: Turn, cause: Record) -> Record:
    """The record of a step that cannot fit, because the network ran out of memory at no larger a batch size."""
    message = f"not run: out of memory at batch size {cause.cell.batch_size} already"
    return _build(plan, turn, Outcome(OUT_OF_MEMORY, message), plan.surroundings, inferred=True)


def _record(plan: Plan, measuring: _Measuring, outcome: Outcome) -> Record:
    """The record of a process that has ended."""
    if outcome.status == REFUSED:
        raise UserError(outcome.message)
    try:
        record = _build(plan, measuring.turn, outcome, {**plan.surroundings, **measuring.told})
        to_line(record)
    except (KeyError, TypeError, ValueError) as error:
        nonsense = Outcome(ERROR, f"reported what is no measurement: {error}")
        return _build(plan, measuring.turn, nonsense, plan.surroundings)
    return record


def _build(plan: Plan, turn: Turn, outcome: Outcome, surroundings: dict, inferred: bool = False) -> Record:
    cell = turn.step.cell
    fields = {
        "cell": dataclasses.asdict(cell), "repeat": turn.step.repeat, "status": outcome.status,
        "message": outcome.message, "inferred": inferred, "method": plan.method_fields,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        **surroundings, **(outcome.fields or {}),
    }
    if cell in plan.predicted:
        fields["predicted"] = dataclasses.asdict(plan.predicted[cell])
    if turn.share and not inferred:
        fields["conditions"] = {**fields.get("conditions", {}), "share": dataclasses.asdict(turn.share)}
    fields["model"] = {**plan.facts.get(cell.network, {}), **fields.get("model", {})}
    return from_fields(fields)
