"""Warm-up ends when the device is steady, measuring when the figure is known or its time is up; nothing is dropped."""

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxbench.measure.method import (LIMITED, NOISY, NOT_IMPROVING, PRECISE, QUICK, STABLE, TIME_LIMIT, VERDICTS, Meter,
                                    Method)
from mxbench.results.record import Window

METHOD = Method(min_windows=6, min_seconds=3.0, max_seconds=60.0, warmup_seconds=5.0, precision=0.01)


def window(speed, seconds=0.5):
    return Window(max(1, round(speed * seconds)), round(speed * seconds) / speed)


def metered(speeds, method=METHOD, seconds=0.5):
    """A meter that was given windows until it had enough."""
    meter = Meter(method)
    for speed in speeds:
        if meter.add(window(speed, seconds)):
            return meter
    return meter


def test_warm_up_ends_with_three_windows_that_agree_and_these_count():
    meter = metered([20, 60, 90, 100, 101, 102])
    assert [round(one.images_per_second) for one in meter.warmup] == [20, 60, 90]
    assert [round(one.images_per_second) for one in meter.windows] == [100, 101, 102]


def test_the_first_window_never_counts():
    meter = metered([100, 100, 100])
    assert len(meter.warmup) == 3 and not meter.windows and meter.phase == "warming up"
    meter.add(window(100))
    assert len(meter.warmup) == 1 and len(meter.windows) == 3 and meter.phase == "measuring"


def test_warm_up_ends_when_the_speed_varies_but_rises_no_more():
    meter = metered([20, 60, 100, 80, 90])
    assert not meter.windows
    meter.add(window(70))
    assert [round(one.images_per_second) for one in meter.warmup] == [20, 60, 100]
    assert [round(one.images_per_second) for one in meter.windows] == [80, 90, 70]


def test_a_fast_first_window_does_not_end_the_warm_up():
    assert not metered([200, 60, 80, 100]).windows


def test_warm_up_ends_when_its_time_is_up_even_if_the_speed_still_rises():
    rising = [50 * 1.1 ** step for step in range(100)]
    meter = metered(rising[:10])
    assert len(meter.warmup) == 10 and not meter.windows
    meter.add(window(rising[10]))  # five seconds are over
    assert len(meter.warmup) == 10 and len(meter.windows) == 1


def test_one_window_that_outlasts_the_warm_up_is_all_of_it():
    meter = metered([100, 100], seconds=10)
    assert len(meter.warmup) == 1 and len(meter.windows) == 1


@pytest.mark.parametrize("speeds, reason, verdict, count", [
    ([100] * 200, PRECISE, STABLE, 6),
    ([100, 99.5] * 100, PRECISE, STABLE, 6),
    ([100] * 4 + [80, 120] * 100, NOT_IMPROVING, NOISY, 40),
])
def test_measuring_ends_for_a_reason_that_gives_a_verdict(speeds, reason, verdict, count):
    meter = metered(speeds)
    assert (meter.stop, len(meter.windows)) == (reason, count)
    speed = meter.speed()
    assert (speed.stop, speed.verdict) == (reason, verdict)


def test_measuring_ends_when_its_time_is_up():
    meter = metered([100] * 4 + [80, 120] * 100, dataclasses.replace(METHOD, max_seconds=10.0))
    assert meter.stop == TIME_LIMIT and meter.speed().verdict == LIMITED
    assert 10.0 <= sum(one.seconds for one in meter.windows) < 10.6


def test_a_precise_figure_needs_the_least_number_of_windows_and_seconds_all_the_same():
    assert len(metered([100] * 200, dataclasses.replace(METHOD, min_windows=20)).windows) == 20
    assert len(metered([100] * 200, dataclasses.replace(METHOD, min_seconds=8.0)).windows) == 16


def test_the_time_limit_goes_before_the_least_number_of_windows():
    meter = metered([100] * 200, dataclasses.replace(METHOD, min_windows=50, max_seconds=5.0))
    assert meter.stop == TIME_LIMIT and len(meter.windows) == 10


def test_there_is_no_speed_before_a_window_counts():
    with pytest.raises(ValueError, match="no window was counted"):
        metered([100, 100]).speed()


def test_a_window_has_batches_enough_to_last():
    assert METHOD.batches_per_window(0.04) == 13
    assert METHOD.batches_per_window(2.0) == 1
    assert dataclasses.replace(METHOD, disp_batches=20).batches_per_window(2.0) == 20


def test_quick_differs_in_time_only():
    assert QUICK.max_seconds < Method().max_seconds and QUICK.precision == Method().precision


@given(st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0.001, 20.0)), min_size=1, max_size=60), st.randoms())
@settings(max_examples=60, deadline=None)
def test_any_windows_come_to_an_end_in_time_and_all_are_kept_in_order(shapes, shuffled):
    method = dataclasses.replace(METHOD, max_seconds=20.0)
    meter, fed = Meter(method), []
    generator = random.Random(shuffled.random())
    while not meter.stop:
        images_per_second, seconds = generator.choice(shapes)
        fed.append(Window(max(1, round(images_per_second * seconds)), seconds))
        finished = meter.add(fed[-1])
        assert finished == bool(meter.stop)
        assert meter.warmup + meter.windows == fed
    assert sum(one.seconds for one in meter.windows[:-1]) < method.max_seconds
    assert sum(one.seconds for one in meter.warmup[:-1]) < method.warmup_seconds
    assert fed[0] in meter.warmup
    speed = meter.speed()
    assert speed.windows == tuple(meter.windows) and speed.warmup == tuple(meter.warmup)
    assert min(one.images_per_second for one in meter.windows) <= speed.images_per_second
    assert speed.images_per_second <= max(one.images_per_second for one in meter.windows)
    assert speed.verdict == VERDICTS[meter.stop]
    if speed.interval:
        assert speed.interval[0] <= speed.images_per_second <= speed.interval[1]
