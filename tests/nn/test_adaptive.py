"""The number of chips follows from the interval asked for, and the interval keeps its promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from rramchar.errors import InputError
from rramchar.nn.adaptive import (
    ChipSample,
    Precision,
    mean_interval,
    percentiles,
    sample_fixed,
    sample_until,
)


def _normal(seed, mean=0.9, sigma=0.01):
    """Chip k's accuracy is the same however the chips are asked for."""
    values = np.random.default_rng(seed).normal(mean, sigma, 5000)
    return lambda chips: values[chips.start : chips.stop]


@pytest.mark.parametrize("half_width", [0.002, 0.004])
def test_the_interval_is_as_narrow_as_asked_and_covers(half_width):
    inside = 0
    for seed in range(1500):
        sample = sample_until(_normal(seed), Precision(half_width, 10, 5000), 0.0)
        low, high = sample.interval
        assert sample.reached
        assert (high - low) / 2 <= half_width * (1 + 1e-9)
        inside += low <= 0.9 <= high
    # 95 %, within three standard errors of 1500 trials
    assert abs(inside / 1500 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 1500)


def test_stopping_when_it_looks_narrow_enough_would_cover_less():
    """Why the rule is not simply to draw until the t interval is narrow."""
    inside = 0
    for seed in range(800):
        values = np.random.default_rng(seed).normal(0.9, 0.01, 400)
        count = 3
        while True:
            low, high = mean_interval(values[:count])
            if (high - low) / 2 <= 0.005 or count == 400:
                break
            count += 1
        inside += low <= 0.9 <= high
    assert inside / 800 < 0.93


def test_chips_are_measured_at_most_twice_and_none_again():
    asked = []

    def measure(chips):
        asked.append((chips.start, chips.stop))
        return _normal(1)(chips)

    sample = sample_until(measure, Precision(0.002), 0.0)
    assert asked == [(0, 20), (20, len(sample.accuracy))]
    np.testing.assert_array_equal(sample.accuracy, _normal(1)(range(len(sample.accuracy))))


def test_enough_at_once():
    sample = sample_until(_normal(1), Precision(0.05), 0.0)
    assert len(sample.accuracy) == 20
    assert sample.reached


def test_the_limit_is_told():
    sample = sample_until(_normal(1), Precision(1e-5, 20, 50), 0.0)
    assert not sample.reached
    assert len(sample.accuracy) == 50
    assert (sample.interval[1] - sample.interval[0]) / 2 > 1e-5


def test_chips_that_cannot_differ_need_no_more():
    sample = sample_until(lambda chips: np.full(len(chips), 0.75), Precision(1e-6), 0.0)
    assert sample.interval == (0.75, 0.75)
    assert sample.reached


def test_chips_that_happen_to_be_alike_are_no_reason_to_stop():
    sample = sample_until(lambda chips: np.full(len(chips), 0.75), Precision(1e-4, 20, 200), 0.01)
    assert not sample.reached
    assert len(sample.accuracy) == 200
    low, high = sample.interval
    assert low < 0.75 < high


def test_rare_chips_that_come_late_widen_the_interval_and_draw_more():
    def measure(chips):
        asked.append((chips.start, chips.stop))
        values = np.full(2000, 0.9)
        values[30:60:3] = 0.88
        return values[chips.start : chips.stop]

    asked = []
    sample = sample_until(measure, Precision(1e-3, 20, 2000), 0.01)
    assert len(asked) > 2
    assert [end for _, end in asked[:-1]] == [start for start, _ in asked[1:]]
    assert sample.reached
    assert sample.accuracy.mean() - sample.interval[0] <= 1e-3


def test_an_interval_that_no_number_of_chips_reaches_ends_at_the_limit():
    assert not sample_until(_normal(1), Precision(1e-300, 20, 30), 0.0).reached


def test_fixed_number_gives_the_t_interval():
    sample = sample_fixed(_normal(2), 12, 0.0)
    values = _normal(2)(range(12))
    expected = student.interval(0.95, 11, loc=values.mean(), scale=values.std(ddof=1) / 12**0.5)
    assert sample.interval == pytest.approx(expected)
    assert (sample.mean, sample.std) == pytest.approx((values.mean(), values.std(ddof=1)))
    one = sample_fixed(_normal(2), 1, 0.0)
    assert math.isnan(one.std)
    assert all(math.isnan(end) for end in one.interval)


def test_percentiles():
    sample = ChipSample(np.linspace(0.5, 1.0, 101), (0.7, 0.8))
    found = sample.percentiles()
    assert list(found) == ["p1", "p5", "p25", "p50", "p75", "p95", "p99"]
    assert found["p5"] == pytest.approx(0.525)
    assert percentiles(np.array([0.5]))["p99"] == 0.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Precision(0), "half-width 0 percentage points"),
        (lambda: Precision(math.nan), "half-width nan"),
        (lambda: Precision(0.01, 2), "at least 2"),
        (lambda: Precision(0.01, 50, 20), "at most 20"),
        (lambda: sample_fixed(_normal(0), 0, 0.0), "draws: 0"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(InputError, match=words):
        make()
