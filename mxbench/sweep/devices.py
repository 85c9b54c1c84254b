"""Which devices a sweep runs on, and whether they work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..cuda import Gpu
from ..doctor import require
from ..errors import UserError
from ..measure.job import Share
from ..results import machine

_PCI_FOLDER = Path("/sys/bus/pci/devices")


class Devices(NamedTuple):
    """Device names such as "gpu(0)", and what CUDA says of those that are GPUs.

    ``shares`` are the GPUs with processors for each where they measure different cells at the same time.
    """

    names: Tuple[str, ...]
    gpus: Tuple[Gpu, ...] = ()
    shares: Tuple[Share, ...] = ()

    @property
    def of_cell(self) -> Tuple[str, ...]:
        """The devices of one cell, as its process names them: one that is confined to a share sees one GPU."""
        return ("gpu(0)",) if self.shares else self.names

    @property
    def locks(self) -> Tuple[str, ...]:
        """Names that are the same in every process of the machine: which GPU is number 0, each can see in its own way."""
        return tuple(f"gpu {gpu.pci_bus_id.lower()}" for gpu in self.gpus) or self.names

    @property
    def cores(self) -> Optional[int]:
        """Physical cores of one share; None where there are no shares."""
        return machine.physical_cores() // len(self.shares) if self.shares else None


def names(gpus: str) -> Tuple[str, ...]:
    """The devices for the value of ``--gpus``: "0,1" is ("gpu(0)", "gpu(1)"), nothing is the CPU.

    Raises:
        UserError: the value is no list of GPU numbers.
    """
    return tuple(f"gpu({number})" for number in _numbers(gpus)) or ("cpu(0)",)


def devices(gpus: str, parallel_cells: bool = False, tell: Callable[[str], None] = lambda line: None) -> Devices:
    """The devices for the value of ``--gpus`` (see :func:`names`), which work.

    ``tell`` is given a line for each thing that a measurement can do without.

    Raises:
        UserError: the value is no list of GPU numbers, something keeps MXNet from using them, or they cannot measure
            ``parallel_cells``.
    """
    wanted = _numbers(gpus)
    if parallel_cells:
        _check_parallel(wanted)
    found, warnings = require(wanted)
    for warning in warnings:
        tell(f"warning: {warning.sentence}")
    if not parallel_cells:
        return Devices(names(gpus), found)
    _check_alike(found)
    together = Devices(names(gpus), found, shares(found))
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads not in (None, str(together.cores)):
        tell(f"warning: OMP_NUM_THREADS={threads} in the environment wins over the number of cores that each cell has, "
             f"{together.cores}: unset it unless you mean it")
    return together


def shares(gpus: Sequence[Gpu]) -> Tuple[Share, ...]:
    """Every GPU with equally many physical cores of its own, those near to it first."""
    free = machine.core_cpus()
    each = machine.physical_cores() // len(gpus)
    found = []
    for gpu in gpus:
        near = _near(gpu)
        free.sort(key=lambda cpus: not near.issuperset(cpus))
        taken, free = free[:each], free[each:]
        found.append(Share(gpu.number, tuple(sorted(cpu for cpus in taken for cpu in cpus)), len(gpus)))
    return tuple(found)


def _near(gpu: Gpu) -> Set[int]:
    """The processors on whose socket a GPU is, as far as the kernel tells."""
    try:
        text = (_PCI_FOLDER / gpu.pci_bus_id.lower() / "local_cpulist").read_text()
        ends = [[int(end) for end in part.split("-")] for part in text.split(",") if part.strip()]
    except (OSError, ValueError):
        return set()
    return {cpu for first, *last in ends for cpu in range(first, (last or [first])[0] + 1)}


def _check_parallel(wanted: Sequence[int]) -> None:
    if len(wanted) < 2:
        raise UserError("--parallel-cells measures a cell on each of several GPUs: name them, such as --gpus 0,1, or leave it "
                        "out")
    cores = machine.physical_cores()
    if cores < len(wanted):
        raise UserError(f"--parallel-cells: each of the {len(wanted)} cells needs a processor core of its own, and there "
                        f"{'is 1' if cores == 1 else f'are {cores}'}: name fewer GPUs, or leave it out")


def _check_alike(gpus: Sequence[Gpu]) -> None:
    first = gpus[0]
    for other in gpus[1:]:
        if (other.name, round(other.memory_mib)) != (first.name, round(first.memory_mib)):
            one, two = (f"GPU {gpu.number} is {gpu.name} ({gpu.memory_mib:.0f} MiB)" for gpu in (first, other))
            raise UserError(f"--parallel-cells needs GPUs of one kind, whose cells come into one table, but {one} and {two}: "
                            "run once for each kind")


def _numbers(gpus: str) -> List[int]:
    try:
        numbers = [int(number) for number in gpus.split(",") if number.strip()]
    except ValueError:
        numbers = [-1]
    if any(number < 0 for number in numbers) or len(set(numbers)) < len(numbers):
        raise UserError(f"--gpus {gpus}: give different GPU numbers separated by commas, such as 0 or 0,1; nothing for the "
                        "CPU")
    return numbers
