"""``rramchar fit retention``: conductance over time and temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import JsonOption, PlotOption, stdout
from rramchar.cli.fit_common import (
    FileArgument,
    LayoutOption,
    ModelFileOption,
    ResamplesOption,
    SeedOption,
    run_fit,
)

if TYPE_CHECKING:
    from rramchar.fitting import FittedModel


def retention(
    file: FileArgument,
    layout: LayoutOption = None,
    ranges: Annotated[int, typer.Option(help="Ranges of initial conductance; 0 for none.")] = 8,
    output: ModelFileOption = None,
    plot: PlotOption = None,
    seed: SeedOption = 0,
    resamples: ResamplesOption = 300,
    as_json: JsonOption = False,
) -> None:
    """Fit shift and spread of the conductance against log time or 1/T (Arrhenius).

    Each device's first reading at a temperature is subtracted from its later
    ones. One temperature gives the law in log time, three or more the
    activation energy. Done for all devices and per initial conductance.

    Example: rramchar fit retention bake.csv -o retention.json --plot retention.png
    """
    from rramchar.fitting.retention import fit_retention
    from rramchar.report.retention import plot_retention

    run_fit(
        file,
        layout,
        lambda frame, facts: fit_retention(
            frame, ranges=ranges, seed=seed, resamples=resamples, provenance=facts
        ),
        lambda fitted, frame: plot_retention(fitted, file.name),
        _show,
        command=f"rramchar fit retention {file.name} --ranges {ranges} --seed {seed} "
        f"--resamples {resamples}",
        output=output,
        plot=plot,
        as_json=as_json,
    )


def _show(model: FittedModel) -> None:
    from rich.table import Table

    table = Table(title=f"change of conductance, law {model.population['law']}")
    for heading in ("T (°C)", "t (s)", "devices", "mean (µS)", "σ (µS)", "σ of the law (µS)"):
        table.add_column(heading, justify="right")
    for row in model.population["conditions"]:
        low, high = row["sigma_low"] * 1e6, row["sigma_high"] * 1e6
        table.add_row(
            f"{row['temperature_c']:g}", f"{row['time_s']:.3g}", f"{row['devices']:,}",
            f"{row['mean_siemens'] * 1e6:.3g}",
            f"{row['sigma_siemens'] * 1e6:.3g} ({low:.3g} ... {high:.3g})",
            f"{row['law_sigma_siemens'] * 1e6:.3g}",
        )  # fmt: skip
    stdout.print(table)
    stdout.print(model.goodness["remark"])
