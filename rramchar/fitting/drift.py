r"""Fit of the weak-RESET model of arXiv:2107.06064: kinked line in ln R, 1/f and telegraph noise.

The model is in `rramchar.devices.piecewise_drift`. Each device's line, telegraph step and path are
estimated together (`rramchar.fitting.drift_estimate`); the distributions over devices take into
account how well each device is known (`rramchar.fitting.population`). Every sequence of pulses
counts as a device of its own.
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
from rramchar.fitting.drift_estimate import (
    LEAST_OVER_ALPHA,
    DriftEstimates,
    estimate_devices,
)
from rramchar.fitting.drift_lines import kink_grid
from rramchar.fitting.drift_population import drift_population
from rramchar.fitting.drift_rates import fit_rates
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.sequences import PulseSequences, pulse_sequences

MODEL_NAME = "weak_reset_arxiv2107"
UNITS = {"m1": "1/pulse", "t_star": "pulse", "c1": "1", "m2": "1/pulse", "R0": "ohm"}
_LEAST_PULSES = 80
_SETTLED = 0.95  # share of devices whose estimate must settle

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DeviceValues:
    """What each device's own record says of its parameters.

    Parameters
    ----------
    value, error : dict of str to array, shape (devices,)
        Of ``c1, m1, m2, rtn_amplitude``; means over the places where the kink may be.
    kink_log_weight : array, shape (devices, kinks)
        ln of the likelihood of the kink's place on `kink_grid`.
    kink, kink_error : array, shape (devices,)
        The best place and its error. [pulse]
    """

    value: dict[str, Floats]
    error: dict[str, Floats]
    kink_log_weight: Floats
    kink: Floats
    kink_error: Floats


@dataclass(frozen=True)
class DriftFit:
    """A fitted model with what its figures need.

    Parameters
    ----------
    model : FittedModel
        Parameters, population, goodness.
    log_ratio : array, shape (devices, pulses)
        ln(R / R0) from pulse 1 on; NaN after the end of a record.
    r0_ohm : array, shape (devices,)
        Reading before the first pulse. [ohm]
    estimates : DriftEstimates
        Line and telegraph of each device.
    whitened : array, shape (devices, pulses)
        Residuals as white noise of unit variance.
    per_device : DataFrame
        One row per device, with standard errors.
    """

    model: FittedModel
    log_ratio: Floats
    r0_ohm: Floats
    estimates: DriftEstimates
    whitened: Floats
    per_device: pd.DataFrame


def fit_weak_reset_arxiv2107(
    frame: pd.DataFrame,
    *,
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
    source: str = "frame",
) -> DriftFit:
    """Fit the piecewise drift model to resistances over weak RESET pulses.

    Parameters
    ----------
    frame : DataFrame
        Tidy frame with ``device, pulse, resistance_ohm``, read after every pulse. A record is used
        up to its first gap.
    provenance : mapping, optional
        Kept in the model.
    progress : callable, optional
        Called with the number of devices that are finished.
    source : str
        File name for messages.

    Returns
    -------
    DriftFit
        The model's parameters, with 95 % intervals: ``alpha`` (1/f amplitude of the middle device)
        [1], ``p_up``, ``p_down`` (telegraph, per pulse) [1], ``rtn_amplitude_max`` (end of the
        uniform distribution of steps in ln R) [1], and of ``m1, t_star, c1, m2, R0`` what describes
        their distributions: ``m1_scale, t_star_median, t_star_sigma, c1_mean, c1_sd, m2_scale,
        R0_mean, R0_sd``. ``population`` has them with bounds. What the data do not determine is
        named in ``goodness["undetermined"]``.

    Raises
    ------
    InputError
        If the frame cannot be used, or has fewer than three devices with 80 pulses.
    """
    sequences = pulse_sequences(frame, source)
    y, r0, names, cut = _log_ratios(sequences, source)
    estimates = estimate_devices(y, progress)
    values = device_values(estimates, y)
    known_r0 = bool((sequences.first_pulse == 0).all())
    rates = fit_rates(estimates, values, np.isfinite(y).sum(axis=1))
    population = drift_population(values, estimates, r0, np.isfinite(y).sum(axis=1), rates)
    undetermined = [*rates.undetermined, *([] if known_r0 else ["R0", "c1"])]
    undetermined += [
        f"{name}_{field}"
        for name, spec in population.items()
        if spec.get("open")
        for field in ("mean", "sd", "median", "sigma")
        if field in spec
    ]
    failed = [
        f"population of {name}: no maximum of the likelihood"
        for name, spec in population.items()
        if spec.get("converged") is False
    ]
    if estimates.settled.mean() < _SETTLED:
        failed.append(
            f"telegraph of {int((~estimates.settled).sum())} devices: path and line did not settle"
        )
    whitened = estimates.whitened(y)
    model = FittedModel(
        name=MODEL_NAME,
        parameters=_parameters(rates.parameters, population),
        population=population,
        goodness=_goodness(sequences, y, cut, estimates, whitened, undetermined, failed),
        provenance=dict(provenance or {}),
        converged=not failed,
    )
    table = _per_device(names, r0, estimates, values)
    return DriftFit(model, y, r0, estimates, whitened, table)


def device_values(estimates: DriftEstimates, y: Floats) -> DeviceValues:
    """Return each device's parameters and errors, averaged over where its kink may be.

    Parameters
    ----------
    estimates : DriftEstimates
        Of the same readings.
    y : array, shape (devices, pulses)
        ln(R / R0).

    Returns
    -------
    DeviceValues
    """
    lines, variance = estimates.lines, estimates.alpha**2
    loglik = -0.5 * (lines.grid_square - lines.square[:, None]) / variance
    top = loglik.max(axis=1, keepdims=True)
    weight = np.exp(loglik - top)
    weight /= weight.sum(axis=1, keepdims=True)
    sharp = 1 / (weight**2).sum(axis=1) < 3  # the kink is known to a step of the grid or better
    inverse = np.linalg.pinv(lines.information, hermitian=True)
    errors = np.sqrt(np.maximum(np.einsum("dii->di", inverse) * variance, 0.0))
    value, error = {}, {}
    for i, name in enumerate(("c1", "m1", "m2", "rtn_amplitude")):
        each = lines.grid_linear[:, :, i]
        mean = (weight * each).sum(axis=1)
        second = (weight * (each**2 + variance * lines.grid_inverse[:, :, i])).sum(axis=1)
        value[name] = np.where(sharp, lines.theta[:, i], mean)
        error[name] = np.where(sharp, errors[:, i], np.sqrt(np.maximum(second - mean**2, 0.0)))
    grid = kink_grid(int(np.isfinite(y).sum(axis=1).max()))
    spread = np.maximum(errors[:, 4] / lines.theta[:, 4], np.log(grid[1] / grid[0]) / 2)
    precise = -0.5 * ((np.log(grid) - np.log(lines.theta[:, [4]])) / spread[:, None]) ** 2
    kink_weight = np.where(sharp[:, None], precise, loglik)
    return DeviceValues(value, error, kink_weight, lines.theta[:, 4], errors[:, 4])


def _log_ratios(
    sequences: PulseSequences, source: str
) -> tuple[Floats, Floats, NDArray[np.object_], int]:
    """Return ln(R / R0), R0, names, and how many readings lie behind a gap."""
    resistance = sequences.resistance_ohm
    gap = ~np.isfinite(resistance)
    whole = np.where(gap.any(axis=1), gap.argmax(axis=1), resistance.shape[1])
    behind = np.arange(resistance.shape[1]) >= whole[:, None]
    cut = int((np.isfinite(resistance) & behind).sum())
    good = whole > _LEAST_PULSES
    if good.sum() < 3:
        raise InputError(
            f"{source}: {int(good.sum())} sequences with readings after {_LEAST_PULSES} pulses in "
            "a row, expected at least 3"
        )
    logs = np.log(np.where(behind, np.nan, resistance))[good]
    r0 = np.exp(logs[:, 0])
    y = (logs - logs[:, :1])[:, 1 : int(whole[good].max())]
    names = sequences.devices[sequences.device[good]]
    return y, r0, names, cut


def _parameters(rates: dict[str, Parameter], population: Mapping[str, Any]) -> dict[str, Parameter]:
    middle = population["alpha"]["median"]
    out = {"alpha": Parameter(middle["value"], middle["low"], middle["high"], "1"), **rates}
    for name, unit in UNITS.items():
        for field in ("mean", "sd", "median", "sigma", "scale"):
            if field in population[name]:
                entry = population[name][field]
                out[f"{name}_{field}"] = Parameter(
                    entry["value"], entry["low"], entry["high"], "1" if field == "sigma" else unit
                )
    return out


def _goodness(
    sequences: PulseSequences, y: Floats, cut: int, estimates: DriftEstimates, whitened: Floats,
    undetermined: list[str], failed: list[str],
) -> dict[str, Any]:  # fmt: skip
    z = whitened[np.isfinite(whitened)]
    correlation = _lag_one(whitened)
    left_out = dict(sequences.left_out)
    if cut:
        left_out["readings behind a gap"] = cut
    parts = []
    if abs(correlation) > 0.1:
        parts.append(f"the noise is not the 1/f noise of the model (whitened, neighbouring "
                     f"residuals correlate by {correlation:+.2f})")  # fmt: skip
    kurtosis = float(stats.kurtosis(z))
    if abs(kurtosis) > 1:
        parts.append(f"the noise is not normal (excess kurtosis {kurtosis:.1f})")
    return {
        "devices": len(y),
        "readings": int(np.isfinite(y).sum()),
        "left_out": left_out,
        "telegraph_devices": int(estimates.telegraph.sum()),
        "least_telegraph_step": LEAST_OVER_ALPHA * estimates.alpha,
        "devices_not_settled": int((~estimates.settled).sum()),
        "residual_autocorrelation": correlation,
        "residual_skewness": float(stats.skew(z)),
        "residual_excess_kurtosis": kurtosis,
        "ks_distance": float(stats.kstest(z, "norm", method="asymp").statistic),
        "undetermined": undetermined,
        "failed": failed,
        "remark": "; ".join(parts) or "line, telegraph and 1/f noise describe the readings",
    }


def _lag_one(whitened: Floats) -> float:
    a, b = whitened[:, :-1], whitened[:, 1:]
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _per_device(
    names: NDArray[np.object_], r0: Floats, estimates: DriftEstimates, values: DeviceValues
) -> pd.DataFrame:
    table: dict[str, Any] = {"device": names, "r0_ohm": r0}
    for name in ("m1", "c1", "m2"):
        table[name], table[f"{name}_error"] = values.value[name], values.error[name]
    table["t_star"], table["t_star_error"] = values.kink, values.kink_error
    seen = estimates.telegraph
    table["rtn_amplitude"] = np.where(seen, values.value["rtn_amplitude"], np.nan)
    table["alpha"] = np.sqrt(estimates.lines.square / estimates.freedom)
    table["settled"] = estimates.settled
    return pd.DataFrame(table)
