"""Sweeps on a cluster: a real Dask scheduler and real Dask workers, most often with the fake worker instead of training."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from dask_bench import DaskBench, Scheduler
from extras import need
from sweep_bench import Bench, check_ctrl_c

from mxbench.cli import main
from mxbench.results import store
from mxbench.sweep.lock import exclusive

EIGHT = tuple(range(1, 9))
TINY = f"{Path(__file__).parent / 'data' / 'small_networks.py'}:tiny"

# Waits until so many workers are there: the scheduler knows them one after the other.
COUNT = """from mxbench.sweep import cluster
present = cluster.Cluster._present
cluster.Cluster._present = lambda self: found if len(found := present(self)) >= {} else {{}}"""
ONE_WORKER, TWO_WORKERS = COUNT.format(1), COUNT.format(2)


@pytest.fixture(scope="module")
def dask():
    return need("distributed", "dask")


@pytest.fixture(scope="module")
def scheduler(dask, tmp_path_factory):
    started = Scheduler(tmp_path_factory.mktemp("scheduler"))
    yield started
    started.close()


@pytest.fixture
def bench(tmp_path, scheduler):
    made = DaskBench(tmp_path, scheduler)
    yield made
    made.close()


def records(bench):
    found, problems = store.read(bench.results)
    assert not problems
    return found


def test_of_eight_cells_over_two_workers_with_one_killed_none_is_lost_and_none_is_there_twice(bench):
    bench.behave(nin_3="hang", nin_4="slow:1")
    for name in ("a", "b"):
        bench.add_worker(name)
    process = bench.start(sizes=EIGHT)
    bench.wait_for("nin 3", "grandchild")
    killed = bench.worker_of("nin 3")
    bench.behave()
    bench.kill_worker(killed)
    done = bench.end(process)
    assert done.code == 0, done.said
    assert f"/{killed} is lost" in done.said and "nin batch 3 was lost with" in done.said
    assert sorted(bench.outcomes()) == [(size, "ok") for size in EIGHT]
    assert bench.started() == Counter({f"nin {size}": 1 for size in EIGHT}) + Counter(["nin 3"])
    made = records(bench)
    [left] = bench.workers
    assert next(one for one in made if one.cell.batch_size == 3).conditions["worker"]["name"].endswith(f"/{left}")
    assert all(one.machine["cores"] and one.software["mxnet"] and one.peak.gflops == 100 for one in made)
    assert bench.run(sizes=EIGHT).said.startswith("8 of 8 measurements are in the results file already")


def test_ctrl_c_ends_the_cells_on_the_workers_and_the_same_command_goes_on(bench):
    bench.behave(nin_20="hang", nin_30="hang")
    for name in ("a", "b"):
        bench.add_worker(name)
    check_ctrl_c(bench, bench.start(), bench.run)
    assert sorted(bench.outcomes()) == [(10, "ok"), (20, "ok"), (30, "ok")]


@pytest.mark.slow
def test_a_sweep_that_is_killed_leaves_nothing_running_on_the_workers(bench):
    bench.behave(nin_10="hang")
    bench.add_worker("a")
    process = bench.start()
    bench.wait_for("nin 10", "grandchild")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert bench.left_over() == []


@pytest.mark.slow
def test_when_the_last_worker_is_gone_a_new_one_goes_on(bench):
    bench.behave(nin_20="hang")
    bench.add_worker("a")
    process = bench.start()
    bench.wait_for("nin 20", "grandchild")
    bench.behave()
    bench.kill_worker("a")
    bench.add_worker("b")
    done = bench.end(process)
    assert done.code == 0, done.said
    assert "no Dask worker is left: waiting 10 minutes for a new one" in done.said and "/b has come" in done.said
    assert bench.outcomes() == [(10, "ok"), (20, "ok"), (30, "ok")]


@pytest.mark.slow
def test_when_no_worker_comes_back_what_is_finished_is_kept(bench):
    bench.behave(nin_20="hang")
    bench.add_worker("a")
    process = bench.start(patch="from mxbench.sweep import cluster; cluster.RETURN_SECONDS = 1")
    bench.wait_for("nin 20", "grandchild")
    bench.kill_worker("a")
    done = bench.end(process)
    assert done.code == 1 and "and none has come in" in done.said and "the same command goes on from there" in done.said
    assert bench.outcomes() == [(10, "ok")]


@pytest.mark.slow
def test_when_the_scheduler_is_gone_what_is_finished_is_kept_and_the_cells_end(dask, tmp_path, tmp_path_factory):
    scheduler = Scheduler(tmp_path_factory.mktemp("another"))
    bench = DaskBench(tmp_path, scheduler)
    bench.behave(nin_20="hang")
    bench.add_worker("a")
    process = bench.start(patch="from mxbench.sweep import cluster; cluster.RETURN_SECONDS = 1")
    bench.wait_for("nin 20", "grandchild")
    scheduler.close()
    done = bench.end(process)
    assert done.code == 1 and "no Dask worker is left at" in done.said, done.said
    assert bench.outcomes() == [(10, "ok")]
    bench.close()


@pytest.mark.slow
def test_a_cell_waits_for_another_mxbench_on_the_worker_s_machine(bench):
    bench.add_worker("a")
    with exclusive(["cpu(0)"], folder=bench.folder / "tmp-a" / "mxbench-locks"):
        done = bench.run("--no-wait")
        assert done.code == 2 and "is measuring on cpu" in done.said and not bench.journal("started")
        process = bench.start()
        line = process.stderr.readline().decode()
        assert "/a: another mxbench, process " in line and "waiting for it to end" in line
    assert bench.end(process).code == 0


@pytest.mark.slow
def test_a_cell_that_kills_its_worker_again_and_again_is_an_error_and_the_sweep_goes_on(bench):
    bench.behave(nin_20="kill_dask_worker")
    bench.add_worker("a", "--nanny")
    done = bench.end(bench.start(), seconds=100)
    assert done.code == 1, done.said
    assert sorted(bench.outcomes()) == [(10, "ok"), (20, "error"), (30, "ok")]
    [failed] = [one for one in records(bench) if one.status == "error"]
    assert failed.message.startswith("lost 3 times with the place that it was measured at")


@pytest.mark.slow
def test_what_dask_s_nanny_sets_does_not_reach_the_measurement(bench):
    bench.add_worker("a", "--nanny", MXNET_SOMETHING="5")
    assert bench.run().code == 0
    variables = records(bench)[0].variables
    assert "MALLOC_TRIM_THRESHOLD_" not in variables and variables["MXNET_SOMETHING"] == "5"


@pytest.mark.slow
def test_workers_that_differ_are_told_and_their_figures_are_kept_apart(bench, capsys):
    bench.behave(nin_1="together:2", nin_2="together:2")
    bench.add_worker("a", OMP_NUM_THREADS="1")
    bench.add_worker("b", OMP_NUM_THREADS="3")
    done = bench.run(sizes=(1, 2), patch=TWO_WORKERS)
    assert done.code == 0 and "warning: the Dask workers are of 2 kinds" in done.said
    assert {one.variables["OMP_NUM_THREADS"] for one in records(bench)} == {"1", "3"}
    assert len({one.conditions["worker"]["name"] for one in records(bench)}) == 2
    assert main(["report", str(bench.results)]) == 0
    tables = capsys.readouterr().out
    assert tables.count("OMP_NUM_THREADS=1") == tables.count("OMP_NUM_THREADS=3") == 1


@pytest.mark.slow
def test_cells_that_train_on_two_workers_give_the_records_of_real_measurements(bench):
    for name in ("a", "b"):
        bench.add_worker(name, preload=False)
    networks = ("--networks", TINY, "--max-seconds", "1", "--image-shape", "3,32,32")
    done = bench.end(bench.start(*networks, sizes=(2, 4), patch=TWO_WORKERS), seconds=150)
    assert done.code == 0, done.said
    made = records(bench)
    assert [one.status for one in made] == ["ok", "ok"]
    assert all(one.software["features"] and one.model["parameters"] and one.peak.gflops > 0 for one in made)
    assert len({one.conditions["worker"]["name"] for one in made}) == 2


# What is refused before anything runs


@pytest.mark.slow
@pytest.mark.parametrize("options, patch, said", [
    (("--gpus", "0"), "cluster.ARRIVAL_SECONDS = 0", "none of its 1 workers offers a GPU: start one for each device"),
    ((), "cluster.__version__ = '9.9'", "and this is mxbench 9.9: install the same everywhere"),
    ((), "cluster.__version__ = '9.9'; cluster.Cluster._check_scheduler = print", "mxbench: error: Dask worker tcp://127.0.0.1:"),
    ((), "order.files_of = lambda _: {'/missing.py': ''}", "/missing.py cannot be read there (No such file or directory)"),
    ((), f"order.files_of = lambda _: {{{__file__!r}: ''}}", "test_sweep_dask.py is another file there: copy it anew"),
    (("--data-train", "some.rec", "--data", "recordio"),
     "data.prepare = lambda *_, **__: data.DataSpec('recordio', '/no.rec', 9)", "there is no file /no.rec"),
])
def test_a_worker_that_cannot_measure_what_is_asked_for_is_refused(bench, options, patch, said):
    bench.add_worker("a")
    patch = f"{ONE_WORKER}\nfrom mxbench import data\nfrom mxbench.sweep import order\n{patch}"
    done = bench.run(*options, patch=patch)
    assert done.code == 2 and said in done.said and len(done.said.splitlines()) == 1, done.said
    assert not bench.results.exists() and not bench.journal("started")


@pytest.mark.slow
def test_no_worker_at_all_is_told(bench):
    done = bench.run(patch="from mxbench.sweep import cluster; cluster.ARRIVAL_SECONDS = 0")
    assert done.code == 2 and "it has no worker that offers a CPU: start one for each device" in done.said
    assert not bench.results.exists()


@pytest.mark.parametrize("address, said", [
    ("tcp://127.0.0.1:9", "no Dask scheduler answers there within 1 seconds: start one with dask scheduler"),
    ("nonsense://x:1", "is no address: give that which dask scheduler prints, such as tcp://10.0.0.1:8786"),
    ("10.0.0.1", "is no address"),
])
def test_no_scheduler_is_told(dask, tmp_path, address, said):
    bench = Bench(tmp_path)
    done = bench.run("--dask", address, patch="from mxbench.sweep import cluster; cluster.CONNECT_SECONDS = 1")
    assert done.code == 2 and f"--dask {address}" in done.said and said in done.said
    assert len(done.said.splitlines()) == 1 and not bench.results.exists()


def test_without_dask_the_error_says_what_to_install(tmp_path):
    done = Bench(tmp_path).run("--dask", "tcp://127.0.0.1:9", patch="sys.modules['distributed'] = None")
    assert done.code == 2 and "Dask is not installed: run pip install 'mxbench[dask]'" in done.said


def test_parallel_cells_are_refused(capsys, tmp_path):
    options = ["--dask", "tcp://127.0.0.1:9", "--gpus", "0,1", "--parallel-cells", "--output", str(tmp_path / "results.jsonl")]
    assert main(["run", *options]) == 2
    assert "a Dask worker measures one cell at a time" in capsys.readouterr().err
