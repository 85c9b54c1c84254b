"""From the options of a command to records on the disk, with the fake worker in place of MXNet."""

import dataclasses
import io
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from mxbench.cli import main
from mxbench.errors import UserError
from mxbench.measure.job import Job
from mxbench.results import machine, store
from mxbench.results.record import Cell
from mxbench.sweep import child
from mxbench.sweep.devices import devices
from mxbench.sweep.lock import exclusive
from mxbench.sweep.progress import Progress, duration_text, result_text
from mxbench.sweep.session import measure
from mxbench.sweep.signals import Interrupted, held_back, interruptible, let_through

CACHE = tempfile.TemporaryDirectory()  # for the peak that the fake worker makes up
FAKE = str(Path(__file__).parent / "fake_worker.py")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty present folder, locks of its own, and the fake worker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_WORKER", str(tmp_path))
    monkeypatch.setenv("MXBENCH_CACHE", CACHE.name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(child, "WORKER", (sys.executable, FAKE))
    monkeypatch.setattr(machine, "_git_revision", str)
    behave()
    return tmp_path


def behave(**behaviours):
    named = {name.replace("_", " ", 1).replace("__", " #"): behaviour for name, behaviour in behaviours.items()}
    Path("behaviours.json").write_text(json.dumps(named))


def run(*options, networks="nin", sizes="10", command="run"):
    return main([command, "--data", "synthetic", "--networks", networks, "--batch-sizes", sizes, *options])


def records(path="mxbench-results.jsonl"):
    found, problems = store.read(path)
    assert not problems
    return found


def test_options_become_cells_and_a_method():
    assert run("--image-shape", "3,256,256", "--num-classes", "7", "--optimizer", "adam", "--lr", "0.5", "--mom", "0.1",
               "--wd", "0", "--kv-store", "device", "--tuning", "stock", "--precision", "0.2", "--min-seconds", "0",
               "--max-seconds", "9", "--disp-batches", "3", sizes="20,10") == 0
    first, second = records()
    assert first.cell == Cell(
        "nin", 10, ("cpu(0)",), "imagenet", "synthetic", "synthetic, one batch that stays on the device", 0,
        (3, 256, 256), 7, "float32", "adam", 0.5, 0.1, 0.0, "device", "stock",
    )
    assert second.cell == dataclasses.replace(first.cell, batch_size=20)
    chosen = {name: first.method[name] for name in ("precision", "min_seconds", "max_seconds", "disp_batches")}
    assert chosen == {"precision": 0.2, "min_seconds": 0.0, "max_seconds": 9.0, "disp_batches": 3}
    assert first.model["display_name"] == "NIN"


def test_protocol_published_has_ten_classes_and_quick_one_batch_size():
    assert main(["run", "--data", "synthetic", "--networks", "nin", "--protocol", "published", "--quick"]) == 0
    assert [(record.cell.batch_size, record.cell.num_classes) for record in records()] == [(10, 10)]


@pytest.mark.parametrize("option, value, said", [
    ("lr", float("nan"), "--lr nan: give a finite number"),
    ("max_seconds", float("inf"), "--max-seconds inf: give a finite number"),
    ("min_seconds", 10.0, "--min-seconds 10 is more than --max-seconds 5"),
    ("data_train", "x.rec", "leave --data-train out"),
    ("num_examples", 5, "leave --num-examples out"),
    ("num_classes", 5, "protocol published has 10 classes"),
    ("dtype", "float16", "on GPUs only"),
])
def test_options_that_contradict_each_other_are_refused_before_anything_is_looked_for(option, value, said):
    options = {
        "kind": "synthetic", "data_train": None, "num_examples": None, "protocol": "published", "num_classes": None,
        "dtype": "float32", "gpus": "", "repeats": 2, "quick": False, "min_seconds": None, "max_seconds": 5.0,
        "lr": 0.1, "output": "missing/folder", option: value,
    }
    with pytest.raises(UserError, match=said):
        measure(options)


@pytest.mark.parametrize("gpus", ["x", "-1", "0,0", "0,1,x"])
def test_a_list_of_gpus_is_numbers_each_once(gpus):
    with pytest.raises(UserError, match="give different GPU numbers"):
        devices(gpus)


def test_no_gpus_is_the_cpu():
    assert devices("").names == devices(",").names == ("cpu(0)",)


def test_a_failed_cell_gives_exit_code_1_until_it_is_measured(capsys):
    behave(nin_10="leave")
    assert run() == 1
    assert "[1/1] nin batch 10: failed (ended with exit code 3 and no result)" in capsys.readouterr().err
    behave()
    assert run() == 0
    assert [record.status for record in records()] == ["error", "ok"]


def test_failures_on_another_machine_are_not_those_of_this_run(monkeypatch):
    behave(nin_10="fail")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert run() == 1
    behave()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert run() == 0


def test_lines_that_are_no_records_are_told_once(capsys):
    run()
    with open("mxbench-results.jsonl", "a", encoding="utf-8") as file:
        file.write("foreign\n")
    run()
    said = capsys.readouterr().err
    assert said.count("mxbench-results.jsonl:2: skipped: not JSON: torn or foreign") == 1
    assert "1 of 1 measurements are in the results file already" in said


def test_a_file_that_cannot_be_written_gives_exit_code_3(monkeypatch, capsys):
    monkeypatch.setattr(store, "check_writable", lambda path: None)
    Path("locked").mkdir()
    assert run("--output", "locked") == 3
    said = capsys.readouterr().err
    assert "mxbench: error: cannot write to locked (Is a directory): the finished measurement is in " in said


def test_an_interrupted_run_gives_the_signal_s_exit_code(capsys):
    behave(nin_20=f"kill_parent:{int(signal.SIGTERM)}")
    assert run(sizes="10,20") == 143
    assert "the same command goes on from there" in capsys.readouterr().err
    assert [record.cell.batch_size for record in records()] == [10]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_a_a_test_says_what_the_two_were_called(capsys):
    assert main(["aa", "--data", "synthetic", "--network", "nin", "--batch-size", "10", "--output", "aa.jsonl"]) == 0
    printed = capsys.readouterr().out
    assert printed == ("pair 1: 100.00 and 100.00 images/sec, ratio 1.000 (0.980 to 1.020): same\n"
                       "largest difference: 0.0%\n")


def test_an_a_a_test_without_two_figures_says_why(capsys):
    behave(nin_10="out_of_memory", nin_10__1="fail")
    assert main(["aa", "--data", "synthetic", "--network", "nin", "--batch-size", "10"]) == 1
    assert "nin batch 10: out_of_memory: Failed to allocate CPU Memory" in capsys.readouterr().out


@pytest.mark.parametrize("networks, sizes", [("nin,vgg16", "10"), ("nin", "10,20")])
def test_an_a_a_test_is_of_one_cell(networks, sizes, capsys):
    assert run(networks=networks, sizes=sizes, command="aa") == 2
    assert "aa measures one cell" in capsys.readouterr().err


# One job


def job():
    return Job(Cell("nin", 10))


@pytest.mark.parametrize("behaviour, status, message", [
    ("finish", "ok", ""),
    ("chatter", "ok", ""),
    ("babble", "ok", ""),
    ("refuse", child.REFUSED, "this cannot be measured at all"),
    ("out_of_memory", "out_of_memory", "Failed to allocate CPU Memory"),
    ("abort", "out_of_memory", "ended by SIGABRT: what():  std::bad_alloc"),
    ("die:9", "error", "ended by SIGKILL"),
    ("die:40", "error", "ended by signal 40"),
    ("leave_child", "error", "ended with exit code 5 and no result: still here"),
    ("hang", "timeout", "not finished after 0.5 seconds"),
    ("close_and_hang", "timeout", "not finished after 0.5 seconds"),
])
def test_a_job_ends_in_one_of_a_few_ways(behaviour, status, message):
    behave(nin_10=behaviour)
    events = []
    outcome = child.run(job(), 0.5 if status == "timeout" else 30, events.append)
    assert (outcome.status, outcome.message) == (status, message)
    assert all("event" in event for event in events)


def test_a_process_that_does_not_read_its_job_or_does_not_exist_is_an_error():
    assert child.run(job(), 30, command=("true",)).message == "ended with exit code 0 and no result"
    missing = child.run(job(), 30, command=("/missing",))
    assert missing.message == "no process could be started: No such file or directory"


def test_a_report_counts_although_its_process_stays(monkeypatch):
    monkeypatch.setattr(child, "_EXIT_SECONDS", 0.1)
    behave(nin_10="finish_and_hang")
    assert child.run(job(), 30).status == "ok"


def test_a_process_that_the_kernel_killed_for_memory_is_out_of_memory(monkeypatch):
    kills = iter([3, 4])
    monkeypatch.setattr(child, "kernel_kills", lambda: next(kills))
    behave(nin_10="die:9")
    outcome = child.run(job(), 30)
    assert (outcome.status, outcome.message) == ("out_of_memory", "killed by the kernel, which had run out of memory")


def test_a_message_without_an_end_is_forgotten(monkeypatch):
    monkeypatch.setattr(child, "_MESSAGE_BYTES", 1000)
    script = """if True:
        import os, sys
        sys.stdin.read()
        for _ in range(50):
            os.write(int(sys.argv[1]), b"x" * 65536)
        os.write(int(sys.argv[1]), b'\\n{"event": "failed", "status": "error", "message": "heard"}\\n')
        """
    assert child.run(job(), 30, command=(sys.executable, "-c", script)).message == "heard"


# Signals


def test_a_signal_interrupts_at_once_and_later_ones_are_ignored():
    with pytest.raises(Interrupted) as interrupted:
        with interruptible():
            try:
                signal.raise_signal(signal.SIGHUP)
            finally:
                signal.raise_signal(signal.SIGINT)
    assert interrupted.value.number == signal.SIGHUP


def test_a_signal_waits_for_the_end_of_what_holds_it_back():
    reached = []
    with pytest.raises(Interrupted), interruptible():
        with held_back():
            signal.raise_signal(signal.SIGINT)
            reached.append("end")
    assert reached == ["end"]


def test_a_signal_that_was_held_back_is_heeded_as_soon_as_it_is_let_through():
    reached = []
    with pytest.raises(Interrupted), interruptible(), held_back():
        signal.raise_signal(signal.SIGINT)
        reached.append("held back")
        with let_through():
            reached.append("let through")
    assert reached == ["held back"]


def test_an_error_goes_before_a_signal_and_the_next_run_hears_nothing_of_it():
    with pytest.raises(OSError), interruptible(), held_back():
        signal.raise_signal(signal.SIGINT)
        raise OSError
    with interruptible(), held_back(), let_through():
        pass


def test_signals_are_left_alone_where_they_cannot_be_caught():
    ended = []

    def body():
        with interruptible():
            ended.append(True)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert ended == [True]


# Locks


def test_a_waiting_run_says_who_it_waits_for_or_that_it_does_not_know(tmp_path):
    told = []
    taken, given_back = threading.Event(), threading.Event()

    def hold():
        with exclusive(["cpu(0)"], folder=tmp_path):
            (tmp_path / "cpu.holder").unlink()
            taken.set()
            given_back.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(30)

    def tell(line):
        told.append(line)
        given_back.set()

    with exclusive(["cpu(0)"], tell=tell, folder=tmp_path):
        pass
    thread.join()
    [line] = told
    assert line.startswith("another mxbench is measuring on cpu; waiting for it to end (")


def test_a_holder_that_cannot_be_noted_is_no_reason_to_stop(tmp_path):
    (tmp_path / "cpu.holder").mkdir()
    with exclusive(["cpu(0)"], folder=tmp_path):
        pass


@pytest.mark.parametrize("in_the_way, said", [
    (lambda folder: folder.write_text("a file"), "cannot make the folder .* for locks .*: set TMPDIR to another"),
    (lambda folder: (folder / "cpu.lock").mkdir(parents=True), "cannot lock .*cpu.lock .Is a directory.: set TMPDIR to"),
])
def test_a_folder_that_takes_no_locks_is_told(tmp_path, in_the_way, said):
    in_the_way(tmp_path / "locks")
    with pytest.raises(UserError, match=said), exclusive(["cpu(0)"], folder=tmp_path / "locks"):
        pass


# What is shown


class Gone(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, text):
        raise BrokenPipeError


def test_progress_that_nobody_can_read_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Gone())
    assert run() == 0
    assert [record.status for record in records()] == ["ok"]


def test_progress_that_never_began_can_be_closed():
    Progress(io.StringIO()).close()


def test_durations_are_in_words():
    seconds = (5, 59.4, 90, 3599, 3700)
    assert [duration_text(number) for number in seconds] == ["5 s", "59 s", "2 min", "1 h 0 min", "1 h 2 min"]


def test_a_result_is_one_line():
    run()
    finished = records()[0]
    assert result_text(finished) == "100.00 images/sec ±1.0%, 200 MiB, stable"
    bare = dataclasses.replace(finished, memory=None, speed=dataclasses.replace(finished.speed, interval=None))
    assert result_text(bare) == "100.00 images/sec, stable"
    assert result_text(dataclasses.replace(finished, status="timeout")) == "timed out"
    assert result_text(dataclasses.replace(finished, status="error", message="why")) == "failed (why)"
