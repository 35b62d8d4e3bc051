from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rramchar.characterize.bisect import bisect_batch, bracket_batch

positions = st.lists(st.floats(-0.99, 0.99), min_size=1, max_size=12)


@given(boundaries=positions, guesses=st.data(), step=st.floats(1e-3, 0.5))
def test_any_guess_ends_within_the_resolution(boundaries, guesses, step) -> None:
    truth = np.array(boundaries)
    guess = np.array([guesses.draw(st.one_of(st.just(np.nan), st.floats(-1, 1))) for _ in truth])

    def below(numbers, values):
        return values < truth[numbers]

    low, high = bracket_batch(below, guess, step, -1.0, 1.0)
    assert (low < high).all()
    assert below(np.arange(len(truth)), low).all()
    assert not below(np.arange(len(truth)), high).any()
    found = bisect_batch(below, low, high, 1e-6)
    assert np.abs(found - truth).max() <= 1e-6


def test_boundaries_out_of_range_are_infinite() -> None:
    truth = np.array([-5.0, 5.0, 0.25])

    def below(numbers, values):
        return values < truth[numbers]

    low, high = bracket_batch(below, np.array([0.0, np.nan, 0.2]), 0.1, -1.0, 1.0)
    assert list(low[:2]) == [-np.inf, np.inf]
    assert list(high[:2]) == [-np.inf, np.inf]
    assert low[2] < 0.25 <= high[2]


def test_a_good_guess_is_cheap() -> None:
    truth = np.linspace(-0.9, 0.9, 50)
    asked = 0

    def below(numbers, values):
        nonlocal asked
        asked += len(numbers)
        return values < truth[numbers]

    low, high = bracket_batch(below, truth + 0.003, 0.01, -1.0, 1.0)
    bisect_batch(below, low, high, 0.011)
    assert asked == 3 * len(truth)
