"""Which process of a job this one is, when another launcher has started it on every machine."""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, Optional

from ..errors import UserError

DEFAULT_PORT = 9091
_ADDRESS, _PORT = "DMLC_PS_ROOT_URI", "DMLC_PS_ROOT_PORT"  # MXNet's own names

# Rank and size as the launchers tell them, the most particular first: Open MPI, MPICH and Intel MPI, Slurm, Kubernetes.
_LAUNCHERS = {
    "mpirun (Open MPI)": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    "mpirun (PMI)": ("PMI_RANK", "PMI_SIZE"),
    "srun": ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    "a Kubernetes job": ("JOB_COMPLETION_INDEX", "MXBENCH_COMPLETIONS"),
}
# Where the process of rank 0 is, as far as a launcher tells: the node that srun itself was started on.
_ROOTS = ("SLURM_LAUNCH_NODE_IPADDR",)
# Processes on one machine need no address.
_LOCAL_SIZES = ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")


class Rank(NamedTuple):
    """One of ``size`` processes that ``launcher`` has started; that of rank 0 listens at ``address`` and ``port``."""

    number: int
    size: int
    launcher: str
    address: str
    port: int


def find_rank(environment: Mapping[str, str] = os.environ) -> Optional[Rank]:
    """What the environment says; None where no launcher has started this process, or it alone.

    Raises:
        UserError: rank, size or port are no numbers that fit, or nothing tells where the process of rank 0 is.
    """
    for launcher, (rank_name, size_name) in _LAUNCHERS.items():
        if rank_name in environment and size_name in environment:
            number, size = (_number(environment, name) for name in (rank_name, size_name))
            break
    else:
        return None
    if not 0 <= number < size:
        raise UserError(f"{rank_name}={number} and {size_name}={size}: the rank must be below the size")
    if size == 1:
        return None
    port = _number(environment, _PORT) if _PORT in environment else DEFAULT_PORT
    if not 0 < port < 65536:
        raise UserError(f"{_PORT}={port} is no port: give one from 1 to 65535")
    return Rank(number, size, launcher, _root(environment, launcher, size), port)


def _root(environment: Mapping[str, str], launcher: str, size: int) -> str:
    for name in (_ADDRESS, *_ROOTS):
        if environment.get(name):
            return environment[name]
    if any(environment.get(name) == str(size) for name in _LOCAL_SIZES):
        return "127.0.0.1"
    raise UserError(f"{launcher} does not tell where the process of rank 0 runs: set {_ADDRESS} to that machine's address, "
                    "the same for all ranks")


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except ValueError:
        raise UserError(f"{name}={environment[name]} is no number: unset it, or start mxbench by a launcher that sets it") from None
