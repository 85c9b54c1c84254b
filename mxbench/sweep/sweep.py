"""Makes the measurements of a grid and keeps every one of them."""

from __future__ import annotations

import dataclasses
import datetime
from concurrent.futures import Future
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ..errors import UserError
from ..measure.job import Job
from ..measure.method import Method
from ..results import store
from ..results.record import ERROR, OK, OUT_OF_MEMORY, Cell, Predicted, Record, from_fields, to_line
from .child import REFUSED, Outcome
from .grid import MEMORY_LIMIT, Done, Step, grid, machine_of
from .places import Lost, Place, Places
from .schedule import MOST_LOSSES, Schedule, Turn
from .signals import held_back, let_through


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a sweep is to measure.

    ``sources`` maps the names of networks that do not come with mxbench to where they are defined, ``facts`` every name
    to what the tables say of it, ``predicted`` cells to the memory that they will take. ``surroundings`` are the fields
    ``machine``, ``software`` and ``variables`` of a record made now, at a place that has none of its own: what counts as
    done must have been made in the same. ``shuffle`` is a seed, None for the order of the cells; ``again`` measures what is
    done already once more.
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

    def surroundings_at(self, place: Place) -> Dict[str, Dict]:
        """The fields ``machine``, ``software`` and ``variables`` of a record made at a place now."""
        return self.surroundings if place.surroundings is None else place.surroundings

    def machines(self, places: Sequence[Place]) -> List[Dict[str, object]]:
        """What a record must have been made on to count as done."""
        return [machine_of(self.surroundings_at(place)) for place in places]

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

    def retry(self, step: Step, place: Place) -> None:
        """A step that failed at a place will be tried at another."""

    def give_up(self, step: Step, place: Place) -> None:
        """A place gets no more steps: one that failed there is finished elsewhere."""

    def lose(self, step: Step, place: Place) -> None:
        """A place is gone; the step that ran there will be tried again."""

    def close(self) -> None:
        """The sweep is over, or broken off."""


def sweep(plan: Plan, path, run: Callable[..., Outcome], observer: Observer = Observer(),
          places: Optional[Places] = None) -> List[Record]:
    """Measure every step of the plan that ``path`` does not hold yet; returns the new records.

    ``run(job, timeout_seconds, on_event)`` makes one measurement in a process of its own; ``places`` (this machine, if
    none are given) call it, each for one step at a time, and are broken off if the sweep is. Each record is on the disk
    before the next step begins at its place, and before a signal that came meanwhile is heeded. A step that fails becomes
    a record with its status, and the sweep goes on; one whose place is lost is measured again.

    Raises:
        UserError: a process says that what was asked for cannot be done at all (its input, its installation).
        Deserted: no place is left.
        NotSaved: the results file cannot be written any more.
    """
    records, problems = store.read(path) if store.exists(path) else ([], [])
    for problem in problems:
        observer.skip(problem)
    places = places or Places()
    there = list(places.now)
    done = Done([] if plan.again else records, plan.machines(there), plan.method_fields, plan.timeout_seconds)
    steps = grid(plan.cells, plan.repeats, plan.shuffle)
    remaining = [step for step in steps if not done.holds(step)]
    observer.begin(len(steps), len(steps) - len(remaining))
    going = _Sweep(plan, path, run, observer, places, done, Schedule(remaining, there))
    try:
        going.go_on()
    except BaseException:
        going.break_off()
        raise
    finally:
        observer.close()
    return going.made


class _Telling:
    """Tells an observer of the messages about a step. What runs in another process gets a copy that keeps silent."""

    def __init__(self, step: Step, observer: Observer):
        self._step, self._observer = step, observer

    def __call__(self, event: dict) -> None:
        self._observer.event(self._step, event)

    def __reduce__(self):
        return _Silence, ()


class _Silence:
    def __call__(self, event: dict) -> None:
        pass


class _Sweep:
    """A sweep that goes on: what runs, and what is made."""

    def __init__(self, plan: Plan, path, run, observer: Observer, places: Places, done: Done, schedule: Schedule):
        self.made: List[Record] = []
        self._plan, self._path, self._run, self._observer = plan, path, run, observer
        self._places, self._done, self._schedule = places, done, schedule
        self._running: Dict[Future, Turn] = {}

    def go_on(self) -> None:
        """Measure until nothing is left to."""
        while not self._schedule.is_over:
            with held_back():
                turn, record = self._next()
                store.append(self._path, record)
            self._count(turn, record)

    def break_off(self) -> None:
        """End what runs; what has finished meanwhile is kept all the same."""
        self._places.break_off()
        for future, turn in list(self._running.items()):
            if future.done() and not future.cancelled() and future.exception() is None and future.result().status == OK:
                del self._running[future]
                record = _record(self._plan, turn, future.result())
                store.append(self._path, record)
                self._observer.end(turn.step, record)

    def _next(self) -> Tuple[Turn, Record]:
        """The next record: that of a step that needs no process, or that of the first process to end."""
        while True:
            found = self._hand_out() or self._take_in()
            if found:
                return found
            if not any(future.done() for future in self._running):
                with let_through():
                    self._places.wait(list(self._running))

    def _hand_out(self) -> Optional[Tuple[Turn, Record]]:
        """Begin a step at every place that is free; returns the record of one that needs no process, if it comes first."""
        self._schedule.settle(self._places.now)
        turn = self._schedule.next()
        while turn:
            machine = machine_of(self._plan.surroundings_at(turn.place))
            cause = self._done.out_of_memory_at(turn.step, machine)
            if cause is not None:
                return turn, _inferred(self._plan, turn, cause)
            self._begin(turn)
            turn = self._schedule.next()
        return None

    def _take_in(self) -> Optional[Tuple[Turn, Record]]:
        """The record of a process that has ended, if one has."""
        future = next((future for future in self._running if future.done()), None)
        if future is None:
            return None
        turn = self._running.pop(future)
        try:
            return turn, _record(self._plan, turn, self._places.outcome(future))
        except Lost as loss:
            if self._schedule.lose(turn):
                self._observer.lose(turn.step, turn.place)
                return None
            message = f"lost {MOST_LOSSES} times with the place that it was measured at: {loss}"
            return turn, _record(self._plan, turn, Outcome(ERROR, message))

    def _begin(self, turn: Turn) -> None:
        step, plan = turn.step, self._plan
        self._observer.start(step)
        job = Job(
            step.cell, plan.method, plan.sources.get(step.cell.network, ""), plan.data,
            seed=step.repeat, memory_limit=plan.memory_limit, share=turn.place.share,
        )
        telling = _Telling(step, self._observer)
        self._running[self._places.submit(turn.place, self._run, job, plan.timeout_seconds, telling)] = turn

    def _count(self, turn: Turn, record: Record) -> None:
        """Draw the consequences of a record that is on the disk."""
        self._done.add(record)
        self.made.append(record)
        lost = self._schedule.end(turn, record.status)
        self._observer.end(turn.step, record)
        if self._schedule.will_retry(turn.step):
            self._observer.retry(turn.step, turn.place)
        if lost:
            self._observer.give_up(turn.step, lost)


def _inferred(plan: Plan, turn: Turn, cause: Record) -> Record:
    """The record of a step that cannot fit, because the network ran out of memory at no larger a batch size."""
    message = f"not run: out of memory at batch size {cause.cell.batch_size} already"
    return _build(plan, turn, Outcome(OUT_OF_MEMORY, message), inferred=True)


def _record(plan: Plan, turn: Turn, outcome: Outcome) -> Record:
    """The record of a process that has ended."""
    if outcome.status == REFUSED:
        raise UserError(outcome.message)
    try:
        record = _build(plan, turn, outcome)
        to_line(record)
    except (KeyError, TypeError, ValueError) as error:
        return _build(plan, turn, Outcome(ERROR, f"reported what is no measurement: {error}"))
    return record


def _build(plan: Plan, turn: Turn, outcome: Outcome, inferred: bool = False) -> Record:
    cell, place = turn.step.cell, turn.place
    fields = {
        "cell": dataclasses.asdict(cell), "repeat": turn.step.repeat, "status": outcome.status,
        "message": outcome.message, "inferred": inferred, "method": plan.method_fields,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        **plan.surroundings_at(place), **(outcome.fields or {}),
    }
    if cell in plan.predicted:
        fields["predicted"] = dataclasses.asdict(plan.predicted[cell])
    if place.conditions and not inferred:
        fields["conditions"] = {**fields.get("conditions", {}), **place.conditions}
    fields["model"] = {**plan.facts.get(cell.network, {}), **fields.get("model", {})}
    return from_fields(fields)
