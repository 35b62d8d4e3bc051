"""Figures of measured resistances and bit error rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray
from scipy.stats import norm

from rramchar.report.style import BLUE, CORNER_COLOURS, ORANGE, RED, new_figure, styled

_PERCENTS = (0.1, 1, 10, 50, 90, 99, 99.9)


@styled
def plot_resistance_quantiles(
    points: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    fits: Mapping[str, tuple[float, float]],
    title: str,
) -> Figure:
    """Draw measured resistances against normal quantiles, with the fitted lognormals as lines.

    Parameters
    ----------
    points : mapping of str to (array, array)
        State (``lrs``, ``hrs``) to log10 resistance [log10 ohm], sorted, and normal quantile [1],
        each of shape (reading,).
    fits : mapping of str to (float, float)
        State to median [ohm] and sigma of log10 resistance [1].
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        A lognormal distribution is a straight line.
    """
    figure, axis = new_figure(height_in=3.6, width_in=5.6)
    for state, (log_r, quantile) in points.items():
        colour = {"lrs": BLUE, "hrs": RED}[state]
        median, sigma = fits[state]
        keep = np.unique(np.linspace(0, len(log_r) - 1, 1500).astype(int))
        axis.semilogx(10 ** log_r[keep], quantile[keep], ".", color=colour, ms=2.5)
        z = np.array([quantile[0], quantile[-1]])
        axis.semilogx(
            10 ** (np.log10(median) + sigma * z), z, color=colour, lw=1,
            label=f"{state.upper()}: median {median / 1e3:.3g} kΩ, σ(log10 R) {sigma:.3f}",
        )  # fmt: skip
    axis.set_yticks([norm.ppf(p / 100) for p in _PERCENTS], [f"{p:g}" for p in _PERCENTS])
    axis.set_xlabel("resistance (Ω)")
    axis.set_ylabel("readings below (%)")
    axis.set_title(title, loc="left")
    axis.legend(loc="lower right")
    return figure


@styled
def plot_ber_bars(bars: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw bit error rates with their 95 % intervals on a logarithmic scale.

    Parameters
    ----------
    bars : sequence of mapping
        Each with ``label``, ``ber``, ``low``, ``high``. [1]

    Returns
    -------
    Figure
        A rate of zero is drawn as an open marker at the upper end of its interval.
    """
    figure, axis = new_figure(width_in=4.2)
    for i, bar in enumerate(bars):
        colour = (ORANGE, BLUE, RED)[i % 3]
        if bar["ber"] > 0:
            error = [[bar["ber"] - bar["low"]], [bar["high"] - bar["ber"]]]
            axis.bar(i, bar["ber"], color=colour, width=0.55)
            axis.errorbar(i, bar["ber"], yerr=error, color="black", capsize=4, lw=1)
        else:
            axis.plot(i, bar["high"], "v", mfc="none", color=colour)
        axis.annotate(f"{bar['ber']:.2e}", (i, bar["high"] * 1.12), ha="center", fontsize=8)
    axis.set_yscale("log")
    top = max(bar["high"] for bar in bars)
    bottom = min(bar["low"] if bar["low"] > 0 else bar["high"] for bar in bars)
    axis.set_ylim(bottom / 3, top * 3)
    axis.set_xticks(range(len(bars)), [bar["label"] for bar in bars])
    axis.set_ylabel("bit error rate")
    axis.grid(axis="x")
    return figure


@styled
def plot_error_against_supply(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw error rates of a BER table against the supply, a panel per coding, a line per corner.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Panel title to rows of a BER table with ``corner, vdd_v, ber, ber_low, ber_high``.

    Returns
    -------
    Figure
        Bars are the 95 % intervals; rates of zero are left out of the logarithmic scale.
    """
    figure, axes = new_figure(1, len(tables), squeeze=False)
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        for corner, part in table.groupby("corner", sort=False):
            rows = part[part["ber"] > 0].sort_values("vdd_v")
            error = [rows["ber"] - rows["ber_low"], rows["ber_high"] - rows["ber"]]
            axis.errorbar(
                rows["vdd_v"], rows["ber"], yerr=error, marker="o", ms=3, capsize=2, lw=1.2,
                color=CORNER_COLOURS.get(str(corner), ORANGE), label=corner,
            )  # fmt: skip
        axis.set_yscale("log")
        axis.set_xlabel("supply (V)")
        axis.set_ylabel("weights read wrongly")
        axis.set_title(title, loc="left")
        axis.yaxis.set_minor_formatter(NullFormatter())
    axes[0][0].legend(title="corner")
    return figure


@styled
def plot_sampling_window(curves: Mapping[float, pd.DataFrame], sample_time_s: float) -> Figure:
    """Draw the ternary error against the sampling time, a line per supply.

    Parameters
    ----------
    curves : mapping of float to DataFrame
        Supply [V] to columns ``sample_time_s`` [s] and ``error`` [1].
    sample_time_s : float
        The sampling time used elsewhere, marked. [s]

    Returns
    -------
    Figure
        Too early, low resistances still read 0; too late, pairs of high resistances read +-1.
    """
    figure, axis = new_figure(width_in=5.6)
    colours = [BLUE, "#56B4E9", "#009E73", ORANGE, RED]
    for i, (vdd, curve) in enumerate(curves.items()):
        axis.loglog(
            curve["sample_time_s"] * 1e9, curve["error"], color=colours[i % 5], label=f"{vdd:g} V"
        )
    axis.axvline(sample_time_s * 1e9, color="black", lw=0.8, ls="--")
    axis.set_xlabel("sampling time after the start of sensing (ns)")
    axis.set_ylabel("ternary weights read wrongly")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.legend(title="supply")
    return figure
