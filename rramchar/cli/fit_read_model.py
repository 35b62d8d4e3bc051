"""``rramchar fit read-model``: what the sense amplifier decides, as a fast function."""

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
    from rramchar.fitting import FittedModel


def read_model(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run directories: a nominal grid, a Monte Carlo."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the model (JSON) here.")
    ] = None,
    plot: PlotOption = None,
    seed: Annotated[int, typer.Option(help="Chooses the reads kept out of the fit.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Fit decision, offset, R*, sense time and energy of a read sweep, per condition.

    The nominal grid gives the times and the ternary boundary R*; a Monte Carlo
    with nearly equal pairs (--axis does not make them: use [list] in the plan)
    gives the offset and its sigma. A fifth of the reads is kept out of the fit
    and tells how good it is.

    Example: rramchar fit read-model runs/grid runs/mismatch -o read.json --plot read.png
    """
    from rramchar.fitting import save_model
    from rramchar.fitting.read_model import fit_read_model, load_reads
    from rramchar.provenance import provenance

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    reads = load_reads(runs)
    names = [run.name for run in runs]
    command = f"rramchar fit read-model {' '.join(names)} --seed {seed}"
    facts = provenance(inputs=[run / "plan.toml" for run in runs], command=command, runs=names)
    model = fit_read_model(reads, seed=seed, provenance=facts)
    if output is not None:
        save_model(model, output)
    if plot is not None:
        from rramchar.fitting.read_decision import read_conditions
        from rramchar.report.read_model import plot_read_model

        write_figure(plot, plot_read_model(read_conditions(model), reads))
    result = {**model.to_dict(), "model_file": output, "plot": plot}
    emit(result, as_json, lambda: _show(model, output, plot))


def _show(model: FittedModel, output: Path | None, plot: Path | None) -> None:
    from rich.table import Table

    for condition in model.population["conditions"]:
        key = condition["key"]
        table = Table(
            title=f"{condition['corner']}, {condition['temperature_c']:g} °C, "
            f"{condition['vdd_v']:g} V, sampled at {condition['sample_time_s'] * 1e9:g} ns"
        )
        for heading in ("parameter", "estimate", "95 % interval", "unit"):
            numeric = heading in ("estimate", "95 % interval")
            table.add_column(heading, justify="right" if numeric else "left")
        for name, p in model.parameters.items():
            if name.startswith(f"{key}_"):
                table.add_row(
                    name.removeprefix(f"{key}_"), f"{p.value:.4g}", f"{p.low:.4g} ... {p.high:.4g}",
                    p.unit,
                )  # fmt: skip
        stdout.print(table)
        good = model.goodness[key]
        stdout.print(
            f"{good['remark']}; held-out rms of ln: fall time {good['ln_fall_rms']:.3f}, sense "
            f"time {good['ln_sense_time_rms']:.3f}, energy {good['ln_energy_rms']:.4f}"
        )
    if model.goodness["failed_points"]:
        stdout.print(f"{model.goodness['failed_points']} failed points left out")
    for path in (output, plot):
        if path is not None:
            stdout.print(f"written: {path}", markup=False)
