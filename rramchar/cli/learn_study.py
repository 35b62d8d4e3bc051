"""``rramchar learn study``: the published studies of learning on the chip, one command each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    late_progress,
    stderr,
    stdout,
    write_figure,
)
from rramchar.cli.nn_common import DataOption

if TYPE_CHECKING:
    from rramchar.nn.learn.study import Finding, Request, StudyResult

_NAMES = (
    "training, noise, retraining, nonlinearity, imperfections, flip-pulses, metaplastic, energy, "
    "retention"
)
_HEADINGS = {
    "test_accuracy": "accuracy", "inference_j": "recognition", "training_j": "training",
}  # fmt: skip


def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"{_NAMES}; or list.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the study: parts, tables, figure; goes on there.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|FILE.npz",
            help="As for [bold]nn train[/]; without it mnist where --data is given, else digits.",
        ),
    ] = None,
    data: DataOption = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Training seeds of each condition.")] = 3,
    seed: Annotated[int, typer.Option("--seed", help="The first training seed.")] = 1,
    length: Annotated[
        str, typer.Option("--length", help="trial (to see that it runs), short or full.")
    ] = "short",
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="Of each training, instead of what length says.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An option of the study, such as ratios=0,0.5,2, or any field of LearnSettings, "
            "such as model=chip.json or hidden=256; repeat for more.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; as many as there are cores without.")
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a study of learning on the chip: tables, a figure, and what was published beside it.

    Finished parts in the folder are not done again. The figure goes to
    NAME.png in the folder, or where --plot says. Without --data or
    --dataset the embedded digits are learned.

    Example: rramchar learn study noise --seeds 3 --out runs/noise

    Example: rramchar learn study training --dataset mnist --data DIR --out runs/mnist
    """
    from os import cpu_count

    from rramchar.errors import InputError
    from rramchar.nn.learn.study import Request, entry
    from rramchar.nn.learn.study_run import findings, plan_study, plot_study, run_study

    if name == "list":
        _list(as_json)
        return
    entry(name)
    if out is None:
        raise InputError("--out: missing; give the folder of the study, such as --out runs/noise")
    if plot is not None:
        check_writable(plot, option="--plot")
    chosen = dataset or ("digits" if data is None else "mnist")
    folder = None if data is None else str(data)
    request = Request(chosen, folder, seeds, seed, length, epochs, _options(settings or []))
    planned = plan_study(name, request)
    if dataset is None and data is None and any(task.dataset for task in planned.tasks):
        stderr.print("no --dataset and no --data: learning the embedded digits", markup=False)
    count = workers if workers is not None else cpu_count() or 1
    try:
        with late_progress("parts") as report:
            result = run_study(planned, out, workers=count, progress=report)
    except KeyboardInterrupt:
        stderr.print(
            f"interrupted; finished parts are kept in {out}; run the same command to go on",
            markup=False,
        )
        raise typer.Exit(130) from None
    target = plot if plot is not None else out / f"{name}.png"
    write_figure(target, plot_study(result))
    answers = findings(result)
    emit(
        _document(request, result, answers, out, target),
        as_json,
        lambda: _show(result, answers, out, target),
    )


def _list(as_json: bool) -> None:
    from rramchar.nn.learn.study import STUDIES

    studies = {name: {"about": e.about, "source": e.source} for name, e in STUDIES.items()}

    def show() -> None:
        for name, one in studies.items():
            stdout.print(f"{name}: {one['source']}\n  {one['about']}", markup=False)

    emit({"studies": studies}, as_json, show)


def _options(texts: list[str]) -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping."""
    from rramchar.errors import InputError

    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise InputError(f"--set {text}: expected NAME=VALUE")
        if name.strip() in found:
            raise InputError(f"--set {text}: {name.strip()} is given twice")
        found[name.strip()] = value.strip()
    return found


def _document(
    request: Request, result: StudyResult, answers: list[Finding], out: Path, plot: Path
) -> dict[str, Any]:
    return {
        "study": result.study.name,
        "title": result.study.title,
        "dataset": request.dataset,
        "seeds": request.seeds,
        "length": request.length,
        "parts": len(result.study.tasks),
        "summary": result.summary.to_dict("records"),
        "findings": [vars(answer) for answer in answers],
        "out": out,
        "plot": plot,
    }


def _show(result: StudyResult, answers: list[Finding], out: Path, plot: Path) -> None:
    from rich.table import Table

    study, table = result.study, result.study.tables[0]
    shown = Table(title=f"{study.name}: {study.title}")
    measured = table.measured[: 1 if "accuracy" in table.measured[0] else 4]
    for heading in (*table.keys, *measured):
        shown.add_column(_HEADINGS.get(heading, heading), justify="right")
    if len(measured) == 1:
        shown.add_column("95 % interval", justify="right")
    lines = result.summary.to_dict("records")
    for row in _thinned(lines):
        cells = [_word(row[key]) for key in table.keys]
        cells += [_number(row[f"{m}_mean"], m) for m in measured]
        if len(measured) == 1:
            ends = (_number(row[f"{measured[0]}_{e}"], measured[0]) for e in ("low", "high"))
            one = row[f"{measured[0]}_low"] != row[f"{measured[0]}_low"]  # NaN: a single seed
            cells.append("one seed" if one else " ... ".join(ends))
        shown.add_row(*cells)
    stdout.print(shown)
    for answer in answers:
        mark = {True: "agrees", False: "does not come out", None: "no verdict"}[answer.agrees]
        span = f" (95 % {answer.interval})" if answer.interval else ""
        stdout.print(f"published: {answer.published}", markup=False)
        stdout.print(f"  {mark}: {answer.found}{span}", markup=False)
    for part in study.tables:
        stdout.print(f"written to {out / f'{study.name}_{part.name}.csv'}", markup=False)
    stdout.print(f"written to {out / f'{study.name}_findings.json'}", markup=False)
    stdout.print(f"written to {plot}", markup=False)


def _thinned(lines: list[Any], most: int = 40) -> list[Any]:
    """Leave out lines of a long table, the same number between those that stay."""
    return lines[:: -(-len(lines) // most)]


def _word(value: Any) -> str:
    if value is None or value != value:
        return "none"
    if isinstance(value, bool):
        return "with" if value else "without"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _number(value: float, name: str) -> str:
    if value != value:
        return "-"
    from rramchar.units import format_quantity

    if name.endswith("_j"):
        return format_quantity(value, "J", digits=3)
    return f"{value:.2%}" if "accuracy" in name else f"{value:.4g}"
