"""Parameters of the weak-RESET law in SI units, from a fit in units of a reference conductance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rramchar.fitting.model import Parameter
from rramchar.fitting.weak_reset_data import WeakResetData
from rramchar.fitting.weak_reset_estimate import PooledFit

Z = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Given:
    """Values that the user gives instead of the data.

    Parameters
    ----------
    g_min_s, g_max_s : float or None
        Limits of the conductance. [S]
    """

    g_min_s: float | None
    g_max_s: float | None


def si_parameters(
    data: WeakResetData, pooled: PooledFit, given: Given
) -> tuple[dict[str, Parameter], list[str]]:
    """Return the parameters in SI units, one set for all devices.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    pooled : PooledFit
        What was fitted to them.
    given : Given
        What the user knows.

    Returns
    -------
    parameters : dict of str to Parameter
        By the names of `rramchar.fitting.weak_reset`.
    undetermined : list of str
        Those without an estimate; their intervals are limits.
    """
    unit = data.g_ref_s
    covariances = [pooled.covariance, *([] if pooled.robust is None else [pooled.robust])]
    free = pooled.settings.free

    def error(**weights: float) -> float:
        """Standard error of a weighted sum of fitted parameters."""
        if not pooled.maximum.converged[0]:
            return 0.0
        w = np.array([weights.get(name, 0.0) for name in free])
        return float(np.sqrt(max(max(w @ cov @ w for cov in covariances), 0.0)))

    values = pooled.settings.unpack(pooled.maximum.theta[0])
    k = float(values["k"])
    g_max, g_max_error = _g_max(data, given)
    ln_c = float(values["ln_c"]) + k * (g_max - 1)
    ln_c_error = float(np.hypot(error(ln_c=1.0, k=g_max - 1), k * g_max_error))
    g_min, g_min_error, seen = _g_min(data, pooled, given, error(floor=1.0))
    span = g_max - g_min
    beta_error = float(np.hypot(error(k=span), abs(k) * np.hypot(g_max_error, g_min_error)))
    out = {"C_pulse": _log_normal(ln_c, ln_c_error, "S", unit)}
    timed = np.isfinite(data.t_ref_s)
    out = {"C": _log_normal(ln_c, ln_c_error, "S/s" if timed else "S/pulse",
                            unit / (data.t_ref_s if timed else 1.0)), **out}  # fmt: skip
    out["slope"] = _normal(k, error(k=1.0), "1/S", 1 / unit)
    out["beta"] = _normal(k * span, beta_error, "1", 1.0)
    out["eta"] = _log_normal(float(values["ln_eta"]), error(ln_eta=1.0), "S", unit)
    out["Gmin"] = _normal(g_min, g_min_error, "S", unit)
    out["Gmax"] = _normal(g_max, g_max_error, "S", unit)
    undetermined = [name for name in ("slope", "C", "eta") if not pooled.maximum.converged[0]]
    if not seen:
        undetermined += ["Gmin", "beta"]
        out["beta"] = beta_limits(out["slope"], g_min * unit, g_max * unit)
        out["Gmin"] = Parameter(g_min * unit, 0.0, g_min * unit, "S")
    if given.g_max_s is None and (data.sequences.first_pulse > 0).any():
        undetermined.append("Gmax")
    _add_noise_and_pulse(out, data, pooled, error, undetermined)
    return out, undetermined


def _add_noise_and_pulse(
    out: dict[str, Parameter], data: WeakResetData, pooled: PooledFit,
    error: Callable[..., float], undetermined: list[str],
) -> None:  # fmt: skip
    unit = data.g_ref_s
    ln_r = pooled.value("ln_r")
    if ln_r is not None:
        out["read_noise"] = _log_normal(ln_r, error(ln_r=1.0), "S", unit)
    else:
        out["read_noise"] = Parameter(0.0, 0.0, (pooled.read_noise_below or 0.0) * unit, "S")
    if np.isfinite(data.v_ref_v):
        out["v_ref"] = Parameter(data.v_ref_v, data.v_ref_v, data.v_ref_v, "V")
    if np.isfinite(data.t_ref_s):
        out["t_ref"] = Parameter(data.t_ref_s, data.t_ref_s, data.t_ref_s, "s")
    scale = pooled.value("ln_v_scale")
    if scale is not None:
        out["v_s"] = _log_normal(scale, error(ln_v_scale=1.0), "V", 1.0)
        if not error(ln_v_scale=1.0) < 1.0:
            undetermined.append("v_s")
    for key, name in (("exponent", "width_exponent"), ("noise_exponent", "noise_exponent")):
        exponent = pooled.value(key)
        if exponent is not None:
            out[name] = _normal(exponent, error(**{key: 1.0}), "1", 1.0)


def _g_max(data: WeakResetData, given: Given) -> tuple[float, float]:
    if given.g_max_s is not None:
        return given.g_max_s / data.g_ref_s, 0.0
    first = data.first_conductances()
    if len(first) < 2:
        return float(first.mean()), 0.0
    # Few devices: the interval is that of Student's t.
    wider = float(stats.t.ppf(0.975, len(first) - 1)) / Z
    return float(first.mean()), wider * float(first.std(ddof=1) / np.sqrt(len(first)))


def _g_min(
    data: WeakResetData, pooled: PooledFit, given: Given, fitted_error: float
) -> tuple[float, float, bool]:
    """Return Gmin, its error, and whether the data (or the user) determine it."""
    if given.g_min_s is not None:
        return given.g_min_s / data.g_ref_s, 0.0, True
    floor = pooled.value("floor")
    if floor is not None:
        return floor, fitted_error, True
    hard = data.filter_data.hard_floor
    if np.isfinite(hard).any():
        floors = hard[np.isfinite(hard)]
        error = float(floors.std(ddof=1) / np.sqrt(len(floors))) if len(floors) > 1 else 0.0
        return float(floors.mean()), error, True
    return float(np.nanmin(data.filter_data.g)), 0.0, False


def _normal(value: float, error: float, unit: str, factor: float) -> Parameter:
    ends = sorted(((value - Z * error) * factor, (value + Z * error) * factor))
    return Parameter(value * factor, ends[0], ends[1], unit, error * abs(factor))


def _log_normal(value: float, error: float, unit: str, factor: float) -> Parameter:
    error = min(error, 100.0)
    centre = float(np.exp(value)) * factor
    ends = (centre * float(np.exp(-Z * error)), centre * float(np.exp(Z * error)))
    return Parameter(centre, *ends, unit, centre * error)


def beta_limits(slope: Parameter, g_min_s: float, g_max_s: float) -> Parameter:
    """Return beta where Gmin is only known to lie between 0 and a value.

    Parameters
    ----------
    slope : Parameter
        beta / (Gmax - Gmin). [1/S]
    g_min_s, g_max_s : float
        Largest possible Gmin, and Gmax. [S]

    Returns
    -------
    Parameter
        Limits, not an estimate.
    """
    ends = [end * span for end in (slope.low, slope.high) for span in (g_max_s - g_min_s, g_max_s)]
    return Parameter(slope.value * (g_max_s - g_min_s), min(ends), max(ends), "1")
