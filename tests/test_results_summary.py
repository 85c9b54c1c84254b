"""Several records of a cell become one figure; two figures compare as faster, slower, same, or not to be told."""

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxbench.results.comparison import AMBIGUOUS, FASTER, NOISE_FLOOR, SAME, SLOWER, compare
from mxbench.results.record import (ERROR, OK, OUT_OF_MEMORY, SKIPPED, TIMEOUT, Cell, Memory, Predicted, Record, Speed,
                                    Window)
from mxbench.results.summary import Summary, by_reason, differences, summarise
from mxbench.results.warnings import (MeasurementWarning, about_conditions, about_gpus, about_losses, about_windows,
                                      describe)

HERE = {
    "machine": {"cpu": "Some CPU", "cores": 2}, "software": {"mxnet": "mxnet 1.9.1"}, "variables": {"OMP_NUM_THREADS": "2"},
}
CELL = Cell("nin", 10)


def record(speed=100.0, interval=(99.0, 101.0), status=OK, cell=CELL, memory=500.0, **fields):
    finished = status == OK
    return Record(cell, status, speed=Speed(speed, interval) if finished else None,
                  memory=Memory(memory) if finished and memory else None, **{**HERE, **fields})


def summary(*records):
    return Summary(records[0].cell, records)


# One cell


def test_one_process_speaks_for_itself():
    one = summary(record(interval=(98.0, 102.0), model={"display_name": "NIN", "reference_top5": 78.8},
                         predicted=Predicted(400.0, 450.0)))
    assert (one.status, one.message, one.inferred) == (OK, "", False)
    assert (one.images_per_second, one.interval, one.half_width, one.memory_mib) == (100.0, (98.0, 102.0), 0.02, 500.0)
    assert (one.display_name, one.reference_top5, one.predicted) == ("NIN", 78.8, Predicted(400.0, 450.0))
    assert one.doubts() == []


def test_several_processes_are_their_median_with_the_interval_between_them():
    speeds = [90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0]
    several = summary(*(record(speed, memory=10 * speed, repeat=number) for number, speed in enumerate(speeds)))
    assert (several.images_per_second, several.memory_mib, several.interval) == (120.0, 1200.0, (90.0, 150.0))


def test_processes_that_failed_do_not_hide_those_that_finished():
    one = summary(record(), record(status=ERROR, message="it broke", repeat=1))
    assert (one.status, one.message, one.images_per_second) == (OK, "", 100.0)
    none = summary(record(status=TIMEOUT, message="slow"), record(status=ERROR, message="it broke", repeat=1))
    assert (none.status, none.message, none.images_per_second, none.memory_mib, none.interval, none.half_width) == (
        ERROR, "it broke", None, None, None, None)
    assert none.display_name == "nin" and none.reference_top5 is None


@pytest.mark.parametrize("records, doubts", [
    ([record(status=OUT_OF_MEMORY)], []),
    ([record(status=SKIPPED)], []),
    ([record(status=TIMEOUT, message="slow")], ["timeout: slow"]),
    ([record(interval=None)], ["too few windows for an interval"]),
    ([record(interval=(90.0, 110.0))], ["not known to within 5.0%"]),
    ([record(interval=(95.1, 104.9))], []),
    ([record(warnings=({"warning": "new_kind", "detail": "of doubt"},) * 2)], ["new kind (of doubt)"]),
])
def test_a_cell_that_is_not_to_be_trusted_says_why(records, doubts):
    assert summary(*records).doubts() == doubts


def test_what_is_said_of_many_cells_is_said_once():
    summaries = [summary(record(cell=Cell(name, 10))) for name in ("nin", "vgg16", "caffenet")]
    said = by_reason(summaries, lambda one: ["short name"] * (len(one.cell.network) < 4) + ["all"])
    assert said == ["short name: nin 10", "all: all 3 cells"]


# Many cells


def test_a_group_has_one_summary_for_a_cell_with_the_newest_record_of_each_repeat():
    records = [record(1.0), record(2.0, repeat=1), record(3.0, cell=Cell("vgg16", 20)), record(4.0)]
    [group] = summarise(records)
    assert [(one.cell.network, [found.speed.images_per_second for found in one.records]) for one in group] == [
        ("nin", [4.0, 2.0]), ("vgg16", [3.0]),
    ]


def test_networks_with_images_of_their_own_size_share_a_group():
    assert len(summarise([record(), record(cell=Cell("inception-v3", 20, image_shape=(3, 299, 299)))])) == 1


UNLIKE = {
    "cell": [dataclasses.replace(CELL, **{name: value}) for name, value in {
        "devices": ("gpu(0)",), "protocol": "published", "data": "synthetic", "data_name": "others", "num_examples": 9,
        "num_classes": 10, "dtype": "float16", "optimizer": "adam", "lr": 0.1, "mom": 0.0, "wd": 0.0,
        "kv_store": "device", "tuning": "stock",
    }.items()],
    "machine": [{"cpu": "Another CPU", "cores": 2}, {**HERE["machine"], "gpus": ["TITAN X"]}],
    "software": [{"mxnet": "mxnet-cu112 1.9.1"}],
    "variables": [{}, {"OMP_NUM_THREADS": "1"}],
}


@pytest.mark.parametrize("change", [{name: value} for name, others in UNLIKE.items() for value in others])
def test_unlike_records_come_into_groups_of_their_own_and_the_difference_has_a_name(change):
    one, other = record(), record(**change)
    assert len(summarise([one, other])) == 2
    assert len(differences(one, other)) == 1


def test_differences_come_with_both_values():
    other = record(machine={"cpu": "Another CPU", "cores": 2}, variables={"OMP_NUM_THREADS": "2", "MXNET_X": "1"})
    assert differences(record(), other) == {"cpu": ("Some CPU", "Another CPU"), "MXNET_X": (None, "1")}
    alike = record(software={"mxnet": "mxnet 1.9.1", "numpy": "1.23.5"}, repeat=5, time="now")
    assert differences(record(), alike) == {}


# Two figures


@pytest.mark.parametrize("first, second, verdict", [
    ((100, 99.5, 100.5), (100, 99.5, 100.5), SAME),
    ((100, 99.5, 100.5), (101, 100.5, 101.5), SAME),  # less than the noise floor, however precise
    ((100, 99, 101), (110, 109, 111), FASTER),
    ((110, 109, 111), (100, 99, 101), SLOWER),
    ((100, 90, 110), (105, 95, 115), AMBIGUOUS),
    ((100, 60, 140), (100, 60, 140), AMBIGUOUS),
    ((100, 0, 250), (200, 150, 250), AMBIGUOUS),  # nothing is known of the first
    ((400, 380, 420), (100, 0, 250), SLOWER),
])
def test_two_figures_compare(first, second, verdict):
    compared = compare(*(summary(record(speed, (low, high))) for speed, low, high in (first, second)))
    assert compared.verdict == verdict
    assert compared.ratio == second[0] / first[0]
    assert compared.interval[0] <= compared.ratio <= compared.interval[1]


def test_without_an_interval_nothing_is_to_be_told():
    with_one, without = summary(record()), summary(record(200.0, interval=None))
    for pair in itertools.permutations([with_one, without]):
        assert compare(*pair).verdict == AMBIGUOUS


spreads = st.tuples(st.floats(1.0, 1000.0), st.floats(0.0, 0.5), st.floats(0.0, 0.5))


@given(spreads, spreads)
@settings(max_examples=200, deadline=None)
def test_the_other_way_round_the_verdict_is_turned_round(one, other):
    first, second = (
        summary(record(speed, (speed * (1 - below), speed * (1 + above)))) for speed, below, above in (one, other)
    )
    there, back = compare(first, second), compare(second, first)
    # At the very edge of the noise floor one way may be ambiguous and the other not.
    assert back.verdict == {FASTER: SLOWER, SLOWER: FASTER}.get(there.verdict, there.verdict) or (
        AMBIGUOUS in (there.verdict, back.verdict))
    assert there.interval[0] <= there.ratio * (1 - NOISE_FLOOR) and there.ratio * (1 + NOISE_FLOOR) <= there.interval[1]
    assert compare(first, first).verdict in (SAME, AMBIGUOUS)


# Warnings


def windows(*speeds):
    return [Window(100, 100 / speed) for speed in speeds]


@pytest.mark.parametrize("speeds, found", [
    ([100] * 12, []),
    ([], []),
    ([50, 100, 100], []),  # too few to tell
    ([90] + [100] * 5, ["slow_first_window"]),
    ([96] + [100] * 5, []),
    ([99, 100, 101, 100, 99, 101, 10], ["extremes"]),
    ([100, 101, 99, 100, 92, 93, 91, 92], ["drift"]),
    ([104, 101, 99, 100, 108, 107, 109, 108], ["drift"]),
    ([100, 101, 99, 100, 97, 98, 96, 97], []),
])
def test_windows_give_rise_to_warnings(speeds, found):
    assert [entry["warning"] for entry in about_windows(windows(*speeds))] == found


def test_a_warning_tells_what_was_seen():
    [entry] = about_windows(windows(80, 100, 100, 100))
    assert entry == {"warning": "slow_first_window", "detail": "80.00 against 100.00 images/sec"}
    assert describe(entry) == f"{MeasurementWarning.SLOW_FIRST_WINDOW.value} (80.00 against 100.00 images/sec)"
    for bare in ({"warning": "drift", "detail": ""}, {"warning": "drift"}):
        assert describe(bare) == MeasurementWarning.DRIFT.value


def test_other_load_and_swapping_are_warned_of():
    quiet = {"swap_used_mib": 5}
    assert about_conditions(quiet, {"swap_used_mib": 5, "busy_processors": 1.55, "own_processors": 1.5}) == []
    loaded = about_conditions(quiet, {"swap_used_mib": 9, "busy_processors": 2.0, "own_processors": 1.5})
    assert [(entry["warning"], entry["detail"]) for entry in loaded] == [
        ("other_load", "0.5 processors on average"), ("swap_in_use", "4 MiB more than before"),
    ]


def test_a_loss_that_is_no_number_is_warned_of():
    assert about_losses([6.9, 6.8]) == about_losses([]) == []
    assert [entry["warning"] for entry in about_losses([6.9, float("nan")])] == ["loss_not_finite"]
    assert about_losses([float("inf")])


GPU = {"name": "TITAN X", "other_processes": [], "throttling": ["power_cap"], "sm_clock_mhz": [1000, 1010]}


@pytest.mark.parametrize("change, found", [
    ({}, []),
    ({"sm_clock_mhz": None}, []),
    ({"sm_clock_mhz": [1000, 1200]}, [("clock_changed", "TITAN X: 1000 to 1200 MHz")]),
    ({"other_processes": [7, 8]}, [("other_gpu_processes", "TITAN X: process 7, 8")]),
    ({"throttling": ["power_cap", "hardware_thermal"]}, [("thermal_throttling", "TITAN X: hardware thermal")]),
])
def test_a_gpu_that_was_disturbed_is_warned_of(change, found):
    assert [(entry["warning"], entry["detail"]) for entry in about_gpus([{**GPU, **change}])] == found


def test_of_several_gpus_the_warning_says_which():
    assert about_gpus([GPU, {**GPU, "other_processes": [7]}])[0]["detail"] == "TITAN X 1: process 7"
