"""Report sections on resistance states: distributions and tails, spreads, drift, correlations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from scipy import stats

from rramchar.fitting import FittedModel, Parameter, fit_resistance
from rramchar.measured import STATES, is_good
from rramchar.report.folder import STATES_USE, MeasuredFile, MeasuredFolder
from rramchar.report.pages import Outcome, for_each, interval_table, show_each, show_note
from rramchar.report.states import plot_states
from rramchar.report.style import BLUE, RED, new_figure, show, styled
from rramchar.report.tables import show_table

NOTHING = "No file of this folder holds cycles with readings of both states."
_COLOURS = {"lrs": BLUE, "hrs": RED}
_FAMILIES = {
    "lognormal": "lognormal",
    "student_t": "Student's t",
    "sinh_arcsinh": "sinh-arcsinh",
    "two_lognormals": "mixture of two lognormals",
}
_SPREADS = {
    "median_ohm": "median",
    "sigma_log10": "σ of log10 R",
    "sigma_robust_log10": "σ from 16 to 84 % of the readings",
    "location_log10": "location of the family",
    "scale_log10": "scale of the family",
    "degrees_of_freedom": "degrees of freedom (small: long tails)",
    "skew": "skew (0: symmetric)",
    "tail_weight": "tail weight (below 1: longer than lognormal)",
    "tail_location_log10": "location of the second lognormal",
    "tail_scale_log10": "scale of the second lognormal",
    "tail_share": "share of the second lognormal",
}
_STRUCTURE = {
    "sigma_d2d_log10": "σ from device to device",
    "sigma_c2c_log10": "σ from cycle to cycle",
    "icc": "share of the variance between devices",
    "drift_log10_per_decade": "drift",
    "pair_correlation_d2d": "two devices of a pair: their levels",
    "pair_correlation_c2c": "two devices of a pair: cycle by cycle",
}
_TIED = {
    "lrs_hrs_correlation_d2d": "LRS and HRS levels of a device",
    "pair_correlation_lrs_hrs": "LRS of one device, HRS of its partner",
}
_BINS = 12  # of the cycle numbers, equally wide in the logarithm


@dataclass(frozen=True)
class StateFit:
    """A file's readings with their fitted states.

    Parameters
    ----------
    frame : DataFrame
        The readings.
    model : FittedModel
        Of `rramchar.fitting.fit_resistance`.
    """

    frame: pd.DataFrame
    model: FittedModel


def fit_states(folder: MeasuredFolder, seed: int = 0) -> list[Outcome[StateFit]]:
    """Fit the states of every file that holds cycles.

    Parameters
    ----------
    folder : MeasuredFolder
        What `rramchar.report.folder.open_folder` returned.
    seed : int
        Of the bootstrap over devices.

    Returns
    -------
    list of Outcome
        One per file.
    """
    return for_each(
        folder.used_for(STATES_USE),
        lambda file: StateFit(file.readings, fit_resistance(file.readings, seed=seed)),
    )


def show_states(fits: list[Outcome[StateFit]]) -> Any:
    """Show the distribution of each state: chosen family, quantile plot, table."""

    def draw(file: MeasuredFile, fit: StateFit) -> Iterable[Any]:
        yield show_note(_choice(fit.model))
        yield show(
            plot_states(fit.model, fit.frame, file.title),
            f"Readings of {file.title} against normal quantiles, where a lognormal is a straight "
            "line. Lines: chosen distribution; shaded: 95 % band of the readings over devices; "
            "below: what the distribution leaves.",
        )
        yield show_table(interval_table(*_chosen(fit.model, _SPREADS)))

    return show_each(fits, draw, NOTHING)


def show_structure(fits: list[Outcome[StateFit]]) -> Any:
    """Show spreads from device to device and cycle to cycle, drift, and correlations of pairs."""

    def draw(file: MeasuredFile, fit: StateFit) -> Iterable[Any]:
        yield show(
            plot_structure(fit.model, fit.frame, file.title),
            f"{file.title}. Left: mean of log10 R over the cycles, each device against its own "
            "mean, with 95 % intervals over devices; dashed: fitted drift. Middle: spreads. Right: "
            "correlations of the normal scores. Bars are 95 % intervals.",
        )
        values, labels = _chosen(fit.model, _STRUCTURE)
        tied = {name: fit.model.parameters[name] for name in _TIED if name in fit.model.parameters}
        yield show_table(interval_table(values | tied, labels | _TIED))

    return show_each(fits, draw, NOTHING)


@styled
def plot_structure(model: FittedModel, frame: pd.DataFrame, title: str) -> Figure:
    """Draw drift over cycles, the two levels of spread, and correlations, with intervals.

    Parameters
    ----------
    model : FittedModel
        Of `rramchar.fitting.fit_resistance`.
    frame : DataFrame
        The readings that were fitted.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        Three panels.
    """
    figure, axes = new_figure(1, 3, width_in=10.0, height_in=3.2, width_ratios=[1.2, 0.7, 1.1])
    states = [state for state in STATES if state in model.population]
    for state in states:
        _drift(axes[0], model, frame, state)
    axes[0].axhline(0, color="black", lw=0.6)
    axes[0].set(xscale="log", xlabel="cycle", ylabel="log10 R − mean of the device (decades)")
    axes[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].set_title(title, loc="left")
    axes[0].legend()
    for state in states:
        found = [model.parameters[f"{state}_sigma_{s}_log10"] for s in ("d2d", "c2c")]
        beside = 0.08 if state == "hrs" else -0.08
        _bars(axes[1], np.array([beside, 1 + beside]), found, _COLOURS[state])
    axes[1].set_xticks([0, 1], ["device to\ndevice", "cycle to\ncycle"])
    axes[1].set_xlim(-0.5, 1.5)
    axes[1].set_ylim(bottom=0)
    axes[1].set_ylabel("σ of log10 R (decades)")
    _correlations(axes[2], model, states)
    return figure


def _drift(axis: Axes, model: FittedModel, frame: pd.DataFrame, state: str) -> None:
    rows = frame[is_good(frame) & (frame["state"] == state) & (frame["cycle"] > 0)]
    logs = rows["resistance_ohm"].astype(float).map(np.log10)
    cycle = rows["cycle"].to_numpy(dtype=float)
    edges = np.geomspace(cycle.min(), cycle.max() + 1, _BINS + 1)
    table = pd.DataFrame(
        {
            "device": rows["device"].to_numpy(),
            "bin": np.searchsorted(edges, cycle, side="right"),
            "cycle": cycle,
            "rest": (logs - logs.groupby(rows["device"]).transform("mean")).to_numpy(),
        }
    )
    each = table.groupby(["bin", "device"])["rest"].mean().groupby("bin")
    place = table.groupby("bin")["cycle"].agg(lambda c: np.exp(np.log(c).mean()))
    many = each.size()
    half = stats.t.ppf(0.975, np.maximum(many - 1, 1)) * each.std() / np.sqrt(many)
    axis.errorbar(place, each.mean(), yerr=half, fmt="o", color=_COLOURS[state], ms=3.5, capsize=2,
                  lw=1, label=state.upper())  # fmt: skip
    slope = model.parameters.get(f"{state}_drift_log10_per_decade")
    if slope is not None:
        decade = np.log10(cycle)
        ends = np.array([decade.min(), decade.max()])
        axis.plot(10**ends, slope.value * (ends - decade.mean()), color=_COLOURS[state], lw=1,
                  ls="--")  # fmt: skip


def _bars(
    axis: Axes,
    place: NDArray[np.float64],
    found: list[Parameter],
    colour: str,
    *,
    flat: bool = False,
) -> None:
    values = np.array([p.value for p in found])
    spread = [values - [p.low for p in found], np.array([p.high for p in found]) - values]
    shape: dict[str, Any] = {"fmt": "o", "color": colour, "ms": 4.5, "capsize": 3, "lw": 1.2}
    if flat:
        axis.errorbar(values, place, xerr=spread, **shape)
    else:
        axis.errorbar(place, values, yerr=spread, **shape)


def _correlations(axis: Axes, model: FittedModel, states: list[str]) -> None:
    names = {f"{s}_pair_correlation_{k}": f"pair, {s.upper()} {word}" for s in states
             for k, word in (("d2d", "levels"), ("c2c", "by cycle"))}  # fmt: skip
    names |= {"pair_correlation_lrs_hrs": "pair, LRS with HRS"}
    names |= {"lrs_hrs_correlation_d2d": "device, LRS with HRS"}
    known = [name for name in names if name in model.parameters]
    for place, name in enumerate(known):
        colour = _COLOURS.get(name[:3], "black") if "lrs_hrs" not in name else "black"
        _bars(axis, np.array([place]), [model.parameters[name]], colour, flat=True)
    axis.set_yticks(range(len(known)), [names[name] for name in known])
    axis.invert_yaxis()
    axis.axvline(0, color="black", lw=0.6)
    axis.set_xlabel("correlation")
    if not known:
        axis.text(0.5, 0.5, "not determined", ha="center", transform=axis.transAxes)


def _choice(model: FittedModel) -> str:
    """Say which family was chosen for each state, and in which order the others came."""
    words = []
    for state, facts in model.goodness.items():
        tried = facts["candidates"]
        order = sorted(tried, key=lambda name: tried[name]["bic_clustered"])
        others = ", ".join(_FAMILIES[name] for name in order if name != facts["family"])
        words.append(
            f"{state.upper()}: {_FAMILIES[facts['family']]} chosen by the clustered BIC, before "
            f"{others}; {facts['remark']}."
        )
        censored = sum(facts["censored"].values())
        if censored:
            words.append(f"{censored:,} readings of {state.upper()} are censored.")
    return " ".join(words)


def _chosen(
    model: FittedModel, wanted: dict[str, str]
) -> tuple[dict[str, Parameter], dict[str, str]]:
    """Return those parameters of both states that the model has, and their labels."""
    names = {
        f"{state}_{name}": f"{state.upper()} {words}"
        for state in STATES
        for name, words in wanted.items()
        if f"{state}_{name}" in model.parameters
    }
    return {name: model.parameters[name] for name in names}, names
