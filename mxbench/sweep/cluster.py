"""The workers of a Dask cluster as places of a sweep: which there are, what they are, and what becomes of those that go."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import json
import logging
import math
import time
import uuid
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from .. import __version__
from ..errors import UserError
from ..measure.job import Job
from ..results.record import OK
from . import remote
from .child import Outcome, Unwanted
from .grid import machine_of
from .order import Order
from .places import Deserted, Lost, Place, Places

CPU, GPU = "CPU", "GPU"  # the resources that a worker offers
CONNECT_SECONDS = 10.0
ARRIVAL_SECONDS = 30.0  # for the first worker
RETURN_SECONDS = 600.0  # for a new one, when the last is gone
_POLL_SECONDS = 1.0


@contextmanager
def cluster(address: str, order: Order, tell: Callable[[str], None]) -> Iterator[Cluster]:
    """The workers of the scheduler at an address that offer a CPU or a GPU, as the order asks for; all can carry it out.

    ``tell`` is given a line for what the user should know while the sweep goes on.

    Raises:
        UserError: there is no scheduler, no such worker, or one that cannot measure what was asked for.
    """
    client = _connect(address)
    try:
        yield Cluster(client, address, order, tell)
    finally:
        client.close(timeout=CONNECT_SECONDS)


class Cluster(Places):
    """Dask workers, each of which measures one step at a time."""

    def __init__(self, client, address: str, order: Order, tell: Callable[[str], None]):
        super().__init__()
        self._client, self._address, self._order, self._tell = client, address, order, tell
        self._resource = GPU if order.gpus else CPU
        self._workers: Dict[str, Place] = {}
        self._locks: Dict[str, Sequence[str]] = {}
        self._left_out: List[str] = []
        self._ever: List[Place] = []
        self._hearers: List[Tuple[Place, Callable[[dict], None]]] = []  # of each job, by its number
        self._given: Dict[concurrent.futures.Future, Place] = {}
        self._deserted_since = None
        self._kinds = 1
        self.room_mib = math.inf
        self._topic = f"mxbench-{uuid.uuid4().hex}"
        client.subscribe_topic(self._topic, self._hear)
        self._gather()

    @property
    def now(self) -> List[Place]:
        """The workers that are connected."""
        return list(self._workers.values())

    @property
    def ever(self) -> List[Place]:
        """All workers that have been connected."""
        return self._ever

    def submit(self, place: Place, run: Callable[..., Outcome], job: Job, timeout_seconds: float,
               on_event: Callable[[dict], None]) -> concurrent.futures.Future:
        """Have a worker do a job, once the device is free of other sweeps. ``run`` is :func:`mxbench.sweep.remote.measure`."""
        order = dataclasses.replace(
            self._order, job=job.to_json(), timeout_seconds=timeout_seconds, surroundings=place.surroundings,
            locks=self._locks[_address(place)],
        )
        executor = self._client.get_executor(
            workers=[_address(place)], allow_other_workers=False, resources={self._resource: 1}, pure=False,
        )
        self._hearers.append((place, on_event))
        future = executor.submit(run, order, self._topic, len(self._hearers) - 1)
        self._given[future] = place
        return future

    def wait(self, futures: Sequence[concurrent.futures.Future]) -> None:
        """Wait until one of the futures is done, or for a second, and see which workers there are.

        Raises:
            Deserted: the last worker has been gone for too long.
        """
        if futures:
            concurrent.futures.wait(futures, _POLL_SECONDS, concurrent.futures.FIRST_COMPLETED)
        else:
            time.sleep(_POLL_SECONDS)
        present = self._present()
        for address in set(self._workers) - set(present):
            self._lose(self._workers.pop(address))
        self._welcome({address: one for address, one in present.items() if address not in (*self._workers, *self._left_out)})
        self._notice_desertion()

    def outcome(self, future: concurrent.futures.Future) -> Outcome:
        """What a worker has sent.

        Raises:
            Lost: it was lost, or went away by itself.
        """
        from distributed import KilledWorker

        place = self._given.pop(future)
        try:
            return future.result()
        except (concurrent.futures.CancelledError, KilledWorker, Unwanted, Lost):
            raise Lost(f"{place.name} ended, by a crash or because its machine did") from None

    def break_off(self) -> None:
        """Cancel what runs and what waits; the workers end it within seconds."""
        for future in self._given:
            self._cancel(future)

    def _hear(self, event: tuple) -> None:
        """Pass on what an agent says, in a thread of Dask's."""
        _, message = event
        place, on_event = self._hearers[message["number"]]
        if message["event"] == "said":
            self._tell(f"{place.name}: {message['line']}")
        else:
            on_event(message)

    def _gather(self) -> None:
        """Wait for workers, and have all that are there looked at.

        Raises:
            UserError: none comes, or one cannot measure what was asked for.
        """
        deadline = time.monotonic() + ARRIVAL_SECONDS
        present = self._present()
        while not present and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            present = self._present()
        if not present:
            others = len(self._identities())
            there = f"none of its {others} workers offers" if others else "it has no worker that offers"
            raise UserError(f"--dask {self._address}: {there} a {self._resource}: start one for each device: dask worker "
                            f"{self._address} --nthreads 1 --resources {self._resource}=1")
        self._check_scheduler()
        for problem in self._admit(present):
            raise UserError(problem)

    def _welcome(self, come: Dict[str, dict]) -> None:
        """Take the workers that have come during the sweep, or say why not."""
        for problem in self._admit(come) if come else ():
            self._tell(f"warning: left out: {problem}")
        for address in come:
            if address in self._workers:
                self._tell(f"{self._workers[address].name} has come")
            else:
                self._left_out.append(address)

    def _admit(self, come: Dict[str, dict]) -> List[str]:
        """Make workers places, as far as they can measure what was asked for; returns what keeps the others from it."""
        problems = self._unlike(come)
        alike = [address for address in sorted(come) if address not in problems]
        looked = self._client.run(remote.look, self._order, workers=alike, on_error="return") if alike else {}
        for address in alike:
            outcome = looked.get(address, "it does not answer")
            if isinstance(outcome, Outcome) and outcome.status == OK:
                self._add(address, come[address]["name"], outcome.fields)
            else:
                reason = outcome.message if isinstance(outcome, Outcome) else outcome
                problems[address] = f"Dask worker {address} cannot measure: {reason}"
        self._tell_of_kinds()
        return list(problems.values())

    def _unlike(self, come: Dict[str, dict]) -> Dict[str, str]:
        """The workers that have no mxbench, or another; with a line for each."""
        there = self._client.get_versions(packages=["mxbench"])["workers"]
        problems = {address: _difference(f"Dask worker {address}", there[address]) for address in come if address in there}
        return {address: problem for address, problem in problems.items() if problem}

    def _check_scheduler(self) -> None:
        """Raise UserError unless the scheduler has this mxbench: Dask has it read the names of what workers are to run."""
        there = self._client.get_versions(packages=["mxbench"])["scheduler"]
        problem = _difference(f"the Dask scheduler at {self._address}", there)
        if problem:
            raise UserError(problem)

    def _add(self, address: str, given, found: dict) -> None:
        node = found["node"]
        name = f"{node}:{address.rpartition(':')[2]}" if given == address else f"{node}/{given}"
        conditions = {"worker": {"name": name, "node": node, "address": address}}
        place = Place(name, surroundings=found["surroundings"], conditions=conditions)
        self._workers[address], self._locks[address] = place, found["locks"]
        self._ever.append(place)
        self.room_mib = min(self.room_mib, found["room_mib"])
        for warning in found["warnings"]:
            self._tell(f"{name}: {warning}")

    def _tell_of_kinds(self) -> None:
        """Warn when there are more kinds of workers than at the last call."""
        kinds = len({json.dumps(machine_of(place.surroundings), sort_keys=True) for place in self._ever})
        if kinds > self._kinds:
            self._tell(f"warning: the Dask workers are of {kinds} kinds, in their machines or settings: each cell is measured "
                       "on one of them, and each kind gets tables of its own; for whole tables, run once for each kind")
        self._kinds = max(kinds, self._kinds)

    def _lose(self, place: Place) -> None:
        self._tell(f"warning: {place.name} is lost")
        for future, at in self._given.items():
            if at == place:
                self._cancel(future)

    def _cancel(self, future: concurrent.futures.Future) -> None:
        """Cancel what a worker is to do, or only forget it when there is no scheduler to ask."""
        if self._client.status == "running":
            future.cancel()
        elif not future.done():
            future.set_exception(Lost())

    def _notice_desertion(self) -> None:
        if self._workers:
            self._deserted_since = None
        elif self._deserted_since is None:
            self._deserted_since = time.monotonic()
            self._tell(f"no Dask worker is left: waiting {RETURN_SECONDS / 60:g} minutes for a new one (Ctrl-C gives up)")
        elif time.monotonic() > self._deserted_since + RETURN_SECONDS:
            raise Deserted(f"no Dask worker is left at {self._address}, and none has come in {RETURN_SECONDS / 60:g} minutes")

    def _present(self) -> Dict[str, dict]:
        """The workers that offer the resource, by their addresses."""
        return {address: one for address, one in self._identities().items() if one["resources"].get(self._resource, 0) >= 1}

    def _identities(self) -> Dict[str, dict]:
        if self._client.status != "running":
            return {}
        try:
            # Client.scheduler_info, which does the same, leaves workers out in newer versions.
            return self._client.sync(self._client.scheduler.identity)["workers"]
        except (OSError, asyncio.TimeoutError):
            return {}


def _connect(address: str):
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise UserError(f"--dask {address}: Dask is not installed: run pip install 'mxbench[dask]'") from None
    try:
        get_address_host_port(address)
    except ValueError:
        raise UserError(f"--dask {address} is no address: give that which dask scheduler prints, such as "
                        "tcp://10.0.0.1:8786") from None
    for name in ("distributed", "distributed.client"):  # each has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they say, this module says in its own words
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TypeError, RuntimeError, asyncio.TimeoutError):
        raise UserError(f"--dask {address}: no Dask scheduler answers there within {CONNECT_SECONDS:g} seconds: start one with "
                        "dask scheduler, and give the address that it prints") from None


def _difference(who: str, versions: dict) -> str:
    """A line if another mxbench is there than here, or none; nothing if it is the same."""
    version = versions["packages"].get("mxbench")
    if version == __version__:
        return ""
    there = f"mxbench {version}" if version else "no mxbench"
    return f"{who} has {there}, and this is mxbench {__version__}: install the same everywhere"


def _address(place: Place) -> str:
    return place.conditions["worker"]["address"]
