"""``rramchar iv`` and ``rramchar devices``: quasi-static loops, and what the models are made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.circuit_options import ConditionText, CornerOption, TechnologyOption
from rramchar.cli.common import JsonOption, PlotOption, check_writable, emit, stdout, write_figure
from rramchar.errors import InputError
from rramchar.units import format_quantity, parse_quantity

if TYPE_CHECKING:
    from rramchar.devices import DeviceModel
    from rramchar.spice.deck import Deck
    from rramchar.testbench.iv import Loop, LoopResult


def iv(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: Annotated[
        list[str] | None, typer.Option(help="Temperature in degC; repeat for several loops.")
    ] = None,
    model: Annotated[str, typer.Option(help="Device model; see rramchar devices.")] = "filament",
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="Device parameter, such as gamma0=15.")
    ] = None,
    set_v: Annotated[str, typer.Option("--set-v", help="Highest bit-line voltage.")] = "2.0",
    reset_v: Annotated[str, typer.Option("--reset-v", help="Highest source-line voltage.")] = "1.8",
    wl_set_v: Annotated[
        str, typer.Option("--wl-set-v", help="Word line during SET: the compliance.")
    ] = "1.6",
    wl_reset_v: Annotated[
        str, typer.Option("--wl-reset-v", help="Word line during RESET.")
    ] = "4.5",
    ramp_time: Annotated[
        str, typer.Option("--ramp-time", help="Duration of each of the four ramps.")
    ] = "1m",
    initial_r: Annotated[
        str, typer.Option("--initial-r", help="Resistance before the loop.")
    ] = "300k",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="LOOP.csv", help="Write the curves.")
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sweep a 1T1R cell slowly through SET and RESET and record its hysteresis.

    Example: rramchar iv --temperature 27 --temperature 125 -o loop.csv --plot loop.png
    """
    from rramchar.testbench.iv import Loop

    for path, option in ((output, "-o"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    loop = Loop(
        set_v=parse_quantity(set_v, "V", name="--set-v"),
        reset_v=parse_quantity(reset_v, "V", name="--reset-v"),
        wl_set_v=parse_quantity(wl_set_v, "V", name="--wl-set-v"),
        wl_reset_v=parse_quantity(wl_reset_v, "V", name="--wl-reset-v"),
        ramp_time_s=parse_quantity(ramp_time, "s", name="--ramp-time"),
        initial_r_ohm=parse_quantity(initial_r, "ohm", name="--initial-r"),
    )
    device = _device(model, parameter or [])
    # All conditions are checked before the first is simulated.
    decks = {
        text: _deck(ConditionText(technology, corner, text), device, loop)
        for text in temperature or ["27"]
    }
    loops = {text: _simulate(*deck, device, loop) for text, deck in decks.items()}
    if output is not None:
        _write(output, loops, technology, corner, device, loop)
    if plot is not None:
        from rramchar.report.iv import plot_loops

        write_figure(plot, plot_loops({f"{text} °C": found for text, found in loops.items()}))
    rows = [
        {
            "temperature_c": float(text),
            "set_at_v": found.set_at_v,
            "reset_at_v": found.reset_at_v,
            "r_low_ohm": float(found.resistance_ohm.min()),
            "r_high_ohm": float(found.resistance_ohm[-1]),
            "peak_set_current_a": float(found.current_a.max()),
            "peak_reset_current_a": float(-found.current_a.min()),
        }
        for text, found in loops.items()
    ]

    def show() -> None:
        for row in rows:
            switched = ", ".join(
                f"{name} at {_shown(row[key], 'V')}"
                for name, key in (("SET", "set_at_v"), ("RESET", "reset_at_v"))
            )
            low, high = (_shown(row[key], "ohm") for key in ("r_low_ohm", "r_high_ohm"))
            stdout.print(f"{row['temperature_c']:g} degC: {switched}; {low} to {high}")

    emit({"loops": rows}, as_json, show)


def devices(as_json: JsonOption = False) -> None:
    """List the device models with their parameters, units, ranges and origins."""
    from dataclasses import asdict

    from rramchar.devices import MODELS
    from rramchar.devices.parameters import parameter_table

    tables = {name: parameter_table(model) for name, model in MODELS.items()}

    def show() -> None:
        from rich.table import Table

        for name, infos in tables.items():
            grid = Table(title=name, title_justify="left", box=None)
            for column in ("parameter", "default", "unit", "from", "to", "what it is", "origin"):
                grid.add_column(column)
            for info in infos:
                grid.add_row(info.name, f"{info.default:g}", info.unit, f"{info.low:g}",
                             f"{info.high:g}", info.description, info.source)  # fmt: skip
            stdout.print(grid)

    emit(
        {"devices": {name: [asdict(info) for info in infos] for name, infos in tables.items()}},
        as_json,
        show,
    )


def _device(name: str, texts: list[str]) -> DeviceModel:
    from rramchar.devices import make_model

    values = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise InputError(f"--set {text!r}: expected NAME=VALUE, such as gamma0=15")
        values[key.strip()] = parse_quantity(value.strip(), name=f"--set {key.strip()}")
    return make_model(name, values)


def _deck(text: ConditionText, device: DeviceModel, loop: Loop) -> tuple[Deck, dict[str, float]]:
    from rramchar.testbench.iv import build_iv
    from rramchar.testbench.program import WriteCell

    technology, condition = text.load()
    return build_iv(technology, condition, WriteCell(), device, loop)


def _simulate(
    deck: Deck, alterations: dict[str, float], device: DeviceModel, loop: Loop
) -> LoopResult:
    from rramchar.spice.session import process_session, simulate
    from rramchar.testbench.iv import iv_result
    from rramchar.testbench.program import WriteCell

    waves, _ = simulate(process_session(), deck, alterations, "write-report")
    return iv_result(waves, WriteCell(), device, loop)


def _shown(value: float | None, unit: str) -> str:
    return "no voltage" if value is None else format_quantity(value, unit, digits=3)


def _write(
    path: Path,
    loops: dict[str, LoopResult],
    technology: str,
    corner: str,
    device: DeviceModel,
    loop: Loop,
) -> None:
    from dataclasses import asdict

    import pandas as pd

    from rramchar.provenance import comment_header, provenance

    frame = pd.concat(
        [
            pd.DataFrame({"temperature_c": float(text), **found.columns()})
            for text, found in loops.items()
        ]
    )
    facts = provenance(
        technology=technology,
        corner=corner,
        model=device.name,
        device=asdict(device),  # type: ignore[call-overload]
        loop=asdict(loop),
    )
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(comment_header("quasi-static loop of a 1T1R cell; SI units", facts))
        frame.to_csv(stream, index=False)
