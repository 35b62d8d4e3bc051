"""The figure of the metaplasticity study: what is remembered, and what it costs the memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rramchar.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, new_figure, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from rramchar.nn.learn.study import StudyResult

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GREY)
_MARKERS = ("o", "s", "^", "D", "v")


@styled
def plot_metaplastic(result: StudyResult) -> Figure:
    """Draw accuracy on all tasks against m, task by task, and writes per cell.

    Parameters
    ----------
    result : StudyResult
        Of the study ``metaplastic``.

    Returns
    -------
    Figure
        Left: mean accuracy over all tasks at the end, and (dotted) of each just learned. Middle:
        each task at the end. Right: FeRAM writes and OxRAM re-programmings. Bars are 95 % intervals
        over seeds.
    """
    figure, (left, middle, right) = new_figure(1, 3, width_in=12.6, height_in=4.2)
    summary, tasks = result.summary, result.summaries["tasks"]
    memories = list(dict.fromkeys(summary["memory"]))
    looks = dict(zip(memories, zip(_COLOURS, _MARKERS, strict=True), strict=False))
    places = {m: k for k, m in enumerate(sorted(set(summary["m"])))}
    for memory, (colour, marker) in looks.items():
        rows = summary[summary["memory"] == memory].sort_values("m")
        at = [places[m] for m in rows["m"]]
        offset = (memories.index(memory) - (len(memories) - 1) / 2) * 0.06
        _bars(left, np.add(at, offset), rows, colour, marker, memory)
        own = 100 * rows["own_accuracy_mean"].to_numpy(float)
        left.plot(np.add(at, offset), own, color=colour, linestyle=":", linewidth=1.2)
    left.plot([], [], color="black", linestyle=":", label="each task when just learned")
    left.set_xticks(list(places.values()), [f"{m:g}" for m in places])
    left.set_xlabel("metaplasticity m (memories side by side)")
    left.set_ylabel("mean accuracy of all tasks after the last [%]")
    left.set_title("What is remembered")
    left.set_ylim(0, 102)
    _draw_tasks(middle, tasks, looks)
    _draw_wear(right, summary, looks, places)
    seeds = int(summary["seeds"].max())
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(memories) + 1)
    figure.suptitle(f"{result.study.title}; {seeds} seed{'s' if seeds > 1 else ''}", fontsize=9)
    return figure


def _bars(axis: Any, x: Any, rows: pd.DataFrame, colour: str, marker: str, label: str) -> None:
    mean = 100 * rows["test_accuracy_mean"].to_numpy(float)
    low, high = (100 * rows[f"test_accuracy_{end}"].to_numpy(float) for end in ("low", "high"))
    reach = np.nan_to_num(np.clip([mean - low, high - mean], 0, None))
    axis.errorbar(
        x, mean, yerr=reach, color=colour, marker=marker, markersize=4.5, capsize=2, label=label
    )


def _draw_tasks(axis: Any, tasks: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> None:
    """Draw each task's accuracy at the end, for the first memory that was learned with."""
    memory = "8-bit, stochastic" if "8-bit, stochastic" in looks else next(iter(looks))
    last = int(tasks["learned"].max())
    rows = tasks[(tasks["memory"] == memory) & (tasks["learned"] == last)]
    ms = sorted(set(rows["m"]))
    shades = np.linspace(0.45, 1.0, len(ms))
    for m, shade, marker in zip(ms, shades, _MARKERS * len(ms), strict=False):
        mine = rows[rows["m"] == m].sort_values("task")
        colour = tuple(1 - shade * (1 - c) for c in _rgb(looks[memory][0]))
        _bars(axis, mine["task"] + 1, mine, colour, marker, f"m = {m:g}")  # type: ignore[arg-type]
    axis.set_xticks(range(1, last + 2))
    axis.set_xlabel("task, in the order of learning")
    axis.set_ylabel("accuracy after the last task [%]")
    axis.set_title(f"Task by task: {memory}")
    axis.set_ylim(0, 102)
    axis.legend(loc="lower right")


def _draw_wear(
    axis: Any,
    summary: pd.DataFrame,
    looks: dict[str, tuple[str, str]],
    places: dict[float, int],
) -> None:
    for memory, (colour, marker) in looks.items():
        if not memory.startswith("8-bit"):
            continue
        rows = summary[summary["memory"] == memory].sort_values("m")
        at = [places[m] for m in rows["m"]]
        look = {"color": colour, "marker": marker, "markersize": 4.5}
        axis.plot(at, rows["writes_mean"], **look)
        axis.plot(at, rows["flips_mean"], linestyle="--", fillstyle="none", **look)
    axis.plot([], [], color="black", label="FeRAM writes per hidden weight")
    axis.plot([], [], color="black", linestyle="--", label="OxRAM re-programmings per pair")
    axis.set_yscale("log")
    axis.set_xticks(list(places.values()), [f"{m:g}" for m in places])
    axis.set_xlabel("metaplasticity m")
    axis.set_ylabel("mean over cells, whole sequence")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high * 6)  # room for the legend
    axis.set_title("Wear of the 8-bit memories")
    axis.legend(loc="upper right")


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
