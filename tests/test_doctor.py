"""The doctor says what is wrong and what to do, whatever state MXNet is in; a run stops with the same sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cuda import install

from mxbench import cuda
from mxbench.doctor import FAILURE, OK, WARNING, gpus
from mxbench.doctor.facts import Facts

ROOT = Path(__file__).resolve().parents[1]
OLD_NUMPY_PYTHON = pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python 3.12 has no older NumPy")


def mxbench(folder, *arguments, **variables):
    """Run a command with ``folder`` before all that is installed."""
    return python(folder, "-m", "mxbench", *arguments, **variables)


def python(folder, *arguments, **variables):
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, "PYTHONPATH": path, **variables}, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False, timeout=120,
    )


def lines(done, level):
    return [line[8:] for line in done.stdout.splitlines() if line.startswith(level)]


@pytest.mark.skipif(cuda.is_gpu_build(), reason="needs the CPU build of MXNet")
def test_a_sound_cpu_installation_is_in_order(tmp_path):
    done = mxbench(tmp_path, "doctor", MXBENCH_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "import mxnet: version 1.9.1, built with" in done.stdout
    assert not lines(done, FAILURE)


@pytest.mark.parametrize("statement, told", [
    ("raise OSError('libgfortran.so.3: cannot open shared object file')", "libgfortran.so.3"),
    ("raise ValueError('torn')", "ValueError: torn"),
    ("import os; os.abort()", "ended by SIGABRT"),
    ("import sys; sys.exit('enough')", "ends with exit code 1: enough"),
])
def test_the_doctor_works_when_mxnet_cannot_be_imported(statement, told, tmp_path):
    (tmp_path / "mxnet.py").write_text(statement + "\n")
    done = mxbench(tmp_path, "doctor")
    assert done.returncode == 1 and not done.stderr
    assert [line for line in lines(done, FAILURE) if line.startswith("import mxnet") and told in line]
    assert "data cache" in done.stdout


def test_both_builds_at_once_are_a_failure_and_stop_a_run(tmp_path):
    install(tmp_path, "mxnet", "1.9.1")
    install(tmp_path, "mxnet-cu112", "1.9.1")
    done = mxbench(tmp_path, "doctor")
    assert done.returncode == 1
    failure = next(line for line in lines(done, FAILURE) if line.startswith("MXNet package: "))
    assert "overwrite each other's files" in failure and "pip uninstall -y mxnet mxnet-cu112" in failure
    done = mxbench(tmp_path, "run", "--network", "nin")
    assert (done.returncode, done.stderr) == (2, f"mxbench: error: {failure[len('MXNet package: '):]}\n")


@pytest.mark.parametrize("options", [["--gpus", "0"], ["--gpus", "0,1", "--parallel-cells"]])
def test_a_machine_without_a_gpu_says_so_in_one_sentence(options, tmp_path):
    done = python(tmp_path, str(ROOT / "scripts" / "run_all.py"), *options, CUDA_VISIBLE_DEVICES="")
    told, = done.stderr.splitlines()
    assert done.returncode == 2 and not done.stdout and told.startswith("run_all.py: error: --")
    assert list(tmp_path.iterdir()) == []


@OLD_NUMPY_PYTHON
def test_a_numpy_too_new_for_other_programs_is_a_warning(tmp_path):
    install(tmp_path, "numpy", "1.26.4")
    warning, = [line for line in lines(mxbench(tmp_path, "doctor"), WARNING) if line.startswith("NumPy")]
    assert "NumPy 1.26.4" in warning and "pip install 'numpy<1.24'" in warning


def test_numpy_2_is_a_failure_and_stops_a_run(tmp_path):
    install(tmp_path, "numpy", "2.0.1")
    assert [line for line in lines(mxbench(tmp_path, "doctor"), FAILURE) if "NumPy 2.0.1, only with NumPy 1" in line]
    done = mxbench(tmp_path, "run", "--network", "nin")
    assert done.returncode == 2 and "NumPy 2.0.1" in done.stderr


def test_threads_that_the_environment_settles_are_shown(tmp_path):
    done = mxbench(tmp_path, "doctor", OMP_NUM_THREADS="97")
    assert [line for line in lines(done, WARNING) if "OMP_NUM_THREADS=97" in line]


@pytest.mark.parametrize("version, level, told", [
    (10020, FAILURE, "CUDA 10.2 only"), (11020, WARNING, "MXNET_USE_FUSION=0"), (11080, OK, "CUDA 11.8"),
    (13000, OK, "CUDA 13.0"),
])
def test_the_driver_must_know_cuda_11_and_better_11_8(version, level, told):
    nvrtc = next(library for library in cuda.LIBRARIES if library.name == "libnvrtc.so.11.2")
    facts = Facts(is_gpu_build=True, cuda_of_driver=version, libraries=[cuda.Loaded(nvrtc, "/x", "11.8.89")])
    finding, = gpus.driver(facts)
    assert finding.level == level and told in finding.sentence


def test_each_gpu_is_judged_by_its_own_capability():
    titan_x = cuda.Gpu(0, "GeForce GTX TITAN X", 12206 * 2**20, (5, 2), "0000:01:00.0")
    h100 = cuda.Gpu(1, "NVIDIA H100", 81559 * 2**20, (9, 0), "0000:02:00.0")
    good, bad = gpus.devices(Facts(is_gpu_build=True, cuda_of_driver=12000, gpus=[titan_x, h100]))
    assert good.level == OK and "12206 MiB" in good.found
    assert bad.level == FAILURE and "NVIDIA H100 (Hopper, compute capability 9.0)" in bad.found
