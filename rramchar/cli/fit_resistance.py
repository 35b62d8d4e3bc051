"""``rramchar fit resistance``: the statistics of both states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    stdout,
    write_figure,
)

if TYPE_CHECKING:
    import pandas as pd

    from rramchar.fitting import FittedModel


def resistance(
    file: Annotated[Path, typer.Argument(help="Measured resistances, plain or .gz.")],
    layout: Annotated[
        str | None,
        typer.Option(help="tidy or cycling; guessed from the first line without."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the model (JSON) here.")
    ] = None,
    plot: PlotOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 2000,
    as_json: JsonOption = False,
) -> None:
    """Fit LRS and HRS: median, spread from device to device and from cycle to cycle.

    Intervals are 95 % bootstrap intervals over devices. Says how well a
    lognormal describes the readings, and when it does not.

    Example: rramchar fit resistance cells.csv -o resistance.json --plot quantiles.png
    """
    from rramchar.fitting import fit_resistance_lognormal, save_model
    from rramchar.measured import read_measured
    from rramchar.provenance import provenance

    if output is not None:
        check_writable(output, option="--output")
    if plot is not None:
        check_writable(plot, option="--plot")
    frame = read_measured(file, layout)
    command = f"rramchar fit resistance {file.name} --seed {seed} --resamples {resamples}"
    model = fit_resistance_lognormal(
        frame,
        seed=seed,
        resamples=resamples,
        provenance=provenance(inputs=[file], command=command),
    )
    if output is not None:
        save_model(model, output)
    if plot is not None:
        _draw(model, frame, file, plot)
    result = {**model.to_dict(), "model_file": output, "plot": plot}
    emit(result, as_json, lambda: _show(model, file, output))


def _draw(model: FittedModel, frame: pd.DataFrame, file: Path, plot: Path) -> None:
    from rramchar.fitting import quantile_points
    from rramchar.measured import state_values
    from rramchar.report.statistics import plot_resistance_quantiles

    points = {state: quantile_points(state_values(frame, state)) for state in model.goodness}
    fits = {
        state: (model.value(f"{state}_median_ohm"), model.value(f"{state}_sigma_log10"))
        for state in points
    }
    write_figure(plot, plot_resistance_quantiles(points, fits, file.name))


def _show(model: FittedModel, file: Path, output: Path | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"{model.name}: {file.name}"))
    for heading in ("parameter", "estimate", "95 % interval", "unit"):
        numeric = heading in ("estimate", "95 % interval")
        table.add_column(heading, justify="right" if numeric else "left")
    for name, parameter in model.parameters.items():
        table.add_row(
            name,
            f"{parameter.value:.4g}",
            f"{parameter.low:.4g} ... {parameter.high:.4g}",
            parameter.unit,
        )
    stdout.print(table)
    for state, goodness in model.goodness.items():
        stdout.print(
            f"{state.upper()}: {goodness['remark']} (Kolmogorov-Smirnov distance "
            f"{goodness['ks_distance']:.3f}, skewness {goodness['skewness']:+.2f}, excess kurtosis "
            f"{goodness['excess_kurtosis']:+.2f})"
        )
    if output is not None:
        stdout.print(f"model written to {escape(str(output))}")
