"""From the options of ``mxbench run`` to a finished sweep: everything is checked before anything is written."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from typing import Dict, List, NamedTuple, Tuple

from .. import cuda, data, runtime
from ..distributed.agent import serve
from ..distributed.plan import Team, team
from ..errors import UserError
from ..gluon import check_block
from ..measure.job import Job
from ..measure.method import QUICK, Method
from ..results import machine, store
from ..results.record import ERROR, TIMEOUT, Cell, Record
from ..symbols import Network, get_network, list_networks
from . import child
from .devices import Devices, devices
from .executor import executor
from .foresight import foresee, order
from .grid import Step, is_from
from .lock import exclusive
from .peak import WithPeak
from .progress import Progress, tolerant
from .signals import Interrupted, interruptible
from .sweep import Plan, sweep

BATCH_SIZES = (10, 20, 30, 40)
PUBLISHED_CLASSES = 10

EXIT_OK, EXIT_FAILED, EXIT_NOT_SAVED = 0, 1, 3


class Session(NamedTuple):
    """What came of the options: the records of every cell asked for, new and old, and the exit code. ``leads`` is False for
    a process that did what another one asked for, which has the records."""

    records: List[Record]
    exit_code: int
    leads: bool = True


def measure(options: Dict) -> Session:
    """Make the measurements that the options ask for, as far as the results file does not hold them.

    Raises:
        UserError: the options do not fit together, or what they name is not there.
    """
    _open_standard_streams()
    _check(options)
    asked = team(options)
    if asked and asked.follows:
        serve(asked.rank)
        return Session([], EXIT_OK, leads=False)
    store.check_writable(options["output"])
    networks = [get_network(name) for name in options["networks"] or list_networks()]
    if options.get("frontend") == "gluon":
        for network in networks:
            check_block(network.name)
    found = devices(options["gpus"], options["parallel_cells"], say)
    output = options["output"]
    try:
        with interruptible(), exclusive(found.names, not options["no_wait"], say):
            plans = _together(options, networks, found, asked) if asked else [_alone(options, networks, found)]
    except Interrupted as interrupted:
        say(f"interrupted: what is finished is in {output}; the same command goes on from there")
        return Session([], 128 + interrupted.number)
    except store.NotSaved as error:
        say(f"mxbench: error: {error}")
        return Session([], EXIT_NOT_SAVED)
    records = [record for plan in plans for record in _records(plan, output)]
    failed = any(record.status in (ERROR, TIMEOUT) for record in records)
    return Session(records, EXIT_FAILED if failed else EXIT_OK)


def _alone(options: Dict, networks: List[Network], found: Devices) -> Plan:
    """Measure each cell in a process of its own; returns the plan."""
    plan = _plan(options, networks, found, _Form(found.of_cell))
    plan = dataclasses.replace(plan, surroundings=surroundings(options["tuning"], found))
    with executor(len(plan.shares)) as running:
        run = WithPeak(child.run, plan.surroundings, say)
        sweep(plan, options["output"], run, Progress(roofline=options.get("roofline", False)), running)
    return plan


def _together(options: Dict, networks: List[Network], found: Devices, asked: Team) -> List[Plan]:
    """Measure each cell with several workers, for each of the numbers asked for; returns the plans."""
    plans = []
    with asked.launcher([gpu.number for gpu in found.gpus]) as launcher:
        for workers in asked.workers:
            devices_of_one = len(found.gpus) // asked.slots(workers)
            names = tuple(f"gpu({number})" for number in range(devices_of_one)) or found.names
            plan = _plan(options, networks, found, _Form(names, workers, asked.servers or workers, options["gc_type"]))
            plan = dataclasses.replace(plan, surroundings=launcher.surroundings(Job(plan.cells[0], plan.method)),
                                       data=dataclasses.asdict(data.portable(data.DataSpec(**plan.data))))
            sweep(plan, options["output"], launcher.run, Progress(roofline=options.get("roofline", False)))
            plans.append(plan)
    return plans


class _Form(NamedTuple):
    """What processes a cell is measured in: how many workers, each on which devices, as it names them, and servers."""

    devices: Tuple[str, ...]
    workers: int = 1
    servers: int = 0
    gc_type: str = "none"


def _records(plan: Plan, path) -> List[Record]:
    """The newest record of every step of the plan, as made on this machine."""
    cells = set(plan.cells)
    newest: Dict[Step, Record] = {}
    for record in store.read(path)[0]:
        if record.cell in cells and is_from(record, plan.machine):
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


def _plan(options: Dict, networks: List[Network], found: Devices, form: _Form) -> Plan:
    """What is to be measured, but for the surroundings."""
    batch_sizes = sorted(options["batch_sizes"] or (BATCH_SIZES[:1] if options["quick"] else BATCH_SIZES))
    if batch_sizes[0] < len(form.devices):
        raise UserError(f"--batch-size {batch_sizes[0]}: the images of a batch are shared out over {len(form.devices)} devices: "
                        "give at least one for each")
    spec = data.prepare(options["kind"], options["data_train"], options["num_examples"], max(batch_sizes) * form.workers)
    cells = [_cell(options, network, size, form, spec) for network in networks for size in batch_sizes]
    predicted = foresee(cells, networks)
    return Plan(
        cells=order(cells, predicted, found, options["memory_limit"] or 0, say),
        method=_method(options),
        data=dataclasses.asdict(spec),
        sources={network.name: network.source for network in networks if network.source},
        facts={one.name: {"display_name": one.display_name, "reference_top5": one.top5} for one in networks},
        predicted=predicted,
        repeats=options["repeats"],
        shuffle=options["shuffle"],
        memory_limit=options["memory_limit"] or 0,
        timeout_seconds=options["timeout"],
        shares=found.shares,
        again=options["again"],
    )


def _cell(options: Dict, network: Network, batch_size: int, form: _Form, spec: data.DataSpec) -> Cell:
    classes = PUBLISHED_CLASSES if options["protocol"] == "published" else options["num_classes"] or 1000
    return Cell(
        network=network.name, batch_size=batch_size, devices=form.devices, protocol=options["protocol"],
        data=spec.kind, data_name=spec.name, num_examples=spec.num_examples,
        image_shape=options["image_shape"] or network.image_shape, num_classes=classes, dtype=options["dtype"],
        optimizer=options["optimizer"], lr=options["lr"], mom=options["mom"], wd=options["wd"],
        kv_store=options["kv_store"] or ("device" if form.devices[0].startswith("gpu") else "local"), tuning=options["tuning"],
        frontend=options.get("frontend", "symbol"), workers=form.workers, servers=form.servers, gc_type=form.gc_type,
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
