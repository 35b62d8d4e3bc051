"""Errors on the weights of graphs: corrections against a full pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_nn_graph import random_graph, random_images, random_weights

from rramchar.ber.confusion import Confusion
from rramchar.nn import graph_delta
from rramchar.nn.conv import Conv
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import draw_generator, evaluate
from rramchar.nn.forward import accuracy, predict, scores
from rramchar.nn.graph import Graph, sequence
from rramchar.nn.inject import Changes, draw_network_changes, inject_network
from rramchar.nn.layers import Dense, Flatten, Threshold
from rramchar.nn.network import InputEncoding
from rramchar.nn.pool import MaxPool


def _model(graph, rate):
    return (
        Confusion.binary_symmetric(rate)
        if graph.kind == "binary"
        else np.array(
            [
                [1 - rate, rate / 2, rate / 2],
                [rate / 2, 1 - rate, rate / 2],
                [rate / 2, rate / 2, 1 - rate],
            ]
        )
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.7]),
    always=st.sampled_from(["correct", "full", "choose"]),
)
def test_corrections_equal_a_full_pass(seed, rate, always):
    graph = random_graph(seed)
    images = random_images(graph, 6, seed)
    changes = draw_network_changes(graph, _model(graph, rate), draw_generator(seed, 0))
    changed = graph.with_weights(
        [c.apply(layer.weights) for c, layer in zip(changes, graph.layers, strict=True)]
    )
    limit = {"correct": np.inf, "full": 0.0, "choose": graph_delta._FULL}[always]
    before = graph_delta._FULL
    try:
        graph_delta._FULL = limit
        clean = graph_delta.graph_clean_pass(graph, images)
        got = graph_delta.graph_changed_scores(clean, changes)
    finally:
        graph_delta._FULL = before
    np.testing.assert_array_equal(clean.scores, scores(graph, images).T)
    np.testing.assert_array_equal(got, scores(changed, images).T)


def _always_correct(monkeypatch, graph, images, changes):
    monkeypatch.setattr(graph_delta, "_FULL", np.inf)
    clean = graph_delta.graph_clean_pass(graph, images)
    return graph_delta.graph_changed_scores(clean, changes)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_borders_do_not_move(monkeypatch, pad_value):
    """Every sum of the last convolution is a score, so that nothing can hide."""
    rng = np.random.default_rng(pad_value + 1)
    operations = [
        Conv(random_weights(rng, (6, 2, 3, 3), "ternary"), 1, 1, pad_value),
        Threshold(rng.integers(-2, 3, size=6)),
        Conv(random_weights(rng, (5, 6, 3, 3), "ternary"), 2, 2, pad_value),
        Flatten(),
    ]
    size = 5 * 4 * 4
    encoding = InputEncoding("sign", 255, 128)
    graph = Graph(
        sequence(operations), (2, 6, 6), encoding, np.ones(size), np.zeros(size), "ternary"
    )
    images = random_images(graph, 20)
    for k in range(10):
        changes = draw_network_changes(graph, _model(graph, 0.05), draw_generator(1, k))
        seen = [c.apply(layer.weights) for c, layer in zip(changes, graph.layers, strict=True)]
        got = _always_correct(monkeypatch, graph, images, changes)
        np.testing.assert_array_equal(got, scores(graph.with_weights(seen), images).T)


def test_the_largest_possible_move(monkeypatch):
    """All inputs of a packed layer move by 2 at once."""
    first, second = np.ones((63, 1), np.int8), np.ones((40, 63), np.int8)
    operations = [Dense(first), Threshold(np.zeros(63, int)), Dense(second)]
    encoding = InputEncoding("sign", 255, 128)
    graph = Graph(sequence(operations), (1,), encoding, np.ones(40), np.zeros(40))
    none = Changes(np.empty(0, np.int64), np.empty(0, np.int8))
    turned = Changes(np.arange(63), np.full(63, -1, np.int8))
    images = np.full((3, 1), 255, np.uint8)
    got = _always_correct(monkeypatch, graph, images, [turned, none])
    np.testing.assert_array_equal(got, np.full((40, 3), -63.0))


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(7)

    def threshold(channels):
        return Threshold(rng.integers(-3, 4, size=channels))

    operations = [
        Conv(random_weights(rng, (12, 3, 3, 3), "binary"), padding=1),
        threshold(12),
        Conv(random_weights(rng, (16, 12, 3, 3), "binary"), padding=1, pad_value=-1),
        MaxPool((2, 2)),
        threshold(16),
        Flatten(),
        Dense(random_weights(rng, (10, 16 * 16), "binary")),
    ]
    return Graph(
        sequence(operations), (3, 8, 8), InputEncoding("sign", 255, 128), np.ones(10), np.zeros(10)
    )


def test_evaluate_equals_injected_networks(small, monkeypatch):
    """Each draw, over blocks of images, is the accuracy of the network that was drawn."""
    from rramchar.nn import evaluate as module

    images = random_images(small, 90)
    labels = predict(small, images)
    models = confusions_at(small, 0.02)
    whole = evaluate(small, images, labels, models, draws=4, seed=3)
    assert whole.clean == 1.0
    for k in range(4):
        drawn = inject_network(small, models, draw_generator(3, k))
        assert whole.accuracy[k] == accuracy(drawn, images, labels)
    assert len(set(whole.accuracy)) > 1
    monkeypatch.setattr(module, "MEMORY_BYTES", 25 * graph_delta.graph_pass_bytes(small))
    blocks = evaluate(small, images, labels, models, draws=4, seed=3)
    np.testing.assert_array_equal(blocks.accuracy, whole.accuracy)


def test_one_confusion_for_each_layer(small):
    images = random_images(small, 40)
    labels = predict(small, images)
    none, all_of_them = Confusion.binary_symmetric(0.0), Confusion.binary_symmetric(1.0)
    spared = evaluate(small, images, labels, [none, none, none], draws=2)
    assert spared.accuracy.tolist() == [1.0, 1.0]
    turned = evaluate(small, images, labels, [none, none, all_of_them], draws=2)
    worst = predict(
        small.with_weights(
            [*(layer.weights for layer in small.layers[:2]), -small.layers[2].weights]
        ),
        images,
    )
    assert turned.accuracy.tolist() == [np.mean(worst == labels)] * 2
