"""What ties readings together: drift over cycles, correlation of paired devices and of states.

References
----------
C. D. Cameron, D. L. Miller, "A practitioner's guide to cluster-robust inference", J. Hum. Resour.
50 (2015) 317 (fixed effects, standard errors over clusters).
R. A. Fisher, "On the probable error of a coefficient of correlation deduced from a small sample",
Metron 1 (1921) 3 (the scale on which a correlation is nearly normal).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rramchar.fitting.clusters import jackknife
from rramchar.fitting.model import Parameter

Floats = NDArray[np.float64]
_LARGEST = 0.999  # correlation up to which Fisher's z is used


def fit_drift(values: Floats, cycles: Floats, labels: NDArray[np.int64]) -> Parameter | None:
    """Fit the slope of log10 R over the logarithm of the cycle number, within devices.

    ``log10 R[device, cycle] = level[device] + slope log10(cycle) + e`` by least squares; the
    interval takes readings of one device as dependent (Student's t over devices).

    Parameters
    ----------
    values : array, shape (readings,)
        log10 R. [decade]
    cycles : array, shape (readings,)
        Cycle numbers; a reading at cycle 0 is left out.
    labels : array of int, shape (readings,)
        Device of each reading, from 0.

    Returns
    -------
    Parameter or None
        Decades of resistance per decade of cycles; None with fewer than two devices that were
        cycled over at least three cycles.
    """
    keep = cycles > 0
    if keep.sum() < 3 or len(np.unique(cycles[keep])) < 3:
        return None
    x, y, who = np.log10(cycles[keep]), values[keep], pd.factorize(labels[keep])[0]
    x, y = x - _device_means(x, who), y - _device_means(y, who)
    lever = float(x @ x)
    used = int((np.bincount(who, weights=x**2) > 0).sum())
    if lever <= 0 or used < 2:
        return None
    slope = float(x @ y) / lever
    sums = np.bincount(who, weights=x * (y - slope * x))
    error = float(np.sqrt((sums**2).sum() * used / (used - 1)) / lever)
    half = float(stats.t.ppf(0.975, used - 1)) * error
    return Parameter(slope, slope - half, slope + half, "decade/decade", error)


def correlations(scores: Mapping[str, Floats]) -> dict[str, Parameter]:
    """Correlate levels and deviations: within pairs of devices, and between the two states.

    Devices 2i and 2i + 1 are a pair, as in a 2T2R cell, and exchangeable, so that their
    correlations are intraclass ones. Correlations of devices' levels are freed of the noise in
    their means: ``cov(means) / (var(means) - c2c^2 / n)``.

    Parameters
    ----------
    scores : mapping of str to array, shape (devices, cycles)
        For each state the normal scores, NaN where there is no reading; rows in the order of the
        chip, the same for all states.

    Returns
    -------
    dict of str to Parameter
        Those that the data determine [1], with intervals from a jackknife of Fisher's z over pairs
        or devices: ``s_pair_correlation_d2d`` (levels of the two devices
        of a pair), ``s_pair_correlation_c2c`` (their deviations in the same cycle) for each state
        s; with two states ``lrs_hrs_correlation_d2d`` (levels of the same device) and
        ``pair_correlation_lrs_hrs`` (one device's LRS and its partner's HRS in the same cycle).
    """
    moments: dict[str, Floats] = {}
    levels = {state: _levels(wide) for state, wide in scores.items()}
    for state, wide in scores.items():
        even, odd = _halves(levels[state].T)
        rest_even, rest_odd = _halves(wide - levels[state][0][:, None])
        moments[f"{state}_pair_correlation_d2d"] = _symmetric(
            even[:, :1], odd[:, :1], even[:, 1], odd[:, 1]
        )
        none = np.zeros(len(rest_even))
        moments[f"{state}_pair_correlation_c2c"] = _symmetric(rest_even, rest_odd, none, none)
    if {"lrs", "hrs"} <= set(scores):
        low, high = levels["lrs"], levels["hrs"]
        moments["lrs_hrs_correlation_d2d"] = _sums(
            low[0][:, None], high[0][:, None], low[1], high[1]
        )
        (a, b), (c, d) = _halves(scores["lrs"]), _halves(scores["hrs"])
        none = np.zeros(len(a))
        moments["pair_correlation_lrs_hrs"] = _sums(a, d, none, none) + _sums(b, c, none, none)
    found = {name: _over_units(rows) for name, rows in moments.items()}
    return {name: parameter for name, parameter in found.items() if parameter is not None}


def _levels(wide: Floats) -> Floats:
    # Mean of each device and the variance of that mean, shape (2, devices).
    count = np.isfinite(wide).sum(axis=1)
    total = np.nansum(wide, axis=1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    own = np.nansum((wide - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1)
    return np.array([mean, np.where(count > 1, own / np.maximum(count, 1), 0.0)])


def _halves(wide: Floats) -> tuple[Floats, Floats]:
    pairs = len(wide) // 2
    return wide[: 2 * pairs : 2], wide[1 : 2 * pairs : 2]


def _sums(x: Floats, y: Floats, noise_x: Floats, noise_y: Floats) -> Floats:
    # Per unit: sums of xy, x, y, xx, yy over what both have, their number, and the noise in each.
    both = np.isfinite(x) & np.isfinite(y)
    x, y, n = np.where(both, x, 0.0), np.where(both, y, 0.0), both.sum(axis=1)
    parts = [x * y, x, y, x * x, y * y]
    return np.column_stack([*(p.sum(axis=1) for p in parts), n, noise_x * n, noise_y * n])


def _symmetric(x: Floats, y: Floats, noise_x: Floats, noise_y: Floats) -> Floats:
    return _sums(x, y, noise_x, noise_y) + _sums(y, x, noise_y, noise_x)


def _over_units(rows: Floats) -> Parameter | None:
    rows = rows[rows[:, 5] > 0]
    if len(rows) < 4:
        return None
    whole = rows.sum(axis=0)
    value, without = float(_correlation(whole[None])[0]), _correlation(whole - rows)
    if not np.isfinite(value) or not np.isfinite(without).all():
        return None  # a state without spread has no correlation
    if max(abs(value), float(np.abs(without).max())) < _LARGEST:
        error, t = jackknife(np.arctanh(without))
        low, high = np.tanh(np.arctanh(value) + np.array([-t, t]) * error)
        error *= 1 - value**2
    else:  # freed of noise it may pass 1, where there is no z
        error, t = jackknife(without)
        value, low, high = np.clip([value, value - t * error, value + t * error], -1.0, 1.0)
    return Parameter(float(value), float(low), float(high), "1", error)


def _correlation(m: Floats) -> Floats:
    n = m[:, 5]
    mean_x, mean_y = m[:, 1] / n, m[:, 2] / n
    noise_x, noise_y = m[:, 6] / n, m[:, 7] / n
    var_x, var_y = m[:, 3] / n - mean_x**2 - noise_x, m[:, 4] / n - mean_y**2 - noise_y
    # Below a tenth of the noise in the means there is no spread that could be correlated.
    clear = (var_x > np.maximum(0.1 * noise_x, 1e-12)) & (var_y > np.maximum(0.1 * noise_y, 1e-12))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(clear, (m[:, 0] / n - mean_x * mean_y) / np.sqrt(var_x * var_y), np.nan)


def _device_means(values: Floats, labels: NDArray[np.int64]) -> Floats:
    means = np.bincount(labels, weights=values) / np.bincount(labels)
    return np.asarray(means[labels])
