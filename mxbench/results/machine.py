"""The machine that a measurement is made on: what has to be equal before two measurements may be compared."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPU_FOLDER = Path("/sys/devices/system/cpu")


def physical_cores() -> int:
    """Number of physical cores that this process may use: its affinity, two threads of a core counted once, and at
    most the processor time that its control group (a container's limit) allows."""
    cores = {_core_of(cpu) for cpu in _affinity()}
    quota = _cgroup_cpus()
    return max(1, min(len(cores), int(quota)) if quota else len(cores))


def _affinity() -> list:
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
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
