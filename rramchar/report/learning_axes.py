"""Figures of the learning studies: accuracy along noise, tasks, devices' defects, and time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rramchar.nn.learn.study import StudyResult
from rramchar.nn.learn.study_axes import DEFAULT_RATIO
from rramchar.nn.learn.study_imperfections import CASES
from rramchar.report.learning import band, bands_of, whole_epochs
from rramchar.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, new_figure, styled

ACCURACY = "test accuracy (%)"
_WEIGHTS = {
    "bnn": (BLUE, "o", "BNN, with the check"),
    "analog": (RED, "s", "analog, weak RESET only"),
    "analog_set": (ORANGE, "^", "analog, RESET and progressive SET"),
}
_KEPT = {
    "bnn": (BLUE, "o", "BNN as trained"),
    "bnn_strengthened": (GREEN, "D", "BNN, bits strengthened after training"),
    "analog": (RED, "s", "analog"),
}
_TICKS = {
    "ideal": "none",
    "pink": "1/f\nnoise",
    "rtn": "telegraph\nnoise",
    "d2d": "device to\ndevice",
    "all": "all",
}
_SERIES = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, GREY)
_MARKERS = "os^Dv*P"


@styled
def plot_noise(result: StudyResult) -> Figure:
    """Draw accuracy against the noise of a pulse, binary and analog weights.

    Parameters
    ----------
    result : StudyResult
        Of the study ``noise``.

    Returns
    -------
    Figure
        As IEDM 2019, Fig. 14; bands are 95 % intervals over seeds.
    """
    figure, axis = new_figure(width_in=6.2, height_in=3.6)
    for weights, (colour, marker, label) in _WEIGHTS.items():
        part = result.summary[result.summary["weights"] == weights]
        if len(part):
            band(axis, part, "ratio", "test_accuracy", colour, label, marker=marker)
    axis.set_xscale("symlog", linthresh=0.125, linscale=0.5)
    ratios = sorted(set(result.summary["ratio"]))
    axis.set_xticks(ratios, [f"{r:g}" for r in ratios])
    axis.set_xticks([], minor=True)
    axis.axvline(
        DEFAULT_RATIO, color=GREY, ls=":", lw=1.2, zorder=0, label="default of the devices"
    )
    axis.set(xlabel="noise of a pulse η over its mean fall at G$_{max}$", ylabel=ACCURACY)
    axis.legend(loc="lower left")
    figure.suptitle(f"{result.study.title}{bands_of(result)}", fontsize=9)
    return figure


@styled
def plot_retraining(result: StudyResult) -> Figure:
    """Draw the accuracy over a row of changed tasks, at several noises.

    Parameters
    ----------
    result : StudyResult
        Of the study ``retraining``.

    Returns
    -------
    Figure
        As IEDM 2019, Fig. 15: test accuracy on the task of the moment, over epochs, and at the end
        of each task.
    """
    figure, (left, right) = new_figure(1, 2, width_in=9.2, height_in=3.4)
    curves = result.summaries["epochs"].copy()
    first = curves.groupby("stage")["epoch"].transform("min")
    for k, ratio in enumerate(sorted(set(curves["ratio"]))):
        colour, marker = _SERIES[k % len(_SERIES)], _MARKERS[k % len(_MARKERS)]
        label = f"η = {ratio:g} c"
        part = curves[curves["ratio"] == ratio]
        band(left, part, "epoch", "test_accuracy", colour, label, marker="")
        ends = result.summary[result.summary["ratio"] == ratio].assign(
            task=lambda f: f["stage"] + 1
        )
        band(right, ends, "task", "test_accuracy", colour, label, marker=marker)
    for start in sorted(set(first))[1:]:
        left.axvline(start - 0.5, color=GREY, lw=0.8, ls=":", zorder=0)
    left.set(xlabel="epoch; dotted: the task changes", ylabel=ACCURACY)
    right.set(xlabel="task", ylabel="test accuracy at the end of a task (%)")
    right.set_xticks(sorted(set(result.summary["stage"] + 1)))
    whole_epochs(left)
    right.legend(loc="best")
    change = {"pixels": "pixels in another order", "labels": "classes exchanged"}
    kind = change[result.study.facts["change"]]
    figure.suptitle(f"{result.study.title}; changed tasks: {kind}{bands_of(result)}", fontsize=9)
    return figure


@styled
def plot_nonlinearity(result: StudyResult) -> Figure:
    """Draw the accuracy over the non-linearity of RESET and SET, binary and analog weights.

    Parameters
    ----------
    result : StudyResult
        Of the study ``nonlinearity``.

    Returns
    -------
    Figure
        As IEDM 2019, Fig. 16, a panel for each kind of weights; the top row has no progressive SET.
    """
    summary = result.summary
    figure, axes = new_figure(1, 2, width_in=8.6, height_in=3.6)
    values = 100 * summary["test_accuracy_mean"].astype(float)
    scale = (float(values.min()), max(float(values.max()), float(values.min()) + 0.1))
    titles = {
        "bnn": "BNN (top row: full SET and the check)",
        "analog": "analog (top row: weak RESET only)",
    }
    for axis, (weights, title) in zip(axes, titles.items(), strict=True):
        mesh = _map(axis, summary[summary["weights"] == weights], scale)
        axis.set_title(title, loc="left")
    axes[0].set_ylabel("β of the progressive SET")
    figure.colorbar(mesh, ax=list(axes), label=ACCURACY, fraction=0.04)
    figure.suptitle(f"{result.study.title}{bands_of(result, '±')}", fontsize=9)
    return figure


def _map(axis: Axes, part: pd.DataFrame, scale: tuple[float, float]) -> Any:
    """Draw one panel: accuracy and half-width of its interval in every cell."""
    betas = sorted(set(part["beta"]))
    sets = sorted(set(part.loc[part["set"] == "progressive", "beta_set"]))
    rows = [*sets, None]
    grid = np.full((len(rows), len(betas)), np.nan)
    for row in part.to_dict("records"):
        i = len(sets) if row["set"] == "full" else sets.index(row["beta_set"])
        j = betas.index(row["beta"])
        mean = 100 * row["test_accuracy_mean"]
        half = 50 * (row["test_accuracy_high"] - row["test_accuracy_low"])
        grid[i, j] = mean
        dark = mean < scale[0] + 0.6 * (scale[1] - scale[0])
        text = f"{mean:.1f}" + (f"\n±{half:.1f}" if np.isfinite(half) else "")
        axis.text(j, i, text, ha="center", va="center", fontsize=7, color="w" if dark else "k")
    mesh = axis.imshow(
        grid, cmap="viridis", vmin=scale[0], vmax=scale[1], aspect="auto", origin="lower"
    )
    if sets:
        axis.axhline(len(sets) - 0.5, color="white", lw=3)
    axis.set_xticks(range(len(betas)), [f"{b:g}" for b in betas])
    axis.set_yticks(range(len(rows)), ["none" if b is None else f"{b:g}" for b in rows])
    axis.set_xlabel("β of the weak RESET")
    axis.grid(visible=False)
    return mesh


@styled
def plot_imperfections(result: StudyResult) -> Figure:
    """Draw the accuracy without imperfections, with each of them, and with all.

    Parameters
    ----------
    result : StudyResult
        Of the study ``imperfections``.

    Returns
    -------
    Figure
        Bars are 95 % intervals over seeds; dots are single seeds.
    """
    figure, axis = new_figure(width_in=6.0, height_in=3.4)
    rows = result.rows["accuracy"]
    lines = {line["imperfections"]: line for line in result.summary.to_dict("records")}
    for k, name in enumerate(CASES):
        line = lines[name]
        mean, low, high = (100 * float(line[f"test_accuracy_{c}"]) for c in ("mean", "low", "high"))
        bars = None if np.isnan(low) else [[mean - low], [high - mean]]
        colour = {"ideal": GREY, "all": RED}.get(name, BLUE)
        axis.errorbar([k], [mean], yerr=bars, fmt="o", color=colour, capsize=5, ms=6)
        single = 100 * rows.loc[rows["imperfections"] == name, "test_accuracy"].astype(float)
        axis.plot(np.full(len(single), k + 0.16), single, ".", color=GREY, ms=5)
    ideal = 100 * float(lines["ideal"]["test_accuracy_mean"])
    axis.axhline(ideal, color=GREY, ls="--", lw=0.8, zorder=0)
    axis.set_xticks(range(len(CASES)), [_TICKS[name] for name in CASES])
    axis.set_xlim(-0.5, len(CASES) - 0.5)
    axis.set_ylabel(ACCURACY)
    figure.suptitle(f"{result.study.title}{bands_of(result, 'bars')}", fontsize=9)
    return figure


@styled
def plot_retention(result: StudyResult) -> Figure:
    """Draw the accuracy over the time since training.

    Parameters
    ----------
    result : StudyResult
        Of the study ``retention``.

    Returns
    -------
    Figure
        Dashed: right after training. Grey: beyond the times of the law's data.
    """
    figure, (left, right) = new_figure(1, 2, width_in=8.8, height_in=3.4)
    summary = result.summary
    for weights, (colour, marker, label) in _KEPT.items():
        part = summary[summary["weights"] == weights]
        if not len(part):
            continue
        start = 100 * float(part.loc[part["time_s"] == 0, "test_accuracy_mean"].iloc[0])
        left.axhline(start, color=colour, ls="--", lw=0.8)
        later = part[part["time_s"] > 0]
        band(left, later, "time_s", "test_accuracy", colour, label, marker=marker)
        band(right, later, "time_s", "changed", colour, label, marker=marker)
    last = float(summary["time_s"].max())
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xlabel("time since training (s)")
        until = float(result.study.facts["measured_until_s"])
        if last > until:
            label = "beyond the data of the law"
            axis.axvspan(until, last, color=GREY, alpha=0.15, lw=0, label=label)
    left.set_ylabel(ACCURACY)
    right.set_ylabel("signs of weights that changed (%)")
    right.set_ylim(bottom=0)
    left.plot([], [], color=GREY, ls="--", lw=0.8, label="right after training")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    law = f"{result.study.facts['law']}".removeprefix("law of ")
    figure.suptitle(f"{result.study.title}; law: {law}{bands_of(result)}", fontsize=9)
    return figure
