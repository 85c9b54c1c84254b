"""Out of memory on the CPU is real: MXNet under a memory limit fails at a large cell, and the sweep goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mxbench.measure.outcome import status_of
from mxbench.results import store

NETWORKS = Path(__file__).parent / "data" / "small_networks.py"


def test_a_cell_that_needs_more_than_the_limit_is_out_of_memory_and_a_small_one_is_measured(tmp_path):
    command = [
        sys.executable, "-m", "mxbench", "run", "--data", "synthetic", "--image-shape", "3,64,64",
        "--max-seconds", "0.3", "--min-seconds", "0.1", "--networks", f"{NETWORKS}:huge,{NETWORKS}:tiny", "--batch-sizes", "4,8",
        "--memory-limit", "2GiB", "--output", "results.jsonl",
    ]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=str(tmp_path), env=environment, stderr=subprocess.PIPE, universal_newlines=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    records, problems = store.read(tmp_path / "results.jsonl")
    ends = [(record.cell.network.rpartition(":")[2], record.cell.batch_size, record.status, record.inferred)
            for record in records]
    assert ends == [("huge", 4, "out_of_memory", False), ("huge", 8, "out_of_memory", True),
                    ("tiny", 4, "ok", False), ("tiny", 8, "ok", False)] and not problems
    assert records[0].message
    assert {record.method["memory_limit_mib"] for record in records} == {2048.0}


@pytest.mark.parametrize("text", [
    "can't start new thread", "pthread_create failed: Resource temporarily unavailable",
    "terminate called without an active exception",
])
def test_a_thread_that_cannot_be_started_is_out_of_memory_only_under_a_limit(text):
    assert status_of(text, memory_limited=True) == "out_of_memory"
    assert status_of(text) == "error"
