"""What the commands about networks share: options, data that fit a network, words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import stdout
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.nn.dataset import Dataset
    from rramchar.nn.graph import AnyNetwork

NetworkArgument = Annotated[
    Path, typer.Argument(metavar="NET.npz", help="A network made by [bold]nn train[/].")
]
DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset",
        metavar="NAME|FILE.npz",
        help="digits (embedded), mnist, fashion, cifar10 or ecg (these need --data), or a file of "
        "images and labels.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="RRAMCHAR_DATA",
        help="Folder with the data set's files, or with a folder of its name that has them.",
    ),
]
DrawsOption = Annotated[int, typer.Option("--draws", help="Programmed chips to draw.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed; the same seed, the same result.")]


def fitting_dataset(path: Path, network: AnyNetwork, name: str, data: Path | None) -> Dataset:
    """Load a data set for a network, and refuse one with other images.

    Parameters
    ----------
    path : Path
        The network's file, for error messages.
    network : Network
        The network.
    name, data
        As `rramchar.nn.datasets.load_dataset` takes them.

    Returns
    -------
    Dataset
        Its images fit the network's input.
    """
    from rramchar.nn.datasets import load_dataset

    dataset = load_dataset(name, data)
    if dataset.pixels != network.input_size or dataset.maximum > network.encoding.maximum:
        trained = network.metadata.get("dataset")
        raise InputError(
            f"--dataset {name}: images of {dataset.pixels} pixels from 0 to {dataset.maximum}, but "
            f"{path} takes {network.input_size} pixels from 0 to {network.encoding.maximum}; use "
            + (f"{trained}, which it was trained on" if trained else "a data set that fits it")
        )
    return dataset


def data_files(name: str) -> list[Path]:
    """Return the file of a data set that is given as one, for provenance; none for a known name."""
    return [Path(name)] if name.endswith(".npz") else []


def chain(network: AnyNetwork) -> str:
    """Return the sizes of a network as ``784-1024-10``."""
    return "-".join(str(size) for size in network.sizes)


def spread(point: Mapping[str, Any]) -> str:
    """Return a mean accuracy with its interval and number of chips as text."""
    text = f"{point['accuracy_mean']:.2%}"
    if point["draws"] > 1:
        text += (
            f" (95 % {point['accuracy_low']:.2%} to {point['accuracy_high']:.2%}), "
            f"standard deviation {point['accuracy_std']:.2%}"
        )
    return f"{text} over {point['draws']} chip{'s' if point['draws'] > 1 else ''}"


def show_layers(layers: list[dict[str, Any]]) -> None:
    """Print a line for each layer of `rramchar.nn.describe.describe_layers`."""
    for i, layer in enumerate(layers):
        kind = layer["type"]
        if "kernel" in layer:
            kind += " " + " x ".join(str(length) for length in layer["kernel"])
        end = (
            "scores"
            if i == len(layers) - 1
            else "no thresholds"
            if layer["threshold_min"] is None
            else f"thresholds {layer['threshold_min']} to {layer['threshold_max']}"
        )
        stdout.print(
            f"layer {i}, {kind}: {layer['inputs']} to {layer['outputs']}, {layer['weights']:,} "
            f"weights, {layer['zero_fraction']:.1%} of them 0, {end}"
        )
