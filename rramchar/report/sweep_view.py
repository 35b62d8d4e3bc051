"""What a figure of a sweep shows: which rows, over which axes, as which kind of figure.

Nothing is averaged unasked: an axis that varies among the rows of one curve is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.report.columns import column_unit, is_numeric, spans_decades
from rramchar.units import parse_quantity

KINDS = ("line", "box", "histogram", "heatmap", "fraction", "scatter")
MOST_CURVES = 12
_MOST_BOXES = 12
_MOST_HUES_OF_BOXES = 4
_SAMPLE = "sample"


@dataclass(frozen=True)
class View:
    """A figure of a sweep, decided.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    rows : DataFrame
        The chosen rows, failed ones included.
    x : str
        Column along the figure.
    y : str or None
        Column up the figure; None for a histogram.
    z : str or None
        Column shown as colour, for a heat map.
    hue, panel : str or None
        Columns that tell curves and panels apart.
    logx, logy : bool
        Logarithmic scales.
    spread : bool
        Whether several rows share a place, such as Monte Carlo samples.
    missing : int
        Points of the run that are not simulated yet.
    """

    kind: str
    rows: pd.DataFrame
    x: str
    y: str | None
    z: str | None
    hue: str | None
    panel: str | None
    logx: bool
    logy: bool
    spread: bool
    missing: int

    @property
    def quantity(self) -> str:
        """The column that the figure is about."""
        return self.z or self.y or self.x

    def counts(self) -> dict[str, int]:
        """Return how many rows are drawn, failed, and have no value of the quantity."""
        failed = self.rows["status"] == "failed"
        wanted = [name for name in (self.x, self.y, self.z) if name]
        empty = self.rows[wanted].isna().any(axis=1) & ~failed
        return {
            "points": len(self.rows),
            "drawn": int((~failed & ~empty).sum()),
            "failed": int(failed.sum()),
            "no_value": int(empty.sum()),
            "missing": self.missing,
        }


def axes_of(frame: pd.DataFrame) -> list[str]:
    """Return the columns of a run's results that are axes of its plan, ``sample`` included."""
    names = list(frame.columns)
    return names[names.index("point") + 1 : names.index("status")]


def select_rows(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return the rows that meet conditions given as text.

    Parameters
    ----------
    frame : DataFrame
        Results of a run.
    text : str
        ``column=value`` pairs separated by commas; values separated by ``|`` are alternatives, and
        numbers may carry prefix and unit: ``corner=tt|ss,r_bl_ohm=5k``.

    Returns
    -------
    DataFrame
        In their order; ``attrs`` are kept.

    Raises
    ------
    InputError
        If a column is unknown, a value cannot be read, or no row meets a condition.
    """
    rows = frame
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, sign, wanted = (piece.strip() for piece in part.partition("="))
        if not sign or not wanted:
            raise InputError(f"--where {part!r}: expected column=value, such as vdd_v=0.6")
        column = rows[known_column(frame, name, "--where")]
        chosen = np.zeros(len(rows), dtype=bool)
        for value in wanted.split("|"):
            found = _equal(column, name, value.strip())
            if not found.any():
                raise InputError(
                    f"--where {name}={value}: no row has it; {name} is {_listed(column)}"
                )
            chosen |= found
        rows = rows[chosen]
    rows.attrs = frame.attrs
    return rows


def known_column(frame: pd.DataFrame, name: str, option: str) -> str:
    """Return a column's name, or refuse it with close matches.

    Raises
    ------
    InputError
        If the frame has no such column.
    """
    if name not in frame.columns:
        close = difflib.get_close_matches(name, list(frame.columns), n=2, cutoff=0.4)
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise InputError(
            f"{option} {name!r}: no such column{hint}; there are {', '.join(frame.columns)}"
        )
    return name


def choose_view(
    frame: pd.DataFrame,
    *,
    x: str | None = None,
    y: str | None = None,
    z: str | None = None,
    hue: str | None = None,
    panel: str | None = None,
    over: Sequence[str] = (),
    kind: str | None = None,
    logx: bool | None = None,
    logy: bool | None = None,
) -> View:
    """Decide how to draw results of a run.

    Parameters
    ----------
    frame : DataFrame
        Results of a run (see `rramchar.sweep.load`), or some of its rows.
    x, y, z, hue, panel : str, optional
        Columns (see `View`).
    over : sequence of str
        Axes whose values are drawn as a spread, like the samples of a Monte Carlo.
    kind : str, optional
        One of `KINDS`. By default: a heat map where `z` is given; a histogram where only one
        quantity is; fractions where y is a text; boxes where several rows share a place and there
        are at most 12 places and 4 hues; points where both x and y are results; else lines, with a
        band from the 5th to the 95th percentile where rows share a place.
    logx, logy : bool, optional
        By default logarithmic where values are positive and span more than a factor of 30.

    Returns
    -------
    View
        What `rramchar.report.sweep_plot.plot_sweep` draws.

    Raises
    ------
    InputError
        If a column is unknown, the columns fit no figure, or an axis varies that nothing tells
        apart.
    """
    axes = axes_of(frame)
    given = {"--x": x, "--y": y, "--z": z, "--hue": hue, "--panel": panel}
    _check_given(frame, axes, given, over, kind)
    x, y, kind = _roles(frame, axes, x, y, z, kind, {hue, panel, *over})
    if kind in ("fraction", "heatmap") and hue is not None:
        if panel is not None:
            raise InputError(f"--hue {hue}: a {kind} has colours of its own; use only --panel")
        hue, panel = None, hue
    _refuse_too_many(frame, {"--hue": hue, "--panel": panel})
    log_x = _is_log(frame, x, logx, "--logx")
    log_y = _is_log(frame, y, logy, "--logy")
    places = [n for n in (x, y if kind == "heatmap" else None, hue, panel) if n and n in axes]
    if kind != "scatter":
        _refuse_loose_axes(frame, axes, places, over, z or y or x)
    groups = frame.groupby(places, dropna=False, observed=True).size() if places else [len(frame)]
    spread = bool(max(groups) > 1)
    if kind == "":
        few = frame[x].nunique() <= _MOST_BOXES
        few &= hue is None or frame[hue].nunique() <= _MOST_HUES_OF_BOXES
        kind = "box" if spread and few else "line"
    return View(
        kind=kind,
        rows=frame,
        x=x,
        y=y,
        z=z,
        hue=hue,
        panel=panel,
        logx=log_x,
        logy=log_y,
        spread=spread,
        missing=int(frame.attrs.get("missing", 0)),
    )


def _check_given(
    frame: pd.DataFrame,
    axes: list[str],
    given: Mapping[str, str | None],
    over: Sequence[str],
    kind: str | None,
) -> None:
    for option, name in given.items():
        if name is not None:
            known_column(frame, name, option)
    for name in over:
        if known_column(frame, name, "--over") not in axes:
            raise InputError(f"--over {name}: expected an axis: {', '.join(axes)}")
    if kind is not None and kind not in KINDS:
        raise InputError(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
    if frame.empty:
        raise InputError("there is nothing to draw: no point was simulated yet")


def _refuse_too_many(frame: pd.DataFrame, given: Mapping[str, str | None]) -> None:
    for option, name in given.items():
        if name and (levels := frame[name].nunique()) > MOST_CURVES:
            raise InputError(
                f"{option} {name}: has {levels} values, at most {MOST_CURVES} can be told apart; "
                f"choose some with --where '{name}=A|B'"
            )


def _roles(
    frame: pd.DataFrame,
    axes: list[str],
    x: str | None,
    y: str | None,
    z: str | None,
    kind: str | None,
    used: set[str | None],
) -> tuple[str, str | None, str]:
    """Return x, y and the kind; the kind is empty where the number of rows must decide."""
    results = [n for n in frame.columns if n not in axes and n not in ("point", "detail")]
    if z is not None or kind == "heatmap":
        return _heatmap_roles(frame, axes, x, y, z, used)
    if x is None:
        if y is None:
            raise InputError(f"--y: give the quantity to draw: {', '.join(results)}")
        x, y = y, None
    if y is None and kind in (None, "histogram") and x not in axes and is_numeric(frame[x]):
        return x, None, "histogram"
    if y is None or x == y:
        wanted = "a quantity" if x in axes else "an axis as --x and a quantity"
        raise InputError(f"--x {x}: give {wanted} as --y too: {', '.join(results)}")
    if y in axes:
        raise InputError(
            f"--y {y}: x and y are both axes; name the quantity with --z for a heat map: "
            f"{', '.join(results)}"
        )
    if not is_numeric(frame[y]):
        if kind not in (None, "fraction"):
            raise InputError(f"--kind {kind}: {y} is a text; it is drawn as fractions")
        return x, y, "fraction"
    if kind in ("histogram", "fraction"):
        raise InputError(f"--kind {kind}: does not go with --x {x} --y {y}; leave --kind out")
    if kind == "scatter" or (kind is None and x not in axes and is_numeric(frame[x])):
        return x, y, "scatter"
    return x, y, kind or ""


def _heatmap_roles(
    frame: pd.DataFrame,
    axes: list[str],
    x: str | None,
    y: str | None,
    z: str | None,
    used: set[str | None],
) -> tuple[str, str, str]:
    if z is None:
        raise InputError("--kind heatmap: needs --z, the quantity shown as colour")
    free = [n for n in axes if n not in {x, y, z, _SAMPLE, *used} and frame[n].nunique() > 1]
    numeric = [n for n in free if is_numeric(frame[n])]
    if x is None and y is None and len(numeric) == 2:
        return numeric[0], numeric[1], "heatmap"
    if (x is None) != (y is None) and len(numeric) == 1:
        return (x or numeric[0]), (y or numeric[0]), "heatmap"
    if x is None or y is None or x not in axes or y not in axes or x == y:
        raise InputError(
            f"--z {z}: a heat map needs two axes, --x and --y, of {', '.join(axes)}; "
            f"{', '.join(free) or 'none'} vary here"
        )
    return x, y, "heatmap"


def _refuse_loose_axes(
    frame: pd.DataFrame, axes: list[str], places: list[str], over: Sequence[str], quantity: str
) -> None:
    others = [n for n in axes if n not in {*places, *over, _SAMPLE} and frame[n].nunique() > 1]
    if places and others:
        varied = frame.groupby(places, dropna=False, observed=True)[others].nunique().max()
        others = [name for name in others if varied[name] > 1]
    if not others:
        return
    listed = " and ".join(f"{name} ({frame[name].nunique()} values)" for name in others)
    fixed = ",".join(f"{name}={_middle(frame[name])}" for name in others)
    raise InputError(
        f"{quantity}: {listed} vary too, and must not be mixed unasked; fix them with --where "
        f"{fixed}, show one with --hue or --panel, or draw the spread with --over "
        f"{','.join(others)}"
    )


def _middle(column: pd.Series) -> str:
    values = sorted(column.dropna().unique())
    value = values[len(values) // 2] if is_numeric(column) else column.iloc[0]
    return f"{value:.10g}" if is_numeric(column) else str(value)


def _is_log(frame: pd.DataFrame, name: str | None, wanted: bool | None, option: str) -> bool:
    if name is None or not is_numeric(frame[name]):
        if wanted and name is not None:
            raise InputError(f"{option}: {name} holds texts")
        return bool(wanted)
    values = frame[name].dropna().to_numpy(dtype=float)
    if wanted and len(values) and values.min() <= 0:
        raise InputError(f"{option}: {name} has values of 0 or below ({values.min():g})")
    if wanted is None:
        return column_unit(name) != "°C" and spans_decades(values)
    return wanted


def _equal(column: pd.Series, name: str, text: str) -> Any:
    if not is_numeric(column):
        return (column.astype("string").str.lower() == text.lower()).fillna(False).to_numpy(bool)
    unit = {"Ω": "ohm", "°C": "C"}.get(column_unit(name), column_unit(name))
    value = parse_quantity(text, unit, name=f"--where {name}")
    return np.isclose(column.to_numpy(dtype=float, na_value=np.nan), value, rtol=1e-9, atol=0)


def _listed(column: pd.Series) -> str:
    values = sorted(column.dropna().unique())
    texts = [f"{v:.10g}" if is_numeric(column) else str(v) for v in values]
    return ", ".join(texts if len(texts) <= 12 else [*texts[:6], "...", *texts[-3:]]) or "empty"
