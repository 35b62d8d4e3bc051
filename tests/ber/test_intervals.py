"""Clopper-Pearson intervals against published values and the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rramchar.ber import clopper_pearson
from rramchar.errors import InputError


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [
        # R. G. Newcombe, Stat. Med. 17 (1998) 857, table I, method 5 (Clopper-Pearson)
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0000, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_published_values(errors, trials, low, high):
    found = clopper_pearson(errors, trials)
    assert found[0] == pytest.approx(low, abs=5e-5)
    assert found[1] == pytest.approx(high, abs=5e-5)


def test_edges_are_exact():
    assert clopper_pearson(0, 10)[0] == 0.0
    assert clopper_pearson(10, 10)[1] == 1.0
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    # closed form: 1 - (alpha / 2)^(1 / n)
    assert clopper_pearson(0, 10**6)[1] == pytest.approx(-np.expm1(np.log(0.025) / 1e6), rel=1e-9)


@settings(deadline=None)
@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0.5, 0.999))
def test_ends_are_where_the_tails_are_half_of_alpha(trials, share, confidence):
    errors = round(share * trials)
    low, high = (float(end) for end in clopper_pearson(errors, trials, confidence))
    assert 0 <= low <= errors / trials <= high <= 1
    tail = (1 - confidence) / 2
    if errors > 0:
        assert stats.binom.sf(errors - 1, trials, low) == pytest.approx(tail, rel=1e-4)
    if errors < trials:
        assert stats.binom.cdf(errors, trials, high) == pytest.approx(tail, rel=1e-4)


@settings(deadline=None)
@given(st.integers(1, 1000), st.integers(0, 1000))
def test_errors_and_right_reads_mirror_each_other(trials, errors):
    errors = min(errors, trials)
    low, high = clopper_pearson(errors, trials)
    mirrored = clopper_pearson(trials - errors, trials)
    assert low == pytest.approx(1 - mirrored[1], abs=1e-9)
    assert high == pytest.approx(1 - mirrored[0], abs=1e-9)


def test_arrays_are_broadcast():
    low, high = clopper_pearson([0, 1, 2], 10)
    assert low.shape == high.shape == (3,)
    assert (np.diff(low) > 0).all()
    assert high[1] == clopper_pearson(1, 10)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "3 of 2 trials"),
        ((-1, 2), "errors: -1"),
        ((1.5, 2), "errors: 1.5"),
        ((1, float("nan")), "trials: nan"),
        (("one", 2), "errors: 'one'"),
        ((1, 2, 95), "confidence: 95"),
    ],
)
def test_impossible_counts_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        clopper_pearson(*arguments)
