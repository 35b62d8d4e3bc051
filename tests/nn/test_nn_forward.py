from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.nn import forward
from rramchar.nn.forward import accuracy, exact_dtype, predict, scores
from rramchar.nn.network import DenseLayer, InputEncoding, Network


def slow_scores(network, images):
    """One image, one neuron, one weight at a time, in Python integers."""
    result = []
    for image in images.tolist():
        if network.encoding.kind == "sign":
            image = [1 if pixel >= network.encoding.level else -1 for pixel in image]
        for layer in network.layers:
            sums = []
            for row in layer.weights.tolist():
                total = 0
                for weight, value in zip(row, image, strict=True):
                    total += weight * value
                sums.append(total)
            if layer.threshold is not None:
                image = [
                    1 if total >= limit else -1
                    for total, limit in zip(sums, layer.threshold.tolist(), strict=True)
                ]
        result.append(
            [
                float(scale) * total + float(offset)
                for scale, total, offset in zip(network.scale, sums, network.offset, strict=True)
            ]
        )
    return np.array(result)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 24), min_size=2, max_size=5),
    number=st.integers(1, 9),
    kind=st.sampled_from(["binary", "ternary"]),
    encoding=st.sampled_from(["uint8", "sign"]),
    maximum=st.integers(1, 255),
)
def test_equals_the_slow_loop(
    make_network, make_images, seed, sizes, number, kind, encoding, maximum
):
    rng = np.random.default_rng(seed)
    network = make_network(rng, tuple(sizes), kind, encoding, maximum)
    images = make_images(rng, number, network)
    expected = slow_scores(network, images)
    assert scores(network, images).tolist() == expected.tolist()
    assert predict(network, images).tolist() == expected.argmax(axis=1).tolist()


def test_sums_beyond_float32_are_exact():
    inputs = 70_000  # 70,000 x 255 is above 2**24, where float32 skips odd numbers
    assert exact_dtype(inputs, 255) is np.float64
    weights = np.ones((1, inputs), dtype=np.int8)
    images = np.full((2, inputs), 255, dtype=np.uint8)
    images[1, 0] = 254
    expected = np.array([inputs * 255, inputs * 255 - 1])
    assert int(np.float32(expected[1])) != expected[1]
    network = Network(
        (DenseLayer(weights),), InputEncoding("uint8", 255), np.ones(1), np.zeros(1), "binary"
    )
    np.testing.assert_array_equal(scores(network, images)[:, 0], expected)


def test_thresholds_beyond_float32_are_exact():
    inputs = 70_000
    top = inputs * 255
    weights = np.ones((2, inputs), dtype=np.int8)
    hidden = DenseLayer(weights, np.array([top, top + 1]))
    last = DenseLayer(np.array([[1, -1]], dtype=np.int8))
    network = Network((hidden, last), InputEncoding("uint8", 255), np.ones(1), np.zeros(1))
    assert scores(network, np.full((1, inputs), 255, dtype=np.uint8)).item() == 2.0


@pytest.mark.parametrize("extreme", [2**62, -(2**62)])
def test_extreme_thresholds_mean_never_and_always(extreme):
    hidden = DenseLayer(np.ones((1, 3), dtype=np.int8), np.array([extreme]))
    last = DenseLayer(np.ones((1, 1), dtype=np.int8))
    network = Network((hidden, last), InputEncoding("uint8", 255), np.ones(1), np.zeros(1))
    images = np.array([[0, 0, 0], [255, 255, 255]], dtype=np.uint8)
    assert scores(network, images)[:, 0].tolist() == [-np.sign(extreme)] * 2


def test_blocks_change_nothing(make_network, make_images, monkeypatch):
    rng = np.random.default_rng(3)
    network = make_network(rng, (20, 16, 5))
    images = make_images(rng, 53, network)
    whole = scores(network, images)
    monkeypatch.setattr(forward, "BLOCK_BYTES", 8 * 20 * 7)
    np.testing.assert_array_equal(scores(network, images), whole)


def test_accuracy_and_ties():
    last = DenseLayer(np.array([[1], [1], [-1]], dtype=np.int8))
    network = Network((last,), InputEncoding("uint8", 255), np.ones(3), np.zeros(3))
    images = np.array([[9], [9], [9], [0]], dtype=np.uint8)
    assert predict(network, images).tolist() == [0, 0, 0, 0]  # the first class on a tie
    assert accuracy(network, images, np.array([0, 1, 2, 0])) == 0.5


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 4)), "float64.*uint8"),
        ([[0, 0, 0, 0]], "list.*uint8"),
        (np.zeros((2, 5), np.uint8), r"\(2, 5\).*\(image, 4\)"),
        (np.zeros((0, 4), np.uint8), r"\(0, 4\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (np.full((1, 4), 17, np.uint8), "17.*16"),
    ],
)
def test_images_that_do_not_fit(make_network, images, words):
    network = make_network(np.random.default_rng(0), (4, 3, 2), maximum=16)
    with pytest.raises(InputError, match=words):
        scores(network, images)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros(2), "float64"),
        ([0, 1], "list"),
        (np.zeros(3, int), r"\(3,\)"),
        (np.array([0, 2]), "holds 2, expected 0 to 1"),
        (np.array([0, -1]), "holds -1"),
    ],
)
def test_labels_that_do_not_fit(make_network, labels, words):
    network = make_network(np.random.default_rng(0), (4, 3, 2), maximum=16)
    with pytest.raises(InputError, match=words):
        accuracy(network, np.zeros((2, 4), np.uint8), labels)


def test_equal_to_a_moved_threshold(make_network, make_images):
    """A threshold between two even sums decides like the next one that can be reached."""
    rng = np.random.default_rng(5)
    network = make_network(rng, (8, 6, 3), "binary", "sign", 255)
    images = make_images(rng, 40, network)
    first = network.layers[0]
    odd = first.threshold + (first.threshold + first.inputs) % 2  # sums have the parity of inputs
    moved = replace(network, layers=(replace(first, threshold=odd), *network.layers[1:]))
    np.testing.assert_array_equal(scores(network, images), scores(moved, images))
