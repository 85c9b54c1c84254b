"""How much memory training takes, read in ways that cannot disturb its speed."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

from ..results.record import Memory
from ..runtime import mx
from .gpu import Watch

_MIB = 2**20


class CpuMemory:
    """The process's resident memory: its high-water mark while training, less what it held before.

    The kernel keeps the mark (VmHWM in /proc/self/status), so nothing has to be sampled.
    """

    METHOD = "high-water mark of resident memory (VmHWM) minus resident memory after imports and data set-up"

    def __init__(self):
        self._baseline_mib = 0.0

    def mark_baseline(self) -> None:
        """Take what the process holds now as the baseline and restart the kernel's mark from here."""
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM to the present resident size
        self._baseline_mib = _status_mib("VmHWM")

    def sample(self) -> None:
        """Nothing to do: the kernel keeps the mark."""

    def read(self) -> Memory:
        """The memory taken since the baseline was marked."""
        peak = _status_mib("VmHWM")
        return Memory(
            mib=round(peak - self._baseline_mib, 1), method=self.METHOD,
            baseline_mib=round(self._baseline_mib, 1), peak_mib=round(peak, 1),
        )


class GpuMemory:
    """Device memory as CUDA counts it (mx.context.gpu_memory_info), highest reading less the one before.

    Make it before the process touches a device.

    The reading is device-wide. The baseline is NVML's where it can be read, taken before the process touches the
    device, so that the CUDA context counts, as it does in nvidia-smi; otherwise the first reading of MXNet, which has
    the context in it already.
    """

    METHOD = "gpu_memory_info at its peak minus {before}"

    def __init__(self, device_ids: Sequence[int], watch: Watch):
        self._device_ids = list(device_ids)
        self._before = "NVML's reading before the process touched the device"
        self._baseline_mib = watch.used_mib()
        if self._baseline_mib is None:
            self._before = "the same reading after the CUDA context was made"
            self._baseline_mib = self._used_mib()
        self._peak_mib = self._baseline_mib

    def mark_baseline(self) -> None:
        """Nothing to do: the baseline is older than the input, part of which can lie on the device."""

    def sample(self) -> None:
        """Read the devices between two windows; MXNet's pool keeps what it has taken, so the peak is not missed."""
        self._peak_mib = [max(pair) for pair in zip(self._peak_mib, self._used_mib())]

    def read(self) -> Memory:
        """The memory taken since the baseline was marked, the sum over all devices."""
        self.sample()
        taken = [peak - before for peak, before in zip(self._peak_mib, self._baseline_mib)]
        return Memory(
            mib=round(sum(taken), 1), method=self.METHOD.format(before=self._before),
            baseline_mib=round(sum(self._baseline_mib), 1), peak_mib=round(sum(self._peak_mib), 1),
            per_device_mib=tuple(round(mib, 1) for mib in taken),
        )

    def _used_mib(self) -> List[float]:
        readings = [mx.context.gpu_memory_info(device_id) for device_id in self._device_ids]
        return [(total - free) / _MIB for free, total in readings]


def memory_of(devices: Sequence[str], watch: Watch):
    """The reader of memory for devices such as ("cpu(0)",) or ("gpu(0)", "gpu(1)"), which ``watch`` watches."""
    ids = gpu_ids(devices)
    return GpuMemory(ids, watch) if ids else CpuMemory()


def gpu_ids(devices: Sequence[str]) -> List[int]:
    """Numbers of the GPUs among device names such as "gpu(0)"."""
    return [int(device[len("gpu("):-1]) for device in devices if device.startswith("gpu")]


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {name}: memory on a CPU is read on Linux only")
