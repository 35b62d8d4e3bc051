"""Figures of programming laws: SET against compliance, RESET against voltage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rramchar.fitting import FittedModel
from rramchar.fitting.set_law import predict_set
from rramchar.measured.schema import is_good
from rramchar.report.style import BLUE, GREY, RED, new_figure, styled

_MOST = 4000  # points drawn


@styled
def plot_set_law(model: FittedModel, frame: pd.DataFrame, title: str) -> Figure:
    """Draw resistance after SET against compliance or word-line voltage, and residuals.

    Parameters
    ----------
    model : FittedModel
        Made by `rramchar.fitting.set_law.fit_set_law`.
    frame : DataFrame
        The readings; those outside the fitted range are not drawn.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        Left: readings, medians with quartiles, the law. Right: their difference from the law.
    """
    p = model.population
    name, (low, high) = p["against"], p["range"]
    rows = frame[is_good(frame) & frame[name].between(low, high).to_numpy()]
    if "operation" in rows.columns:
        rows = rows[rows["operation"].isin(["SET", ""])]
    current = name == "compliance_a"
    scale = 1e6 if current else 1.0
    x, r = rows[name].to_numpy(dtype=float), rows["resistance_ohm"].to_numpy(dtype=float)
    figure, (left, right) = new_figure(1, 2, width_in=8.4, height_in=3.4)
    keep = np.unique(np.round(np.linspace(0, len(x) - 1, _MOST)).astype(int))
    left.plot(x[keep] * scale, r[keep] / 1e3, ".", color=GREY, ms=1.5, alpha=0.5)
    rest = np.log10(r / predict_set(model, x))
    right.plot(x[keep] * scale, rest[keep], ".", color=GREY, ms=1.5, alpha=0.5)
    for axis, values in ((left, r / 1e3), (right, rest)):
        quartiles = pd.Series(values).groupby(x).quantile(np.array([0.25, 0.5, 0.75])).unstack()
        step = max(1, len(quartiles) // 40)
        some = quartiles.iloc[::step]
        middle = some[0.5].to_numpy()
        bars = [middle - some[0.25].to_numpy(), some[0.75].to_numpy() - middle]
        axis.errorbar(
            some.index.to_numpy() * scale, middle, yerr=bars, fmt="o", color=BLUE, ms=3.5, lw=1,
            label="median, quartiles",
        )  # fmt: skip
    line = np.geomspace(low, high, 200)
    b = model.value("exponent_b") if "exponent_b" in model.parameters else float("nan")
    label = f"law, b = {b:.3f}"
    if "v_threshold_v" in model.parameters:
        label += f", V_T = {model.value('v_threshold_v'):.3g} V"
    left.plot(line * scale, predict_set(model, line) / 1e3, color=RED, label=label)
    right.axhline(0, color=RED, lw=1.2)
    quantity = "compliance (µA)" if current else "word line (V)"
    left.set(xlabel=quantity, ylabel="resistance after SET (kΩ)", yscale="log")
    right.set(xlabel=quantity, ylabel="log10(R / law) (decades)")
    if current:
        left.set_xscale("log")
        right.set_xscale("log")
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    left.yaxis.set_major_formatter(plain)
    left.yaxis.set_minor_formatter(plain)
    left.set_title(title, loc="left")
    left.legend()
    return figure


@styled
def plot_reset_law(model: FittedModel, title: str) -> Figure:
    """Draw median and spread after RESET against voltage, with the law and its band.

    Parameters
    ----------
    model : FittedModel
        Made by `rramchar.fitting.reset_law.fit_reset_law`.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        Left: medians with 95 % intervals over devices. Middle: spreads. Right: medians of the
        readings over those of the law.
    """
    rows = pd.DataFrame(model.population["conditions"])
    curve = pd.DataFrame(model.population["curve"])
    known = rows[rows["median_ohm"].notna()].astype(
        {"median_ohm": float, "low_ohm": float, "high_ohm": float, "sigma_log10": float}
    )
    figure, axes = new_figure(1, 3, width_in=10.0, height_in=3.3)
    v = curve["voltage_v"]
    axes[0].fill_between(
        v, curve["low_ohm"] / 1e3, curve["high_ohm"] / 1e3, color=RED, alpha=0.2, lw=0,
        label="95 % of the law's median",
    )  # fmt: skip
    axes[0].plot(v, curve["median_ohm"] / 1e3, color=RED, lw=1.2, label="law")
    bars = [
        (known["median_ohm"] - known["low_ohm"]) / 1e3,
        (known["high_ohm"] - known["median_ohm"]) / 1e3,
    ]
    axes[0].errorbar(
        known["voltage_v"], known["median_ohm"] / 1e3, yerr=bars, fmt="o", color=BLUE, ms=3, lw=1,
        label="median of the readings",
    )  # fmt: skip
    axes[0].set(yscale="log", ylabel="median resistance (kΩ)")
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].set_title(title, loc="left")
    axes[0].legend()
    axes[1].plot(known["voltage_v"], known["sigma_log10"], "o", color=BLUE, ms=3)
    axes[1].plot(v, curve["sigma_log10"], color=RED, lw=1.2)
    axes[1].set(ylabel="σ of log10 R (decades)")
    axes[1].set_ylim(bottom=0)
    rest = np.log10(known["median_ohm"] / known["law_median_ohm"])
    axes[2].plot(known["voltage_v"], rest, "o", color=BLUE, ms=3)
    axes[2].axhline(0, color=RED, lw=1.2)
    axes[2].set(ylabel="log10(median / law) (decades)")
    against = model.population["against"]
    for axis in axes:
        axis.set_xlabel("RESET voltage (V)" if against == "v_reset_v" else "word line (V)")
    return figure
