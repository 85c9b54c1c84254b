"""Where a session measures: on this machine, with workers that train together, or on the workers of a Dask cluster."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import Callable, ContextManager, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .. import cuda, data, runtime
from ..distributed.plan import Team
from ..errors import UserError
from ..measure.job import Job
from ..results import machine
from . import child
from .devices import Devices, devices, names
from .executor import executor
from .foresight import room_mib
from .lock import exclusive
from .peak import WithPeak
from .places import Place, Places
from .progress import say

BATCH_SIZES = (10, 20, 30, 40)


class Form(NamedTuple):
    """What processes a cell is measured in: how many workers, each on which devices, as it names them, and servers."""

    devices: Tuple[str, ...]
    workers: int = 1
    servers: int = 0
    gc_type: str = "none"


class Site(NamedTuple):
    """Where cells of one form are measured, and with which training input.

    ``room_mib`` is the memory of the smallest device. ``surroundings`` tells of a job the fields ``machine``, ``software``
    and ``variables`` of a record made now, and ``run`` does a job at one of the ``places``.
    """

    form: Form
    data: data.DataSpec
    room_mib: float
    surroundings: Callable[[Job], Dict[str, Dict]]
    run: Callable[..., child.Outcome]
    places: Places


def sites(options: Dict, sources: Sequence[str], asked: Optional[Team]) -> ContextManager[List[Site]]:
    """The sites that options ask for, whose devices are taken by no other run meanwhile: one for each number of workers of
    a team, one without a team. ``sources`` are where networks are defined that do not come with mxbench.

    Raises:
        UserError: what the options name is not there, or does not fit together.
    """
    if asked:
        return _together(options, asked)
    return _cluster(options, sources) if options.get("dask") else _here(options)


def batch_sizes(options: Dict) -> List[int]:
    """The batch sizes to measure, in order."""
    return sorted(options["batch_sizes"] or (BATCH_SIZES[:1] if options["quick"] else BATCH_SIZES))


def surroundings(tuning: str, found: Devices) -> Dict[str, Dict]:
    """What a measurement started now would be made on, without importing MXNet."""
    tuned = runtime.tuned_environment(found.cores, not found.gpus) if tuning == "tuned" else {}
    variables = dict(sorted({**tuned, **machine.variables()}.items()))
    gpus = found.gpus[:1] if found.shares else found.gpus
    here = machine.machine(gpus, bool(gpus) and cuda.is_stand_in(), len(found.shares), found.cores)
    return {"machine": here, "software": machine.software(), "variables": variables}


@contextmanager
def _here(options: Dict) -> Iterator[List[Site]]:
    """This machine, with each cell in a process of its own."""
    found = devices(options["gpus"], options["parallel_cells"], say)
    form, here = _form(options, found.of_cell), surroundings(options["tuning"], found)
    there = [Place(f"GPU {share.gpu}", share, conditions={"share": dataclasses.asdict(share)}) for share in found.shares]
    with exclusive(found.locks, not options["no_wait"], say), executor(len(there)) as running:
        yield [Site(form, _input(options), room_mib(found, options["memory_limit"] or 0), lambda job: here,
                    WithPeak(child.run, here, say), Places(running, there or [Place()]))]


@contextmanager
def _together(options: Dict, asked: Team) -> Iterator[List[Site]]:
    """The machines of a team, on which several workers measure a cell together."""
    found = devices(options["gpus"], tell=say)
    forms = []
    for workers in asked.workers:
        own = tuple(f"gpu({number})" for number in range(len(found.gpus) // asked.slots(workers))) or found.names
        forms.append(_form(options, own, workers, asked.servers or workers, options["gc_type"]))
    with exclusive(found.locks, not options["no_wait"], say):
        spec = data.portable(_input(options, max(asked.workers)))
        room = room_mib(found, options["memory_limit"] or 0)
        with asked.launcher([gpu.number for gpu in found.gpus]) as launcher:
            yield [Site(form, spec, room, launcher.surroundings, launcher.run, Places()) for form in forms]


@contextmanager
def _cluster(options: Dict, sources: Sequence[str]) -> Iterator[List[Site]]:
    """The workers of a Dask cluster, each of which measures a cell at a time."""
    from . import remote
    from .cluster import cluster
    from .order import Order, files_of

    form, spec = _form(options, names(options["gpus"])), _input(options)
    wanted = Order(
        options["gpus"], options["tuning"], options["kind"], options["data_train"] and spec.path, spec.num_examples or None,
        batch_sizes(options)[-1], options["memory_limit"] or 0, files_of(sources), not options["no_wait"],
    )
    with cluster(options["dask"], wanted, say) as workers:
        first = workers.now[0].surroundings
        yield [Site(form, spec, workers.room_mib, lambda job: first, remote.measure, workers)]


def _form(options: Dict, of_worker: Tuple[str, ...], *others) -> Form:
    smallest = batch_sizes(options)[0]
    if smallest < len(of_worker):
        raise UserError(f"--batch-size {smallest}: the images of a batch are shared out over {len(of_worker)} devices: give at "
                        "least one for each")
    return Form(of_worker, *others)


def _input(options: Dict, workers: int = 1) -> data.DataSpec:
    return data.prepare(options["kind"], options["data_train"], options["num_examples"], batch_sizes(options)[-1] * workers,
                        elsewhere=bool(options.get("dask")))
