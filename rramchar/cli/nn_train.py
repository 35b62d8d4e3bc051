"""``rramchar nn train``: train one network, or several that differ by their seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, late_progress, stdout
from rramchar.cli.nn_common import DataOption, DatasetOption, SeedOption, chain
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.nn.dataset import Dataset
    from rramchar.nn.settings import TrainingSettings
    from rramchar.nn.vgg_settings import VggSettings

TRAINERS = ("numpy", "torch")
TrainerOption = Annotated[
    str,
    typer.Option(
        "--trainer",
        help="numpy: dense layers. torch: convolutions before them (needs the extra torch).",
    ),
]
FiltersOption = Annotated[
    list[int] | None,
    typer.Option(
        "--filters",
        help="With --trainer torch, filters of a 3 x 3 convolution; repeat for an even number of "
        "them, each pair halves the image. Without it 32, 32, 64, 64.",
    ),
]


def train(
    dataset: DatasetOption,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="NET.npz",
            help="File for the network; with --seeds, NET_seed1.npz and so on.",
        ),
    ],
    data: DataOption = None,
    weights: Annotated[
        str, typer.Option("--weights", help="binary (-1, +1) or ternary (-1, 0, +1).")
    ] = "binary",
    hidden: Annotated[
        list[int] | None,
        typer.Option(
            "--hidden",
            help="Neurons of a hidden dense layer; repeat for more layers. Without it 256 for "
            "digits, 1024 for mnist; none with --trainer torch.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            help="Passes over the training images. Without it 60 for digits in numpy, else 10.",
        ),
    ] = None,
    pixels: Annotated[
        str,
        typer.Option(
            "--input", help="uint8: pixels as they are; sign: +1 or -1, cut at half the maximum."
        ),
    ] = "uint8",
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Of the first step; falls to 0.")
    ] = None,
    train_ber: Annotated[
        float,
        typer.Option(
            "--train-ber", help="Error rate of the weights while training, redrawn for each batch."
        ),
    ] = 0.0,
    trainer: TrainerOption = "numpy",
    filters: FiltersOption = None,
    mirror: Annotated[
        bool,
        typer.Option("--mirror", help="With --trainer torch, mirror half of the images shown."),
    ] = False,
    device: Annotated[
        str, typer.Option("--device", help="With --trainer torch: cpu, cuda, cuda:1 ...")
    ] = "cpu",
    seed: SeedOption = 0,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Networks, with the seeds from --seed on.")
    ] = 1,
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="HISTORY.csv", help="Write loss and accuracy per epoch."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a network and write it to an .npz file.

    Example: rramchar nn train --dataset digits --weights ternary -o net.npz

    Example: rramchar nn train --dataset digits --train-ber 4e-2 --seeds 3 -o net.npz

    Example: rramchar nn train --dataset cifar10 --data DIR --trainer torch --mirror -o net.npz
    """
    from rramchar.nn.datasets import load_dataset

    check_writable(output, option="--output")
    if history is not None:
        check_writable(history, option="--history")
    if seeds < 1:
        raise InputError(f"--seeds {seeds}: expected at least 1")
    if not 0 <= train_ber <= 1:
        raise InputError(f"--train-ber {train_ber:g}: expected an error rate from 0 to 1")
    chosen = {
        "weights": weights,
        "hidden": tuple(hidden) if hidden else None,
        "epochs": epochs,
        "learning_rate": learning_rate,
    }
    convolutional = {
        "filters": tuple(filters) if filters else None,
        "mirror": mirror or None,
        "device": device if device != "cpu" else None,
    }
    settings_of = _settings(trainer, chosen, convolutional, pixels)
    images = load_dataset(dataset, data)
    results = []
    for number in range(seed, seed + seeds):
        path = output
        if seeds > 1:
            path = output.with_name(f"{output.stem}_seed{number}{output.suffix}")
        results.append(_train_one(images, settings_of(images, number), train_ber, path))
    if history is not None:
        _write_history(history, results, dataset, train_ber)
    result = results[0] if seeds == 1 else _together(results)
    result = {**result, "history_file": history}
    emit(result, as_json, lambda: _show(results, history))


def _settings(
    trainer: str, chosen: dict[str, Any], convolutional: dict[str, Any], pixels: str
) -> Callable[[Dataset, int], TrainingSettings | VggSettings]:
    """Return a function of data set and seed that gives the trainer's settings."""
    from rramchar.nn.settings import default_settings, fitting_batch
    from rramchar.nn.torch_train import require_torch
    from rramchar.nn.vgg_settings import default_vgg_settings

    if trainer not in TRAINERS:
        raise InputError(f"--trainer {trainer!r}: expected one of {', '.join(TRAINERS)}")
    if trainer == "numpy":
        for name, value in convolutional.items():
            if value is not None:
                raise InputError(f"--{name}: goes with --trainer torch; add it, or leave this out")
        return lambda data, seed: default_settings(data, **chosen, encoding=pixels, seed=seed)
    if pixels != "uint8":
        raise InputError(f"--input {pixels}: --trainer torch takes the pixels as they are, uint8")
    require_torch()
    return lambda data, seed: default_vgg_settings(
        **chosen, **convolutional, batch=fitting_batch(data), seed=seed
    )


def _train_one(
    images: Dataset, settings: TrainingSettings | VggSettings, train_ber: float, path: Path
) -> dict[str, Any]:
    from dataclasses import replace
    from time import perf_counter

    from rramchar.nn.forward import accuracy
    from rramchar.nn.network_file import save_network
    from rramchar.nn.study_tasks import train_network
    from rramchar.provenance import provenance

    since = perf_counter()
    with late_progress("steps", f"training on {images.name}, seed {settings.seed}") as report:
        network, history = train_network(images, settings, train_ber, report)
    result = {
        "test_accuracy": accuracy(network, images.test_images, images.test_labels),
        "train_accuracy": accuracy(network, images.train_images, images.train_labels),
        "seconds": perf_counter() - since,
        "epochs": settings.epochs,
        "dataset": images.name,
        "weights": settings.weights,
        "sizes": list(network.sizes),
        "parameters": network.parameters,
        "chain": chain(network),
        "train_ber": train_ber,
        "seed": settings.seed,
        "history": history.as_dict(),
        "network": str(path),
    }
    metadata = {
        **network.metadata,
        "train_ber": train_ber,
        "test_accuracy": result["test_accuracy"],
        "provenance": provenance(command="rramchar nn train"),
    }
    save_network(replace(network, metadata=metadata), path)
    return result


def _together(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return several networks as one result, with the 95 % interval of their mean accuracy."""
    import numpy as np

    from rramchar.nn.chip_interval import mean_interval

    reached = np.array([result["test_accuracy"] for result in results])
    low, high = mean_interval(reached)
    return {
        "test_accuracy": float(reached.mean()),
        "test_accuracy_std": float(reached.std(ddof=1)),
        "test_accuracy_low": low,
        "test_accuracy_high": high,
        "networks": results,
    }


def _write_history(
    path: Path, results: list[dict[str, Any]], dataset: str, train_ber: float
) -> None:
    import pandas as pd

    from rramchar.nn.tables import write_frame
    from rramchar.provenance import provenance

    parts = []
    for result in results:
        columns = result["history"]
        part = pd.DataFrame(columns)
        part.insert(0, "epoch", range(1, len(part) + 1))
        part.insert(0, "seed", result["seed"])
        parts.append(part)
    facts = provenance(command="rramchar nn train", dataset=dataset, train_ber=train_ber)
    write_frame(path, pd.concat(parts), "training history", facts)


def _show(results: list[dict[str, Any]], history: Path | None) -> None:
    for result in results:
        stdout.print(
            f"{result['weights']} network {result['chain']} on {result['dataset']}: test accuracy "
            f"{result['test_accuracy']:.2%}, training accuracy {result['train_accuracy']:.2%}, "
            f"{result['epochs']} epochs in {result['seconds']:.1f} s"
        )
        stdout.print(f"written to {result['network']}", markup=False)
    if len(results) > 1:
        mean = _together(results)
        stdout.print(
            f"mean of {len(results)} networks {mean['test_accuracy']:.2%} (95 % "
            f"{mean['test_accuracy_low']:.2%} to {mean['test_accuracy_high']:.2%})"
        )
    if history is not None:
        stdout.print(f"history written to {history}", markup=False)
