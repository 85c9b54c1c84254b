"""The page as HTML: everything of the records is in it, and nothing in a record is taken for markup."""

import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mxbench.report import page, plots
from mxbench.report.page_details import details
from mxbench.results import published
from mxbench.results.record import OUT_OF_MEMORY, Cell, Memory, Predicted, Record, Speed, Window
from mxbench.results.summary import Summary

ROOT = Path(__file__).resolve().parents[1]
QUICK = ROOT / "results" / "cpu-2-cores-quick.jsonl"
HOSTILE = """</script><img src=x onerror="alert('&amp;')">"""


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Figures are another room's; one test draws them."""
    monkeypatch.setattr(plots, "collect", lambda records, kinds: ([], []))


def record(network="nin", batch_size=10, **fields):
    speed = Speed(100.0, (99.0, 101.0), windows=(Window(10, 0.1),) * 6, warmup=(Window(10, 0.2),), stop="precise")
    return Record(Cell(network, batch_size), fields.pop("status", "ok"), **{
        "speed": speed, "memory": Memory(500.0, "", 300.0, 800.0), "machine": {"cpu": "Some CPU", "cores": 2},
        "software": {"mxnet": "mxnet 1.9.1"}, **fields})


class Outline(HTMLParser):
    """The tags of a page with their attributes, and the text within each open table cell."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells, self.in_cell = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.in_cell:
            self.cells[-1][-1] += data.strip()

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def cells_of(text):
    return json.loads(re.search(r'<script type="application/json" id="cells">(.*?)</script>', text, re.DOTALL)[1])


def test_every_cell_is_a_row_and_has_its_details():
    text = page.build(published.records())
    outline = Outline(text)
    rows = [row for row in outline.of("tr") if "data-state" in row]
    assert len(rows) == len(cells_of(text)) == 64
    assert [row["data-state"] for row in rows].count("none") == 2
    assert "Some CPU" not in text and "Maxwell TITAN X" in text
    numbers = [attributes["data-detail"] for attributes in outline.of("button") if "data-detail" in attributes]
    assert numbers == [str(number) for number in range(64)]


def test_columns_without_a_figure_are_left_out():
    heads = [attributes for attributes in Outline(page.build(published.records())).cells if "Network" in attributes]
    assert heads == [["Network", "Batch", "Images/sec", "MemoryMiB", "Top-5", "In doubt because"]]
    full = page.build([record(predicted=Predicted(480.0, 490.0), model={"reference_top5": 90.0})])
    [head, row] = Outline(full).cells[:2]
    assert head == ["Network", "Batch", "Images/sec", "±", "MemoryMiB", "PredictedMiB", "Top-5", "In doubt because"]
    assert row[:7] == ["nin", "10", "100.00", "1.0%", "500", "480 - 490", "90.0%"]


def test_unlike_records_have_sections_of_their_own_with_their_environment():
    text = page.build([record(), record(software={"mxnet": "mxnet 1.9.1", "numpy": "1.23.5"}, batch_size=20),
                       record(machine={"cpu": "Another CPU", "cores": 4})])
    outline = Outline(text)
    assert len([row for row in outline.of("section") if row.get("id", "").startswith("conditions-")]) == 2
    assert ["numpy", "1.23.5"] in outline.cells and ["cpu", "Another CPU"] in outline.cells


def test_the_page_asks_the_network_for_nothing_and_runs_no_script_but_its_own():
    text = page.build([record(HOSTILE)])
    outline = Outline(text)
    assert not [one for _, attributes in outline.tags for name, one in attributes.items()
                if name in ("src", "srcset", "action", "data") or (name == "href" and not one.startswith(("#", "data:")))]
    [policy] = [one["content"] for one in outline.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and policy.count("'sha256-") == 2 and "http" not in policy
    assert "@import" not in text and "url(" not in text


def test_the_library_comes_with_its_licence():
    text = page.build([record()])
    assert "sortable-tablesort" in text and "free and unencumbered software released into the public domain" in text


@pytest.mark.parametrize("change", [
    {"cell": Cell(HOSTILE, 10)}, {"model": {"display_name": HOSTILE}}, {"machine": {"cpu": HOSTILE, "cores": 2}},
    {"software": {"mxnet": HOSTILE}}, {"variables": {HOSTILE: HOSTILE}},
    {"message": HOSTILE, "status": "error", "speed": None},
    {"warnings": ({"warning": HOSTILE, "detail": HOSTILE},)}, {"time": HOSTILE},
    {"conditions": {"end": {"governor": HOSTILE}}},
])
def test_nothing_in_a_record_is_taken_for_markup(change):
    plain, hostile = (Outline(page.build([one])) for one in (record(), dataclasses.replace(record(), **change)))
    assert not hostile.of("img") and len(hostile.of("script")) == len(plain.of("script"))
    assert all("onerror" not in attributes for _, attributes in hostile.tags)


def test_a_failed_cell_says_why():
    cell = Summary(Cell("nin", 10), (record(status=OUT_OF_MEMORY, speed=None, memory=None, message="no room"),))
    assert dict(details(cell)["lines"])["why"] == "no room" and details(cell)["windows"] == []


def test_details_of_a_cell_tell_windows_interval_memory_conditions_and_warnings():
    found = record(
        warnings=({"warning": "drift", "detail": "+6.0%"},), model={"parameters": 1234567}, seconds={"total": 21.4},
        conditions={"start": {"load_average": 1.0},
                    "end": {"load_average": 1.5, "swap_used_mib": 3, "governor": "performance"},
                    "gpus": [{"name": "TITAN X", "sm_clock_mhz": [1000, 1200], "temperature_celsius": [60, 60]}]},
    )
    shown = details(Summary(found.cell, (found, dataclasses.replace(found, repeat=1, speed=Speed(102.0)))))
    lines = dict(shown["lines"])
    assert (lines["speed"], lines["processes"]) == ("101.00 images/sec", "100.00, 102.00")
    assert "±" in lines["95 % interval"]
    assert (lines["memory"], lines["peak less baseline"], lines["parameters"]) == ("500 MiB", "800 - 300 MiB", "1,234,567")
    assert (lines["load average"], lines["swap in use"], lines["took"]) == ("1.00 to 1.50", "3 MiB", "21 s")
    assert (lines["TITAN X"], lines["governor"]) == ("1000 to 1200 MHz, 60 °C", "performance")
    assert len(shown["warnings"]) == 1 and "+6.0%" in shown["warnings"][0]
    assert shown["windows"] == [[(50.0, 0)] + [(100.0, 1)] * 6]


@pytest.mark.parametrize("conditions", [
    {"start": 3, "end": None}, {"gpus": [None, {"sm_clock_mhz": 5}]}, {"end": {"swap_used_mib": "x"}},
])
def test_conditions_that_another_version_recorded_otherwise_are_left_out(conditions):
    assert cells_of(page.build([record(conditions=conditions)]))[0]["title"] == "nin, batch size 10"


def test_figures_are_embedded_and_without_matplotlib_the_page_says_what_to_install(monkeypatch):
    monkeypatch.undo()
    text = page.build([record(model={"reference_top5": 90.0}), record("vgg16", model={"reference_top5": 91.0})])
    images = Outline(text).of("img")
    assert images and all(one["src"].startswith("data:image/svg+xml;base64,") and one["alt"] for one in images)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = page.build([record()])
    assert not Outline(text).of("img") and "plots need matplotlib" in text


def call(*arguments, cwd):
    done = subprocess.run([sys.executable, "-m", "mxbench", "report", *map(str, arguments)], cwd=str(cwd),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments, said", [
    (["--html", "no/such/folder.html"], "cannot write no/such/folder.html"),
    (["--html", "a.html", "--plots", "x"], "leave out"),
    (["--html", "a.html", "--format", "csv"], "leave out"), (["--html", ""], "cannot write"),
])
def test_bad_options_are_one_line_with_exit_code_2(tmp_path, arguments, said):
    (tmp_path / "one.jsonl").write_text(QUICK.read_text().splitlines()[1] + "\n")
    code, printed, error = call("one.jsonl", *arguments, cwd=tmp_path)
    assert (code, printed) == (2, "") and said in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one.jsonl"]
