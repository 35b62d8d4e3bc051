"""One figure for any sweep: lines, boxes, histogram, heat map, fractions or points.

Failed points, and points without a value, are marked where they would stand and counted below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rramchar.measure import crossing_time
from rramchar.report.columns import (
    column_title,
    dress_axis,
    is_numeric,
    spans_decades,
    value_text,
)
from rramchar.report.reads import plot_waveforms
from rramchar.report.style import new_figure, styled
from rramchar.report.sweep_panels import (
    BAND,
    DRAW,
    EMPTY_COLOUR,
    FAILED_COLOUR,
    levels_of,
    word_colours,
)
from rramchar.report.sweep_view import View, axes_of
from rramchar.sweep.rerun import Rerun


@styled
def plot_sweep(view: View) -> Figure:
    """Draw results of a run.

    Parameters
    ----------
    view : View
        What to draw (see `rramchar.report.sweep_view.choose_view`).

    Returns
    -------
    Figure
        One panel, or one per value of the panel's column. A cross at the lower edge stands where
        points failed, an open triangle at the upper one where they have no value (a read that did
        not decide); the numbers of both are in the line below.
    """
    panels = list(_panels(view))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    alone = len(panels) == 1
    figure, axes = new_figure(
        rows,
        columns,
        width_in=5.6 if alone else 4.1 * columns,
        height_in=3.7 if alone else 3.3 * rows + 0.3,
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    flat = list(axes.flat)
    for axis in flat[len(panels) :]:
        axis.set_visible(False)
    mesh = None
    for axis, (title, part) in zip(flat, panels, strict=False):
        mesh = DRAW[view.kind](axis, part, view)
        axis.set_title(title, loc="left", fontsize=8)
    for axis in flat[: len(panels)]:
        axis.label_outer()
    if mesh is not None:
        bar = figure.colorbar(mesh, ax=flat[: len(panels)], aspect=30, pad=0.02)
        values = view.rows[view.quantity].dropna()
        dress_axis(bar.ax.yaxis, view.quantity, values, log=spans_decades(values))
    fixed = _fixed_text(view)
    if fixed:
        figure.suptitle(fixed, x=0.01, ha="left", fontsize=9)
    _legend(figure, flat[: len(panels)], view)
    figure.supxlabel(caption(view), x=0.01, ha="left", fontsize=7, color="#555555")
    return figure


def plot_reruns(reruns: Sequence[Rerun]) -> Figure:
    """Draw the waveforms of reads that were simulated again, one panel each.

    Parameters
    ----------
    reruns : sequence of Rerun
        Points with waveforms (see `rramchar.sweep.rerun`).

    Returns
    -------
    Figure
        See `rramchar.report.reads.plot_waveforms`.
    """
    reads = []
    for again in reruns:
        vdd_v, parameters = again.condition.vdd_v, again.parameters
        time, sen = again.waves["time"], again.waves["v(sen)"]
        start = crossing_time(time, sen, vdd_v / 2, after_s=parameters.precharge_time_s / 2)
        values = [
            f"sample {value}" if name == "sample" else value_text(name, value)
            for name, value in again.values.items()
        ]
        reads.append(
            {
                # The line feed lifts it above the word that marks the sampling time.
                "title": f"point {again.point}: {', '.join(values)}\n",
                "vdd_v": vdd_v,
                "sense_start_s": start,
                "sample_time_s": parameters.sample_time_s,
                "time": time,
                **{node: again.waves[f"v({node})"] for node in ("sen", "q", "qb", "bl", "blb")},
            }
        )
    return plot_waveforms(reads)


def caption(view: View) -> str:
    """Return how many points are drawn, failed, have no value and are missing.

    Parameters
    ----------
    view : View
        The figure.

    Returns
    -------
    str
        One line, which also says what stands for several points at one place.
    """
    counts = view.counts()
    parts = [f"{counts['drawn']} of {counts['points']} points drawn"]
    parts += [f"{counts['failed']} failed (×)"] if counts["failed"] else []
    parts += [f"{counts['no_value']} without a value"] if counts["no_value"] else []
    parts += [f"{counts['missing']} of the run not simulated yet"] if counts["missing"] else []
    how = {
        "line": f"; median, band {BAND[0]} to {BAND[1]} %",
        "box": f"; box: quartiles, whiskers {BAND[0]} to {BAND[1]} %",
        "heatmap": "; " + ("median" if is_numeric(view.rows[view.quantity]) else "most frequent"),
    }.get(view.kind, "")
    if how and counts["drawn"] < counts["points"]:
        how += " of the points with a value"  # what did not decide would lie beyond them
    return ", ".join(parts) + (how if view.spread else "")


def _panels(view: View) -> Iterator[tuple[str, pd.DataFrame]]:
    if view.panel is None:
        yield "", view.rows
        return
    for value in levels_of(view.rows[view.panel]):
        part = view.rows[view.rows[view.panel] == value]
        yield f"{column_title(view.panel)} {value_text(view.panel, value)}", part


def _legend(figure: Figure, axes: list[Any], view: View) -> None:
    """Put one legend beside the panels: curves, and the marks that occur."""
    found: dict[str, Any] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        found |= {label: h for h, label in zip(handles, labels, strict=True) if label not in found}
    if view.kind == "heatmap" and not is_numeric(view.rows[view.quantity]):
        found = {word: Patch(color=c) for word, c in word_colours(view).items()}
        found.pop("failed", None)
    counts = view.counts()
    if view.kind != "fraction" and counts["failed"] and view.kind not in ("histogram", "scatter"):
        colour = FAILED_COLOUR if view.kind == "heatmap" else "#444444"
        found["failed"] = Line2D([], [], ls="none", marker="x", color=colour, ms=4)
    if counts["no_value"] and view.kind in ("line", "box"):
        found["no value"] = Line2D([], [], ls="none", marker="^", mec="#666666", mfc="none", ms=4)
    if counts["no_value"] and view.kind == "heatmap":
        found["no value"] = Patch(color=EMPTY_COLOUR)
    if found:
        title = column_title(view.hue) if view.hue else None
        figure.legend(found.values(), found, loc="outside right center", title=title)


def _fixed_text(view: View) -> str:
    """Return the axes that have one value throughout, such as ``tt, 27 °C``."""
    shown = {view.x, view.y, view.z, view.hue, view.panel, "sample"}
    texts = []
    for name in axes_of(view.rows):
        levels = levels_of(view.rows[name])
        if name in shown or len(levels) != 1:
            continue
        value = value_text(name, levels[0])
        texts.append(
            value if name in ("corner", "temperature_c") else f"{column_title(name)} {value}"
        )
    return ", ".join(texts)
