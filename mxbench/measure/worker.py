"""The process that makes one measurement: reads a job, trains, and reports on a pipe of its own.

Run as ``python -m mxbench.measure.worker FD`` with the job on standard input. Every message is one line of JSON on the
file descriptor FD, so that nothing that a library prints can be mistaken for one: ``surroundings`` with what it runs on,
``window`` while it goes on, and last ``finished`` with the fields of the record, ``failed`` with a status and one line
of text, or ``refused`` with one line when what was asked for cannot be done at all.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import resource
import select
import signal
import sys
import time
from typing import Iterable, Sequence

from .. import cuda, runtime
from ..errors import UserError
from ..results import machine, warnings
from . import gemm, steps
from . import job as jobs
from .conditions import Conditions
from .method import Follower, Meter
from .steps import Wire
from .outcome import status_of, telling_line


def main() -> int:
    """Make the measurement that standard input describes."""
    started = time.perf_counter()
    channel = os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8")
    die_with_parent(channel.fileno())
    work(jobs.from_json(sys.stdin.read()), channel, started)
    return 0


def work(job: jobs.Job, channel, started: float) -> None:
    """Do a job, say so on the channel, and leave the process."""
    if job.memory_limit:
        resource.setrlimit(resource.RLIMIT_DATA, (job.memory_limit, job.memory_limit))

    def send(event: str, **fields) -> None:
        channel.write(json.dumps({"event": event, **fields}) + "\n")

    try:
        cores = machine.physical_cores()
        prepare(job)
        if job.task == jobs.GEMM:
            send("finished", **gemm.measure(job))
        elif job.task == jobs.SURROUNDINGS:
            send("finished", **surroundings(job, cores))
        else:
            measure(job, send, started, cores)
    except UserError as error:
        send("refused", message=str(error))
    except Exception as error:  # whatever MXNet raises becomes a row of the results, not a traceback
        status = status_of(f"{error!r} {error}", bool(job.memory_limit))
        send("failed", status=status, message=telling_line(str(error) or repr(error)))
    channel.flush()
    # MXNet's threads and CUDA's can hang in their destructors after an error; everything is reported, so leave.
    os._exit(0)


def prepare(job: jobs.Job) -> None:
    """Settle what must be settled before MXNet is imported."""
    if job.share:
        runtime.confine((job.share.gpu,), job.share.cpus)
    if job.member:
        runtime.confine(*part_of(job.member, machine.core_cpus()))
    runtime.tune(job.cell.tuning, not job.cell.on_gpu, not job.member)


def part_of(member: jobs.Member, cores: Sequence[Sequence[int]]) -> tuple:
    """The GPUs and the processors that are a worker's among those of its machine: as many whole cores as there are for
    each, or one together with others where there are more workers than cores."""
    each = len(cores) // member.slots
    own = cores[member.slot * each:(member.slot + 1) * each] or [cores[member.slot % len(cores)]]
    gpus = len(member.gpus) // member.slots
    return member.gpus[member.slot * gpus:(member.slot + 1) * gpus], [cpu for cpus in own for cpu in cpus]


def measure(job: jobs.Job, send, started: float, cores: int) -> None:
    """Train until the method has enough windows, and send the record's fields. ``cores`` are those of the machine.

    A worker other than the first trains on until it is ended: the first says when there are enough windows.
    """
    from .frontends import trainer_of
    from .gpu import Watch
    from .memory import gpu_ids, memory_of
    from .speed import Finished, Speedometer
    from .workload import Workload

    watch = Watch(gpu_ids(job.cell.devices))
    memory = memory_of(job.cell.devices, watch)
    send("surroundings", **surroundings(job, cores, [one.name for one in runtime.mx.runtime.feature_list() if one.enabled]))
    workload = Workload(job)
    memory.mark_baseline()
    trainer = trainer_of(job.cell, workload.symbol, workload.iterator, job.seed)
    meter, losses, conditions = (Follower if job.member and job.member.rank else Meter)(job.method), [], Conditions(not job.member)
    wire = Wire(job.cell.batch_size)

    def on_window(window, metrics):
        memory.sample()
        if meter.windows:  # before, the clock of an idle device still rises
            watch.sample()
            wire.sample(window, bool(job.member))
        losses.append(dict(metrics)["cross-entropy"])
        send("window", phase=meter.phase, images_per_second=window.images_per_second, images=window.images)

    speedometer = Speedometer(job.cell.batch_size, meter, on_window)
    set_up_seconds = time.perf_counter() - started
    waited_before, began = workload.iterator.seconds_waited, time.perf_counter()
    speedometer.start()
    try:
        trainer.fit(speedometer)
    except Finished:
        pass
    trained_seconds, waited = time.perf_counter() - began, workload.iterator.seconds_waited - waited_before
    conditions.end()
    speed, gpus = meter.speed(), watch.seen()
    send("finished", **{
        "speed": dataclasses.asdict(speed),
        "memory": dataclasses.asdict(memory.read()),
        "warnings": warnings.about_windows(speed.windows) + warnings.about_losses(losses) + conditions.warnings()
        + warnings.about_gpus(gpus.get("gpus", ())) + warnings.about_input(waited, trained_seconds),
        "model": {**workload.facts(trainer.parameter_count()), "images_per_device": trainer.images_per_device()},
        "arithmetic": workload.arithmetic(),
        "conditions": {**conditions.seen(), **gpus, "waited_for_input_seconds": round(waited, 3)},
        "seconds": {
            "set_up": round(set_up_seconds, 3),
            "warm_up": round(sum(window.seconds for window in speed.warmup), 3),
            "measured": round(sum(window.seconds for window in speed.windows), 3),
            "total": round(time.perf_counter() - started, 3),
        },
        "scaling": steps.scaling(trainer, workload.iterator, speed.windows, wire, job.cell) if job.member else None,
    })


def surroundings(job: jobs.Job, cores: int, features: Iterable[str] = ()) -> dict:
    """What the measurement runs on, as fields of the record: ``features`` are those of MXNet, which need not be imported.
    A worker of several counts the ``cores`` of its whole machine."""
    from .memory import gpu_ids

    ids = gpu_ids(job.cell.devices)
    visible = cuda.gpus() if ids else []
    return {
        "machine": machine.machine(
            [visible[number] for number in ids], bool(ids) and cuda.is_stand_in(), job.share.of if job.share else 1,
            cores if job.member else None,
        ),
        "software": {**machine.software(features), **(_gpu_software() if ids else {})},
        "variables": machine.variables(),
    }


def _gpu_software() -> dict:
    """Versions of the CUDA libraries, and how cuDNN chooses the algorithm of a convolution."""
    loaded = {one.library.name: one.version for one in runtime.prepare_cuda() if one.path}
    choice = os.environ.get("MXNET_CUDNN_AUTOTUNE_DEFAULT", "1, MXNet's default")
    return {"cuda_libraries": loaded, "cuda_of_driver": cuda.driver_version(), "cudnn_autotune": choice}


def die_with_parent(channel: int, number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when the one that started it dies, however it dies (prctl(2), Linux).

    One that died before has closed its end of the ``channel``, a pipe that this process writes to.
    """
    try:
        ctypes.CDLL(None).prctl(1, number)  # 1 is PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass
    poll = select.poll()
    poll.register(channel, 0)
    if any(state & select.POLLERR for _, state in poll.poll(0)):
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
