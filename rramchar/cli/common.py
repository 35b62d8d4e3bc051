"""What every command shares: consoles, JSON output, progress, options that recur."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rramchar.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

stdout = Console(highlight=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout; progress on stderr.")
]


PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FIGURE.png", help="Draw a figure here.")
]


def emit(result: dict[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Print a result: as one JSON document, or through `show` for people.

    Parameters
    ----------
    result : dict
        JSON-serializable; NaN and infinity become null.
    as_json : bool
        The command's ``--json``.
    show : callable
        Prints the result for people, with `stdout`.
    """
    if as_json:
        sys.stdout.write(json.dumps(_plain(result), indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()
    else:
        show()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


class RateColumn(ProgressColumn):
    """Items per second of a progress bar."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Return the rate as text, empty until there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.{0 if speed >= 10 else 2}f} {self.unit}/s" if speed else "")


class _LateProgress(Progress):
    """A progress display that appears with its first task, so that a refusal stays one line."""

    def __enter__(self) -> Self:
        return self

    def add_task(self, *arguments: Any, **options: Any) -> TaskID:
        self.start()
        return super().add_task(*arguments, **options)

    def stop(self) -> None:
        if self.live.is_started:  # else it would print an empty line where stderr is a file
            super().stop()


def progress_bar(unit: str = "points") -> Progress:
    """Return a progress display on stderr with count, rate and time left.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.

    Returns
    -------
    rich.progress.Progress
        To be used in a ``with`` block.
    """
    return _LateProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        RateColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=stderr,
    )


@contextmanager
def late_progress(unit: str, what: str | None = None) -> Iterator[Callable[[int, int], None]]:
    """Give a callback that shows a bar from its first call on: what fails before stays one line.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.
    what : str, optional
        The work, before the bar; the unit without.

    Yields
    ------
    callable
        Takes how many are done, and of how many.
    """
    with progress_bar(unit) as bar:
        tasks: list[TaskID] = []

        def progress(done: int, total: int) -> None:
            if not tasks:
                tasks.append(bar.add_task(what or unit, total=total))
            bar.update(tasks[0], completed=done, total=total)

        yield progress


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG.

    Parameters
    ----------
    path : Path
        Checked before with `check_writable`.
    figure : Figure
        The figure.
    """
    from rramchar.report.style import png_bytes

    path.write_bytes(png_bytes(figure))


def check_writable(path: Path, *, option: str = "--out") -> Path:
    """Refuse an output path that cannot be written, before any work is done.

    Parameters
    ----------
    path : Path
        A file to be written; its folder must exist.
    option : str
        The option it came from, for the error message; ``--plot`` takes only a PNG.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    InputError
        If the folder does not exist, folder or file cannot be written, or a figure is not asked for
        as PNG.
    """
    import os

    if option == "--plot" and path.suffix.lower() != ".png":
        raise InputError(
            f"{option} {path}: figures are written as PNG; give a name that ends in .png"
        )
    parent = path.parent
    if not parent.is_dir():
        raise InputError(f"{option} {path}: the folder {parent} does not exist; create it first")
    if path.is_dir():
        raise InputError(f"{option} {path}: is a folder; give a file name")
    target = path if path.exists() else parent
    if not os.access(target, os.W_OK):
        raise InputError(f"{option} {path}: no permission to write; choose another place")
    return path
