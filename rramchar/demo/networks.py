"""Third part of the demo: networks trained on the embedded digits, read through the BER table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rramchar.ber import BerTable
from rramchar.nn.datasets import Dataset, load_dataset
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import Evaluation, evaluate_many
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.network_file import load_network, save_network
from rramchar.nn.settings import default_settings
from rramchar.nn.train import train

WEIGHTS = ("binary", "ternary")
SEEDS = (1, 2, 3, 4, 5)
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 2e-1)
TEMPERATURE_C = 27.0

Advance = Callable[[], None]


def train_network(weights: str, seed: int, path: Path) -> None:
    """Train a 64-256-10 network on the digits and keep it.

    Parameters
    ----------
    weights : str
        ``binary`` or ``ternary``.
    seed : int
        Seed of initial weights and batches.
    path : Path
        ``.npz`` to write.
    """
    dataset = load_dataset("digits")
    network, _ = train(dataset, default_settings(dataset, weights=weights, seed=seed))
    path.parent.mkdir(exist_ok=True)
    save_network(network, path)


def write_accuracy_against_ber(
    networks: dict[str, list[Path]], draws: int, output: Path, advance: Advance
) -> None:
    """Write the accuracy of both kinds of network against the error rate of their weights.

    Parameters
    ----------
    networks : dict of str to list of Path
        ``binary`` and ``ternary`` to the trained networks, one per training seed.
    draws : int
        Programmed chips per network and rate.
    output : Path
        CSV to write: ``weights, ber, accuracy_mean, accuracy_std, accuracy_clean, networks,
        draws``. [1]
    advance : callable
        Called after each network.
    """
    dataset = load_dataset("digits")
    rows = []
    for weights, paths in networks.items():
        per_network = []
        for seed, path in enumerate(paths):
            network = load_network(path)
            models = [confusions_at(network, rate) for rate in RATES]
            per_network.append(_evaluate(network, dataset, models, draws, seed))
            advance()
        for k, rate in enumerate(RATES):
            rows.append({"weights": weights, "ber": rate, **_pool([e[k] for e in per_network])})
    pd.DataFrame(rows).to_csv(output, index=False)


def write_accuracy_against_supply(
    networks: dict[str, list[Path]], table: BerTable, draws: int, output: Path, advance: Advance
) -> None:
    """Write the accuracy of both kinds of network at every supply and corner of a BER table.

    Parameters
    ----------
    networks : dict of str to list of Path
        ``binary`` and ``ternary`` to the trained networks, one per training seed.
    table : BerTable
        Gives the confusion of a read at each condition.
    draws : int
        Programmed chips per network and condition.
    output : Path
        CSV to write: ``weights, corner, vdd_v, ber`` and the columns of
        `write_accuracy_against_ber`.
    advance : callable
        Called after each network.
    """
    dataset = load_dataset("digits")
    rows = []
    for weights, paths in networks.items():
        chosen = table.filter(source="pcsa_map", coding=weights, temperature_c=TEMPERATURE_C)
        models = [row.confusion() for row in chosen.rows]
        per_network = []
        for seed, path in enumerate(paths):
            network = load_network(path)
            per_network.append(_evaluate(network, dataset, models, draws, seed))
            advance()
        for k, row in enumerate(chosen.rows):
            condition = {"corner": row.corner, "vdd_v": row.vdd_v, "ber": row.ber}
            rows.append({"weights": weights, **condition, **_pool([e[k] for e in per_network])})
    pd.DataFrame(rows).to_csv(output, index=False)


def _evaluate(
    network: AnyNetwork, dataset: Dataset, models: list[Any], draws: int, seed: int
) -> list[Evaluation]:
    return evaluate_many(
        network, dataset.test_images, dataset.test_labels, models, draws=draws, seed=seed
    )


def _pool(evaluations: list[Evaluation]) -> dict[str, float | int]:
    """Pool the draws of several networks: mean and standard deviation over all of them."""
    accuracies = np.concatenate([evaluation.accuracy for evaluation in evaluations])
    return {
        "accuracy_mean": float(accuracies.mean()),
        "accuracy_std": float(accuracies.std(ddof=1)),
        "accuracy_clean": float(np.mean([evaluation.clean for evaluation in evaluations])),
        "networks": len(evaluations),
        "draws": evaluations[0].draws,
    }
