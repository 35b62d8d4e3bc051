from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.nn.tensor import Form
from rramchar.nn.thresholds import fold_cuts, fold_exact, fold_levels, fold_ternary

numbers = st.one_of(
    st.floats(-30, 30), st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e300, -1e300])
)


@settings(max_examples=200, deadline=None)
@given(
    channels=st.lists(
        st.tuples(numbers, numbers, st.one_of(numbers, st.sampled_from([np.inf, -np.inf]))),
        min_size=1,
        max_size=5,
    ),
    bound=st.integers(1, 300),
    step=st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(1, 255)]),
    strict=st.booleans(),
)
def test_levels_decide_as_the_formula_for_every_number(channels, bound, step, strict):
    scale, offset, cut = (np.array(field) for field in zip(*channels, strict=True))
    level, direction = fold_levels(scale, offset, cut, bound, step, strict=strict)
    every = np.arange(-bound, bound + 1)[:, None]
    with np.errstate(over="ignore"):
        value = scale * (every * float(step)) + offset
    expected = value > cut if strict else value >= cut
    np.testing.assert_array_equal(direction * every >= level, expected)
    assert np.abs(level).max() <= bound + 1


rationals = st.fractions(-30, 30, max_denominator=50)
halves = st.integers(-60, 60).map(lambda number: number / 2)


def _row(values):
    row = np.empty(len(values), dtype=object)
    row[:] = values
    return row


@settings(max_examples=60, deadline=None)
@given(
    channels=st.lists(st.tuples(rationals, rationals, halves), min_size=1, max_size=5),
    one_offset=st.booleans(),
    bound=st.integers(1, 60),
    step=st.sampled_from([Fraction(1), Fraction(1, 49), Fraction(1, 255)]),
    strict=st.booleans(),
)
def test_exact_levels_decide_as_fractions_for_every_number(
    channels, one_offset, bound, step, strict
):
    scale, offset, cut = map(list, zip(*channels, strict=True))
    offset = offset[:1] * len(scale) if one_offset else offset
    node = fold_exact(
        _row(scale),
        _row(offset[:1] if one_offset else offset),
        [(np.array(cut), strict)],
        Form((len(scale),), bound, step),
    )
    assert np.abs(node.levels).max() <= bound + 1
    for c, (a, b, limit) in enumerate(zip(scale, offset, cut, strict=True)):
        direction, level = int(node.direction[c]), int(node.levels[c, 0])
        for number in range(-bound, bound + 1):
            value = a * number * step + b
            reached = value > limit if strict else value >= limit
            assert (direction * number >= level) == reached


def test_a_mean_reaches_the_cut_that_it_equals():
    """49 * (1 / 49) is less than 1 in floating-point numbers."""
    ones, zeros = _row([Fraction(1)]), _row([Fraction(0)])
    for area in range(1, 200):
        node = fold_exact(ones, zeros, [(1.0, False)], Form((3,), 200, Fraction(1, area)))
        assert node.levels.tolist() == [[area]] * 3


def test_a_ternary_step_has_both_edges_outside():
    """+1 above the cut, -1 below minus the cut, 0 on either and between."""
    node = fold_ternary(np.array([0.5, -0.5]), np.zeros(2), 1.0, 4)
    sums = np.arange(-4, 5)
    for channel, sign in enumerate((1, -1)):
        reached = (node.direction[channel] * sums[:, None] >= node.levels[channel]).sum(axis=1)
        outputs = node.base + node.gain * reached
        np.testing.assert_array_equal(outputs, sign * np.sign(sums) * (np.abs(sums) > 2))


def test_cuts_become_one_level_each():
    node = fold_cuts(np.ones(1), np.zeros(1), [(-0.5, False), (2.5, False)], 10)
    assert node.levels.tolist() == [[0, 3]]


def test_a_normalization_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="NaN or infinity"):
        fold_levels(np.array([np.nan]), np.zeros(1), 0.0, 4)
