"""Figures of boundaries: the outcome map and the offset of the amplifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from rramchar.characterize.offset import OffsetResult
from rramchar.characterize.outcome_map import OutcomeMap
from rramchar.report.style import (
    BLUE,
    GREY,
    OUTCOME_COLOURS,
    new_figure,
    square_panels,
    styled,
)


@styled
def plot_boundaries(maps: Mapping[str, OutcomeMap]) -> Figure:
    """Draw the outcome of a read over both resistances, from its traced boundaries.

    Parameters
    ----------
    maps : mapping of str to OutcomeMap
        Title of each panel, and the boundaries.

    Returns
    -------
    Figure
        Coloured regions ``+1``, ``0``, ``-1``; dashed lines are R*.
    """
    figure, axes = square_panels(len(maps))
    for axis, (title, found) in zip(axes, maps.items(), strict=True):
        _draw_boundaries(axis, found)
        axis.set_title(title, loc="left", fontsize=8)
    return figure


def _draw_boundaries(axis: Any, found: OutcomeMap) -> None:
    rows = found.r_blb_ohm
    low, high = rows[0], rows[-1]
    minus = np.clip(found.minus_below_ohm, low, high)
    plus = np.clip(found.plus_above_ohm, low, high)
    axis.set_facecolor(OUTCOME_COLOURS["zero"])
    axis.fill_betweenx(rows, low, minus, color=OUTCOME_COLOURS["minus"], lw=0)
    axis.fill_betweenx(rows, plus, high, color=OUTCOME_COLOURS["plus"], lw=0)
    if found.r_star_ohm is not None:
        axis.axvline(found.r_star_ohm, color="black", lw=0.8, ls="--")
        axis.axhline(found.r_star_ohm, color="black", lw=0.8, ls="--")
        label = f"R* = {found.r_star_ohm / 1e3:.3g} kΩ"
        axis.annotate(label, (found.r_star_ohm * 1.06, low * 1.12), fontsize=8)
    for name, place in (("−1", (0.08, 0.92)), ("0", (0.9, 0.92)), ("+1", (0.9, 0.06))):
        axis.annotate(name, place, xycoords="axes fraction", fontsize=11, weight="bold")
    axis.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axis.set_xlabel("$R_{BL}$ (Ω)")
    axis.set_ylabel("$R_{BLb}$ (Ω)")
    axis.grid(False)
    axis.set_aspect("equal")


@styled
def plot_offset(found: OffsetResult, title: str) -> Figure:
    """Draw the offset's samples on normal quantiles, and the sensitivity of each transistor.

    Parameters
    ----------
    found : OffsetResult
        Both analyses.
    title : str
        Technology and condition.

    Returns
    -------
    Figure
        Left: samples, with the line that the sensitivities predict. Right: sensitivities.
    """
    figure, (left, right) = new_figure(1, 2)
    offsets = np.sort(found.offsets_ln_r)
    quantiles = norm.ppf((np.arange(len(offsets)) + 0.5) / len(offsets))
    label = f"Monte Carlo, σ = {found.sigma_ln_r_mc:.3f}"
    left.plot(offsets, quantiles, ".", color=BLUE, ms=4, label=label)
    z = np.array([quantiles[0], quantiles[-1]])
    label = f"sensitivities, σ = {found.sigma_ln_r_sensitivity:.3f}"
    left.plot(found.sigma_ln_r_sensitivity * z, z, color="black", lw=1, label=label)
    left.set_xlabel("offset in ln($R_{BL}/R_{BLb}$)")
    left.set_ylabel("normal quantile")
    left.set_title(title, loc="left")
    left.legend(loc="upper left")
    names = list(found.sensitivity_per_v)
    right.barh(range(len(names)), list(found.sensitivity_per_v.values()), color=BLUE)
    right.axvline(0, color=GREY, lw=0.8)
    right.set_yticks(range(len(names)), names)
    right.invert_yaxis()
    right.set_xlabel("offset per volt of threshold (1/V)")
    right.grid(axis="y")
    return figure
