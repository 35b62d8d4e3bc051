"""How the parameters of the weak-RESET law spread from device to device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rramchar.fitting.model import Parameter
from rramchar.fitting.population import NormalEstimates, fit_population
from rramchar.fitting.weak_reset_data import WeakResetData
from rramchar.fitting.weak_reset_estimate import DeviceFits, PooledFit
from rramchar.fitting.weak_reset_parameters import Z, beta_limits

Floats = NDArray[np.float64]

_TREND_SEEN = 8  # devices from which the trend of errors is taken from them
_ALIKE = 1.5  # ratio of errors up to which devices count as alike where no test is possible


def _own_values(data: WeakResetData, devices: DeviceFits, g_min_s: float) -> tuple[Floats, Floats]:
    """Return ln C [ln S/s], beta and ln eta [ln S] of each device, and their covariances."""
    unit, first = data.g_ref_s, data.first_conductances()
    time = data.t_ref_s if np.isfinite(data.t_ref_s) else 1.0
    turn = np.zeros((len(first), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1] = 1.0, first - 1
    turn[:, 1, 1] = first - g_min_s / unit
    turn[:, 2, 2] = 1.0
    values = np.einsum("dij,dj->di", turn, devices.theta) + np.log([unit / time, 1.0, unit])
    # Restricted maximum likelihood: the two parameters of the fall have taken part of the noise.
    # To first order: where eta may as well be 0 there is nothing to add to.
    variance = devices.covariance[:, 2, 2]
    values[:, 2] += np.where(variance < 1, 2 * variance, 0.0)
    return values, turn @ devices.covariance @ turn.transpose(0, 2, 1)


def per_device(data: WeakResetData, devices: DeviceFits | None, g_min_s: float) -> pd.DataFrame:
    """Return the parameters of each device.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    devices : DeviceFits or None
        Fits of the devices; None where there are too few.
    g_min_s : float
        Floor of all devices. [S]

    Returns
    -------
    DataFrame
        One row per device in SI units; its name alone without fits.
    """
    if devices is None:
        return pd.DataFrame({"device": data.sequences.devices})
    values, covariance = _own_values(data, devices, g_min_s)
    error = np.sqrt(np.einsum("dii->di", covariance))
    bounded = np.clip(values, -300, 300)  # a device that tells nothing of one has any value
    return pd.DataFrame(
        {
            "device": data.sequences.devices,
            "C": np.exp(bounded[:, 0]),
            "C_ln_error": error[:, 0],
            "beta": values[:, 1],
            "beta_error": error[:, 1],
            "eta_s": np.exp(bounded[:, 2]),
            "eta_ln_error": error[:, 2],
            "g_max_s": data.first_conductances() * data.g_ref_s,
            "converged": devices.converged,
        }
    )


def population_of(
    data: WeakResetData, devices: DeviceFits, pooled: PooledFit, parameters: dict[str, Parameter]
) -> dict[str, Any]:
    """Return how C, beta, eta and Gmax spread from device to device.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    devices : DeviceFits
        Fits of the devices.
    pooled : PooledFit
        For the noise of the reads.
    parameters : dict of str to Parameter
        For Gmin and the units.

    Returns
    -------
    dict
        Name to distribution, see `rramchar.fitting.population.fit_population`; empty for fewer
        than three devices whose fit converged.
    """
    good = devices.converged
    if good.sum() < 3:
        return {}
    g_min = parameters["Gmin"].value
    values, covariance = (part[good] for part in _own_values(data, devices, g_min))
    error = np.sqrt(np.einsum("dii->di", covariance))
    ln_r = pooled.value("ln_r")
    noise = 0.0 if ln_r is None else float(np.exp(ln_r))
    first_error = noise / np.sqrt(np.bincount(data.sequences.device)[good])
    fitted = {
        name: fit_population(family, _estimates(values[:, i], error[:, i]), unit)
        for i, (name, family, unit) in enumerate(
            (("C", "lognormal", parameters["C"].unit), ("beta", "normal", "1"),
             ("eta", "lognormal", "S"))
        )
    }  # fmt: skip
    first = NormalEstimates(data.first_conductances()[good], first_error)
    fitted["Gmax"] = _scaled(fit_population("normal", first, "S"), data.g_ref_s)
    fitted["Gmax"]["lower"] = g_min  # a device has some range
    for name in ("Gmin", "read_noise"):
        fitted[name] = {"distribution": "constant", **_plain(parameters[name])}
    spread = fitted["C"]["sigma"]["low"] > 0 and fitted["beta"]["sd"]["low"] > 0
    correlation = _correlation(values, covariance) if spread else 0.0
    return {**fitted, "correlation": {"ln_C_beta": correlation}}


def _estimates(value: Floats, error: Floats) -> NormalEstimates:
    """Return estimates with the trend of their errors, where there are devices enough to see it."""
    if len(value) < _TREND_SEEN or value.std() == 0:
        return NormalEstimates(value, error)
    return NormalEstimates(value, error, trend=float(np.polyfit(value, np.log(error), 1)[0]))


def _scaled(spec: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return a normal population in another unit."""
    centre_and_spread = {
        name: {key: value * factor for key, value in spec[name].items()} for name in ("mean", "sd")
    }
    return {**spec, **centre_and_spread}


def _correlation(values: Floats, covariance: Floats) -> float:
    """Return the correlation of ln C and beta over devices, by moments with the noise taken off."""
    real = np.cov(values[:, 0], values[:, 1]) - covariance[:, :2, :2].mean(axis=0)
    if (np.diag(real) <= 0).any():
        return 0.0
    return float(np.clip(real[0, 1] / np.sqrt(np.diag(real).prod()), -0.95, 0.95))


def _plain(parameter: Parameter) -> dict[str, Any]:
    return {"value": parameter.value, "unit": parameter.unit}


def devices_differ(pooled: PooledFit, devices: DeviceFits | None) -> bool:
    """Tell whether the devices differ by more than one set of parameters explains.

    Likelihood-ratio test of own against common ln c, k, ln eta at the 1 % level.

    Parameters
    ----------
    pooled : PooledFit
        One set of parameters for all.
    devices : DeviceFits or None
        One set for each; None where there are too few.

    Returns
    -------
    bool
    """
    if devices is None or not devices.converged.all():
        return error_ratio(pooled) > _ALIKE
    gain = 2 * (float(devices.loglik.sum()) - float(pooled.maximum.loglik[0]))
    return bool(gain > stats.chi2.ppf(0.99, devices.theta.shape[1] * (len(devices.loglik) - 1)))


def error_ratio(pooled: PooledFit) -> float:
    """Return the largest ratio of sandwich to information errors.

    Parameters
    ----------
    pooled : PooledFit
        One set of parameters for all devices.

    Returns
    -------
    float
        About 1 for alike devices. [1]
    """
    if pooled.robust is None or not pooled.maximum.converged[0]:
        return 1.0
    return float(np.sqrt(np.max(np.diag(pooled.robust) / np.diag(pooled.covariance))))


def middle_device(
    parameters: dict[str, Parameter], population: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Return parameters of the middle device: one set for all is biased where devices differ.

    Parameters
    ----------
    parameters : dict of str to Parameter
        One set for all devices.
    population : mapping
        From `population_of`.

    Returns
    -------
    dict of str to Parameter
        With C, beta, slope and eta from the population.
    """
    out = dict(parameters)

    def take(name: str, entry: Mapping[str, float], factor: float = 1.0) -> None:
        value, low, high = (entry[key] * factor for key in ("value", "low", "high"))
        out[name] = Parameter(value, low, high, parameters[name].unit, (high - low) / (2 * Z))

    take("C", population["C"]["median"])
    take("C_pulse", population["C"]["median"], parameters["C_pulse"].value / parameters["C"].value)
    take("eta", population["eta"]["median"])
    g_min, g_max = parameters["Gmin"], parameters["Gmax"]
    span = g_max.value - g_min.value
    take("slope", population["beta"]["mean"], 1 / span)
    take("beta", population["beta"]["mean"])
    if g_min.low == 0.0:  # no floor was seen, see `_parameters`
        out["beta"] = beta_limits(out["slope"], g_min.value, g_max.value)
    return out
