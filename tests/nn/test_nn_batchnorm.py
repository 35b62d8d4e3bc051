from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.nn.batchnorm import EPSILON, Normalization, fold, normalize, normalize_backward


def _decisions(layer, values):
    return np.where(values @ layer.weights.T.astype(int) >= layer.threshold, 1, -1)


def _norm(*fields):
    return Normalization(*(np.array(f, dtype=float) for f in fields))


numbers = st.floats(-30, 30, allow_nan=False)
scales = st.one_of(
    numbers, st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-30, -1e-30, 1e-300, 1e30, -1e30])
)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    inputs=st.integers(1, 12),
    fields=st.lists(
        st.tuples(scales, scales, numbers, st.floats(0.01, 50)), min_size=1, max_size=6
    ),
    bound=st.sampled_from([1, 16]),
)
def test_fold_decides_as_the_formula_for_every_sum(seed, inputs, fields, bound):
    rng = np.random.default_rng(seed)
    norm = _norm(*zip(*fields, strict=True))
    weights = rng.choice(np.array([-1, 0, 1], np.int8), size=(len(fields), inputs))
    layer = fold(weights, norm, bound)
    values = rng.integers(-bound, bound + 1, size=(200, inputs))
    values[0], values[1] = bound, -bound
    expected = np.where(norm.apply(values @ weights.T.astype(int)) >= 0, 1, -1)
    np.testing.assert_array_equal(_decisions(layer, values), expected)
    assert np.abs(layer.threshold).max() <= inputs * bound + 1


@pytest.mark.parametrize("gamma", [1.0, -1.0, 0.5, -0.5])
@pytest.mark.parametrize("beta", [-1.0, 0.0, 2.0])
def test_fold_where_a_sum_falls_right_on_the_edge(gamma, beta):
    """Mean and beta are such that the formula gives exactly 0 at a reachable sum."""
    weights = np.ones((1, 4), np.int8)
    norm = _norm([gamma], [beta], [2.0], [gamma**2])
    layer = fold(weights, norm, 1)
    values = np.array([[1, 1, 1, 1], [1, 1, 1, -1], [1, 1, -1, -1], [-1, -1, -1, 1], [-1] * 4])
    expected = np.where(norm.apply(values.sum(axis=1, keepdims=True)) >= 0, 1, -1)
    np.testing.assert_array_equal(_decisions(layer, values), expected)


def test_a_gamma_of_zero_gives_a_constant():
    layer = fold(np.ones((3, 4), np.int8), _norm([0, 0, 0], [1, 0, -1], [5, 5, 5], [1, 1, 1]), 255)
    assert layer.threshold.tolist() == [-1020, -1020, 1021]


def test_fold_where_the_formula_underflows():
    """5e-324 times a sum under 8/2 rounds to 0, which fires, and so does every sum."""
    norm = _norm([5e-324, 5e-324], [0, 0], [0, 8], [8, 8])
    assert fold(np.ones((2, 4), np.int8), norm, 1).threshold.tolist() == [-4, 4]


def test_negative_gamma_flips_the_row():
    weights = np.array([[1, -1, 0], [1, -1, 0]], np.int8)
    layer = fold(weights, _norm([1, -1], [0, 0], [1, 1], [1, 1]), 1)
    assert layer.weights.tolist() == [[1, -1, 0], [-1, 1, 0]]
    assert layer.threshold.tolist() == [1, -1]


def test_normalize():
    rng = np.random.default_rng(0)
    sums = rng.normal(3, 5, size=(50, 4)).astype(np.float32)
    sums[:, 3] = 7  # a neuron that never changes
    std = np.sqrt(sums.var(axis=0) + EPSILON)
    normalized, inverse = normalize(sums.copy())
    np.testing.assert_allclose(inverse, 1 / std, rtol=1e-5)
    np.testing.assert_allclose(normalized, (sums - sums.mean(axis=0)) / std, atol=1e-5)
    assert np.isfinite(normalized).all()


def test_normalize_backward_against_differences():
    rng = np.random.default_rng(1)
    sums = rng.normal(1, 2, size=(12, 3))
    upstream = rng.normal(size=(12, 3))
    gamma, beta = rng.normal(size=3), rng.normal(size=3)

    def loss(sums, gamma, beta):
        std = np.sqrt(sums.var(axis=0) + EPSILON)
        return np.sum(upstream * (gamma * (sums - sums.mean(axis=0)) / std + beta))

    normalized, inverse = normalize(sums.copy())
    found = normalize_backward(upstream.copy(), normalized.copy(), inverse, gamma)
    for which, gradient in enumerate(found):
        for place in np.ndindex(gradient.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [sums.copy(), gamma.copy(), beta.copy()]
                moved[which][place] += step
                ends.append(loss(*moved))
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)
