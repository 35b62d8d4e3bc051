"""Retention and relaxation: how conductance shifts and spreads with time and temperature.

With ``dG = G(t) - G(0)`` of every device, the mean and the standard deviation over devices follow

- ``log_time`` (one temperature): ``mean = m0 + m1 log10(t / 1 s)`` and
  ``sigma = s0 + s1 log10(t / 1 s)``;
- ``arrhenius`` (several temperatures): ``mean = m0 + ma h'``, ``sigma^2 = s0^2 + (sa h)^2`` with
  ``h = (t / t_ref)^n exp(-Ea / k (1 / T - 1 / T_ref))``, T_ref the highest temperature, and h' the
  same with an energy of its own: mean and spread need not come from one process. The floor s0 is
  what does not depend on temperature: early relaxation and read noise.

References
----------
Law, intervals and limits are this module's own choice: the data sheets of published arrays give
standard deviations per condition, which `fit_retention` reports too. k: CODATA 2018.
B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.fitting.clusters import expanded_percentiles
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.retention_changes import Changes, moments, take_changes
from rramchar.fitting.retention_laws import Law, choose_law, condition_shape

Floats = NDArray[np.float64]
MODEL_NAME = "retention"


def fit_retention(
    frame: pd.DataFrame,
    *,
    ranges: int = 8,
    seed: int = 0,
    resamples: int = 300,
    provenance: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Fit shift and spread of the conductance over all devices and per initial conductance.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, time_s, resistance_ohm`` and, where it varies,
        ``temperature_c``: for each device and temperature a first reading and later ones.
    ranges : int
        Ranges of initial conductance, of equal width from the smallest to the largest one (0.5 %
        at either end go to the outer ranges); 0 for none.
    seed, resamples : int
        Of the bootstrap over devices; at least 100 resamples.
    provenance : mapping, optional
        Kept in the model.

    Returns
    -------
    FittedModel
        Parameters of the law (see the module), 95 % intervals. [S, S/decade, eV, 1]
        ``population["conditions"]``: number, mean, standard deviation with intervals of every
        condition; ``population["ranges"]``: the same and the law for each range.

    Raises
    ------
    InputError
        If columns are missing, no device was read twice, or neither time nor temperature varies.
    """
    if resamples < 100:
        raise InputError(f"resamples: {resamples}, expected at least 100")
    if seed < 0 or ranges < 0:
        raise InputError(f"seed, ranges: {seed}, {ranges}, expected whole numbers from 0")
    data = take_changes(frame)
    law = choose_law(data.time_s, data.temperature_c)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    k = data.change.shape[0]
    weights = rng.multinomial(k, np.full(k, 1 / k), size=resamples).astype(float)
    every = np.isfinite(data.change)
    whole = _fit_cells(data, every, weights, law)
    edges = _edges(data.initial[every], ranges)
    parts = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = every & (data.initial >= low) & (data.initial < high)
        if (inside.sum(axis=0) >= 10).all():
            fitted = _fit_cells(data, inside, weights, law)
            parts.append({"g_low_siemens": float(low), "g_high_siemens": float(high), **fitted})
    parameters = {name: Parameter(**p) for name, p in whole["parameters"].items()}
    return FittedModel(
        name=MODEL_NAME,
        parameters=parameters,
        population={
            "law": law.name,
            **law.references,
            "conditions": whole["conditions"],
            "ranges": parts,
            "initial_siemens": np.quantile(data.initial[every], np.linspace(0, 1, 21)).tolist(),
        },
        goodness={**whole["goodness"], "devices": k, "left_out": data.left_out, "converged": True},
        provenance={**(provenance or {}), "seed": seed, "resamples": resamples},
    )


def predict_change(
    model: FittedModel, g_siemens: Floats, time_s: float, temperature_c: float
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the change of conductance.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_retention`.
    g_siemens : array
        Initial conductance; the law of its range is used, or that of all devices outside. [S]
    time_s : float
        Time after programming, above 0. [s]
    temperature_c : float
        Temperature; the ``log_time`` law does not depend on it. [degC]

    Returns
    -------
    mean, sigma : array, shape of `g_siemens`
        [S]
    """
    if model.name != MODEL_NAME:
        raise InputError(f"model {model.name!r} has no retention law; expected {MODEL_NAME!r}")
    if not time_s > 0:
        raise InputError(f"time_s: {time_s}, expected a time above 0 s")
    law = Law.of(model.population)
    g = np.asarray(g_siemens, dtype=float)
    at = (np.array([time_s]), np.array([temperature_c]))
    mean, sigma = law.evaluate({n: p.value for n, p in model.parameters.items()}, *at)
    means, sigmas = np.full(g.shape, mean[0]), np.full(g.shape, sigma[0])
    for part in model.population["ranges"]:
        inside = (g >= part["g_low_siemens"]) & (g < part["g_high_siemens"])
        values = {n: p["value"] for n, p in part["parameters"].items()}
        if set(values) >= set(law.names):
            mean, sigma = law.evaluate(values, *at)
            means[inside], sigmas[inside] = mean[0], sigma[0]
    return means, sigmas


def law_curve(model: FittedModel) -> tuple[Floats, Floats, Floats]:
    """Return the law of all devices over the range of its conditions.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_retention`.

    Returns
    -------
    x, mean, sigma : array, shape (61,)
        Time [s] for ``log_time``, temperature [degC] for ``arrhenius`` (at the mean time); mean and
        standard deviation of the change [S].
    """
    law = Law.of(model.population)
    values = {name: p.value for name, p in model.parameters.items()}
    if law.name == "log_time":
        x = np.geomspace(law.time_s.min(), law.time_s.max(), 61)
        return (x, *law.evaluate(values, x, np.full(61, law.temperature_c[0])))
    x = np.linspace(law.temperature_c.min(), law.temperature_c.max(), 61)
    time = np.full(61, law.references["time_reference_s"])
    return (x, *law.evaluate(values, time, x))


def simulate_retention(
    model: FittedModel, devices: int, reads: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices and read them over time, or after bakes at rising temperature.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_retention`.
    devices, reads : int
        How many devices, and reads of each after the first.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        A tidy frame. Initial conductances follow those of the fit; changes are normal. Over time
        they are one process with independent increments; bakes are independent. Conductances are
        kept above 1 nS.
    """
    law = Law.of(model.population)
    levels = np.array(model.population["initial_siemens"])
    first = np.interp(rng.random(devices), np.linspace(0, 1, len(levels)), levels)
    conditions = pd.DataFrame(model.population["conditions"])
    if law.name == "log_time":
        times = np.geomspace(conditions["time_s"].min(), conditions["time_s"].max(), reads)
        temperatures = np.full(reads, float(conditions["temperature_c"].iloc[0]))
    else:
        times = np.full(reads, float(np.exp(np.log(conditions["time_s"]).mean())))
        ends = conditions["temperature_c"].min(), conditions["temperature_c"].max()
        temperatures = np.linspace(*ends, reads)
    walk, variance = np.zeros(devices), np.zeros(devices)
    parts: list[pd.DataFrame] = []
    for time, temperature in zip(times, temperatures, strict=True):
        mean, sigma = predict_change(model, first, time, temperature)
        if law.name == "log_time":
            walk = walk + np.sqrt(np.maximum(sigma**2 - variance, 0)) * rng.standard_normal(devices)
            variance = np.maximum(variance, sigma**2)
            change = mean + walk
        else:
            change = mean + sigma * rng.standard_normal(devices)
        start = [(0.0, first)] if law.name == "arrhenius" or not parts else []
        for moment, g in [*start, (time, first + change)]:
            columns = {"device": np.arange(1, devices + 1), "time_s": moment}
            columns |= {"temperature_c": temperature, "resistance_ohm": 1 / np.maximum(g, 1e-9)}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _fit_cells(
    data: Changes, inside: NDArray[np.bool_], weights: Floats, law: Law
) -> dict[str, Any]:
    one = np.ones((1, len(data.change)))
    count, mean, sigma = moments(data.change, inside, one)
    _, means, sigmas = moments(data.change, inside, weights)
    errors = (np.nanstd(means, axis=0, ddof=1), np.nanstd(sigmas, axis=0, ddof=1))
    values = law.fit(mean, sigma, errors)
    spread = law.fit(means, sigmas, errors)
    parameters: dict[str, Any] = {}
    undetermined: list[str] = []
    for name, unit in law.units.items():
        draws = spread[name]
        low, high = expanded_percentiles(draws, len(data.change))
        value = float(values[name][0])
        if not law.determined(name, low, high):
            undetermined.append(name)
        parameters[name] = {
            "value": value, "low": float(min(low, value)), "high": float(max(high, value)),
            "unit": unit, "standard_error": float(np.nanstd(draws, ddof=1)),
        }  # fmt: skip
    shift = parameters.get("shift_activated_siemens")
    if shift is not None and shift["low"] * shift["high"] <= 0:
        # Without a shift there is no energy to be determined.
        undetermined = [n for n in undetermined if n != "shift_activation_energy_ev"]
    fitted_mean, fitted_sigma = law.evaluate(
        {n: v[0] for n, v in values.items()}, data.time_s, data.temperature_c
    )
    conditions = []
    (low_m, high_m), (low_s, high_s) = (
        np.array([expanded_percentiles(column, len(data.change)) for column in drawn.T]).T
        for drawn in (means, sigmas)
    )
    for i, (t, c) in enumerate(zip(data.time_s, data.temperature_c, strict=True)):
        shape = condition_shape(data.change[inside[:, i], i])
        conditions.append({
            "time_s": float(t), "temperature_c": float(c), "devices": int(count[0, i]),
            "mean_siemens": float(mean[0, i]), "mean_low": float(low_m[i]),
            "mean_high": float(high_m[i]), "sigma_siemens": float(sigma[0, i]),
            "sigma_low": float(low_s[i]), "sigma_high": float(high_s[i]),
            "law_mean_siemens": float(fitted_mean[i]),
            "law_sigma_siemens": float(fitted_sigma[i]), **shape,
        })  # fmt: skip
    off = (sigma[0] - fitted_sigma) / errors[1]
    free = len(off) - law.sigma_parameters
    goodness = {
        "largest_relative_deviation_sigma": float(np.abs(fitted_sigma / sigma[0] - 1).max()),
        "chi2_sigma": float(off @ off),
        "degrees_of_freedom_sigma": free,
        "undetermined": undetermined,
        "remark": _remark(off, free, undetermined),
    }
    return {"parameters": parameters, "conditions": conditions, "goodness": goodness}


def _remark(off: Floats, free: int, undetermined: list[str]) -> str:
    if undetermined:
        return f"the data do not determine {', '.join(undetermined)}: add temperatures or times"
    if free <= 0:
        return "as many conditions as parameters: the law cannot be checked"
    if off @ off / free > 4:
        return "the law describes the trend, not every condition within its error: see conditions"
    return "the law describes the spread at every condition"


def _edges(initial: Floats, ranges: int) -> Floats:
    if ranges == 0:
        return np.array([0.0])
    low, high = np.quantile(initial, [0.005, 0.995])
    edges = np.linspace(low, high, ranges + 1)
    edges[0], edges[-1] = initial.min(), np.nextafter(initial.max(), np.inf)
    return edges
