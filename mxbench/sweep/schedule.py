"""Which step of a sweep runs next, and at which place."""

from __future__ import annotations

from collections import Counter
from typing import Dict, Hashable, List, NamedTuple, Optional, Sequence, Set

from ..results.record import ERROR, OK
from .grid import Step, hinges_on

MOST_LOSSES = 3  # of a step, before it is taken for the reason


class Turn(NamedTuple):
    """A step, and the place that it runs at."""

    step: Step
    place: Hashable = None


class Schedule:
    """The steps in their order, at whichever place is free, with exceptions where there are several places.

    A step waits while others can run, as long as the same network is running at a smaller batch size: should that run
    out of memory, the step need not run.

    A step that fails is tried once more at another place, and its own place waits for that. When the step succeeds there,
    the first place is at fault and is given up: else a broken GPU, which fails fast, would take most of the steps.

    Places may come and go. A step that ran at one that is gone comes next, unless it has lost its place too often.
    """

    def __init__(self, steps: Sequence[Step], places: Sequence = (None,)):
        self._waiting = list(steps)
        self._places = list(places)  # that are there and not given up
        self._free = list(places)
        self._running: List[Turn] = []
        self._doubted: Dict[Step, Hashable] = {}  # steps that failed, and where
        self._retried: Set[Step] = set()
        self._losses: Counter = Counter()
        self._given_up: List[Hashable] = []

    @property
    def is_over(self) -> bool:
        """Whether every step has had its turn."""
        return not (self._waiting or self._running or self._doubted)

    def settle(self, places: Sequence) -> None:
        """Go on with these places; a turn at one that is not among them any more is to be lost or ended."""
        come = [place for place in places if place not in self._places and place not in self._given_up]
        self._places = [place for place in self._places if place in places] + come
        busy = [turn.place for turn in self._running]
        self._free = [place for place in self._free if place in self._places]
        self._free += [place for place in come if place not in busy]
        self._drop_doubts()

    def next(self) -> Optional[Turn]:
        """A turn to begin now; None while every place that could take a step is busy."""
        for place in self._free:
            step = self._step_for(place)
            if step is not None:
                if step in self._doubted:
                    self._retried.add(step)
                else:
                    self._waiting.remove(step)
                self._free.remove(place)
                self._running.append(Turn(step, place))
                return self._running[-1]
        return None

    def end(self, turn: Turn, status: str):
        """Take note of the status that a turn ended with; returns the place that is thereby given up, if one is."""
        self._leave(turn)
        lost = None
        if turn.step in self._doubted:
            suspect = self._doubted.pop(turn.step)
            lost = suspect if status == OK and suspect in self._places else None
        elif status == ERROR and turn.step not in self._retried:
            self._doubted[turn.step] = turn.place
        if lost is not None:
            self._given_up.append(lost)
            self._places.remove(lost)
            self._free = [place for place in self._free if place != lost]
        self._drop_doubts()
        return lost

    def lose(self, turn: Turn) -> bool:
        """Take note that a turn has come to nothing, as its place is gone; whether the step gets another.

        If not, the turn is still to be ended.
        """
        self._losses[turn.step] += 1
        if self._losses[turn.step] == MOST_LOSSES:
            self._retried.add(turn.step)
            return False
        self._leave(turn)
        if turn.step not in self._doubted:
            self._waiting.insert(0, turn.step)
        return True

    def will_retry(self, step: Step) -> bool:
        """Whether a step that failed gets another turn."""
        return step in self._doubted

    def _leave(self, turn: Turn) -> None:
        self._running.remove(turn)
        if turn.place in self._places:
            self._free.append(turn.place)

    def _drop_doubts(self) -> None:
        """Forget the steps that there is no other place to try at."""
        self._doubted = {
            step: suspect for step, suspect in self._doubted.items() if any(place != suspect for place in self._places)
        }

    def _step_for(self, place) -> Optional[Step]:
        running = [turn.step for turn in self._running]
        for step, suspect in self._doubted.items():
            if suspect != place and step not in running:
                return step
        if place in self._doubted.values():
            return None
        alone = (step for step in self._waiting if not any(hinges_on(step, other) for other in running))
        return next(alone, next(iter(self._waiting), None))
