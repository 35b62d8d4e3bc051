"""``rramchar fit set-law`` and ``reset-law``: what programming conditions give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import JsonOption, PlotOption, stdout
from rramchar.cli.fit_common import (
    FileArgument,
    LayoutOption,
    ModelFileOption,
    SeedOption,
    run_fit,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.fitting import FittedModel


def set_law(
    file: FileArgument,
    layout: LayoutOption = None,
    against: Annotated[
        str | None, typer.Option(help="compliance_a or v_wl_v; what the file holds without.")
    ] = None,
    limits: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH", help="Range of it to use, for instance 1.8:3."),
    ] = None,
    output: ModelFileOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit R_LRS = a / I_c^b to resistances after SET, robustly.

    Against the word-line voltage: a / (V_WL - V_T)^b with a fitted V_T.

    Example: rramchar fit set-law set.csv -o set.json --plot set.png
    """
    from rramchar.fitting.set_law import fit_set_law
    from rramchar.report.programming import plot_set_law

    window = None if limits is None else _limits(limits)
    options = (f" --against {against}" if against else "") + (
        f" --limits {limits}" if limits else ""
    )
    run_fit(
        file,
        layout,
        lambda frame, facts: fit_set_law(frame, against=against, limits=window, provenance=facts),
        lambda fitted, frame: plot_set_law(fitted, frame, file.name),
        lambda fitted: stdout.print(str(fitted.goodness["remark"])),
        command=f"rramchar fit set-law {file.name}{options}",
        output=output,
        plot=plot,
        as_json=as_json,
    )


def reset_law(
    file: FileArgument,
    layout: LayoutOption = None,
    against: Annotated[
        str | None, typer.Option(help="v_reset_v or v_wl_v; the one that varies without.")
    ] = None,
    shape: Annotated[str, typer.Option(help="auto, line or onset.")] = "auto",
    stop: Annotated[
        str | None,
        typer.Option(help="Resistance at which each sweep was ended, for instance 100k."),
    ] = None,
    output: ModelFileOption = None,
    plot: PlotOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Fit median and spread of R after RESET against voltage and pulse width.

    With --stop, steps that a sweep did not take any more count as above it:
    without, high voltages show only the cells that are hard to RESET.

    Example: rramchar fit reset-law sweep.csv --stop 100k -o reset.json --plot reset.png
    """
    from rramchar.fitting.reset_law import fit_reset_law
    from rramchar.report.programming import plot_reset_law
    from rramchar.units import parse_quantity

    stop_ohm = None if stop is None else parse_quantity(stop, "ohm", name="--stop")
    options = (f" --against {against}" if against else "") + (f" --stop {stop}" if stop else "")
    run_fit(
        file,
        layout,
        lambda frame, facts: fit_reset_law(
            frame, against=against, shape=shape, stop_ohm=stop_ohm, seed=seed, provenance=facts
        ),
        lambda fitted, frame: plot_reset_law(fitted, file.name),
        _show_reset,
        command=f"rramchar fit reset-law {file.name} --shape {shape}{options} --seed {seed}",
        output=output,
        plot=plot,
        as_json=as_json,
    )


def _limits(text: str) -> tuple[float, float]:
    from rramchar.units import parse_quantity

    ends = text.split(":")
    if len(ends) != 2:
        raise InputError(f"--limits: {text!r}, expected LOW:HIGH such as 1.8:3 or 10u:200u")
    low, high = (parse_quantity(end, name="--limits") for end in ends)
    if not low < high:
        raise InputError(f"--limits: {text!r}, expected LOW below HIGH")
    return low, high


def _show_reset(model: FittedModel) -> None:
    facts = model.goodness
    stdout.print(
        f"shape {model.population['shape']}, fitted up to {facts['fitted_up_to_v']:g} V "
        f"({facts['readings']} readings, {sum(facts['censored'].values())} censored); "
        f"{facts['remark']}"
    )
