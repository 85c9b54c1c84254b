"""What the options say of several workers: how many, and on which machines."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import UserError
from .agent import WAIT_SECONDS
from .hosts import Host, read_hosts
from .launcher import Launcher
from .places import LONGEST_LINE, Here, Running, connect, own_address
from .ranks import Rank, find_rank

_OWN_OPTIONS = ("workers", "servers", "hosts")


class Team(NamedTuple):
    """Numbers of workers to measure with, one after the other; how many servers, None for as many as workers; and the
    machines: those of ``hosts``, those of the processes that another launcher has started, or this one."""

    workers: Tuple[int, ...]
    servers: Optional[int] = None
    hosts: Tuple[Host, ...] = ()
    rank: Optional[Rank] = None

    @property
    def machines(self) -> int:
        """How many places there are to start a process in."""
        return len(self.hosts) or (self.rank.size if self.rank else 1)

    @property
    def follows(self) -> bool:
        """Whether this process only does what that of rank 0 asks for."""
        return bool(self.rank and self.rank.number)

    def slots(self, workers: int) -> int:
        """The most workers that share a machine."""
        return -(-workers // self.machines)

    def launcher(self, gpus: Sequence[int] = ()) -> Launcher:
        """What starts the processes."""
        return Launcher(self._places, gpus)

    async def _places(self) -> List:
        if self.rank:
            return await _ranks(self.rank)
        if not self.hosts:
            return [Here()]
        places = await _all(map(connect, self.hosts))
        remote = [place for place in places if not isinstance(place, Here)]
        return [Here(own_address(remote[0].address)) if remote and isinstance(place, Here) else place for place in places]


def team(options: Dict) -> Optional[Team]:
    """The team that options ask for; None for a single process without servers.

    Raises:
        UserError: they do not fit together, or the hosts file is none.
    """
    kv_store = options["kv_store"] or ""
    if not kv_store.startswith("dist"):
        for name in _OWN_OPTIONS:
            if options.get(name):
                raise UserError(f"--{name}: several processes train together through a parameter server only: add --kv-store "
                                "dist_sync, or dist_async")
        if options.get("gc_type", "none") != "none":
            raise UserError(f"--gc-type {options['gc_type']} compresses what goes to a parameter server: add --kv-store "
                            "dist_sync, or leave it out")
        return None
    hosts = tuple(read_hosts(options["hosts"])) if options.get("hosts") else ()
    alone = hosts or options.get("workers")
    rank = None if alone else find_rank()
    machines = len(hosts) or (rank.size if rank else 1)
    found = Team(tuple(options.get("workers") or (machines,)), options.get("servers"), hosts, rank)
    _check(options, kv_store, found)
    return found


def _check(options: Dict, kv_store: str, found: Team) -> None:
    if options.get("frontend") == "gluon":
        raise UserError(f"--frontend gluon: the time of a step is taken apart for a Module only: choose --frontend symbol, or "
                        f"leave --kv-store {kv_store} out")
    if options.get("parallel_cells"):
        raise UserError(f"--parallel-cells measures a cell on each GPU, and --kv-store {kv_store} one on all: leave one of "
                        "the two out")
    gpus = len([number for number in options["gpus"].split(",") if number.strip()])
    for workers in found.workers:
        if gpus % found.slots(workers):
            raise UserError(f"--gpus {options['gpus']}: {found.slots(workers)} workers on a machine cannot share out "
                            f"{gpus} GPUs evenly: name as many GPUs as workers, or a multiple")


async def _all(coroutines) -> List:
    """What all return; when one fails, the places that the others have opened are closed."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    failed = [one for one in results if isinstance(one, BaseException)]
    if failed:
        for place in results:
            if not isinstance(place, BaseException):
                await place.close()
        raise failed[0]
    return results


class Connected:
    """A machine on which another launcher has started an :mod:`.agent`: its connections that wait for work."""

    def __init__(self):
        self.name, self.address = "", ""
        self._waiting: asyncio.Queue = asyncio.Queue()
        self.came = asyncio.Event()

    def add(self, host: str, reader, writer) -> None:
        """Take a connection that waits."""
        self.name, self.address = host, writer.get_extra_info("peername")[0]
        self._waiting.put_nowait((reader, writer))
        self.came.set()

    async def start(self, name: str, variables) -> Running:
        """Start a process that ``ps`` shows under a name, and whose environment has these variables too."""
        reader, writer = await asyncio.wait_for(self._waiting.get(), WAIT_SECONDS)
        running = Running(writer, reader)
        running.tell({"name": name, "variables": dict(variables)})
        return running

    async def close(self) -> None:
        """Say to the agent that there is nothing more to do."""
        while not self._waiting.empty():
            self._waiting.get_nowait()[1].close()


class _Root(Here):
    """The machine of rank 0, which the others connect to."""

    def __init__(self, address: str, server):
        super().__init__(address)
        self._server = server

    async def close(self) -> None:
        """Listen no longer."""
        self._server.close()


async def _ranks(rank: Rank) -> List:
    """The places of all ranks, when each has called.

    Raises:
        UserError: the port is taken, or a rank does not call.
    """
    others = [Connected() for _ in range(1, rank.size)]

    async def called(reader, writer) -> None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(await reader.readline())
            if 0 < said["rank"] < rank.size:
                return others[said["rank"] - 1].add(str(said["host"]), reader, writer)
        writer.close()

    try:
        server = await asyncio.start_server(called, port=rank.port, limit=LONGEST_LINE)
        address = socket.gethostbyname(rank.address)
    except OSError as error:
        raise UserError(f"rank 0 cannot listen at {rank.address}:{rank.port} ({error.strerror or error}): set "
                        "DMLC_PS_ROOT_URI to this machine's address and DMLC_PS_ROOT_PORT to a free port") from None
    await asyncio.wait([asyncio.ensure_future(one.came.wait()) for one in others], timeout=WAIT_SECONDS)
    missing = [number for number, one in enumerate(others, 1) if not one.came.is_set()]
    if missing:
        server.close()
        raise UserError(f"of {rank.size} processes that {rank.launcher} should start, rank {', '.join(map(str, missing))} did not "
                        f"call within {WAIT_SECONDS:.0f} seconds: is {rank.address}:{rank.port} reachable from there?")
    return [_Root(address, server), *others]
