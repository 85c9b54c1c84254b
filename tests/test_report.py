"""Tables are a pure function of results files, and the published one comes out as it was published."""

import dataclasses
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mxbench.errors import UserError
from mxbench.report.document import build, load
from mxbench.report.readme import regenerate
from mxbench.results import store
from mxbench.results.record import OK, OUT_OF_MEMORY, TIMEOUT, Cell, Memory, Predicted, Record, Speed, Window, to_line
from mxbench.results.warnings import MeasurementWarning

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published-titan-x.jsonl"
# The table as it was published in 2017.
PUBLISHED_SHA256 = "54be95fbf3d781d64fbb2c93991112b5633287959c4436bde4375814e7ce9e13"


def record(network="caffenet", batch_size=10, speed=100.0, memory=500.0, interval=None, status=OK, **fields):
    """A measured record; fields of the cell may be given by their names."""
    names = {field.name for field in dataclasses.fields(Cell)}
    cell = Cell(network, batch_size, **{name: fields.pop(name) for name in list(fields) if name in names})
    finished = status == OK
    return Record(
        cell, status,
        speed=Speed(speed, interval, windows=(Window(batch_size, batch_size / speed),) * 8, verdict="stable") if finished else None,
        memory=Memory(memory) if finished else None,
        **{"machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 24}, "software": {"mxnet": "mxnet 1.9.1"}, **fields},
    )


def rows(text, title):
    """The rows of the table under a heading, as lists of cells."""
    section = text.split(f"## {title}")[1].split("## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_published_table_comes_out_to_the_byte():
    text = build(load([PUBLISHED]))
    assert hashlib.sha256(text.encode()).hexdigest() == PUBLISHED_SHA256


def test_the_published_file_has_every_cell_once():
    records, problems = store.read(PUBLISHED)
    assert not problems
    assert len({(found.cell.network, found.cell.batch_size) for found in records}) == len(records) == 64
    without = [(found.cell.network, found.cell.batch_size) for found in records if found.status != OK]
    assert without == [("resnext-101-64x4d", 30), ("resnext-101-64x4d", 40)]


def test_networks_stand_in_the_published_order_and_batch_sizes_ascend():
    text = build([record("vgg16", 20), record("own", 10), record("caffenet", 20), record("nin", 10)])
    assert [row[0] for row in rows(text, "Speed")] == ["caffenet", "nin", "vgg16", "own"]
    assert "|batch size 10|batch size 20|" in text


def test_the_heading_says_what_was_run():
    text = build([record(data_name="9 samples", optimizer="adam", variables={"OMP_NUM_THREADS": "2"})])
    assert "- dataset: 9 samples\n- batch size: 10\n- Optimizer: ADAM\n- CPU: Some CPU (2 cores, 24GiB Memory)\n" in text
    assert "OMP_NUM_THREADS=2" in text


def test_cells_without_a_figure_say_why():
    text = build([
        record("caffenet", 10), record("caffenet", 20, status=OUT_OF_MEMORY), record("nin", 10, status=TIMEOUT),
        record("vgg16", 20, status="error"),
    ])
    assert rows(text, "Speed") == [
        ["caffenet", "100.00", "out of memory"], ["nin", "timed out", "not run"], ["vgg16", "not run", "failed"],
    ]
    assert rows(text, "Memory")[0] == ["caffenet", "500", "out of memory", "unknown"]


def test_the_spread_is_shown_when_asked_for():
    found = record(speed=100.0, interval=(98.0, 101.0))
    assert rows(build([found], spread=True), "Speed") == [["caffenet", "100.00 ±1.5%"]]
    assert rows(build([found]), "Speed") == [["caffenet", "100.00"]]


def test_the_predicted_memory_stands_beside_the_measured_when_asked_for():
    records = [record("nin", memory=500.0, predicted=Predicted(480.0, 480.0)),
               record("vgg16", status=OUT_OF_MEMORY, predicted=Predicted(900.0, 1100.4)), record("caffenet")]
    text = build(records, predicted=True)
    assert "- in brackets: predicted before the run, not measured\n" in text
    assert [row[1] for row in rows(text, "Memory")] == ["500", "500 (480)", "out of memory (900 - 1100)"]
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) <= 4  # the columns are aligned
    assert [row[1] for row in rows(build(records), "Memory")] == ["500", "500", "out of memory"]


def test_repeats_are_one_figure_the_median_of_the_processes():
    records = [record(speed=speed, memory=memory, repeat=number)
               for number, (speed, memory) in enumerate([(90.0, 400.0), (100.0, 500.0), (120.0, 700.0)])]
    text = build(records)
    assert rows(text, "Speed") == [["caffenet", "100.00"]]
    assert rows(text, "Memory") == [["caffenet", "500", "unknown"]]


def test_a_newer_record_of_a_cell_replaces_the_older_one():
    assert rows(build([record(speed=1.0), record(speed=2.0)]), "Speed") == [["caffenet", "2.00"]]


@pytest.mark.parametrize("change", [
    {"protocol": "published"}, {"data": "synthetic"}, {"dtype": "float16"}, {"optimizer": "adam"}, {"tuning": "stock"},
    {"machine": {"cpu": "Another CPU", "cores": 2, "memory_gib": 24}}, {"software": {"mxnet": "mxnet-cu112 1.9.1"}},
    {"variables": {"OMP_NUM_THREADS": "1"}}, {"num_classes": 10}, {"kv_store": "device"},
])
def test_unlike_records_never_share_a_table(change):
    text = build([record(), record(**change)])
    assert text.count("## Speed") == 2


def test_a_warning_is_a_note_under_the_table_with_the_cells_it_concerns():
    entry = MeasurementWarning.OTHER_LOAD.found("0.5 processors on average")
    text = build([record("nin", warnings=(entry,)), record("vgg16", 20, warnings=(entry,)), record("vgg16", 10)])
    assert f"- {MeasurementWarning.OTHER_LOAD.value}: nin 10, vgg16 20\n" in text


def test_a_foreign_line_is_told_and_skipped(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text(to_line(record()) + "\nnot a record\n")
    told = []
    assert len(load([path], told.append)) == 1
    assert told == [f"{path}:2: skipped: not JSON: torn or foreign"]


def test_a_file_without_a_record_is_an_error(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(UserError, match="no measurement in"):
        load([path])


PAGE = "before\n<!-- begin tables a.jsonl -->\nold\n<!-- end tables -->\nbetween\n<!-- begin pairs a.jsonl -->\n<!-- end pairs -->\n"


def test_a_page_is_regenerated_between_its_marks_only(tmp_path):
    found = record(interval=(99.0, 101.0))
    store.append(tmp_path / "a.jsonl", found)
    store.append(tmp_path / "a.jsonl", dataclasses.replace(found, repeat=1))
    page = regenerate(PAGE, tmp_path)
    assert page.startswith("before\n<!-- begin tables a.jsonl -->\n") and "old" not in page
    assert "### Speed (images/sec)" in page and "\n# " not in page
    assert "differences of up to 0.0% that mean nothing. The method's verdicts on the pairs: 1 same." in page
    assert regenerate(page, tmp_path) == page


@pytest.mark.parametrize("page, message", [
    ("<!-- begin tables a.jsonl -->\n", "not closed"),
    ("<!-- begin tabels a.jsonl -->\n<!-- end tabels -->", "did you mean tables"),
    ("<!-- begin tables missing.jsonl -->\n<!-- end tables -->", "cannot read the results file"),
])
def test_a_page_with_a_wrong_mark_is_refused(tmp_path, page, message):
    with pytest.raises(UserError, match=message):
        regenerate(page, tmp_path)


def test_the_readme_is_up_to_date():
    done = subprocess.run([sys.executable, str(ROOT / "scripts/regenerate_readme.py"), "--check"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_changed_figure_in_the_readme_is_found_and_mended(tmp_path):
    copy = tmp_path / "README.md"
    results = tmp_path / "results"
    results.symlink_to(ROOT / "results")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    changed = re.sub(r"\b755\.64\b", "756.64", text)
    assert changed != text
    copy.write_text(changed, encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts/regenerate_readme.py"), "--readme", str(copy)]
    assert subprocess.run([*command, "--check"], stdout=subprocess.DEVNULL, check=False).returncode == 1
    assert copy.read_text(encoding="utf-8") == changed
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert copy.read_text(encoding="utf-8") == text
