"""The figure of the energy study: energy against accuracy, and where the energy goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from rramchar.nn.learn.energy_study import (
    PUBLISHED_INFERENCE_J,
    PUBLISHED_PIXELS,
    PUBLISHED_TRAINING_J,
)
from rramchar.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    new_figure,
    styled,
)
from rramchar.units import format_quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from rramchar.nn.learn.study import StudyResult

_NAMES = {"bnn": "binarized, learned in the array", "int8": "8-bit in-memory accelerator"}
_LOOKS = {"bnn": (RED, "o"), "int8": (BLUE, "s")}  # the colours of IEDM 2019, Fig. 17
_PARTS = {
    "reads": BLUE,
    "word lines": SKY,
    "sums": GREEN,
    "products": ORANGE,
    "buffers": GREY,
    "weak RESET": RED,
    "SET": PURPLE,
    "forward sums": GREEN,
    "backward sums": YELLOW,
    "gradients": ORANGE,
    "rule": "#000000",
}


@styled
def plot_energy(result: StudyResult) -> Figure:
    """Draw energy per recognition against accuracy, and the shares of its components.

    Parameters
    ----------
    result : StudyResult
        Of the study ``energy``.

    Returns
    -------
    Figure
        Left: energy per recognition against accuracy, a point per size, 95 % intervals over seeds,
        and the published energy. Middle and right: components of a recognition by both networks at
        their largest size, and of a training.
    """
    figure, (left, middle, right) = new_figure(
        1, 3, width_in=13.2, height_in=4.4, width_ratios=(1.25, 0.8, 1)
    )
    summary, parts = result.summary, result.summaries["components"]
    for network, (colour, marker) in _LOOKS.items():
        rows = summary[summary["network"] == network].sort_values("neurons")
        if len(rows):
            _curve(left, rows, colour, marker, _NAMES[network])
    if result.study.facts["pixels"] == PUBLISHED_PIXELS:
        left.axhline(PUBLISHED_INFERENCE_J, color=RED, linestyle=":", linewidth=1)
        left.annotate(
            "published: 25 nJ (784-1024-10, 28 nm)", (0.98, PUBLISHED_INFERENCE_J),
            xycoords=("axes fraction", "data"), ha="right", va="bottom", color=RED, fontsize=8,
        )  # fmt: skip
    left.set_yscale("log")
    low, high = left.get_ylim()
    left.set_ylim(low / 1.6, high * 5)  # room for the legend
    left.set_xlabel("test accuracy [%]")
    left.set_ylabel("energy per recognition [J]")
    left.set_title("Energy against accuracy (labels: hidden neurons)")
    left.legend(loc="upper left")
    _bars(middle, parts, "inference")
    middle.set_title("A recognition, by component")
    _bars(right, parts, "training")
    right.set_title(f"A training (published, MNIST: {_joule(PUBLISHED_TRAINING_J, 3)})")
    node = format_quantity(result.study.facts["node_m"], "m", digits=3)
    figure.suptitle(
        f"{result.study.title}; scaled to {node}, {result.study.facts['vdd_v']:.2g} V; device "
        f"energies: {result.study.facts['energies']}",
        fontsize=9,
    )
    return figure


def _curve(axis: Any, rows: pd.DataFrame, colour: str, marker: str, label: str) -> None:
    mean = 100 * rows["test_accuracy_mean"].to_numpy(float)
    low, high = (100 * rows[f"test_accuracy_{end}"].to_numpy(float) for end in ("low", "high"))
    reach = np.nan_to_num(np.clip([mean - low, high - mean], 0, None))
    energy = rows["inference_j_mean"].to_numpy(float)
    axis.errorbar(
        mean, energy, xerr=reach, color=colour, marker=marker, markersize=5, capsize=2, label=label
    )
    for x, y, neurons in zip(mean, energy, rows["neurons"], strict=True):
        axis.annotate(
            f"{neurons:g}", (x, y), textcoords="offset points", fontsize=7, color=colour,
            xytext=(-5, 5) if marker == "o" else (5, -8), ha="right" if marker == "o" else "left",
        )  # fmt: skip


def _bars(axis: Any, parts: pd.DataFrame, phase: str) -> None:
    """Draw the components of a phase, the largest on top, at each network's largest size."""
    rows = parts[parts["phase"] == phase]
    y = 0.0
    ticks, labels = [], []
    for network, short in (("int8", "8-bit"), ("bnn", "binarized")):
        mine = rows[(rows["network"] == network) & (rows["energy_j_mean"] > 0)]
        if not len(mine):
            continue
        largest = mine[mine["neurons"] == mine["neurons"].max()].sort_values("energy_j_mean")
        total = float(largest["energy_j_mean"].sum())
        for component, energy in zip(largest["component"], largest["energy_j_mean"], strict=True):
            axis.barh(y, energy, color=_PARTS.get(component, GREY), height=0.75)
            text = f" {_joule(energy, 2)}, {100 * energy / total:.2g} %"
            axis.text(energy, y, text, va="center", fontsize=8)
            ticks.append(y)
            labels.append(component)
            y += 1
        neurons = int(largest["neurons"].iloc[0])
        axis.text(
            0.01, y - 0.4, f"{short}, {neurons} hidden neurons: {_joule(total, 3)}",
            transform=axis.get_yaxis_transform(), fontsize=8, fontweight="bold", va="bottom",
        )  # fmt: skip
        y += 1.1
    axis.set_yticks(ticks, labels)
    axis.set_ylim(-0.8, y - 0.1)
    axis.set_xlim(0, 1.45 * float(rows["energy_j_mean"].max()))  # room for the numbers
    axis.xaxis.set_major_formatter(lambda value, _: _joule(value, 2))
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.set_axisbelow(True)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(f"energy per {'recognition' if phase == 'inference' else 'training'}")


def _joule(energy_j: float, digits: int) -> str:
    if energy_j == 0:
        return "0"
    return format_quantity(energy_j, "J", digits=digits).replace("uJ", "µJ")
