"""RESET against voltage and width: median HRS and its spread as smooth functions.

With the effective voltage ``v = V + g log10(w / w_ref)`` where widths w differ, log10 R is

- ``line``: normal, ``mu = m + k (v - v_ref)``, ``ln sigma`` a line in v: well above the onset;
- ``onset``: a share ``f = 1 / (1 + exp(-(v - v_on) / s))`` of the cells has switched, to a normal
  with ``mu = m_on + k (v - v_on)`` and sigma_high, the others still have the normal LRS: for sweeps
  that start below the onset.

The one with the smaller clustered BIC is kept. The median is that of the whole distribution, the
spread half its 15.9 to 84.1 % range.

Censored readings enter the likelihood as such; `complete_sweeps` adds the steps that a sweep did
not take because it had reached its stop.

References
----------
Exponential dependence of the HRS on the RESET voltage: A. Grossi et al., "Fundamental variability
limits of filament-based RRAM", IEDM 2016, 4.7. Censored regression: J. Tobin, Econometrica 26
(1958) 24. Describing the transition as cells that have switched or not is this module's own choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.fitting.likelihood import Estimate, maximize
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.readings import Readings, pick, take_readings
from rramchar.fitting.reset_conditions import complete_sweeps, condition_table
from rramchar.fitting.reset_shapes import SHAPES, WIDTH_GAIN, Design, distribution, law
from rramchar.fitting.set_law import power_of_ten
from rramchar.fitting.two_level import fit_two_level

Floats = NDArray[np.float64]
MODEL_NAME = "reset_law"
AGAINST = ("v_reset_v", "v_wl_v")
_THINNED = 4000  # readings of the first search
_LOGS = {
    "log10_r_ref": "resistance_ref_ohm",
    "log10_r_low": "resistance_low_ohm",
    "log10_r_onset": "resistance_onset_ohm",
}


def fit_reset_law(
    frame: pd.DataFrame,
    *,
    against: str | None = None,
    shape: str = "auto",
    stop_ohm: float | None = None,
    seed: int = 0,
    provenance: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Fit median and spread of the resistance after RESET by censored maximum likelihood.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, resistance_ohm`` and `against`; ``pulse_width_s`` where it
        varies; rows of another operation than RESET are left out.
    against : str, optional
        ``v_reset_v``, or ``v_wl_v`` for sweeps of the word line; without, the one that varies.
    shape : str
        ``line``, ``onset``, or ``auto``.
    stop_ohm : float, optional
        Resistance at which sweeps were ended: see `complete_sweeps`. [ohm]
    seed : int
        Of the bootstrap of the table of conditions and of the band.
    provenance : mapping, optional
        Kept in the model.

    Returns
    -------
    FittedModel
        Parameters of the shape with sandwich intervals over devices. [ohm, V, decade/V, decade]
        Voltages at which more than half of the readings are ``above`` are left out: the median is
        not known there.
        ``population["conditions"]``: median and spread of each condition as measured;
        ``population["curve"]``: the law with a 95 % band of its median.

    Raises
    ------
    InputError
        If columns are missing, there is one device, or fewer than three voltages.
    """
    if shape != "auto" and shape not in SHAPES:
        raise InputError(f"shape: {shape!r}, expected auto, {', '.join(SHAPES)}")
    name = against or _varying(frame)
    if name not in AGAINST:
        raise InputError(f"against: {name!r}, expected {' or '.join(AGAINST)}")
    added = 0
    if stop_ohm is not None:
        frame, added = complete_sweeps(frame, name, stop_ohm)
    readings = _select(
        take_readings(frame, ("device", "resistance_ohm", name), "fit reset-law"), name
    )
    design = Design.of(readings, name)
    shapes = list(SHAPES) if shape == "auto" else [shape]
    fits = {s: _fit(readings, design, s) for s in shapes}
    effective = _effective(readings, design, fits)
    usable = {s: f for s, f in fits.items() if f.converged and not f.undetermined}
    best = min(usable or fits, key=lambda s: fits[s].criteria(effective)["bic_clustered"])
    fit = fits[best]
    conditions = condition_table(readings, name, seed)
    _add_law(conditions, best, fit, design)
    return FittedModel(
        name=MODEL_NAME,
        parameters=_parameters(fit),
        population={
            "against": name, "shape": best, "v_ref": design.v_ref, "width_ref_s": design.width_ref,
            "theta": dict(zip((c.name for c in fit.coordinates), fit.values.tolist(), strict=True)),
            "range": [float(design.v.min()), float(design.v.max())],
            "icc": _icc(readings, design, best, fit),
            "conditions": conditions,
            "curve": _curve(fit, best, design, seed),
        },
        goodness=_goodness(readings, design, best, fits, effective, added, conditions),
        provenance={**(provenance or {}), "seed": seed},
        converged=fit.converged,
    )  # fmt: skip


def predict_reset(
    model: FittedModel, voltage_v: Floats, width_s: float | None = None
) -> tuple[Floats, Floats]:
    """Return median and spread of the resistance after RESET.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_reset_law`.
    voltage_v : array
        RESET (or word-line) voltage. [V]
    width_s : float, optional
        Pulse width; that of the fit without. [s]

    Returns
    -------
    median_ohm, sigma_log10 : array
        [ohm], [decade]
    """
    if model.name != MODEL_NAME:
        raise InputError(f"model {model.name!r} is no RESET law; expected {MODEL_NAME!r}")
    p = model.population
    v = np.asarray(voltage_v, dtype=float)
    gain = p["theta"].get(WIDTH_GAIN.name)
    if width_s is not None and p["width_ref_s"] and gain is not None:
        v = v + gain * np.log10(width_s / p["width_ref_s"])
    mean, sigma = law(p["shape"], _theta(model), v, p["v_ref"])
    return 10.0**mean, sigma


def simulate_reset(
    model: FittedModel, devices: int, cycles: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices, RESET at nine voltages over the fitted range, so many cycles at each.

    Parameters
    ----------
    model : FittedModel
        Made by `fit_reset_law`.
    devices, cycles : int
        How many of each.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        A tidy frame at the reference width; nothing is censored.
    """
    p = model.population
    v = np.linspace(p["range"][0], p["range"][1], 9)
    shape, icc = (devices, len(v), cycles), float(model.population["icc"])
    z = np.sqrt(icc) * rng.standard_normal((devices, 1, 1))
    z = z + np.sqrt(1 - icc) * rng.standard_normal(shape)
    family, at = distribution(p["shape"], _theta(model), v, p["v_ref"])
    logs = family.from_score(z, at[:, None, :, None] + np.zeros(shape))
    device, step, cycle = (index.ravel() for index in np.indices(shape))
    columns = {"device": device + 1, "cycle": step * cycles + cycle + 1}
    columns |= {"operation": "RESET", "state": "hrs", model.population["against"]: v[step]}
    if model.population["width_ref_s"]:
        columns["pulse_width_s"] = np.full(len(device), model.population["width_ref_s"])
    return pd.DataFrame({**columns, "resistance_ohm": 10.0 ** logs.ravel()})


def _theta(model: FittedModel) -> Floats:
    p = model.population
    return np.array([p["theta"][c.name] for c in SHAPES[p["shape"]]])


def _fit(readings: Readings, design: Design, shape: str) -> Estimate:
    coordinates = list(SHAPES[shape])
    if design.log_width is not None:
        coordinates.append(WIDTH_GAIN)

    def search(keep: NDArray[np.int64], starts: list[Floats]) -> Estimate:
        y, sides = readings.log10_r[keep], readings.sides[keep]
        above, below, exact = (sides == side for side in (1, -1, 0))

        def rows(theta: Floats) -> Floats:
            v = design.effective(theta, shape)[keep]
            family, at = distribution(shape, theta, v, design.v_ref)
            out = np.empty(len(y))
            out[exact] = family.log_density(y[exact], at[:, exact])
            out[above] = family.log_above(y[above], at[:, above])
            out[below] = family.log_below(y[below], at[:, below])
            return out

        return maximize(rows, coordinates, starts, pd.factorize(readings.labels[keep])[0])

    every, starts = np.arange(len(readings.labels)), _starts(readings, design, shape)
    if len(every) > _THINNED:  # the first search needs not all of them; a step would alias
        some = np.sort(np.random.default_rng(0).permutation(every)[:_THINNED])
        starts = [search(some, starts).values]
    return search(every, starts)


def _starts(readings: Readings, design: Design, shape: str) -> list[Floats]:
    y, v = readings.log10_r, design.v
    slope, level = np.polyfit(v - design.v_ref, y, 1)
    rest = max(float(np.std(y - level - slope * (v - design.v_ref))), 1e-3)
    extra = [0.1] if design.log_width is not None else []
    if shape == "line":
        return [np.array([level, slope, rest, 0.0, *extra])]
    low = float(np.quantile(y, 0.05))
    calm = max(float(np.std(y[v <= np.quantile(v, 0.1)])), 1e-3)
    span = float(np.ptp(v))
    steep = max(slope, 0.1)
    starts = []
    for on in np.quantile(v, [0.3, 0.6]):
        top = float(np.median(y[v >= on]))
        starts.append(np.array([low, calm, top, steep, rest, on, 0.05 * span, *extra]))
    return starts


def _parameters(fit: Estimate) -> dict[str, Parameter]:
    found = fit.parameters()
    return {_LOGS.get(n, n): power_of_ten(p, "ohm") if n in _LOGS else p for n, p in found.items()}


def _scores(readings: Readings, design: Design, shape: str, fit: Estimate) -> Floats:
    v = design.effective(fit.values, shape)
    family, at = distribution(shape, fit.values, v, design.v_ref)
    return np.clip(family.to_score(readings.log10_r, at), -9.0, 9.0)


def _icc(readings: Readings, design: Design, shape: str, fit: Estimate) -> float:
    scores = _scores(readings, design, shape, fit)
    _, d2d, c2c = fit_two_level(scores, readings.sides, readings.labels).values
    return float(d2d**2 / (d2d**2 + c2c**2))


def _effective(readings: Readings, design: Design, fits: Mapping[str, Estimate]) -> float:
    shape, fit = list(fits.items())[-1]
    icc = _icc(readings, design, shape, fit)
    per_device = float((np.bincount(readings.labels) ** 2).sum()) / len(readings.labels)
    return len(readings.labels) / (1 + (per_device - 1) * icc)


def _add_law(conditions: list[dict[str, Any]], shape: str, fit: Estimate, design: Design) -> None:
    v = np.array([row["voltage_v"] for row in conditions])
    if design.log_width is not None and design.width_ref is not None:
        widths = np.array([row["pulse_width_s"] for row in conditions])
        v = v + fit.values[-1] * np.log10(widths / design.width_ref)
    median, sigma = law(shape, fit.values, v, design.v_ref)
    for row, m, s in zip(conditions, median, sigma, strict=True):
        row |= {"law_median_ohm": float(10.0**m), "law_sigma_log10": float(s)}


def _curve(fit: Estimate, shape: str, design: Design, seed: int) -> list[dict[str, float]]:
    v = np.linspace(float(design.v.min()), float(design.v.max()), 61)
    mean, sigma = law(shape, fit.values, v, design.v_ref)
    low, high = mean, mean
    if np.isfinite(fit.covariance).all():
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        drawn = rng.multivariate_normal(fit.search, fit.covariance, size=400, method="svd")
        pairs = zip(fit.coordinates, drawn.T, strict=True)
        each = np.array([[c.to_value(x) for x in column] for c, column in pairs])
        curves = law(shape, each[:, :, None], v, design.v_ref)[0]
        low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    keys = ("voltage_v", "median_ohm", "low_ohm", "high_ohm", "sigma_log10")
    columns = (v, 10.0**mean, 10.0**low, 10.0**high, sigma)
    return [dict(zip(keys, map(float, row), strict=True)) for row in zip(*columns, strict=True)]


def _goodness(
    readings: Readings,
    design: Design,
    best: str,
    fits: Mapping[str, Estimate],
    effective: float,
    added: int,
    conditions: list[dict[str, Any]],
) -> dict[str, Any]:
    fit = fits[best]
    z = _scores(readings, design, best, fit)[readings.sides == 0]
    table = [row for row in conditions if row["median_ohm"] is not None]
    measured = np.log10([row["median_ohm"] for row in table])
    fitted = np.array([row["law_median_ohm"] for row in table])
    off = float(np.abs(np.log10(fitted) - measured).max()) if table else float("nan")
    remark = f"medians of the law and of the readings differ by at most {off:.2f} decades"
    if fit.undetermined:
        remark = f"the data do not determine {', '.join(fit.undetermined)}"
    return {
        "readings": len(readings.log10_r),
        "devices": readings.devices,
        "effective_readings": effective,
        "censored": readings.censored,
        "steps_added_after_stop": added,
        "fitted_up_to_v": float(design.v.max()),
        "left_out": readings.left_out,
        "candidates": {
            s: {**f.criteria(effective), "converged": f.converged,
                "undetermined": list(f.undetermined)}
            for s, f in fits.items()
        },
        "largest_deviation_decades": off,
        "residual_robust_sigma": float(np.subtract(*np.quantile(z, [0.841, 0.159]))) / 2,
        "residual_excess_kurtosis": float(((z - z.mean()) ** 4).mean() / z.var() ** 2 - 3),
        "converged": fit.converged,
        "undetermined": list(fit.undetermined),
        "remark": remark,
    }  # fmt: skip


def _observed(readings: Readings, name: str) -> NDArray[np.bool_]:
    # A median is only known where no more than half of the readings are above a bound.
    above = pd.Series(readings.sides > 0).groupby(readings.frame[name].to_numpy()).transform("mean")
    return above.to_numpy() <= 0.5


def _varying(frame: pd.DataFrame) -> str:
    known = [c for c in AGAINST if c in frame.columns]
    return next((c for c in known if frame[c].nunique() >= 3), known[0] if known else AGAINST[0])


def _select(readings: Readings, name: str) -> Readings:
    keep = np.ones(len(readings.log10_r), dtype=bool)
    if "operation" in readings.frame.columns:
        keep &= readings.frame["operation"].isin(["RESET", ""]).to_numpy(dtype=bool)
    if not keep.any():
        raise InputError("fit reset-law: no reading after RESET")
    chosen = pick(readings, keep & _observed(readings, name))
    voltages = chosen.frame[name].nunique()
    if voltages < 3:
        raise InputError(
            f"fit reset-law: {voltages} values of {name} do not determine slope_decade_per_v and "
            "its spread; expected at least 3"
        )
    if chosen.devices < 2:
        raise InputError("fit reset-law: readings of 1 device, expected at least 2 for intervals")
    return chosen
