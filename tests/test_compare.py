"""Two results files side by side: what became of each cell, what may not be compared, what all cells say together."""

import csv
import dataclasses
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxbench.errors import UserError
from mxbench.report.comparison import render
from mxbench.results import published, store
from mxbench.results.overall import geometric_mean, rankings
from mxbench.results.record import (ERROR, OK, OUT_OF_MEMORY, SKIPPED, STATUSES, TIMEOUT, Cell, Memory, Record, Speed,
                                    to_line)
from mxbench.results.runs import match, match_published

ROOT = Path(__file__).resolve().parents[1]
QUICK = ROOT / "results" / "cpu-2-cores-quick.jsonl"
MACHINE = {"cpu": "Some CPU", "cores": 2, "memory_gib": 24}


def record(network="nin", batch_size=10, speed=100.0, memory=500.0, status=OK, spread=0.005, **fields):
    """A measured record; fields of the cell may be given by their names."""
    names = {field.name for field in dataclasses.fields(Cell)}
    cell = Cell(network, batch_size, **{name: fields.pop(name) for name in list(fields) if name in names})
    interval = None if spread is None else (speed * (1 - spread), speed * (1 + spread))
    return Record(cell, status, speed=Speed(speed, interval) if status == OK else None,
                  memory=Memory(memory) if status == OK and memory else None,
                  **{"machine": MACHINE, "software": {"mxnet": "mxnet 1.9.1"}, "variables": {"OMP_NUM_THREADS": "2"},
                     **fields})


def pair(first, second, **options):
    """The one pair of two runs with a record each."""
    [found] = match([first], [second], **options)
    [one] = found.pairs
    return one


# One cell


@pytest.mark.parametrize("first, second, speed, memory", [
    ({}, {"time": "later"}, "same", "same"),
    ({}, {"speed": 110.0, "memory": 450.0}, "faster", "less"),
    ({}, {"speed": 90.0, "memory": 550.0}, "slower", "more"),
    ({}, {"speed": 103.0, "spread": 0.05}, "ambiguous", "same"),
    ({}, {"speed": 200.0, "spread": None}, "ambiguous", "same"),
])
def test_two_figures_have_a_verdict_on_speed_and_on_memory(first, second, speed, memory):
    one = pair(record(**first), record(**second))
    assert (one.verdict, one.memory.verdict, one.lost) == (speed, memory, False)
    assert one.speed.ratio == pytest.approx(second.get("speed", 100.0) / 100.0)


def test_memory_that_differs_between_processes_is_not_called_the_same():
    several = [record(memory=memory, repeat=number) for number, memory in enumerate([400.0, 500.0, 600.0])]
    [found] = match([record()], several)
    assert found.pairs[0].memory.verdict == "ambiguous"
    assert found.pairs[0].memory.interval == pytest.approx((0.8, 1.2))


@pytest.mark.parametrize("memory", [None, 0.0])
def test_unknown_memory_has_no_ratio(memory):
    assert pair(record(memory=memory), record()).memory is None


@pytest.mark.parametrize("before, after, verdict", [
    (OK, OUT_OF_MEMORY, "now out of memory"), (OK, TIMEOUT, "now timed out"), (OK, ERROR, "now failed"),
    (OK, SKIPPED, "now not run"), (OUT_OF_MEMORY, OK, "no longer out of memory"), (ERROR, OK, "no longer failed"),
    (TIMEOUT, TIMEOUT, "timed out in both"), (TIMEOUT, ERROR, "timed out, now failed"),
])
def test_a_cell_without_a_figure_has_a_verdict_too(before, after, verdict):
    one = pair(record(status=before), record(status=after))
    assert (one.verdict, one.speed, one.memory, one.lost) == (verdict, None, None, before == OK)


@pytest.mark.parametrize("spread", [0.5, None])
def test_a_measurement_is_the_same_as_itself_however_noisy(spread):
    assert pair(record(spread=spread), record(spread=spread)).verdict == "same"
    assert pair(record(spread=spread), record(spread=spread, time="later")).verdict == "ambiguous"


@pytest.mark.parametrize("sha, redefined", [("b", True), ("a", False), (None, False)])
def test_another_definition_of_the_network_is_told(sha, redefined):
    second = record(model={"symbol_sha256": sha} if sha else {}, time="later")
    matches = match([record(model={"symbol_sha256": "a"})], [second])
    assert matches[0].pairs[0].redefined is redefined
    assert ("- the network's definition differs: nin 10" in render("markdown", matches, ("a", "b"))) is redefined


# Which cells


@pytest.mark.parametrize("change, names", [
    ({"protocol": "published", "num_classes": 10}, "protocol,num_classes"), ({"data": "synthetic"}, "data"),
    ({"dtype": "float16"}, "dtype"), ({"optimizer": "adam"}, "optimizer"), ({"lr": None}, "lr"),
    ({"tuning": "stock", "variables": {}}, "tuning,variables"), ({"software": {"mxnet": "mxnet-cu112 1.9.1"}}, "mxnet"),
    ({"machine": {**MACHINE, "cpu": "Another"}}, "machine"), ({"image_shape": (3, 299, 299)}, "image_shape"),
    ({"variables": {"OMP_NUM_THREADS": "1", "MXNET_X": "1"}}, "variables"),
])
def test_unlike_runs_are_refused_with_the_fields_that_differ_unless_they_are_meant_to(change, names):
    with pytest.raises(UserError, match=f"unlike.*--across {names}$"):
        match([record()], [record(**change)])
    assert pair(record(), record(**change), across=names.split(",")).verdict == "same"


def test_one_field_of_the_machine_can_be_meant_to_differ():
    other = record(machine={**MACHINE, "memory_gib": 32})
    assert dict(match([record()], [other], ["memory_gib"])[0].across) == {"machine": ("memory_gib 24", "memory_gib 32")}
    with pytest.raises(UserError, match=r"machine \(cores 2, memory_gib 24 against cores 4, memory_gib 32\)"):
        match([record()], [record(machine={**MACHINE, "memory_gib": 32, "cores": 4})])


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="did you mean machine"):
        match([record()], [record()], ["machin"])


def test_runs_under_several_conditions_are_matched_condition_by_condition():
    first, second = ([record(speed=speed), record(speed=2 * speed, data="synthetic")] for speed in (100.0, 110.0))
    assert [[one.speed.ratio for one in found.pairs] for found in match(first, second)] == [[pytest.approx(1.1)]] * 2
    some, rest = match(first[:1], second)
    assert len(some.pairs) == 1 and not rest.pairs and [one.cell.data for one in rest.only_second] == ["synthetic"]
    with pytest.raises(UserError, match="several runs that differ in data"):
        match(first, second, ["data"])


def test_cells_of_one_side_are_listed_and_runs_without_a_common_cell_refused():
    first, second = [record(), record("vgg16", 10), record("vgg16", 20)], [record("caffenet"), record(time="later")]
    text = render("markdown", match(first, second), ("a", "b"))
    assert "- only in A: vgg16 10, 20\n" in text and "- only in B: caffenet 10\n" in text
    with pytest.raises(UserError, match="no cell in common"):
        match(first[1:], second)


# All cells together

ratios = st.lists(st.floats(0.1, 10.0), min_size=1, max_size=12)


@given(ratios)
@settings(max_examples=30, deadline=None)
def test_the_geometric_mean_lies_in_its_interval_and_turns_round_with_the_ratios(values):
    runs = [[record(f"net{number}", speed=speed) for number, speed in enumerate(speeds)]
            for speeds in ([100.0] * len(values), [100.0 * value for value in values])]
    there, back = (geometric_mean(match(*order)[0].pairs, lambda one: one.speed.ratio) for order in (runs, runs[::-1]))
    assert there.networks == len(values)
    assert there.ratio == pytest.approx(math.exp(sum(map(math.log, values)) / len(values)))
    assert there.ratio * back.ratio == pytest.approx(1)
    assert (there.interval is None) == (len(values) < 6)
    if there.interval:
        assert min(values) * 0.999 <= there.interval[0] <= there.ratio * 1.001
        assert there.ratio * 0.999 <= there.interval[1] <= max(values) * 1.001


def test_a_network_counts_once_however_many_batch_sizes_it_has():
    first = [record(), *(record("vgg16", size) for size in (10, 20, 30))]
    second = [record(speed=400.0), *(record("vgg16", size) for size in (10, 20, 30))]
    assert geometric_mean(match(first, second)[0].pairs, lambda one: one.speed.ratio).ratio == pytest.approx(2.0)
    assert geometric_mean((), lambda one: 1.0) is None


def ranked(first, second):
    """The ranking of two runs by their speeds."""
    runs = [[record(f"net{number}", speed=speed) for number, speed in enumerate(speeds)] for speeds in (first, second)]
    return rankings(match(*runs)[0].pairs)


def test_the_order_of_networks_and_what_changed_places():
    [found] = ranked([40.0, 30.0, 20.0, 10.0], [4.0, 2.0, 3.0, 1.0])
    assert found.spearman == pytest.approx(1 - 6 * 2 / (4 * 15)) and found.kendall == pytest.approx(4 / 6)
    assert found.moved == [("net1", 2, 3), ("net2", 3, 2)]
    [same] = ranked([1.0, 2.0, 3.0], [5.0, 7.0, 9.0])
    assert (same.spearman, same.kendall, same.moved) == (pytest.approx(1), pytest.approx(1), [])
    [none] = ranked([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert none.spearman is none.kendall is None
    assert ranked([1.0, 2.0], [1.0, 2.0]) == []


# The published table


def test_the_published_table_comes_with_the_package_and_is_the_one_of_the_repository():
    assert [to_line(one) for one in published.records()] == [
        to_line(one) for one in store.read(ROOT / "results" / "published-titan-x.jsonl")[0]]


def test_a_run_beside_the_published_table():
    table = published.records()
    [found] = match_published(table, [record("vgg16", speed=28.19), record("resnext-101-64x4d", 30)][:1])
    assert [one.speed.ratio for one in found.pairs] == [pytest.approx(0.5)] and len(found.only_first) == 63
    [itself] = match_published(table, table)
    assert {one.verdict for one in itself.pairs} == {"same", "out of memory in both"}
    assert [(one.batch_size, one.spearman, one.moved) for one in rankings(itself.pairs)] == [
        (size, pytest.approx(1), []) for size in (10, 20, 30, 40)]
    with pytest.raises(UserError, match="no cell of the run is in the published table"):
        match_published(table, [record("own")])
    with pytest.raises(UserError, match="image_shape"):
        match_published(table, [record("vgg16", image_shape=(3, 32, 32))])


# What is printed

RUNS = (
    [record("nin"), record("vgg16", 20), record("vgg16", 40, status=OUT_OF_MEMORY), record("own", 10, spread=None)],
    [record("nin", speed=80.0, memory=600.0), record("vgg16", 20, status=OUT_OF_MEMORY), record("vgg16", 40),
     record("own", 10, spread=None, time="later")],
)


def test_markdown_has_a_row_for_each_cell_and_aligned_columns():
    text = render("markdown", match(*RUNS), ("a.jsonl", "b.jsonl"))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]] == [
        ["nin", "10", "100.00", "80.00", "0.800", "0.784 to 0.816", "slower", "500", "600", "1.200", "more"],
        ["vgg16", "20", "100.00", "out of memory", "", "", "now out of memory", "500", "out of memory", "", ""],
        ["vgg16", "40", "out of memory", "100.00", "", "", "no longer out of memory", "out of memory", "500", "", ""],
        ["own", "10", "100.00", "100.00", "1.000", "", "ambiguous", "500", "500", "1.000", "same"],
    ]
    assert "Memory: 1 more, 1 same." in text and "Geometric mean of speed B/A: 0.894 over 2 networks." in text


def test_what_is_meant_to_differ_stands_in_the_heading():
    matches = match([record()], [record(tuning="stock", variables={})], ["tuning", "variables"])
    text = render("markdown", matches, ("a", "b"))
    assert "- differs: tuning (tuned against stock)\n- differs: OMP_NUM_THREADS (2 against none)\n" in text


def test_csv_and_json_say_the_same():
    matches = match(*RUNS)
    rows = list(csv.DictReader(io.StringIO(render("csv", matches, ("a", "b")))))
    content = json.loads(render("json", matches, ("a", "b")))
    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in content["cells"]]
    assert texts == rows
    assert [row["verdict"] for row in rows] == ["slower", "now out of memory", "no longer out of memory", "ambiguous"]
    assert content["cells"][3]["speed_ratio_high"] is None
    assert content["groups"][0]["geometric_mean"]["speed"]["networks"] == 2


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.sampled_from(STATUSES)), min_size=1, max_size=5),
       st.booleans(), st.sampled_from(["markdown", "csv", "json"]))
@settings(max_examples=60, deadline=None)
def test_every_mixture_of_outcomes_can_be_shown(statuses, spread, form):
    runs = [[record(f"net{number}", status=both[side], spread=0.1 if spread else None, time=str(side))
             for number, both in enumerate(statuses)] for side in (0, 1)]
    text = render(form, match(*runs), ("a", "b"), published=spread)
    assert all(f"net{number}" in text for number in range(len(statuses))) and "inf" not in text


# The command


def call(*arguments, cwd=ROOT):
    done = subprocess.run([sys.executable, "-m", "mxbench", "compare", *map(str, arguments)], cwd=str(cwd),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path):
    for name, records in zip(("a.jsonl", "b.jsonl"), RUNS):
        (tmp_path / name).write_text("".join(to_line(one) + "\n" for one in records))
    return tmp_path


def test_a_run_compared_with_itself_is_the_same_throughout():
    code, printed, error = call(QUICK, QUICK, "--fail-on", "slower,memory")
    assert (code, error) == (0, "")
    assert "\nSpeed: 16 same. Memory: 16 same.\n" in printed
    assert "Geometric mean of speed B/A: 1.000 (1.000 to 1.000) over 16 networks." in printed
    assert "- the very same measurement in both: all 16 cells\n" in printed


@pytest.mark.parametrize("kinds, code, said", [
    ("slower", 1, "nin 10 (slower), vgg16 20 (now out of memory)"), (None, 0, ""),
    ("memory", 1, "nin 10 (more memory), vgg16 20 (now out of memory)"),
    ("slower,memory", 1, "nin 10 (slower), nin 10 (more memory), vgg16 20 (now out of memory)"),
])
def test_a_worse_run_fails_when_asked(files, kinds, code, said):
    found, printed, error = call("a.jsonl", "b.jsonl", *(["--fail-on", kinds] if kinds else []), cwd=files)
    assert found == code and printed.startswith("# Comparison\n")
    assert error == (f"--fail-on {kinds}: {said}\n" if said else "")


def test_the_run_of_this_repository_beside_the_published_table():
    code, printed, error = call(QUICK, "--published")
    assert (code, error) == (0, "") and "order by speed at batch size 10: Spearman 0." in printed
    assert "- B: CPU: AMD EPYC" in printed and "ambiguous" not in printed and "differs" not in printed


@pytest.mark.parametrize("arguments, said", [
    (["a.jsonl"], "give two results files, not 1"), (["a.jsonl"] * 3, "give two results files, not 3"),
    (["a.jsonl", "b.jsonl", "--published"], "give one results file with --published, not 2"),
    (["a.jsonl", "--published", "--across", "data"], "leave --across out"), (["a.jsonl", "none.jsonl"], "none.jsonl"),
    (["a.jsonl", ROOT / "results/published-titan-x.jsonl"],
     "the runs are unlike: devices (cpu(0) against gpu(0)); protocol"),
    (["a.jsonl", "b.jsonl", "--fail-on", "slow"], "'slow' is not one of"),
    (["a.jsonl", "empty.jsonl"], "no measurement in"),
    (["a.jsonl", "stand-in.jsonl"], "stand-in CUDA libraries"),
])
def test_bad_input_is_one_line_with_exit_code_2(files, arguments, said):
    (files / "empty.jsonl").write_text("")
    (files / "stand-in.jsonl").write_text(to_line(record(machine={"stand_in": True})) + "\n")
    code, printed, error = call(*arguments, cwd=files)
    assert (code, printed) == (2, "")
    assert error.startswith("mxbench: error: ") and error.count("\n") == 1 and said in error


def test_an_unreadable_line_is_told_and_the_rest_compared(files):
    with open(files / "a.jsonl", "a") as file:
        file.write("torn")
    code, printed, error = call("a.jsonl", "b.jsonl", cwd=files)
    assert code == 0 and "a.jsonl:5: skipped" in error and printed
