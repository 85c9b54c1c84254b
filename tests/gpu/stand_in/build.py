"""Builds the stand-in CUDA libraries: ``python build.py FOLDER``, with gcc.

``symbols.txt`` lists what libmxnet.so of mxnet-cu112 1.9.1 wants from CUDA. Each becomes a function that returns 0,
unless ``stand_in.c`` defines it (the generated ones are weak). All libraries are the same code under the names that are
linked to.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent

DRIVER = ("libcuda.so.1", "libnvidia-ml.so.1")
CUDA = {
    "libcudart.so.11.0": "cuda_runtime", "libnvrtc.so.11.2": "cuda_nvrtc", "libcublas.so.11": "cublas",
    "libcusolver.so.11": "cusolver", "libcufft.so.10": "cufft", "libcurand.so.10": "curand",
    "libnvToolsExt.so.1": "nvtx", "libnccl.so.2": "nccl", "libcudnn.so.8": "cudnn",
}


def build(folder, packaged=False):
    """Build all libraries and return the folder for LD_LIBRARY_PATH.

    ``folder/driver`` holds what NVIDIA's driver brings. The CUDA libraries lie beside them, or, ``packaged``, in
    ``folder/nvidia/NAME/lib`` as in NVIDIA's Python packages.
    """
    folder = Path(folder)
    driver = folder / "driver"
    places = {name: driver for name in DRIVER}
    places.update({name: folder / "nvidia" / package / "lib" if packaged else driver for name, package in CUDA.items()})
    with tempfile.TemporaryDirectory() as scratch:
        generated = Path(scratch) / "generated.c"
        names = (HERE / "symbols.txt").read_text().split()
        generated.write_text("".join(f"__attribute__((weak)) int {name}(void) {{ return 0; }}\n" for name in names))
        objects = [_compile(source, Path(scratch)) for source in (generated, HERE / "stand_in.c")]
        for name, place in places.items():
            place.mkdir(parents=True, exist_ok=True)
            _gcc("-shared", f"-Wl,-soname,{name}", "-o", place / name, *objects, "-lpthread")
    return driver


def _compile(source, folder):
    made = folder / f"{source.stem}.o"
    _gcc("-c", "-O1", "-fPIC", "-std=gnu11", "-w", "-o", made, source)
    return made


def _gcc(*arguments):
    subprocess.run(["gcc", *map(str, arguments)], check=True)


if __name__ == "__main__":
    print(build(sys.argv[1]))
