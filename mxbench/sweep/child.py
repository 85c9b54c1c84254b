"""Runs one job in a process of its own and tells how it ended, whatever the process does."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Sequence

from ..measure.job import Job
from ..measure.outcome import status_of, telling_line
from ..results.record import ERROR, OK, OUT_OF_MEMORY, TIMEOUT
from ..runtime import start_environment
from .signals import let_through

WORKER = (sys.executable, "-m", "mxbench.measure.worker")
REFUSED = "refused"  # what was asked for cannot be done: a mistake of the user's, never a record
_KEPT_BYTES = 2**16  # of what a process prints, the end is kept: it holds the reason of a crash
_CHUNK_BYTES = 2**16  # as much as a pipe holds
_MESSAGE_BYTES = 2**26  # a message is shorter; more than this without an end is garbage
_SURROUNDINGS = ("machine", "software", "variables")
_POLL_SECONDS = 1.0
_EXIT_SECONDS = 5.0


_living = set()  # the processes of all threads


class Outcome(NamedTuple):
    """How a job ended: a status, one line that says why if it did not finish, and further ``fields`` of the record: what
    its process told of its surroundings, and the results."""

    status: str
    message: str = ""
    fields: Optional[dict] = None


class Unwanted(Exception):
    """Nobody waits for what a process does any more."""


def run(job: Job, timeout_seconds: float, on_event: Callable[[dict], None] = lambda event: None,
        command: Optional[Sequence[str]] = None) -> Outcome:
    """Run ``command`` (the worker of mxbench) on a job until it ends or its time is up, as :func:`follow` does."""
    environment = start_environment(job.cell.tuning, not job.cell.on_gpu)
    return follow(command or WORKER, job.to_json(), timeout_seconds, on_event, environment, bool(job.memory_limit))


def follow(command: Sequence[str], told: str, timeout_seconds: float, on_event: Callable[[dict], None],
           environment: Dict[str, str], memory_limited: bool = False, heed: Callable[[], None] = lambda: None) -> Outcome:
    """Run ``command`` with ``told`` on its standard input until it ends or its time is up, and hear its messages.

    Its whole process group ends with it. Everything that the process prints is read and forgotten but for the last
    64 KiB. An exception in this process, such as :class:`mxbench.sweep.signals.Interrupted`, ends the group as well.
    ``heed`` is called every second or so; where it raises :class:`Unwanted`, the process is given time to end by itself.
    """
    kills_before = kernel_kills()
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [*command, str(writing)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=(writing,), start_new_session=True, env=environment,
        )
    except OSError as error:
        os.close(reading)
        return Outcome(ERROR, f"no process could be started: {error.strerror}")
    finally:
        os.close(writing)
    _living.add(process)
    conversation = _Conversation(process, reading, on_event, heed)
    deadline = time.monotonic() + timeout_seconds
    try:
        _tell(process, told)
        in_time = conversation.follow(deadline)
        if conversation.is_over:
            _exits(process, time.monotonic() + _EXIT_SECONDS)
        elif in_time:
            with let_through():
                in_time = _exits(process, deadline)
    except Unwanted:
        process.terminate()
        _exits(process, time.monotonic() + _EXIT_SECONDS)
        raise
    finally:
        _end_group(process)
        _living.discard(process)
        conversation.close()
        os.close(reading)
        process.stdout.close()
    if conversation.is_over:
        outcome = _told(conversation.last)
    elif not in_time:
        message = f"not finished after {timeout_seconds:g} seconds"
        outcome = Outcome(TIMEOUT, message, {"seconds": {"total": timeout_seconds}})
    else:
        outcome = died(process.returncode, conversation.tail.decode("utf-8", "replace"), memory_limited, kills_before)
    return outcome._replace(fields={**conversation.surroundings, **(outcome.fields or {})})


def end_all() -> None:
    """Kill the processes that other threads follow in :func:`run`, which then ends there."""
    for process in list(_living):
        _kill_group(process)


class _Conversation:
    """What a process says: messages on its channel, one of them on its surroundings, and the end of what it prints."""

    def __init__(self, process: subprocess.Popen, channel: int, on_event: Callable[[dict], None],
                 heed: Callable[[], None]):
        self.last: dict = {}
        self.surroundings: dict = {}
        self.tail = b""
        self._process, self._channel, self._on_event, self._heed = process, channel, on_event, heed
        self._pending = bytearray()
        self._selector = selectors.DefaultSelector()
        for descriptor in (process.stdout.fileno(), channel):
            self._selector.register(descriptor, selectors.EVENT_READ)

    def follow(self, deadline: float) -> bool:
        """Read until the process reports its end or dies; False when the deadline comes first."""
        while self._selector.get_map() and not self.is_over:
            self._heed()
            remaining = deadline - time.monotonic()
            # What it wrote before either end is in the pipes. It can be dead and they open, held by its children.
            is_last = remaining <= 0 or self._process.poll() is not None
            with let_through():
                ready = self._selector.select(0 if is_last else min(remaining, _POLL_SECONDS))
            for key, _ in ready:
                self._read(key.fd)
            if is_last:
                return remaining > 0
        return True

    def close(self) -> None:
        """Stop listening."""
        self._selector.close()

    @property
    def is_over(self) -> bool:
        """Whether the process has said how it ended."""
        return self.last.get("event") in ("finished", "failed", "refused")

    def _read(self, descriptor: int) -> None:
        data = os.read(descriptor, _CHUNK_BYTES)
        if not data:
            self._selector.unregister(descriptor)
        elif descriptor == self._channel:
            self._pending += data
            if b"\n" in data:
                *lines, self._pending = self._pending.split(b"\n")
                for line in lines:
                    self._take(line)
            elif len(self._pending) > _MESSAGE_BYTES:
                self._pending.clear()
        else:
            self.tail = (self.tail + data)[-_KEPT_BYTES:]

    def _take(self, line: bytearray) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and "event" in message and not self.is_over:
            self.last = message
            if message["event"] == "surroundings":
                self.surroundings = {name: message[name] for name in _SURROUNDINGS if name in message}
            self._on_event(message)


def _tell(process: subprocess.Popen, told: str) -> None:
    try:
        process.stdin.write(told.encode())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it is dead already; how, its exit status tells


def _exits(process: subprocess.Popen, deadline: float) -> bool:
    """Let a process that has nothing more to say end by itself, so that its exit status is its own; whether it does."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end_group(process: subprocess.Popen) -> None:
    """Kill what is left of the process group and wait for the process."""
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _told(message: dict) -> Outcome:
    if message["event"] == "finished":
        return Outcome(OK, fields={name: value for name, value in message.items() if name != "event"})
    if message["event"] == "refused":
        return Outcome(REFUSED, message["message"])
    return Outcome(message["status"], message["message"])


def died(code: int, tail: str, memory_limited: bool, kills_before: int) -> Outcome:
    """The outcome for a process that ended without a report: its exit status, the end of what it printed, and the number
    of :func:`kernel_kills` when it started."""
    if kernel_kills() > kills_before and code == -signal.SIGKILL:
        return Outcome(OUT_OF_MEMORY, "killed by the kernel, which had run out of memory")
    by_itself = code >= 0 or code == -signal.SIGABRT  # what kills it otherwise, its last words do not tell
    status = status_of(tail, memory_limited) if by_itself else ERROR
    how = f"ended with exit code {code} and no result" if code >= 0 else f"ended by {_signal_name(-code)}"
    reason = telling_line(tail)
    return Outcome(status, f"{how}: {reason}" if reason else how)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return f"signal {number}"


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
