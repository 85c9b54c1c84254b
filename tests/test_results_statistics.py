"""The statistics hold what their definitions promise, by simulation where there is a probability in it."""

import random
from statistics import median

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mxbench.results.statistics import (CONFIDENCE, MIN_RANKED, half_width, mad, median_interval, modified_z_scores,
                                        process_interval)

speeds = st.floats(0.01, 1e5)
ranked = st.lists(speeds, min_size=MIN_RANKED, max_size=60)


@given(ranked)
@settings(deadline=None)
def test_an_interval_of_a_median_is_two_of_the_values_with_the_median_between(values):
    low, high = median_interval(values)
    ordered = sorted(values)
    assert low in values and high in values and low <= median(values) <= high
    assert any((ordered[rank], ordered[-1 - rank]) == (low, high) for rank in range(len(values) // 2 + 1))


@pytest.mark.parametrize("count, rank", [(6, 1), (8, 1), (9, 2), (15, 4), (20, 6), (40, 14), (100, 40)])
def test_the_ranks_are_those_of_the_tables(count, rank):
    values = list(range(1, count + 1))
    assert median_interval(values) == (rank, count + 1 - rank)


@given(st.lists(speeds, max_size=MIN_RANKED - 1))
@settings(deadline=None)
def test_fewer_than_six_values_have_no_interval(values):
    assert median_interval(values) is None


@given(ranked, st.randoms(use_true_random=False), st.sampled_from([0.5, 2.0, 1024.0]))
@settings(deadline=None)
def test_order_does_not_matter_and_a_unit_scales_everything(values, shuffler, factor):
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    scaled = [factor * value for value in values]
    for statistic in (median_interval, process_interval):
        assert statistic(shuffled) == statistic(values)
        assert statistic(scaled) == tuple(factor * bound for bound in statistic(values))
    assert mad(shuffled) == mad(values) and mad(scaled) == factor * mad(values)
    assert half_width(median_interval(scaled), median(scaled)) == half_width(median_interval(values), median(values))


@pytest.mark.parametrize("count", [6, 9, 25, 60])
def test_an_interval_covers_the_median_as_often_as_it_says(count):
    generator, trials = random.Random(7), 2000
    covered = 0
    for _ in range(trials):  # a skewed distribution with the median 1
        low, high = median_interval([generator.lognormvariate(0, 0.5) for _ in range(count)])
        covered += low <= 1 <= high
    assert covered / trials > CONFIDENCE - 0.015  # three standard errors


@pytest.mark.parametrize("count", [2, 3, 5])
def test_an_interval_between_a_few_processes_covers_as_often_as_it_says(count):
    generator, trials = random.Random(11), 2000
    covered = 0
    for _ in range(trials):
        low, high = process_interval([generator.gauss(100, 1) for _ in range(count)])
        covered += low <= 100 <= high
    assert abs(covered / trials - CONFIDENCE) < 0.015


def test_an_interval_between_processes_follows_its_definitions():
    assert process_interval([]) is None and process_interval([100.0]) is None
    assert process_interval([99.0, 101.0]) == pytest.approx((100 - 12.7062, 100 + 12.7062), abs=1e-3)
    assert process_interval([5.0] * 3) == (5.0, 5.0)
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert process_interval(values) == median_interval(values) == (1.0, 7.0)


def test_no_speed_is_negative():
    assert process_interval([100.0, 120.0])[0] == 0.0


def test_a_larger_confidence_takes_more_values_and_a_wider_interval():
    values = list(range(30))
    assert median_interval(values, 0.99)[0] < median_interval(values, 0.9)[0]
    assert median_interval(values[:7], 0.99) is None


def test_the_median_absolute_deviation_is_what_its_name_says():
    assert mad([1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]) == 1.0
    assert mad([3.0]) == 0.0


def test_half_width_is_relative_to_the_centre():
    assert half_width((98.0, 102.0), 100.0) == 0.02
    assert half_width(None, 100.0) is None


@given(st.lists(speeds, min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_scores_have_the_sign_and_the_order_of_their_values(values):
    scores = modified_z_scores(values)
    assert len(scores) == len(values)
    assume(mad(values) > 0)
    for value, score in zip(values, scores):
        assert (score > 0) == (value > median(values)) or score == 0


def test_a_score_of_one_is_a_standard_deviation_of_normal_noise():
    generator = random.Random(3)
    values = [generator.gauss(50, 4) for _ in range(20000)]
    assert modified_z_scores([*values, 54.0])[-1] == pytest.approx(1.0, abs=0.05)
    assert modified_z_scores([7.0, 7.0, 7.0, 9.0]) == [0.0] * 4
