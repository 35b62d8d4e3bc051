"""Products and sums that share a number must equal plain integer ones, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.nn.bitslice import count_ones, pack_bits, reaches, to_planes, unpack_bits
from rramchar.nn.counts import counted_layer
from rramchar.nn.forward import best_class, predict
from rramchar.nn.gemm import pair_product, signed_sums
from rramchar.nn.network import DenseLayer, InputEncoding, Network

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=150, deadline=None)
@given(
    seed=seeds,
    outputs=st.integers(96, 130),
    inputs=st.integers(1, 300),
    images=st.integers(1, 40),
    share=st.floats(0, 0.6),
    constant=st.sampled_from([0.0, 0.4, 1.0]),
    far=st.booleans(),
)
def test_counted_layer_equals_a_loop(seed, outputs, inputs, images, share, constant, far):
    rng = np.random.default_rng(seed)
    weights = rng.choice(np.array([-1, 1], np.int8), size=(outputs, inputs))
    marks = rng.random((images, inputs)) < share
    marks[:, rng.random(inputs) < constant] = rng.random() < 0.5  # the same in all images
    reach = inputs if far else max(1, int(inputs**0.5))
    threshold = rng.integers(-reach, reach + 2, size=outputs)
    sums = weights.astype(int) @ (2 * marks.T.astype(int) - 1)
    fired = counted_layer(weights, threshold).fired(marks)
    varying = marks[:, (marks != marks[0]).any(axis=0)].sum(axis=1)
    if fired is None:
        assert varying.max() > 254
    else:
        np.testing.assert_array_equal(fired, sums >= threshold[:, None])


@pytest.mark.parametrize("marked", [252, 253, 254, 255, 256, 300])
def test_counts_at_the_edge_of_a_byte(marked):
    """All weights +1, and images with none or many marks: counts as large as they get."""
    marks = np.zeros((2, 300), dtype=bool)
    marks[1, :marked] = True
    weights = np.ones((96, 300), np.int8)
    threshold = np.linspace(-300, 301, 96).astype(int)
    fired = counted_layer(weights, threshold).fired(marks)
    assert (fired is None) == (marked > 254)
    if fired is not None:
        sums = np.array([-300, 2 * marked - 300])
        np.testing.assert_array_equal(fired, sums >= threshold[:, None])


def test_no_counts_for_ternary_or_few_weights():
    weights = np.ones((100, 5), np.int8)
    assert counted_layer(weights, np.zeros(100, int)) is not None
    assert counted_layer(weights[:50], np.zeros(50, int)) is None
    weights[3, 2] = 0
    assert counted_layer(weights, np.zeros(100, int)) is None


@pytest.mark.parametrize("level", [1, 40, 128, 250])
def test_predictions_with_few_and_many_marks(level):
    """Images with too many marks take another way; classes are the same."""
    rng = np.random.default_rng(level)
    hidden = DenseLayer(
        rng.choice(np.array([-1, 1], np.int8), size=(120, 700)), rng.integers(-40, 40, size=120)
    )
    last = DenseLayer(rng.choice(np.array([-1, 1], np.int8), size=(10, 120)))
    encoding = InputEncoding("sign", 255, level)
    network = Network((hidden, last), encoding, np.ones(10), rng.normal(size=10))
    images = rng.integers(0, 256, size=(50, 700)).astype(np.uint8)
    x = np.where(images >= level, 1, -1)
    a = np.where(x @ hidden.weights.T.astype(int) >= hidden.threshold, 1, -1)
    expected = (a @ last.weights.T.astype(int) + network.offset).argmax(axis=1)
    np.testing.assert_array_equal(predict(network, images), expected)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, inputs=st.integers(1, 400), columns=st.integers(1, 90), minus=st.booleans())
def test_pairs_of_columns(seed, inputs, columns, minus):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-1, 2, size=(7, inputs)).astype(np.int8)
    flags, less = rng.integers(0, 2, size=(2, inputs, columns)).astype(np.uint8)
    expected = weights.astype(int) @ (flags.astype(int) - minus * less.astype(int))
    found = pair_product(weights, flags, less if minus else None)
    np.testing.assert_array_equal(found, expected)
    if not minus:
        np.testing.assert_array_equal(
            signed_sums(found, weights), weights.astype(int) @ (2 * flags.astype(int) - 1)
        )


@pytest.mark.parametrize("sign", [-1, 1])
def test_pairs_of_columns_with_the_largest_sums(sign):
    weights = np.full((2, 1000), sign, np.int8)
    ones = np.ones((1000, 4), np.uint8)
    np.testing.assert_array_equal(pair_product(weights, ones), np.full((2, 4), 1000 * sign))


@settings(max_examples=60, deadline=None)
@given(seed=seeds, rows=st.integers(1, 6), terms=st.integers(1, 40), columns=st.integers(1, 200))
def test_counts_added_to_numbers(seed, rows, terms, columns):
    rng = np.random.default_rng(seed)
    flags = rng.integers(0, 2, size=(20, columns)).astype(bool)
    start = rng.integers(0, 256, size=(rows, columns)).astype(np.int16)
    chosen = rng.integers(0, 20, size=(terms, rows))
    expected = start + flags[chosen].sum(axis=0)
    planes = count_ones(pack_bits(flags), chosen, to_planes(start, 8))
    numbers = sum(unpack_bits(p, columns).astype(int) << k for k, p in enumerate(planes))
    np.testing.assert_array_equal(numbers, expected)
    for least in (0, 1, int(expected.max()), 2 ** len(planes) - 1):
        found = unpack_bits(reaches(planes, least), columns)
        np.testing.assert_array_equal(found, expected >= least)


@given(seed=seeds, classes=st.integers(1, 12))
def test_best_class_takes_the_first_of_equals(seed, classes):
    scores = np.random.default_rng(seed).integers(-2, 3, size=(classes, 50)).astype(float)
    np.testing.assert_array_equal(best_class(scores), scores.argmax(axis=0))
