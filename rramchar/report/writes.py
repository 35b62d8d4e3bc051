"""Figures of simulated writes: states against voltages, pulse staircases, energy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from rramchar.errors import InputError
from rramchar.report.style import BLUE, CORNER_COLOURS, GREEN, GREY, ORANGE, RED, new_figure, styled
from rramchar.units import format_quantity

_OPERATION_COLOURS = {
    "form": "#000000", "set": RED, "reset": BLUE, "weak_reset": GREEN, "read": GREY,
}  # fmt: skip
_OPERATION_LABELS = {
    "form": "FORM", "set": "SET", "reset": "RESET", "weak_reset": "weak RESET", "read": "READ",
}  # fmt: skip


@styled
def plot_low_states(pulses: pd.DataFrame) -> Figure:
    """Draw the state after SET against word-line voltage, and against the compliance current.

    Parameters
    ----------
    pulses : DataFrame
        Pulses of a run; the ``set`` and ``form`` ones are drawn.

    Returns
    -------
    Figure
        Resistance after SET: left over the word-line voltage, right over the current that still
        flows at the end of the pulse, which the access transistor limits. One colour per corner.
    """
    sets = _of(pulses, ("set", "form"))
    figure, (left, right) = new_figure(1, 2, sharey=True)
    conditions = sets.groupby(["corner", "temperature_c"], sort=False)
    for ((corner, temperature_c), group), marker in zip(
        conditions, itertools.cycle("osD^v"), strict=False
    ):
        mean = group.groupby("wl_v")[["end_current_a", "r_after_ohm"]].mean()
        look = {"color": CORNER_COLOURS.get(str(corner), GREY), "marker": marker, "ms": 3.5}
        label = f"{corner}, {temperature_c:g} °C"
        left.plot(mean.index, mean["r_after_ohm"], label=label, **look)
        right.plot(mean["end_current_a"] * 1e6, mean["r_after_ohm"], label=label, **look)
    left.set(xlabel="word-line voltage (V)", ylabel="resistance after SET (Ω)", yscale="log")
    right.set(xlabel="compliance current (µA)", xscale="log")
    for axis in (left, right):
        _ohms(axis.yaxis)
    right.tick_params(labelleft=False)
    _plain_log(right.xaxis)
    left.legend()
    return figure


@styled
def plot_high_states(pulses: pd.DataFrame) -> Figure:
    """Draw the state after RESET against its voltage, one curve per pulse width.

    Parameters
    ----------
    pulses : DataFrame
        Pulses of a run; the ``reset`` ones are drawn.

    Returns
    -------
    Figure
        Resistance after RESET over the source-line voltage, with the mean state before it.
    """
    resets = _of(pulses, ("reset",))
    figure, axis = new_figure()
    groups = list(resets.groupby("width_s"))
    for (width_s, group), colour in zip(groups, shades(len(groups)), strict=True):
        mean = group.groupby("sl_v")["r_after_ohm"].mean()
        axis.plot(
            mean.index,
            mean,
            color=colour,
            marker="o",
            ms=3.5,
            label=_quantity(float(str(width_s)), "s"),
        )
    before = resets["r_before_ohm"].mean()
    axis.axhline(before, color=GREY, lw=1, ls="--")
    axis.annotate(
        "before RESET", (1, before), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="right", color="#555555", fontsize=8,
    )  # fmt: skip
    axis.set(xlabel="$V_{RESET}$ (V)", ylabel="resistance after RESET (Ω)", yscale="log")
    _ohms(axis.yaxis)
    axis.legend(title="pulse width", loc="lower right", bbox_to_anchor=(1, 0.08))
    return figure


@styled
def plot_weak_reset(pulses: pd.DataFrame) -> Figure:
    """Draw resistance over weak-RESET pulses, as IEDM 2019, Fig. 8: one panel per width.

    Parameters
    ----------
    pulses : DataFrame
        Pulses of a run; the ``weak_reset`` ones are drawn.

    Returns
    -------
    Figure
        Mean over the samples with one standard deviation, one colour per voltage; pulse 0 is the
        state before the first.
    """
    weak = _of(pulses, ("weak_reset",))
    widths = sorted(weak["width_s"].unique(), reverse=True)
    figure, axes = new_figure(1, len(widths), sharey=True, squeeze=False)
    voltages = sorted(weak["sl_v"].unique())
    for axis, width_s in zip(axes[0], widths, strict=True):
        panel = weak[weak["width_s"] == width_s]
        for voltage, colour in zip(voltages, shades(len(voltages)), strict=True):
            chosen = panel[panel["sl_v"] == voltage]
            if chosen.empty:
                continue
            group = chosen.groupby("pulse")["r_after_ohm"]
            number, mean = np.array(list(group.groups)), group.mean().to_numpy()
            sigma = group.std(ddof=0).to_numpy()
            start = chosen.loc[chosen["pulse"] == number[0], "r_before_ohm"].mean()
            number, mean = np.r_[number[0] - 1, number], np.r_[start, mean]
            axis.errorbar(number, mean, yerr=np.r_[0, sigma], color=colour, marker="o", ms=2.5,
                          lw=1.2, elinewidth=0.7, label=f"{voltage:g} V")  # fmt: skip
        axis.set(xlabel="pulse", title=f"$t_{{RESET}}$ = {_quantity(width_s, 's')}")
        axis.yaxis.set_major_formatter(EngFormatter(unit="Ω"))
    axes[0][0].set_ylabel("resistance")
    axes[0][0].legend(title="$V_{RESET}$")
    return figure


@styled
def plot_energy(pulses: pd.DataFrame) -> Figure:
    """Draw the energy of every pulse, grouped by operation and width.

    Parameters
    ----------
    pulses : DataFrame
        Pulses of a run.

    Returns
    -------
    Figure
        One point per pulse and device, with the median of each group.
    """
    rows = pulses[pulses["energy_j"].notna() & (pulses["energy_j"] > 0)]
    if rows.empty:
        raise InputError("the run holds no pulse with an energy; nothing to draw")
    shown = [
        (operation, float(str(width_s)), chosen["energy_j"].to_numpy() * 1e12)
        for operation in _OPERATION_LABELS
        for width_s, chosen in rows[rows["operation"] == operation].groupby("width_s")
    ]
    figure, axis = new_figure(width_in=max(3.0, 1.2 + 1.1 * len(shown)))
    for x, (operation, _, energy_pj) in enumerate(shown):
        spread = np.linspace(-0.25, 0.25, len(energy_pj)) if len(energy_pj) > 1 else np.zeros(1)
        colour = _OPERATION_COLOURS[operation]
        axis.plot(x + spread, energy_pj, ".", ms=4, alpha=0.6, color=colour)
        median = float(np.median(energy_pj))
        axis.hlines(median, x - 0.32, x + 0.32, color="black", lw=1.2)
        axis.annotate(
            f"{median:.3g} pJ", (x + 0.34, median), xytext=(0, 3), textcoords="offset points",
            fontsize=7, ha="right",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
        )  # fmt: skip
    axis.set_xticks(
        range(len(shown)),
        [f"{_OPERATION_LABELS[op]}\n{_quantity(width, 's')}" for op, width, _ in shown],
    )
    axis.set(yscale="log", ylabel="energy per pulse (pJ); line: median")
    axis.grid(False, axis="x")
    return figure


@styled
def plot_pulse_train(pulses: pd.DataFrame, *, point: int = 0) -> Figure:
    """Draw the resistances of a cell over all pulses of one sequence.

    Parameters
    ----------
    pulses : DataFrame
        Pulses of a run.
    point : int
        Which sequence of the plan.

    Returns
    -------
    Figure
        Resistance after each pulse; colour gives the operation, filled markers the device on BL,
        open ones that on BLb.
    """
    rows = pulses[(pulses["point"] == point) & pulses["r_after_ohm"].notna()]
    if rows.empty:
        raise InputError(f"the run holds no pulse of sequence {point}; nothing to draw")
    figure, axis = new_figure(width_in=7.0)
    for device, group in rows.groupby("device"):
        label = "BL" if device == "bl" else "BLb"
        axis.plot(group["pulse"], group["r_after_ohm"], color=GREY, lw=0.8,
                  ls="-" if device == "bl" else ":", label=label)  # fmt: skip
        for operation, chosen in group.groupby("operation"):
            colour = _OPERATION_COLOURS[str(operation)]
            axis.plot(
                chosen["pulse"], chosen["r_after_ohm"], "o", ms=4, mec=colour,
                mfc=colour if device == "bl" else "white",
                label=_OPERATION_LABELS[str(operation)] if device == "bl" else None,
            )  # fmt: skip
    axis.set(xlabel="pulse", ylabel="resistance after pulse (Ω)", yscale="log")
    _ohms(axis.yaxis)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


FIGURES: Mapping[str, Callable[[pd.DataFrame], Figure]] = {
    "low_states": plot_low_states,
    "high_states": plot_high_states,
    "weak_reset": plot_weak_reset,
    "energy": plot_energy,
    "train": plot_pulse_train,
}


def plot_pulses(pulses: pd.DataFrame, figure: str | None = None) -> Figure:
    """Draw one of the figures of a run, by default the one that fits what it sweeps.

    Parameters
    ----------
    pulses : DataFrame
        Pulses of a run.
    figure : str, optional
        A key of `FIGURES`.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If there is no such figure, or the run holds nothing to draw in it.
    """
    if figure is None:
        figure = _fitting_figure(pulses)
    if figure not in FIGURES:
        raise InputError(f"--figure {figure!r}: expected one of {', '.join(FIGURES)}")
    return FIGURES[figure](pulses)


def _fitting_figure(pulses: pd.DataFrame) -> str:
    if "weak_reset" in set(pulses["operation"]):
        return "weak_reset"
    swept_lines = (("set", "wl_v", "low_states"), ("reset", "sl_v", "high_states"))
    for operation, line, figure in swept_lines:
        swept = [c for c in pulses.columns if c.startswith("step") and c.endswith(f"_{line}")]
        chosen = pulses[pulses["operation"] == operation]
        if swept and chosen[line].nunique() > 1:
            return figure
    return "train"


def _of(pulses: pd.DataFrame, operations: tuple[str, ...]) -> pd.DataFrame:
    rows = pulses[pulses["operation"].isin(operations) & pulses["r_after_ohm"].notna()]
    if rows.empty:
        raise InputError(f"the run holds no {' or '.join(operations)} pulse; nothing to draw")
    return rows


def _quantity(value: float, unit: str) -> str:
    return format_quantity(value, unit, digits=3).replace("u", "µ")


def shades(count: int) -> list[str]:
    """Return colours for an ordered series: bold ones up to four, then a scale."""
    if count <= 4:
        return [BLUE, ORANGE, RED, GREEN][:count]
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, count))
    return [mpl.colors.to_hex(colour) for colour in colours]


def _ohms(axis: mpl.axis.Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(EngFormatter(sep=" "))
    axis.set_minor_formatter(NullFormatter())


def _plain_log(axis: mpl.axis.Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
