"""``rramchar sweep repair``: mend a run whose files are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rramchar.cli.common import JsonOption, emit, stdout


def repair(
    run: Annotated[Path, typer.Argument(help="Run directory.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Keep every row of a damaged run that can still be read; the damaged file is put aside.

    Each row carries a digest of itself, so that nothing damaged is kept. What is missing then is
    simulated by running the plan again.

    Example: rramchar sweep repair runs/first
    """
    from rramchar.sweep.repair import repair_run

    summary = repair_run(run)

    def show() -> None:
        if not summary.damaged:
            stdout.print(f"{run} is sound: {summary.rows} rows", markup=False)
            return
        if summary.kept_aside is not None:
            stdout.print(
                f"{summary.rows} rows kept; the damaged file is {summary.kept_aside}", markup=False
            )
        if summary.plan_restored:
            stdout.print("plan.toml restored", markup=False)
        stdout.print(
            f"go on with: rramchar sweep run {run / 'plan.toml'} --out {run}", markup=False
        )

    emit(summary.as_dict(), as_json, show)
