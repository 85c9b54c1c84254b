"""A record goes to a line of JSON and back; a line that is none says why."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxbench.results import store
from mxbench.results.record import (OK, OUT_OF_MEMORY, SCHEMA, STATUSES, Cell, Memory, NotARecord, Predicted, Record,
                                    Speed, Window, from_line, latest, to_line)

DATA = Path(__file__).parent / "data" / "results"

numbers = st.floats(0.001, 1e6)
texts = st.text(max_size=30)
windows = st.lists(st.builds(Window, st.integers(1, 10**6), numbers), max_size=8).map(tuple)
values = st.one_of(st.none(), st.booleans(), st.integers(-2**53, 2**53), numbers, texts)
facts = st.dictionaries(texts, st.one_of(values, st.lists(values, max_size=3)), max_size=4)
cells = st.builds(
    Cell, network=texts, batch_size=st.integers(1, 4096), devices=st.lists(texts, min_size=1, max_size=3).map(tuple),
    data_name=texts, image_shape=st.tuples(*[st.integers(1, 999)] * 3), lr=st.one_of(st.none(), numbers),
)
speeds = st.builds(
    Speed, numbers, interval=st.one_of(st.none(), st.tuples(numbers, numbers)), mad=st.one_of(st.none(), numbers),
    stop=texts, verdict=texts, windows=windows, warmup=windows,
)
records = st.builds(
    Record, cells, st.sampled_from(STATUSES), message=texts, inferred=st.booleans(), repeat=st.integers(0, 9),
    method=facts, speed=speeds, memory=st.one_of(st.none(), st.builds(Memory, numbers, texts)),
    predicted=st.one_of(st.none(), st.builds(Predicted, numbers, numbers)),
    warnings=st.lists(st.fixed_dictionaries({"warning": texts, "detail": texts}), max_size=2).map(tuple),
    model=facts, machine=facts, software=facts, variables=st.dictionaries(texts, texts, max_size=3), conditions=facts,
    time=texts, seconds=st.dictionaries(texts, numbers, max_size=3),
)

SIMPLE = Record(Cell("nin", 10), OK, speed=Speed(100.0), machine={"cpu": "Some CPU"})


def changed(*path, to):
    """The line of a simple record with one field changed."""
    content = inner = json.loads(to_line(SIMPLE))
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return json.dumps(content)


@given(records)
@settings(max_examples=150, deadline=None)
def test_a_record_survives_the_way_to_a_line_and_back(record):
    line = to_line(record)
    assert "\n" not in line
    assert from_line(line) == record
    assert hash(from_line(line).cell) == hash(record.cell)


@given(records, st.data())
@settings(max_examples=100, deadline=None)
def test_no_part_of_a_line_is_taken_for_a_record(record, data):
    line = to_line(record)
    with pytest.raises(NotARecord):
        from_line(line[:data.draw(st.integers(0, len(line) - 1))])


@pytest.mark.parametrize("line, reason", [
    ("", "not JSON: torn or foreign"),
    ("some text", "not JSON: torn or foreign"),
    ("[" * 100000, "not JSON: torn or foreign"),
    ("[1, 2]", "no schema number"),
    ("null", "no schema number"),
    ('{"speed": 3}', "no schema number"),
    ('{"schema": "1"}', "no schema number"),
    ('{"schema": true}', "no schema number"),
    ('{"schema": 0}', "no schema number"),
    ('{"schema": 1}', "field missing"),
    ('{"schema": 1, "status": "ok", "cell": []}', "field missing or of the wrong kind"),
    (changed("schema", to=SCHEMA + 1), f"schema {SCHEMA + 1} is newer than {SCHEMA}"),
    (changed("status", to="fine"), "status 'fine'"),
    (changed("status", to=["ok"]), "status"),
    (changed("speed", to=None), "status ok without a speed"),
    (changed("speed", to={}), "field missing"),
    (changed("speed", to=100), "wrong kind"),
    (changed("speed", "images_per_second", to="fast"), "images_per_second is 'fast'"),
    (changed("speed", "images_per_second", to=None), "images_per_second is None"),
    (changed("speed", "images_per_second", to=float("nan")), "not JSON"),
    (changed("speed", "interval", to=[1.0]), "interval is (1.0,)"),
    (changed("speed", "windows", to=[{"images": 1}]), "field missing"),
    (changed("memory", to={"mib": "many"}), "mib is 'many'"),
    (changed("predicted", to={"low_mib": 1}), "field missing"),
    (changed("cell", "batch_size", to="ten"), "batch_size is 'ten'"),
    (changed("cell", "batch_size", to=True), "batch_size is True"),
    (changed("cell", "devices", to={"gpu": 0}), "devices is {'gpu': 0}"),
    (changed("cell", "image_shape", to=[3, 224]), "image_shape is (3, 224)"),
    (changed("machine", to="mine"), "machine is 'mine'"),
    (changed("variables", to={"OMP_NUM_THREADS": 2}), "variables is"),
    (changed("warnings", to=["hot"]), "warnings is ('hot',)"),
])
def test_a_line_that_is_no_record_says_why(line, reason):
    with pytest.raises(NotARecord) as error:
        from_line(line)
    assert reason in str(error.value) and len(str(error.value)) < 200


def test_what_a_newer_version_adds_to_the_schema_is_left_out():
    assert from_line(changed("colour", to="red")) == SIMPLE
    assert from_line(changed("cell", "colour", to="red")) == SIMPLE
    assert from_line(changed("speed", "colour", to="red")) == SIMPLE


def test_what_an_older_record_lacks_has_a_value_of_its_own():
    line = json.dumps({"schema": 1, "status": "error", "cell": {"network": "nin", "batch_size": 10}})
    assert from_line(line) == Record(Cell("nin", 10), "error")


def test_a_number_that_is_not_json_is_never_written():
    with pytest.raises(ValueError):
        to_line(dataclasses.replace(SIMPLE, speed=Speed(float("inf"))))


def test_the_newest_record_of_a_step_on_a_machine_replaces_the_older_ones_in_their_place():
    older = dataclasses.replace(SIMPLE, status=OUT_OF_MEMORY)
    others = [dataclasses.replace(SIMPLE, repeat=1), dataclasses.replace(SIMPLE, cell=Cell("nin", 20)),
              dataclasses.replace(SIMPLE, machine={"cpu": "Another CPU"}),
              dataclasses.replace(SIMPLE, variables={"OMP_NUM_THREADS": "1"})]
    assert latest([older, *others, SIMPLE]) == [SIMPLE, *others]


def test_speed_of_a_window_and_kind_of_a_cell_follow_from_their_fields():
    assert Window(50, 0.5).images_per_second == 100.0
    assert Cell("nin", 10, devices=("gpu(0)",)).on_gpu and not Cell("nin", 10).on_gpu


def test_records_of_the_first_schema_stay_readable():
    found, problems = store.read(DATA / "schema-1.jsonl")
    assert not problems
    assert [(record.cell.network, record.cell.batch_size, record.status) for record in found] == [
        ("squeezenet", 10, "ok"), ("vgg16", 40, "out_of_memory"), ("vgg16", 80, "out_of_memory"),
        ("vgg16", 20, "timeout"), ("own", 10, "error"), ("vgg16", 10, "skipped"),
    ]
    assert [record.inferred for record in found] == [False, False, True, False, False, False]
    first = found[0]
    assert first.speed.images_per_second == 17.098214486468173 and len(first.speed.windows) == 7
    assert first.memory.mib == 324.4 and first.predicted == Predicted(327.6, 327.6)
    assert first.cell.image_shape == (3, 227, 227) and first.variables["OMP_NUM_THREADS"] == "2"
    assert [warning["warning"] for warning in first.warnings] == ["slow_first_window", "other_load"]
    assert found[1].method["memory_limit_mib"] == 2048.0 and found[3].seconds == {"total": 30.0}
    assert found[5].repeat == 1
