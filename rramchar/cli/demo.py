"""``rramchar demo``: the main job, from a netlist to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rramchar.cli.common import JsonOption, emit, progress_bar, stderr, stdout


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for all results.")] = Path("demo"),
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; the cores of this machine by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Characterize a 2T2R memory from netlist to network accuracy, and write a report.

    Simulates some 11,000 reads on ngspice, fits a sample of cycled resistances, builds a BER table,
    trains and evaluates networks, and exports everything as one HTML page. What is finished is not
    repeated: run it again after an interruption.
    """
    from rramchar.demo.run import run_demo

    with progress_bar("steps") as bar:
        tasks: dict[str, int] = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"{name:<20}", total=total)
            bar.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]

        try:
            summary = run_demo(folder, workers=workers, progress=advance)
        except KeyboardInterrupt:
            bar.stop()
            stderr.print(
                f"interrupted; what is finished is kept in {folder}, run the same command to go on"
            )
            raise typer.Exit(130) from None

    def show() -> None:
        failed = f", {summary.failed} of them failed" if summary.failed else ""
        stdout.print(
            f"{summary.points} reads{failed} ({summary.simulated} simulated now), "
            f"{summary.seconds:.0f} s\nreport: {summary.report}",
            markup=False,
        )

    emit(summary.as_dict(), as_json, show)
    if summary.failed:
        raise typer.Exit(1)
