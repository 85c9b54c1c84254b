"""Worker processes that make or convert images on all cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Callable, Iterable, Iterator, Optional

from ..errors import UserError
from ..results.machine import physical_cores


def map_in_order(function: Callable, tasks: Iterable, processes: Optional[int] = None) -> Iterator:
    """``map(function, tasks)`` on ``processes`` worker processes (all cores), results in the order of the tasks.

    Workers are fresh interpreters, so that nothing that the caller has loaded, MXNet least of all, is carried over in
    an undefined state. They end when the iterator is closed, or when the caller dies. Close the iterator when leaving
    early (``contextlib.closing``).

    Raises:
        UserError: a worker was killed, for example for lack of memory.
    """
    pool = ProcessPoolExecutor(processes or physical_cores(), multiprocessing.get_context("spawn"), _end_with_parent)
    with pool:
        with _interrupts_deferred(), _main_hidden():
            futures = deque(pool.submit(function, task) for task in tasks)
        try:
            while futures:
                yield futures.popleft().result()
        except BrokenProcessPool:
            raise UserError("a worker process ended before its work was done, perhaps for lack of memory: try again "
                            "with more memory free") from None
        finally:
            for future in futures:
                future.cancel()


@contextlib.contextmanager
def _interrupts_deferred():
    """Hold Ctrl-C back for a moment. Processes started meanwhile never get it: they leave it to their parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _main_hidden():
    """Keep processes that are started meanwhile from running the caller's script again, as multiprocessing makes them do
    to find functions that are defined there: a script without an ``if __name__ == "__main__"`` would never end."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _end_with_parent() -> None:
    """Let this worker exit when the process that started it is gone, even if that was killed."""

    def wait_and_exit():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait_and_exit, daemon=True).start()
