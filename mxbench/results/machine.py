"""The machine that a measurement is made on: what has to be equal before two measurements may be compared."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence

import psutil

_CPU_FOLDER = Path("/sys/devices/system/cpu")

# What the names of variables that make a difference begin with.
SETTINGS = ("MXNET_", "OMP_", "KMP_", "GOMP_", "DNNL_", "MKLDNN_", "MALLOC_", "GLIBC_TUNABLES")


def physical_cores() -> int:
    """Number of physical cores that this process may use: its affinity, two threads of a core counted once, and at
    most the processor time that its control group (a container's limit) allows."""
    cores, quota = len(core_cpus()), _cgroup_cpus()
    return max(1, min(cores, int(quota)) if quota else cores)


def core_cpus() -> List[List[int]]:
    """The numbers of the processors that this process may use, those of one physical core together; cores in order."""
    cores: Dict[tuple, List[int]] = {}
    for cpu in usable_cpus():
        cores.setdefault(_core_of(cpu), []).append(cpu)
    return [cpus for _, cpus in sorted(cores.items())]


def usable_cpus() -> List[int]:
    """The numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _core_of(cpu: int) -> tuple:
    topology = _CPU_FOLDER / f"cpu{cpu}" / "topology"
    try:
        return tuple(int((topology / name).read_text()) for name in ("physical_package_id", "core_id"))
    except (OSError, ValueError):
        return (0, cpu)


def _cgroup_cpus(root: Path = Path("/sys/fs/cgroup")):
    """Processors that the control group grants (cpu.max in version 2, cpu.cfs_quota_us in version 1), None if unlimited."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        except OSError:
            return None
    return float(quota) / float(period) if quota.strip() not in ("max", "-1") else None


def cpu_model() -> str:
    """The processor's name as the kernel gives it, for example ``AMD EPYC``."""
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine(gpus: Sequence = (), stand_in: bool = False, parallel_cells: int = 1,
            cores: Optional[int] = None) -> Dict[str, object]:
    """The machine as a record's ``machine``: equal for two records exactly when their figures may stand in one table.

    ``gpus`` are those in use, each with ``name`` and ``memory_mib``. ``stand_in`` marks a machine that only pretends to
    have a GPU: its figures are worth nothing outside a test. ``parallel_cells`` says how many cells are measured at the
    same time, ``cores`` how many cores each has, if not those that this process may use.
    """
    memory_gib = round(psutil.virtual_memory().total / 2**30)
    found = {"cpu": cpu_model(), "cores": cores or physical_cores(), "memory_gib": memory_gib}
    if gpus:
        found["gpus"] = [gpu.name for gpu in gpus]
        found["gpu_memory_mib"] = [round(gpu.memory_mib) for gpu in gpus]
    if stand_in:
        found["stand_in"] = True
    if parallel_cells > 1:
        found["parallel_cells"] = parallel_cells
    return found


def variables() -> Dict[str, str]:
    """Every environment variable that MXNet, oneDNN, OpenMP, its runtimes or the C library's allocator reads."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(SETTINGS)}


def software(features: Iterable[str] = ()) -> Dict[str, object]:
    """Versions of what a measurement runs on; ``features`` are those that MXNet was built with."""
    versions = {name: _version(name) for name in ("numpy", "scipy", "mxbench")}
    mxnet = {name: _version(name) for name in ("mxnet", "mxnet-cu112")}
    build = next((name for name, version in mxnet.items() if version), "")
    return {
        "mxnet": f"{build} {mxnet[build]}" if build else "",
        "features": sorted(features),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        **versions,
        "git": _git_revision(),
    }


def conditions() -> Dict[str, object]:
    """What changes from minute to minute and can disturb a measurement: load average, swap in use, CPU governor."""
    return {
        "load_average": round(os.getloadavg()[0], 2),
        "swap_used_mib": round(psutil.swap_memory().used / 2**20),
        "memory_available_mib": round(psutil.virtual_memory().available / 2**20),
        "governor": _read(_CPU_FOLDER / "cpu0/cpufreq/scaling_governor"),
        "affinity": usable_cpus(),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _git_revision() -> str:
    """Revision of the clone that mxbench runs from, with ``+`` for uncommitted changes; empty when installed."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return ""
    try:
        described = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, timeout=10, check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return described.stdout.strip()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
