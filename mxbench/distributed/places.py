"""Where the processes of the roles are started: on this machine, on others by SSH, or by the ranks of another launcher."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Awaitable, Callable, Mapping, Optional

from ..errors import UserError
from .hosts import Host

PROCESS = "mxbench.distributed.process"
LONGEST_LINE = 2**26  # bytes; a message is shorter
_KEPT_BYTES = 2**16  # of what a process prints, the end is kept: it holds the reason of a crash
_CONNECT_SECONDS = 20
_KEEP_ALIVE_SECONDS, _KEEP_ALIVE_TRIES = 5, 3  # a machine that is silent for longer counts as dead
_THIS_MACHINE = ("localhost", "127.0.0.1")


class Running:
    """A process that has been started somewhere: messages go in and come out, one line of JSON each.

    It ends by itself when its standard input does, which the system closes with the process at the other end.
    """

    def __init__(self, stdin, stdout, stderr=None, wait: Optional[Callable[[], Awaitable[Optional[int]]]] = None,
                 kill: Callable[[], None] = lambda: None):
        self._stdin, self._stdout, self._wait, self._kill = stdin, stdout, wait, kill
        self._tail = b""
        self._listening = asyncio.ensure_future(self._listen(stderr)) if stderr else None

    def tell(self, message: dict) -> None:
        """Send a message."""
        with suppress(OSError):  # it is dead already, and its end tells how
            self._stdin.write(json.dumps(message).encode() + b"\n")

    async def next(self) -> Optional[dict]:
        """The next message; None when there are no more. Lines that are no message are passed over."""
        while True:
            try:
                line = await self._stdout.readline()
            except (OSError, ValueError):  # cut off, or garbage without an end
                return None
            if not line:
                return None
            with suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict) and "event" in message:
                    return message

    async def last_words(self) -> tuple:
        """Exit status, None where it cannot be known, and the end of what it printed; once there are no more messages."""
        code = await self._wait() if self._wait else None
        if self._listening:
            await asyncio.wait([self._listening], timeout=1.0)
        return code, self._tail.decode("utf-8", "replace")

    def end(self) -> None:
        """End the process."""
        if self._listening:
            self._listening.cancel()
        self._kill()
        with suppress(OSError, RuntimeError):
            self._stdin.close()

    async def _listen(self, stderr) -> None:
        with suppress(OSError):
            while True:
                data = await stderr.read(4096)
                if not data:
                    return
                self._tail = (self._tail + data)[-_KEPT_BYTES:]


class Here:
    """This machine. ``address`` is where the others reach it."""

    def __init__(self, address: str = "127.0.0.1"):
        self.name, self.address = "this machine", address

    async def start(self, name: str, variables: Mapping[str, str]) -> Running:
        """Start a process that ``ps`` shows under a name, and whose environment has these variables too."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROCESS, name, env={**os.environ, **variables}, limit=LONGEST_LINE, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

        def kill() -> None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

        return Running(process.stdin, process.stdout, process.stderr, process.wait, kill)

    async def close(self) -> None:
        """Nothing is kept open."""


class OverSsh:
    """Another machine; made by :func:`connect`."""

    def __init__(self, host: Host, connection):
        self.name, self._host, self._connection = host.name, host, connection
        self.address = connection.get_extra_info("peername")[0]

    async def start(self, name: str, variables: Mapping[str, str]) -> Running:
        """Start a process that ``ps`` shows under a name, and whose environment has these variables too."""
        settings = [f"{variable}={value}" for variable, value in variables.items()]
        words = ["env", *settings, self._host.python, "-m", PROCESS, name]
        process = await self._connection.create_process(" ".join(map(shlex.quote, words)), encoding=None)

        async def wait() -> Optional[int]:
            await process.wait_closed()
            return process.returncode

        return Running(process.stdin, process.stdout, process.stderr, wait, process.close)

    async def close(self) -> None:
        """End the connection, and with it whatever still runs."""
        self._connection.close()
        with suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(self._connection.wait_closed(), _KEEP_ALIVE_SECONDS)


async def connect(host: Host):
    """The place for a line of a hosts file.

    Raises:
        UserError: SSH cannot reach the host or is not let in, or asyncssh is not installed.
    """
    if host.user is None and host.name in (*_THIS_MACHINE, socket.gethostname()):
        return Here()
    asyncssh = _asyncssh()
    chosen = {name: value for name, value in (("username", host.user), ("port", host.port)) if value is not None}
    try:
        connection = await asyncio.wait_for(asyncssh.connect(
            host.name, keepalive_interval=_KEEP_ALIVE_SECONDS, keepalive_count_max=_KEEP_ALIVE_TRIES, **chosen,
        ), _CONNECT_SECONDS)
    except asyncio.TimeoutError:
        raise UserError(f"{host.name} does not answer on SSH within {_CONNECT_SECONDS} seconds: is it up, and the port "
                        "open?") from None
    except (OSError, asyncssh.Error, ValueError) as error:
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
        raise UserError(f"SSH cannot log in to {host.name} ({reason}): 'ssh {host.name}' has to work without a "
                        "password and with the host's key known") from None
    return OverSsh(host, connection)


def own_address(towards: str) -> str:
    """The address of this machine on the network that leads to another; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        return probe.getsockname()[0]


def _asyncssh():
    """The library that speaks SSH.

    Raises:
        UserError: it is not installed.
    """
    try:
        import asyncssh
    except ImportError:
        raise UserError("other machines are reached by asyncssh, which is not installed: run pip install "
                        "'mxbench[dist]'") from None
    return asyncssh
