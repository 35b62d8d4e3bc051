"""The panels of a sweep's figure: one function per kind draws some rows into one pair of axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from numpy.typing import NDArray

from rramchar.report.columns import (
    column_title,
    dress_axis,
    is_numeric,
    spans_decades,
    value_text,
)
from rramchar.report.style import (
    BLUE,
    CORNER_COLOURS,
    GREEN,
    GREY,
    ORANGE,
    OUTCOME_COLOURS,
    PURPLE,
    RED,
    SKY,
    YELLOW,
)
from rramchar.report.sweep_view import View

_CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY)
FAILED_COLOUR, FAILED_FILL, EMPTY_COLOUR = "#B00020", "#F4C7C7", "#C4C4C4"
_MOST_TICKS = 10
# Percentiles of a band; boxes have quartiles, and whiskers at these.
BAND = (5, 95)


def levels_of(column: pd.Series) -> list[Any]:
    """Return the values of a column in order; texts in the order of their appearance.

    Parameters
    ----------
    column : Series
        Missing values are passed over.

    Returns
    -------
    list
        Each value once.
    """
    values = column.dropna().unique()
    return sorted(values) if is_numeric(column) else list(values)


def _hues(view: View, part: pd.DataFrame) -> Iterator[tuple[str | None, str, pd.DataFrame]]:
    """Yield the label, colour and rows of every curve; colours are the same in all panels."""
    if view.hue is None:
        yield None, BLUE, part
        return
    for value, colour in _colours(view.rows[view.hue]).items():
        yield value_text(view.hue, value), colour, part[part[view.hue] == value]


def _colours(column: pd.Series) -> Mapping[Any, str]:
    levels = levels_of(column)
    named = {**CORNER_COLOURS, **OUTCOME_COLOURS, "zero": GREY}
    if all(level in named for level in levels):
        return {level: named[level] for level in levels}
    if is_numeric(column) and len(levels) > 2:
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        shades = colormaps["viridis"](np.linspace(0, 0.92, len(levels)))
        return {level: to_hex(shade) for level, shade in zip(levels, shades, strict=True)}
    return {level: _CYCLE[i % len(_CYCLE)] for i, level in enumerate(levels)}


def _places(view: View, name: str, part: pd.DataFrame, *, even: bool) -> Any:
    """Return where rows stand along an axis: their value, or the number of its level."""
    if not even and is_numeric(view.rows[name]):
        return part[name].to_numpy(dtype=float)
    number = {level: i for i, level in enumerate(levels_of(view.rows[name]))}
    return part[name].map(number).to_numpy(dtype=float)


def _dress(axis: Any, view: View, name: str, *, log: bool, even: bool = False) -> None:
    """Dress an axis with the values of a column, or with its levels where those stand evenly."""
    if not even and is_numeric(view.rows[name]):
        dress_axis(axis, name, view.rows[name].dropna(), log=log)
        return
    levels = levels_of(view.rows[name])
    step = -(-len(levels) // _MOST_TICKS)
    axis.set_ticks(range(0, len(levels), step), [value_text(name, v) for v in levels[::step]])
    if sum(len(value_text(name, v)) for v in levels[::step]) > 44 and axis.axis_name == "x":
        axis.set_tick_params(rotation=35)
    axis.set_label_text(column_title(name))


def _draw_lines(axis: Any, part: pd.DataFrame, view: View) -> None:
    assert view.y is not None
    joined = is_numeric(view.rows[view.x])
    for curve, (label, colour, rows) in enumerate(_hues(view, part)):
        place = _places(view, view.x, rows, even=False)
        _mark(axis, view, rows, place, colour, curve)
        values = rows.assign(_place=place)
        values = values.dropna(subset=["_place", view.y])
        groups = values.groupby("_place")[view.y]
        middle = groups.median()
        axis.plot(
            middle.index, middle, marker="o", ms=3, color=colour, label=label,
            ls="-" if joined else "none",
        )  # fmt: skip
        if view.spread and len(middle):
            low, high = (groups.quantile(p / 100) for p in BAND)
            if joined:
                axis.fill_between(middle.index, low, high, color=colour, alpha=0.18, lw=0)
            else:
                axis.vlines(middle.index, low, high, color=colour, alpha=0.5)
    _dress(axis.xaxis, view, view.x, log=view.logx)
    _dress(axis.yaxis, view, view.y, log=view.logy)


def _draw_boxes(axis: Any, part: pd.DataFrame, view: View) -> None:
    assert view.y is not None
    curves = list(_hues(view, part))
    width = 0.75 / len(curves)
    for i, (label, colour, rows) in enumerate(curves):
        place = _places(view, view.x, rows, even=True)
        shift = (i - (len(curves) - 1) / 2) * width
        _mark(axis, view, rows, place + shift, colour, 0)
        values = rows[view.y].to_numpy(dtype=float)
        there = np.unique(place[np.isfinite(values)])
        if not len(there):
            continue
        drawn = axis.boxplot(
            [values[(place == p) & np.isfinite(values)] for p in there],
            positions=there + shift,
            widths=0.8 * width,
            whis=BAND,
            patch_artist=True,
            manage_ticks=False,
            flierprops={"marker": ".", "ms": 2.5, "mec": colour},
            medianprops={"color": "black", "lw": 1.2},
            boxprops={"facecolor": colour, "alpha": 0.55, "lw": 0.6},
            whiskerprops={"lw": 0.8},
            capprops={"lw": 0.8},
        )
        drawn["boxes"][0].set_label(label)
    _dress(axis.xaxis, view, view.x, log=False, even=True)
    axis.set_xlim(-0.6, view.rows[view.x].nunique() - 0.4)
    axis.grid(False, axis="x")
    _dress(axis.yaxis, view, view.y, log=view.logy)


def _draw_histogram(axis: Any, part: pd.DataFrame, view: View) -> None:
    values = view.rows[view.x].dropna().to_numpy(dtype=float)
    if len(values):
        logs = np.log10(values) if view.logx else values
        edges = np.histogram_bin_edges(logs, bins=_bins(len(values)))
        edges = 10**edges if view.logx else edges
        for label, colour, rows in _hues(view, part):
            own = rows[view.x].dropna().to_numpy(dtype=float)
            style: dict[str, Any] = {"color": colour, "label": label}
            axis.hist(own, edges, alpha=0.35, lw=0, **style | {"label": None})
            axis.hist(own, edges, histtype="step", lw=1.3, **style)
    _dress(axis.xaxis, view, view.x, log=view.logx)
    axis.set_ylabel("points")
    if view.logy:
        axis.set_yscale("log")


def _bins(count: int) -> int:
    return int(np.clip(2 * count ** (1 / 3), 8, 60))  # the rule of Rice, within reason


def _draw_points(axis: Any, part: pd.DataFrame, view: View) -> None:
    assert view.y is not None
    for label, colour, rows in _hues(view, part):
        axis.plot(rows[view.x], rows[view.y], ".", color=colour, ms=4, alpha=0.7, label=label)
    _dress(axis.xaxis, view, view.x, log=view.logx)
    _dress(axis.yaxis, view, view.y, log=view.logy)


def _draw_fractions(axis: Any, part: pd.DataFrame, view: View) -> None:
    assert view.y is not None
    place = _places(view, view.x, part, even=True)
    words = part[view.y].astype("string").where(part["status"] == "ok", "failed").fillna("no value")
    if view.y in ("status", "reason"):
        words = part[view.y].astype("string").fillna("no value")
    shades = word_colours(view)
    total = pd.Series(place).value_counts()
    bottom = pd.Series(0.0, index=total.index)
    for word, colour in shades.items():
        chosen = pd.Series(place[(words == word).to_numpy(bool)]).value_counts()
        share = chosen.reindex(total.index, fill_value=0) / total * 100
        hatch = "xxx" if word == "failed" else None
        axis.bar(share.index, share, 0.85, bottom=bottom, color=colour, label=word, hatch=hatch,
                 ec="#888888", lw=0.3)  # fmt: skip
        bottom += share
    _dress(axis.xaxis, view, view.x, log=False, even=True)
    axis.set_xlim(-0.6, view.rows[view.x].nunique() - 0.4)
    axis.set_ylim(0, 100)
    axis.set_ylabel(f"{column_title(view.y)}: share of points (%)")
    axis.grid(False)


def word_colours(view: View) -> dict[str, str]:
    """Return what a heat map or bar of a text column shows, with colours.

    Parameters
    ----------
    view : View
        Its quantity is a text or a truth value.

    Returns
    -------
    dict of str to str
        Known words first; then ``no value`` and ``failed``, if there are such points.
    """
    column = view.rows[view.quantity]
    words = [str(word) for word in column.dropna().unique()]
    known = {**OUTCOME_COLOURS, "ok": SKY, "True": SKY, "False": ORANGE, "failed": FAILED_FILL}
    ordered = [word for word in known if word in words] + sorted(set(words) - set(known))
    spare = (c for c in (*_CYCLE, *_CYCLE))
    colours = {word: known.get(word) or next(spare) for word in ordered}
    if (column.isna() & (view.rows["status"] == "ok")).any():
        colours["no value"] = EMPTY_COLOUR
    if view.quantity not in ("status", "reason") and (view.rows["status"] == "failed").any():
        colours["failed"] = known["failed"]
    return colours


def _draw_heatmap(axis: Any, part: pd.DataFrame, view: View) -> Any:
    assert view.y is not None
    assert view.z is not None
    x, y = _centres(view, view.x), _centres(view, view.y)
    cell = (_index(view, view.y, part), _index(view, view.x, part))
    edges = _edges(x, view.logx), _edges(y, view.logy)
    numeric = is_numeric(view.rows[view.z])
    mesh = None
    failed = (part["status"] == "failed").to_numpy()
    state = np.full((len(y), len(x)), np.nan)
    state[cell] = failed  # shown where there is no value: 1 for failed, 0 for undecided
    axis.set_facecolor("white")
    shades = ListedColormap([EMPTY_COLOUR, FAILED_FILL])
    axis.pcolormesh(*edges, np.ma.masked_invalid(state), cmap=shades, vmin=0, vmax=1)
    colours = {} if numeric else word_colours(view)
    picture = _picture(part, view, cell, state.shape, list(colours))
    if numeric:
        every = view.rows[view.z].dropna().to_numpy(dtype=float)
        log = spans_decades(every)
        ends = (every.min(), every.max()) if len(every) else (0.0, 1.0)
        scale = LogNorm(*ends) if log else Normalize(*ends)
        mesh = axis.pcolormesh(*edges, picture, norm=scale, cmap="viridis")
    else:
        shades = ListedColormap(list(colours.values()))
        axis.pcolormesh(*edges, picture, cmap=shades, vmin=-0.5, vmax=len(colours) - 0.5)
    axis.plot(x[cell[1][failed]], y[cell[0][failed]], "x", color=FAILED_COLOUR, ms=5, mew=1.2)
    _dress(axis.xaxis, view, view.x, log=view.logx)
    _dress(axis.yaxis, view, view.y, log=view.logy)
    axis.grid(False)
    return mesh


def _picture(
    part: pd.DataFrame, view: View, cell: Any, shape: tuple[int, int], words: list[str]
) -> Any:
    """Return the value of every cell, masked where there is none."""
    table = pd.DataFrame({"row": cell[0], "column": cell[1]})
    if words:
        number = {word: i for i, word in enumerate(words)}
        table["value"] = part[view.z].astype("string").map(number).to_numpy(dtype=float)
        table = table.dropna()
        merged = table.groupby(["row", "column"])["value"].agg(lambda v: v.mode().iloc[0])
    else:
        table["value"] = part[view.z].to_numpy(dtype=float)
        merged = table.dropna().groupby(["row", "column"])["value"].median()
    picture = np.full(shape, np.nan)
    if len(merged):
        picture[tuple(np.array(list(merged.index)).T)] = merged
    return np.ma.masked_invalid(picture)


def _centres(view: View, name: str) -> NDArray[np.float64]:
    levels = levels_of(view.rows[name])
    if is_numeric(view.rows[name]):
        return np.array(levels, dtype=float)
    return np.arange(len(levels), dtype=float)


def _index(view: View, name: str, part: pd.DataFrame) -> NDArray[np.int64]:
    number = {level: i for i, level in enumerate(levels_of(view.rows[name]))}
    return part[name].map(number).to_numpy(dtype=np.int64)


def _edges(centres: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Return cell edges half-way between rising centres."""
    places = np.log(centres) if log else centres
    if len(places) == 1:
        edges = np.array([places[0] - 0.5, places[0] + 0.5])
    else:
        middle = (places[1:] + places[:-1]) / 2
        edges = np.array([2 * places[0] - middle[0], *middle, 2 * places[-1] - middle[-1]])
    return np.exp(edges) if log else edges


def _mark(
    axis: Any,
    view: View,
    rows: pd.DataFrame,
    place: NDArray[np.float64],
    colour: str,
    curve: int,
) -> None:
    """Mark where a curve's points failed, at the lower edge, or have no value, at the upper."""
    failed = (rows["status"] == "failed").to_numpy()
    empty = rows[view.quantity].isna().to_numpy() & ~failed
    aside = 0.025 + 0.035 * curve  # the marks of several curves stand one above the other
    for chosen, height, style in (
        (failed, aside, {"marker": "x", "mec": colour}),
        (empty, 1 - aside, {"marker": "^", "mec": colour, "mfc": "none"}),
    ):
        there = np.unique(place[chosen])
        if len(there):  # an empty line would still claim room in the layout
            axis.plot(there, np.full(len(there), height), ls="none", ms=4, zorder=5,
                      transform=axis.get_xaxis_transform(), **style)  # fmt: skip


# The kinds of figures; a heat map of numbers returns what its colour bar is made from.
DRAW: Mapping[str, Callable[[Any, pd.DataFrame, View], Any]] = {
    "line": _draw_lines,
    "box": _draw_boxes,
    "histogram": _draw_histogram,
    "heatmap": _draw_heatmap,
    "fraction": _draw_fractions,
    "scatter": _draw_points,
}
