"""Figure of retention and relaxation: spread and shift with their law, per initial conductance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rramchar.fitting import FittedModel
from rramchar.fitting.retention import law_curve
from rramchar.report.style import BLUE, GREY, ORANGE, RED, new_figure, styled
from rramchar.units import format_quantity

_MICRO = 1e6
_RANGE_COLOURS = ("#08306b", "#2171b5", "#6baed6", "#fdae61", "#f46d43", "#a50026")


@styled
def plot_retention(model: FittedModel, title: str) -> Figure:
    """Draw spread, shift, residuals, and the spread per initial conductance.

    Parameters
    ----------
    model : FittedModel
        Made by `rramchar.fitting.retention.fit_retention`.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        Against log time, or temperature, as the law goes; bars are 95 % bootstrap intervals.
    """
    figure, axes = new_figure(2, 2, width_in=8.4, height_in=5.8)
    rows = pd.DataFrame(model.population["conditions"])
    timed = model.population["law"] == "log_time"
    x = rows["time_s" if timed else "temperature_c"].to_numpy()
    span, mean, sigma = law_curve(model)
    _panel(axes[0, 0], x, rows, "sigma", BLUE)
    axes[0, 0].plot(span, sigma * _MICRO, color=BLUE, lw=1.2, label="law")
    axes[0, 0].plot(
        x, rows["robust_sigma_siemens"] * _MICRO, "v", color=GREY, ms=4, mfc="none",
        label="half of 15.9 to 84.1 %",
    )  # fmt: skip
    axes[0, 0].set_ylabel("σ of the change of G (µS)")
    axes[0, 0].set_title(title, loc="left")
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].legend()
    _panel(axes[0, 1], x, rows, "mean", RED)
    axes[0, 1].plot(span, mean * _MICRO, color=RED, lw=1.2)
    axes[0, 1].axhline(0, color="black", lw=0.8)
    axes[0, 1].set_ylabel("mean change of G (µS)")
    rest = 100 * (rows["sigma_siemens"] / rows["law_sigma_siemens"] - 1)
    bars = [
        100 * (rows["sigma_siemens"] - rows["sigma_low"]) / rows["law_sigma_siemens"],
        100 * (rows["sigma_high"] - rows["sigma_siemens"]) / rows["law_sigma_siemens"],
    ]
    axes[1, 0].errorbar(x, rest, yerr=bars, fmt="o", color=BLUE, capsize=3, ms=4)
    axes[1, 0].axhline(0, color="black", lw=0.8)
    axes[1, 0].set_ylabel("σ above its law (%)")
    _ranges(axes[1, 1], model, timed)
    for axis in (axes[0, 0], axes[0, 1], axes[1, 0]):
        axis.set_xlabel("time (s)" if timed else "temperature (°C)")
        if timed:
            axis.set_xscale("log")
    return figure


def _panel(axis: Axes, x: NDArray[np.float64], rows: pd.DataFrame, kind: str, colour: str) -> None:
    middle = rows[f"{kind}_siemens"]
    bars = [(middle - rows[f"{kind}_low"]) * _MICRO, (rows[f"{kind}_high"] - middle) * _MICRO]
    axis.errorbar(x, middle * _MICRO, yerr=bars, fmt="o", color=colour, capsize=3, ms=4)


def _ranges(axis: Axes, model: FittedModel, timed: bool) -> None:
    parts = model.population["ranges"]
    conditions = model.population["conditions"]
    for i, row in enumerate(conditions[: len(_RANGE_COLOURS)]):
        middles = [(p["g_low_siemens"] + p["g_high_siemens"]) / 2 * _MICRO for p in parts]
        sigmas = [p["conditions"][i]["sigma_siemens"] * _MICRO for p in parts]
        label = (
            format_quantity(row["time_s"], "s", digits=2)
            if timed
            else f"{row['temperature_c']:g} °C"
        )
        axis.plot(middles, sigmas, "o-", color=_RANGE_COLOURS[i], ms=3, lw=1, label=label)
    axis.set_xlabel("initial G, middle of the range (µS)")
    axis.set_ylabel("σ of the change of G (µS)")
    axis.set_ylim(bottom=0)
    if parts:
        axis.legend(ncols=2)
    else:
        axis.text(0.5, 0.5, "no ranges fitted", ha="center", color=ORANGE, transform=axis.transAxes)
