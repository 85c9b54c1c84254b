"""The process that carries out an order beside the devices, on another machine than the sweep's.

Run as ``python -m mxbench.sweep.agent FD`` with the order on standard input, and with the messages of
:mod:`mxbench.measure.worker` on the file descriptor FD: ``window`` while a job goes on, ``said`` with a line for the user,
and last ``finished`` or ``refused``. A request to terminate ends it with all that it has started, and so does the death of
the process that started it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import signal
import sys
from typing import List

from .. import data
from ..errors import UserError
from ..measure import job as jobs
from ..measure.worker import die_with_parent
from . import child
from .devices import devices
from .foresight import room_mib
from .lock import exclusive
from .order import Order, check_files, from_json
from .peak import WithPeak
from .sites import surroundings
from .signals import Interrupted, interruptible


def main() -> int:
    """Do what standard input says."""
    channel = os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8")

    def send(event: str, **fields) -> None:
        channel.write(json.dumps({"event": event, **fields}) + "\n")

    try:
        with interruptible():
            die_with_parent(channel.fileno(), signal.SIGTERM)
            order = from_json(sys.stdin.read())
            for name in order.hidden:
                os.environ.pop(name, None)
            send("finished", **(look(order) if order.job is None else measure(order, send)))
    except UserError as error:
        send("refused", message=str(error))
    except Interrupted as interrupted:
        return 128 + interrupted.number
    return 0


def look(order: Order) -> dict:
    """What this machine is, if it can do the jobs that will come.

    Raises:
        UserError: it cannot.
    """
    warnings: List[str] = []
    found = devices(order.gpus, tell=warnings.append)
    check_files(order.files)
    data.prepare(order.kind, order.data_train, order.num_examples, order.batch_size, elsewhere=True)
    here = surroundings(order.tuning, found)
    return {
        "node": platform.node(), "surroundings": here, "locks": found.locks, "warnings": warnings,
        "room_mib": room_mib(found, order.memory_limit),
    }


def measure(order: Order, send) -> dict:
    """Make the measurement of a job as a sweep does on its own machine: alone on the devices, with the input made ready."""
    job = jobs.from_json(order.job)

    def say(line: str) -> None:
        send("said", line=line)

    def pass_on(event: dict) -> None:
        if event["event"] == "window":
            send(**event)

    with exclusive(order.locks, order.wait, say):
        spec = data.prepare(order.kind, order.data_train, order.num_examples, order.batch_size, progress=False)
        job = dataclasses.replace(job, data=dataclasses.asdict(spec))
        outcome = WithPeak(child.run, order.surroundings, say)(job, order.timeout_seconds, pass_on)
    return {"outcome": outcome}


if __name__ == "__main__":
    sys.exit(main())
