"""Prepares the process and imports MXNet: the only module that sets environment variables.

``from mxbench.runtime import mx`` costs nothing; MXNet is imported when an attribute of ``mx`` is first used. What has
to be settled before that import (the thread count is read when the library is loaded) is settled by :func:`tune`.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Dict, List, Optional, Sequence

from . import cuda
from .errors import UserError
from .results.machine import physical_cores

# MXNet 1.9.1 uses these names; NumPy dropped them in 1.24. Python 3.12 needs NumPy 1.26, so they are put back.
_NUMPY_ALIASES = {"bool": bool, "int": int, "float": float, "object": object, "complex": complex, "str": str}

# Shared libraries of the system that MXNet's wheels link to and do not bring along, with Debian's names for them.
SYSTEM_LIBRARIES = {"libgomp.so.1": "libgomp1", "libquadmath.so.0": "libquadmath0"}

TUNINGS = ("tuned", "stock")

# The C library reads these before a program's first line runs.
_READ_AT_START = ("GLIBC_TUNABLES",)


def tuned_environment(cores: Optional[int] = None, on_cpu: bool = True, alone: bool = True) -> Dict[str, str]:
    """The variables of the ``tuned`` setting, with their values for this machine, or for so many physical ``cores`` of it.

    ``on_cpu`` tells whether networks are computed on the CPU, ``alone`` whether a process trains without others.
    docs/performance.md says what each variable is worth, and which others were tried:

    - MXNet takes half of the processors on x86 unless OMP_NUM_THREADS is set (src/engine/openmp.cc), although without
      hyper-threading every processor is a core.
    - The aggregated SGD update (multi_sgd_mom_update of several weights) hardly runs in parallel.
    - On a CPU, where one operator after the other takes all cores anyway, MXNet's engine threads only pass them on to each
      other, at the price of a wake-up and cold caches; NaiveEngine runs each operator in the thread that asks for it. Workers
      that train together need those threads: gradients travel in some while others compute.
    - What is allocated anew in every step, the C library then takes in huge pages, where the kernel's setting is madvise.
    """
    found = {"OMP_NUM_THREADS": str(cores or physical_cores()), "MXNET_OPTIMIZER_AGGREGATION_SIZE": "1"}
    if on_cpu:
        found["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    if on_cpu and alone:
        found["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    return found


def tune(tuning: str = "tuned", on_cpu: bool = True, alone: bool = True) -> None:
    """Set the performance variables of ``tuning``; what the user has set in the environment wins.

    Must run before MXNet is imported. ``stock`` leaves MXNet as it comes.
    """
    if tuning == "tuned":
        for name, value in tuned_environment(on_cpu=on_cpu, alone=alone).items():
            if name not in _READ_AT_START:
                os.environ.setdefault(name, value)


def early_environment(tuning: str, on_cpu: bool) -> Dict[str, str]:
    """Those variables for a process that will :func:`tune` itself that would come too late there."""
    tuned = tuned_environment(on_cpu=on_cpu) if tuning == "tuned" else {}
    return {name: os.environ.get(name, tuned[name]) for name in _READ_AT_START if name in tuned}


def start_environment(tuning: str, on_cpu: bool) -> Dict[str, str]:
    """The environment for a process that will :func:`tune` itself."""
    return {**os.environ, **early_environment(tuning, on_cpu)}


def confine(gpus: Sequence[int], cpus: Sequence[int]) -> None:
    """Leave this process some GPUs, by their numbers among those that it sees now, and these processors.

    Must run before :func:`tune` and before the process asks the driver anything. The GPUs are numbered from 0 then. MXNet
    can make a context on the first GPU that it sees (for pinned memory), whichever it trains on.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(gpu) if visible is None else visible.split(",")[gpu].strip() for gpu in gpus]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names)
    os.sched_setaffinity(0, cpus)


def prepare_cuda() -> List[cuda.Loaded]:
    """Number the GPUs as nvidia-smi does, and load the CUDA libraries that MXNet's GPU build does not find by itself.

    Must run before the process asks the driver anything; returns what was loaded, nothing for the CPU build.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    return cuda.load_libraries() if cuda.is_gpu_build() else []


def load():
    """Import MXNet 1.9.1 and return the module.

    Raises:
        UserError: MXNet is not installed, or a shared library that it needs is missing.
    """
    if "mxnet" in sys.modules:
        return sys.modules["mxnet"]
    import numpy

    for name, kind in _NUMPY_ALIASES.items():
        vars(numpy).setdefault(name, kind)
    prepare_cuda()
    try:
        return importlib.import_module("mxnet")
    except ImportError as error:
        raise UserError(_import_advice(error)) from error
    except OSError as error:
        raise UserError(_library_advice(error)) from error


def _import_advice(error: ImportError) -> str:
    if error.name == "mxnet":
        return "MXNet is not installed: run pip install 'mxbench[cpu]', or 'mxbench[cu112]' for an NVIDIA GPU"
    if error.name == "distutils":
        return "MXNet 1.9.1 needs distutils, which Python 3.12 dropped: run pip install 'setuptools<80'"
    return f"MXNet cannot be imported ({error}): run pip install 'mxbench[cpu]' again in a new environment"


def _library_advice(error: OSError) -> str:
    for library, package in SYSTEM_LIBRARIES.items():
        if library in str(error):
            return f"MXNet needs {library}, which this system lacks: run apt-get install {package} (Debian, Ubuntu)"
    if cuda.DRIVER in str(error):
        return (f"MXNet's GPU build needs an NVIDIA driver, and {cuda.DRIVER} is not on this machine: "
                f"{cuda.DRIVER_ADVICE}")
    for one in cuda.LIBRARIES:
        if one.name in str(error):
            return f"MXNet's GPU build needs {one.name}, which is not found: {cuda.missing_library_advice(one.name)}"
    return f"MXNet's library cannot be loaded: {error}"


class _LazyMXNet:
    """Stands for the module ``mxnet`` and imports it on first use."""

    def __getattr__(self, name):
        return getattr(load(), name)


mx = _LazyMXNet()
