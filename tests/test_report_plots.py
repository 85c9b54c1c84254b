"""Figures show what the records say, come out the same each time, and cover none of their own labels."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxbench.cli import main
from mxbench.errors import UserError
from mxbench.report.document import load
from mxbench.report.plots import KINDS, canvas, collect
from mxbench.report.plots.labels import spread
from mxbench.results import store
from mxbench.results.record import OUT_OF_MEMORY, Predicted

from records import record, team

RESULTS = Path(__file__).resolve().parents[1] / "results"
PUBLISHED = RESULTS / "published-titan-x.jsonl"
QUICK = RESULTS / "cpu-2-cores-quick.jsonl"
TEAMS = [team(1, 5.0), team(2, 9.4, 1.2), team(4, 17.9, 1.6), record("resnet-50", 32, status=OUT_OF_MEMORY, workers=8,
                                                                     servers=8, kv_store="dist_sync")]


def grid():
    """A run of 64 cells, made from the 16 that were measured: every kind of figure can be drawn of it."""
    for one in load([QUICK]):
        for factor in (1, 2, 3, 4):
            yield dataclasses.replace(
                one, cell=dataclasses.replace(one.cell, batch_size=10 * factor),
                memory=dataclasses.replace(one.memory, mib=one.memory.mib * factor),
                predicted=Predicted(one.predicted.low_mib * factor * 0.9, one.predicted.low_mib * factor * 1.1))


def figure_of(kind, records):
    plots, undrawable = collect(records, [kind])
    assert not undrawable
    return plots[0].shown


@pytest.fixture(scope="module")
def drawn():
    """Every kind of figure, drawn once: those of the grid, and those of the published table and of workers alone."""
    pytest.importorskip("matplotlib")
    plots, undrawable = collect(list(grid()))
    assert [one.kind for one in undrawable] == ["reproduction", "scaling"]
    plots += collect(TEAMS, ["scaling"])[0]
    plots += collect(load([PUBLISHED]), ["reproduction"])[0]
    assert {plot.kind for plot in plots} == set(KINDS)
    with canvas.style():
        figures = {plot.kind: KINDS[plot.kind].draw(plot.shown) for plot in plots}
        for figure in figures.values():
            figure.canvas.draw()
    return figures


def texts_of(axes):
    (left, right), (bottom, top) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    ticks = [text for at, text in zip(axes.get_yticks(), axes.get_yticklabels()) if bottom <= at <= top]
    if len(axes.figure.axes) > 1:
        ticks += [text for at, text in zip(axes.get_xticks(), axes.get_xticklabels()) if left <= at <= right]
    return [*axes.texts, *ticks, axes.title, axes.xaxis.label]


@pytest.mark.parametrize("kind", KINDS)
def test_no_label_covers_another_or_leaves_the_figure(drawn, kind):
    from matplotlib.text import Text

    figure = drawn[kind]
    renderer = figure.canvas.get_renderer()
    texts = [(number, text) for number, axes in enumerate(figure.axes) for text in texts_of(axes)]
    # Of an annotation's extent its line is a part.
    boxes = {(number, text.get_text()): Text.get_window_extent(text, renderer)
             for number, text in texts if text.get_text()}
    assert len(boxes) > 3
    width, height = figure.get_size_inches() * figure.dpi
    for name, box in boxes.items():
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, name
        for other, at in boxes.items():
            shared = (min(box.x1, at.x1) - max(box.x0, at.x0), min(box.y1, at.y1) - max(box.y0, at.y0))
            assert name == other or min(shared) <= 1.5, (name, other)


def test_a_figure_is_the_same_each_time_and_carries_no_date():
    pytest.importorskip("matplotlib")
    plot, = collect(load([QUICK]), ["windows"])[0]
    first = plot.draw("svg")
    assert plot.draw("svg") == first and b"<dc:date>" not in first and b"Matplotlib" not in first
    ElementTree.parse(io.BytesIO(first))
    assert plot.draw("png").startswith(b"\x89PNG")


def test_lines_end_where_memory_ended_and_say_so():
    shown = figure_of("memory", [
        record("nin", 10, memory=1.0), record("nin", 20, memory=2.0), record("nin", 30, status=OUT_OF_MEMORY),
        record("vgg16", 10, status=OUT_OF_MEMORY),
    ])
    line, = shown.lines
    assert (line.name, line.points, line.end) == ("nin", ((10, 1.0), (20, 2.0)), "out of memory at 30")


def test_a_network_that_none_beats_is_told_from_the_others():
    known = [("a", 100.0, 80.0), ("b", 50.0, 90.0), ("c", 40.0, 85.0), ("d", 50.0, 80.0)]
    records = [record(name, speed=speed, model={"reference_top5": top5}) for name, speed, top5 in known]
    shown = figure_of("choice", [*records, record("e")])
    assert {choice.name: choice.best for choice in shown.networks} == {"a": True, "b": True, "c": False, "d": False}
    assert shown.left_out == ("e",)


def test_ratios_are_measured_over_predicted_and_here_over_published():
    shown = figure_of("predicted", [record("nin", memory=100.0, predicted=Predicted(80.0, 125.0)), record("vgg16")])
    assert [(name, [tuple(mark) for mark in marks]) for name, marks in shown.rows] == [("nin", [(10, 0.8, 1.25)])]
    shown = figure_of("published", [record("caffenet", speed=755.64 / 2), record("own")])
    assert [(name, [tuple(mark) for mark in marks]) for name, marks in shown.rows] == [("caffenet", [(10, 0.5, 0.5)])]


def test_windows_stand_where_they_were_measured():
    shown = figure_of("windows", [record("nin", 10, speed=5.0), record("nin", 10, speed=10.0, repeat=1)])
    first, second = shown.processes
    assert [begin for begin, _, _ in first.counted] == [2.0 * number for number in range(8)]
    assert [begin for begin, _, _ in second.counted] == [16.0 + number for number in range(8)]
    assert (first.begin, second.begin, shown.images_per_second) == (0.0, 16.0, 7.5)


def test_measured_and_predicted_speeds_of_workers_are_told_apart():
    shown = figure_of("scaling", TEAMS)
    assert [(point.workers, point.images_per_second, point.end) for point in shown.points] == [
        (1, 5.0, ""), (2, 9.4, ""), (4, 17.9, ""), (8, None, "out of\nmemory")]
    assert [one.workers for one in shown.expected] == list(range(1, 9))
    assert shown.network == "923 Mbit/s, read from 4 workers"
    assert all(one.low <= one.estimate <= one.high for one in shown.expected)
    crowded = figure_of("scaling", [team(1, 5.0), team(2, 6.0, 1.2, hosts=("one",) * 2)])
    assert not crowded.expected and crowded.network == ""


def test_what_cannot_be_drawn_says_why():
    for kind, one, reason in (("speed", record(), "two batch sizes"), ("choice", record(), "accuracy"),
                              ("predicted", record(), "predicted memory"), ("reproduction", record(), "2017"),
                              ("published", record("own"), "published table"),
                              ("windows", record(status=OUT_OF_MEMORY), "timed windows"),
                              ("scaling", record(), "mxbench scale"),
                              ("scaling", team(2, 9.4), "one worker and several")):
        plots, (undrawable,) = collect([one], [kind])
        assert not plots and reason in undrawable.reason


@given(st.lists(st.floats(0, 1000), max_size=20), st.floats(0.1, 50))
def test_labels_are_spread_in_order_and_no_further_than_need_be(heights, gap):
    placed = spread(heights, gap)
    ordered = sorted(range(len(heights)), key=heights.__getitem__)
    assert all(placed[above] - placed[below] >= gap - 1e-6 for below, above in zip(ordered, ordered[1:]))
    assert sum(placed) == pytest.approx(sum(heights), abs=1e-6)
    if all(heights[above] - heights[below] >= gap for below, above in zip(ordered, ordered[1:])):
        assert placed == heights


def test_the_command_draws_what_it_can_and_says_what_it_cannot(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    store.append(tmp_path / "a.jsonl", record("nin", predicted=Predicted(400.0, 400.0)))
    folder = tmp_path / "made" / "plots"
    assert main(["report", str(tmp_path / "a.jsonl"), "--plots", str(folder), "--plot", "predicted,choice"]) == 2
    assert "nothing to draw for --plot choice" in capsys.readouterr().err and not folder.exists()
    assert main(["report", str(tmp_path / "a.jsonl"), "--plots", str(folder)]) == 0
    out, error = capsys.readouterr()
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{kind}.{form}" for kind in ("predicted", "published", "windows") for form in ("png", "svg")]
    assert str(folder / "windows.svg") in out and "no plot speed: no network has figures at two batch sizes" in error


def test_matplotlib_missing_is_one_line_that_says_how_to_install_it(tmp_path):
    program = "import sys; sys.modules['matplotlib'] = None; from mxbench.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", program, "report", str(QUICK), "--plots", str(tmp_path / "plots")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    assert done.returncode == 2 and not (tmp_path / "plots").exists()
    assert done.stderr == "mxbench: error: plots need matplotlib: run pip install 'mxbench[report]'\n"


def test_an_unknown_format_is_refused():
    with pytest.raises(UserError, match="choose from svg, png"):
        canvas.render(None, "gif")
