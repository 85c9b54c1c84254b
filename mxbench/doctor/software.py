"""Checks of Python, NumPy, and the MXNet that is installed."""

from __future__ import annotations

import ctypes
import platform
import sys
from importlib import metadata
from typing import List

from .. import cuda, runtime
from .facts import Facts
from .finding import FAILURE, OK, WARNING, Finding

_SHOWN_FEATURES = ("CUDA", "CUDNN", "NCCL", "MKLDNN", "OPENMP", "OPENCV")
_CUDNN_NEEDS = {"libz.so.1": "zlib1g"}


def installed() -> List[Finding]:
    """What is installed, from the packages' own records: nothing is imported."""
    return [_python(), _numpy(), _build()]


def _python() -> Finding:
    version = platform.python_version()
    if (3, 8) <= sys.version_info[:2] <= (3, 12):
        return Finding(OK, "Python", version)
    return Finding(FAILURE, "Python", f"MXNet 1.9.1 does not run on Python {version}", "use Python 3.8 to 3.12")


def _numpy() -> Finding:
    try:
        version = metadata.version("numpy")
    except metadata.PackageNotFoundError:
        return Finding(FAILURE, "NumPy", "NumPy is not installed", "run pip install 'mxbench[cpu]'")
    major, minor = (int(part) for part in version.split(".")[:2])
    fitting = "'numpy<1.24'" if sys.version_info < (3, 12) else "'numpy>=1.26,<2'"
    if major >= 2:
        return Finding(FAILURE, "NumPy", f"MXNet 1.9.1 does not run with NumPy {version}, only with NumPy 1",
                       f"run pip install {fitting}")
    if (major, minor) >= (1, 24) and sys.version_info < (3, 12):
        return Finding(WARNING, "NumPy", f"NumPy {version} is newer than MXNet 1.9.1 knows: np.bool is gone since "
                       "1.24, so import mxnet fails; mxbench puts such names back for itself, other programs do not",
                       f"run pip install {fitting}")
    return Finding(OK, "NumPy", version)


def _build() -> Finding:
    builds = cuda.builds()
    if not builds:
        return Finding(FAILURE, "MXNet package", "MXNet is not installed",
                       "run pip install 'mxbench[cpu]', or 'mxbench[cu112]' for an NVIDIA GPU")
    names = [build.split()[0] for build in builds]
    if len(builds) > 1:
        return Finding(FAILURE, "MXNet package",
                       f"{' and '.join(builds)} are both installed and overwrite each other's files",
                       f"run pip uninstall -y {' '.join(names)}, then pip install 'mxbench[cpu]', or 'mxbench[cu112]' "
                       "for an NVIDIA GPU")
    if builds[0].split()[1] != "1.9.1":
        return Finding(WARNING, "MXNet package", f"{builds[0]} is not the version that mxbench is made for",
                       f"run pip install {names[0]}==1.9.1")
    return Finding(OK, "MXNet package", builds[0])


def system_libraries(is_gpu_build: bool) -> List[Finding]:
    """The shared libraries of the system that MXNet, and cuDNN for its GPU build, link to."""
    wanted = {**runtime.SYSTEM_LIBRARIES, **(_CUDNN_NEEDS if is_gpu_build else {})}
    return [_system_library(name, package) for name, package in wanted.items()]


def _system_library(name: str, package: str) -> Finding:
    try:
        ctypes.CDLL(name)
    except OSError:
        return Finding(FAILURE, name, f"this system lacks {name}", f"run apt-get install {package} (Debian, Ubuntu)")
    return Finding(OK, name, "found")


def imported(facts: Facts) -> Finding:
    """How importing MXNet went."""
    if facts.import_error:
        return Finding(FAILURE, "import mxnet", facts.import_error)
    features = ", ".join(name for name in _SHOWN_FEATURES if name in facts.features)
    built_with = features or "none of its optional features"
    return Finding(OK, "import mxnet", f"version {facts.mxnet}, built with {built_with}")
