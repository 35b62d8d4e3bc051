"""What the commands that fit measured data share: options, the flow, the table of parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import check_writable, emit, stderr, stdout, write_figure
from rramchar.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from rramchar.fitting import FittedModel

FileArgument = Annotated[
    Path,
    typer.Argument(help="Measured data: text, plain or compressed, or .parquet."),
]
LayoutOption = Annotated[
    str | None,
    typer.Option(metavar="NAME|MAP.toml", help="Layout of the file; guessed without."),
]
ModelFileOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the model (JSON) here.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of the bootstrap.")]
ResamplesOption = Annotated[int, typer.Option(help="Bootstrap resamples.")]


def run_fit(
    file: Path,
    layout: str | None,
    fit: Callable[[pd.DataFrame, dict[str, object]], FittedModel],
    draw: Callable[[FittedModel, pd.DataFrame], Figure],
    show: Callable[[FittedModel], None],
    *,
    command: str,
    output: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Read a file, fit it, write model and figure, and print the result.

    Parameters
    ----------
    file, layout
        What `rramchar.measured.read_measured` takes.
    fit : callable
        Frame and provenance to model.
    draw : callable
        Model and frame to a figure.
    show : callable
        Prints what is particular to the model, after the table of its parameters.
    command : str
        The command, for the model's provenance.
    output, plot : Path, optional
        Files to write.
    as_json : bool
        Whether to print one JSON document.

    Raises
    ------
    InputError
        If the file cannot be read or fitted; the message names it.
    typer.Exit
        With code 1 when the fit did not converge or left a parameter undetermined, 130 when it was
        interrupted.
    """
    from rramchar.fitting import save_model
    from rramchar.measured import read_measured
    from rramchar.provenance import provenance

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    frame = read_measured(file, layout)
    try:
        model = fit(frame, provenance(inputs=[file], command=command))
    except InputError as error:  # a fit knows its frame, not where that came from
        named = file.name in str(error) or str(error).startswith("--")
        raise error if named else InputError(f"{file}: {error}") from None
    except KeyboardInterrupt:
        stderr.print("interrupted; nothing was written")
        raise typer.Exit(130) from None
    if output is not None:
        save_model(model, output)
    if plot is not None:
        write_figure(plot, draw(model, frame))
    result = {**model.to_dict(), "model_file": output, "plot": plot}
    emit(result, as_json, lambda: _show(model, file, output, plot, show))
    if lost := unsettled(model):
        stderr.print(lost, style="yellow", markup=False)
        raise typer.Exit(1)


def unsettled(model: FittedModel) -> str:
    """Return what the fit could not settle, or an empty text.

    Parameters
    ----------
    model : FittedModel
        Of any kind; ``goodness`` or its entries may hold ``undetermined``.

    Returns
    -------
    str
        Names the parameters.
    """
    names = list(model.goodness.get("undetermined", []))
    for key, facts in model.goodness.items():
        if isinstance(facts, dict):
            names += [f"{key}_{name}" for name in facts.get("undetermined", [])]
    words = [] if model.converged else ["the fit did not converge: do not use its intervals"]
    if names:
        words.append(f"the data do not determine {', '.join(names)}")
    return "; ".join(words)


def _show(
    model: FittedModel,
    file: Path,
    output: Path | None,
    plot: Path | None,
    show: Callable[[FittedModel], None],
) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"{model.name}: {file.name}"))
    for heading in ("parameter", "estimate", "95 % interval", "unit"):
        numeric = heading in ("estimate", "95 % interval")
        table.add_column(heading, justify="right" if numeric else "left")
    for name, p in model.parameters.items():
        table.add_row(name, f"{p.value:.4g}", f"{p.low:.4g} ... {p.high:.4g}", p.unit)
    stdout.print(table)
    show(model)
    for path, what in ((output, "model"), (plot, "figure")):
        if path is not None:
            stdout.print(f"{what} written to {path}", markup=False)
