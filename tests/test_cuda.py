"""CUDA's libraries are found in NVIDIA's packages; what a GPU must be is known without one."""

import _ctypes
import shutil
import sys
from pathlib import Path

import pytest

from mxbench import cuda, runtime
from mxbench.errors import UserError


def install(folder, name, version):
    """The record of a package that pip would leave in ``folder``."""
    record = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize("capability, runs", [
    ((3, 7), False), ((5, 0), True), ((5, 2), True), ((6, 1), True), ((7, 5), True), ((8, 0), True), ((8, 6), True),
    ((8, 9), True), ((9, 0), False), ((10, 0), False), ((12, 0), False),
])
def test_maxwell_to_ada_run_and_what_is_older_or_newer_does_not(capability, runs):
    assert cuda.runs_on(capability) is runs
    assert capability[0] in cuda.GENERATIONS


def test_a_librarys_folder_is_that_of_its_package():
    folders = {library.name: library.folder for library in cuda.LIBRARIES}
    assert folders["libcudart.so.11.0"] == "cuda_runtime" and folders["libcudnn.so.8"] == "cudnn"


def test_a_library_needs_only_what_is_loaded_before_it():
    names = [library.name for library in cuda.LIBRARIES]
    assert names.index("libcublasLt.so.11") < names.index("libcublas.so.11") < names.index("libcusolver.so.11")
    assert names.index("libcusparse.so.11") < names.index("libcusolver.so.11")


def test_the_package_wins_and_its_version_is_told(tmp_path, monkeypatch):
    file = tmp_path / "nvidia" / "cudnn" / "lib" / "libcudnn.so.8"
    file.parent.mkdir(parents=True)
    shutil.copy(_ctypes.__file__, file)  # any library that can be loaded
    install(tmp_path, "nvidia-cudnn-cu11", "8.9.6.50")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {loaded.library.name: loaded for loaded in cuda.load_libraries()}["libcudnn.so.8"]
    assert (found.path, found.version, found.error) == (str(file), "8.9.6.50", "")


def test_a_broken_library_of_a_package_is_an_error_not_a_crash(tmp_path, monkeypatch):
    file = tmp_path / "nvidia" / "cublas" / "lib" / "libcublasLt.so.11"
    file.parent.mkdir(parents=True)
    file.write_text("no library")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {loaded.library.name: loaded for loaded in cuda.load_libraries()}["libcublasLt.so.11"]
    assert not found.path and str(file) in found.error


def test_both_builds_are_seen(tmp_path, monkeypatch):
    install(tmp_path, "mxnet", "1.9.1")
    install(tmp_path, "mxnet-cu112", "1.9.1")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert cuda.builds() == ["mxnet 1.9.1", "mxnet-cu112 1.9.1"] and cuda.is_gpu_build()


@pytest.mark.parametrize("library, advice", [
    ("libcuda.so.1", "install NVIDIA's driver"),
    ("libcufft.so.10", "nvidia-cufft-cu11"),
    ("libquadmath.so.0", "apt-get install libquadmath0"),
])
def test_a_library_that_mxnet_misses_is_named_with_what_to_do(library, advice, tmp_path, monkeypatch):
    (tmp_path / "mxnet.py").write_text(f"raise OSError('{library}: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    with pytest.raises(UserError) as caught:
        runtime.load()
    assert library in str(caught.value) and advice in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.skipif(Path("/proc/driver/nvidia").exists(), reason="this machine has an NVIDIA driver")
def test_without_a_driver_its_absence_is_told():
    with pytest.raises(UserError, match="no working NVIDIA driver"):
        cuda.gpus()
    assert not cuda.is_stand_in()
