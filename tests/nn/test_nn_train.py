from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.forward import accuracy, scores
from rramchar.nn.settings import TrainingSettings, default_settings
from rramchar.nn.train import cross_entropy, train, train_model


@pytest.mark.parametrize("weights", ["binary", "ternary"])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_digits_accuracy(digits, weights, seed):
    network, history = train(digits, default_settings(digits, weights=weights, seed=seed))
    assert network.kind == weights
    assert network.sizes == (64, 256, 10)
    assert accuracy(network, digits.test_images, digits.test_labels) >= 0.96
    assert history.loss[-1] < history.loss[0] / 3
    assert history.accuracy[-1] > 0.98
    assert len(history.seconds) == len(history.learning_rate) == 60
    if weights == "ternary":
        assert all(0.1 < layer.zero_fraction < 0.9 for layer in network.layers)


@pytest.mark.parametrize("weights", ["binary", "ternary"])
@pytest.mark.parametrize("encoding", ["uint8", "sign"])
@pytest.mark.parametrize("hidden", [(), (50,), (40, 30)])
def test_the_integer_network_decides_as_the_float_one(digits, weights, encoding, hidden):
    settings = TrainingSettings(weights, hidden, epochs=3, encoding=encoding, seed=2)
    model, _ = train_model(digits, settings)
    network = model.network()
    for images in (digits.train_images, digits.test_images):
        exact, floating = scores(network, images), model.scores(images)
        np.testing.assert_array_equal(exact.argmax(axis=1), floating.argmax(axis=1))
        np.testing.assert_allclose(exact, floating, rtol=1e-9, atol=1e-9)


def test_the_normalization_holds_the_statistics_of_all_training_images(digits):
    model, _ = train_model(digits, TrainingSettings(hidden=(20,), epochs=1))
    sums = digits.train_images.astype(int) @ model.layers[0].weights.T.astype(int)
    np.testing.assert_allclose(model.layers[0].norm.mean, sums.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(model.layers[0].norm.std, sums.std(axis=0), rtol=1e-4)


def test_same_seed_same_network(digits):
    settings = TrainingSettings(hidden=(30,), epochs=2, seed=5)
    first, second = train(digits, settings)[0], train(digits, settings)[0]
    other = train(digits, replace(settings, seed=6))[0]
    for a, b in zip(first.layers, second.layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
    np.testing.assert_array_equal(first.offset, second.offset)
    assert (first.layers[0].weights != other.layers[0].weights).any()


def test_the_test_part_is_not_looked_at(digits):
    settings = TrainingSettings(hidden=(30,), epochs=1)
    blind = replace(digits, test_images=digits.test_images * 0, test_labels=digits.test_labels * 0)
    for a, b in zip(
        train(digits, settings)[0].layers, train(blind, settings)[0].layers, strict=True
    ):
        np.testing.assert_array_equal(a.weights, b.weights)


def test_progress_and_metadata(digits):
    calls = []
    settings = TrainingSettings(hidden=(10,), epochs=2, batch=200, seed=3)
    network, history = train(digits, settings, lambda done, total: calls.append((done, total)))
    assert calls == [(i, 14) for i in range(1, 15)]
    assert network.metadata["dataset"] == "digits"
    assert network.metadata["settings"]["seed"] == 3
    assert history.as_dict()["learning_rate"] == [0.005, pytest.approx(0.0025)]


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_divergence_is_an_error(digits):
    settings = TrainingSettings(hidden=(10,), epochs=3, learning_rate=1e38)
    with pytest.raises(InputError, match="learning_rate: 1e.38.*smaller"):
        train(digits, settings)


def test_a_batch_beyond_the_data(digits):
    with pytest.raises(InputError, match="batch: 2000.*1438"):
        train(digits, TrainingSettings(batch=2000))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": "binray"}, "weights: 'binray'.*binary, ternary"),
        ({"encoding": "float"}, "encoding: 'float'"),
        ({"hidden": (0,)}, "hidden: 0"),
        ({"hidden": (10**8,)}, "hidden: 100000000, expected at most 65536"),
        ({"hidden": (2.5,)}, "hidden: 2.5"),
        ({"epochs": 0}, "epochs: 0"),
        ({"batch": 1}, "batch: 1"),
        ({"seed": -1}, "seed: -1"),
        ({"learning_rate": 0.0}, "learning_rate: 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate: nan"),
        ({"init_std": -1}, "init_std: -1"),
    ],
)
def test_bad_settings(fields, words):
    with pytest.raises(InputError, match=words):
        TrainingSettings(**fields)


def test_default_settings(digits):
    settings = default_settings(digits, weights="ternary", epochs=None, hidden=(7, 8))
    assert (settings.hidden, settings.epochs) == ((7, 8), 60)
    assert (settings.learning_rate, settings.init_std) == (5e-3, 0.03)
    large = replace(digits, train_images=np.zeros((60000, 64), np.uint8))
    assert default_settings(large, weights="ternary").learning_rate == 2e-3
    assert default_settings(large) == TrainingSettings()


def test_a_small_data_set_is_one_batch(digits):
    small = digits.first(39)
    assert default_settings(small).batch == 39
    assert default_settings(small, batch=7).batch == 7
    train(small, default_settings(small, epochs=1, hidden=(8,)))
    with pytest.raises(InputError, match="batch: 40, expected at most 39"):
        train(small, default_settings(small, epochs=1, batch=40))


def test_cross_entropy():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 4))
    labels = rng.integers(0, 4, 6)

    def loss(values):
        p = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(6), labels]))

    found, right, gradient = cross_entropy(values, labels)
    assert found == pytest.approx(loss(values))
    assert right == np.sum(values.argmax(axis=1) == labels)
    for place in np.ndindex(values.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = values.copy()
            moved[place] += step
            ends.append(loss(moved))
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)
    huge, _, _ = cross_entropy(np.array([[1e4, -1e4]], np.float32), np.array([1]))
    assert huge == pytest.approx(2e4)
