"""What a Dask worker does for a sweep: it starts an agent for each order, and passes on what that says."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
import platform
import sys
from typing import Callable, Tuple

from ..results.record import OK
from . import child
from .child import REFUSED, Outcome, Unwanted
from .order import Order

AGENT = (sys.executable, "-m", "mxbench.sweep.agent")
# What Dask's nanny gives a worker's environment unless the user's has them: that is nobody's wish for a measurement.
_OF_NANNY = {"MALLOC_TRIM_THRESHOLD_": "65536", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_LOOK_SECONDS = 120.0
_ENDING = ("closing", "closed", "failed")


async def look(order: Order, dask_worker) -> Outcome:
    """Look at the worker's machine, without keeping the worker from its other duties."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, _carry_out, order, dask_worker, _LOOK_SECONDS)


def measure(order: Order, topic: str, number: int) -> Outcome:
    """Do the job of an order as a task of Dask's; what happens meanwhile comes as events of Dask's on a ``topic``, each
    with the ``number`` that the job goes by there.

    Raises:
        Unwanted: the task was cancelled, or the worker is ending.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def heed() -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state != "executing" or worker.status.name in _ENDING:
            raise Unwanted("the task was cancelled, or its worker is ending")

    def on_event(event: dict) -> None:
        worker.log_event(topic, {"number": number, **event})

    outcome = _carry_out(order, worker, math.inf, on_event, heed)
    return Outcome(*outcome.fields["outcome"]) if outcome.status == OK else outcome


def _carry_out(order: Order, worker, timeout_seconds: float, on_event: Callable[[dict], None] = lambda event: None,
               heed: Callable[[], None] = lambda: None) -> Outcome:
    order = dataclasses.replace(order, hidden=_hidden(worker))
    outcome = child.follow(AGENT, order.to_json(), timeout_seconds, on_event, dict(os.environ), heed=heed)
    if outcome.status == REFUSED:
        return outcome._replace(message=f"{platform.node()}: {outcome.message}")
    return outcome


def _hidden(worker) -> Tuple[str, ...]:
    """Names of the variables that Dask has set, not the user."""
    return tuple(name for name, value in _OF_NANNY.items() if worker.nanny and os.environ.get(name) == value)
