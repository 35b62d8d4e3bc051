"""Intervals of few chips cover also where hardly any chip differs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta
from scipy.stats import t as student

from rramchar.nn.adaptive import Precision, sample_until
from rramchar.nn.chip_interval import mean_interval, spread_half, unseen_half

STEP = 1 / 359


def _chips(rng, rate, count):
    """Images that chips lose or win: rare changes, each of one or two images."""
    changes = rng.poisson(rate, count)
    moved = np.zeros(count)
    for k in range(int(changes.max(initial=0))):
        moved += (changes > k) * rng.choice([-2, -1, -1, -1, 1], count)
    return 0.93 + moved * STEP, 0.93 + rate * -0.8 * STEP


@pytest.mark.parametrize("chips", [2, 5, 20])
@pytest.mark.parametrize("rate", [0.02, 0.2, 1.0, 10.0])
def test_it_covers_at_every_rate(rate, chips):
    """The rates are changes per chip, as at error rates of 1e-5 to 1e-2 in a small network."""
    values, mean = _chips(np.random.default_rng(7), rate, 3000 * chips)
    ends = np.array([mean_interval(part, STEP) for part in values.reshape(-1, chips)])
    inside = np.mean((ends[:, 0] <= mean + 1e-12) & (mean - 1e-12 <= ends[:, 1]))
    assert inside > 0.925
    # Student's interval alone does not: it is a point where the chips agree
    plain = np.array([mean_interval(part) for part in values.reshape(-1, chips)])
    covered = np.mean((plain[:, 0] <= mean + 1e-12) & (mean - 1e-12 <= plain[:, 1]))
    assert covered < 0.5 or rate > 0.02


@pytest.mark.parametrize("chips", [3, 20, 100])
def test_equal_chips_leave_a_share_open(chips):
    accuracy = np.full(chips, 300 * STEP)
    assert unseen_half(accuracy, STEP) == pytest.approx((1 - 0.025 ** (1 / chips)) * STEP)
    low, high = mean_interval(accuracy, STEP)
    assert low < accuracy[0] < high
    assert mean_interval(accuracy) == pytest.approx((accuracy[0], accuracy[0]))


def test_chips_that_differ_give_their_distance_and_share():
    accuracy = np.full(20, 300 * STEP)
    accuracy[:2] -= np.array([3, 4]) * STEP
    upper = beta.ppf(0.975, 3, 18)
    expected = (upper - 0.1) * np.sqrt(12.5) * STEP
    assert unseen_half(accuracy, STEP) == pytest.approx(expected)
    assert mean_interval(accuracy, STEP)[0] == pytest.approx(accuracy.mean() - expected)


@pytest.mark.parametrize("chips", [20, 50])
def test_a_visible_spread_gives_students_interval(chips):
    rng = np.random.default_rng(3)
    accuracy = np.rint(rng.normal(9000, 60, chips)) / 10_000
    expected = student.interval(
        0.95, chips - 1, loc=accuracy.mean(), scale=accuracy.std(ddof=1) / chips**0.5
    )
    assert mean_interval(accuracy, 1e-4) == pytest.approx(expected, rel=1e-5)
    assert spread_half(accuracy, 1e-4) > unseen_half(accuracy, 1e-4)


def test_it_stays_within_0_and_1():
    assert mean_interval(np.ones(2), 0.1)[1] == 1.0
    assert mean_interval(np.zeros(2), 0.1)[0] == 0.0
    assert np.isnan(mean_interval(np.ones(1), 0.1)).all()


@pytest.mark.parametrize("rate", [0.02, 0.2, 2.0])
def test_as_many_chips_as_the_width_needs(rate):
    """Twenty equal chips are no reason to stop; the interval covers and is as narrow as asked."""
    asked, inside, runs = 0.06 * STEP, 0, 150
    for seed in range(runs):
        values, mean = _chips(np.random.default_rng(seed), rate, 40_000)
        sample = sample_until(
            lambda chips, values=values: values[chips.start : chips.stop],
            Precision(asked, 20, 40_000),
            STEP,
        )
        low, high = sample.interval
        assert sample.reached
        assert len(sample.accuracy) > 20
        assert (high - low) / 2 <= asked * (1 + 1e-9)
        inside += low <= mean <= high
    assert inside / runs > 0.91
