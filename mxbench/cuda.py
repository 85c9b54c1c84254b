"""The CUDA side of this machine: the libraries that MXNet's GPU build links to, the driver, and the GPUs.

MXNet is not needed here, so that what keeps it from being imported can be told. Asking the driver makes no context on a
device and takes none of its memory.
"""

from __future__ import annotations

import ctypes
import sys
from importlib import metadata
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

from .errors import UserError

DRIVER = "libcuda.so.1"
DRIVER_ADVICE = (
    "install NVIDIA's driver (in a container: start it with --gpus all), or use the CPU build: "
    "pip uninstall -y mxnet-cu112, then pip install 'mxbench[cpu]'"
)

# Compute capabilities that mxnet-cu112 1.9.1 has machine code for. It has no PTX for a driver to compile for others.
MACHINE_CODE = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))
GENERATIONS = {
    2: "Fermi", 3: "Kepler", 5: "Maxwell", 6: "Pascal", 7: "Volta or Turing", 8: "Ampere or Ada", 9: "Hopper",
    10: "Blackwell", 11: "Blackwell", 12: "Blackwell",
}

_SYSTEM_FOLDERS = "/usr/local/cuda-11*/lib64", "/usr/local/cuda/lib64"
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
_STAND_IN_MARK = "mxbench_stand_in"  # only the libraries of tests/gpu have this symbol


class Library(NamedTuple):
    """A shared library, the package that brings it, and whether MXNet itself links to it or only another library."""

    name: str
    package: str
    linked: bool = True

    @property
    def folder(self) -> str:
        """Where below ``site-packages/nvidia`` the package has its libraries."""
        return self.package[len("nvidia-"):-len("-cu11")].replace("-", "_")


# Each after those that it needs itself.
LIBRARIES = (
    Library("libcudart.so.11.0", "nvidia-cuda-runtime-cu11"),
    Library("libnvrtc.so.11.2", "nvidia-cuda-nvrtc-cu11"),
    Library("libcublasLt.so.11", "nvidia-cublas-cu11", linked=False),
    Library("libcublas.so.11", "nvidia-cublas-cu11"),
    Library("libcusparse.so.11", "nvidia-cusparse-cu11", linked=False),
    Library("libcusolver.so.11", "nvidia-cusolver-cu11"),
    Library("libcufft.so.10", "nvidia-cufft-cu11"),
    Library("libcurand.so.10", "nvidia-curand-cu11"),
    Library("libnvToolsExt.so.1", "nvidia-nvtx-cu11"),
    Library("libnccl.so.2", "nvidia-nccl-cu11"),
    Library("libcudnn.so.8", "nvidia-cudnn-cu11"),
)


class Loaded(NamedTuple):
    """What came of loading a library: the file and its version, or the reason why there is none."""

    library: Library
    path: str = ""
    version: str = ""
    error: str = ""


class Gpu(NamedTuple):
    """A GPU as CUDA numbers it, under CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER."""

    number: int
    name: str
    memory_bytes: int
    capability: Tuple[int, int]
    pci_bus_id: str

    @property
    def memory_mib(self) -> float:
        """All of its memory, in MiB."""
        return self.memory_bytes / 2**20


def builds() -> List[str]:
    """The builds of MXNet that are installed, such as ``["mxnet-cu112 1.9.1"]``; they overwrite each other's files."""
    names = {}
    for one in metadata.distributions():
        name = (one.metadata["Name"] or "").lower().replace("_", "-")
        if name == "mxnet" or name.startswith("mxnet-"):
            names.setdefault(name, one.version)
    return [f"{name} {version}" for name, version in sorted(names.items())]


def is_gpu_build() -> bool:
    """Whether a build of MXNet is installed that links to CUDA, as far as its name tells."""
    return any(build.startswith("mxnet-cu") for build in builds())


def load_libraries() -> List[Loaded]:
    """Load the CUDA 11 libraries by full path, so that the import of MXNet finds them in memory.

    Those of NVIDIA's packages come first, else the system's (the loader's own search and /usr/local/cuda*).
    """
    return [found for found in map(_load, LIBRARIES) if found.path or found.error]


def _load(library: Library) -> Loaded:
    packaged = _packaged(library)
    error = ""
    for candidate in [packaged] if packaged else [library.name, *_system_files(library)]:
        try:
            ctypes.CDLL(str(candidate))
        except OSError as found:
            error = error or str(found)
            continue
        path = str(packaged or _mapped(library.name) or candidate)
        return Loaded(library, path, _version(library, path, bool(packaged)))
    return Loaded(library, error=error if library.linked or packaged else "")


def _packaged(library: Library) -> Optional[Path]:
    """The library's file in NVIDIA's package, where that is installed."""
    files = (Path(entry) / "nvidia" / library.folder / "lib" / library.name for entry in sys.path)
    return next((file for file in files if file.is_file()), None)


def _system_files(library: Library) -> List[Path]:
    return [file for pattern in _SYSTEM_FOLDERS for file in sorted(Path("/").glob(f"{pattern[1:]}/{library.name}"))]


def _mapped(name: str) -> str:
    """The file behind a library that this process has loaded by its bare name."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[2]
        if Path(path).name.startswith(name):
            return "/" + path
    return ""


def _version(library: Library, path: str, packaged: bool) -> str:
    """The package's version, or what follows ``.so.`` in the name of the system's file."""
    if packaged:
        try:
            return metadata.version(library.package)
        except metadata.PackageNotFoundError:
            return ""
    return Path(path).resolve().name.partition(".so.")[2]


def missing_library_advice(name: str) -> str:
    """What to do about a CUDA library that is not found."""
    package = next(library.package for library in LIBRARIES if library.name == name)
    return f"run pip install 'mxbench[cu112]', which brings it as {package}, or install CUDA 11 and cuDNN 8"


def driver_version() -> int:
    """The newest CUDA that the driver supports, 1000 * major + 10 * minor.

    Raises:
        UserError: there is no driver.
    """
    version = ctypes.c_int()
    _driver().cuDriverGetVersion(ctypes.byref(version))
    return version.value


def is_stand_in() -> bool:
    """Whether the driver is the stand-in of mxbench's own tests, which computes nothing."""
    try:
        return hasattr(_driver(), _STAND_IN_MARK)
    except UserError:
        return False


def gpus() -> List[Gpu]:
    """The GPUs that CUDA shows to this process.

    Raises:
        UserError: there is no driver, or it does not work.
    """
    driver = _driver()
    code = driver.cuInit(0)
    if code == _NO_DEVICE:
        return []
    _check(driver, code)
    count = ctypes.c_int()
    _check(driver, driver.cuDeviceGetCount(ctypes.byref(count)))
    return [_gpu(driver, number) for number in range(count.value)]


def _gpu(driver, number: int) -> Gpu:
    device, size = ctypes.c_int(), ctypes.c_size_t()
    name, bus_id = ctypes.create_string_buffer(256), ctypes.create_string_buffer(64)
    _check(driver, driver.cuDeviceGet(ctypes.byref(device), number))
    _check(driver, driver.cuDeviceGetName(name, len(name), device))
    _check(driver, driver.cuDeviceTotalMem_v2(ctypes.byref(size), device))
    _check(driver, driver.cuDeviceGetPCIBusId(bus_id, len(bus_id), device))
    capability = []
    for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
        value = ctypes.c_int()
        _check(driver, driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device))
        capability.append(value.value)
    return Gpu(number, name.value.decode(), size.value, tuple(capability), bus_id.value.decode())


def runs_on(capability: Tuple[int, int]) -> bool:
    """Whether mxnet-cu112 has code for a GPU: code runs on the same major and an equal or higher minor number."""
    return any(capability[0] == major and capability[1] >= minor for major, minor in MACHINE_CODE)


def _driver():
    try:
        return ctypes.CDLL(DRIVER)
    except OSError as error:
        raise UserError(f"this machine has no working NVIDIA driver ({error}): {DRIVER_ADVICE}") from None


def _check(driver, code: int) -> None:
    if code == 0:
        return
    name = ctypes.c_char_p()
    driver.cuGetErrorName(code, ctypes.byref(name))
    told = (name.value or b"").decode() or f"error {code}"
    raise UserError(f"the NVIDIA driver does not work ({told}): run nvidia-smi, which says more, and restart the "
                    "machine or install the driver again")
