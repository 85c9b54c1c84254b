"""A results file that cannot be written, a full disk, and two runs at once: what is finished is kept all the same."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from sweep_bench import PATIENCE, SIZES, Bench, is_alive

from mxbench.results import store


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# Where the results go


def mounted(folder, *options):
    """Mount something on a new folder, or skip the test where that is not allowed; returns what to run at the end."""
    folder.mkdir()
    command = ["mount", *options, str(folder)]
    done = subprocess.run(command, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")
    return lambda: subprocess.run(["umount", str(folder)], check=True)


def assert_rescued(bench, done, kept):
    """After a full disk: what was finished before is in the file, and the one in hand in the temporary folder."""
    assert done.code == 3 and f"cannot write to {bench.results} (" in done.said, done.said
    rescued = Path(re.search(r"the finished measurement is in (\S+);", done.said)[1])
    assert rescued.parent == bench.temporary
    assert bench.outcomes() == [(size, "ok") for size in SIZES[:kept]]
    assert [record.cell.batch_size for record in store.read(rescued)[0]] == [SIZES[kept]]
    return rescued


@pytest.mark.parametrize("records", [0.5, 2.01])
def test_a_file_that_may_not_grow_keeps_what_is_finished_and_the_rest_is_rescued(bench, records):
    bench.run(sizes=[10])
    limit = int(bench.results.stat().st_size * records)
    bench.results.unlink()
    # The rescued line has to fit: the limit of the process holds for every file, so it is raised for that.
    patch = f"""
from mxbench.results import store
def limited(path, record, append=store.append, rescue=store._rescue):
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
    append(path, record)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
def rescued(line, rescue=store._rescue):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return rescue(line)
store.append, store._rescue = limited, rescued
"""
    rescued = assert_rescued(bench, bench.run(patch=patch), kept=int(records))
    with open(bench.results, "ab") as file:
        file.write(rescued.read_bytes())
    assert bench.finishes()
    assert bench.started()[f"nin {SIZES[int(records)]}"] == (2 if int(records) == 0 else 1)


def test_a_full_disk_keeps_what_is_finished_and_the_rest_is_rescued(bench):
    disk = bench.folder / "disk"
    unmount = mounted(disk, "-t", "tmpfs", "-o", "size=64k", "none")
    try:
        bench.results = disk / "results.jsonl"
        bench.run(sizes=[10])
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "filler").write_bytes(b"x" * (free - 2**13))
        sizes = tuple(range(20, 100, 10))
        done = bench.run(sizes=sizes)
        assert done.code == 3 and "No space left on device" in done.said
        kept = bench.outcomes()
        assert 1 <= len(kept) < len(sizes) and bench.results.read_bytes().endswith(b"}\n")
        rescued = store.read(re.search(r"measurement is in (\S+);", done.said)[1])[0]
        assert [record.cell.batch_size for record in rescued] == [sizes[len(kept) - 1]]
        (disk / "filler").unlink()
        assert bench.run(sizes=sizes).code == 0
        assert sorted(bench.outcomes()) == [(size, "ok") for size in (10, *sizes)]
    finally:
        unmount()


@pytest.mark.parametrize("output, said", [
    (".", "is a folder"),
    ("missing/results.jsonl", "there is no folder missing"),
    ("/dev/full", "keeps nothing"),
    ("/dev/null", "keeps nothing"),
    ("x" * 300, "File name too long"),
    ("into_nowhere", "there is no folder"),
    ("pipe", "keeps nothing"),
])
def test_an_output_that_cannot_be_is_refused_before_anything_is_measured_or_written(bench, output, said):
    (bench.folder / "into_nowhere").symlink_to("/missing/results.jsonl")
    os.mkfifo(bench.folder / "pipe")
    before = sorted(bench.folder.iterdir())
    done = bench.run("--output", output)
    assert done.code == 2 and said in done.said and done.said.count("\n") == 1
    assert sorted(bench.folder.iterdir()) == before


def test_a_read_only_disk_is_refused_before_anything_is_measured(bench):
    unmount = mounted(bench.folder / "disk", "-t", "tmpfs", "-o", "ro", "none")
    try:
        done = bench.run("--output", "disk/results.jsonl")
    finally:
        unmount()
    assert done.code == 2 and "cannot be written (read-only)" in done.said
    assert bench.started() == {}


def test_a_results_file_that_may_not_be_changed_is_refused_before_anything_is_measured(bench):
    bench.run(sizes=[10])
    if subprocess.run(["chattr", "+i", str(bench.results)], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("cannot make a file immutable here")
    try:
        done = bench.run()
    finally:
        subprocess.run(["chattr", "-i", str(bench.results)], check=True)
    assert done.code == 2 and "cannot be written (read-only)" in done.said
    assert bench.started() == {"nin 10": 1}


# Two at once


def test_a_second_run_waits_with_a_message_and_skips_what_is_done_then(bench):
    bench.behave(nin_10="slow:1.5")
    first = bench.start()
    bench.wait_for("nin 10")
    refused = bench.start("--no-wait")
    _, said = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 2 and said.count(b"\n") == 1
    assert f"process {first.pid} ".encode() in said and b"run without --no-wait" in said
    second = bench.end(bench.start())
    assert bench.end(first).code == second.code == 0
    assert f"process {first.pid} " in second.said and "waiting for it to end" in second.said
    assert "3 of 3 measurements are in the results file already" in second.said
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]
    assert set(bench.started().values()) == {1}


def test_a_run_that_waits_can_be_interrupted(bench):
    bench.behave(nin_10="hang")
    first = bench.start()
    bench.wait_for("nin 10", "grandchild")
    second = bench.start()
    assert b"waiting for it to end" in second.stderr.readline()
    second.send_signal(signal.SIGINT)
    assert second.wait(PATIENCE) == 130
    second.stderr.close()
    first.send_signal(signal.SIGTERM)
    assert bench.end(first).code == 143


def test_the_lock_of_a_dead_process_is_taken_over(bench):
    bench.behave(nin_10="hang")
    first = bench.start(sizes=[10])
    bench.wait_for("nin 10", "grandchild")
    first.kill()
    first.communicate()
    grandchild = bench.journal("grandchild")[0][0]
    assert is_alive(grandchild)  # it is not the lock's holder either
    os.kill(grandchild, signal.SIGKILL)
    bench.behave()
    done = bench.run("--no-wait", sizes=[10])
    assert done.code == 0 and bench.outcomes() == [(10, "ok")]


def test_a_folder_that_takes_no_lock_is_one_line(bench):
    (bench.temporary / "mxbench-locks").write_text("a file")
    done = bench.run()
    assert done.code == 2 and done.said.count("\n") == 1 and "set TMPDIR to another" in done.said
    (bench.temporary / "mxbench-locks").unlink()
    (bench.temporary / "mxbench-locks" / "cpu.lock").mkdir(parents=True)
    done = bench.run()
    assert done.code == 2 and done.said.count("\n") == 1 and "cannot lock" in done.said
    assert bench.started() == {}
