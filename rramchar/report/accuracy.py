"""Figures of network accuracy against error rate and supply."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from rramchar.report.style import BLUE, RED, new_figure, styled

_COLOURS = {"binary": BLUE, "ternary": RED}
_LABELS = {"binary": "BNN", "ternary": "TNN"}


@styled
def plot_accuracy_against_ber(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy against the error rate of the weights.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        ``binary`` and ``ternary`` to columns ``ber``, ``accuracy_mean``, ``accuracy_std`` (over
        training seeds and draws) and ``accuracy_clean``. [1]

    Returns
    -------
    Figure
        Bars are one standard deviation; dashed lines are the accuracy without errors.
    """
    figure, axis = new_figure(width_in=5.6)
    for kind, curve in curves.items():
        colour = _COLOURS[kind]
        axis.errorbar(
            curve["ber"], 100 * curve["accuracy_mean"], yerr=100 * curve["accuracy_std"],
            marker="o", ms=3, capsize=2, lw=1.2, color=colour, label=_LABELS[kind],
        )  # fmt: skip
        axis.axhline(100 * curve["accuracy_clean"].iloc[0], color=colour, ls="--", lw=0.8)
    axis.set_xscale("log")
    axis.set_xlabel("error rate of the weights")
    axis.set_ylabel("test accuracy (%)")
    axis.legend()
    return figure


@styled
def plot_accuracy_against_supply(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy against the supply, typical corner in front of the spread over corners.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        ``binary`` and ``ternary`` to columns ``vdd_v`` [V], ``corner``, ``accuracy_mean``,
        ``accuracy_std``. [1]

    Returns
    -------
    Figure
        A line with bars of one standard deviation is ``tt``; the band spans the other corners.
    """
    figure, axis = new_figure(width_in=5.6)
    for kind, curve in curves.items():
        colour = _COLOURS[kind]
        spread = curve.groupby("vdd_v")["accuracy_mean"].agg(["min", "max"])
        axis.fill_between(
            spread.index, 100 * spread["min"], 100 * spread["max"], color=colour, alpha=0.15, lw=0
        )
        typical = curve[curve["corner"] == "tt"].sort_values("vdd_v")
        axis.errorbar(
            typical["vdd_v"], 100 * typical["accuracy_mean"], yerr=100 * typical["accuracy_std"],
            marker="o", ms=3, capsize=2, lw=1.2, color=colour, label=_LABELS[kind],
        )  # fmt: skip
    axis.set_xlabel("supply (V)")
    axis.set_ylabel("test accuracy (%)")
    axis.legend()
    return figure
