"""From the options of ``mxbench run`` to a finished sweep: everything is checked before anything is written."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from typing import Dict, List, NamedTuple

from ..distributed.agent import serve
from ..distributed.plan import team
from ..errors import UserError
from ..gluon import check_block
from ..measure.job import Job
from ..measure.method import QUICK, Method
from ..results import store
from ..results.record import ERROR, TIMEOUT, Cell, Record
from ..symbols import Network, get_network, list_networks
from .foresight import foresee, order
from .grid import Step, is_from
from .places import Deserted, Places
from .progress import Progress, say
from .signals import Interrupted, interruptible
from .sites import Site, batch_sizes, sites
from .sweep import Plan, sweep

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
    output, records = options["output"], []
    try:
        with interruptible(), sites(options, [network.source for network in networks if network.source], asked) as found:
            for site, plan in [(site, _plan(options, networks, site)) for site in found]:
                sweep(plan, output, site.run, Progress(roofline=options.get("roofline", False)), site.places)
                records += _records(plan, site.places, output)
    except Interrupted as interrupted:
        say(f"interrupted: what is finished is in {output}; the same command goes on from there")
        return Session([], 128 + interrupted.number)
    except store.NotSaved as error:
        say(f"mxbench: error: {error}")
        return Session([], EXIT_NOT_SAVED)
    except Deserted as error:
        say(f"mxbench: error: {error}: what is finished is in {output}; the same command goes on from there")
        return Session([], EXIT_FAILED)
    failed = any(record.status in (ERROR, TIMEOUT) for record in records)
    return Session(records, EXIT_FAILED if failed else EXIT_OK)


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


def _plan(options: Dict, networks: List[Network], site: Site) -> Plan:
    """What is to be measured at a site."""
    cells = [_cell(options, network, size, site) for network in networks for size in batch_sizes(options)]
    predicted, method = foresee(cells, networks), _method(options)
    return Plan(
        cells=order(cells, predicted, site.room_mib, say),
        method=method,
        data=dataclasses.asdict(site.data),
        sources={network.name: network.source for network in networks if network.source},
        facts={one.name: {"display_name": one.display_name, "reference_top5": one.top5} for one in networks},
        predicted=predicted,
        repeats=options["repeats"],
        shuffle=options["shuffle"],
        memory_limit=options["memory_limit"] or 0,
        timeout_seconds=options["timeout"],
        surroundings=site.surroundings(Job(cells[0], method)),
        again=options["again"],
    )


def _cell(options: Dict, network: Network, batch_size: int, site: Site) -> Cell:
    form, spec = site.form, site.data
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
        chosen["warmup_seconds"] = chosen["max_seconds"] / 3
    return dataclasses.replace(QUICK if options["quick"] else Method(), **chosen)


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
