"""MXNet's real GPU build on stand-in CUDA libraries; ``make test-gpu`` has what these tests need."""

import shutil
import sys
from pathlib import Path

import pytest
from stand_in_machine import Machine

from mxbench import cuda

sys.path.insert(0, str(Path(__file__).parent / "stand_in"))
from build import build  # noqa: E402  (it lies beside the source that it builds)


def pytest_collection_modifyitems(items):
    """Without the GPU build, or a compiler for the stand-ins, skip what lies in this folder."""
    lacking = "" if cuda.is_gpu_build() else "mxnet-cu112"
    lacking = lacking or ("" if shutil.which("gcc") else "gcc")
    for item in items if lacking else ():
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"needs {lacking}: run make test-gpu"))


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """The stand-in libraries, laid out as NVIDIA's driver and Python packages are."""
    folder = tmp_path_factory.mktemp("stand-in")
    build(folder, packaged=True)
    return folder


@pytest.fixture
def machine(libraries, tmp_path):
    """A machine of its own for each test."""
    return Machine(libraries, tmp_path)
