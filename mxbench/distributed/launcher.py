"""Makes a measurement with several workers: starts all roles, follows them, and ends all when one ends."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from typing import Awaitable, Callable, Dict, List, NamedTuple, Optional, Sequence

from .. import __version__, runtime
from ..errors import UserError
from ..measure.job import SURROUNDINGS, Job, Member
from ..measure.outcome import telling_line
from ..results import machine
from ..results.record import ERROR, OK, TIMEOUT
from ..results.warnings import MeasurementWarning
from ..sweep.child import REFUSED, Outcome, died, kernel_kills
from ..sweep.signals import let_through
from .places import Running
from .process import SCHEDULER, SERVER, WORKER
from .speed import Tally, together

_HELLO_SECONDS = 60.0  # for Python to start on a busy machine
_END_SECONDS = 10.0  # for all processes to end


class Part(NamedTuple):
    """A process of the measurement: a role, which one of that role, and where it is to run."""

    role: str
    number: int
    place: object

    def __str__(self) -> str:
        return self.role if self.role == SCHEDULER else f"{self.role} {self.number}"


class Launcher:
    """Makes measurements on some places; a context manager that keeps the connections to them.

    ``open_places`` connects to the places and returns them. Worker *n* and server *n* run on place *n*, which starts
    again from the first after the last; the scheduler runs on the first. ``gpus`` are those that the workers of one place
    share.
    """

    def __init__(self, open_places: Callable[[], Awaitable[List]], gpus: Sequence[int] = ()):
        self._open_places, self._gpus = open_places, tuple(gpus)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._places: List = []

    def __enter__(self) -> Launcher:
        self._thread.start()
        try:
            self._places = self._do(self._open_places())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self._do(self._close(), heed_signals=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, job: Job, timeout_seconds: float, on_event: Callable[[dict], None] = lambda event: None) -> Outcome:
        """Make one measurement, as :func:`mxbench.sweep.child.run` does for a single process. A signal ends all of it."""
        began, training = time.monotonic(), _Training(job, self._places, self._gpus, on_event)
        try:
            outcome = self._do(asyncio.wait_for(training.outcome(), timeout_seconds))
        except asyncio.TimeoutError:
            message = f"not finished after {timeout_seconds:g} seconds"
            outcome = Outcome(TIMEOUT, message, {"seconds": {"total": round(time.monotonic() - began, 3)}})
        return outcome._replace(fields={**training.surroundings, **(outcome.fields or {})})

    def surroundings(self, job: Job) -> Dict[str, Dict]:
        """What worker 0 of a measurement would run on.

        Raises:
            UserError: the process that is to tell cannot be started there.
        """
        outcome = self._do(_Training(dataclasses.replace(job, task=SURROUNDINGS), self._places, self._gpus).told())
        if outcome.status != OK:
            raise UserError(outcome.message)
        return outcome.fields

    def _do(self, work, heed_signals: bool = True):
        """What a coroutine returns; it runs in a thread of its own, since signals come to the main one."""
        ended = threading.Event()
        future = asyncio.run_coroutine_threadsafe(_awaited(work, ended), self._loop)
        if not heed_signals:
            return future.result()
        try:
            with let_through():
                return future.result()
        except BaseException:
            future.cancel()
            ended.wait(_END_SECONDS)
            raise

    async def _close(self) -> None:
        for place in self._places:
            await place.close()


async def _awaited(work, ended: threading.Event):
    try:
        return await work
    finally:
        ended.set()


class _Training:
    """One measurement."""

    def __init__(self, job: Job, places: Sequence, gpus: Sequence[int],
                 on_event: Callable[[dict], None] = lambda event: None):
        self._job, self._places, self._gpus, self._on_event = job, places, tuple(gpus), on_event
        self._running: Dict[Part, Running] = {}
        self._messages: asyncio.Queue = None  # made where the loop runs, as Python 3.8 wants
        self._listening: List[asyncio.Task] = []
        self._hosts: Dict[int, dict] = {}  # what each worker has told of its machine
        self._tally = Tally(job.cell.workers)
        self._kills_before = kernel_kills()

    @property
    def surroundings(self) -> dict:
        """What worker 0 has told of what it runs on, as fields of the record."""
        return {name: value for name, value in self._of_all(self._hosts.get(0, {})).items() if name != "event"}

    async def outcome(self) -> Outcome:
        """Start all parts and follow them to the first end."""
        return await self._followed(self._start)

    async def told(self) -> Outcome:
        """Start worker 0 alone, for what it can tell without the others."""
        return await self._followed(self._start_first)

    async def _followed(self, start: Callable[[], Awaitable[None]]) -> Outcome:
        self._messages = asyncio.Queue()
        try:
            await start()
            return await self._follow()
        except UserError as error:
            return Outcome(REFUSED, str(error))
        except OSError as error:
            return Outcome(ERROR, f"no process could be started: {error.strerror or error}")
        finally:
            for task in self._listening:
                task.cancel()
            for running in self._running.values():
                running.end()
            await asyncio.gather(*(self._ended(running) for running in self._running.values()))

    async def _start_first(self) -> None:
        first = Part(WORKER, 0, self._places[0])
        await self._begin(first)
        self._tell(first, {})

    async def _start(self) -> None:
        """Start the scheduler, and then the others, which have to know where it listens."""
        cell, places = self._job.cell, self._places
        scheduler = Part(SCHEDULER, 0, places[0])
        hello = await self._begin(scheduler)
        root = {"DMLC_PS_ROOT_URI": places[0].address, "DMLC_PS_ROOT_PORT": str(hello["port"]),
                "DMLC_NUM_WORKER": str(cell.workers), "DMLC_NUM_SERVER": str(cell.servers)}
        self._tell(scheduler, root)
        others = [Part(role, number, places[number % len(places)])
                  for role, count in ((SERVER, cell.servers), (WORKER, cell.workers)) for number in range(count)]
        for hello in await asyncio.gather(*map(self._begin, others), return_exceptions=True):
            if isinstance(hello, BaseException):  # by now every process is known that is to be ended
                raise hello
        for part in others:
            self._tell(part, root)

    async def _begin(self, part: Part) -> dict:
        """Start a part; returns what it says of itself."""
        on_cpu = not self._job.cell.on_gpu
        running = await part.place.start(str(part).replace(" ", "-"), runtime.early_environment(self._job.cell.tuning, on_cpu))
        self._running[part] = running
        try:
            hello = await asyncio.wait_for(running.next(), _HELLO_SECONDS)
        except asyncio.TimeoutError:
            raise UserError(f"{part} on {part.place.name} does not start within {_HELLO_SECONDS:.0f} seconds") from None
        if hello is None or hello["event"] != "hello":
            tail = hello["tail"] if hello else (await running.last_words())[1]
            reason = telling_line(tail) or "it ended without a word"
            raise UserError(f"{part} cannot start on {part.place.name} ({reason}): mxbench {__version__} has to be installed "
                            "there, for the Python that the hosts file names")
        if hello["mxbench"] != __version__:
            raise UserError(f"{part.place.name} has mxbench {hello['mxbench']}, and this machine {__version__}: install the "
                            "same on both")
        self._listening.append(asyncio.ensure_future(self._listen(part, running)))
        return hello

    def _tell(self, part: Part, root: Dict[str, str]) -> None:
        """Say to a part what its role is."""
        job, variables = dataclasses.replace(self._job, member=self._member(part)), machine.variables()
        variables.update(root, DMLC_ROLE=part.role, DMLC_NODE_HOST=part.place.address)
        self._running[part].tell({"variables": variables, "job": dataclasses.asdict(job)})

    def _member(self, part: Part) -> Optional[Member]:
        if part.role != WORKER:
            return None
        workers, hosts = self._job.cell.workers, len(self._places)
        slots = len(range(part.number % hosts, workers, hosts))
        return Member(part.number, workers, part.number // hosts, slots, self._gpus)

    async def _listen(self, part: Part, running: Running) -> None:
        """Pass on the messages of a part, and last that it has ended."""
        while True:
            message = await running.next()
            if message is None:
                code, tail = await running.last_words()
                message = {"event": "ended", "code": code, "tail": tail}
            self._messages.put_nowait((part, message))
            if message["event"] == "ended":
                return

    async def _follow(self) -> Outcome:
        while True:
            part, message = await self._messages.get()
            event = message["event"]
            if event in ("surroundings", "window") and part.role == WORKER:
                self._take(part, message)
            elif event == "finished" and part.number == 0:
                return Outcome(OK, fields=self._fields(message))
            elif event == "refused":
                return Outcome(REFUSED, message["message"])
            elif event == "failed":
                return Outcome(message["status"], f"{self._name(part)}: {message['message']}")
            elif event == "ended":
                return self._died(part, message)

    def _take(self, part: Part, message: dict) -> None:
        if message["event"] == "window":
            self._tally.add(part.number, message["images"], message["images_per_second"], time.monotonic())
        else:
            self._hosts[part.number] = message
        if part.number == 0:
            told = self._of_all(message)
            if message["event"] == "window":
                told["images_per_second"] *= self._job.cell.workers
            self._on_event(told)

    def _of_all(self, message: dict) -> dict:
        """What worker 0 has told, with the number of machines where there are several."""
        if "machine" not in message or len(self._places) == 1:
            return dict(message)
        return {**message, "machine": {**message["machine"], "hosts": len(self._places)}}

    def _fields(self, message: dict) -> dict:
        """The fields of the record for all workers, from what worker 0 has measured."""
        cell, fields = self._job.cell, {name: value for name, value in self._of_all(message).items() if name != "event"}
        if "speed" not in fields:
            return fields
        speed = together(fields["speed"], cell.workers, self._tally, "async" not in cell.kv_store)
        scaling = {**fields["scaling"], "images_per_second": self._tally.speeds(len(speed["windows"])),
                   "hosts": [self._places[number % len(self._places)].name for number in range(cell.workers)]}
        return {**fields, "speed": speed, "scaling": scaling, "warnings": fields["warnings"] + self._unlike()}

    def _unlike(self) -> List[dict]:
        """A warning if the workers' machines or their software differ."""
        def known(rank: int) -> tuple:
            told = self._hosts[rank]
            return told["machine"]["cpu"], told["machine"]["cores"], told["machine"].get("gpus"), told["software"]["mxnet"]

        unlike = [rank for rank in sorted(self._hosts) if known(rank) != known(0)]
        if not unlike:
            return []
        first = self._hosts[unlike[0]]["machine"]
        return [MeasurementWarning.UNLIKE_WORKERS.found(
            f"worker {unlike[0]}: {first['cpu']}, {first['cores']} cores; worker 0: "
            f"{self._hosts[0]['machine']['cpu']}, {self._hosts[0]['machine']['cores']} cores")]

    def _name(self, part: Part) -> str:
        return f"{part} on {part.place.name}" if len(self._places) > 1 else str(part)

    def _died(self, part: Part, message: dict) -> Outcome:
        if message["code"] is None:  # the machine is not reached any more
            return Outcome(ERROR, f"{self._name(part)} is not heard of any more")
        found = died(message["code"], message["tail"], bool(self._job.memory_limit), self._kills_before)
        return Outcome(found.status, f"{self._name(part)} {found.message}")

    @staticmethod
    async def _ended(running: Running) -> None:
        """Wait for a process that was ended, but not for a machine that does not answer."""
        try:
            await asyncio.wait_for(running.last_words(), 5.0)
        except (asyncio.TimeoutError, asyncio.CancelledError, OSError):
            pass
