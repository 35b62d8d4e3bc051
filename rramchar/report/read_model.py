"""Figure of the read model beside the reads that it was fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy import special

from rramchar.fitting.read_decision import ReadCondition, closeness
from rramchar.fitting.read_model import Reads
from rramchar.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, new_figure, styled

_COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE)


@styled
def plot_read_model(conditions: Sequence[ReadCondition], reads: Reads) -> Figure:
    """Draw fall times and decisions of reads with the model's curves.

    Parameters
    ----------
    conditions : sequence of ReadCondition
        The fitted model; the first five are drawn.
    reads : Reads
        What it was fitted to.

    Returns
    -------
    Figure
        Left: residuals of ln(fall time) of nominal reads against the ratio of the pair. Right:
        share of Monte Carlo reads that give plus against the ratio, near R = `reference_ohm` of
        each condition as a line, all pairs as points.
    """
    figure, (left, right) = new_figure(1, 2, height_in=3.6)
    for condition, colour in zip(conditions, _COLOURS, strict=False):
        label = f"{condition.corner}, {condition.temperature_c:g} °C, {condition.vdd_v:g} V"
        for axis, rows in ((left, reads.nominal), (right, reads.random)):
            here = rows[
                (rows["corner"] == condition.corner)
                & (rows["temperature_c"] == condition.temperature_c)
                & (rows["vdd_v"] == condition.vdd_v)
            ]
            if axis is left:
                here = here[np.isfinite(here["fall_s"])]
                off = np.log(here["fall_s"]) - condition.fall.log(here["x"], closeness(here["d"]))
                left.plot(np.abs(here["d"]), off, ".", ms=4, color=colour, label=label)
            elif len(here):
                share = here.groupby("d")["plus"].mean()
                right.plot(share.index, share, "o", ms=4, color=colour)
        if condition.sigma_ln_r is not None:
            d = np.linspace(-1, 1, 201)
            p = special.ndtr((d - condition.offset_ln_r) / condition.sigma_ln_r)
            note = f"σ = {condition.sigma_ln_r:.3f} at {condition.reference_ohm / 1e3:.3g} kΩ"
            right.plot(d, p, color=colour, label=note)
    left.axhline(0, color=GREY, lw=0.8)
    left.set_xscale("log")
    left.set_xlabel("|ln($R_{BL}/R_{BLb}$)|")
    left.set_ylabel("ln(fall time), simulated minus model")
    left.legend()
    right.set_xlabel("ln($R_{BL}/R_{BLb}$)")
    right.set_ylabel("share of amplifiers that read +1")
    right.set_xlim(-1.05, 1.05)
    if right.get_legend_handles_labels()[1]:
        right.legend(loc="upper left")
    return figure
