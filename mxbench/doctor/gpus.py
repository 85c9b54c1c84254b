"""Checks of CUDA, the driver and the GPUs, for MXNet's GPU build."""

from __future__ import annotations

import os
from typing import List

from .. import cuda
from .facts import Facts
from .finding import FAILURE, OK, WARNING, Finding

OLDEST_CUDA_OF_DRIVER = 11000  # NVIDIA's minor version compatibility: CUDA 11.x runs on the drivers of CUDA 11.0
NVRTC_CUDA = 11080  # code that NVRTC 11.8 compiles at run time needs a driver that knows CUDA 11.8

_CPU_BUILD = ("the MXNet that is installed is the CPU build",
              "run pip uninstall -y mxnet, then pip install 'mxbench[cu112]', or leave --gpus out")


def build(facts: Facts) -> List[Finding]:
    """Whether the MXNet that is installed can use a GPU at all."""
    if facts.is_gpu_build or "CUDA" in facts.features:
        return []
    if facts.import_error:
        return [Finding(FAILURE, "MXNet package", facts.import_error)]
    return [Finding(FAILURE, "MXNet package", *_CPU_BUILD)]


def libraries(facts: Facts) -> List[Finding]:
    """Each CUDA library: where it was found, and its version; one line where there is none at all."""
    if facts.libraries and not any(loaded.path for loaded in facts.libraries):
        return [Finding(FAILURE, "CUDA libraries", "none of the CUDA libraries that MXNet's GPU build needs can be loaded, from "
                        f"{facts.libraries[0].library.name} to {facts.libraries[-1].library.name}",
                        "run pip install 'mxbench[cu112]', which brings them, or install CUDA 11 and cuDNN 8")]
    return [_library(loaded) for loaded in facts.libraries]


def _library(loaded: cuda.Loaded) -> Finding:
    name = loaded.library.name
    if loaded.path:
        return Finding(OK, name, f"{loaded.version or 'version unknown'}, {loaded.path}")
    error = loaded.error[len(name) + 2:] if loaded.error.startswith(f"{name}: ") else loaded.error
    return Finding(FAILURE, name, f"{name} cannot be loaded ({error})", cuda.missing_library_advice(name))


def driver(facts: Facts) -> List[Finding]:
    """The NVIDIA driver, and whether it is new enough."""
    if not facts.is_gpu_build:
        return []
    if facts.driver_error:
        return [Finding(FAILURE, "NVIDIA driver", facts.driver_error)]
    version = facts.cuda_of_driver
    text = f"{version // 1000}.{version % 1000 // 10}"
    if version < OLDEST_CUDA_OF_DRIVER:
        return [Finding(FAILURE, "NVIDIA driver", f"the NVIDIA driver supports CUDA {text} only, and MXNet's GPU build "
                        "needs 11", "install driver 450.80.02 or newer")]
    nvrtc = next((loaded.version for loaded in facts.libraries if loaded.library.name.startswith("libnvrtc")), "")
    if version < NVRTC_CUDA and nvrtc.startswith("11.8"):
        return [Finding(WARNING, "NVIDIA driver", f"the NVIDIA driver supports CUDA {text}, older than the 11.8 of "
                        "NVRTC, which compiles MXNet's fused operators", "if a run ends in an error about PTX, install driver "
                        "520.61.05 or newer, or set MXNET_USE_FUSION=0")]
    return [Finding(OK, "NVIDIA driver", f"supports CUDA {text}")]


def devices(facts: Facts) -> List[Finding]:
    """Each GPU, and whether MXNet has code for it."""
    if not facts.is_gpu_build or facts.driver_error:
        return []
    if not facts.gpus:
        return [_none(facts)]
    return [finding for gpu in facts.gpus for finding in wanted(facts, gpu.number)]


def wanted(facts: Facts, number: int) -> List[Finding]:
    """One GPU by its number."""
    if not facts.gpus:
        return [_none(facts)]
    if number >= len(facts.gpus):
        last = len(facts.gpus) - 1
        there = "the only one is 0" if last == 0 else f"they are numbered from 0 to {last}"
        return [Finding(FAILURE, f"GPU {number}", f"there is no GPU {number}", there)]
    gpu = facts.gpus[number]
    capability = ".".join(map(str, gpu.capability))
    if cuda.runs_on(gpu.capability):
        found = f"{gpu.name}, {gpu.memory_mib:.0f} MiB, compute capability {capability}, {gpu.pci_bus_id}"
        return [Finding(OK, f"GPU {number}", found)]
    generation = cuda.GENERATIONS.get(gpu.capability[0], "a generation of its own")
    return [Finding(FAILURE, f"GPU {number}",
                    f"MXNet 1.9.1 has no machine code for GPU {number}, {gpu.name} ({generation}, compute capability "
                    f"{capability}), and would say \"no kernel image is available\"",
                    "use a GPU of capability 5.0 to 8.9 (Maxwell to Ampere and Ada), or the CPU")]


def _none(facts: Facts) -> Finding:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return Finding(FAILURE, "GPUs", f"CUDA shows no GPU, because CUDA_VISIBLE_DEVICES is {chosen!r}",
                       "unset that variable")
    return Finding(FAILURE, "GPUs", "the NVIDIA driver finds no GPU", "run nvidia-smi -L, which lists those that there "
                   "are; a container must be started with --gpus all")


def management(facts: Facts) -> List[Finding]:
    """NVML, without which a run goes on and records less."""
    if not facts.is_gpu_build or not facts.gpus:
        return []
    return [Finding(WARNING, "NVML", facts.nvml) if facts.nvml else Finding(OK, "NVML", "answers")]
