"""Several processes that train together through MXNet's own parameter server: real ones, on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from mxbench.results import store

HERE = Path(__file__).parent
TINY = f"{HERE / 'data' / 'small_networks.py'}:tiny"
PATIENCE = 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def learned(folder, of, gc_type="none"):
    """The parameters after ten steps of ``of`` workers, as each has them."""
    common = {"DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(free_port()), "DMLC_NODE_HOST": "127.0.0.1",
              "DMLC_NUM_WORKER": str(of), "DMLC_NUM_SERVER": "1", "OMP_NUM_THREADS": "1"}
    files = [folder / f"{of}-{gc_type}-{rank}.params" for rank in range(of)]
    worker = [sys.executable, str(HERE / "ten_steps.py")]
    commands = [("worker", [*worker, str(rank), str(of), gc_type, str(file)]) for rank, file in enumerate(files)]
    others = [(role, [sys.executable, "-c", "from mxbench.runtime import load; load()"]) for role in ("scheduler", "server")]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    processes = [subprocess.Popen(command, env={**environment, **({**common, "DMLC_ROLE": role} if of > 1 else {})})
                 for role, command in (others if of > 1 else []) + commands]
    try:
        assert [process.wait(PATIENCE) for process in processes[-of:]] == [0] * of
    finally:
        for process in processes:
            process.kill()
            process.wait()
    from mxbench.runtime import mx

    return [{name: array.asnumpy() for name, array in mx.nd.load(str(file)).items()} for file in files]


def test_two_workers_learn_what_one_with_twice_the_batch_does(tmp_path):
    [alone], (first, second) = learned(tmp_path, 1), learned(tmp_path, 2)
    for name, values in alone.items():
        assert np.array_equal(first[name], second[name]), name
        np.testing.assert_allclose(first[name], values, rtol=1e-4, atol=1e-6, err_msg=name)


class Bench:
    """Runs mxbench in a folder of its own, and knows the processes that it has started."""

    def __init__(self, folder):
        self.folder, self.results = folder, folder / "results.jsonl"

    def start(self, *options, command="run", variables=(), **how):
        arguments = [command, "--network", TINY, "--batch-size", "4", "--image-shape", "3,64,64", "--data", "synthetic",
                     "--output", str(self.results), *options]
        return subprocess.Popen(
            [sys.executable, "-m", "mxbench", *arguments], cwd=str(self.folder), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent), "TMPDIR": str(self.folder), "MXBENCH_CACHE": str(self.folder),
                 **dict(variables)}, **how)

    def run(self, *options, **how):
        return self.end(self.start(*options, **how))

    def end(self, process):
        """Exit code and what it has said; nothing that it started may be left."""
        said, _ = process.communicate(timeout=PATIENCE)
        until(lambda: not self.roles(), "an end of all processes")
        return process.returncode, said

    def roles(self):
        """Every process of a role that runs, by its name in ps."""
        found = {}
        for process in psutil.process_iter(["cmdline", "environ"]):
            words, variables = process.info["cmdline"] or [], process.info["environ"] or {}
            if "mxbench.distributed.process" in words and variables.get("TMPDIR") == str(self.folder):
                found[words[-1]] = process
        return found

    def training(self, *roles):
        """Wait until all roles run, and their training is well on its way; returns them."""
        until(lambda: set(roles) <= set(self.roles()) and all(
            sum(self.roles()[role].cpu_times()[:2]) > 3 for role in roles if role.startswith("worker")), "training")
        return self.roles()

    def records(self):
        return store.read(self.results)[0]


def until(true, what):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.1)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    for process in bench.roles().values():
        process.kill()


DIST = ("--kv-store", "dist_sync", "--servers", "1")


def test_a_run_of_two_workers_is_one_record_and_is_not_made_twice(bench):
    options = (*DIST, "--workers", "2", "--gc-type", "2bit", "--max-seconds", "1")
    code, said = bench.run(*options)
    assert code == 0, said
    [record] = bench.records()
    assert (record.cell.workers, record.cell.servers, record.cell.gc_type) == (2, 1, "2bit")
    assert record.status == "ok", record.message
    scaling = record.scaling
    assert len(scaling.images_per_second) == len(scaling.hosts) == 2
    # Both take each step together, in windows that are not the same.
    assert record.speed.images_per_second == pytest.approx(sum(scaling.images_per_second), rel=0.5)
    assert all(window.images % 8 == 0 for window in record.speed.windows)
    assert scaling.gradient_bytes == 4 * record.model["parameters"]
    assert scaling.sent_bytes < 0.5 * scaling.gradient_bytes < 0.9 * scaling.received_bytes
    assert min(scaling.step_seconds, scaling.compute_seconds, scaling.communicate_seconds) > 0
    assert record.variables["OMP_NUM_THREADS"] == "1" or record.machine["cores"] > 2
    code, said = bench.run(*options)
    assert code == 0 and "1 of 1 measurements are in the results file already" in said
    assert len(bench.records()) == 1


@pytest.mark.parametrize("victim", ["server-0", pytest.param("worker-1", marks=pytest.mark.slow),
                                    pytest.param("worker-0", marks=pytest.mark.slow),
                                    pytest.param("scheduler", marks=pytest.mark.slow)])
def test_when_one_process_dies_all_end_and_the_record_says_which(bench, victim):
    process = bench.start(*DIST, "--workers", "2", "--max-seconds", "600")
    bench.training("scheduler", "server-0", "worker-0", "worker-1")[victim].kill()
    killed = time.monotonic()
    code, said = bench.end(process)
    assert time.monotonic() - killed < 10
    assert code == 1
    [record] = bench.records()
    assert (record.status, record.message) == ("error", f"{victim.replace('-', ' ')} ended by SIGKILL")


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow)])
def test_no_process_outlives_the_one_that_started_it(bench, number, code):
    process = bench.start(*DIST, "--workers", "2", "--max-seconds", "600")
    bench.training("server-0", "worker-0", "worker-1")
    process.send_signal(number)
    assert bench.end(process)[0] == code
    assert not bench.results.exists()


@pytest.mark.slow
def test_what_a_worker_cannot_do_is_said_once_and_nothing_is_written(bench):
    code, said = bench.run(*DIST, "--workers", "2", "--optimizer", "sdg")
    assert code == 2 and "no optimizer 'sdg'" in said
    assert not bench.results.exists()


@pytest.mark.slow
def test_workers_that_do_not_wait_for_each_other_are_counted_together(bench):
    code, said = bench.run("--kv-store", "dist_async", "--servers", "2", "--workers", "2", "--max-seconds", "2")
    assert code == 0, said
    [record] = bench.records()
    assert record.speed.images_per_second == pytest.approx(sum(record.scaling.images_per_second), rel=0.5)


@pytest.mark.slow
def test_processes_of_another_launcher_make_one_run(bench):
    port = str(free_port())
    ranks = [bench.start("--kv-store", "dist_sync", "--max-seconds", "1", variables={
        "PMI_RANK": str(rank), "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2", "DMLC_PS_ROOT_PORT": port}) for rank in (0, 1)]
    ended = [bench.end(process) for process in ranks]
    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[1][1] == ""
    [record] = bench.records()
    assert record.status == "ok", record.message
    assert (record.cell.workers, record.cell.servers, record.machine["hosts"]) == (2, 2, 2)

