"""Where steps run: any executor, and places that come and go. Here a measurement is a function call."""

from concurrent.futures import Future, ProcessPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxbench.measure.method import Method
from mxbench.results import store
from mxbench.results.record import ERROR, OK, OUT_OF_MEMORY, Cell
from mxbench.sweep.child import Outcome
from mxbench.sweep.grid import Step
from mxbench.sweep.places import Deserted, Lost, Place, Places
from mxbench.sweep.schedule import MOST_LOSSES, Schedule
from mxbench.sweep.sweep import Observer, Plan, sweep

HERE = {"machine": {"cpu": "here"}, "software": {"mxnet": "1.9.1"}, "variables": {}}
FINISHED = Outcome(OK, fields={"speed": {"images_per_second": 1.0}})
CELLS = [Cell("nin", 10), Cell("nin", 20), Cell("vgg16", 10), Cell("vgg16", 20)]


def kind(name):
    return {**HERE, "machine": {"cpu": name}}


def finish(job, timeout_seconds, on_event):
    """A measurement that can be pickled."""
    on_event({"event": "window", "phase": "measuring", "images_per_second": 1.0})
    return FINISHED


class Village(Places):
    """Places whose measurements end as ``ends(place, cell)`` says, None for a place that is lost with it. ``lives`` is how
    many of the lost are replaced by a new one of their kind."""

    def __init__(self, names, ends, lives=0):
        super().__init__(places=[Place(name, surroundings=kind(name.rstrip("'")), conditions={"at": name}) for name in names])
        self._ends, self._lives = ends, lives
        self._begun = {}
        self.ran = []

    def submit(self, place, run, job, timeout_seconds, on_event):
        self._begun[Future()] = (place, job.cell)
        self.ran.append((place.name, job.cell))
        return list(self._begun)[-1]

    def wait(self, futures):
        if not futures:
            raise Deserted("nobody is left")
        place, cell = self._begun[futures[0]]
        end = self._ends(place, cell)
        if end is not None:
            futures[0].set_result(FINISHED if end == OK else Outcome(end, "so it went"))
            return
        futures[0].set_exception(Lost("it fell"))
        self._places.remove(place)
        if self._lives:
            self._lives -= 1
            self._places.append(place._replace(name=place.name + "'"))

    def outcome(self, future):
        del self._begun[future]
        return future.result()

    def break_off(self):
        for future in self._begun:
            future.cancel()


def test_any_executor_will_do_even_one_of_other_processes(tmp_path):
    heard = []
    observer = Observer()
    observer.event = lambda step, event: heard.append(event)
    plan = Plan(CELLS, Method(), {}, surroundings=HERE)
    with ProcessPoolExecutor(2) as executor:
        made = sweep(plan, tmp_path / "results.jsonl", finish, observer, Places(executor, [Place("a"), Place("b")]))
    assert sorted(record.cell.batch_size for record in made) == [10, 10, 20, 20] and not heard
    assert store.read(tmp_path / "results.jsonl")[0] == made


def test_a_step_that_is_lost_with_its_place_is_measured_again_and_there_is_one_record(tmp_path):
    lost = []
    observer = Observer()
    observer.lose = lambda step, place: lost.append((place.name, step.cell))
    village = Village(["a", "b"], lambda place, cell: None if place.name == "a" else OK)
    made = sweep(Plan(CELLS, Method(), {}), tmp_path / "results.jsonl", finish, observer, village)
    assert lost == [("a", CELLS[0])]
    assert sorted(map(str, (record.cell for record in made))) == sorted(map(str, CELLS))
    assert {record.machine["cpu"] for record in made} == {"b"} and made[0].conditions == {"at": "b"}


def test_a_step_that_loses_its_place_again_and_again_is_an_error(tmp_path):
    village = Village(["a"], lambda place, cell: None if cell == CELLS[1] else OK, lives=MOST_LOSSES)
    made = sweep(Plan(CELLS, Method(), {}), tmp_path / "results.jsonl", finish, places=village)
    assert sorted(str(record.cell) for record in made if record.status == OK) == sorted(map(str, CELLS[:1] + CELLS[2:]))
    [failed] = [record for record in made if record.status == ERROR]
    assert failed.message == f"lost {MOST_LOSSES} times with the place that it was measured at: it fell"
    assert [cell for _, cell in village.ran].count(CELLS[1]) == MOST_LOSSES


def test_when_no_place_is_left_what_is_finished_is_kept(tmp_path):
    village = Village(["a"], lambda place, cell: None if cell == CELLS[1] else OK)
    with pytest.raises(Deserted):
        sweep(Plan(CELLS, Method(), {}), tmp_path / "results.jsonl", finish, places=village)
    assert [record.cell for record in store.read(tmp_path / "results.jsonl")[0]] == CELLS[:1]


def test_out_of_memory_on_one_kind_of_machine_says_nothing_of_another(tmp_path):
    cells = [Cell("nin", 10), Cell("nin", 20), Cell("nin", 30)]
    village = Village(["small", "large"], lambda place, cell: OUT_OF_MEMORY if place.name == "small" else OK)
    made = sweep(Plan(cells, Method(), {}), tmp_path / "results.jsonl", finish, places=village)
    assert {(record.cell.batch_size, record.machine["cpu"], record.status, record.inferred) for record in made} == {
        (10, "small", OUT_OF_MEMORY, False), (20, "large", OK, False), (30, "small", OUT_OF_MEMORY, True),
    }


def test_what_was_made_on_any_of_the_machines_of_today_is_done(tmp_path):
    path = tmp_path / "results.jsonl"
    sweep(Plan(CELLS[:2], Method(), {}), path, finish, places=Village(["a"], lambda place, cell: OK))
    sweep(Plan(CELLS[2:], Method(), {}), path, finish, places=Village(["b"], lambda place, cell: OK))
    again = Village(["b", "a"], lambda place, cell: OK)
    assert sweep(Plan(CELLS, Method(), {}), path, finish, places=again) == []
    other = Village(["a"], lambda place, cell: OK)
    assert [record.cell for record in sweep(Plan(CELLS, Method(), {}), path, finish, places=other)] == CELLS[2:]


@given(st.data(), st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), unique=True, max_size=8))
def test_whatever_comes_and_goes_every_step_ends_and_a_place_has_one_at_a_time(data, cells):
    steps = [Step(Cell(*cell), 0) for cell in cells]
    schedule, there, running, ended, losses = Schedule(steps, ["p0"]), ["p0"], [], [], 0
    while not schedule.is_over:
        if len(there) < 3 and (not there or data.draw(st.booleans())):
            there.append(f"p{len(ended) + losses + 10 * len(running) + 100 * len(there)}")
        schedule.settle(there)
        turn = schedule.next()
        while turn:
            assert turn.place in there and turn.place not in [one.place for one in running]
            assert turn.step not in [one.step for one in running]
            running.append(turn)
            turn = schedule.next()
        if not running:
            assert not there or not schedule.is_over
            there = [place for place in there if place not in there[:1]] or ["fresh"]
            continue
        turn = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if turn.place not in there or data.draw(st.integers(0, 3)) == 0:
            there = [place for place in there if place != turn.place]
            schedule.settle(there)
            losses += 1
            if schedule.lose(turn):
                continue
            status = ERROR
        else:
            status = data.draw(st.sampled_from([OK, ERROR, OUT_OF_MEMORY]))
        schedule.end(turn, status)
        ended.append(turn.step)
    assert set(ended) == set(steps) and not running
    assert all(ended.count(step) <= 2 for step in steps)
