"""Lognormal model of cycled resistances with device-to-device and cycle-to-cycle spread.

``log10 R = log10 median + a[device] + e[reading]`` for each state, ``a`` and ``e`` normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from rramchar.errors import InputError
from rramchar.fitting.clusters import (
    Clusters,
    bootstrap,
    expanded_percentiles,
    group,
    quantiles,
    spread_ranges,
    spreads,
)
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.measured.schema import STATES, check_states
from rramchar.measured.synthetic import StateSpread, draw_cycling

MODEL_NAME = "resistance_lognormal"

# Deviations from a normal log10 R that matter for a bit error rate, whatever the sample size.
_KS_LIMIT, _SKEWNESS_LIMIT, _KURTOSIS_LIMIT = 0.05, 0.5, 0.5

Floats = NDArray[np.float64]


def fit_resistance_lognormal(
    frame: pd.DataFrame,
    *,
    seed: int = 0,
    resamples: int = 2000,
    provenance: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Fit each state of cycled devices.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame (see `rramchar.measured.schema`); a state that is absent is left out. At least
        two devices, one of them with two readings of the state.
    seed : int
        Seed of the bootstrap.
    resamples : int
        Bootstrap resamples, at least 100.
    provenance : mapping, optional
        Kept in the model, see `rramchar.provenance.provenance`.

    Returns
    -------
    FittedModel
        Parameters for each state s in lrs, hrs, with 95 % intervals over devices: of standard
        deviations by `rramchar.fitting.clusters.spread_ranges`, of the others by a bootstrap:

        - ``s_median_ohm``, ``s_geometric_mean_ohm``: of all readings. [ohm]
        - ``s_sigma_log10``: standard deviation of log10 R of all readings. [decade]
        - ``s_sigma_d2d_log10``, ``s_sigma_c2c_log10``: variance components (ANOVA). [decade]
        - ``s_sigma_of_means_log10``: standard deviation of the devices' means. [decade]
        - ``s_sigma_within_log10``: mean of the devices' own standard deviations. [decade]
        - ``s_sigma_robust_log10``: half the 15.9 to 84.1 % range of log10 R. [decade]

        Goodness of fit for each state: see `describe_fit`.

    Raises
    ------
    InputError
        If the frame is not a tidy frame or has too few devices or cycles.
    """
    check_states(frame)
    if resamples < 100:
        raise InputError(f"resamples: {resamples}, expected at least 100")
    if seed < 0:
        raise InputError(f"seed: {seed}, expected a whole number from 0")
    parameters: dict[str, Parameter] = {}
    population: dict[str, Any] = {}
    goodness: dict[str, Any] = {}
    streams = np.random.SeedSequence(seed).spawn(len(STATES))
    for state, stream in zip(STATES, streams, strict=True):
        rows = frame[(frame["state"] == state).to_numpy(dtype=bool)]
        if rows.empty:
            continue
        logs = np.log10(rows["resistance_ohm"].to_numpy(dtype=float))
        labels = pd.factorize(rows["device"])[0]
        check_enough(labels, state)
        clusters = group(logs, labels)
        fitted = estimate_state(logs, clusters, resamples, np.random.default_rng(stream))
        parameters |= {f"{state}_{name}": parameter for name, parameter in fitted.items()}
        population[state] = {
            "distribution": "lognormal",
            "median_ohm": fitted["median_ohm"].value,
            "sigma_log10": fitted["sigma_d2d_log10"].value,
            "devices": clusters.devices,
        }
        goodness[state] = describe_fit(logs, clusters)
    return FittedModel(
        name=MODEL_NAME,
        parameters=parameters,
        population=population,
        goodness=goodness,
        provenance={**(provenance or {}), "seed": seed, "resamples": resamples},
    )


def simulate_resistance(model: FittedModel, devices: int, cycles: int, seed: int) -> pd.DataFrame:
    """Draw cycled resistances from a fitted model.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_resistance_lognormal` from data with both states.
    devices, cycles : int
        How many of each, from 1.
    seed : int
        The same seed gives the same readings.

    Returns
    -------
    DataFrame
        A tidy frame, drawn without clipping around the fitted medians. [ohm]
    """
    if model.name != MODEL_NAME:
        raise InputError(f"model {model.name!r} cannot be drawn here; expected {MODEL_NAME!r}")
    spread = {
        state: StateSpread(
            median_ohm=model.value(f"{state}_median_ohm"),
            sigma_d2d_log10=model.value(f"{state}_sigma_d2d_log10"),
            sigma_c2c_log10=model.value(f"{state}_sigma_c2c_log10"),
        )
        for state in STATES
    }
    return draw_cycling(devices, cycles, seed, **spread, clip_ohm=(0.0, np.inf))


def quantile_points(values: Floats) -> tuple[Floats, Floats]:
    """Return the points of a normal quantile plot; a lognormal sample lies on a straight line.

    Parameters
    ----------
    values : array, shape (n,)
        Resistances, finite and above 0. [ohm]

    Returns
    -------
    log10_r : array, shape (n,)
        Sorted. [decade]
    quantile : array, shape (n,)
        Standard normal quantile of the plotting position ``(i - 0.5) / n``. [1]
    """
    values = np.asarray(values, dtype=float).ravel()
    if not values.size or not (np.isfinite(values) & (values > 0)).all():
        raise InputError(
            "quantile_points: expected at least one resistance, all finite and above 0"
        )
    positions = (np.arange(values.size) + 0.5) / values.size
    return np.sort(np.log10(values)), special.ndtri(positions)


def quantile_band(
    log10_r: Floats, labels: NDArray[np.int64], seed: int = 0, resamples: int = 400
) -> tuple[Floats, Floats, Floats]:
    """Return a pointwise 95 % band of empirical quantiles, from a bootstrap over devices.

    Parameters
    ----------
    log10_r : array, shape (readings,)
        [decade]
    labels : array of int, shape (readings,)
        Device of each reading, from 0.
    seed, resamples : int
        Of the bootstrap.

    Returns
    -------
    z, low, high : array, shape (levels,)
        Normal scores of the levels [1], and the band of log10 R there [decade].
    """
    clusters = group(log10_r, labels)
    reach = min(3.5, float(-special.ndtri(1.0 / len(log10_r))))
    z = np.linspace(-reach, reach, 61)
    rng, k = np.random.default_rng(seed), clusters.devices
    weights = rng.multinomial(k, np.full(k, 1 / k), size=resamples).astype(float)
    drawn = quantiles(clusters, weights, tuple(special.ndtr(z)))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return z, low, high


def describe_fit(logs: Floats, clusters: Clusters) -> dict[str, Any]:
    """Tell how well one lognormal describes all readings of a state.

    Readings of one device are not independent, so limits that depend on the sample size use the
    effective size ``N / (1 + (n - 1) ICC)``, with the intraclass correlation
    ``ICC = d2d^2 / (d2d^2 + c2c^2)``. No p value is given: with many readings every real
    distribution is told apart from a lognormal; what counts is by how much.

    Parameters
    ----------
    logs : array, shape (readings,)
        log10 R. [decade]
    clusters : Clusters
        The same readings by device.

    Returns
    -------
    dict
        ``readings``, ``devices``, ``effective_readings``, ``ks_distance`` (Kolmogorov-Smirnov
        distance to the normal with the same mean and standard deviation) [1], ``skewness`` and
        ``excess_kurtosis`` of log10 R [1], ``lognormal`` (bool) and ``remark``.
    """
    estimate = {key: float(value[0]) for key, value in spreads(clusters).items()}
    effective = _effective_size(clusters, estimate)
    facts: dict[str, Any] = {
        "readings": int(clusters.count.sum()),
        "devices": clusters.devices,
        "effective_readings": effective,
    }
    if estimate["sigma"] <= 1e-12 * max(1.0, abs(estimate["mean"])):
        shape = {"ks_distance": 0.0, "skewness": 0.0, "excess_kurtosis": 0.0}
        return {**facts, **shape, "lognormal": True, "remark": "all readings are equal"}
    z = (logs - estimate["mean"]) / estimate["sigma"]
    ks = float(stats.kstest(z, "norm", method="asymp").statistic)
    skewness, kurtosis = float(stats.skew(z)), float(stats.kurtosis(z))
    faults = []
    if ks > max(_KS_LIMIT, 1.36 / np.sqrt(effective)):
        faults.append("distance")
    if abs(skewness) > max(_SKEWNESS_LIMIT, 2 * np.sqrt(6 / effective)):
        faults.append("skewness")
    if abs(kurtosis) > max(_KURTOSIS_LIMIT, 2 * np.sqrt(24 / effective)):
        faults.append("longer tails" if kurtosis > 0 else "shorter tails")
    remark = "a lognormal describes the readings"
    if faults:
        remark = (
            f"a lognormal describes the readings badly ({', '.join(faults)}); do not extrapolate "
            "its tails to error rates, count errors instead"
        )
    return {
        **facts,
        "ks_distance": ks,
        "skewness": skewness,
        "excess_kurtosis": kurtosis,
        "lognormal": not faults,
        "remark": remark,
    }


def estimate_state(
    logs: Floats, clusters: Clusters, resamples: int, rng: np.random.Generator
) -> dict[str, Parameter]:
    """Estimate median and spreads of one state with intervals over devices.

    Parameters
    ----------
    logs : array, shape (readings,)
        log10 R. [decade]
    clusters : Clusters
        The same readings by device.
    resamples : int
        Bootstrap resamples.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    dict of str to Parameter
        The names of `fit_resistance_lognormal` without the state.
    """
    point = {key: float(value[0]) for key, value in spreads(clusters).items()}
    means, places = bootstrap(clusters, resamples, rng)
    below, median, above = np.quantile(logs, stats.norm.cdf([-1.0, 0.0, 1.0]))

    def interval(estimate: float, sample: Floats, unit: str, transform: bool) -> Parameter:
        ends = expanded_percentiles(sample, clusters.devices)
        values = np.array([estimate, *ends])
        spread = 10.0**sample if transform else sample
        values = 10.0**values if transform else values
        error = float(np.nanstd(spread, ddof=1))
        value, low, high = (float(v) for v in values)
        return Parameter(value, low, high, unit, error)

    fitted = {
        "median_ohm": interval(float(median), places[:, 1], "ohm", True),
        "geometric_mean_ohm": interval(point["mean"], means, "ohm", True),
    }
    for key, found in spread_ranges(clusters).items():
        if key != "icc":
            fitted[f"{key}_log10"] = Parameter(
                found.value, found.low, found.high, "decade", found.error
            )
    robust = (places[:, 2] - places[:, 0]) / 2
    fitted["sigma_robust_log10"] = interval(float(above - below) / 2, robust, "decade", False)
    return fitted


def _effective_size(clusters: Clusters, estimate: Mapping[str, float]) -> float:
    d2d, c2c = estimate["sigma_d2d"] ** 2, estimate["sigma_c2c"] ** 2
    correlation = d2d / (d2d + c2c) if d2d + c2c > 0 else 0.0
    total = float(clusters.count.sum())
    per_device = float((clusters.count**2).sum()) / total
    return total / (1 + (per_device - 1) * correlation)


def check_enough(labels: NDArray[np.int64], state: str) -> None:
    """Refuse readings that cannot tell device-to-device from cycle-to-cycle spread.

    Parameters
    ----------
    labels : array of int, shape (readings,)
        Device of each reading, from 0.
    state : str
        For the message.

    Raises
    ------
    InputError
        With fewer than two devices, or one reading per device.
    """
    counts = np.bincount(labels)
    if len(counts) < 2:
        raise InputError(
            f"{state}: readings of {len(counts)} device, expected at least 2 to tell the spread "
            "from device to device; add devices"
        )
    if counts.max() < 2:
        raise InputError(
            f"{state}: one reading per device, expected at least 2 cycles to tell cycle-to-cycle "
            "from device-to-device spread; add cycles"
        )
