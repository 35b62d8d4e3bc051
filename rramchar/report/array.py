"""Figures of columns and arrays: what unselected cells do to a read."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rramchar.report.style import BLUE, GREY, ORANGE, PURPLE, RED, new_figure, styled

_COLOURS = (BLUE, RED, ORANGE, PURPLE)


@styled
def plot_leakage(table: pd.DataFrame, *, sample_time_s: float | None = None) -> Figure:
    """Draw when the first output falls against the number of rows.

    Parameters
    ----------
    table : DataFrame
        What `rramchar.characterize.leakage.leakage_table` returned.
    sample_time_s : float, optional
        Drawn as a horizontal line if it lies within the range of the times. [s]

    Returns
    -------
    Figure
        Solid with leakage, dashed without; crosses are wrong reads.
    """
    figure, axis = new_figure(width_in=5.2)
    conditions = table.groupby(["temperature_c", "vdd_v"], sort=True)
    for colour, ((temperature_c, vdd_v), part) in zip(_COLOURS * 9, conditions, strict=False):
        label = f"{temperature_c:g} °C, {vdd_v:g} V"
        times_ns = 1e9 * part["first_fall_time_s"]
        ideal_ns = 1e9 * part["first_fall_time_no_leakage_s"]
        axis.plot(part["rows"], times_ns, color=colour, marker="o", ms=4, label=label)
        axis.plot(part["rows"], ideal_ns, color=colour, ls="--", lw=1, label="without leakage")
        wrong = ~part["correct"].astype(bool)
        if wrong.any():
            axis.plot(part["rows"][wrong], times_ns[wrong], "x", ms=9, mew=2, color=colour)
    low, high = axis.get_ylim()
    if sample_time_s is not None and low <= 1e9 * sample_time_s <= high:
        axis.axhline(1e9 * sample_time_s, color=GREY, lw=1)
        axis.annotate(
            "sampling time", (0.01, 1e9 * sample_time_s), xycoords=("axes fraction", "data"),
            va="bottom", fontsize=8, color="#555555",
        )  # fmt: skip
    axis.set_xscale("log", base=2)
    counts = sorted(table["rows"].unique())
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("rows of the column")
    axis.set_ylabel("first fall of an output (ns)")
    axis.legend()
    return figure
