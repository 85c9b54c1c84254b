"""The sweep runs on MXNet's GPU build, without a GPU: CUDA's memory is accounted for, and nothing is computed."""

import subprocess
import sys

import pytest
from build import build
from stand_in_machine import BRIEFLY, ROOT, Machine

ONE = ("--gpus", "0", "--network", "squeezenet", "--batch-size", "10")

# A process that holds 1000 MiB on the first GPU, and 300 for its context, until it is ended.
HOLDER = """
import ctypes, sys, time
runtime = ctypes.CDLL("libcuda.so.1")
assert runtime.cudaMalloc(ctypes.byref(ctypes.c_void_p()), ctypes.c_size_t(1000 << 20)) == 0
print("holds", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def grid(libraries, tmp_path_factory):
    """Records and standard output of the whole grid: 16 networks at four batch sizes on a GPU of 12206 MiB."""
    machine = Machine(libraries, tmp_path_factory.mktemp("grid"))
    done = machine.python(ROOT / "scripts" / "run_all.py", "--gpus", "0", *BRIEFLY, "--output", machine.results)
    assert done.returncode == 0, done.stderr
    return machine.records(), done.stdout


def test_the_whole_grid_fits_into_the_memory_of_a_titan_x(grid):
    records, _ = grid
    assert len(records) == 64
    assert [record["message"] for record in records if record["status"] != "ok"] == []


def test_a_larger_batch_takes_more_memory(grid):
    figures = {(one["cell"]["network"], one["cell"]["batch_size"]): one["memory"]["mib"] for one in grid[0]}
    for (network, batch_size), mib in figures.items():
        assert mib < figures.get((network, batch_size + 10), 12206), network


def test_what_does_not_fit_ends_in_the_allocators_own_words_and_the_sweep_goes_on(machine):
    records = machine.measure(
        "--gpus", "0", "--networks", "resnet-152,squeezenet", "--batch-sizes", "10,20,30", STAND_IN_GPU_MIB="4000",
    )
    found = {(one["cell"]["network"], one["cell"]["batch_size"]): one for one in records}
    assert {key: one["status"] for key, one in found.items()} == {
        ("resnet-152", 10): "ok", ("resnet-152", 20): "out_of_memory", ("resnet-152", 30): "out_of_memory",
        ("squeezenet", 10): "ok", ("squeezenet", 20): "ok", ("squeezenet", 30): "ok",
    }
    tried = [record for record in records if record["status"] == "out_of_memory" and not record["inferred"]]
    assert tried and all("cudaMalloc retry failed: out of memory" in record["message"] for record in tried)


def test_one_pair_of_tables_holds_all_cells(grid):
    _, tables = grid
    assert tables.count("\n|CaffeNet ") == tables.count("\n|ResNeXt-101-64x4d") == 2


def test_results_are_marked_and_never_published(machine):
    record, = machine.measure(*ONE)
    assert record["machine"]["stand_in"] is True
    done = machine.mxbench("report", machine.results)
    assert done.returncode == 2 and "stand-in CUDA libraries" in done.stderr
    page = machine.folder / "README.md"
    page.write_text(f"<!-- begin tables {machine.results.name} -->\n<!-- end tables -->\n")
    done = machine.python(ROOT / "scripts" / "regenerate_readme.py", "--readme", page)
    assert done.returncode == 2 and "stand-in CUDA libraries" in done.stderr


def test_a_record_says_what_the_gpu_was_and_how_cudnn_chose(machine):
    record, = machine.measure(*ONE, MXNET_CUDNN_AUTOTUNE_DEFAULT="0")
    assert record["machine"]["gpus"] == ["stand-in GPU"] and record["machine"]["gpu_memory_mib"] == [12206]
    assert record["software"]["cudnn_autotune"] == record["variables"]["MXNET_CUDNN_AUTOTUNE_DEFAULT"] == "0"
    assert "libcudnn.so.8" in record["software"]["cuda_libraries"]
    gpu, = record["conditions"]["gpus"]
    assert gpu["sm_clock_mhz"] == [1500, 1500] and gpu["temperature_celsius"] == [60, 60]
    assert gpu["process_mib"] == record["memory"]["mib"] == record["memory"]["peak_mib"]


def test_memory_of_another_process_is_subtracted_and_its_presence_noted(machine):
    alone, = machine.measure(*ONE)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], env=machine.environment(), stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"holds\n"
        shared, = machine.measure(*ONE)
    finally:
        holder.kill()
        holder.communicate()
    assert shared["memory"]["baseline_mib"] == 1300
    assert shared["memory"]["mib"] == alone["memory"]["mib"]
    assert {"warning": "other_gpu_processes", "detail": f"stand-in GPU: process {holder.pid}"} in shared["warnings"]


def test_throttling_becomes_a_warning_but_the_power_cap_alone_does_not(machine):
    hot, = machine.measure(*ONE, STAND_IN_GPU_THROTTLE="0x44")
    assert {"warning": "thermal_throttling", "detail": "stand-in GPU: hardware thermal"} in hot["warnings"]
    capped, = machine.measure(*ONE, STAND_IN_GPU_THROTTLE="0x4")
    assert capped["conditions"]["gpus"][0]["throttling"] == ["power_cap"]
    assert "thermal_throttling" not in [entry["warning"] for entry in capped["warnings"]]


def test_a_cell_on_two_gpus_shares_out_its_batch_and_reads_both(machine):
    one, = machine.measure("--gpus", "0", "--network", "squeezenet", "--batch-size", "20")
    two, = machine.measure("--gpus", "0,1", "--network", "squeezenet", "--batch-size", "20")
    assert two["cell"]["devices"] == ["gpu(0)", "gpu(1)"]
    assert len(two["memory"]["per_device_mib"]) == len(two["conditions"]["gpus"]) == 2
    assert all(mib < one["memory"]["mib"] for mib in two["memory"]["per_device_mib"])
    assert sum(two["memory"]["per_device_mib"]) == two["memory"]["mib"]
    assert {window["images"] for window in two["speed"]["windows"]} == {20}
    assert two["model"]["images_per_device"] == [10, 10]


def test_two_gpus_measure_different_cells_at_the_same_time_as_one_would_alone(machine):
    two = ("--gpus", "0,1", "--parallel-cells", "--networks", "squeezenet,resnet-18", "--batch-sizes", "10,20")
    records = machine.measure(*two, "--protocol", "published")  # in which MXNet uses pinned memory
    assert [record["message"] for record in records if record["status"] != "ok"] == [] and len(records) == 4
    assert {record["conditions"]["share"]["gpu"] for record in records} == {0, 1}
    for record in records:
        share, (gpu,) = record["conditions"]["share"], record["conditions"]["gpus"]
        assert gpu["pci_bus_id"] == f"0000:0{share['gpu'] + 1}:00.0" and gpu["other_processes"] == []
        assert record["conditions"]["start"]["affinity"] == share["cpus"]
        assert record["variables"]["OMP_NUM_THREADS"] == str(record["machine"]["cores"])
    alone, = machine.measure("--gpus", "1", "--network", "resnet-18", "--batch-size", "20", "--protocol", "published")
    beside, = [one for one in records if (one["cell"]["network"], one["cell"]["batch_size"]) == ("resnet-18", 20)]
    assert beside["memory"]["mib"] == alone["memory"]["mib"]


def test_a_gpu_that_fails_is_given_up_and_the_other_measures_every_cell(machine):
    two = ("--gpus", "0,1", "--parallel-cells", "--networks", "squeezenet,nin", "--batch-sizes", "10,20")
    records = machine.measure(*two, STAND_IN_GPU_BROKEN="1")
    failed, = [record for record in records if record["status"] == "error"]
    assert failed["conditions"]["share"]["gpu"] == 1 and "unspecified launch failure" in failed["message"]
    assert [record["conditions"]["share"]["gpu"] for record in records if record["status"] == "ok"] == [0] * 4


def test_parallel_cells_of_one_gpu_are_refused(machine):
    done = machine.mxbench("run", "--gpus", "0", "--parallel-cells")
    assert done.returncode == 2 and "name them, such as --gpus 0,1" in done.stderr


def test_the_gpu_that_cuda_shows_is_the_one_that_is_read(machine):
    record, = machine.measure(*ONE, CUDA_VISIBLE_DEVICES="1")
    gpu, = record["conditions"]["gpus"]
    assert gpu["pci_bus_id"] == "0000:02:00.0" and gpu["process_mib"] == record["memory"]["mib"]


def test_float16_trains_with_float32_copies_of_the_weights(machine):
    single, = machine.measure("--gpus", "0", "--network", "vgg16", "--batch-size", "10")
    half, = machine.measure("--gpus", "0", "--network", "vgg16", "--batch-size", "10", "--dtype", "float16")
    assert half["status"] == "ok", half["message"]
    weights_mib = half["model"]["parameters"] * 4 / 2**20
    # Activations halve; weight and gradient in float16 and a float32 master with momentum: 12 bytes, as without it.
    assert half["memory"]["mib"] < single["memory"]["mib"]
    assert half["memory"]["mib"] > 3 * weights_mib


def test_a_device_that_fails_makes_a_record_with_the_error(machine):
    failed, = machine.measure(*ONE, STAND_IN_GPU_BROKEN="0")
    assert failed["status"] == "error" and "unspecified launch failure" in failed["message"]
    other, = machine.measure("--gpus", "1", *ONE[2:], STAND_IN_GPU_BROKEN="0")
    assert other["status"] == "ok", other["message"]


@pytest.mark.parametrize("settings, gpus, sentence", [
    ({"STAND_IN_GPU_CAPABILITY": "9.0"}, "0", "GPU 0, stand-in GPU (Hopper, compute capability 9.0)"),
    ({"STAND_IN_GPU_CAPABILITY": "3.5"}, "0", "(Kepler, compute capability 3.5)"),
    ({"CUDA_VISIBLE_DEVICES": ""}, "0", "CUDA_VISIBLE_DEVICES is ''"),
    ({"STAND_IN_GPU_COUNT": "0"}, "0", "the NVIDIA driver finds no GPU"),
    ({"STAND_IN_GPU_ERROR": "999"}, "0", "the NVIDIA driver does not work ("),
    ({}, "0,2", "there is no GPU 2: they are numbered from 0 to 1"),
    ({"LD_LIBRARY_PATH": ""}, "0", "no working NVIDIA driver"),
    ({"PYTHONPATH": str(ROOT)}, "0", "none of the CUDA libraries that MXNet's GPU build needs can be loaded"),
])
def test_a_gpu_that_cannot_work_is_refused_in_one_sentence_the_doctors(machine, settings, gpus, sentence):
    done = machine.mxbench("run", *BRIEFLY, "--gpus", gpus, "--network", "squeezenet", **settings)
    assert done.returncode == 2
    told, = done.stderr.splitlines()
    assert told.startswith(f"mxbench: error: --gpus {gpus}: ") and sentence in told
    assert not (machine.folder / "mxbench-results.jsonl").exists()
    if gpus == "0":
        done = machine.mxbench("doctor", **settings)
        assert done.returncode == 1
        assert told[len("mxbench: error: --gpus 0: "):] in done.stdout


def test_the_doctor_finds_the_libraries_of_the_packages_and_both_gpus(machine):
    done = machine.mxbench("doctor")
    assert done.returncode == 0, done.stdout
    assert str(machine.libraries / "nvidia" / "cudnn" / "lib" / "libcudnn.so.8") in done.stdout
    assert "GPU 1: stand-in GPU, 12206 MiB, compute capability 7.5, 0000:02:00.0" in done.stdout


def test_the_systems_libraries_are_used_where_the_packages_are_absent(machine, tmp_path):
    driver = build(tmp_path / "system")
    settings = {"LD_LIBRARY_PATH": str(driver), "PYTHONPATH": str(ROOT)}
    done = machine.mxbench("doctor", **settings)
    assert done.returncode == 0 and str(driver / "libcudnn.so.8") in done.stdout
    record, = machine.measure(*ONE, **settings)
    assert record["status"] == "ok", record["message"]


def test_one_missing_library_is_named_with_its_package(machine, tmp_path):
    build(tmp_path / "libraries", packaged=True)
    (tmp_path / "libraries" / "nvidia" / "cudnn" / "lib" / "libcudnn.so.8").unlink()
    machine = Machine(tmp_path / "libraries", tmp_path)
    done = machine.mxbench("doctor")
    assert done.returncode == 1
    line, = [line for line in done.stdout.splitlines() if line.startswith("failure libcudnn.so.8")]
    assert "pip install 'mxbench[cu112]'" in line and "nvidia-cudnn-cu11" in line


def test_without_nvml_the_run_goes_on_and_says_what_is_missing(machine, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pynvml.py").write_text("raise ImportError\n")
    environment = machine.environment()
    settings = {"PYTHONPATH": f"{hidden}:{environment['PYTHONPATH']}"}
    record, = machine.measure(*ONE, **settings)
    assert record["status"] == "ok", record["message"]
    assert "pip install nvidia-ml-py" in record["conditions"]["nvml"]
    assert record["memory"]["baseline_mib"] == 300 and "CUDA context" in record["memory"]["method"]
    done = machine.mxbench("doctor", **settings)
    assert done.returncode == 0 and "warning NVML" in done.stdout


def test_a_gpu_run_is_resumed_and_not_measured_twice(machine):
    machine.measure(*ONE)
    machine.mxbench("run", *BRIEFLY, *ONE, "--output", machine.results)
    assert len(machine.records()) == 1
    machine.mxbench("run", *BRIEFLY, *ONE, "--output", machine.results, STAND_IN_GPU_MIB="8000")
    assert [record["machine"]["gpu_memory_mib"] for record in machine.records()] == [[12206], [8000]]
