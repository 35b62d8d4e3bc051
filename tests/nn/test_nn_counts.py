"""Products and sums that share a number must equal plain integer ones, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.nn import forward
from rramchar.nn.bitslice import count_ones, pack_bits, reaches, to_planes, unpack_bits
from rramchar.nn.counts import counted_layer
from rramchar.nn.forward import best_class, predict
from rramchar.nn.gemm import pair_product, signed_sums
from rramchar.nn.network import DenseLayer, InputEncoding, Network
from rramchar.nn.order import like_blocks

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
    fired = counted_layer(weights, threshold, marks=True).fired(marks)
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
    fired = counted_layer(weights, threshold, marks=True).fired(marks)
    assert (fired is None) == (marked > 254)
    if fired is not None:
        sums = np.array([-300, 2 * marked - 300])
        np.testing.assert_array_equal(fired, sums >= threshold[:, None])


@settings(max_examples=100, deadline=None)
@given(
    seed=seeds,
    outputs=st.integers(96, 130),
    inputs=st.integers(1, 900),
    images=st.integers(1, 30),
    share=st.floats(0, 1),
    constant=st.sampled_from([0.0, 0.4, 1.0]),
    far=st.booleans(),
)
def test_counted_pixels_equal_a_loop(seed, outputs, inputs, images, share, constant, far):
    rng = np.random.default_rng(seed)
    weights = rng.choice(np.array([-1, 1], np.int8), size=(outputs, inputs))
    pixels = rng.integers(0, 256, size=(images, inputs)) * (rng.random((images, inputs)) < share)
    pixels[:, rng.random(inputs) < constant] = rng.integers(0, 256)  # the same in all images
    reach = 255 * inputs if far else max(1, int(128 * inputs**0.5))
    threshold = rng.integers(-reach, reach + 2, size=outputs)
    fired = counted_layer(weights, threshold, marks=False).fired(pixels.astype(np.uint8))
    varying = pixels[:, (pixels != pixels[0]).any(axis=0)].sum(axis=1)
    if fired is None:
        assert varying.max() > 2**17 - 3
    else:
        np.testing.assert_array_equal(fired, weights.astype(int) @ pixels.T >= threshold[:, None])


@pytest.mark.parametrize("total", [131069, 131070, 131071, 131072, 150000])
def test_pixels_at_the_edge_of_their_field(total):
    """All weights +1, and an image of zeros beside one whose pixels add up to as much as fits."""
    pixels = np.zeros((2, 600), dtype=np.uint8)
    pixels[1, : total // 255] = 255
    pixels[1, total // 255] = total % 255
    weights = np.ones((99, 600), np.int8)
    threshold = np.linspace(-5, 150001, 99).astype(int)
    threshold[50:53] = total - 1, total, total + 1
    fired = counted_layer(weights, threshold, marks=False).fired(pixels)
    assert (fired is None) == (total > 131070)
    if fired is not None:
        np.testing.assert_array_equal(fired, np.array([0, total]) >= threshold[:, None])


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    images=st.integers(1, 60),
    inputs=st.integers(1, 40),
    block=st.integers(1, 20),
    level=st.integers(1, 255),
    most=st.sampled_from([None, 0, 5, 40]),
)
def test_blocks_of_like_images_hold_each_once(seed, images, inputs, block, level, most):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, size=(images, inputs), dtype=np.uint8)
    pixels *= rng.random((images, inputs)) < rng.random(inputs)
    found = like_blocks(pixels, level, block, most)
    assert sorted(np.concatenate(found).tolist()) == list(range(images))
    assert max(map(len, found)) <= block
    if most is not None:
        marks = (pixels >= level).sum(axis=1) > most
        assert all(len(set(marks[part])) == 1 for part in found)


@pytest.mark.parametrize("inputs", [255, 65537, 65536 * 4 + 4])
def test_blocks_of_images_of_any_size(inputs):
    images = np.zeros((3, inputs), dtype=np.uint8)
    images[0, :] = images[1, -1] = 1
    found = like_blocks(images, 1, 1)
    assert sorted(part.tolist() for part in found) == [[0], [1], [2]]
    assert found[-1].tolist() == [2]  # marks nothing


def test_blocks_of_like_images_leave_more_inputs_out():
    """Rare inputs are marked by the images of few blocks."""
    rng = np.random.default_rng(1)
    share = np.geomspace(0.001, 0.5, 200)
    images = (rng.random((2000, 200)) < share).astype(np.uint8)
    varying = [
        sum(int(np.ptp(images[part], axis=0).sum()) for part in parts)
        for parts in (like_blocks(images, 1, 200), np.array_split(np.arange(2000), 10))
    ]
    assert varying[0] < 0.8 * varying[1]


@pytest.mark.parametrize("kind", ["sign", "uint8"])
def test_scores_do_not_depend_on_the_order_of_images(monkeypatch, kind):
    monkeypatch.setattr(forward, "BLOCK_BYTES", 8 * 784 * 16)
    rng = np.random.default_rng(2)
    weights = [rng.choice(np.array([-1, 1], np.int8), size=s) for s in ((120, 784), (10, 120))]
    images = rng.integers(0, 256, size=(100, 784), dtype=np.uint8)
    images *= rng.random((100, 784)) < rng.random((100, 1)) ** 2
    encoding = InputEncoding("sign", 255, 128) if kind == "sign" else InputEncoding("uint8", 255)
    inputs = images.astype(int) if kind == "uint8" else 2 * (images.astype(int) >= 128) - 1
    threshold = rng.integers(-50, 50, size=120) * (100 if kind == "uint8" else 1)
    net = Network(
        (DenseLayer(weights[0], threshold), DenseLayer(weights[1], None)),
        encoding,
        np.ones(10),
        np.zeros(10),
    )
    hidden = 2 * (inputs @ weights[0].T.astype(int) >= threshold) - 1
    expected = hidden @ weights[1].T.astype(int)
    order = rng.permutation(100)
    np.testing.assert_array_equal(forward.scores(net, images), expected)
    np.testing.assert_array_equal(forward.scores(net, images[order]), expected[order])


def test_no_counts_for_ternary_or_few_weights():
    weights = np.ones((100, 5), np.int8)
    assert counted_layer(weights, np.zeros(100, int), marks=True) is not None
    assert counted_layer(weights[:50], np.zeros(50, int), marks=True) is None
    weights[3, 2] = 0
    assert counted_layer(weights, np.zeros(100, int), marks=True) is None


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
