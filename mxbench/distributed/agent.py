"""The side of a process that another launcher has started on a machine: it starts there what rank 0 asks for.

It keeps one connection to rank 0 open that waits. When a line comes in on it, a process of :mod:`.process` is started whose
standard input and output are that connection, and the next connection is opened. When rank 0 closes the one that waits, all
is done.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

from ..errors import UserError
from .places import PROCESS
from .ranks import Rank

WAIT_SECONDS = 120.0  # for the processes of other ranks to start
_RETRY_SECONDS = 0.5
_KEPT_BYTES = 2**16


def serve(rank: Rank) -> None:
    """Do what rank 0 asks for until it has nothing more.

    Raises:
        UserError: rank 0 does not answer.
    """
    connection = _connect(rank)
    while True:
        with connection.makefile("rb") as lines:
            asked = lines.readline()
        if not asked:
            return
        threading.Thread(target=_run, args=(connection,), kwargs=json.loads(asked), daemon=True).start()
        connection = _connect(rank)


def _connect(rank: Rank) -> socket.socket:
    """A connection to rank 0, which may not listen yet."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection = socket.create_connection((rank.address, rank.port), timeout=WAIT_SECONDS)
            connection.settimeout(None)
            connection.sendall(json.dumps({"rank": rank.number, "host": platform.node()}).encode() + b"\n")
            return connection
        except OSError as error:
            if time.monotonic() > deadline:
                raise UserError(f"rank {rank.number}: rank 0 does not listen at {rank.address}:{rank.port} "
                                f"({error.strerror or error}): set DMLC_PS_ROOT_URI to the address of its machine and "
                                "DMLC_PS_ROOT_PORT to a port that is open there") from None
            time.sleep(_RETRY_SECONDS)


def _run(connection: socket.socket, name: str, variables: dict) -> None:
    """Run one process on a connection, and say last how it ended."""
    with connection:
        process = subprocess.Popen(
            [sys.executable, "-m", PROCESS, name], env={**os.environ, **variables}, stdin=connection, stdout=connection,
            stderr=subprocess.PIPE, start_new_session=True)
        _, printed = process.communicate()
        ended = {"event": "ended", "code": process.returncode, "tail": printed[-_KEPT_BYTES:].decode("utf-8", "replace")}
        with suppress(OSError):  # rank 0 has ended it
            connection.sendall(json.dumps(ended).encode() + b"\n")
