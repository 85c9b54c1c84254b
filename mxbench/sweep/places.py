"""Where the steps of a sweep are measured: one at a time at each place."""

from __future__ import annotations

import concurrent.futures
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ..measure.job import Share
from .child import Outcome
from .executor import InThisThread


class Place(NamedTuple):
    """A machine that measures one step at a time, or a share of one.

    ``name`` is what a user knows it by, empty where there is no other. A process is confined to its ``share``.
    ``surroundings`` are the fields ``machine``, ``software`` and ``variables`` of a record made there, None for those of
    the plan; ``conditions`` is what such a record says of the place.
    """

    name: str = ""
    share: Optional[Share] = None
    surroundings: Optional[Dict[str, Dict]] = None
    conditions: Mapping[str, Any] = {}


class Lost(Exception):
    """A place is gone, and what ran there with it; the message says why, as far as it is known."""


class Deserted(Exception):
    """No place is left, and none has come."""


class Places:
    """Places that are there from the start to the end, served by any executor in the sense of :mod:`concurrent.futures`.

    What is submitted may travel to another process: ``run`` and its arguments can be pickled.
    """

    def __init__(self, executor: Optional[concurrent.futures.Executor] = None, places: Sequence[Place] = (Place(),)):
        self._executor, self._places = executor or InThisThread(), list(places)

    @property
    def now(self) -> List[Place]:
        """The places that take steps now."""
        return self._places

    @property
    def ever(self) -> List[Place]:
        """All places that there have been."""
        return self._places

    def submit(self, place: Place, run: Callable[..., Outcome], *arguments) -> concurrent.futures.Future:
        """Begin ``run(*arguments)`` at a place."""
        return self._executor.submit(run, *arguments)

    def wait(self, futures: Sequence[concurrent.futures.Future]) -> None:
        """Wait until one of the futures is done, or places may have come or gone.

        Raises:
            Deserted: there is none left.
        """
        concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED)

    def outcome(self, future: concurrent.futures.Future) -> Outcome:
        """What came of a future that is done.

        Raises:
            Lost: nothing, because its place is gone.
        """
        return future.result()

    def break_off(self) -> None:
        """End what runs."""
        self._executor.shutdown()
