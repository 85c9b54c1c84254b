"""From the options of ``mxbench run`` to a finished sweep: everything is checked before anything is written."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple

from .. import cuda, data, runtime
from ..errors import UserError
from ..gluon import check_block
from ..measure.method import QUICK, Method
from ..results import machine, store
from ..results.record import ERROR, TIMEOUT, Cell, Record
from ..symbols import Network, get_network, list_networks
from . import child
from .devices import Devices, devices, names
from .executor import executor
from .foresight import foresee, order, room_mib
from .grid import Step, is_from
from .lock import exclusive
from .peak import WithPeak
from .places import Deserted, Place, Places
from .progress import Progress, tolerant
from .signals import Interrupted, interruptible
from .sweep import Plan, sweep

BATCH_SIZES = (10, 20, 30, 40)
PUBLISHED_CLASSES = 10

EXIT_OK, EXIT_FAILED, EXIT_NOT_SAVED = 0, 1, 3


class Session(NamedTuple):
    """What came of the options: the records of every cell asked for, new and old, and the exit code."""

    records: List[Record]
    exit_code: int


def measure(options: Dict) -> Session:
    """Make the measurements that the options ask for, as far as the results file does not hold them.

    Raises:
        UserError: the options do not fit together, or what they name is not there.
    """
    _open_standard_streams()
    _check(options)
    store.check_writable(options["output"])
    networks = [get_network(name) for name in options["networks"] or list_networks()]
    if options.get("frontend") == "gluon":
        for network in networks:
            check_block(network.name)
    output = options["output"]
    try:
        with interruptible(), (_cluster(options, networks) if options.get("dask") else _here(options)) as site:
            plan = _plan(options, networks, site)
            sweep(plan, output, site.run, Progress(roofline=options.get("roofline", False)), site.places)
    except Interrupted as interrupted:
        say(f"interrupted: what is finished is in {output}; the same command goes on from there")
        return Session([], 128 + interrupted.number)
    except store.NotSaved as error:
        say(f"mxbench: error: {error}")
        return Session([], EXIT_NOT_SAVED)
    except Deserted as error:
        say(f"mxbench: error: {error}: what is finished is in {output}; the same command goes on from there")
        return Session([], EXIT_FAILED)
    records = _records(plan, site.places, output)
    failed = any(record.status in (ERROR, TIMEOUT) for record in records)
    return Session(records, EXIT_FAILED if failed else EXIT_OK)


class _Site(NamedTuple):
    """Where a sweep measures: the devices of a cell, the memory of the smallest, and what a record made there says."""

    devices: Tuple[str, ...]
    room_mib: float
    surroundings: Dict[str, Dict]
    run: Callable[..., child.Outcome]
    places: Places


@contextmanager
def _here(options: Dict) -> Iterator[_Site]:
    """This machine, on whose devices nobody else measures meanwhile."""
    found = devices(options["gpus"], options["parallel_cells"], say)
    here = surroundings(options["tuning"], found)
    there = [Place(f"GPU {share.gpu}", share, conditions={"share": dataclasses.asdict(share)}) for share in found.shares]
    with exclusive(found.locks, not options["no_wait"], say), executor(len(there)) as running:
        room = room_mib(found, options["memory_limit"] or 0)
        yield _Site(found.of_cell, room, here, WithPeak(child.run, here, say), Places(running, there or [Place()]))


@contextmanager
def _cluster(options: Dict, networks: List[Network]) -> Iterator[_Site]:
    """The workers of a Dask cluster."""
    from . import remote
    from .cluster import cluster
    from .order import Order, files_of

    spec = _input(options)
    wanted = Order(
        options["gpus"], options["tuning"], options["kind"], options["data_train"] and spec.path, spec.num_examples or None,
        _batch_sizes(options)[-1], options["memory_limit"] or 0,
        files_of([network.source for network in networks if network.source]), not options["no_wait"],
    )
    with cluster(options["dask"], wanted, say) as workers:
        yield _Site(names(options["gpus"]), workers.room_mib, workers.now[0].surroundings, remote.measure, workers)


def _records(plan: Plan, places: Places, path) -> List[Record]:
    """The newest record of every step of the plan, as made on the machines of the sweep."""
    cells, machines = set(plan.cells), plan.machines(places.ever)
    newest: Dict[Step, Record] = {}
    for record in store.read(path)[0]:
        if record.cell in cells and is_from(record, machines):
            newest[Step(record.cell, record.repeat)] = record
    return list(newest.values())


def _check(options: Dict) -> None:
    """Refuse options that contradict each other."""
    for name, value in options.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"--{name.replace('_', '-')} {value}: give a finite number")
    if None not in (options["min_seconds"], options["max_seconds"]) and options["min_seconds"] > options["max_seconds"]:
        given = f"--min-seconds {options['min_seconds']:g} is more than --max-seconds {options['max_seconds']:g}"
        raise UserError(f"{given}: lower the one or raise the other")
    if options["kind"] == "synthetic":
        for name in ("data_train", "num_examples"):
            if options[name] is not None:
                raise UserError(f"--data synthetic reads no file: leave --{name.replace('_', '-')} out, or --data synthetic")
    if options["protocol"] == "published" and options["num_classes"] not in (None, PUBLISHED_CLASSES):
        raise UserError(f"--num-classes {options['num_classes']}: protocol published has {PUBLISHED_CLASSES} classes: "
                        "leave --num-classes out, or choose --protocol imagenet")
    if options["protocol"] == "published" and options.get("frontend") == "gluon":
        raise UserError("--frontend gluon: protocol published puts a new head on a Symbol: choose --frontend symbol, or "
                        "--protocol imagenet")
    if options["dtype"] == "float16" and not options["gpus"]:
        raise UserError("--dtype float16: MXNet trains in float16 on GPUs only: add --gpus 0, or leave --dtype out")
    if options.get("dask"):
        if options["parallel_cells"]:
            raise UserError("--parallel-cells: a Dask worker measures one cell at a time: start a worker for each GPU and "
                            "leave --parallel-cells out, or leave --dask out")
        if (options["kv_store"] or "").startswith("dist"):
            raise UserError(f"--kv-store {options['kv_store']}: with --dask each cell is measured on one machine: choose "
                            "local or device, or leave --dask out")


def _batch_sizes(options: Dict) -> List[int]:
    return sorted(options["batch_sizes"] or (BATCH_SIZES[:1] if options["quick"] else BATCH_SIZES))


def _input(options: Dict) -> data.DataSpec:
    return data.prepare(options["kind"], options["data_train"], options["num_examples"], _batch_sizes(options)[-1],
                        elsewhere=bool(options.get("dask")))


def _plan(options: Dict, networks: List[Network], site: _Site) -> Plan:
    batch_sizes = _batch_sizes(options)
    if batch_sizes[0] < len(site.devices):
        raise UserError(f"--batch-size {batch_sizes[0]}: the images of a batch are shared out over {len(site.devices)} devices: "
                        "give at least one for each")
    spec = _input(options)
    cells = [_cell(options, network, size, site.devices, spec) for network in networks for size in batch_sizes]
    predicted = foresee(cells, networks)
    return Plan(
        cells=order(cells, predicted, site.room_mib, say),
        method=_method(options),
        data=dataclasses.asdict(spec),
        sources={network.name: network.source for network in networks if network.source},
        facts={one.name: {"display_name": one.display_name, "reference_top5": one.top5} for one in networks},
        predicted=predicted,
        repeats=options["repeats"],
        shuffle=options["shuffle"],
        memory_limit=options["memory_limit"] or 0,
        timeout_seconds=options["timeout"],
        surroundings=site.surroundings,
        again=options["again"],
    )


def _cell(options: Dict, network: Network, batch_size: int, names: tuple, spec: data.DataSpec) -> Cell:
    classes = PUBLISHED_CLASSES if options["protocol"] == "published" else options["num_classes"] or 1000
    return Cell(
        network=network.name, batch_size=batch_size, devices=names, protocol=options["protocol"],
        data=spec.kind, data_name=spec.name, num_examples=spec.num_examples,
        image_shape=options["image_shape"] or network.image_shape, num_classes=classes, dtype=options["dtype"],
        optimizer=options["optimizer"], lr=options["lr"], mom=options["mom"], wd=options["wd"],
        kv_store=options["kv_store"] or ("device" if names[0].startswith("gpu") else "local"), tuning=options["tuning"],
        frontend=options.get("frontend", "symbol"),
    )


def _method(options: Dict) -> Method:
    names = ("precision", "min_seconds", "max_seconds", "disp_batches")
    chosen = {name: options[name] for name in names if options[name] is not None}
    if "max_seconds" in chosen:
        chosen["warmup_seconds"] = chosen["max_seconds"] / 2
    return dataclasses.replace(QUICK if options["quick"] else Method(), **chosen)


def surroundings(tuning: str, found: Devices) -> Dict[str, Dict]:
    """What a measurement started now would be made on, without importing MXNet."""
    tuned = runtime.tuned_environment(found.cores, not found.gpus) if tuning == "tuned" else {}
    variables = dict(sorted({**tuned, **machine.variables()}.items()))
    gpus = found.gpus[:1] if found.shares else found.gpus
    here = machine.machine(gpus, bool(gpus) and cuda.is_stand_in(), len(found.shares), found.cores)
    return {"machine": here, "software": machine.software(), "variables": variables}


def _open_standard_streams() -> None:
    """Open what the caller has closed (``2>&-``) on nothing: a file opened next would get its number and be printed to."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            break
        os.set_inheritable(descriptor, True)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))


def say(line: str) -> None:
    """Tell the user, if there still is a terminal to tell on."""
    with tolerant(sys.stderr):
        print(line, file=sys.stderr, flush=True)
