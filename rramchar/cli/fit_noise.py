"""``rramchar fit read-noise``: spectrum slope and telegraph noise of repeated reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import JsonOption, PlotOption, late_progress, stdout
from rramchar.cli.fit_common import FileArgument, LayoutOption, ModelFileOption, run_fit
from rramchar.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from rramchar.fitting import FittedModel


def read_noise(
    file: FileArgument,
    layout: LayoutOption = None,
    band: Annotated[
        str | None,
        typer.Option(
            metavar="LOW:HIGH", help="Band of the spectrum fit, for instance 0.1:50 [Hz]."
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(help="Reads per second where the file holds no time, for instance 400Hz."),
    ] = None,
    rtn: Annotated[bool, typer.Option(help="Look for telegraph noise (RTN).")] = True,
    output: ModelFileOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit 1/f noise by its power spectrum, and RTN by a two-state hidden Markov model.

    Needs at least 256 equally spaced reads of each device.

    Example: rramchar fit read-noise traces.csv --band 0.1:50 -o noise.json --plot noise.png
    """
    from rramchar.fitting.read_noise import fit_read_noise
    from rramchar.report.noise import plot_read_noise
    from rramchar.units import parse_quantity

    band_hz = None if band is None else _band(band)
    rate_hz = None if rate is None else parse_quantity(rate, "Hz", name="--rate")
    if rate_hz is not None and rate_hz <= 0:
        raise InputError(f"--rate: {rate}, expected a rate above 0 Hz")

    def fit(frame: pd.DataFrame, facts: dict[str, object]) -> FittedModel:
        with late_progress("traces") as progress:
            return fit_read_noise(
                frame, band_hz=band_hz, rate_hz=rate_hz, rtn=rtn, provenance=facts,
                progress=progress,
            )  # fmt: skip

    options = (f" --band {band}" if band else "") + (f" --rate {rate}" if rate else "")
    run_fit(
        file,
        layout,
        fit,
        lambda fitted, frame: plot_read_noise(fitted, frame, file.name),
        _show,
        command=f"rramchar fit read-noise {file.name}{options}{'' if rtn else ' --no-rtn'}",
        output=output,
        plot=plot,
        as_json=as_json,
    )


def _band(text: str) -> tuple[float, float]:
    from rramchar.units import parse_quantity

    ends = text.split(":")
    if len(ends) != 2:
        raise InputError(f"--band: {text!r}, expected LOW:HIGH such as 0.1:50")
    low, high = (parse_quantity(end, "Hz", name="--band") for end in ends)
    if not 0 < low < high:
        raise InputError(f"--band: {text!r}, expected 0 < LOW < HIGH")
    return low, high


def _show(model: FittedModel) -> None:
    rows = model.population["devices"]
    stdout.print(f"{len(rows)} devices; {model.goodness['remark']}")
    if not model.population["timed"]:
        stdout.print("no time in the file: frequencies in cycles per read, rates per read")
    reasons: dict[str, int] = {}
    for row in rows:
        if row.get("rtn_reason"):
            key = row["rtn_reason"].split(" (")[0]
            reasons[key] = reasons.get(key, 0) + 1
    if len(rows) <= 5:
        for reason, count in reasons.items():
            stdout.print(f"no telegraph noise in {count}: {reason}")
