"""Figure of fitted resistance states: quantile plot with a band, and what is left."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import special

from rramchar.fitting import FittedModel, quantile_points, state_distribution
from rramchar.fitting.resistance import quantile_band
from rramchar.measured.schema import STATES, is_good
from rramchar.report.style import BLUE, GREY, RED, new_figure, styled

_PERCENTS = (0.01, 0.1, 1, 10, 50, 90, 99, 99.9, 99.99)
_COLOURS = {"lrs": BLUE, "hrs": RED}
_NAMES = {
    "lognormal": "lognormal",
    "student_t": "Student t",
    "sinh_arcsinh": "sinh-arcsinh",
    "two_lognormals": "two lognormals",
}


@styled
def plot_states(model: FittedModel, frame: pd.DataFrame, title: str) -> Figure:
    """Draw quantiles of each state with the fitted distribution, and their differences.

    Parameters
    ----------
    model : FittedModel
        Made by `rramchar.fitting.fit_resistance`.
    frame : DataFrame
        The readings that were fitted; flagged ones are not drawn.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        Upper panel: readings against normal quantiles (a lognormal is a straight line), the
        chosen distribution, a lognormal of the same median and spread, and the 95 % band of the
        readings' quantiles over devices. Lower panel: readings minus chosen distribution.
    """
    figure, (axis, below) = new_figure(
        2, 1, width_in=6.0, height_in=5.4, sharey=False, height_ratios=[2.2, 1]
    )
    good = frame[is_good(frame)]
    for state in [s for s in STATES if s in model.population]:
        rows = good[good["state"] == state]
        logs, z = quantile_points(rows["resistance_ohm"].to_numpy(dtype=float))
        keep = np.unique(np.round(np.linspace(0, len(logs) - 1, 1500)).astype(int))
        # The rarest readings say most about tails: all of them are drawn.
        keep = np.union1d(keep, np.r_[0:60, len(logs) - 60 : len(logs)] % len(logs))
        family, theta = state_distribution(model, state)
        colour, name = _COLOURS[state], _NAMES[family.name]
        line = np.linspace(z[0], z[-1], 200)
        labels = pd.factorize(rows["device"])[0]
        exact = not any(model.goodness[state]["censored"].values())
        if exact and labels.max() > 0:
            points, low, high = quantile_band(
                np.log10(rows["resistance_ohm"].to_numpy(dtype=float)), labels
            )
            axis.fill_betweenx(points, 10**low, 10**high, color=colour, alpha=0.18, lw=0)
            middle = family.from_score(points, theta)
            below.fill_between(points, low - middle, high - middle, color=colour, alpha=0.18, lw=0)
        axis.plot(10 ** logs[keep], z[keep], ".", color=colour, ms=2.5)
        axis.plot(
            10 ** family.from_score(line, theta), line, color=colour, lw=1.2,
            label=f"{state.upper()}: {name}, median "
            f"{model.value(f'{state}_median_ohm') / 1e3:.3g} kΩ",
        )  # fmt: skip
        if family.name != "lognormal":
            median = np.log10(model.value(f"{state}_median_ohm"))
            spread = float(rows["resistance_ohm"].map(np.log10).std())
            axis.plot(10 ** (median + spread * line), line, color=GREY, lw=0.9, ls="--")
        if exact:
            rest = logs[keep] - family.from_score(z[keep], theta)
            below.plot(z[keep], rest, ".", color=colour, ms=2.5)
    axis.plot([], [], color=GREY, lw=0.9, ls="--", label="lognormal of the same σ")
    axis.set_xscale("log")
    ticks = [float(special.ndtri(p / 100)) for p in _PERCENTS]
    names = [f"{p:g}" for p in _PERCENTS]
    axis.set_yticks(ticks, names)
    axis.set_xlabel("resistance (Ω)")
    axis.set_ylabel("readings below (%)")
    axis.set_title(title, loc="left")
    drawn = np.log10(good["resistance_ohm"].to_numpy(dtype=float))
    axis.set_xlim(10 ** (drawn.min() - 0.4), 10 ** (drawn.max() + 0.4))
    axis.legend(loc="lower right")
    below.axhline(0, color="black", lw=0.8)
    below.set_xticks(ticks, names, fontsize=8)
    below.set_xlabel("readings below (%)")
    below.set_ylabel("reading − fit\n(decades)")
    return figure
