"""The process of one role: says where it runs, is told what to do, and does it.

Run as ``python -m mxbench.distributed.process NAME``, where the name is for the reader of ``ps`` alone. Messages are lines
of JSON: one goes out on standard output at once (``hello``), one comes in on standard input, and the messages of
:mod:`mxbench.measure.worker` follow. Whatever libraries print goes to standard error. When standard input ends, whoever
started the process is gone, and it ends too.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
import threading
import time

from .. import __version__, runtime
from ..measure import job as jobs
from ..measure.worker import die_with_parent, work

SCHEDULER, SERVER, WORKER = "scheduler", "server", "worker"


def main() -> None:
    """Play the role that standard input names, until it is over."""
    started = time.perf_counter()
    channel = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no message
    die_with_parent(channel.fileno())
    channel.write(json.dumps({"event": "hello", **_about()}) + "\n")
    order = sys.stdin.readline()
    if not order:
        return
    threading.Thread(target=_end_with_input, daemon=True).start()
    told = json.loads(order)
    os.environ.update(told["variables"])
    if os.environ["DMLC_ROLE"] == WORKER:
        work(jobs.from_json(json.dumps(told["job"])), channel, started)
    else:
        runtime.tune(told["job"]["cell"]["tuning"], alone=False)
        runtime.load()  # MXNet plays the other roles while it is imported, and then leaves the process


def _about() -> dict:
    """What whoever starts the process has to know of it, and a port that is free here."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    connection = os.environ.get("SSH_CONNECTION", "").split()
    return {"host": platform.node(), "mxbench": __version__, "port": port,
            "address": connection[2] if len(connection) == 4 else None}


def _end_with_input() -> None:
    """Leave the process when standard input ends."""
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
