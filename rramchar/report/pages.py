"""Pieces of a report page: paragraphs, tables of intervals, and one piece per measured file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Generic, TypeVar

import pandas as pd

from rramchar.errors import RramcharError
from rramchar.fitting import Parameter
from rramchar.report.folder import MeasuredFile

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of one file.

    Parameters
    ----------
    file : MeasuredFile
        The file.
    result : object or None
        What was computed.
    problem : str
        Why there is none.
    """

    file: MeasuredFile
    result: T | None
    problem: str = ""


def for_each(files: Iterable[MeasuredFile], work: Callable[[MeasuredFile], T]) -> list[Outcome[T]]:
    """Compute something for every file; a file that cannot be used does not stop the others.

    Parameters
    ----------
    files : iterable of MeasuredFile
        The files.
    work : callable
        File to result.

    Returns
    -------
    list of Outcome
        In the same order; a refusal is kept with its reason.
    """
    found: list[Outcome[T]] = []
    for file in files:
        try:
            found.append(Outcome(file, work(file)))
        except RramcharError as error:
            found.append(Outcome(file, None, str(error)))
    return found


def show_each(
    outcomes: list[Outcome[T]], draw: Callable[[MeasuredFile, T], Iterable[Any]], nothing: str
) -> Any:
    """Show a piece of the page for every file, under its name.

    Parameters
    ----------
    outcomes : list of Outcome
        What `for_each` returned.
    draw : callable
        File and result to HTML objects.
    nothing : str
        Said where there is no file.

    Returns
    -------
    IPython.display.HTML
        One object, for a notebook cell's last line.
    """
    if not outcomes:
        return show_note(nothing)
    parts: list[Any] = []
    for outcome in outcomes:
        parts.append(_html(f"<h3>{escape(outcome.file.title)}</h3>"))
        if outcome.result is None:
            parts.append(show_note(f"Not possible: {outcome.problem}"))
        else:
            parts += draw(outcome.file, outcome.result)
    return _html("\n".join(part.data for part in parts))


def show_title(text: str) -> Any:
    """Return the heading of the page as HTML, for a notebook cell's last line."""
    return _html(f"<h1>{escape(text)}</h1>")


def show_note(text: str) -> Any:
    """Return a paragraph as HTML, for a notebook cell's last line."""
    return _html(f"<p>{escape(text)}</p>")


def interval_table(
    parameters: Mapping[str, Parameter], labels: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return parameters as a table with 95 % intervals, in handy units.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        Name to estimate.
    labels : mapping of str to str, optional
        Name to words; those without keep their name.

    Returns
    -------
    DataFrame
        Columns ``quantity, estimate, low, high, unit``.
    """
    rows = []
    for name, p in parameters.items():
        factor, unit = _handy(p)
        low, high = sorted((p.low * factor, p.high * factor))
        rows.append(((labels or {}).get(name, name), p.value * factor, low, high, unit))
    return pd.DataFrame(rows, columns=["quantity", "estimate", "low", "high", "unit"])


def _handy(p: Parameter) -> tuple[float, str]:
    scaled = {
        "ohm": (1e-3, "kΩ"),
        "S": (1e6, "µS"),
        "S/pulse": (1e6, "µS/pulse"),
        "S/decade": (1e6, "µS/decade"),
        "decade/decade": (1.0, "decades per decade of cycles"),
        "1": (1.0, ""),
    }
    return scaled.get(p.unit, (1.0, p.unit))


def _html(text: str) -> Any:
    from IPython.display import HTML

    return HTML(text)
