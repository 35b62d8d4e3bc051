"""``rramchar nn``: train networks, and evaluate them with the errors of a memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    progress_bar,
    stdout,
    write_figure,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.nn.datasets import Dataset
    from rramchar.nn.network import Network

app = typer.Typer(
    no_args_is_help=True,
    help="Train binary and ternary networks; evaluate them with read errors of their weights.",
)

NetworkArgument = Annotated[
    Path, typer.Argument(metavar="NET.npz", help="A network made by [bold]nn train[/].")
]
DatasetOption = Annotated[
    str, typer.Option("--dataset", help="digits (embedded) or mnist (needs --data).")
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


@app.callback()
def _callback() -> None:
    pass


@app.command()
def train(
    dataset: DatasetOption,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NET.npz", help="File for the network.")
    ],
    data: DataOption = None,
    weights: Annotated[
        str, typer.Option("--weights", help="binary (-1, +1) or ternary (-1, 0, +1).")
    ] = "binary",
    hidden: Annotated[
        list[int] | None,
        typer.Option(
            "--hidden",
            help="Neurons of a hidden layer; repeat for more layers. "
            "Without it 256 for digits, 1024 for mnist.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", help="Passes over the training images. Without it 60 for digits, else 10."
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
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train a network and write it to an .npz file.

    Example: rramchar nn train --dataset digits --weights ternary -o net.npz
    """
    from dataclasses import replace
    from time import perf_counter

    from rramchar.nn.datasets import load_dataset
    from rramchar.nn.forward import accuracy
    from rramchar.nn.network_file import save_network
    from rramchar.nn.settings import default_settings
    from rramchar.nn.train import train as run_training
    from rramchar.provenance import provenance

    check_writable(output, option="--output")
    images = load_dataset(dataset, data)
    settings = default_settings(
        images,
        weights=weights,
        hidden=tuple(hidden) if hidden else None,
        epochs=epochs,
        encoding=pixels,
        learning_rate=learning_rate,
        seed=seed,
    )
    since = perf_counter()
    with _progress(f"training on {dataset}", "steps") as progress:
        network, history = run_training(images, settings, progress)
    seconds = perf_counter() - since
    result = {
        "test_accuracy": accuracy(network, images.test_images, images.test_labels),
        "train_accuracy": accuracy(network, images.train_images, images.train_labels),
        "seconds": seconds,
        "epochs": settings.epochs,
        "dataset": dataset,
        "weights": settings.weights,
        "sizes": list(network.sizes),
        "seed": settings.seed,
        "history": history.as_dict(),
        "network": str(output),
    }
    metadata = {
        **network.metadata,
        "test_accuracy": result["test_accuracy"],
        "provenance": provenance(command="rramchar nn train"),
    }
    save_network(replace(network, metadata=metadata), output)

    def show() -> None:
        stdout.print(
            f"{settings.weights} network {_chain(network)} on {dataset}: test accuracy "
            f"{result['test_accuracy']:.2%}, training accuracy {result['train_accuracy']:.2%}, "
            f"{settings.epochs} epochs in {seconds:.1f} s"
        )
        stdout.print(f"written to {output}")

    emit(result, as_json, show)


@app.command()
def evaluate(
    network: NetworkArgument,
    dataset: DatasetOption,
    data: DataOption = None,
    ber: Annotated[
        str | None,
        typer.Option(
            "--ber",
            metavar="RATE|TABLE.csv",
            help="Error rate per weight, or a BER table. Without it: no errors.",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", help='The row of the table, such as "vdd_v=0.6,corner=ss".'),
    ] = None,
    draws: DrawsOption = 20,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Accuracy on the test images when stored weights are read with errors.

    A draw is one programmed chip, its errors fixed for all images. The
    interval is the 95 % t interval of the mean over chips. With a rate, binary
    weights flip; ternary weights move by one step and +1 never becomes -1.

    Example: rramchar nn evaluate net.npz --dataset digits --ber 1e-2

    Example: rramchar nn evaluate net.npz --dataset digits
    --ber table.csv --where "vdd_v=0.6,corner=ss"
    """
    from rramchar.nn.error_model import parse_error_model
    from rramchar.nn.evaluate import evaluate as run_evaluation
    from rramchar.nn.network_file import load_network

    loaded = load_network(network)
    errors = parse_error_model(loaded, ber, where)
    images = _fitting_dataset(network, loaded, dataset, data)
    with _progress("evaluating", "draws") as progress:
        outcome = run_evaluation(
            loaded, images.test_images, images.test_labels, errors, draws, seed, progress
        )
    result = {
        **outcome.as_dict(),
        "accuracy": outcome.accuracy,
        "network": str(network),
        "dataset": dataset,
        "ber": ber,
        "where": where,
        "seed": seed,
    }

    def show() -> None:
        stdout.print(f"{outcome.images} test images of {dataset}")
        stdout.print(f"without errors  {outcome.clean:.2%}")
        if errors is not None:
            condition = f"--ber {ber}" + (f" --where {where}" if where else "")
            stdout.print(f"with {condition}  {_spread(result)}, {outcome.seconds:.1f} s")

    emit(result, as_json, show)


@app.command()
def curve(
    network: NetworkArgument,
    dataset: DatasetOption,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="CURVE.csv", help="File for the curve.")
    ],
    data: DataOption = None,
    rates: Annotated[
        str,
        typer.Option("--rates", help="start:stop:number, evenly in the logarithm, or a,b,c."),
    ] = "1e-5:1e-1:8",
    plot: PlotOption = None,
    draws: DrawsOption = 20,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Accuracy against error rate, as a CSV file.

    Each rate gives what [bold]nn evaluate --ber RATE[/] gives with the same seed.

    Example: rramchar nn curve net.npz --dataset digits --rates 1e-4:1e-1:7 -o curve.csv
    """
    from rramchar.nn.curve import ber_curve, parse_rates, write_curve
    from rramchar.nn.network_file import load_network
    from rramchar.provenance import provenance

    check_writable(output, option="--output")
    if plot is not None:
        check_writable(plot, option="--plot")
    chosen = parse_rates(rates, name="--rates")
    loaded = load_network(network)
    images = _fitting_dataset(network, loaded, dataset, data)
    with _progress("evaluating", "draws") as progress:
        points = ber_curve(
            loaded, images.test_images, images.test_labels, chosen, draws, seed, progress
        )
    facts = provenance(
        inputs=[network], command="rramchar nn curve", dataset=dataset, draws=draws, seed=seed
    )
    write_curve(output, points, facts)
    if plot is not None:
        import pandas as pd

        from rramchar.report.accuracy import plot_accuracy_against_ber

        write_figure(plot, plot_accuracy_against_ber({loaded.kind: pd.DataFrame(points)}))
    result = {"curve": str(output), "plot": plot, "draws": draws, "seed": seed, "points": points}

    def show() -> None:
        stdout.print(f"without errors  {points[0]['accuracy_clean']:.2%}")
        for point in points:
            stdout.print(f"BER {point['ber']:<8.3g}  {_spread(point)}")
        stdout.print(f"written to {output}")

    emit(result, as_json, show)


@app.command()
def show(network: NetworkArgument, as_json: JsonOption = False) -> None:
    """What a network file holds: layers, weights, input, origin.

    Example: rramchar nn show net.npz
    """
    from rramchar.nn.network_file import load_network

    loaded = load_network(network)
    layers = [
        {
            "inputs": layer.inputs,
            "outputs": layer.outputs,
            "zero_fraction": layer.zero_fraction,
            "threshold_min": None if layer.threshold is None else int(layer.threshold.min()),
            "threshold_max": None if layer.threshold is None else int(layer.threshold.max()),
        }
        for layer in loaded.layers
    ]
    encoding = loaded.encoding
    result = {
        "network": str(network),
        "weights": loaded.kind,
        "parameters": loaded.parameters,
        "sizes": list(loaded.sizes),
        "input": {"kind": encoding.kind, "maximum": encoding.maximum, "level": encoding.level},
        "layers": layers,
        "metadata": loaded.metadata,
    }

    def show_text() -> None:
        level = "" if encoding.level is None else f", +1 from {encoding.level}"
        stdout.print(f"{loaded.kind} network {_chain(loaded)}, {loaded.parameters:,} weights")
        stdout.print(f"input {encoding.kind}, pixels 0 to {encoding.maximum}{level}")
        for i, layer in enumerate(layers):
            end = (
                "scores"
                if layer["threshold_min"] is None
                else f"thresholds {layer['threshold_min']} to {layer['threshold_max']}"
            )
            stdout.print(
                f"layer {i}: {layer['inputs']} to {layer['outputs']}, "
                f"{layer['zero_fraction']:.1%} of the weights are 0, {end}"
            )
        for name, value in loaded.metadata.items():
            stdout.print(f"{name}: {value}", markup=False)

    emit(result, as_json, show_text)


def _fitting_dataset(path: Path, network: Network, name: str, data: Path | None) -> Dataset:
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


@contextmanager
def _progress(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    with progress_bar(unit) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _chain(network: Network) -> str:
    return "-".join(str(size) for size in network.sizes)


def _spread(point: dict[str, Any]) -> str:
    text = f"{point['accuracy_mean']:.2%}"
    if point["draws"] > 1:
        text += (
            f" (95 % {point['accuracy_low']:.2%} to {point['accuracy_high']:.2%}), "
            f"standard deviation {point['accuracy_std']:.2%}"
        )
    return f"{text} over {point['draws']} chip{'s' if point['draws'] > 1 else ''}"
