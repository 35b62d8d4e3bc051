"""Real data: accuracies, tolerance to errors, time and memory. Needs RRAMCHAR_DATA."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from rramchar.nn.delta import changed_scores, clean_pass
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import draw_generator, evaluate
from rramchar.nn.forward import accuracy, predict, scores
from rramchar.nn.inject import draw_network_changes, inject_network
from rramchar.nn.network_file import save_network
from rramchar.nn.settings import default_settings
from rramchar.nn.train import train_model

_EVALUATION = """
import json, resource, sys
from rramchar.nn.datasets import load_dataset
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import evaluate
from rramchar.nn.network_file import load_network

network, folder = sys.argv[1:]
network, data = load_network(network), load_dataset("mnist", folder)
result = evaluate(
    network, data.test_images, data.test_labels, confusions_at(network, 0.04), 20, seed=1
)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"mean": result.mean, "seconds": result.seconds, "peak_kib": peak}))
"""


@pytest.fixture(scope="module")
def trained(mnist):
    return train_model(mnist, default_settings(mnist, epochs=3))[0]


def test_data(mnist):
    assert mnist.train_images.shape == (60000, 784)
    assert mnist.test_images.shape == (10000, 784)
    assert np.bincount(mnist.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip


def test_bnn_accuracy(trained, mnist):
    network = trained.network()
    assert network.sizes == (784, 1024, 10)
    assert accuracy(network, mnist.test_images, mnist.test_labels) >= 0.975


def test_the_integer_network_decides_as_the_float_one(trained, mnist):
    images = mnist.test_images[:3000]
    floating = trained.scores(images).argmax(axis=1)
    np.testing.assert_array_equal(predict(trained.network(), images), floating)


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 1e-2, 0.1])
def test_corrections_equal_a_full_pass(trained, mnist, rate):
    network = trained.network()
    images = mnist.test_images[:1000]
    model = confusions_at(network, rate)
    changes = draw_network_changes(network, model, draw_generator(0, 0))
    full = scores(inject_network(network, model, draw_generator(0, 0)), images)
    np.testing.assert_array_equal(changed_scores(clean_pass(network, images), changes).T, full)


def test_small_error_rates_cost_little(trained, mnist):
    network = trained.network()
    for rate, loss in ((1e-4, 0.001), (1e-2, 0.004)):
        model = confusions_at(network, rate)
        result = evaluate(network, mnist.test_images, mnist.test_labels, model, draws=10)
        assert abs(result.clean - result.mean) < loss
        assert result.std > 0
    ruined = evaluate(
        network, mnist.test_images, mnist.test_labels, confusions_at(network, 0.5), draws=5
    )
    assert ruined.mean < 0.2  # half of the weights flipped: nothing is left


@pytest.mark.slow
def test_time_and_memory(trained, tmp_path):
    """10,000 images, 20 draws, at the rate where most of the work is left: 15 s and 1 GB."""
    save_network(trained.network(), tmp_path / "net.npz")
    command = [sys.executable, "-c", _EVALUATION, tmp_path / "net.npz", os.environ["RRAMCHAR_DATA"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    report = json.loads(done.stdout)
    assert 0.9 < report["mean"] < 0.98
    assert report["seconds"] < 15
    assert report["peak_kib"] * 1024 < 1e9
