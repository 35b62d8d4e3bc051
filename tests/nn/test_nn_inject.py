from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2, chisquare, kstest

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn.inject import (
    draw_changes,
    inject,
    inject_network,
    layer_confusions,
    seen_matrix,
)

VALUES = np.array([1, 0, -1], dtype=np.int8)
UNEVEN = np.array([[0.9, 0.07, 0.03], [0.002, 0.993, 0.005], [0.0, 0.2, 0.8]])


def _ternary(rng, count):
    return rng.choice(VALUES, size=count)


def _counts(stored, seen):
    return np.array([[np.sum((stored == s) & (seen == v)) for v in VALUES] for s in VALUES])


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01])
def test_frequencies_follow_the_matrix(scale):
    """Chi-square of each stored value's outcomes, over the dense and the sparse way to draw."""
    matrix = np.eye(3) + scale * (UNEVEN - np.eye(3))
    rng = np.random.default_rng(11)
    stored = _ternary(rng, 1_000_000)
    counts = _counts(stored, inject(stored, matrix, rng))
    for row, p in zip(counts, matrix, strict=True):
        assert not row[p == 0].any()
        assert chisquare(row[p > 0], row.sum() * p[p > 0]).pvalue > 1e-3


@pytest.mark.parametrize("rate", [1e-5, 1e-3, 0.05, 0.24, 0.26, 0.9])
def test_binary_rate(rate):
    rng = np.random.default_rng(5)
    stored = rng.choice(np.array([-1, 1], np.int8), size=(1000, 1000))
    seen = inject(stored, Confusion.binary_symmetric(rate), rng, kind="binary")
    assert seen.shape == stored.shape
    assert set(np.unique(seen)) == {-1, 1}
    assert binomtest(int(np.sum(seen != stored)), stored.size, rate).pvalue > 1e-3


def test_every_position_is_equally_likely():
    """Also the first and the last, where a scheme of gaps could go wrong."""
    rng = np.random.default_rng(6)
    count, repeats, rate = 50, 20_000, 0.05
    hits = np.zeros(count)
    for _ in range(repeats):
        changes = draw_changes(
            np.ones(count, np.int8), Confusion.binary_symmetric(rate), rng, kind="binary"
        )
        hits[changes.position] += 1
    expected = repeats * rate
    statistic = np.sum((hits - expected) ** 2) / (expected * (1 - rate))
    assert chi2.sf(statistic, count) > 1e-3
    assert kstest(np.repeat(np.arange(count), hits.astype(int)) / count, "uniform").statistic < 0.03


def test_the_number_of_errors_is_binomial():
    """Its variance tells independent errors from, say, a fixed number of them."""
    rng = np.random.default_rng(7)
    weights, rate = np.ones(400, np.int8), 0.02
    model = Confusion.binary_symmetric(rate)
    numbers = [len(draw_changes(weights, model, rng, kind="binary").position) for _ in range(5000)]
    wanted = 400 * rate * (1 - rate)
    ratio = 4999 * np.var(numbers, ddof=1) / wanted
    assert min(chi2.sf(ratio, 4999), chi2.cdf(ratio, 4999)) > 1e-3


def test_rate_zero_changes_nothing():
    rng = np.random.default_rng(0)
    stored = _ternary(rng, 10_000)
    for model in (Confusion.binary_symmetric(0.0), np.eye(3)):
        np.testing.assert_array_equal(inject(stored, model, rng), stored)


def test_rate_one_flips_all():
    rng = np.random.default_rng(0)
    stored = rng.choice(np.array([-1, 1], np.int8), size=10_000)
    seen = inject(stored, Confusion.binary_symmetric(1.0), rng, kind="binary")
    np.testing.assert_array_equal(seen, -stored)


def test_a_permutation_is_exact():
    rng = np.random.default_rng(0)
    stored = _ternary(rng, 10_000)
    shift = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # +1 -> 0 -> -1 -> +1
    seen = inject(stored, shift, rng)
    np.testing.assert_array_equal(seen, np.array([1, -1, 0], np.int8)[stored + 1])


def test_tiny_rates_neither_hang_nor_overflow():
    rng = np.random.default_rng(0)
    stored = np.ones(1000, np.int8)
    for rate in (1e-300, 5e-324, 1e-18):
        model = np.array([[1 - rate, 0, rate], [0, 1, 0], [rate, 0, 1 - rate]])
        np.testing.assert_array_equal(inject(stored, model, rng), stored)


def test_invalid_reads_are_seen_as_zero():
    model = Confusion(np.array([[0, 0, 0, 1.0], [0, 1, 0, 0], [0, 0, 0, 1.0]]))
    assert not inject(np.array([1, -1, 0], np.int8), model, np.random.default_rng(0)).any()


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 200),
    errors=st.lists(st.floats(0, 0.5), min_size=6, max_size=6),
)
def test_changes_are_sorted_in_range_and_real(seed, count, errors):
    a, b, c, d, e, f = errors
    matrix = np.array([[1 - a - b, a, b], [c, 1 - c - d, d], [e, f, 1 - e - f]])
    rng = np.random.default_rng(seed)
    stored = _ternary(rng, count)
    kept = stored.copy()
    changes = draw_changes(stored, matrix, rng)
    np.testing.assert_array_equal(stored, kept)
    assert (np.diff(changes.position) > 0).all()
    assert ((changes.position >= 0) & (changes.position < count)).all()
    assert (changes.value != stored[changes.position]).all()
    rows = 1 - stored[changes.position].astype(int)
    assert (matrix[rows, 1 - changes.value.astype(int)] > 0).all()


def test_same_seed_same_errors(make_network):
    network = make_network(np.random.default_rng(0), (30, 20, 5), "ternary")
    model = Confusion.ternary_adjacent(0.1, 0.33)
    first, second, other = (
        inject_network(network, model, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    for a, b in zip(first.layers, second.layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
    assert (first.layers[0].weights != other.layers[0].weights).any()


def test_one_model_for_each_layer(make_network):
    network = make_network(np.random.default_rng(0), (30, 20, 5))
    models = [Confusion.binary_symmetric(0.0), Confusion.binary_symmetric(1.0)]
    seen = inject_network(network, models, np.random.default_rng(0))
    np.testing.assert_array_equal(seen.layers[0].weights, network.layers[0].weights)
    np.testing.assert_array_equal(seen.layers[1].weights, -network.layers[1].weights)
    np.testing.assert_array_equal(seen.layers[0].threshold, network.layers[0].threshold)
    with pytest.raises(InputError, match="3 given.*2 layers"):
        layer_confusions(network, [models[0]] * 3)


def test_a_binary_network_never_gets_a_zero(make_network):
    network = make_network(np.random.default_rng(0), (30, 20, 5))
    for outcome in (1, 3):  # zero, invalid
        rows = np.eye(3, 4)
        rows[0, 0], rows[0, outcome] = 0.9, 0.1
        with pytest.raises(InputError, match=r"as 0 .* 0\.1, but the network is binary"):
            inject_network(network, Confusion(rows), np.random.default_rng(0))


def test_a_binary_network_ignores_how_a_zero_is_read(make_network):
    network = make_network(np.random.default_rng(0), (30, 20, 5))
    only_zero_errs = np.array([[1.0, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])
    seen = inject_network(network, only_zero_errs, np.random.default_rng(0))
    np.testing.assert_array_equal(seen.layers[0].weights, network.layers[0].weights)


@pytest.mark.parametrize(
    "bad",
    [
        np.eye(2),
        np.ones((3, 3)),
        np.array([[1, 0, 0], [0, 1, 0], [0, np.nan, 1]]),
        np.array([[1.5, -0.5, 0], [0, 1, 0], [0, 0, 1]]),
        "0.1",
        None,
    ],
)
def test_bad_matrices_are_refused(bad):
    with pytest.raises(InputError, match="confusion"):
        seen_matrix(bad)


def test_unknown_kind():
    with pytest.raises(InputError, match="unary"):
        inject(np.ones(3, np.int8), np.eye(3), np.random.default_rng(0), kind="unary")
