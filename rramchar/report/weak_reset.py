"""Figures of the fitted weak-RESET models: traces with fits, increments, residuals, population."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm

from rramchar.devices.weak_reset_law import WeakResetDevices, mean_fall
from rramchar.fitting.drift import DriftFit
from rramchar.fitting.drift_lines import line_values
from rramchar.fitting.population import draw_population
from rramchar.fitting.weak_reset import WeakResetFit
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

_COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY)
_TRACES = 6
_POINTS = 3000  # dots of a panel
_UNITS = {"m1": "per pulse", "t_star": "pulses", "c1": "", "m2": "per pulse"}
_TICKS = (0.1, 1, 10, 50, 90, 99, 99.9)

Floats = NDArray[np.float64]


@styled
def plot_weak_reset_iedm2019(fit: WeakResetFit, title: str) -> Figure:
    """Draw what tells whether the weak-RESET law describes the data.

    Parameters
    ----------
    fit : WeakResetFit
        From `rramchar.fitting.weak_reset.fit_weak_reset_iedm2019`.
    title : str
        Says where the data come from, and that they are synthetic if they are.

    Returns
    -------
    Figure
        Conductance over pulses with the noise-free law; fall per pulse against conductance with
        the pooled law; residuals of the increments on normal quantiles; parameters of the devices.
    """
    figure, axes = new_figure(2, 2, width_in=8.6, height_in=6.2)
    _conductance_traces(axes[0, 0], fit)
    axes[0, 0].set_title(title, loc="left")
    _increments(axes[0, 1], fit)
    _normal_quantiles(axes[1, 0], fit.innovation, "increment − law (predicted σ)")
    _device_parameters(axes[1, 1], fit)
    return figure


@styled
def plot_weak_reset_arxiv2107(fit: DriftFit, title: str) -> Figure:
    """Draw what tells whether the piecewise drift describes the data.

    Parameters
    ----------
    fit : DriftFit
        From `rramchar.fitting.drift.fit_weak_reset_arxiv2107`.
    title : str
        Says where the data come from, and that they are synthetic if they are.

    Returns
    -------
    Figure
        ln(R / R0) over pulses with line and telegraph; whitened residuals on normal quantiles;
        their autocorrelation; and the distributions of the devices' parameters with their fits.
    """
    figure, axes = new_figure(2, 2, width_in=8.6, height_in=6.2)
    _drift_traces(axes[0, 0], fit)
    axes[0, 0].set_title(title, loc="left")
    _normal_quantiles(axes[0, 1], fit.whitened, "whitened residual (σ)")
    _autocorrelation(axes[1, 0], fit.whitened)
    _drift_population(axes[1, 1], fit)
    return figure


def _picks(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, _TRACES)).astype(np.int64))


def _law(fit: WeakResetFit, device: int | None) -> WeakResetDevices:
    """Return the law with the parameters of one device, or of all together."""
    model, row = fit.model, None
    if device is not None and "C" in fit.per_device and fit.per_device["converged"].iloc[device]:
        row = fit.per_device.iloc[device]
    time = model.value("t_ref") if "t_ref" in model.parameters else 1.0
    v_s = model.value("v_s") if "v_s" in model.parameters else None
    exponent = model.value("width_exponent") if "width_exponent" in model.parameters else 1.0
    c, beta, g_max = (
        (row["C"], row["beta"], row["g_max_s"])
        if row is not None
        else (model.value("C"), model.value("beta"), model.value("Gmax"))
    )
    return WeakResetDevices(
        np.array(c * time), np.array(beta), np.array(0.0), np.array(model.value("Gmin")),
        np.array(g_max), fit.data.v_ref_v, fit.data.t_ref_s, v_s, exponent, np.array(0.0),
        integrated=fit.data.filter_data.integrated,
    )  # fmt: skip


def _strength(fit: WeakResetFit) -> Floats:
    """Return the strength of the pulse before each reading, 1 where pulses are not known. [1]"""
    rows = fit.data.sequences
    if not np.isfinite(fit.data.t_ref_s) and not np.isfinite(fit.data.v_ref_v):
        return np.ones(rows.resistance_ohm.shape)
    law = _law(fit, None)
    width = rows.pulse_width_s if np.isfinite(fit.data.t_ref_s) else np.ones_like(rows.v_reset_v)
    if not np.isfinite(fit.data.t_ref_s):
        law = WeakResetDevices(**{**vars(law), "t_ref_s": 1.0})
    return np.asarray(law.strength(rows.v_reset_v, width))


def _conductance_traces(axis: Axes, fit: WeakResetFit) -> None:
    rows, strength = fit.data.sequences, _strength(fit)
    for colour, sequence in zip(_COLOURS, _picks(len(rows.device)), strict=False):
        g = 1e6 / rows.resistance_ohm[sequence]
        place = np.arange(len(g))[: rows.length[sequence]] + rows.first_pulse[sequence]
        device = int(rows.device[sequence])
        axis.plot(place, g[: len(place)], ".", color=colour, ms=2.5, alpha=0.6)
        law, value = _law(fit, device), g[0] / 1e6
        curve = [value]
        for pulse in range(1, len(place)):
            value = max(
                float(value - mean_fall(value, law, strength[sequence, pulse])), float(law.g_min_s)
            )
            curve.append(value)
        axis.plot(place, np.array(curve) * 1e6, color=colour, lw=1.3,
                  label=str(rows.devices[device]))  # fmt: skip
    axis.set(xlabel="pulses", ylabel="conductance (µS)")
    axis.legend(title="device", ncols=2)


def _increments(axis: Axes, fit: WeakResetFit) -> None:
    g = 1e6 / fit.data.sequences.resistance_ohm
    strength = _strength(fit)[:, 1:]
    before = g[:, :-1].ravel()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        fall = ((g[:, :-1] - g[:, 1:]) / strength).ravel()
    # A pulse much weaker than the reference tells noise only.
    good = np.isfinite(fall) & np.isfinite(before) & (strength.ravel() > 0.2)
    before, fall = before[good], fall[good]
    if not len(before):
        return
    shown = np.unique(np.linspace(0, len(before) - 1, _POINTS).astype(int))
    axis.plot(before[shown], fall[shown], ".", color=GREY, ms=1.5, alpha=0.4, label="increments")
    edges = np.unique(np.quantile(before, np.linspace(0, 1, 21)))
    slot = np.clip(np.searchsorted(edges, before, side="right") - 1, 0, len(edges) - 2)
    table = pd.DataFrame({"slot": slot, "g": before, "fall": fall}).groupby("slot")
    mean = table.mean()
    error: Any = 1.96 * table["fall"].std() / np.sqrt(table["fall"].size())
    axis.errorbar(mean["g"], mean["fall"], yerr=error, fmt="o", color=BLUE, ms=3.5, capsize=2,
                  lw=1, label="means, 95 %")  # fmt: skip
    x = np.linspace(before.min(), before.max(), 200)
    axis.plot(
        x,
        mean_fall(x * 1e-6, _law(fit, None)) * 1e6,
        color=RED,
        label=f"law, {fit.model.goodness['parameters_of']}",
    )
    low, high = np.quantile(fall, [0.002, 0.998])
    axis.set_ylim(low - 0.1 * (high - low), high + 0.25 * (high - low))
    axis.set(xlabel="conductance before the pulse (µS)", ylabel="fall per reference pulse (µS)")
    axis.set_title("increments", loc="left")
    axis.legend(loc="upper left")


def _normal_quantiles(axis: Axes, residual: Floats, label: str) -> None:
    z = np.sort(residual[np.isfinite(residual)])
    quantile = norm.ppf((np.arange(z.size) + 0.5) / z.size)
    tails = np.concatenate([np.arange(min(100, z.size)), z.size - 1 - np.arange(min(100, z.size))])
    shown = np.unique(np.concatenate([np.linspace(0, z.size - 1, 800).astype(int), tails]))
    ends = np.array([quantile[0], quantile[-1]])
    axis.plot(ends, ends, color="black", lw=0.8, label="normal, σ = 1")
    axis.plot(quantile[shown], z[shown], ".", color=BLUE, ms=2.5, label=f"{z.size:,} residuals")
    ticks = [p for p in _TICKS if ends[0] <= norm.ppf(p / 100) <= ends[1]]
    axis.set_xticks([norm.ppf(p / 100) for p in ticks], [f"{p:g}" for p in ticks])
    reach = 1.6 * max(-ends[0], ends[1])
    axis.set_ylim(max(z[0], -reach) - 0.3, min(z[-1], reach) + 0.3)
    axis.set(xlabel="residuals below (%), normal scale", ylabel=label)
    axis.set_title("residuals", loc="left")
    axis.legend(loc="upper left")


def _device_parameters(axis: Axes, fit: WeakResetFit) -> None:
    table = fit.per_device
    if "C" not in table:
        axis.text(0.5, 0.5, "fewer than three devices", ha="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    table = table[table["converged"]]
    unit = fit.model.parameters["C"].unit
    spread = [table["C"] * -np.expm1(-table["C_ln_error"]), table["C"] * np.expm1(
        table["C_ln_error"])]  # fmt: skip
    axis.errorbar(table["C"], table["beta"], xerr=spread, yerr=table["beta_error"], fmt="o",
                  color=BLUE, ms=3, lw=0.6, alpha=0.7,
                  label="devices, ±1 standard error")  # fmt: skip
    c, beta = fit.model.parameters["C"], fit.model.parameters["beta"]
    whose = fit.model.goodness["parameters_of"]
    axis.errorbar(c.value, beta.value, xerr=[[c.value - c.low], [c.high - c.value]],
                  yerr=[[beta.value - beta.low], [beta.high - beta.value]], fmt="s", color=RED,
                  ms=5, capsize=3, zorder=5, label=f"{whose}, 95 %")  # fmt: skip
    axis.set(xlabel=f"C ({unit})", ylabel="β")
    axis.set_title("devices", loc="left")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.22 * (high - low))  # room for the legend above the error bars
    axis.legend(loc="upper right")


def _drift_traces(axis: Axes, fit: DriftFit) -> None:
    pulses = fit.log_ratio.shape[1]
    lines = line_values(fit.estimates.lines.theta, pulses)
    step = fit.estimates.lines.theta[:, [3]] * fit.estimates.high
    pulse = np.arange(1, pulses + 1)
    every = max(1, pulses // 400)
    for colour, device in zip(_COLOURS, _picks(len(fit.log_ratio)), strict=False):
        y = fit.log_ratio[device]
        axis.plot(pulse[::every], y[::every], ".", color=colour, ms=1.5, alpha=0.5)
        curve = np.where(np.isfinite(y), (lines + step)[device], np.nan)
        axis.plot(pulse, curve, color=colour, lw=1.3, label=str(fit.per_device["device"][device]))
    axis.set(xlabel="pulses", ylabel="ln(R / R$_0$)")
    axis.legend(title="device", ncols=2)


def _autocorrelation(axis: Axes, whitened: Floats, lags: int = 30) -> None:
    z = np.where(np.isfinite(whitened), whitened, 0.0)
    lags = min(lags, whitened.shape[1] - 1)
    total = (z**2).sum()
    values = [(z[:, lag:] * z[:, : z.shape[1] - lag]).sum() / total for lag in range(1, lags + 1)]
    limit = 1.96 / np.sqrt(np.isfinite(whitened).sum())
    axis.axhspan(-limit, limit, color=GREY, alpha=0.3, lw=0, label="white noise, 95 %")
    axis.bar(range(1, lags + 1), values, color=BLUE, width=0.7)
    axis.axhline(0, color="black", lw=0.6)
    reach = max(0.05, 1.2 * float(np.abs(values).max()))
    axis.set_ylim(-reach, reach)
    axis.set(xlabel="lag (pulses)", ylabel="autocorrelation")
    axis.set_title("whitened residuals: is it the model's 1/f noise?", loc="left")
    axis.legend(loc="upper right")


def _drift_population(axis: Axes, fit: DriftFit) -> None:
    table = fit.per_device
    shares = np.linspace(0.001, 0.999, 400)
    for (name, column, label), colour in zip(
        (("m1", "m1", "m$_1$"), ("t_star", "t_star", "t*"), ("c1", "c1", "c$_1$"),
         ("m2", "m2", "m$_2$")), _COLOURS, strict=False,
    ):  # fmt: skip
        spec: dict[str, Any] = fit.model.population[name]
        curve = draw_population(spec, shares)
        low, high = curve[0], curve[-1]
        values = np.sort(table[column].to_numpy(dtype=float))
        share = (np.arange(len(values)) + 0.5) / len(values)
        span = max(high - low, 1e-300)
        axis.plot((values - low) / span, share, ".", color=colour, ms=3)
        axis.plot((curve - low) / span, shares, color=colour, lw=1.2,
                  label=f"{label}: {low:.3g} ... {high:.3g} {_UNITS[name]}")  # fmt: skip
    axis.set_xlim(-0.1, 2.05)  # room for the legend
    axis.set(xlabel="parameter, over its fitted range", ylabel="share of devices below")
    axis.set_title("devices (dots) and fitted distributions", loc="left")
    axis.legend(loc="center right")
