"""What a results file holds decides what a sweep still measures. Here a measurement is a function call."""

import dataclasses

import pytest

from mxbench.errors import UserError
from mxbench.measure.method import Method
from mxbench.results import store
from mxbench.results.record import ERROR, OK, OUT_OF_MEMORY, TIMEOUT, Cell, Predicted
from mxbench.sweep.child import REFUSED, Outcome
from mxbench.sweep.grid import grid
from mxbench.sweep.sweep import Observer, Plan, sweep

HERE = {
    "machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 24},
    "software": {"mxnet": "mxnet 1.9.1", "features": ["OPENMP"]},
    "variables": {"OMP_NUM_THREADS": "2"},
}
SPEED = {"images_per_second": 100.0, "interval": [99.0, 101.0]}
CELLS = [Cell("nin", 10), Cell("nin", 20), Cell("vgg16", 10)]
NAMES = ["nin 10", "nin 20", "vgg16 10"]


def name(cell):
    return f"{cell.network} {cell.batch_size}"


class Laboratory:
    """Runs sweeps over one results file; ``outcomes`` says how cells end, ``ran`` which were measured, in order."""

    def __init__(self, path):
        self.path = path
        self.ran = []
        self.jobs = []

    def sweep(self, outcomes=None, observer=None, cells=CELLS, **plan):
        self.ran, self.jobs = [], []

        def run(job, timeout_seconds, on_event):
            self.ran.append(name(job.cell) + (f" #{job.seed}" if job.seed else ""))
            self.jobs.append(job)
            on_event({"event": "surroundings", **HERE})
            status = (outcomes or {}).get(self.ran[-1], OK)
            if status == OK:
                return Outcome(OK, fields={"speed": SPEED, "model": {"parameters": 7}})
            return Outcome(status, "so it went", {"seconds": {"total": timeout_seconds}} if status == TIMEOUT else None)

        plan = {"method": Method(), "data": {}, "surroundings": HERE, **plan}
        return sweep(Plan(cells=cells, **plan), self.path, run, observer or Observer())

    def records(self):
        records, problems = store.read(self.path)
        assert not problems
        return records


@pytest.fixture
def laboratory(tmp_path):
    return Laboratory(tmp_path / "results.jsonl")


def test_every_cell_is_measured_once_and_never_again(laboratory):
    made = laboratory.sweep()
    assert laboratory.ran == NAMES
    assert laboratory.records() == made
    assert laboratory.sweep() == [] and laboratory.ran == []


def test_a_record_holds_what_was_asked_for_and_what_came_out(laboratory):
    predicted = {CELLS[0]: Predicted(100.0, 120.0)}
    first, second, _ = laboratory.sweep(
        facts={"nin": {"display_name": "NIN", "parameters": 5}}, predicted=predicted, memory_limit=2**30,
    )
    assert first.cell == CELLS[0] and first.speed.images_per_second == 100.0
    assert first.model == {"display_name": "NIN", "parameters": 7}  # what was counted goes before what is known
    assert first.method == {**dataclasses.asdict(Method()), "memory_limit_mib": 1024.0}
    assert first.predicted == predicted[CELLS[0]] and second.predicted is None
    assert (first.machine, first.software, first.variables) == tuple(HERE.values())
    assert first.time.endswith("+00:00")
    assert all(job.memory_limit == 2**30 for job in laboratory.jobs)


def test_repeats_come_round_by_round_with_seeds_of_their_own(laboratory):
    laboratory.sweep(repeats=2)
    assert laboratory.ran == [*NAMES, *(f"{one} #1" for one in NAMES)]
    laboratory.sweep(repeats=3)
    assert laboratory.ran == [f"{one} #2" for one in NAMES]


def test_a_shuffled_order_is_random_in_each_round_and_the_same_for_the_same_seed():
    cells = [Cell("nin", size) for size in range(1, 21)]
    steps = grid(cells, repeats=2, shuffle=5)
    assert steps == grid(cells, repeats=2, shuffle=5) != grid(cells, repeats=2, shuffle=6)
    first, second = steps[:20], steps[20:]
    assert {step.cell for step in first} == {step.cell for step in second} == set(cells)
    assert {step.repeat for step in first} == {0} and {step.repeat for step in second} == {1}
    assert [step.cell for step in first] != [step.cell for step in second] != cells


def test_an_error_is_tried_again_and_other_ends_are_not(laboratory):
    laboratory.sweep({"nin 10": ERROR, "nin 20": TIMEOUT, "vgg16 10": OUT_OF_MEMORY})
    laboratory.sweep()
    assert laboratory.ran == ["nin 10"]
    assert [record.status for record in laboratory.records()] == [ERROR, TIMEOUT, OUT_OF_MEMORY, OK]


def test_again_measures_anew_and_the_newer_record_counts(laboratory):
    laboratory.sweep()
    laboratory.sweep({"nin 10": ERROR}, again=True)
    assert laboratory.ran == NAMES
    laboratory.sweep()
    assert laboratory.ran == ["nin 10"]


def test_out_of_memory_is_inferred_at_larger_batch_sizes_of_the_same_network(laboratory):
    cells = [Cell("nin", size) for size in (10, 20, 30)] + [Cell("vgg16", 40), Cell("nin", 40, protocol="published")]
    made = laboratory.sweep({"nin 20": OUT_OF_MEMORY}, cells=cells)
    assert laboratory.ran == ["nin 10", "nin 20", "vgg16 40", "nin 40"]
    assert [record.status for record in made] == [OK, OUT_OF_MEMORY, OUT_OF_MEMORY, OK, OK]
    assert [record.inferred for record in made] == [False, False, True, False, False]
    assert made[2].message == "not run: out of memory at batch size 20 already"
    assert made[2].machine == HERE["machine"]
    assert laboratory.sweep(cells=cells) == []


def test_out_of_memory_is_inferred_from_an_earlier_run_and_under_another_method(laboratory):
    laboratory.sweep({"nin 10": OUT_OF_MEMORY}, cells=CELLS[:1])
    made = laboratory.sweep(method=Method(max_seconds=5.0))
    assert laboratory.ran == ["vgg16 10"]
    assert [(name(record.cell), record.inferred) for record in made] == [("nin 20", True), ("vgg16 10", False)]


def test_out_of_memory_that_was_measured_away_is_not_inferred_from(laboratory):
    laboratory.sweep({"nin 10": OUT_OF_MEMORY}, cells=CELLS[:1])
    laboratory.sweep(cells=CELLS[:1], again=True)
    laboratory.sweep(cells=CELLS[:2])
    assert laboratory.ran == ["nin 20"]


def test_what_ran_out_of_memory_under_a_limit_is_measured_without_it(laboratory):
    laboratory.sweep({"nin 10": OUT_OF_MEMORY}, cells=CELLS[:2], memory_limit=2**30)
    assert laboratory.ran == ["nin 10"]
    assert laboratory.sweep(cells=CELLS[:2], memory_limit=2**30) == []
    laboratory.sweep(cells=CELLS[:2])
    assert laboratory.ran == ["nin 10", "nin 20"]


@pytest.mark.parametrize("seconds, ran", [(5.0, []), (10.0, []), (20.0, ["nin 10"])])
def test_what_timed_out_is_measured_again_when_it_is_given_more_time(laboratory, seconds, ran):
    laboratory.sweep({"nin 10": TIMEOUT}, cells=CELLS[:1], timeout_seconds=10.0)
    laboratory.sweep(cells=CELLS[:1], timeout_seconds=seconds)
    assert laboratory.ran == ran


@pytest.mark.parametrize("change", [
    {"method": Method(max_seconds=5.0)},
    {"surroundings": {**HERE, "machine": {**HERE["machine"], "cores": 4}}},
    {"surroundings": {**HERE, "software": {"mxnet": "mxnet-cu112 1.9.1"}}},
    {"surroundings": {**HERE, "variables": {}}},
    {"cells": [dataclasses.replace(CELLS[0], dtype="float16"), *CELLS[1:]]},
])
def test_what_was_measured_in_another_way_does_not_count(laboratory, change):
    laboratory.sweep()
    laboratory.sweep(**change)
    assert laboratory.ran == (NAMES if "cells" not in change else ["nin 10"])


def test_another_python_or_numpy_does_count(laboratory):
    laboratory.sweep()
    laboratory.sweep(surroundings={**HERE, "software": {"mxnet": "mxnet 1.9.1", "numpy": "1.26.4"}})
    assert laboratory.ran == []


@pytest.mark.parametrize("fields", [{}, {"speed": {"images_per_second": "fast"}}, {"speed": SPEED, "model": 5},
                                    {"speed": {"images_per_second": float("nan")}}])
def test_a_report_that_is_no_measurement_is_an_error(tmp_path, fields):
    plan = Plan(cells=CELLS[:1], method=Method(), data={}, surroundings=HERE)
    [record] = sweep(plan, tmp_path / "results.jsonl", lambda *_: Outcome(OK, fields=fields))
    assert record.status == ERROR and record.message.startswith("reported what is no measurement: ")
    assert store.read(tmp_path / "results.jsonl") == ([record], [])


def test_what_cannot_be_done_at_all_ends_the_sweep_and_keeps_what_is_finished(laboratory):
    with pytest.raises(UserError, match="so it went"):
        laboratory.sweep({"nin 20": REFUSED})
    assert [name(record.cell) for record in laboratory.records()] == ["nin 10"]


def test_an_observer_hears_everything_in_order_and_a_record_only_when_it_is_on_the_disk(laboratory):
    heard = []

    class Witness(Observer):
        def skip(self, problem):
            heard.append(f"skip {problem.line_number}")

        def begin(self, steps, done):
            heard.append(f"begin {steps} {done}")

        def start(self, step):
            heard.append(f"start {name(step.cell)}")

        def event(self, step, event):
            heard.append(event["event"])

        def end(self, step, record):
            assert store.read(laboratory.path)[0][-1] == record
            heard.append(f"end {record.status}")

        def close(self):
            heard.append("close")

    laboratory.sweep(cells=CELLS[:1])
    with open(laboratory.path, "a", encoding="utf-8") as file:
        file.write("foreign\n")
    with pytest.raises(UserError):
        laboratory.sweep({"nin 20": ERROR, "vgg16 10": REFUSED}, observer=Witness())
    assert heard == ["skip 2", "begin 3 1", "start nin 20", "surroundings", "end error", "start vgg16 10",
                     "surroundings", "close"]
