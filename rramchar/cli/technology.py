"""``rramchar technology``: what simulator and which processes can be used here."""

from __future__ import annotations

from typing import Annotated

import typer

from rramchar.cli.common import JsonOption, emit, stdout

app = typer.Typer(
    no_args_is_help=True, help="Check the simulator and the CMOS processes that can be used."
)


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(help="Shipped name or TOML file; all shipped technologies by default."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed, which technologies can be used, and what to do about the rest.

    Exit code 0 if everything asked for can be used, 2 if not.
    """
    from rramchar.spice.installation import inspect_installation
    from rramchar.technology import inspect_technology, shipped_technologies

    installation = inspect_installation()
    names = shipped_technologies() if name is None else [name]
    reports = [inspect_technology(item) for item in names]
    ok = installation.ok and all(report.ok for report in reports)
    result = {
        "ok": ok,
        "simulator": installation.as_dict(),
        "technologies": [report.as_dict() for report in reports],
    }

    def show() -> None:
        def line(good: bool, text: str) -> None:
            stdout.print("[green]ok[/]     " if good else "[red]missing[/]", end=" ")
            stdout.print(text, markup=False)

        line(
            installation.library is not None and installation.ngspice_version is not None,
            f"ngspice {installation.ngspice_version or '-'}, library {installation.library or '-'}",
        )
        line(installation.program is not None, f"ngspice program {installation.program or '-'}")
        line(
            installation.pyspice_version is not None,
            f"PySpice {installation.pyspice_version or '-'}",
        )
        for report in reports:
            details = (
                f"{report.description}; corners {', '.join(report.corners)}" if report.ok else ""
            )
            line(report.ok, f"technology {report.name}  {details}")
        for problem in (*installation.problems, *(r.problem for r in reports if r.problem)):
            stdout.print(f"  -> {problem}", markup=False)

    emit(result, as_json, show)
    if not ok:
        raise typer.Exit(2)
