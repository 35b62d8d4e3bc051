r"""Fit of the weak-RESET law of IEDM 2019 (Hirtzlin et al., Fig. 10) by maximum likelihood.

The law and its reference pulse are in `rramchar.devices.weak_reset_law`, the likelihood of the
increments in `rramchar.fitting.weak_reset_filter`.

Only :math:`k = \beta / (G_{max} - G_{min})` and the fall at one conductance follow from the
increments. :math:`G_{max}` is by definition the conductance after a SET, read at pulse 0, and
:math:`G_{min}` is seen only where readings rest at a floor. Without one, Gmin and beta have no
estimate, only limits, and the model names them ``undetermined``; ``slope`` (k) and ``C`` have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.sequences import pulse_sequences
from rramchar.fitting.weak_reset_data import WeakResetData, prepare
from rramchar.fitting.weak_reset_estimate import (
    DeviceFits,
    PooledFit,
    fit_devices,
    fit_pooled,
    innovations,
)
from rramchar.fitting.weak_reset_noise import Level, floor_of_devices, noise_of_devices, with_level
from rramchar.fitting.weak_reset_parameters import Given, si_parameters
from rramchar.fitting.weak_reset_population import (
    devices_differ,
    error_ratio,
    middle_device,
    per_device,
    population_of,
)

MODEL_NAME = "weak_reset_iedm2019"
_FEW = 8  # residuals too few to judge
_SPOKEN = {
    "ln_c": "C", "k": "slope", "ln_eta": "eta", "ln_r": "read_noise", "floor": "Gmin",
    "ln_v_scale": "v_s", "exponent": "width_exponent",
    "noise_exponent": "noise_exponent",
}  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WeakResetFit:
    """A fitted model with what its figures need.

    Parameters
    ----------
    model : FittedModel
        Parameters, population, goodness.
    data : WeakResetData
        The readings.
    pooled : PooledFit
        Parameters of all devices together.
    devices : DeviceFits or None
        Of each device; None for fewer than three devices.
    innovation : array, shape (sequences, places)
        Standardized residuals of the increments, with each device's own parameters.
    per_device : DataFrame
        One row per device: ``device, C, C_ln_error, beta, beta_error, ...`` in SI units.
    """

    model: FittedModel
    data: WeakResetData
    pooled: PooledFit
    devices: DeviceFits | None
    innovation: Floats
    per_device: pd.DataFrame


def fit_weak_reset_iedm2019(
    frame: pd.DataFrame,
    *,
    g_min_s: float | None = None,
    g_max_s: float | None = None,
    v_ref_v: float | None = None,
    t_ref_s: float | None = None,
    integrated: bool = False,
    voltage: str = "v_reset_v",
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
    source: str = "frame",
) -> WeakResetFit:
    """Fit the weak-RESET law to resistances over pulses.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame with ``device, pulse, resistance_ohm`` and, where known, ``v_reset_v,
        pulse_width_s``. Readings are made after each pulse; pulses without a reading are allowed.
    g_min_s, g_max_s : float, optional
        Take these as known. [S]
    v_ref_v, t_ref_s : float, optional
        Pulse for which C is given; the median pulse without. [V], [s]
    integrated : bool
        Integrate the law within each pulse instead of taking one step per pulse; for pulses that
        change the conductance by much.
    voltage : str
        Column with the voltage of the pulses.
    provenance : mapping, optional
        Kept in the model.
    progress : callable, optional
        Called with the number of devices that are finished.
    source : str
        File name for messages.

    Returns
    -------
    WeakResetFit
        The model has, with 95 % intervals, ``C`` (fall per second at Gmax of the reference pulse)
        [S/s], ``C_pulse`` (fall per reference pulse) [S], ``beta`` [1], ``slope`` = beta /
        (Gmax - Gmin) [1/S], ``eta`` [S], ``Gmax``, ``Gmin`` [S], ``read_noise`` [S], ``v_ref`` [V],
        ``t_ref`` [s] and, where the data vary them, ``v_s`` [V], ``width_exponent`` [1] and
        ``noise_exponent`` [1] (the noise of a pulse is eta times its strength to this power).
        Errors are those of the observed information or, where larger, of a sandwich over devices.
        Where a likelihood-ratio test says that devices differ, C, beta, slope and eta are the
        middle of their distributions (``goodness["parameters_of"]``).
        ``goodness["undetermined"]`` names what the data do not determine.

    Raises
    ------
    InputError
        If the frame cannot be used.
    """
    sequences = pulse_sequences(frame, source, voltage)
    for name, value in (("--g-min", g_min_s), ("--g-max", g_max_s)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} {value:g}: expected a conductance above 0 S")
    data = prepare(sequences, v_ref_v, t_ref_s, integrated=integrated)
    if data.sequences.readings < 10:
        raise InputError(
            f"{source}: {data.sequences.readings} readings after pulses, expected at least 10"
        )
    pooled = fit_pooled(data)
    given = Given(g_min_s, g_max_s)
    enough = len(data.starts) >= 3 and bool(pooled.maximum.converged[0])
    devices = fit_devices(data, pooled, progress) if enough else None
    parameters, undetermined = si_parameters(data, pooled, given)
    if devices is not None and devices_differ(pooled, devices):
        pooled, devices = _common_of_devices(data, pooled, devices, parameters)
    resting = innovations(data, pooled, devices)
    floor = parameters["Gmin"].value
    table = per_device(data, devices, floor)
    population = population_of(data, devices, pooled, parameters) if devices is not None else {}
    failed = _failures(pooled, devices, population)
    differ = devices_differ(pooled, devices) and bool(population)
    if differ:
        parameters = middle_device(parameters, population)
    model = FittedModel(
        name=MODEL_NAME,
        parameters=parameters,
        population=population,
        goodness=_goodness(data, pooled, devices, resting, undetermined, failed, given, differ),
        provenance=dict(provenance or {}),
        converged=not failed,
    )
    return WeakResetFit(model, data, pooled, devices, resting, table)


def _common_of_devices(
    data: WeakResetData, pooled: PooledFit, devices: DeviceFits, parameters: dict[str, Parameter]
) -> tuple[PooledFit, DeviceFits]:
    """Estimate read noise and floor anew where devices differ, and the devices with them.

    Changes ``read_noise`` and ``Gmin`` of `parameters`.
    """
    if np.isfinite(data.filter_data.hard_floor).any() or devices.converged.sum() < 3:
        return pooled, devices  # readings without noise, or devices that tell nothing
    unit = data.g_ref_s
    error = max((parameters["Gmin"].standard_error or 0.0) / unit, 1e-6)
    has_floor = pooled.value("floor") is not None
    if has_floor:
        floor = floor_of_devices(data, pooled, devices, error)
        pooled = with_level(pooled, "floor", floor.value)
        devices = fit_devices(data, pooled, start=devices)
    noise = noise_of_devices(data, pooled, devices)
    parameters["read_noise"] = _parameter(noise, unit)
    if noise.value > 0:
        pooled = with_level(pooled, "ln_r", float(np.log(noise.value)))
        devices = fit_devices(data, pooled, start=devices)
    if has_floor and noise.value > 0:
        floor = floor_of_devices(data, pooled, devices, error)
        if parameters["Gmin"].low < parameters["Gmin"].value:  # not given by the user
            parameters["Gmin"] = _parameter(floor, unit)
        pooled = with_level(pooled, "floor", floor.value)
        devices = fit_devices(data, pooled, start=devices)
    return pooled, devices


def _parameter(level: Level, unit: float) -> Parameter:
    return Parameter(level.value * unit, level.low * unit, level.high * unit, "S")


def _failures(
    pooled: PooledFit, devices: DeviceFits | None, population: Mapping[str, Any]
) -> list[str]:
    """Return what did not converge, in words; empty for a fit that did."""
    failed = []
    if not pooled.maximum.converged[0]:
        name = pooled.settings.free[int(pooled.maximum.weakest[0])]
        failed.append(
            f"{_SPOKEN[name]}: the likelihood is flat or has no maximum in its direction; the data "
            "do not tell it"
        )
    if devices is not None and devices.converged.mean() < 0.5:
        failed.append(
            f"C, slope, eta of single devices: {int((~devices.converged).sum())} of "
            f"{len(devices.converged)} devices have too few pulses or none that changes them"
        )
    for name, spec in population.items():
        if isinstance(spec, dict) and spec.get("converged") is False:
            failed.append(f"population of {name}: no maximum of the likelihood")
    return failed


def _goodness(
    data: WeakResetData, pooled: PooledFit, devices: DeviceFits | None, innovation: Floats,
    undetermined: list[str], failed: list[str], given: Given, differ: bool,
) -> dict[str, Any]:  # fmt: skip
    z = innovation[np.isfinite(innovation)]
    change = np.diff(data.filter_data.g, axis=0).T
    loglik, free = float(pooled.maximum.loglik[0]), len(pooled.settings.free)
    fixed = [n for n, v in (("Gmin", given.g_min_s), ("Gmax", given.g_max_s)) if v is not None]
    fixed += [] if "ln_v_scale" in pooled.settings.free else ["v_s"]
    fixed += [] if "exponent" in pooled.settings.free else ["width_exponent"]
    slope = float(pooled.value("k") or 0.0)
    return {
        "devices": len(data.starts),
        "sequences": len(data.sequences.device),
        "readings": data.sequences.readings,
        "left_out": data.sequences.left_out,
        "log_likelihood": loglik,
        "aic": 2 * free - 2 * loglik,
        **_shape(z),
        "residual_autocorrelation": _lag_one(innovation),
        "change_per_pulse_s": float(np.nanmean(-change)) * data.g_ref_s,
        "robust_over_observed_error": error_ratio(pooled),
        "parameters_of": "the middle device" if differ else "all devices together",
        "devices_not_converged": 0 if devices is None else int((~devices.converged).sum()),
        "within_pulse": "integrated" if data.filter_data.integrated else "step",
        "fixed": fixed,
        "undetermined": undetermined,
        "failed": failed,
        "remark": _remark(z, differ, slope),
    }


def _shape(z: Floats) -> dict[str, float | None]:
    """Return how far residuals are from standard normal; None for too few of them."""
    names = ("residual_sd", "residual_skewness", "residual_excess_kurtosis", "ks_distance")
    if len(z) < _FEW or z.std() < 1e-9:
        return dict.fromkeys(names)
    distance = stats.kstest(z, "norm", method="asymp").statistic
    values = (z.std(), stats.skew(z), stats.kurtosis(z), distance)
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _lag_one(innovation: Floats) -> float:
    a, b = innovation[:, 1:-1].ravel(), innovation[:, 2:].ravel()
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or a[both].std() == 0:
        return 0.0
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _remark(z: Floats, differ: bool, slope: float) -> str:
    shape = _shape(z)
    if shape["ks_distance"] is None or shape["residual_excess_kurtosis"] is None:
        return "too few increments away from a floor to judge the law"
    distance, kurtosis = shape["ks_distance"], shape["residual_excess_kurtosis"]
    parts = []
    if slope < 0:
        parts.append("pulses act more at low conductance than at high: the law is not that of "
                     "these data")  # fmt: skip
    if distance > max(0.05, 1.36 / np.sqrt(len(z))):
        parts.append(
            f"increments are not normal around the law (excess kurtosis {kurtosis:.1f}); "
            "intervals and drawn noise are approximate"
        )
    if differ:
        parts.append(
            "devices differ: C, beta and eta are those of the middle device, see population"
        )
    return "; ".join(parts) or "the law with normal noise describes the increments"
