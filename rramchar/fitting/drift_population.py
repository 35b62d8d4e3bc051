"""Distributions of the piecewise drift's parameters over devices, with the bounds seen.

Families as published (arXiv:2107.06064 and its public code): m1 and m2 exponential, t* lognormal,
c1 and R0 normal, all cut off; the telegraph's step uniform from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rramchar.fitting.drift_estimate import DriftEstimates
from rramchar.fitting.drift_lines import kink_grid
from rramchar.fitting.population import (
    GridLikelihoods,
    NormalEstimates,
    fit_population,
    largest_loglik,
)

if TYPE_CHECKING:
    from rramchar.fitting.drift import DeviceValues
    from rramchar.fitting.drift_rates import TelegraphRates

Floats = NDArray[np.float64]

_STARTS = 9  # places tried for the start of an exponential distribution
_OUTLIERS = (
    0.05  # share of devices taken to be off by more: a telegraph that was not seen moves them
)
_UNKNOWN = 20.0  # errors this many times the median one say nothing


def drift_population(
    values: DeviceValues,
    estimates: DriftEstimates,
    r0_ohm: Floats,
    length: NDArray[np.int64],
    rates: TelegraphRates,
) -> dict[str, Any]:
    """Fit the distributions over devices.

    Parameters
    ----------
    values : DeviceValues
        Of each device.
    estimates : DriftEstimates
        For the 1/f amplitude of each.
    r0_ohm : array, shape (devices,)
        Readings before the first pulse, taken as exact. [ohm]
    length : array of int, shape (devices,)
        Pulses of each record.
    rates : TelegraphRates
        For the distribution of steps.

    Returns
    -------
    dict
        Distribution of ``m1, t_star, c1, m2, R0, rtn_amplitude, alpha``, see `fit_population`.
        Bounds are the smallest and largest device values, after removing the part of their scatter
        that is estimation noise; m1 starts where it is fitted to, m2 at 0.
    """
    out = {
        "m1": _exponential(values.value["m1"], values.error["m1"], "1/pulse"),
        "t_star": _kinks(values, length),
        "c1": _bounded_normal(values.value["c1"], values.error["c1"], "1"),
        "m2": _exponential(values.value["m2"], values.error["m2"], "1/pulse", start=0.0),
        "R0": _bounded_normal(r0_ohm, np.zeros(len(r0_ohm)), "ohm"),
    }
    alpha = 0.5 * np.log(estimates.lines.square / estimates.freedom)
    own = NormalEstimates(alpha, np.sqrt(0.5 / estimates.freedom), _OUTLIERS)
    return {
        **out,
        "rtn_amplitude": rates.amplitude,
        "alpha": fit_population("lognormal", own, "1"),
    }


def _told(value: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Leave out devices that say nothing of a parameter."""
    told = np.isfinite(value) & np.isfinite(error) & (error < _UNKNOWN * np.median(error) + 1e-300)
    if not (error > 0).any():
        told = np.isfinite(value)
    return value[told], error[told]


def _exponential(
    value: Floats, error: Floats, unit: str, start: float | None = None
) -> dict[str, Any]:
    """Fit the scale; the start, if not given, is where the likelihood is largest from 0 up."""
    value, error = _told(value, error)
    data = NormalEstimates(value, error, _OUTLIERS)
    least = max(float((value + 2 * error).min()), 0.0)
    if start is None:
        places = [float(place) for place in np.linspace(0.0, least, _STARTS)]
        start = max((largest_loglik("exponential", data, place), place) for place in places)[1]
    spec = fit_population("exponential", data, unit, lower=start)
    return {**spec, "upper": max(float(value.max()), start)}


def _bounded_normal(value: Floats, error: Floats, unit: str) -> dict[str, Any]:
    value, error = _told(value, error)
    spread = max(float(value.var(ddof=1)) - float((error**2).mean()), 0.0)
    kept = spread / np.maximum(spread + error**2, 1e-300)
    shrunk = value.mean() + kept * (value - value.mean())
    low, high = float(shrunk.min()), float(shrunk.max())
    if not low < high:
        return fit_population("normal", NormalEstimates(value, error), unit)
    data = NormalEstimates(value, error, _OUTLIERS if (error > 0).all() else 0.0)
    return fit_population("normal", data, unit, lower=low, upper=high)


def _kinks(values: DeviceValues, length: NDArray[np.int64]) -> dict[str, Any]:
    grid = kink_grid(int(length.max()))
    data = GridLikelihoods(np.log(grid), values.kink_log_weight)
    told = values.kink_error < 0.3 * values.kink
    kinks = values.kink[told] if told.any() else values.kink
    # A kink behind the end of the records cannot be seen: there the distribution is cut off.
    high = float(grid[-1]) if not told.all() else float(min(kinks.max() * 1.02, grid[-1]))
    low = float(max(kinks.min() * 0.98, grid[0]))
    return fit_population("lognormal", data, "pulse", lower=low, upper=max(high, 1.5 * low))
