"""``rramchar technology``: what simulator and which processes can be used here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    stderr,
    stdout,
    write_figure,
)
from rramchar.errors import InputError
from rramchar.units import parse_quantity

if TYPE_CHECKING:
    from rramchar.spice.installation import Installation
    from rramchar.technology import TechnologyReport
    from rramchar.testbench.device_check import DeviceCheck

app = typer.Typer(
    no_args_is_help=True, help="Check the simulator and the CMOS processes that can be used."
)


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(help="Shipped name or TOML file; all shipped technologies by default."),
    ] = None,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate/--no-simulate", help="Simulate one device of each kind per corner."
        ),
    ] = True,
    temperature: Annotated[str, typer.Option(help="Temperature in degC.")] = "27",
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed, which technologies can be used, and what to do about the rest.

    Of every device and corner: Vth (|VGS| at 100 nA W/L, |VDS| = 50 mV), Ion (|VGS| = |VDS| =
    supply) and Ioff (VGS = 0), at minimum length and 1 um width. Exit code 0 if everything asked
    for can be used and no device looks wrong, 2 if not. A shipped technology whose kit is not here
    counts only if it is asked for by name.
    """
    from rramchar.spice.installation import inspect_installation
    from rramchar.technology import inspect_technology, shipped_technologies

    if plot is not None:
        if name is None or not simulate:
            raise InputError("--plot: needs the NAME of one technology, and its simulation")
        check_writable(plot, option="--plot")
    temperature_c = parse_quantity(temperature, "C", name="--temperature")
    installation = inspect_installation()
    names = shipped_technologies() if name is None else [name]
    reports = [inspect_technology(item) for item in names]
    devices: dict[str, list[DeviceCheck]] = {}
    if simulate and installation.ok:
        for item, report in zip(names, reports, strict=True):
            if report.ok:
                devices[report.name] = _simulate(item, temperature_c)
    wanted = [report for report in reports if name is not None or not report.needs]
    found = [check for checks in devices.values() for check in checks]
    ok = (
        installation.ok
        and all(report.ok for report in wanted)
        and not any(check.problem for check in found)
    )
    result = {
        "ok": ok,
        "simulator": installation.as_dict(),
        "technologies": [report.as_dict() for report in reports],
        "devices": [
            {"technology": technology, **check.as_dict()}
            for technology, checks in devices.items()
            for check in checks
        ],
    }
    if plot is not None and found:
        _plot(plot, reports[0], found, temperature_c)
        result["plot"] = plot
    emit(result, as_json, lambda: _show(installation, reports, wanted, devices))
    if plot is not None and found and not as_json:
        stdout.print(f"figure: {plot}", markup=False)
    if not ok:
        raise typer.Exit(2)


@app.command(name="list")
def list_technologies(as_json: JsonOption = False) -> None:
    """List the technologies that come with rramchar, and what each needs."""
    from rramchar.technology import inspect_technology, shipped_technologies

    reports = [inspect_technology(name) for name in shipped_technologies()]

    def show() -> None:
        width = max(len(report.name) for report in reports)
        for report in reports:
            state = "ready" if report.ok else f"needs {', '.join(report.needs)}"
            stdout.print(f"{report.name:<{width}}  {report.description} ({state})", markup=False)

    emit({"technologies": [report.as_dict() for report in reports]}, as_json, show)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="File to write, ending in .toml.")],
    like: Annotated[
        str | None,
        typer.Option(
            help="Start from this shipped technology or TOML file, not from the template."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a commented technology file to fill in; an existing file is not overwritten."""
    from rramchar.technology import write_template

    path = write_template(file, like=like)

    def show() -> None:
        stdout.print(f"wrote {path}", markup=False)
        if like is None:
            stdout.print("fill in what says FILL_IN, then run:")
        stdout.print(f"  rramchar technology check {path}", markup=False)

    emit({"file": path, "like": like}, as_json, show)


def _simulate(name: str, temperature_c: float) -> list[DeviceCheck]:
    from rramchar.technology import load_technology
    from rramchar.testbench.device_check import check_devices

    with stderr.status(f"simulating the devices of {name.replace('[', '(')} ..."):
        return check_devices(load_technology(name), temperature_c=temperature_c)


def _plot(
    path: Path, report: TechnologyReport, checks: list[DeviceCheck], temperature_c: float
) -> None:
    from rramchar.report.technology import plot_device_check

    title = f"{report.name}, {temperature_c:g} °C"
    write_figure(path, plot_device_check(checks, title))


def _show(
    installation: Installation,
    reports: list[TechnologyReport],
    wanted: list[TechnologyReport],
    devices: dict[str, list[DeviceCheck]],
) -> None:
    def line(good: bool, text: str, bad: str = "[red]missing[/]") -> None:
        stdout.print("[green]ok[/]     " if good else bad, end=" ")
        stdout.print(text, markup=False)

    line(
        installation.library is not None and installation.ngspice_version is not None,
        f"ngspice {installation.ngspice_version or '-'}, library {installation.library or '-'}",
    )
    line(installation.program is not None, f"ngspice program {installation.program or '-'}")
    line(installation.pyspice_version is not None, f"PySpice {installation.pyspice_version or '-'}")
    for report in reports:
        details = report.description
        if report.ok:
            details += f"; corners {', '.join(report.corners)}"
        if report.ok or report in wanted:
            line(report.ok, f"technology {report.name}  {details}")
        else:
            needs = f"needs {', '.join(report.needs)}"
            line(False, f"technology {report.name}  {details}; {needs}", "absent ")
    problems = [*installation.problems, *(r.problem for r in wanted if r.problem)]
    for name, checks in devices.items():
        _show_devices(name, checks)
        problems += _device_problems(checks)
    for problem in problems:
        stdout.print(f"  -> {problem}", markup=False)


def _show_devices(name: str, checks: list[DeviceCheck]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{name}: devices"), title_justify="left", box=None, pad_edge=False)
    table.add_column("device")
    table.add_column("corner")
    for column in ("W/L [um]", "supply [V]", "Vth [V]", "Ion [uA/um]", "Ioff [nA/um]"):
        table.add_column(Text(column), justify="right")
    table.add_column("")
    roles = list(dict.fromkeys(check.name for check in checks))
    for check in sorted(checks, key=lambda check: roles.index(check.name)):
        table.add_row(
            check.name,
            check.corner,
            f"{check.width_m * 1e6:g}/{check.length_m * 1e6:g}",
            f"{check.supply_v:g}",
            _number(check.vth_v, 1, ".3f"),
            _number(check.ion_a_per_um, 1e6, ".4g"),
            _number(check.ioff_a_per_um, 1e9, ".3g"),
            Text("look", style="red") if check.problem else Text("ok", style="green"),
        )
    stdout.print(table)


def _number(value: float | None, factor: float, form: str) -> str:
    return "-" if value is None else format(value * factor, form)


def _device_problems(checks: list[DeviceCheck]) -> list[str]:
    """Return one line per device and problem, with the corners that it is found in."""
    corners: dict[tuple[str, Any], list[str]] = {}
    for check in checks:
        if check.problem:
            corners.setdefault((check.name, check.problem), []).append(check.corner)
    return [f"{name} ({', '.join(found)}): {problem}" for (name, problem), found in corners.items()]
