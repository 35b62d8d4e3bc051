"""Figures of simulated reads: waveforms, sense time, outcome, energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from rramchar.ber.confusion import OUTCOMES
from rramchar.ber.decision_map import DecisionMap
from rramchar.report.style import (
    BLUE,
    CORNER_COLOURS,
    GREY,
    ORANGE,
    OUTCOME_COLOURS,
    RED,
    new_figure,
    square_panels,
    styled,
)

_R_LABELS = ("$R_{BL}$ (Ω)", "$R_{BLb}$ (Ω)")
_OUTCOME_LABELS = {"plus": "+1", "zero": "0", "minus": "−1", "invalid": "invalid"}


@styled
def plot_waveforms(reads: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the waveforms of several reads, one panel each, two to a row.

    Parameters
    ----------
    reads : sequence of mapping
        Each with ``title``, ``vdd_v``, ``sense_start_s``, ``sample_time_s`` and arrays ``time``,
        ``sen``, ``q``, ``qb``, ``bl``, ``blb`` of shape (time,). [s], [V]

    Returns
    -------
    Figure
        Voltages against time after the start of sensing; the sampling time is marked.
    """
    columns = min(len(reads), 2)
    rows = -(-len(reads) // 2)
    figure, axes = new_figure(rows, columns, height_in=2.5 * rows, squeeze=False)
    for axis in axes.flat[len(reads) :]:
        axis.set_visible(False)
    for axis, read in zip(axes.flat, reads, strict=False):
        time_ns = (np.asarray(read["time"]) - read["sense_start_s"]) * 1e9
        for name, colour, style in (
            ("sen", GREY, "-"),
            ("bl", RED, ":"),
            ("blb", BLUE, ":"),
            ("q", RED, "-"),
            ("qb", BLUE, "-"),
        ):
            axis.plot(time_ns, read[name], style, color=colour, label=name.upper(), lw=1.3)
        sample_ns = read["sample_time_s"] * 1e9
        axis.axvline(sample_ns, color="black", lw=0.8, ls="--")
        axis.annotate("sample", (sample_ns, 1.02), xycoords=("data", "axes fraction"), fontsize=7,
                      ha="center")  # fmt: skip
        axis.set_xlim(-0.35 * sample_ns, 1.5 * sample_ns)
        axis.set_ylim(-0.05 * read["vdd_v"], 1.12 * read["vdd_v"])
        axis.set_title(read["title"], loc="left", fontsize=8)
        axis.set_xlabel("time after the start of sensing (ns)")
        axis.set_ylabel("voltage (V)")
    axes.flat[0].legend(ncols=1, loc="center right", fontsize=7, frameon=True, framealpha=0.9)
    return figure


@styled
def plot_sense_time_map(frame: pd.DataFrame, supplies_v: Sequence[float]) -> Figure:
    """Draw the sense time over the two resistances, one panel per supply.

    Parameters
    ----------
    frame : DataFrame
        Read results of one corner and temperature: ``vdd_v, r_bl_ohm, r_blb_ohm, sense_time_s``.
    supplies_v : sequence of float
        Supplies to show. [V]

    Returns
    -------
    Figure
        Colour is the sense time on a common logarithmic scale; grey where no decision was reached.
    """
    shown = frame[frame["vdd_v"].isin(list(supplies_v))]
    times = shown["sense_time_s"].dropna()
    scale = LogNorm(times.min() * 1e9, times.max() * 1e9) if len(times) else None
    figure, axes = square_panels(len(supplies_v))
    mesh = None
    for axis, vdd in zip(axes, supplies_v, strict=True):
        part = shown[shown["vdd_v"] == vdd]
        grid = part.pivot(index="r_blb_ohm", columns="r_bl_ohm", values="sense_time_s")
        mesh = axis.pcolormesh(
            _edges(grid.columns.to_numpy()), _edges(grid.index.to_numpy()),
            grid.to_numpy() * 1e9, norm=scale, cmap="viridis",
        )  # fmt: skip
        axis.set_facecolor("#CCCCCC")
        _log_axes(axis, f"VDD = {vdd:g} V")
    if mesh is not None:
        figure.colorbar(
            mesh, ax=axes, label="sense time (ns); grey: no decision", aspect=35, pad=0.02
        )
    return figure


@styled
def plot_outcome_map(
    maps: Mapping[float, DecisionMap], sample_time_s: float, points: int = 240
) -> Figure:
    """Draw what a read gives over the two resistances, one panel per supply.

    Parameters
    ----------
    maps : mapping of float to DecisionMap
        Supply [V] to the decision map at that supply.
    sample_time_s : float
        When the outputs are sampled. [s]
    points : int
        Picture points along each axis.

    Returns
    -------
    Figure
        Colour is the outcome interpolated from the simulated grid, whose points are dots.
    """
    figure, axes = square_panels(len(maps))
    colours = ListedColormap([OUTCOME_COLOURS[name] for name in OUTCOMES])
    for axis, (vdd, chosen) in zip(axes, maps.items(), strict=True):
        bl = np.geomspace(chosen.r_bl_ohm[0], chosen.r_bl_ohm[-1], points)
        blb = np.geomspace(chosen.r_blb_ohm[0], chosen.r_blb_ohm[-1], points)
        x, y = np.meshgrid(bl, blb)
        codes = chosen.outcomes(x.ravel(), y.ravel(), sample_time_s).reshape(x.shape)
        picture = np.ma.masked_less(codes, 0)
        axis.pcolormesh(bl, blb, picture, cmap=colours, vmin=-0.5, vmax=3.5, shading="nearest")
        gx, gy = np.meshgrid(chosen.r_bl_ohm, chosen.r_blb_ohm)
        axis.plot(gx.ravel(), gy.ravel(), ".", color="black", ms=2, alpha=0.5)
        _log_axes(axis, f"VDD = {vdd:g} V, sampled at {sample_time_s * 1e9:g} ns")
    handles = [Patch(color=OUTCOME_COLOURS[n], label=_OUTCOME_LABELS[n]) for n in OUTCOMES]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


@styled
def plot_supply_dependence(frame: pd.DataFrame) -> Figure:
    """Draw median sense time and energy of clear reads against the supply, one line per corner.

    Parameters
    ----------
    frame : DataFrame
        Read results at one temperature: ``corner, vdd_v, r_bl_ohm, r_blb_ohm, sense_time_s,
        read_energy_j``. Only pairs whose lower resistance is below 10 kohm and whose ratio is at
        least 3 are used.

    Returns
    -------
    Figure
        Two panels: sense time (logarithmic) and energy per read.
    """
    low = frame[["r_bl_ohm", "r_blb_ohm"]].min(axis=1)
    high = frame[["r_bl_ohm", "r_blb_ohm"]].max(axis=1)
    clear = frame[(low < 1e4) & (high / low >= 3) & (frame["status"] == "ok")]
    figure, (left, right) = new_figure(1, 2)
    for corner, part in clear.groupby("corner"):
        medians = part.groupby("vdd_v")[["sense_time_s", "read_energy_j"]].median()
        style = {"color": CORNER_COLOURS.get(str(corner), ORANGE), "marker": "o", "ms": 3}
        left.semilogy(medians.index, medians["sense_time_s"] * 1e9, label=corner, **style)
        right.plot(medians.index, medians["read_energy_j"] * 1e15, label=corner, **style)
    left.set_ylabel("median sense time (ns)")
    right.set_ylabel("median read energy (fJ)")
    for axis in (left, right):
        axis.set_xlabel("supply (V)")
    left.legend(title="corner")
    return figure


def _log_axes(axis: Any, title: str) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(_R_LABELS[0])
    axis.set_ylabel(_R_LABELS[1])
    axis.set_title(title, loc="left")
    axis.grid(False)
    axis.set_aspect("equal")


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cell edges half-way, in logarithms, between rising centres."""
    logs = np.log(centres)
    middle = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - middle[0]], middle, [2 * logs[-1] - middle[-1]]]))
