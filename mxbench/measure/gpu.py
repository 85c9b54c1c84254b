"""What NVML, the NVIDIA driver's management library, tells of the GPUs while a measurement is made."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Sequence

from .. import cuda

_MIB = 2**20
_UNREAD = "clocks, temperature and other processes of the GPU are not read"
_SM_CLOCK, _MEMORY_CLOCK = 1, 2  # NVML_CLOCK_SM, NVML_CLOCK_MEM
_GPU_TEMPERATURE = 0  # NVML_TEMPERATURE_GPU
_THROTTLE_REASONS = {  # nvmlClocksThrottleReason*
    0x4: "power_cap", 0x8: "hardware_slowdown", 0x20: "thermal", 0x40: "hardware_thermal", 0x80: "power_brake",
}


class Watch:
    """Reads GPUs through NVML, which finds them by PCI bus id, as CUDA and NVML may number them differently.

    Make it before the process touches a device: what uses the devices then are other processes. Without the package
    nvidia-ml-py, the library or the permission, ``missing`` says what is missing and all readings are empty.
    """

    def __init__(self, device_ids: Sequence[int]):
        self.missing = ""
        self._nvml, self._handles, self._samples = None, [], []
        visible = cuda.gpus() if device_ids else []
        self._gpus = [visible[number] for number in device_ids]
        if device_ids:
            self._open()
        self._before = [self._processes(handle) for handle in self._handles]

    def used_mib(self) -> Optional[List[float]]:
        """Memory in use on each device by all processes together; None without NVML."""
        if not self._handles:
            return None
        return self._ask(lambda: [self._nvml.nvmlDeviceGetMemoryInfo(handle).used / _MIB for handle in self._handles])

    def sample(self) -> None:
        """Read clocks, temperature and throttling, between two windows."""
        if self._handles:
            self._samples.append([self._reading(handle) for handle in self._handles])

    def seen(self) -> Dict[str, object]:
        """All readings, as a record's ``conditions`` keep them; nothing for a measurement on the CPU."""
        if not self._gpus:
            return {}
        found: Dict[str, object] = {"gpus": [self._summary(index) for index in range(len(self._handles))]}
        found["nvml"] = self.missing or f"driver {self._ask(self._nvml.nvmlSystemGetDriverVersion)}"
        return found

    def _open(self) -> None:
        try:
            import pynvml
        except ImportError:
            self.missing = f"{_UNREAD}: run pip install nvidia-ml-py"
            return
        try:
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByPciBusId(gpu.pci_bus_id.encode()) for gpu in self._gpus]
            self._nvml = pynvml
        except pynvml.NVMLError as error:
            self.missing = f"{_UNREAD}: NVML says {error}"

    def _ask(self, question):
        """What NVML answers, None where the device does not have it."""
        try:
            return question()
        except self._nvml.NVMLError:
            return None

    def _reading(self, handle) -> Dict[str, object]:
        nvml = self._nvml
        reasons = self._ask(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)) or 0
        return {
            "sm_clock_mhz": self._ask(lambda: nvml.nvmlDeviceGetClockInfo(handle, _SM_CLOCK)),
            "memory_clock_mhz": self._ask(lambda: nvml.nvmlDeviceGetClockInfo(handle, _MEMORY_CLOCK)),
            "temperature_celsius": self._ask(lambda: nvml.nvmlDeviceGetTemperature(handle, _GPU_TEMPERATURE)),
            "throttling": [name for bit, name in _THROTTLE_REASONS.items() if reasons & bit],
        }

    def _processes(self, handle) -> Dict[int, Optional[int]]:
        """MiB by the id of each process that computes on a device; None where NVML does not say how much."""
        running = self._ask(lambda: self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or []
        return {one.pid: None if one.usedGpuMemory is None else round(one.usedGpuMemory / _MIB) for one in running}

    def _summary(self, index: int) -> Dict[str, object]:
        """Everything about one device: the range of its readings, and who used it."""
        gpu, handle = self._gpus[index], self._handles[index]
        readings = [sample[index] for sample in self._samples]
        summary: Dict[str, object] = {"name": gpu.name, "pci_bus_id": gpu.pci_bus_id}
        for name in ("sm_clock_mhz", "memory_clock_mhz", "temperature_celsius"):
            values = [reading[name] for reading in readings if reading[name] is not None]
            summary[name] = [min(values), max(values)] if values else None
        summary["max_sm_clock_mhz"] = self._ask(lambda: self._nvml.nvmlDeviceGetMaxClockInfo(handle, _SM_CLOCK))
        summary["throttling"] = sorted({reason for reading in readings for reason in reading["throttling"]})
        processes, before = self._processes(handle), self._before[index]
        own = _own_process(processes, before)
        summary["process_mib"] = processes.get(own)
        summary["other_processes"] = sorted(({*processes, *before}) - {own})
        return summary


def _own_process(processes: Dict, before: Dict) -> Optional[int]:
    """The number by which NVML knows this process: in a container it is not that of os.getpid(), but a new one."""
    if os.getpid() in processes:
        return os.getpid()
    return next((number for number in processes if number not in before), None)
