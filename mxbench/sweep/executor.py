"""Where the measurements of a sweep run: executors in the sense of concurrent.futures."""

from __future__ import annotations

import concurrent.futures

from . import child

_POLL_SECONDS = 0.1


def executor(count: int) -> concurrent.futures.Executor:
    """One that runs ``count`` measurements at the same time."""
    return Threads(count) if count > 1 else InThisThread()


class InThisThread(concurrent.futures.Executor):
    """Does at once what it is given, so that signals reach it; what that raises, ``submit`` raises."""

    def submit(self, function, *arguments) -> concurrent.futures.Future:
        """A future that is done."""
        future: concurrent.futures.Future = concurrent.futures.Future()
        future.set_result(function(*arguments))
        return future


class Threads(concurrent.futures.ThreadPoolExecutor):
    """Runs :func:`mxbench.sweep.child.run` in threads; shutting it down ends the processes that still run."""

    def __init__(self, count: int):
        super().__init__(count)
        self._given = []

    def submit(self, function, *arguments) -> concurrent.futures.Future:
        """Begin, and return what will have the result."""
        future = super().submit(function, *arguments)
        self._given.append(future)
        return future

    def shutdown(self, wait: bool = True, **how) -> None:
        """End what still runs and wait for it, so that nothing is left over."""
        running = [future for future in self._given if not future.cancel()]
        unfinished = True
        while unfinished:  # more than once, for a process that was just being started
            child.end_all()
            unfinished = concurrent.futures.wait(running, _POLL_SECONDS).not_done
        super().shutdown(wait, **how)
