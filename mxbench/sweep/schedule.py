"""Which step of a sweep runs next, and on which share of the machine."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Set

from ..measure.job import Share
from ..results.record import ERROR, OK
from .grid import Step, hinges_on


class Turn(NamedTuple):
    """A step, and the share of the machine that it runs on; None is all of it."""

    step: Step
    share: Optional[Share] = None


class Schedule:
    """The steps in their order, on whichever share is free, with two exceptions where there are several shares.

    A step waits while others can run, as long as the same network is running at a smaller batch size: should that run
    out of memory, the step need not run.

    A step that fails is tried once more on another share, and its own share waits for that. When the step succeeds there,
    the first share is at fault and is given up: else a broken GPU, which fails fast, would take most of the steps.
    """

    def __init__(self, steps: Sequence[Step], shares: Sequence[Share] = ()):
        self._waiting = list(steps)
        self._free: List[Optional[Share]] = list(shares) or [None]
        self._running: List[Turn] = []
        self._doubted: Dict[Step, Share] = {}  # steps that failed, and where
        self._retried: Set[Step] = set()
        self._given_up: List[Share] = []

    @property
    def is_over(self) -> bool:
        """Whether every step has had its turn."""
        return not (self._waiting or self._running or self._doubted)

    def next(self) -> Optional[Turn]:
        """A turn to begin now; None while every share that could take a step is busy."""
        for share in self._free:
            step = self._step_for(share)
            if step is not None:
                if step in self._doubted:
                    self._retried.add(step)
                else:
                    self._waiting.remove(step)
                self._free.remove(share)
                self._running.append(Turn(step, share))
                return self._running[-1]
        return None

    def end(self, turn: Turn, status: str) -> Optional[Share]:
        """Take note of the status that a turn ended with; returns the share that is thereby given up, if one is."""
        self._running.remove(turn)
        if turn.share not in self._given_up:
            self._free.append(turn.share)
        lost = None
        if turn.step in self._doubted:
            suspect = self._doubted.pop(turn.step)
            lost = suspect if status == OK and suspect not in self._given_up else None
        elif status == ERROR and turn.step not in self._retried:
            self._doubted[turn.step] = turn.share
        if lost is not None:
            self._given_up.append(lost)
            self._free = [share for share in self._free if share != lost]
        working = [*self._free, *(one.share for one in self._running if one.share not in self._given_up)]
        self._doubted = {
            step: suspect for step, suspect in self._doubted.items() if any(share != suspect for share in working)
        }
        return lost

    def will_retry(self, step: Step) -> bool:
        """Whether a step that failed gets another turn."""
        return step in self._doubted

    def _step_for(self, share: Optional[Share]) -> Optional[Step]:
        running = [turn.step for turn in self._running]
        for step, suspect in self._doubted.items():
            if suspect != share and step not in running:
                return step
        if share in self._doubted.values():
            return None
        alone = (step for step in self._waiting if not any(hinges_on(step, other) for other in running))
        return next(alone, next(iter(self._waiting), None))
