"""Tables are a pure function of results files, and the published one comes out as it was published."""

import hashlib
from pathlib import Path

import pytest

from mxbench.errors import UserError
from mxbench.report.document import build, load, select
from mxbench.results import store
from mxbench.results.record import OK, OUT_OF_MEMORY, TIMEOUT, Predicted, to_line
from mxbench.results.warnings import MeasurementWarning

from records import record

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published-titan-x.jsonl"
# The table as it was published in 2017.
PUBLISHED_SHA256 = "54be95fbf3d781d64fbb2c93991112b5633287959c4436bde4375814e7ce9e13"


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


def test_marks_stand_in_the_cells_that_the_notes_concern():
    entry = MeasurementWarning.OTHER_LOAD.found("0.5 processors on average")
    text = build([record("nin", warnings=(entry,), verdict="limited"), record("vgg16", warnings=(entry,)),
                  record("caffenet")], marks=True)
    assert [row[1] for row in rows(text, "Speed")] == ["100.00", "100.00 ᵃᵇ", "100.00 ᵇ"]
    notes = f"\n- ᵃ the time limit came before the figure was precise\n- ᵇ {MeasurementWarning.OTHER_LOAD.value}\n"
    assert notes in text
    assert "nin 10" not in text


@pytest.mark.parametrize("sort, expected", [
    ("published", ["caffenet", "nin", "vgg16", "Zebra"]), ("name", ["caffenet", "nin", "vgg16", "Zebra"]),
    ("speed", ["vgg16", "Zebra", "caffenet", "nin"]), ("memory", ["caffenet", "vgg16", "Zebra", "nin"]),
    ("accuracy", ["Zebra", "vgg16", "caffenet", "nin"]),
])
def test_networks_are_sorted_best_first_and_those_without_a_figure_last(sort, expected):
    text = build([
        record("nin", status=OUT_OF_MEMORY),
        record("own", speed=20.0, memory=30.0, model={"display_name": "Zebra", "reference_top5": 95}),
        record("vgg16", speed=30.0, memory=20.0, model={"reference_top5": 90}),
        record("caffenet", speed=10.0, memory=10.0),
    ], sort=sort)
    assert [row[0] for row in rows(text, "Speed")] == expected


def test_a_network_with_images_of_two_sizes_has_two_rows():
    text = build([record("nin", speed=1.0), record("nin", speed=2.0, image_shape=(3, 64, 64))])
    assert rows(text, "Speed") == [["nin 3x224x224", "1.00"], ["nin 3x64x64", "2.00"]]


def test_machines_stand_side_by_side_with_a_column_for_each():
    other = {"machine": {"cpu": "Other CPU", "cores": 4, "memory_gib": 8}}
    records = [record("nin", speed=1.0), record("nin", speed=2.0, **other), record("vgg16", 20, speed=3.0, **other)]
    text = build(records, beside=True)
    assert text.count("# Speed") == 1
    assert "|Some CPU<br>batch size 10|Other CPU<br>batch size 10|Other CPU<br>batch size 20|" in text
    assert rows(text, "Speed") == [["nin", "1.00", "2.00", "not run"], ["vgg16", "not run", "not run", "3.00"]]
    assert "- Other CPU: CPU: Other CPU (4 cores, 8GiB Memory); protocol: imagenet" in text


def test_what_differs_tells_settings_of_one_machine_apart():
    text = build([record(), record(tuning="stock"), record(variables={"OMP_NUM_THREADS": "1"})], beside=True)
    heads = next(line for line in text.splitlines() if line.startswith("|model"))
    assert "|Some CPU (tuning stock, OMP_NUM_THREADS none)<br>" in heads
    assert "|Some CPU (OMP_NUM_THREADS 1, tuning tuned)<br>" in heads


def test_records_are_selected_by_network_and_batch_size():
    records = [record("nin", 10), record("nin", 20), record("vgg16", 20)]
    assert select(records, ["nin"], [20]) == records[1:2]
    for networks, sizes, message in ((["nim"], [], "did you mean nin"), ([], [15], "choose from 10, 20"),
                                     (["vgg16"], [10], "none of these networks at these batch sizes")):
        with pytest.raises(UserError, match=message):
            select(records, networks, sizes)


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
