"""Whatever goes wrong, no finished measurement is lost or made twice, no process is left over, the next start goes on.

Every fault is a real one, in real processes: the command line in one, and in another a worker that misbehaves on demand
(tests/fake_worker.py).
"""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
from sweep_bench import ROOT, SIZES, Bench, is_alive, until

from mxbench.measure.job import Job
from mxbench.results import store
from mxbench.results.record import Cell, to_line


def also(*values):
    """Further values of a parameter, for those who have the time."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# The worker


@pytest.mark.parametrize("number, after", [
    (signal.SIGKILL, "start"), (signal.SIGKILL, "surroundings"), (signal.SIGKILL, "message"), (signal.SIGSEGV, "start"),
    (signal.SIGSEGV, "message"), (signal.SIGABRT, "surroundings"), (signal.SIGRTMIN + 5, "surroundings"),
])
def test_a_worker_that_is_killed_is_a_failed_cell_and_the_others_are_measured(bench, number, after):
    bench.behave(nin_20=f"die:{int(number)},{after}")
    done = bench.run()
    assert done.code == 1 and "nin batch 20: failed (ended by " in done.said
    assert bench.outcomes() == [(10, "ok"), (20, "error"), (30, "ok")]
    assert bench.finishes()


def test_a_worker_that_is_killed_after_its_report_has_measured(bench):
    bench.behave(nin_20=f"die:{int(signal.SIGSEGV)},end")
    assert bench.run().code == 0
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]


@pytest.mark.parametrize("behaviour, status, said", [
    ("leave:3", "error", "ended with exit code 3 and no result"),
    ("half", "error", "ended with exit code 0 and no result"),
    ("leave_child", "error", "ended with exit code 5 and no result: still here"),
    ("fail", "error", "operator not supported"),
    ("nonsense", "error", "reported what is no measurement"),
    ("not_a_number", "error", "reported what is no measurement"),
    ("abort", "out_of_memory", "ended by SIGABRT: what():  std::bad_alloc"),
    ("out_of_memory", "out_of_memory", "Failed to allocate CPU Memory"),
    ("chatter", "ok", ""),
    ("babble", "ok", ""),
])
def test_what_a_worker_does_is_a_row_of_its_own_and_the_sweep_goes_on(bench, behaviour, status, said):
    bench.behave(nin_20=behaviour)
    done = bench.run("--shuffle", "1")  # the order is 20, 30, 10 then: nothing is inferred at 10
    assert dict(bench.outcomes()) == {10: "ok", 20: status, 30: "out_of_memory" if status == "out_of_memory" else "ok"}
    assert done.code == (1 if status == "error" else 0)
    assert said in next(record.message for record in store.read(bench.results)[0] if record.cell.batch_size == 20)


@pytest.mark.parametrize("behaviour", ["hang", "close_and_hang"])
def test_a_worker_that_hangs_is_given_up_with_all_that_it_started(bench, behaviour):
    bench.behave(nin_20=behaviour)
    done = bench.run("--timeout", "1")
    assert done.code == 1 and "nin batch 20: timed out (not finished after 1 seconds)" in done.said
    assert bench.outcomes() == [(10, "ok"), (20, "timeout"), (30, "ok")]
    assert len(bench.journal("grandchild")) == (behaviour == "hang")


def test_a_worker_that_hangs_after_its_report_has_measured(bench):
    bench.behave(nin_10="finish_and_hang")
    assert bench.run(sizes=[10], patch="child._EXIT_SECONDS = 0.3").code == 0
    assert bench.outcomes() == [(10, "ok")]


def test_a_worker_that_cannot_be_started_is_a_failed_cell(bench):
    done = bench.run(sizes=[10], patch="child.WORKER = ('/missing',)")
    assert done.code == 1 and "no process could be started: No such file or directory" in done.said
    assert bench.outcomes() == [(10, "error")]


def test_a_worker_that_finished_while_the_sweep_was_stopped_past_its_time_has_measured(bench):
    bench.behave(nin_10="slow:0.5")
    process = bench.start("--timeout", "1", sizes=[10])
    bench.wait_for("nin 10")
    process.send_signal(signal.SIGSTOP)
    bench.wait_for("nin 10", "finished")
    time.sleep(1.2)
    process.send_signal(signal.SIGCONT)
    assert bench.end(process).code == 0
    assert bench.outcomes() == [(10, "ok")]


def test_what_cannot_be_measured_at_all_ends_the_sweep_and_keeps_what_is_finished(bench):
    bench.behave(nin_20="refuse")
    done = bench.run()
    assert done.code == 2 and "this cannot be measured at all" in done.said
    assert bench.outcomes() == [(10, "ok")]


# The sweep is killed


@pytest.mark.parametrize("after", ["start", "surroundings", "message", "end"])
def test_a_sweep_that_is_killed_goes_on_and_leaves_no_worker(bench, after):
    bench.behave(nin_20=f"kill_parent:9,{after}")
    assert bench.run().code == -signal.SIGKILL
    assert (10, "ok") in bench.outcomes()
    assert bench.finishes()
    assert bench.started()["nin 10"] == bench.started()["nin 30"] == 1


@pytest.mark.parametrize("seconds", [0.3, 0.5, 0.7, *also(0.05, 0.2, 0.4, 0.45, 0.55, 0.6, 0.65, 0.8, 0.9, 1.0)])
def test_a_sweep_that_is_killed_at_any_time_goes_on(bench, seconds):
    bench.behave(nin_10="slow:0.05", nin_20="slow:0.05", nin_30="slow:0.05")
    process = bench.start()
    time.sleep(seconds)
    process.kill()
    bench.end(process)
    assert bench.finishes()
    assert max(bench.started().values()) <= 2 and sum(bench.started().values()) <= len(SIZES) + 1


def test_a_worker_whose_sweep_died_before_it_was_awake_ends_by_itself(bench):
    bench.behave(nin_10="hang")
    script = f"""
import os, signal, subprocess, sys
reading, writing = os.pipe()
worker = subprocess.Popen([sys.executable, {str(ROOT / "tests" / "fake_worker.py")!r}, str(writing)],
                          stdin=subprocess.PIPE, pass_fds=(writing,), start_new_session=True)
worker.stdin.write({Job(Cell("nin", 10)).to_json()!r}.encode())
worker.stdin.close()
print(worker.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "FAKE_WORKER": str(bench.folder)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, check=False)
    until(lambda: not is_alive(int(done.stdout)), "the worker's end")
    assert bench.started() == {}


@pytest.mark.parametrize("written", [100, None, *also(0, 1, -1)])
def test_a_sweep_that_is_killed_while_it_writes_leaves_one_torn_line_at_most(bench, written):
    patch = f"""
from mxbench.results import store
def torn(file, data, count=[0]):
    count[0] += 1
    file.write(data[:{written}] if count[0] == 2 else data)
    if count[0] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
store._write = torn
"""
    assert bench.run(patch=patch).code == -signal.SIGKILL
    whole = written in (-1, None)  # without its newline only
    torn = written not in (0, None) and not whole
    assert bench.outcomes(problems=torn) == [(10, "ok"), (20, "ok")][:2 if whole else 1]
    assert bench.finishes(problems=torn)
    assert bench.started() == {"nin 10": 1, "nin 20": 1 if whole else 2, "nin 30": 1}


def test_a_torn_last_line_is_told_by_its_number_and_its_cell_is_measured_again(bench):
    bench.run()
    content = bench.results.read_bytes()
    bench.results.write_bytes(content[:-200])
    done = bench.run()
    assert done.code == 0 and f"{bench.results}:3: skipped: not JSON: torn or foreign" in done.said
    assert bench.results.read_bytes().startswith(content[:-200] + b"\n")
    assert bench.outcomes(problems=1) == [(10, "ok"), (20, "ok"), (30, "ok")]
    assert bench.started() == {"nin 10": 1, "nin 20": 1, "nin 30": 2}


def test_foreign_lines_are_told_and_left_as_they_are(bench):
    bench.run(sizes=[10])
    newer = to_line(store.read(bench.results)[0][0]).replace('"schema":1', '"schema":2')
    foreign = b"\xff\xfe\n" + newer.encode() + b"\n" + b"[" * 100000 + b"\n\0\0\0"
    bench.results.write_bytes(foreign + b"\n" + bench.results.read_bytes())
    done = bench.run()
    assert [int(number) for number in re.findall(r"results.jsonl:(\d+): skipped", done.said)] == [1, 2, 3, 4]
    assert "schema 2 is newer than 1" in done.said
    assert bench.results.read_bytes().startswith(foreign)
    assert bench.outcomes(problems=4) == [(10, "ok"), (20, "ok"), (30, "ok")] and bench.started()["nin 10"] == 1


# The sweep is interrupted


@pytest.mark.parametrize("numbers, code", [
    ([signal.SIGINT], 130), ([signal.SIGTERM], 143), ([signal.SIGHUP], 129), ([signal.SIGINT] * 2, 130),
    ([signal.SIGHUP, signal.SIGTERM, signal.SIGINT], 129),
])
def test_the_first_signal_ends_the_sweep_and_its_worker_and_the_same_command_goes_on(bench, numbers, code):
    bench.behave(nin_20="hang")
    process = bench.start(patch="""
import time
end = child._end_group
def end_slowly(process):
    open("ending", "w").close()
    time.sleep(0.3)
    end(process)
child._end_group = end_slowly
""")
    bench.wait_for("nin 20", "grandchild")
    (bench.folder / "ending").unlink()
    process.send_signal(numbers[0])
    until((bench.folder / "ending").exists, "the end")
    for number in numbers[1:]:
        process.send_signal(number)
    done = bench.end(process)
    assert done.code == code and "the same command goes on from there" in done.said
    assert bench.outcomes() == [(10, "ok")]
    assert bench.finishes()


@pytest.mark.parametrize("after", ["start", "end", *also("surroundings", "message")])
def test_ctrl_c_at_any_point_loses_nothing_that_is_on_the_disk(bench, after):
    bench.behave(nin_20=f"kill_parent:{int(signal.SIGINT)},{after}")
    assert bench.run(patch="child._EXIT_SECONDS = 0.3").code == 130
    assert bench.outcomes()[0] == (10, "ok")
    assert bench.finishes()


def test_ctrl_c_between_the_report_and_the_disk_waits_for_the_disk(bench):
    patch = """
from mxbench.sweep.progress import Progress
def event(self, step, event):
    if event["event"] == "finished":
        os.kill(os.getpid(), signal.SIGINT)
Progress.event = event
"""
    done = bench.run(patch=patch)
    assert done.code == 130
    assert bench.outcomes() == [(10, "ok")]
    assert bench.finishes() and bench.started()["nin 10"] == 1


def test_a_signal_that_the_caller_ignores_stays_ignored(bench):
    bench.behave(nin_20="slow:0.5")
    process = bench.start(patch="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    bench.wait_for("nin 20")
    process.send_signal(signal.SIGHUP)
    assert bench.end(process).code == 0
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]


# What it tells on goes away


def test_a_closed_pipe_on_standard_error_stops_nothing(bench):
    bench.behave(nin_10="slow:0.3")
    process = bench.start()
    bench.wait_for("nin 10")
    process.stderr.close()
    process.stderr = None
    assert bench.end(process).code == 0
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]


def test_a_terminal_that_goes_away_without_a_signal_stops_nothing(bench):
    terminal, end = pty.openpty()
    bench.behave(nin_20="slow:0.5")
    process = bench.start(stderr=end)
    os.close(end)
    bench.wait_for("nin 20")
    os.close(terminal)
    assert bench.end(process).code == 0
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-"])
def test_streams_that_are_closed_from_the_start_stop_nothing(bench, closed):
    environment = {**os.environ, "FAKE_WORKER": str(bench.folder), "TMPDIR": str(bench.temporary)}
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *bench.command()]
    assert subprocess.run(command, env=environment, cwd=str(bench.folder), check=False).returncode == 0
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]


def test_a_terminal_shows_a_bar_and_one_line_for_each_cell(bench):
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    bench.behave(nin_20="slow:0.5")
    process = bench.start(stderr=end)
    os.close(end)
    shown = b""
    while process.poll() is None or not shown:
        try:
            shown += os.read(terminal, 2**16)
        except OSError:  # the other end is closed
            break
    os.close(terminal)
    assert bench.end(process).code == 0
    assert shown.count(b"images/sec \xc2\xb11.0%, 200 MiB, stable") == 3
    assert b"nin batch 20: warming up, 90.00 images/sec" in shown
