"""Figures of a training in the array: accuracy over epochs, where the conductances end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rramchar.nn.learn.study import StudyResult
from rramchar.report.style import BLUE, GREY, RED, new_figure, styled

_BINS = 40
CONDUCTANCE = "conductance, (G $-$ G$_{min}$) / (G$_{max}$ $-$ G$_{min}$)"
_CHECKS = ((False, RED, "without the check"), (True, BLUE, "with the check"))


@styled
def plot_learning_run(
    history: Sequence[dict[str, Any]], conductance: NDArray[np.floating[Any]], title: str
) -> Figure:
    """Draw how a training went and where its devices ended.

    Parameters
    ----------
    history : sequence of dict
        A row per epoch with ``epoch``, ``train_accuracy``, ``test_accuracy`` [1].
    conductance : array, shape (device,)
        Normalised conductance of all devices at the end. [1]
    title : str
        Data set, network and device model.

    Returns
    -------
    Figure
        Accuracy over epochs, and the histogram of the conductances.
    """
    figure, (left, right) = new_figure(1, 2, width_in=8.4)
    rows = pd.DataFrame(list(history))
    for column, colour, label in (
        ("train_accuracy", GREY, "training images"),
        ("test_accuracy", BLUE, "test images"),
    ):
        left.plot(rows["epoch"], 100 * rows[column], "o-", ms=3, color=colour, label=label)
    left.set(xlabel="epoch", ylabel="accuracy (%)")
    whole_epochs(left)
    left.legend(loc="lower right")
    low, high = min(0.0, float(conductance.min())), max(1.0, float(conductance.max()))
    counts, edges = np.histogram(conductance, bins=_BINS, range=(low, high))
    right.stairs(100 * counts / counts.sum(), edges, fill=True, color=BLUE, alpha=0.75)
    right.set_axisbelow(True)  # the grid behind the bars
    right.set(xlabel=CONDUCTANCE, ylabel=f"devices per bin (%), {len(conductance):,} in all")
    figure.suptitle(title, fontsize=9)
    return figure


@styled
def plot_training(result: StudyResult) -> Figure:
    """Draw training curves and conductance histograms without and with the check.

    Parameters
    ----------
    result : StudyResult
        Of the study ``training``.

    Returns
    -------
    Figure
        As IEDM 2019, Figs. 12 and 13: mean over seeds with its 95 % interval.
    """
    figure, (left, right) = new_figure(1, 2, width_in=8.4, height_in=3.4)
    bins = result.summaries["conductances"]
    for check, colour, label in _CHECKS:
        curve = result.summary[result.summary["check"] == check]
        band(left, curve, "epoch", "test_accuracy", colour, label, marker="")
        part = bins[bins["check"] == check].sort_values("conductance")
        width = float(np.diff(part["conductance"]).min())
        edges = np.append(part["conductance"] - width / 2, part["conductance"].iloc[-1] + width / 2)
        share = 100 * part["share_mean"].to_numpy(float)
        right.stairs(share, edges, color=colour, lw=1.4, label=label)
        right.stairs(share, edges, color=colour, fill=True, alpha=0.2)
    left.set(xlabel="epoch", ylabel="test accuracy (%)")
    whole_epochs(left)
    left.legend(loc="lower left")
    right.set(xlabel=CONDUCTANCE, ylabel="devices per bin (%)")
    right.set_yscale("log")
    right.legend(loc="upper center")
    figure.suptitle(f"{result.study.title}{bands_of(result)}", fontsize=9)
    return figure


def band(
    axis: Axes, frame: pd.DataFrame, x: str, measured: str, colour: str, label: str,
    marker: str = "o", line: str = "-",
) -> None:  # fmt: skip
    """Draw the mean of a share in percent over `x`, with a band for its interval over seeds."""
    part = frame.sort_values(x)
    at = part[x].to_numpy(float)
    mean, low, high = (
        100 * part[f"{measured}_{kind}"].to_numpy(float) for kind in ("mean", "low", "high")
    )
    axis.plot(at, mean, color=colour, label=label, marker=marker, ms=4, ls=line)
    if np.isfinite(low).any():
        axis.fill_between(at, low, high, color=colour, alpha=0.18, lw=0)


def bands_of(result: StudyResult, what: str = "bands") -> str:
    """Return a second line for a title that says what a band is; none with a single seed."""
    seeds = int(result.summary["seeds"].max())
    return "" if seeds < 2 else f"\n{what}: 95 % interval of {seeds} seeds"


def whole_epochs(axis: Axes) -> None:
    """Put ticks at whole numbers of epochs."""
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
