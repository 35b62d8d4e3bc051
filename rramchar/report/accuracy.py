"""Figures of network accuracy: against error rates, cells and conditions, and over chips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from rramchar.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    new_figure,
    styled,
)

_COLOURS = {"binary": BLUE, "ternary": RED}
_LABELS = {"binary": "BNN", "ternary": "TNN"}
_MARKERS = "osD^vP*X"
_LINES = ("-", "--", ":", "-.")
_SERIES = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, GREY)
_AXES = {
    "ber": ("error rate of the weights", 1.0),
    "pairs": ("2T2R pairs", 1.0),
    "vdd_v": ("supply (V)", 1.0),
    "temperature_c": ("temperature (°C)", 1.0),
    "sample_time_s": ("sampling time (ns)", 1e9),
    "time_s": ("time since programming (s)", 1.0),
    "reset_v": ("RESET voltage (V)", 1.0),
    "energy_j": ("programming energy (nJ)", 1e9),
}
_NAMES = {"train_ber": "trained at", "ber": "error rate", "temperature_c": "°C"}


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


@styled
def plot_chips(
    accuracy: NDArray[np.float64], clean: float, interval: tuple[float, float]
) -> Figure:
    """Draw how the accuracy is distributed over programmed chips.

    Parameters
    ----------
    accuracy : array, shape (chip,)
        Of each chip; empty where no errors were asked for. [1]
    clean : float
        Without errors. [1]
    interval : tuple of float
        95 % interval of the mean; NaN where there is none. [1]

    Returns
    -------
    Figure
        Each chip is a tick below; the line is the share of chips that are below an accuracy. One
        chip is a line of its own, no mean; without chips there is only the accuracy without errors.
    """
    figure, axis = new_figure(width_in=5.6)
    values = np.sort(100 * accuracy)
    if len(values) > 1:
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        axis.step(values, share, where="post", color=BLUE, label=f"{len(values)} chips")
    elif len(values):
        axis.axvline(values[0], color=BLUE, lw=1.2, label="1 chip")
    axis.plot(values, np.full(len(values), -4.0), "|", color=BLUE, ms=7, mew=0.8, alpha=0.6)
    if len(values) > 1:
        known = bool(np.isfinite(interval).all())
        label = "mean, with 95 % interval" if known else "mean"
        axis.axvline(100 * accuracy.mean(), color=RED, lw=1.2, label=label)
        if known:
            axis.axvspan(100 * interval[0], 100 * interval[1], color=RED, alpha=0.2, lw=0)
    axis.axvline(100 * clean, color=GREY, ls="--", lw=1, label="without errors")
    axis.set_xlabel("test accuracy (%)")
    axis.set_ylim(-8, 104)
    if len(values) > 1:
        axis.set_ylabel("chips at or below (%)")
    else:  # nothing has a height, and a line alone sets no scale
        axis.set_yticks([])
        drawn = [*values, 100 * clean]
        axis.set_xlim(min(drawn) - 1, max(drawn) + 1)
    axis.legend(loc="best")
    return figure


@styled
def plot_train_test_matrix(summary: pd.DataFrame) -> Figure:
    """Draw the accuracy over the error rate trained with and the one tested with.

    Parameters
    ----------
    summary : DataFrame
        Of a ``matrix`` study: ``weights``, ``train_ber``, ``ber``, ``accuracy_mean``,
        ``accuracy_low``, ``accuracy_high``. [1]

    Returns
    -------
    Figure
        A map for each kind of weights, each cell with its mean and the half-width of its interval;
        the best training of each column is framed.
    """
    kinds = list(dict.fromkeys(summary["weights"]))
    cells = summary.groupby("weights")["ber"].nunique().max()
    rows = summary["train_ber"].nunique()
    figure, axes = new_figure(
        1, len(kinds), squeeze=False, width_in=(1.1 + 0.72 * cells) * len(kinds) + 0.8,
        height_in=max(2.4, 1.3 + 0.5 * rows),
    )  # fmt: skip
    low, high = (100 * f(summary["accuracy_mean"]) for f in (min, max))
    for axis, kind in zip(axes[0], kinds, strict=True):
        part = summary[summary["weights"] == kind]
        mesh = _matrix_panel(axis, part, (low, max(high, low + 0.1)))
        axis.set_title(_LABELS.get(kind, kind), loc="left")
    figure.colorbar(mesh, ax=list(axes[0]), label="test accuracy (%)", fraction=0.04)
    return figure


def _matrix_panel(axis: Any, part: pd.DataFrame, scale: tuple[float, float]) -> Any:
    mean = 100 * part.pivot(index="train_ber", columns="ber", values="accuracy_mean")
    half = part.assign(half=50 * (part["accuracy_high"] - part["accuracy_low"])).pivot(
        index="train_ber", columns="ber", values="half"
    )
    values = mean.to_numpy(float)
    mesh = axis.imshow(values, cmap="viridis", vmin=scale[0], vmax=scale[1], aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        dark = value < scale[0] + 0.6 * (scale[1] - scale[0])
        spread = half.to_numpy(float)[i, j]
        text = f"{value:.1f}" + (f"\n±{spread:.1f}" if np.isfinite(spread) else "")
        axis.text(j, i, text, ha="center", va="center", fontsize=7, color="w" if dark else "k")
    for j, i in enumerate(values.argmax(axis=0) if len(values) > 1 else ()):
        axis.add_patch(Rectangle((j - 0.46, i - 0.45), 0.92, 0.9, fill=False, ec=RED, lw=1.6))
    axis.set_xticks(range(values.shape[1]), [_rate(float(r)) for r in mean.columns])
    axis.set_yticks(range(values.shape[0]), [_rate(float(r)) for r in mean.index])
    axis.set_xlabel("error rate when tested")
    axis.set_ylabel("error rate when trained")
    axis.grid(visible=False)
    return mesh


@styled
def plot_accuracy_against_cells(summary: pd.DataFrame) -> Figure:
    """Draw binary and ternary networks against the number of 2T2R pairs that they take.

    Parameters
    ----------
    summary : DataFrame
        Of a ``cells`` study: ``weights``, ``pairs``, ``ber`` and the accuracies. [1]

    Returns
    -------
    Figure
        A line for each kind and error rate, with 95 % intervals.
    """
    return _lines(summary, "pairs", "ber", logarithmic=True)


@styled
def plot_accuracy_against(
    summary: pd.DataFrame, x: str, series: str = "", title: str = ""
) -> Figure:
    """Draw accuracy against a quantity, with 95 % intervals.

    Parameters
    ----------
    summary : DataFrame
        Of a study: ``weights``, `x`, `series` and the accuracies. [1]
    x : str
        Column of the abscissa, in SI units.
    series : str
        Column that tells lines of one kind apart; empty for none.
    title : str
        Title of the figure, such as what the errors come from.

    Returns
    -------
    Figure
        The scale of x is logarithmic where it spans more than a factor of 30. An error rate of 0
        has no place on it and stands as a line of its own, the accuracy without errors.
    """
    values = summary[x].to_numpy(float)
    positive = values[values > 0]
    wide = positive.size > 1 and positive.max() > 30 * positive.min() and (values >= 0).all()
    figure = _lines(summary, x, series, logarithmic=bool(wide))
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


def _lines(summary: pd.DataFrame, x: str, series: str, *, logarithmic: bool) -> Figure:
    """Draw a line for each kind and series; several series get a panel for each kind."""
    kinds = list(dict.fromkeys(summary["weights"]))
    texts = list(dict.fromkeys(summary[series])) if series and series in summary else [None]
    apart = len(texts) > 2 and len(kinds) > 1
    figure, axes = new_figure(
        1, len(kinds) if apart else 1, squeeze=False, sharey=True,
        width_in=4.0 * len(kinds) if apart else 5.6,
    )  # fmt: skip
    for panel, kind in enumerate(kinds):
        axis = axes[0][panel if apart else 0]
        for k, text in enumerate(texts):
            part = summary[summary["weights"] == kind]
            part = part if text is None else part[part[series] == text]
            name = "" if len(texts) == 1 else _series(series, text)
            kept = [] if apart else [_LABELS.get(kind, kind)]
            label = ", ".join(filter(None, [*kept, name]))
            colour = _SERIES[k % len(_SERIES)] if apart else _COLOURS.get(kind, GREY)
            if not part.empty:
                factor = _axis(x, summary)[1]
                _line(axis, part, x, label, colour, k, factor=factor, logarithmic=logarithmic)
        if apart:
            axis.set_title(_LABELS.get(kind, kind), loc="left")
    for axis in axes[0]:
        axis.set_xlabel(_axis(x, summary)[0])
        if logarithmic:
            _logarithmic(axis, x, summary)
    axes[0][0].set_ylabel("test accuracy (%)")
    axes[0][0].legend()
    return figure


def _axis(x: str, summary: pd.DataFrame) -> tuple[str, float]:
    """Return the label of an axis and what its values are multiplied with."""
    if x == "energy_j" and summary[x].max() < 1e-9:
        return "programming energy (pJ)", 1e12
    return _AXES.get(x, (x, 1.0))


def _line(
    axis: Any,
    part: pd.DataFrame,
    x: str,
    label: str,
    colour: str,
    k: int,
    *,
    factor: float,
    logarithmic: bool,
) -> None:
    style = _LINES[k % len(_LINES)]
    if x == "ber":
        clean = 100 * part["accuracy_clean"].iloc[0]
        axis.axhline(clean, color=colour, lw=0.7, alpha=0.6, ls=style)
    part = (part[part[x] > 0] if logarithmic else part).sort_values(x)
    mean = 100 * part["accuracy_mean"]
    ends = [mean - 100 * part["accuracy_low"], 100 * part["accuracy_high"] - mean]
    axis.errorbar(
        factor * part[x], mean, yerr=np.nan_to_num(np.abs(ends)), color=colour,
        label=label, marker=_MARKERS[k % len(_MARKERS)], ls=style, ms=4, capsize=2, lw=1.2,
        mfc=colour if k == 0 else "w",
    )  # fmt: skip


def _logarithmic(axis: Any, x: str, summary: pd.DataFrame) -> None:
    axis.set_xscale("log")
    if x == "pairs":
        axis.set_xticks(sorted(set(summary[x])))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())


def _series(series: str, text: object) -> str:
    name = _NAMES.get(series, "")
    value = _rate(text) if isinstance(text, float) and series.endswith("ber") else text
    if series == "ber":
        return "no errors" if text == 0 else f"{name} {value}"
    return f"{name} {value}".strip()


def _rate(value: float) -> str:
    """Return an error rate as 0, 0.01 or 1e-4."""
    if value == 0 or value >= 0.01:
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"
