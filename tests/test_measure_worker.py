"""A worker process measures one cell and reports it; nothing that it prints can be mistaken for the report."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mxbench import data, runtime
from mxbench.measure import job as jobs
from mxbench.measure.job import Job
from mxbench.measure.memory import CpuMemory, gpu_ids
from mxbench.measure.method import Meter, Method
from mxbench.measure.outcome import status_of, telling_line
from mxbench.measure.speed import Finished, Speedometer
from mxbench.results import machine
from mxbench.results.record import Cell
from mxbench.runtime import mx
from mxbench.sweep import child

SMALL = Path(__file__).parent / "data" / "small_networks.py"
SYNTHETIC = dataclasses.asdict(data.DataSpec("synthetic", None, 0))
BRIEF = Method(max_seconds=0.5, warmup_seconds=0.2, window_seconds=0.02)
TINY = Cell("tiny", 4, image_shape=(3, 32, 32), data="synthetic")


def run(cell, function="tiny", **options):
    events = []
    job = Job(cell, BRIEF, source=f"{SMALL}:{function}", data=SYNTHETIC, **options)
    return child.run(job, 120, events.append), events


def test_a_worker_reports_everything_that_a_record_needs():
    outcome, events = run(TINY)
    assert outcome.status == "ok", outcome.message
    assert [event["event"] for event in events][0] == "surroundings"
    assert {event["phase"] for event in events if event["event"] == "window"} == {"warming up", "measuring"}
    fields = outcome.fields
    speed = fields["speed"]
    rates = [window["images"] / window["seconds"] for window in speed["windows"]]
    assert speed["images_per_second"] == pytest.approx(np.median(rates))
    assert all(window["images"] % 4 == 0 for window in [*speed["warmup"], *speed["windows"]])
    assert fields["memory"]["mib"] == pytest.approx(fields["memory"]["peak_mib"] - fields["memory"]["baseline_mib"], abs=0.2)
    assert fields["model"]["parameters"] == 8 * 3 * 49 + 8 + 8 + 8 + 8 * 1000 + 1000
    assert len(fields["model"]["symbol_sha256"]) == 64
    assert fields["seconds"]["total"] >= fields["seconds"]["measured"]
    surroundings = events[0]
    assert surroundings["variables"]["OMP_NUM_THREADS"] == str(surroundings["machine"]["cores"])
    assert surroundings["software"]["mxnet"].startswith("mxnet")
    assert "OPENMP" in surroundings["software"]["features"]


def test_stock_tuning_sets_nothing():
    _, events = run(dataclasses.replace(TINY, tuning="stock"))
    assert not set(runtime.tuned_environment()) & set(events[0]["variables"])


def test_the_tuning_of_the_record_is_what_a_run_expects_of_it():
    _, events = run(TINY)
    assert events[0]["variables"] == {**runtime.tuned_environment(), **machine.variables()}


@pytest.mark.parametrize("tuning, expected", [("tuned", "glibc.malloc.hugetlb=1"), ("stock", "none")])
def test_a_process_starts_with_what_the_c_library_reads_before_it(monkeypatch, tuning, expected):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    job = Job(dataclasses.replace(TINY, tuning=tuning), BRIEF)
    outcome = child.run(job, 20, command=["sh", "-c", 'echo "MXNetError: ${GLIBC_TUNABLES-none}"; exit 1'])
    assert outcome.message.endswith(f": MXNetError: {expected}")


@pytest.mark.parametrize("name, value", [
    ("OMP_NUM_THREADS", "1"), ("MXNET_ENGINE_TYPE", "ThreadedEngine"), ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0"),
])
def test_what_the_user_has_set_wins(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    _, events = run(TINY)
    assert events[0]["variables"][name] == value


def test_a_network_that_does_not_fit_is_out_of_memory():
    cell = dataclasses.replace(TINY, network="huge", image_shape=(3, 224, 224))
    outcome, _ = run(cell, "huge", memory_limit=4 * 2**30)
    assert outcome.status == "out_of_memory"
    assert outcome.message


def test_a_function_that_returns_no_symbol_is_refused():
    outcome, _ = run(TINY, "not_a_symbol")
    assert outcome.status == child.REFUSED
    assert "not an mx.sym.Symbol" in outcome.message


def test_two_processes_train_the_same_network_from_the_same_seed():
    digests = {run(TINY)[0].fields["model"]["symbol_sha256"] for _ in range(2)}
    assert len(digests) == 1


def measured_mib(*statements):
    """What CpuMemory reads in a process of its own, in which no freed memory lies ready to be used again."""
    script = "\n".join(["from mxbench.measure.memory import CpuMemory", "memory = CpuMemory()", *statements,
                        "print(memory.read().mib)"])
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def test_memory_on_the_cpu_is_the_peak_and_not_what_is_left():
    assert 63 <= measured_mib("memory.mark_baseline()", "block = bytearray(64 * 2**20)", "del block") < 72


def test_a_new_baseline_forgets_an_earlier_peak():
    assert measured_mib("block = bytearray(64 * 2**20)", "del block", "memory.mark_baseline()") < 8


def test_a_window_ends_when_the_work_is_done_and_not_when_it_is_queued():
    class Param:
        eval_metric = mx.metric.create("acc")

    meter = Meter(Method(disp_batches=1, max_seconds=1e-9, warmup_seconds=1e-9))
    seen = []
    speedometer = Speedometer(1, meter, lambda window, metrics: seen.append(window))
    matrix = mx.nd.ones((1500, 1500))
    mx.nd.dot(matrix, matrix).wait_to_read()
    speedometer.start()
    speedometer(Param)  # the warm-up window
    pending = matrix
    for _ in range(4):
        pending = mx.nd.dot(pending, matrix)  # returns at once
    with pytest.raises(Finished):
        speedometer(Param)
    assert len(seen) == 2
    assert seen[1].seconds > 5 * seen[0].seconds


def test_a_job_survives_the_way_to_another_process():
    job = Job(TINY, BRIEF, source="a.py:b", data=SYNTHETIC, seed=3, memory_limit=5)
    assert jobs.from_json(job.to_json()) == job


def test_gpu_numbers_are_read_from_device_names():
    assert gpu_ids(("gpu(0)", "gpu(12)")) == [0, 12]
    assert gpu_ids(("cpu(0)",)) == []


@pytest.mark.parametrize("text, status", [
    ("MXNetError: Check failed: e == cudaSuccess: cudaMalloc retry failed: out of memory", "out_of_memory"),
    ("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc", "out_of_memory"),
    ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 5 GiB", "out_of_memory"),
    ("MXNetError: no kernel image is available for execution on the device", "error"),
    ("", "error"),
])
def test_the_text_of_an_error_tells_how_it_ended(text, status):
    assert status_of(text) == status


def test_the_telling_line_of_a_stack_trace_is_found():
    text = "Traceback (most recent call last):\n  File x\nMXNetError: Check failed: size > 0\nStack trace:\n  [bt] (0)"
    assert telling_line(text) == "MXNetError: Check failed: size > 0"
    assert telling_line("") == ""
    assert telling_line("[10:00:00] ../src/executor/graph_executor.cc:1991: Subgraph backend MKLDNN is activated.\n") == ""


def test_a_worker_does_not_outlive_the_process_that_started_it():
    script = (
        "import subprocess, sys, os, signal\n"
        "r, w = os.pipe()\n"
        "p = subprocess.Popen([sys.executable, '-m', 'mxbench.measure.worker', str(w)], stdin=subprocess.PIPE,"
        " pass_fds=(w,), start_new_session=True)\n"
        "import time; time.sleep(1.5)\n"  # it waits for its job now
        "print(p.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    pid = int(parent.stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        subprocess.run(["sleep", "0.1"], check=True)
    pytest.fail(f"process {pid} is still there")
