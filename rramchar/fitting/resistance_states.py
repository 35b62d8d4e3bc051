"""Resistance states with tails: family by information criterion, correlations, drift, new devices.

The marginal distribution of log10 R is one of `rramchar.fitting.families`, fitted with censored
readings. What ties readings together acts on their normal scores (a Gaussian copula), with
``z = sqrt(icc) u[device] + sqrt(1 - icc) v[reading]``: for a lognormal this is the two-level model
of `rramchar.fitting.resistance`.

References
----------
R. B. Nelsen, "An Introduction to Copulas", Springer 2006, section 2.3 (Sklar's theorem).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from rramchar.errors import InputError
from rramchar.fitting.clusters import group, spread_ranges
from rramchar.fitting.families import FAMILIES, Family
from rramchar.fitting.likelihood import Estimate, maximize
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.readings import Readings, pick, take_readings
from rramchar.fitting.resistance import check_enough, describe_fit, estimate_state
from rramchar.fitting.structure import correlations, fit_drift
from rramchar.fitting.two_level import fit_two_level, rescale
from rramchar.measured.cycling import cycling_frame
from rramchar.measured.schema import STATE_COLUMNS, STATES, check_states

Floats = NDArray[np.float64]
LOCATIONS = ("location_log10", "tail_location_log10")
_THINNED = 4000  # readings of the first search; the last one uses all


def fit_resistance(
    frame: pd.DataFrame,
    *,
    model: str = "auto",
    seed: int = 0,
    resamples: int = 2000,
    provenance: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Fit the distribution of each state, its split into levels, correlations and drift.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, cycle, state, resistance_ohm``; readings flagged ``above`` or
        ``below`` enter as censored, those without a number or state are left out and counted.
    model : str
        A key of `rramchar.fitting.families.FAMILIES`, or ``auto``: for each state the family with
        the smallest clustered BIC.
    seed, resamples : int
        Of the bootstrap over devices; at least 100 resamples.
    provenance : mapping, optional
        Kept in the model.

    Returns
    -------
    FittedModel
        Named ``resistance_`` and the family, or ``resistance_mixed``. For each state s the
        parameters of `fit_resistance_lognormal` (with censored readings only those that a
        censored likelihood gives), and besides, where the data determine them:

        - ``s_location_log10``, ``s_scale_log10``, ...: of the family, sandwich intervals over
          devices. [decade, 1]
        - ``s_icc``: share of the variance of the normal scores that is from device to device. [1]
        - ``s_pair_correlation_d2d`` and others: see `correlations`; not with censored readings. [1]
        - ``s_drift_log10_per_decade``: see `fit_drift`. [decade/decade]

        ``goodness[s]["candidates"]`` holds the criteria of every family tried.

    Raises
    ------
    InputError
        If the frame is not a tidy frame, a reading comes twice, or devices or cycles are too few.
    """
    if model != "auto" and model not in FAMILIES:
        raise InputError(f"model: {model!r}, expected auto, {', '.join(FAMILIES)}")
    if resamples < 100:
        raise InputError(f"resamples: {resamples}, expected at least 100")
    if seed < 0:
        raise InputError(f"seed: {seed}, expected a whole number from 0")
    readings = take_readings(frame, STATE_COLUMNS, "fit resistance")
    check_states(readings.frame.drop(columns="flag", errors="ignore"), "fit resistance")
    names = list(FAMILIES) if model == "auto" else [model]
    streams = np.random.SeedSequence(seed).spawn(len(STATES))
    parts = {}
    for state in STATES:
        chosen = (readings.frame["state"] == state).to_numpy(dtype=bool)
        if chosen.any():
            parts[state] = pick(readings, chosen)
            check_enough(parts[state].labels, state)
    parameters: dict[str, Parameter] = {}
    population: dict[str, Any] = {}
    goodness: dict[str, Any] = {}
    scores = {}
    for (state, part), stream in zip(parts.items(), streams, strict=False):
        fitted, population[state], goodness[state], scores[state] = _fit_state(
            part, names, resamples, np.random.default_rng(stream)
        )
        parameters |= {f"{state}_{name}": parameter for name, parameter in fitted.items()}
    if not readings.sides.any():
        wide = {s: _wide(readings.frame, parts[s].frame, scores[s]) for s in parts}
        tied = correlations(wide)
        parameters |= tied
        population["correlations"] = {name: parameter.value for name, parameter in tied.items()}
    return FittedModel(
        name=_model_name(population),
        parameters=parameters,
        population=population,
        goodness=goodness,
        provenance={**(provenance or {}), "seed": seed, "resamples": resamples},
        converged=all(facts["converged"] for facts in goodness.values()),
    )


def state_distribution(model: FittedModel, state: str) -> tuple[Family, Floats]:
    """Return the marginal distribution of log10 R of a state.

    Parameters
    ----------
    model : FittedModel
        Of a name that starts with ``resistance_``; older files, without a family, are lognormal.
    state : str
        ``lrs`` or ``hrs``.

    Returns
    -------
    family : Family
        Its `from_score` turns normal scores into log10 R.
    theta : array, shape (parameters,)
        Its parameters.
    """
    entry = model.population.get(state)
    if not model.name.startswith("resistance_") or not isinstance(entry, Mapping):
        raise InputError(f"model {model.name!r}: holds no distribution of {state}")
    family = FAMILIES.get(entry.get("distribution", ""))
    if family is None:
        raise InputError(
            f"model {model.name}, population.{state}.distribution: "
            f"{entry.get('distribution')!r}, expected {', '.join(FAMILIES)}"
        )
    theta = entry.get("theta")
    if theta is None:  # of fit_resistance_lognormal
        spread = np.hypot(
            model.value(f"{state}_sigma_d2d_log10"), model.value(f"{state}_sigma_c2c_log10")
        )
        return family, np.array([np.log10(model.value(f"{state}_median_ohm")), spread])
    names = [(c.name, f"{state}_{c.name}") for c in family.coordinates]
    found = [model.value(long) if long in model.parameters else theta[n] for n, long in names]
    return family, np.array(found, dtype=float)


def simulate_states(
    model: FittedModel, devices: int, cycles: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices cycle by cycle from a fitted model.

    Parameters
    ----------
    model : FittedModel
        Of `fit_resistance` or `fit_resistance_lognormal`.
    devices, cycles : int
        How many of each, from 1.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        A tidy frame; a state that the model lacks is left out. Neighbouring devices (2i, 2i + 1)
        are correlated as fitted. Drift over cycles is not drawn: the marginal distribution already
        holds its spread.
    """
    for name, value in (("devices", devices), ("cycles", cycles)):
        if value < 1:
            raise InputError(f"{name}: {value}, expected a whole number from 1")
    known = [state for state in STATES if state in model.population]
    if not known:
        raise InputError(f"model {model.name!r}: holds no distribution of lrs or hrs")
    tied = model.population.get("correlations", {})
    wide = np.full((devices, 2 * cycles), np.nan)
    levels = _draw_levels(rng, devices, known, tied)
    for state in known:
        family, theta = state_distribution(model, state)
        icc = model.population[state].get("icc")
        if icc is None:  # of fit_resistance_lognormal
            d2d, c2c = (model.value(f"{state}_sigma_{s}_log10") for s in ("d2d", "c2c"))
            icc = d2d**2 / (d2d**2 + c2c**2) if d2d + c2c > 0 else 0.0
        noise = _paired(rng, (devices, cycles), tied.get(f"{state}_pair_correlation_c2c", 0.0))
        scores = np.sqrt(icc) * levels[state] + np.sqrt(1 - icc) * noise
        wide[:, {"hrs": 0, "lrs": 1}[state] :: 2] = 10.0 ** family.from_score(scores, theta)
    drawn = cycling_frame(np.arange(1, devices + 1), wide)
    return drawn[drawn["state"].isin(known)].reset_index(drop=True)


def _fit_state(
    part: Readings, names: list[str], resamples: int, rng: np.random.Generator
) -> tuple[dict[str, Parameter], dict[str, Any], dict[str, Any], Floats]:
    fitted, facts = _spreads(part, resamples, rng)
    fits = {name: _fit_family(FAMILIES[name], part) for name in names}
    effective = facts["effective_readings"]
    usable = {n: f for n, f in fits.items() if f.converged and not f.undetermined}
    best = min(usable or fits, key=lambda name: fits[name].criteria(effective)["bic_clustered"])
    family, fit = FAMILIES[best], fits[best]
    scores = family.to_score(part.log10_r, fit.values)
    fitted |= fit.parameters()
    exact = not part.sides.any()
    if exact:
        fitted["icc"] = _icc(scores, part)
        cycles = part.frame["cycle"].to_numpy(dtype=float)
        if (drift := fit_drift(part.log10_r, cycles, part.labels)) is not None:
            fitted["drift_log10_per_decade"] = drift
    people = {
        "distribution": best,
        "theta": dict(zip((c.name for c in family.coordinates), fit.values.tolist(), strict=True)),
        "icc": fitted["icc"].value if exact else facts["icc"],
        "median_ohm": fitted["median_ohm"].value,
        "sigma_log10": fitted["sigma_d2d_log10"].value,
        "devices": part.devices,
    }
    facts |= {
        "family": best,
        "converged": fit.converged,
        "undetermined": list(fit.undetermined),
        "candidates": {name: _describe(f, effective) for name, f in fits.items()},
        "censored": part.censored,
        "left_out": part.left_out,
    }
    if exact:
        ks = stats.kstest(scores, "norm", method="asymp").statistic
        facts["family_ks_distance"] = float(ks)
        facts["family_tail_deviation_log10"] = _tails(part.log10_r, family, fit.values)
    return fitted, people, facts, scores


def _tails(logs: Floats, family: Family, theta: Floats) -> dict[str, float]:
    # Readings minus fit where rare errors come from; only as far out as there are readings.
    levels = {"0.1 %": 0.001, "1 %": 0.01, "99 %": 0.99, "99.9 %": 0.999}
    kept = {name: p for name, p in levels.items() if min(p, 1 - p) * len(logs) >= 3}
    return {
        name: float(np.quantile(logs, p) - family.from_score(special.ndtri(p), theta))
        for name, p in kept.items()
    }


def _spreads(
    part: Readings, resamples: int, rng: np.random.Generator
) -> tuple[dict[str, Parameter], dict[str, Any]]:
    if (part.sides == 0).all():
        clusters = group(part.log10_r, part.labels)
        fitted = estimate_state(part.log10_r, clusters, resamples, rng)
        return fitted, describe_fit(part.log10_r, clusters)
    found = fit_two_level(part.log10_r, part.sides, part.labels)
    named = found.parameters()
    if not found.converged or len(named) < 3:
        lost = [c.name for c in found.coordinates if c.name not in named] or ["all"]
        raise InputError(
            f"{part.frame['state'].iloc[0]}: {part.censored} readings are censored, and the rest "
            f"does not determine {', '.join(lost)}; measure with a wider range or more cycles"
        )
    mean = named.pop("mean_log10")
    values = [10.0**v for v in (mean.value, mean.low, mean.high)]
    error = values[0] * np.log(10) * (mean.standard_error or 0.0)
    middle = Parameter(values[0], values[1], values[2], "ohm", error)
    between, within = (named[f"sigma_{s}_log10"].value ** 2 for s in ("d2d", "c2c"))
    icc = between / (between + within)
    per_device = float((np.bincount(part.labels) ** 2).sum()) / len(part.labels)
    facts = {
        "readings": len(part.log10_r),
        "devices": part.devices,
        "effective_readings": len(part.labels) / (1 + (per_device - 1) * icc),
        "icc": icc,
        "remark": "some readings are censored: medians and spreads are those of a two-level "
        "lognormal, by maximum likelihood",
    }
    return {"median_ohm": middle, "geometric_mean_ohm": middle, **named}, facts


def _fit_family(family: Family, part: Readings) -> Estimate:
    centre = float(np.median(part.log10_r))
    unit = float(np.subtract(*np.quantile(part.log10_r, [0.841, 0.159]))) / 2
    unit = unit if unit > 1e-9 else max(float(part.log10_r.std()), 1e-6)
    x = (part.log10_r - centre) / unit
    order = np.argsort(x, kind="stable")[:: max(1, len(x) // _THINNED)]
    first = _maximize(family, x[order], part.sides[order], part.labels[order], family.starts(0, 1))
    fit = _maximize(family, x, part.sides, part.labels, [first.values])
    exact = int((part.sides == 0).sum())
    scaled = rescale(fit, centre, unit, LOCATIONS)
    return replace(scaled, log_likelihood=fit.log_likelihood - exact * float(np.log(unit)))


def _maximize(
    family: Family,
    x: Floats,
    sides: NDArray[np.int64],
    labels: NDArray[np.int64],
    starts: list[Floats],
) -> Estimate:
    if not sides.any():
        return maximize(lambda t: family.log_density(x, t), family.coordinates, starts, labels)
    above, below, exact = sides > 0, sides < 0, sides == 0

    def rows(theta: Floats) -> Floats:
        out = np.empty(len(x))
        out[exact] = family.log_density(x[exact], theta)
        out[above] = family.log_above(x[above], theta)
        out[below] = family.log_below(x[below], theta)
        return out

    return maximize(rows, family.coordinates, starts, labels)


def _icc(scores: Floats, part: Readings) -> Parameter:
    found = spread_ranges(group(np.clip(scores, -9, 9), part.labels))["icc"]
    return Parameter(found.value, found.low, found.high, "1", found.error)


def _describe(fit: Estimate, effective: float) -> dict[str, Any]:
    return {
        **fit.criteria(effective),
        "converged": fit.converged,
        "undetermined": list(fit.undetermined),
    }


def _model_name(population: Mapping[str, Any]) -> str:
    families = {population[state]["distribution"] for state in STATES if state in population}
    return f"resistance_{families.pop()}" if len(families) == 1 else "resistance_mixed"


def _draw_levels(
    rng: np.random.Generator, devices: int, known: list[str], tied: Mapping[str, float]
) -> dict[str, Floats]:
    # HRS first; LRS then shares r of it, and the rest makes up what its own pairs have in common.
    pair = {state: float(tied.get(f"{state}_pair_correlation_d2d", 0.0)) for state in STATES}
    if known != list(STATES):
        return {state: _paired(rng, (devices, 1), pair[state]) for state in known}
    r = float(np.clip(tied.get("lrs_hrs_correlation_d2d", 0.0), -0.999, 0.999))
    hrs = _paired(rng, (devices, 1), pair["hrs"])
    rest = _paired(rng, (devices, 1), (pair["lrs"] - r**2 * pair["hrs"]) / (1 - r**2))
    return {"hrs": hrs, "lrs": r * hrs + np.sqrt(1 - r**2) * rest}


def _paired(rng: np.random.Generator, shape: tuple[int, int], correlation: float) -> Floats:
    drawn = rng.standard_normal(shape)
    r = float(np.clip(correlation, -1.0, 1.0))
    even = drawn[0 : shape[0] - 1 : 2]
    drawn[1::2] = r * even + np.sqrt(1 - r**2) * drawn[1::2]
    return drawn


def _wide(every: pd.DataFrame, rows: pd.DataFrame, scores: Floats) -> Floats:
    order = pd.unique(every["device"])
    device = pd.Categorical(rows["device"], categories=order).codes
    cycles = np.unique(every["cycle"].to_numpy())
    wide = np.full((len(order), len(cycles)), np.nan)
    wide[device, np.searchsorted(cycles, rows["cycle"].to_numpy())] = scores
    return wide
