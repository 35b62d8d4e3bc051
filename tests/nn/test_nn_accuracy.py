"""Accuracies on MNIST with the default settings of ``rramchar nn train``, over three seeds."""

from __future__ import annotations

import numpy as np
import pytest

from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import evaluate_many
from rramchar.nn.settings import default_settings
from rramchar.nn.train import train

SEEDS = (0, 1, 2)
RATES = (1e-4, 1e-2, 4e-2)

pytestmark = pytest.mark.slow


def _accuracies(mnist, weights, train_ber=0.0):
    """Return clean accuracies and those at `RATES`, shapes (seed,) and (seed, rate)."""
    clean, under_errors = [], []
    for seed in SEEDS:
        settings = default_settings(mnist, weights=weights, seed=seed)
        assert (settings.hidden, settings.epochs) == ((1024,), 10)
        network, _ = train(mnist, settings, train_ber=train_ber)
        models = [confusions_at(network, rate) for rate in RATES]
        found = evaluate_many(network, mnist.test_images, mnist.test_labels, models, 10, seed)
        clean.append(found[0].clean)
        under_errors.append([one.mean for one in found])
    return np.array(clean), np.array(under_errors)


def test_binary_networks_reach_and_keep_their_accuracy(mnist):
    clean, under_errors = _accuracies(mnist, "binary")
    assert clean.mean() >= 0.978
    cost = clean.mean() - under_errors.mean(axis=0)
    assert cost[0] < 0.001
    assert cost[1] < 0.002


def test_ternary_networks_reach_and_keep_their_accuracy(mnist):
    clean, under_errors = _accuracies(mnist, "ternary")
    assert clean.mean() >= 0.980
    cost = clean.mean() - under_errors.mean(axis=0)
    assert cost[0] < 0.001
    assert cost[1] < 0.002


def test_binary_networks_trained_with_errors_bear_them(mnist):
    _, under_errors = _accuracies(mnist, "binary", train_ber=4e-2)
    assert under_errors.mean(axis=0)[2] >= 0.972
