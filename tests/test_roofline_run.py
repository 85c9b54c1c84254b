"""A run measures the machine's peak once, keeps it, and never loses a measurement for want of it."""

import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_bench import Bench

from mxbench.measure import gemm
from mxbench.measure.job import GEMM, Job
from mxbench.results.accounts import accounts
from mxbench.results import store
from mxbench.results.record import ERROR, OK, Arithmetic, Cell, Peak, Record, Speed
from mxbench.runtime import mx
from mxbench.sweep.child import REFUSED, Outcome
from mxbench.sweep.grid import Step
from mxbench.sweep.peak import WithPeak
from mxbench.sweep.progress import Progress, result_text

ROOT = Path(__file__).resolve().parents[1]
TINY = f"{ROOT}/tests/data/small_networks.py:tiny"
BRIEF = ["--data", "synthetic", "--image-shape", "3,32,32", "--max-seconds", "0.3", "--min-seconds", "0.1"]


@pytest.fixture
def bench(tmp_path):
    """Runs with the fake worker and a cache of their own."""
    bench = Bench(tmp_path)
    bench.cache = tmp_path / "cache"
    return bench


def peaks(bench):
    return [record.peak and record.peak.gflops for record in store.read(bench.results)[0]]


# For real


def test_the_peak_is_that_of_the_largest_product_that_pays():
    found = gemm.peak(mx.cpu(), sizes=(16, 256))
    assert (found.operator, found.size, found.dtype) == ("FullyConnected", 256, "float32")
    assert found.gflops > gemm.peak(mx.cpu(), sizes=(16,)).gflops > 0


def test_a_run_measures_the_peak_and_shows_what_part_of_it_was_reached(tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "MXBENCH_CACHE": str(tmp_path), "HOME": str(tmp_path),
                   "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(ROOT / "scripts/run_all.py"), "--roofline", "--network", TINY, *BRIEF,
                           "--batch-size", "8"], cwd=str(tmp_path), env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)
    assert done.returncode == 0, done.stderr
    records, problems = store.read(tmp_path / "mxbench-results.jsonl")
    assert not problems and [record.status for record in records] == [OK]
    kept, = (json.loads(path.read_text())["peak"] for path in tmp_path.glob("peak-*.json"))
    record, = records
    assert record.peak == Peak(**kept) and record.peak.gflops > 0
    assert record.arithmetic.forward_flops == 2 * record.arithmetic.macs > 0
    assert record.arithmetic.update_flops == 7 * record.model["parameters"]
    assert done.stdout.count("## Arithmetic (GFLOP/s and share of the peak)") == 1
    assert re.search(r"batch 8: .* images/sec.*, \d+ GFLOP/s \(\d+% of the peak\), ", done.stderr)
    assert re.search(r"\n\d+ s in all: set-up \d+ s \(\d+%\), warm-up .*, measured .*, idle or other .*\n", done.stderr)


# With the fake worker


def test_the_peak_is_measured_once_for_all_runs_with_the_same_settings(bench):
    bench.behave(peak="report_peak:123")
    assert bench.run(sizes=[10, 20]).code == 0
    bench.behave(peak="report_peak:456")
    assert bench.run().code == 0
    assert peaks(bench) == [123.0] * 3 and len(bench.journal("timing")) == 1
    assert bench.run("--tuning", "stock").code == 0
    assert peaks(bench)[3:] == [456.0] * 3 and len(bench.journal("timing")) == 2


def test_where_nothing_is_left_to_measure_nothing_is_timed_and_no_time_accounted_for(bench):
    assert "s in all: " in bench.run().said
    for path in bench.cache.iterdir():
        path.unlink()
    assert "in all" not in bench.run().said
    assert len(bench.journal("timing")) == 1


@pytest.mark.parametrize("behaviour, said", [
    ("die:9,start", "ended by SIGKILL"), ("hang", "not finished after 0.3 seconds"),
])
def test_without_a_peak_everything_is_measured_all_the_same(bench, behaviour, said):
    bench.behave(peak=behaviour)
    done = bench.run(patch="from mxbench.sweep import peak; peak._TIMEOUT_SECONDS = 0.3")
    assert done.code == 0
    assert [line for line in done.said.splitlines() if "warning" in line] == [
        f"warning: the machine's peak could not be measured ({said}): the records will not say what part of it was reached"]
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")] and peaks(bench) == [None] * 3


def test_an_interruption_while_the_peak_is_measured_ends_the_run(bench):
    bench.behave(peak="kill_parent:2")
    done = bench.run()
    assert done.code == 130 and "interrupted" in done.said and "warning" not in done.said
    assert bench.outcomes() == [] and bench.finishes()


def test_a_run_that_is_killed_while_the_peak_is_measured_leaves_nothing_behind(bench):
    bench.behave(peak="kill_parent:9")
    assert bench.run().code == -signal.SIGKILL
    assert bench.finishes()


# A measurement is a function call


HERE = {"machine": {"cpu": "Some CPU"}, "software": {"mxnet": "mxnet 1.9.1"}, "variables": {}}
GOOD = Outcome(OK, fields={"peak": {"gflops": 100.0}})


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MXBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def measured(timing=GOOD, cell=Cell("nin", 10), here=HERE, outcome=Outcome(OK, fields={"speed": 1})):
    """One measurement of a sweep of its own: its outcome, how many products were timed before, and what was said."""
    timed, said = [], []

    def run(job, timeout_seconds, on_event):
        if job.task == GEMM:
            timed.append(job)
        return timing if job.task == GEMM else outcome

    return WithPeak(run, here, said.append)(Job(cell, memory_limit=5), 9.0, None), timed, said


def test_the_peak_is_added_to_what_finished_and_timed_without_the_limit_of_memory(cache):
    made, timed, said = measured()
    assert made == Outcome(OK, fields={"speed": 1, "peak": {"gflops": 100.0, "operator": "", "size": 0, "dtype": "float32"}})
    assert [job.memory_limit for job in timed] == [0] and not said
    failed = Outcome("timeout", "so it went")
    assert measured(outcome=failed) == (failed, [], [])


@pytest.mark.parametrize("changed", [
    {"cell": Cell("nin", 10, dtype="float16")}, {"cell": Cell("nin", 10, devices=("gpu(0)",))},
    {"here": {**HERE, "variables": {"OMP_NUM_THREADS": "1"}}}, {"here": {**HERE, "machine": {"cpu": "Another"}}},
    {"here": {**HERE, "software": {"mxnet": "mxnet 1.9.0"}}},
])
def test_another_device_type_setting_or_machine_has_a_peak_of_its_own(cache, changed):
    measured()
    assert len(measured(cell=Cell("vgg16", 20, protocol="published"))[1]) == 0
    assert len(measured(**changed)[1]) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"key": 1}', "\xff", "[" * 100000])
def test_a_kept_peak_that_is_torn_is_measured_anew(cache, content):
    measured()
    path, = cache.iterdir()
    path.write_bytes(content.encode("latin-1"))
    made, timed, said = measured(Outcome(OK, fields={"peak": {"gflops": 7.0}}))
    assert made.fields["peak"]["gflops"] == json.loads(path.read_text())["peak"]["gflops"] == 7.0 and timed and not said


@pytest.mark.parametrize("gflops", ["NaN", "Infinity", "0", "-1", '"fast"', "null", "true"])
def test_a_peak_that_is_no_figure_is_neither_believed_nor_kept(cache, gflops):
    measured()
    path, = cache.iterdir()
    path.write_text(path.read_text().replace("100.0", gflops))
    made, timed, said = measured(Outcome(OK, fields={"peak": {"gflops": json.loads(gflops)}}))
    assert "peak" not in made.fields and len(timed) == len(said) == 1
    assert measured()[0].fields["peak"]["gflops"] == 100.0


@pytest.mark.parametrize("timing", [
    Outcome(ERROR, "so it went"), Outcome("out_of_memory", "so it went"), Outcome(OK, "so it went"),
    Outcome(OK, "so it went", {"peak": None}), Outcome(OK, "so it went", {"peak": {}}),
])
def test_a_peak_that_cannot_be_measured_is_a_warning(cache, timing):
    made, _, said = measured(timing)
    assert made == Outcome(OK, fields={"speed": 1}) and not cache.exists()
    assert said == ["warning: the machine's peak could not be measured (so it went): the records will not say what part of it "
                    "was reached"]


def test_what_cannot_be_done_at_all_is_left_to_the_measurement_to_say(cache):
    refused = Outcome(REFUSED, "MXNet is not installed")
    made, _, said = measured(refused, outcome=refused)
    assert made == refused and not said


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_next_measurement(cache):
    cache.write_text("a file, not a folder")
    made, _, said = measured()
    assert made.fields["peak"]["gflops"] == 100.0 and not said


# Where the time went


def test_an_interrupted_run_says_where_the_time_went(bench):
    bench.behave(nin_20="kill_parent:2")
    said = bench.run().said
    assert re.search(r"\n\d+ s in all: set-up 0 s .*, idle or other .*\ninterrupted: ", said), said


SECONDS = st.floats(0, 1e5)


def finished(set_up=0.0, warm_up=0.0, measured=0.0):
    return Record(Cell("nin", 10), OK, speed=Speed(1.0), seconds={"set_up": set_up, "warm_up": warm_up, "measured": measured})


@given(st.lists(st.builds(finished, SECONDS, SECONDS, SECONDS)), SECONDS)
def test_the_parts_of_a_sweep_make_its_whole(records, rest):
    taken = sum(sum(record.seconds.values()) for record in records)
    parts = accounts(records, taken + rest)
    assert sum(parts.values()) == pytest.approx(taken + rest)
    assert parts["idle or other"] == pytest.approx(rest, abs=1e-6 * (1 + taken))
    assert parts["measured"] == pytest.approx(sum(record.seconds["measured"] for record in records))
    assert all(part >= 0 for part in parts.values())


def test_failed_cells_are_a_part_of_their_own():
    failed = Record(Cell("nin", 10), "timeout", seconds={"total": 30.0})
    parts = accounts([finished(1, 2, 3), failed, Record(Cell("nin", 20), ERROR)], 40)
    assert list(parts.values()) == [1, 2, 3, 30, 4]


def test_processes_that_ran_at_the_same_time_share_the_time():
    stream, steps = io.StringIO(), [Step(Cell("nin", size), 0) for size in (10, 20)]
    progress = Progress(stream)
    progress.begin(2, 0)
    for step in steps:
        progress.start(step)
    for step in steps:
        progress.end(step, Record(step.cell, OK, speed=Speed(1.0)))
    progress.close()
    assert stream.getvalue().splitlines()[-1].startswith("0 s in all on each of 2 GPUs: set-up ")


def test_a_progress_line_has_the_arithmetic_if_asked():
    record = Record(Cell("nin", 10), OK, speed=Speed(20.0, verdict="stable"), peak=Peak(244.0),
                    arithmetic=Arithmetic(10**9, 2 * 10**9, 4 * 10**9, 0, 10**9))
    assert result_text(record, roofline=True) == "20.00 images/sec, 122 GFLOP/s (50% of the peak), stable"
    assert result_text(record) == "20.00 images/sec, stable"
