"""The short-cut past the full forward pass must equal it bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.nn import delta
from rramchar.nn.delta import bytes_per_image, changed_scores, clean_pass
from rramchar.nn.forward import scores
from rramchar.nn.inject import Changes, draw_network_changes
from rramchar.nn.network import DenseLayer, InputEncoding, Network

ANY = np.array([[0.5, 0.2, 0.3], [0.3, 0.4, 0.3], [0.25, 0.15, 0.6]])
FLIP = np.array([[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]])


def _full_pass(network, images, changes):
    weights = [c.apply(layer.weights) for c, layer in zip(changes, network.layers, strict=True)]
    return scores(network.with_weights(weights), images)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    kind=st.sampled_from(["binary", "ternary"]),
    encoding=st.sampled_from(["uint8", "sign"]),
    share=st.sampled_from([0.0, 1e-3, 0.02, 0.2, 1.0]),
    always=st.booleans(),
    constant=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_equals_a_full_pass(
    make_network, make_images, seed, sizes, kind, encoding, share, always, constant
):
    rng = np.random.default_rng(seed)
    network = make_network(rng, tuple(sizes), kind, encoding)
    images = make_images(rng, int(rng.integers(1, 150)), network)
    images[:, rng.random(sizes[0]) < constant] = images[0, 0]  # pixels that never change
    base = FLIP if kind == "binary" else ANY
    matrix = np.eye(3) + share * (base - np.eye(3))
    changes = draw_network_changes(network, matrix, rng)
    with pytest.MonkeyPatch.context() as patch:
        if always:  # the sparse way also where a full product would be chosen
            patch.setattr(delta, "FULL_PASS_SHARE", 2.0)
            patch.setattr(delta, "FULL_PASS_SHARE_BITS", 2.0)
        fast = changed_scores(clean_pass(network, images), changes)
    np.testing.assert_array_equal(fast.T, _full_pass(network, images, changes))


@pytest.mark.parametrize("flips", [64, 65, 300])
def test_many_changes_of_one_neuron_do_not_overflow(flips, monkeypatch):
    """64 flips of full pixels pass the int16 range; the guard must catch them."""
    monkeypatch.setattr(delta, "FULL_PASS_SHARE", 2.0)
    inputs = 300
    hidden = DenseLayer(np.ones((2, inputs), np.int8), np.array([0, 1]))
    last = DenseLayer(np.ones((1, 2), np.int8))
    network = Network((hidden, last), InputEncoding("uint8", 255), np.ones(1), np.zeros(1))
    images = np.full((3, inputs), 255, dtype=np.uint8)
    changes = (
        Changes(np.arange(flips), np.full(flips, -1, np.int8)),
        Changes(np.empty(0, np.int64), np.empty(0, np.int8)),
    )
    fast = changed_scores(clean_pass(network, images), changes)
    np.testing.assert_array_equal(fast.T, _full_pass(network, images, changes))


@pytest.mark.parametrize("threshold", [-(2**40), -40_000, 0, 40_000, 70_000, 2**40])
def test_distances_beyond_int16(threshold, make_images):
    """A neuron far from its threshold stays there, one near it may move."""
    rng = np.random.default_rng(1)
    inputs = 400
    weights = np.ones((3, inputs), np.int8)
    hidden = DenseLayer(weights, np.array([threshold] * 3))
    last = DenseLayer(np.ones((1, 3), np.int8))
    network = Network((hidden, last), InputEncoding("uint8", 255), np.ones(1), np.zeros(1))
    images = make_images(rng, 20, network)
    images[0], images[1] = 0, 255
    changes = (
        Changes(np.arange(0, 40), np.full(40, -1, np.int8)),
        Changes(np.array([2]), np.array([-1], np.int8)),
    )
    fast = changed_scores(clean_pass(network, images), changes)
    np.testing.assert_array_equal(fast.T, _full_pass(network, images, changes))


def test_clean_scores(make_network, make_images):
    rng = np.random.default_rng(2)
    network = make_network(rng, (30, 20, 10, 4), "ternary")
    images = make_images(rng, 25, network)
    np.testing.assert_array_equal(clean_pass(network, images).scores.T, scores(network, images))


def test_corrections_do_not_wear_the_record(make_network, make_images):
    rng = np.random.default_rng(3)
    network = make_network(rng, (30, 20, 10, 4), "ternary")
    images = make_images(rng, 25, network)
    clean = clean_pass(network, images)
    for share in (0.01, 0.3, 1.0):
        changes = draw_network_changes(network, np.eye(3) + share * (ANY - np.eye(3)), rng)
        first = changed_scores(clean, changes)
        np.testing.assert_array_equal(changed_scores(clean, changes), first)
    np.testing.assert_array_equal(clean.scores.T, scores(network, images))


def test_memory_estimate_grows_with_the_network(make_network):
    rng = np.random.default_rng(0)
    small, large = make_network(rng, (10, 8, 4)), make_network(rng, (10, 16, 4))
    assert bytes_per_image(small) < bytes_per_image(large)
