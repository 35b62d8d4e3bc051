"""SET against compliance: ``R_LRS = a / I_c^b``.

A filament grows until the compliance limits it, so that R times I_c is nearly constant: b is close
to 1 in most reports. Where only the word-line voltage is known, the access transistor sets the
current, and the law is ``R_LRS = a / (V_WL - V_T)^b`` with a fitted threshold.

References
----------
D. Ielmini, "Modeling the universal set/reset characteristics of bipolar RRAM by field- and
temperature-driven filament growth", IEEE Trans. Electron Devices 58 (2011) 4309 (R against I_c).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.clusters import group, spread_ranges
from rramchar.fitting.families import FAMILIES
from rramchar.fitting.likelihood import Coordinate, Estimate, maximize
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.readings import Readings, pick, take_readings

Floats = NDArray[np.float64]
MODEL_NAME = "set_law"
AGAINST = ("compliance_a", "v_wl_v")
_REFERENCE = Coordinate("log10_r_ref", "decade")
_EXPONENT = Coordinate("exponent_b", "1")
_OVERDRIVE = Coordinate("overdrive_v", "V", "log")
_BEND = Coordinate("curvature", "1")


def fit_set_law(
    frame: pd.DataFrame,
    *,
    against: str | None = None,
    limits: tuple[float, float] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Fit a power law to resistances after SET by a robust regression in logarithms.

    Residuals follow Student's t distribution, or the normal one where its BIC is smaller, so that
    a few cells that failed to SET do not bend the law. Intervals take readings of one device as
    dependent.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, resistance_ohm`` and `against`; rows of another operation than
        SET are left out. Censored readings enter as such.
    against : str, optional
        ``compliance_a`` or ``v_wl_v``; the first of them that the frame has, without.
    limits : tuple of float, optional
        Lowest and highest value of `against` to use. [A] or [V]
    provenance : mapping, optional
        Kept in the model.

    Returns
    -------
    FittedModel
        ``exponent_b`` [1], ``resistance_ref_ohm`` (at ``population["reference"]``) [ohm], ``a``
        (unit ohm times ampere or volt to the power b), with ``v_wl_v`` also ``v_threshold_v`` [V];
        ``sigma_log10`` of the residuals and, with repeated readings, its parts
        ``sigma_d2d_log10``, ``sigma_c2c_log10`` [decade].
        ``goodness["curvature"]`` is the coefficient of a square term: 0 for a power law.

    Raises
    ------
    InputError
        If the columns are missing, values are not above 0, or `against` does not vary.
    """
    name = against or next((c for c in AGAINST if c in frame.columns), AGAINST[0])
    if name not in AGAINST:
        raise InputError(f"against: {name!r}, expected {' or '.join(AGAINST)}")
    readings = _select(
        take_readings(frame, ("device", "resistance_ohm", name), "fit set-law"), name, limits
    )
    x = readings.frame[name].to_numpy(dtype=float)
    reference = float(np.exp(np.log(x).mean()))
    fits = [
        _fit(readings, x, reference, name, family, bend=False)
        for family in ("lognormal", "student_t")
    ]
    usable = [f for f in fits if f.converged and "degrees_of_freedom" not in f.undetermined]
    fit = min(usable or fits[:1], key=lambda f: f.criteria()["bic"])
    family = "student_t" if fit is fits[1] else "lognormal"
    bent = _fit(readings, x, reference, name, family, bend=True)
    values = dict(zip((c.name for c in fit.coordinates), fit.values, strict=True))
    rest = readings.log10_r - _mean(values, x, reference, name)
    exact = readings.sides == 0
    parameters = _parameters(fit, x, reference, name)
    parameters |= _residuals(rest[exact], readings.labels[exact])
    return FittedModel(
        name=MODEL_NAME,
        parameters=parameters,
        population={
            "against": name,
            "reference": reference,
            "range": [float(x.min()), float(x.max())],
            "residuals": family,
            "theta": {key: float(value) for key, value in values.items()},
        },
        goodness=_goodness(fit, bent, readings, rest[exact], exact),
        provenance=dict(provenance or {}),
        converged=fit.converged,
    )


def predict_set(model: FittedModel, x: Floats) -> Floats:
    """Return the median resistance after SET.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_set_law`.
    x : array
        Compliance [A] or word-line voltage [V], as ``population["against"]`` says.

    Returns
    -------
    array
        [ohm]; NaN at or below a fitted threshold.
    """
    if model.name != MODEL_NAME:
        raise InputError(f"model {model.name!r} is no SET law; expected {MODEL_NAME!r}")
    p = model.population
    theta = {**p["theta"]}
    theta["v_min"] = p["range"][0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return 10.0 ** _mean(theta, np.asarray(x, dtype=float), p["reference"], p["against"])


def simulate_set(
    model: FittedModel, devices: int, cycles: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices, SET at nine conditions over the fitted range, so many cycles at each.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_set_law`.
    devices, cycles : int
        How many of each.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        A tidy frame. Spread is lognormal, with the fitted parts from device to device and from
        cycle to cycle (all from cycle to cycle where the fit could not tell).
    """
    low, high = model.population["range"]
    x = np.geomspace(low, high, 9)
    middle = np.log10(predict_set(model, x))
    known = model.parameters
    d2d = known["sigma_d2d_log10"].value if "sigma_d2d_log10" in known else 0.0
    c2c = known["sigma_c2c_log10" if "sigma_c2c_log10" in known else "sigma_log10"].value
    shape = (devices, len(x), cycles)
    level = d2d * rng.standard_normal((devices, 1, 1))
    logs = middle[None, :, None] + level + c2c * rng.standard_normal(shape)
    device, step, cycle = (index.ravel() for index in np.indices(shape))
    columns = {"device": device + 1, "cycle": step * cycles + cycle + 1}
    columns |= {"operation": "SET", "state": "lrs", model.population["against"]: x[step]}
    return pd.DataFrame({**columns, "resistance_ohm": 10.0 ** logs.ravel()})


def _select(readings: Readings, name: str, limits: tuple[float, float] | None) -> Readings:
    keep = np.ones(len(readings.log10_r), dtype=bool)
    if "operation" in readings.frame.columns:
        keep &= readings.frame["operation"].isin(["SET", ""]).to_numpy(dtype=bool)
    x = readings.frame[name].to_numpy(dtype=float)
    if limits is not None:
        keep &= (x >= limits[0]) & (x <= limits[1])
    if not keep.any():
        raise InputError(f"fit set-law: no reading after SET with {name} in the limits {limits}")
    if (x[keep] <= 0).any():
        low = float(x[keep].min())
        raise InputError(
            f"fit set-law: {name} {low:g}, expected values above 0; set the limits above it"
        )
    chosen = pick(readings, keep)
    if len(np.unique(x[keep])) < 3:
        raise InputError(
            f"fit set-law: {len(np.unique(x[keep]))} values of {name} do not determine exponent_b; "
            "expected at least 3"
        )
    if chosen.devices < 2:
        raise InputError("fit set-law: readings of 1 device, expected at least 2 for intervals")
    return chosen


def _mean(values: Mapping[str, float], x: Floats, reference: float, name: str) -> Floats:
    if name == "v_wl_v":
        threshold = values.get("v_min", float(np.min(x))) - values["overdrive_v"]
        ratio = np.log10((x - threshold) / (reference - threshold))
    else:
        ratio = np.log10(x / reference)
    bend = values.get("curvature", 0.0)
    return values["log10_r_ref"] - values["exponent_b"] * ratio + bend * ratio**2


def _fit(
    readings: Readings, x: Floats, reference: float, name: str, family: str, *, bend: bool
) -> Estimate:
    shape = FAMILIES[family]
    law = [_REFERENCE, _EXPONENT]
    law += [_OVERDRIVE] if name == "v_wl_v" else []
    law += [_BEND] if bend else []
    coordinates = [*law, *shape.coordinates[1:]]
    above, below, exact = (readings.sides == side for side in (1, -1, 0))

    def rows(theta: Floats) -> Floats:
        values = dict(zip((c.name for c in law), theta, strict=False))
        rest = readings.log10_r - _mean(values, x, reference, name)
        noise = np.concatenate([[0.0], theta[len(law) :]])
        out = np.empty(len(rest))
        out[exact] = shape.log_density(rest[exact], noise)
        out[above] = shape.log_above(rest[above], noise)
        out[below] = shape.log_below(rest[below], noise)
        return out

    slope, level = np.polyfit(np.log10(x / reference), readings.log10_r, 1)
    spread = float(np.std(readings.log10_r - level - slope * np.log10(x / reference)))
    start = [float(np.median(readings.log10_r)), -slope]
    start += [0.5 * reference] if name == "v_wl_v" else []
    start += [0.0] if bend else []
    start += [max(spread, 1e-4) / 2, 5.0][: len(shape.coordinates) - 1]
    return maximize(rows, coordinates, [np.array(start)], readings.labels)


def _parameters(fit: Estimate, x: Floats, reference: float, name: str) -> dict[str, Parameter]:
    found = fit.parameters()
    out: dict[str, Parameter] = {}
    if "exponent_b" in found:
        out["exponent_b"] = found["exponent_b"]
    if (middle := found.get("log10_r_ref")) is not None:
        out["resistance_ref_ohm"] = power_of_ten(middle, "ohm")
    unit = "A" if name == "compliance_a" else "V"
    if {"exponent_b", "log10_r_ref"} <= set(found) and name == "compliance_a":
        lever = np.zeros(len(fit.search))
        lever[:2] = 1.0, np.log10(reference)
        error = float(np.sqrt(lever @ fit.covariance @ lever))
        log_a = float(lever @ fit.search)
        half = float(stats.t.ppf(0.975, fit.freedom[:2].min())) * error
        p = Parameter(log_a, log_a - half, log_a + half, "decade", error)
        out["a"] = power_of_ten(p, f"ohm {unit}^b")
    if (drive := found.get("overdrive_v")) is not None:
        low = float(x.min())
        out["v_threshold_v"] = Parameter(
            low - drive.value, low - drive.high, low - drive.low, "V", drive.standard_error
        )
    return out


def power_of_ten(p: Parameter, unit: str) -> Parameter:
    """Return the parameter whose log10 is given, with its interval, in a unit."""
    value = 10.0**p.value
    error = value * np.log(10) * (p.standard_error or 0.0)
    return Parameter(value, 10.0**p.low, 10.0**p.high, unit, float(error))


def _residuals(rest: Floats, labels: NDArray[np.int64]) -> dict[str, Parameter]:
    clusters = group(rest, pd.factorize(labels)[0].astype(np.int64))
    names = ["sigma"]
    if clusters.count.max() > 1:
        names += ["sigma_d2d", "sigma_c2c"]
    found = spread_ranges(clusters)
    return {
        f"{name}_log10": Parameter(r.value, r.low, r.high, "decade", r.error)
        for name, r in ((name, found[name]) for name in names)
    }


def _goodness(
    fit: Estimate, bent: Estimate, readings: Readings, rest: Floats, exact: NDArray[np.bool_]
) -> dict[str, Any]:
    y = readings.log10_r[exact]
    curvature = bent.parameters().get("curvature")
    straight = curvature is None or curvature.low <= 0 <= curvature.high
    remark = "a power law describes the readings"
    if not straight:
        remark = "the readings bend away from a power law (see curvature): do not extrapolate"
    if fit.undetermined:
        remark = f"the data do not determine {', '.join(fit.undetermined)}"
    return {
        "readings": len(readings.log10_r),
        "devices": readings.devices,
        "censored": readings.censored,
        "left_out": readings.left_out,
        "r_squared": 1 - float(rest.var() / y.var()) if y.var() > 0 else 0.0,
        "median_residual_log10": float(np.median(rest)),
        "curvature": None
        if curvature is None
        else [curvature.value, curvature.low, curvature.high],
        **fit.criteria(),
        "converged": fit.converged,
        "undetermined": list(fit.undetermined),
        "remark": remark,
    }
