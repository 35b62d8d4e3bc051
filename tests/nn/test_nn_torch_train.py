from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.datasets import load_dataset
from rramchar.nn.forward import accuracy, scores
from rramchar.nn.network_file import load_network, save_network
from rramchar.nn.torch_train import (
    VggSettings,
    as_integer_graph,
    image_shape,
    torch_scores,
    train_vgg,
    train_vgg_model,
)

torch = pytest.importorskip("torch", reason="torch is not installed (extra torch)")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Threads of torch wait for each other where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SMALL = VggSettings(filters=(8, 8), hidden=(32,), epochs=3, batch=50)


@pytest.fixture(scope="module")
def digits_images():
    return load_dataset("digits")


@pytest.fixture(scope="module", params=["binary", "ternary"])
def trained(request, digits_images):
    settings = replace(SMALL, weights=request.param, learning_rate=1e-2)
    return settings, *train_vgg_model(digits_images, settings)


def test_it_learns_and_the_graph_equals_torch(trained, digits_images, tmp_path):
    settings, model, history = trained
    assert len(history.loss) == 3
    assert history.loss[-1] < history.loss[0]
    shape = image_shape(digits_images)
    assert shape == (1, 8, 8)
    graph = as_integer_graph(model, shape, digits_images.maximum, {})
    assert graph.kind == settings.weights
    expected = torch_scores(model, digits_images.test_images, shape)
    np.testing.assert_array_equal(scores(graph, digits_images.test_images), expected)
    assert accuracy(graph, digits_images.test_images, digits_images.test_labels) > 0.8
    save_network(graph, tmp_path / "net.npz")
    again = load_network(tmp_path / "net.npz")
    np.testing.assert_array_equal(scores(again, digits_images.test_images), expected)


def test_same_seed_same_network(digits_images):
    data = digits_images.first(train=200)
    settings = replace(SMALL, epochs=1, mirror=True, seed=5)
    first, _ = train_vgg(data, settings)
    second, _ = train_vgg(data, settings)
    other, _ = train_vgg(data, replace(settings, seed=6))
    same = [
        np.array_equal(a.weights, b.weights)
        for a, b in zip(first.layers, second.layers, strict=True)
    ]
    assert all(same)
    assert not np.array_equal(first.layers[0].weights, other.layers[0].weights)
    assert first.metadata["settings"]["seed"] == 5


def test_errors_while_training(digits_images):
    from rramchar.nn.torch_model import VggNet

    settings = replace(SMALL, filters=(16, 16), epochs=1, batch=200)
    model = VggNet((1, 8, 8), 10, settings, np.random.default_rng(0))
    layer = model.layers[2]
    x = torch.ones(1, layer.latent.shape[1])
    clean = layer(x).detach().numpy()
    model.misread(0.1, np.random.default_rng(1))
    assert set(layer.wrong.unique().tolist()) == {-2.0, 0.0, 2.0}  # flips of binary weights
    assert layer.wrong.count_nonzero() / layer.wrong.numel() == pytest.approx(0.1, abs=0.02)
    assert (layer(x).detach().numpy() != clean).any()
    model.misread(0.0, np.random.default_rng(1))
    np.testing.assert_array_equal(layer(x).detach().numpy(), clean)
    data = digits_images.first(train=400)
    without, with_errors, again = (
        train_vgg(data, settings, train_ber=rate)[0] for rate in (0.0, 0.1, 0.1)
    )
    assert (without.layers[1].weights != with_errors.layers[1].weights).any()
    np.testing.assert_array_equal(with_errors.layers[1].weights, again.layers[1].weights)
    assert "train_ber" not in without.metadata
    assert with_errors.metadata["train_ber"] == 0.1


def test_progress(digits_images):
    seen = []
    train_vgg(
        digits_images.first(train=120), replace(SMALL, epochs=2), lambda *step: seen.append(step)
    )
    assert seen == [(k, 4) for k in range(1, 5)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": "real"}, "weights: 'real'"),
        ({"filters": (8,)}, "even number"),
        ({"filters": ()}, "even number"),
        ({"filters": (0, 8)}, "filters: 0"),
        ({"hidden": (2.5,)}, "hidden: 2.5"),
        ({"batch": 1}, "batch: 1"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"filters": (2,) * 8}, "leaves nothing"),
        ({"batch": 5000}, "batch: 5000, expected at most"),
        ({"device": "abacus"}, "device: 'abacus'"),
    ],
)
def test_settings_that_make_no_sense(digits_images, change, words):
    with pytest.raises(InputError, match=words):
        train_vgg(digits_images, replace(SMALL, **change))


def test_images_without_a_shape(digits_images):
    with pytest.raises(InputError, match="rows and columns"):
        train_vgg(replace(digits_images, shape=()), SMALL)


@pytest.mark.slow
def test_cifar10():
    """A short training on the real images; the evaluator decides as torch does on all of them."""
    folder = os.environ.get("RRAMCHAR_DATA")
    if not folder or not os.path.isdir(os.path.join(folder, "cifar10")):
        pytest.skip("RRAMCHAR_DATA is not set or its folder has no cifar10")
    data = load_dataset("cifar10", folder).first(train=5000, test=2000)
    settings = VggSettings(filters=(16, 16, 32, 32), hidden=(64,), epochs=3, learning_rate=1e-2)
    model, _ = train_vgg_model(data, settings)
    shape = image_shape(data)
    graph = as_integer_graph(model, shape, data.maximum, {})
    expected = torch_scores(model, data.test_images, shape)
    np.testing.assert_array_equal(scores(graph, data.test_images), expected)
    assert accuracy(graph, data.test_images, data.test_labels) > 0.3  # chance is 0.1
