"""Different cells on several GPUs at the same time. The GPUs are made up here; ``make test-gpu`` has MXNet use some."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_bench import Bench, check_ctrl_c

from mxbench.cuda import Gpu
from mxbench.errors import UserError
from mxbench.measure import job as jobs
from mxbench.measure.job import Job, Share
from mxbench.measure.method import Method
from mxbench.results import machine, store
from mxbench.results.record import ERROR, OK, OUT_OF_MEMORY, Cell
from mxbench.sweep import devices
from mxbench.sweep.child import REFUSED, Outcome
from mxbench.sweep.grid import Step
from mxbench.sweep.places import Place, Places
from mxbench.sweep.schedule import Schedule
from mxbench.sweep.sweep import Plan, sweep

TWO = tuple(Place(f"GPU {number}", Share(number, (number,), 2)) for number in (0, 1))
HERE = {"machine": {}, "software": {"mxnet": ""}, "variables": {}}
THREE = tuple(Share(number, (number,), 3) for number in range(3))
GPUS = """
from mxbench.cuda import Gpu
from mxbench.measure.job import Share
from mxbench.sweep import sites
gpus = tuple(Gpu(number, "some GPU", 12206 * 2**20, (7, 5), f"0000:0{number + 1}:00.0") for number in (0, 1))
shares = tuple(Share(number, (0,), 2) for number in (0, 1))
sites.devices = lambda *_, **__: sites.Devices(("gpu(0)", "gpu(1)"), gpus, shares)
"""


def step(network, size, repeat=0):
    return Step(Cell(network, size), repeat)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def run(bench, *options, **how):
    return bench.run("--gpus", "0,1", "--parallel-cells", *options, patch=GPUS, **how)


# A whole run, with the fake worker


def test_two_cells_are_measured_at_the_same_time_and_their_records_say_so(bench):
    bench.behave(nin_10="together:2", nin_20="together:2", nin_30="slow:0.2")
    assert run(bench).code == 0
    records, _ = store.read(bench.results)
    assert sorted(record.cell.batch_size for record in records) == [10, 20, 30]
    assert {record.cell.devices for record in records} == {("gpu(0)",)}
    assert {record.machine["parallel_cells"] for record in records} == {2}
    assert {record.conditions["share"]["gpu"] for record in records[:2]} == {0, 1}
    assert "3 of 3 measurements are in the results file already" in run(bench).said
    assert set(bench.started().values()) == {1}


def test_ctrl_c_ends_every_worker_and_the_same_command_goes_on(bench):
    bench.behave(nin_20="hang", nin_30="hang")
    check_ctrl_c(bench, bench.start("--gpus", "0,1", "--parallel-cells", patch=GPUS), lambda: run(bench))


def test_a_sweep_that_is_killed_leaves_no_worker(bench):
    bench.behave(nin_10="hang", nin_20="hang")
    process = bench.start("--gpus", "0,1", "--parallel-cells", patch=GPUS)
    bench.wait_for("nin 10", "started")
    bench.wait_for("nin 20", "started")
    process.kill()
    process.communicate()
    pids = [pid for pid, _ in bench.journal("grandchild")]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)  # what a killed worker had started itself
    assert bench.left_over() == []


def test_each_cell_has_a_timeout_of_its_own(bench):
    bench.behave(nin_10="hang", nin_20="slow:0.2", nin_30="slow:0.2")
    assert run(bench, "--timeout", "2").code == 1
    assert sorted(bench.outcomes()) == [(10, "timeout"), (20, "ok"), (30, "ok")]


def test_a_gpu_that_fails_what_another_can_do_is_given_up(bench):
    bench.behave(**{f"nin_{size}": "broken_gpu:1" for size in (10, 20, 30)})
    done = run(bench)
    assert done.code == 0 and "warning: GPU 1 is given up: nin batch 20 failed on it, but not on another" in done.said
    assert sorted(bench.outcomes()) == [(10, "ok"), (20, "error"), (20, "ok"), (30, "ok")]


def test_a_cell_that_fails_on_two_gpus_is_to_blame_itself(bench):
    bench.behave(nin_20="fail")
    done = run(bench)
    assert done.code == 1 and "given up" not in done.said
    assert sorted(bench.outcomes()) == [(10, "ok"), (20, "error"), (20, "error"), (30, "ok")]


def test_what_cannot_be_measured_at_all_ends_all_workers(bench):
    bench.behave(nin_10="hang", nin_20="refuse")
    done = run(bench)
    assert done.code == 2 and "this cannot be measured at all" in done.said
    assert bench.outcomes() == []


def test_what_finishes_while_the_sweep_is_broken_off_is_kept(tmp_path):
    both = threading.Barrier(2)

    def measure(job, timeout_seconds, on_event):
        both.wait(30)
        if job.cell.network == "nin":
            return Outcome(REFUSED, "so it went")
        return Outcome(OK, fields={"speed": {"images_per_second": 1.0}})

    plan = Plan([Cell("nin", 10), Cell("vgg16", 10)], Method(), {}, surroundings=HERE)
    with pytest.raises(UserError, match="so it went"), ThreadPoolExecutor(2) as executor:
        sweep(plan, tmp_path / "results.jsonl", measure, places=Places(executor, TWO))
    assert [record.cell.network for record in store.read(tmp_path / "results.jsonl")[0]] == ["vgg16"]


def test_out_of_memory_is_inferred_across_gpus(tmp_path):
    ran = []

    def measure(job, timeout_seconds, on_event):
        ran.append(f"{job.cell.network} {job.cell.batch_size}")
        if job.cell.network == "nin":
            return Outcome(OUT_OF_MEMORY, "so it went")
        while len(store.read(tmp_path / "results.jsonl")[0]) < 3:
            time.sleep(0.01)
        return Outcome(OK, fields={"speed": {"images_per_second": 1.0}})

    cells = [Cell("nin", 10), Cell("nin", 20), Cell("nin", 30), Cell("vgg16", 10)]
    (tmp_path / "results.jsonl").touch()
    with ThreadPoolExecutor(2) as executor:
        made = sweep(Plan(cells, Method(), {}, surroundings=HERE), tmp_path / "results.jsonl", measure,
                     places=Places(executor, TWO))
    assert sorted(ran) == ["nin 10", "vgg16 10"]
    assert [(record.cell.batch_size, record.inferred) for record in made] == [(10, False), (20, True), (30, True), (10, False)]


# The schedule


def test_with_one_share_the_steps_come_in_their_order():
    steps = [step("nin", 20), step("nin", 10), step("nin", 10, 1), step("vgg16", 10)]
    schedule, begun = Schedule(steps), []
    while not schedule.is_over:
        begun.append(schedule.next())
        assert schedule.next() is None
        schedule.end(begun[-1], ERROR)
    assert [turn.step for turn in begun] == steps and {turn.place for turn in begun} == {None}


def test_a_larger_batch_waits_for_a_smaller_one_while_something_else_can_run():
    schedule = Schedule([step("nin", 10), step("nin", 20), step("nin", 10, 1), step("vgg16", 10)], THREE)
    assert [schedule.next().step for _ in THREE] == [step("nin", 10), step("vgg16", 10), step("nin", 20)]


@given(st.data(), st.integers(2, 4), st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), unique=True, max_size=9))
def test_whatever_fails_every_step_has_its_turn_and_a_share_one_at_a_time(data, count, cells):
    steps = [step(*cell) for cell in cells]
    schedule = Schedule(steps, tuple(Share(number, (number,), count) for number in range(count)))
    running, ended, given_up = [], [], set()
    while not schedule.is_over:
        turn = schedule.next()
        while turn:
            assert turn.place not in given_up and turn.place not in [one.place for one in running]
            assert turn.step not in [one.step for one in running]
            assert (turn.step, turn.place) not in ended
            running.append(turn)
            turn = schedule.next()
        turn = running.pop(data.draw(st.integers(0, len(running) - 1)))
        ended.append((turn.step, turn.place))
        lost = schedule.end(turn, data.draw(st.sampled_from([OK, ERROR, OUT_OF_MEMORY])))
        given_up |= {lost} - {None}
    assert {one for one, _ in ended} == set(steps) and not running
    assert len(given_up) < count


# Shares of the machine


def gpu(number, name="some GPU", mib=12206):
    return Gpu(number, name, mib * 2**20, (7, 5), f"0000:0{number + 1}:00.0")


def test_every_gpu_gets_whole_cores_near_to_it_and_as_many_as_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "core_cpus", lambda: [[0, 4], [1, 5], [2, 6], [3, 7]])
    monkeypatch.setattr(machine, "physical_cores", lambda: 4)
    monkeypatch.setattr(devices, "_PCI_FOLDER", tmp_path)
    for number, near in enumerate(["2-3,6-7\n", "0-1,4,5\n"]):
        (tmp_path / f"0000:0{number + 1}:00.0").mkdir()
        (tmp_path / f"0000:0{number + 1}:00.0" / "local_cpulist").write_text(near)
    assert devices.shares([gpu(0), gpu(1)]) == (Share(0, (2, 3, 6, 7), 2), Share(1, (0, 1, 4, 5), 2))
    assert [share.cpus for share in devices.shares([gpu(5), gpu(6), gpu(7)])] == [(0, 4), (1, 5), (2, 6)]


def test_a_container_s_limit_is_shared_out_as_well(monkeypatch):
    monkeypatch.setattr(machine, "core_cpus", lambda: [[cpu] for cpu in range(64)])
    monkeypatch.setattr(machine, "physical_cores", lambda: 5)
    assert [share.cpus for share in devices.shares([gpu(0), gpu(1)])] == [(0, 1), (2, 3)]


@pytest.mark.parametrize("gpus, cores, said", [
    ("", 4, "name them, such as --gpus 0,1"),
    ("0", 4, "name them, such as --gpus 0,1"),
    ("0,1,2", 2, "each of the 3 cells needs a processor core of its own, and there are 2: name fewer GPUs"),
])
def test_parallel_cells_need_several_gpus_and_a_core_for_each(monkeypatch, gpus, cores, said):
    monkeypatch.setattr(machine, "physical_cores", lambda: cores)
    with pytest.raises(UserError, match=said):
        devices.devices(gpus, parallel_cells=True)


@pytest.mark.parametrize("other, said", [
    (gpu(1, "another"), r"but GPU 0 is some GPU \(12206 MiB\) and GPU 1 is another \(12206 MiB\): run once for each kind"),
    (gpu(1, mib=24000), r"and GPU 1 is some GPU \(24000 MiB\)"),
])
def test_parallel_cells_need_gpus_of_one_kind(monkeypatch, other, said):
    monkeypatch.setattr(devices, "require", lambda wanted: ((gpu(0), other), []))
    monkeypatch.setattr(machine, "physical_cores", lambda: 2)
    with pytest.raises(UserError, match=said):
        devices.devices("0,1", parallel_cells=True)


def test_threads_that_the_environment_settles_are_told(monkeypatch):
    monkeypatch.setattr(devices, "require", lambda wanted: ((gpu(0), gpu(1)), []))
    monkeypatch.setattr(machine, "physical_cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    told = []
    found = devices.devices("0,1", True, told.append)
    assert found.cores == 2 and found.of_cell == ("gpu(0)",) and found.names == ("gpu(0)", "gpu(1)")
    assert [line for line in told if line.startswith("warning: OMP_NUM_THREADS=4 in the environment wins")]


@pytest.mark.parametrize("visible, left", [(None, "1"), ("3,5", "5"), ("GPU-a, GPU-b", "GPU-b")])
def test_a_share_is_what_its_process_sees_of_the_machine(visible, left):
    cpu = max(machine.usable_cpus())
    job = Job(Cell("nin", 10, ("gpu(0)",)), share=Share(1, (cpu,), 2))
    assert jobs.from_json(job.to_json()) == job
    script = """if True:
        import os, sys
        from mxbench import runtime
        from mxbench.measure import job as jobs
        share = jobs.from_json(sys.stdin.read()).share
        runtime.confine((share.gpu,), share.cpus)
        runtime.tune()
        print(os.environ["CUDA_VISIBLE_DEVICES"], os.environ["OMP_NUM_THREADS"], *os.sched_getaffinity(0))
        """
    hidden = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment.update({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    done = subprocess.run([sys.executable, "-c", script], input=job.to_json(), env=environment, check=True,
                          stdout=subprocess.PIPE, universal_newlines=True)
    assert done.stdout.split() == [left, "1", str(cpu)]
