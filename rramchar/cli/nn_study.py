"""``rramchar nn study``: the published trade-offs, one command each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    late_progress,
    stdout,
    write_figure,
)
from rramchar.cli.nn_common import DataOption, DatasetOption
from rramchar.cli.nn_train import TRAINERS, FiltersOption, TrainerOption
from rramchar.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from rramchar.nn.studies import Study, StudyResult
    from rramchar.nn.study_plans import StudySettings

app = typer.Typer(
    no_args_is_help=True,
    help="Train and measure many networks, in parallel and resumable: accuracy over error rates, "
    "cells, or a quantity of a BER table, with intervals over networks.",
)

OutOption = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", help="Folder of the study: networks, parts, tables; goes on there."
    ),
]
WeightsOption = Annotated[
    list[str] | None, typer.Option("--weights", help="binary or ternary; without it, both.")
]
NetworksOption = Annotated[
    int, typer.Option("--seeds", help="Networks of each kind, each with its own training seed.")
]
EpochsOption = Annotated[int | None, typer.Option("--epochs", help="Of the training.")]
HiddenOption = Annotated[
    list[int] | None, typer.Option("--hidden", help="Neurons of a hidden layer; repeat for more.")
]
DrawsOption = Annotated[int, typer.Option("--draws", help="Chips per network and condition.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the chips.")]
ImagesOption = Annotated[
    int | None, typer.Option("--train-images", help="Train on the first images only.")
]
TestImagesOption = Annotated[
    int | None, typer.Option("--test-images", help="Test on the first images only.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="Processes; as many as there are cores without.")
]
TrainRatesOption = Annotated[
    str, typer.Option("--train-rates", help="Error rates while training: a,b,c or start:stop:n.")
]


@app.command()
def matrix(
    dataset: DatasetOption,
    out: OutOption,
    data: DataOption = None,
    train_rates: TrainRatesOption = "0,1e-2,4e-2,1e-1",
    rates: Annotated[
        str, typer.Option("--rates", help="Error rates while testing: a,b,c or start:stop:n.")
    ] = "0,1e-4,1e-3,1e-2,4e-2,1e-1",
    weights: WeightsOption = None,
    seeds: NetworksOption = 3,
    epochs: EpochsOption = None,
    hidden: HiddenOption = None,
    trainer: TrainerOption = "numpy",
    filters: FiltersOption = None,
    train_images: ImagesOption = None,
    test_images: TestImagesOption = None,
    draws: DrawsOption = 20,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accuracy over the error rate trained with and the error rate tested with.

    Example: rramchar nn study matrix --dataset digits --out runs/matrix --plot matrix.png
    """
    from rramchar.nn.curve import parse_rates
    from rramchar.nn.study_plans import matrix_study
    from rramchar.report.accuracy import plot_train_test_matrix

    settings = _settings(
        plot,
        trainer,
        filters,
        dataset=dataset,
        data_dir=None if data is None else str(data),
        weights=weights,
        networks=seeds,
        draws=draws,
        seed=seed,
        epochs=epochs,
        hidden=hidden,
        train_images=train_images,
        test_images=test_images,
    )
    study = matrix_study(
        settings,
        parse_rates(train_rates, name="--train-rates"),
        parse_rates(rates, name="--rates"),
    )
    _run(study, out, workers, plot, plot_train_test_matrix, as_json)


@app.command()
def cells(
    dataset: DatasetOption,
    out: OutOption,
    data: DataOption = None,
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes",
            help="Neurons of the one hidden layer, a list; with --trainer torch, filters of the "
            "first two of four convolutions, the others have twice as many.",
        ),
    ] = "32,64,128,256",
    rates: Annotated[str, typer.Option("--rates", help="Error rates while testing.")] = "0,1e-2",
    train_rate: Annotated[float, typer.Option("--train-rate", help="Of the training.")] = 0.0,
    weights: WeightsOption = None,
    seeds: NetworksOption = 3,
    epochs: EpochsOption = None,
    hidden: HiddenOption = None,
    trainer: TrainerOption = "numpy",
    train_images: ImagesOption = None,
    test_images: TestImagesOption = None,
    draws: DrawsOption = 20,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Binary against ternary networks at equal numbers of 2T2R pairs.

    A weight of either kind takes one pair, so networks of equal layers have
    equal cells.

    Example: rramchar nn study cells --dataset digits --out runs/cells --plot cells.png

    Example: rramchar nn study cells --dataset cifar10 --data DIR --trainer torch
    --sizes 8,16 --rates 0 --out runs/cifar --plot cifar.png
    """
    from rramchar.nn.curve import parse_rates
    from rramchar.nn.study_plans import cells_study
    from rramchar.report.accuracy import plot_accuracy_against_cells

    try:
        chosen = [int(part) for part in sizes.split(",")]
    except ValueError:
        chosen = []
    if min(chosen, default=0) < 1:
        raise InputError(f"--sizes {sizes!r}: expected whole numbers from 1 on, such as 64,256")
    if trainer == "numpy" and hidden:
        raise InputError("--hidden: --sizes gives the hidden layer; leave one out")
    settings = _settings(
        plot,
        trainer,
        None,
        dataset=dataset,
        data_dir=None if data is None else str(data),
        weights=weights,
        networks=seeds,
        draws=draws,
        seed=seed,
        epochs=epochs,
        hidden=hidden,
        train_images=train_images,
        test_images=test_images,
    )
    study = cells_study(settings, chosen, parse_rates(rates, name="--rates"), train_rate)
    _run(study, out, workers, plot, plot_accuracy_against_cells, as_json)


@app.command()
def table(
    ber: Annotated[
        list[Path],
        typer.Argument(metavar="TABLE.csv...", help="A BER table, or several with equal columns."),
    ],
    dataset: DatasetOption,
    out: OutOption,
    data: DataOption = None,
    against: Annotated[
        str,
        typer.Option(
            "--against",
            help="vdd_v, temperature_c, sample_time_s, time_s, or a number that stands in the "
            "table's programming column, such as reset_v or energy_j.",
        ),
    ] = "vdd_v",
    where: Annotated[str, typer.Option("--where", help="Only rows that meet conditions.")] = "",
    train_rates: TrainRatesOption = "0",
    weights: WeightsOption = None,
    seeds: NetworksOption = 3,
    epochs: EpochsOption = None,
    hidden: HiddenOption = None,
    trainer: TrainerOption = "numpy",
    filters: FiltersOption = None,
    train_images: ImagesOption = None,
    test_images: TestImagesOption = None,
    draws: DrawsOption = 20,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accuracy against supply, RESET voltage, programming energy, time ... of a BER table.

    One other condition may vary, such as the corner: it becomes one line each.
    Numbers of the programming are read from name=value pairs in that column,
    such as "reset_v=2.5V, energy_j=12nJ".

    Example: rramchar nn study table ber.csv --dataset digits --against vdd_v
    --where temperature_c=27 --out runs/supply --plot supply.png

    Example: rramchar nn study table ber_1.0V.csv ber_1.5V.csv --dataset digits
    --against reset_v --where cell=2t2r --out runs/reset --plot reset.png
    """
    from rramchar.ber.where import parse_where
    from rramchar.nn.curve import parse_rates
    from rramchar.nn.study_plans import table_study
    from rramchar.report.accuracy import plot_accuracy_against

    settings = _settings(
        plot,
        trainer,
        filters,
        dataset=dataset,
        data_dir=None if data is None else str(data),
        weights=weights,
        networks=seeds,
        draws=draws,
        seed=seed,
        epochs=epochs,
        hidden=hidden,
        train_images=train_images,
        test_images=test_images,
    )
    rates = parse_rates(train_rates, name="--train-rates")
    study = table_study(settings, ber, against, parse_where(where), rates)

    def draw(summary: pd.DataFrame) -> Figure:
        return plot_accuracy_against(summary, study.x, study.series, study.note)

    _run(study, out, workers, plot, draw, as_json)


def _settings(
    plot: Path | None, trainer: str, filters: list[int] | None, **fields: Any
) -> StudySettings:
    """Check what no study is needed for, and return the settings."""
    from rramchar.nn.study_plans import StudySettings
    from rramchar.nn.torch_train import require_torch
    from rramchar.nn.vgg_settings import VggSettings

    if plot is not None:
        check_writable(plot, option="--plot")
    if fields["networks"] < 1:
        raise InputError(f"--seeds {fields['networks']}: expected at least 1, the networks trained")
    if trainer not in TRAINERS:
        raise InputError(f"--trainer {trainer!r}: expected one of {', '.join(TRAINERS)}")
    if trainer == "torch":
        require_torch()
        fields["filters"] = tuple(filters) if filters else VggSettings.filters
    elif filters:
        raise InputError("--filters: goes with --trainer torch; add it, or leave this out")
    fields["weights"] = tuple(fields["weights"] or ("binary", "ternary"))
    fields["hidden"] = tuple(fields["hidden"]) if fields["hidden"] else None
    return StudySettings(**fields)


def _run(
    study: Study,
    out: Path,
    workers: int | None,
    plot: Path | None,
    draw: Callable[[pd.DataFrame], Figure],
    as_json: bool,
) -> None:
    from os import cpu_count

    from rramchar.nn.studies import run_study

    count = workers if workers is not None else cpu_count() or 1
    with late_progress("networks", f"{study.name} study") as report:
        result = run_study(study, out, workers=count, progress=report)
    if plot is not None:
        write_figure(plot, draw(result.summary))
    rows = result.summary.to_dict("records")
    document: dict[str, Any] = {
        "study": study.name,
        "networks": len(study.tasks),
        "summary": rows,
        "gain": result.gain.to_dict("records"),
        "out": str(out),
        "plot": plot,
    }
    emit(document, as_json, lambda: _show(study, result, out, plot))


def _show(study: Study, result: StudyResult, out: Path, plot: Path | None) -> None:
    from rich.table import Table

    summary = result.summary
    columns = list(dict.fromkeys(("weights", study.series or "train_ber", study.x, "ber")))
    shown = [column for column in columns if column in summary]
    table = Table(title=f"{study.name} study: mean accuracy over networks")
    for heading in (*shown, "accuracy", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "weights" else "right")
    for row in summary.to_dict("records"):
        values = [f"{v:g}" if isinstance(v, int | float) else str(v) for v in map(row.get, shown)]
        table.add_row(*values, f"{row['accuracy_mean']:.2%}", _interval(row))
    stdout.print(table)
    for row in result.gain.to_dict("records"):
        stdout.print(_gain(row), markup=False)
    for name in ("networks", "summary", *(() if result.gain.empty else ("gain",))):
        stdout.print(f"written: {out / f'{study.name}_{name}.csv'}", markup=False)
    if plot is not None:
        stdout.print(f"written: {plot}", markup=False)


def _interval(row: Mapping[Any, Any]) -> str:
    """Return an interval as text; - where one network has one chip, or no errors."""
    low, high = row["accuracy_low"], row["accuracy_high"]
    return "-" if math.isnan(low) else f"{low:.2%} ... {high:.2%}"


def _gain(row: Mapping[Any, Any]) -> str:
    """Return a row of `rramchar.nn.gain.ternary_gain` as a line."""
    from rramchar.nn.gain import GAIN

    apart = ("hidden", "pairs", "train_ber", *GAIN)
    names = {"ber": "error rate"}
    along = [
        f"{names.get(name, name)} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
        if name not in apart
    ]
    return (
        f"ternary over binary, {row['pairs']:,} pairs, trained at {row['train_ber']:g}, "
        f"{', '.join(along)}: {100 * row['gain']:+.2f} points (95 % "
        f"{100 * row['gain_low']:+.2f} to {100 * row['gain_high']:+.2f})"
    )
