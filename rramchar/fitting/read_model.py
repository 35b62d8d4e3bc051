"""Fit of the read model to SPICE sweeps: surfaces from nominal reads, offset from Monte Carlo.

See `rramchar.fitting.read_decision` for the model. A share of the reads is kept out of every fit
and tells how far the model can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel, Parameter
from rramchar.fitting.read_decision import (
    INVALID,
    MINUS,
    PLUS,
    RATIO_OF_R_STAR,
    READ_MODEL,
    ZERO,
    ReadCondition,
    closeness,
    decide,
)
from rramchar.fitting.read_offset import OffsetFit, fit_offset
from rramchar.fitting.surface import Surface, fit_surface
from rramchar.sweep import load
from rramchar.sweep.plan import load_plan
from rramchar.sweep.run import PLAN_FILE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_HELD_OUT = 0.2
_Z95 = 1.959964
# Pairs farther from the decision than this many sigma show the spread of the fall time alone.
_FAR = 4.0
_CODES = {"plus": PLUS, "zero": ZERO, "minus": MINUS, "invalid": INVALID}
_CONDITION = ["corner", "temperature_c", "vdd_v"]


@dataclass(frozen=True)
class Reads:
    """Reads of one or several sweeps with the same circuit.

    Parameters
    ----------
    nominal, random : DataFrame
        Solved reads of nominal transistors and of Monte Carlo samples, with columns of
        `rramchar.sweep.load` and ``x`` [ln ohm], ``d`` [1], ``fall_s`` [s], ``plus``.
    sample_time_s, window_s : float
        Of the plans. [s]
    failed : int
        Points without a result, left out.
    """

    nominal: pd.DataFrame
    random: pd.DataFrame
    sample_time_s: float
    window_s: float
    failed: int


def load_reads(folders: Sequence[str | Path]) -> Reads:
    """Read the run directories of read sweeps.

    Parameters
    ----------
    folders : sequence of path
        One or more, with the same parameters and technology: a nominal grid, a Monte Carlo, or one
        Monte Carlo over a grid.

    Returns
    -------
    Reads
        Their reads.

    Raises
    ------
    InputError
        If the sweeps are of different circuits, or hold no reads.
    StoreError
        If a folder holds no run.
    """
    parts: dict[bool, list[pd.DataFrame]] = {False: [], True: []}
    first, failed = None, 0
    for folder in folders:
        frame = load(folder)
        plan = load_plan(Path(folder) / PLAN_FILE, check_files=False)
        if plan.testbench.name != "read":
            raise InputError(f"{folder}: a run of testbench {plan.testbench.name}, expected read")
        same = (plan.parameters, plan.technology.name)
        first = first or same
        if same != first:
            raise InputError(
                f"{folder}: other parameters or technology than {folders[0]}; a read model is of "
                "one circuit"
            )
        solved = frame[(frame["status"] == "ok").to_numpy(dtype=bool)]
        failed += len(frame) - len(solved)
        # Samples of one seed are the same amplifiers in every run.
        random = plan.variation is not None
        cluster = solved["sample"] if random else 0
        parts[random].append(_derived(solved.assign(sample=cluster)))
    if first is None or not any(len(p) for kind in parts.values() for p in kind):
        raise InputError("read model: the runs hold no solved reads; run the sweep first")
    empty = next(p for kind in parts.values() for p in kind).iloc[:0]
    nominal, random_ = (pd.concat(parts[k]) if parts[k] else empty for k in (False, True))
    return Reads(nominal, random_, first[0].sample_time_s, first[0].sensing_time_s, failed)


def fit_read_model(
    reads: Reads,
    *,
    seed: int = 0,
    provenance: Mapping[str, Any] | None = None,
) -> FittedModel:
    """Fit decision, ternary boundary, sense time and energy at every condition of the reads.

    Parameters
    ----------
    reads : Reads
        From `load_reads`.
    seed : int
        Chooses the fifth of the reads that is kept out of the fit.
    provenance : mapping, optional
        Kept in the model.

    Returns
    -------
    FittedModel
        For condition k (listed in ``population.conditions`` with the surfaces) the parameters
        ``ck_offset_ln_r``, ``ck_sigma_ln_r``, ``ck_sigma_slope``, ``ck_sigma_ln_fall``,
        ``ck_r_star_ohm``, ``ck_r_star_sigma_ln_r``; what the reads cannot tell is not among them
        but in ``goodness.ck.undetermined``. `goodness` also holds the errors on held-out reads.

    Raises
    ------
    InputError
        If a condition has too few reads for a surface.
    """
    if seed < 0:
        raise InputError(f"seed: {seed}, expected a whole number from 0")
    parameters: dict[str, Parameter] = {}
    listed: list[dict[str, Any]] = []
    goodness: dict[str, Any] = {"failed_points": reads.failed}
    everything = pd.concat([reads.nominal, reads.random])
    conditions = everything[_CONDITION].drop_duplicates().sort_values(_CONDITION)
    for number, keys in enumerate(conditions.itertuples(index=False)):
        key = f"c{number}"
        nominal, random = (_at(part, keys) for part in (reads.nominal, reads.random))
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        fitted = _fit_condition(nominal, random, keys, reads, rng)
        parameters |= {f"{key}_{name}": p for name, p in fitted.parameters.items()}
        listed.append({"key": key, **fitted.document})
        goodness[key] = fitted.goodness
    return FittedModel(
        name=READ_MODEL,
        parameters=parameters,
        population={"conditions": listed},
        goodness=goodness,
        provenance={**(provenance or {}), "seed": seed},
    )


@dataclass(frozen=True)
class _Fitted:
    parameters: dict[str, Parameter]
    document: dict[str, Any]
    goodness: dict[str, Any]


def _fit_condition(
    nominal: pd.DataFrame, random: pd.DataFrame, keys: Any, reads: Reads, rng: np.random.Generator
) -> _Fitted:
    where = f"read model at {keys.corner}, {keys.temperature_c:g} degC, {keys.vdd_v:g} V"
    # Without a nominal sweep the Monte Carlo serves for the surfaces too.
    grid = nominal if len(nominal) else random
    kept = _keep(grid, rng, by="sample" if not len(nominal) else None)
    if len(nominal):
        kept |= _outermost(grid)
    surfaces = _surfaces(grid[kept], where)
    used = np.zeros(0, dtype=bool) if random.empty else _keep(random, rng, by="sample")
    offset = None if random.empty else _offset(random[used])
    sigma_fall = _fall_spread(random, surfaces["fall"], offset)
    document: dict[str, Any] = {
        "corner": str(keys.corner),
        "temperature_c": float(keys.temperature_c),
        "vdd_v": float(keys.vdd_v),
        "sample_time_s": reads.sample_time_s,
        "window_s": reads.window_s,
        "precharge_ok": bool(pd.concat([nominal, random])["precharge_ok"].all()),
        "reference_ohm": float(np.exp(offset.reference)) if offset else 1e4,
    }
    condition = ReadCondition(
        **document,
        fall=surfaces["fall"],
        sense=surfaces["sense"],
        energy=surfaces["energy"],
        offset_ln_r=offset.offset if offset else 0.0,
        sigma_ln_r=offset.sigma if offset else None,
        sigma_slope=offset.slope if offset else 0.0,
        sigma_ln_fall=sigma_fall.value if sigma_fall else 0.0,
    )
    goodness = _check_surfaces(grid[~kept], condition)
    goodness |= {"reads": len(nominal) + len(random), "fitted_reads": int(kept.sum() + used.sum())}
    if offset is not None:
        goodness |= _check_offset(random[~used], offset)
    parameters = _parameters(condition, offset, sigma_fall, goodness["ln_fall_rms"])
    undetermined = [
        name
        for name in ("sigma_ln_r", "sigma_slope", "sigma_ln_fall", "r_star_ohm")
        if name not in parameters
    ]
    goodness |= {"undetermined": undetermined, "remark": _remark(undetermined, goodness)}
    saved = {name: surface.to_dict() for name, surface in surfaces.items()}
    return _Fitted(parameters, {**document, **saved}, goodness)


def _surfaces(grid: pd.DataFrame, where: str) -> dict[str, Surface]:
    found = {}
    for name, column in (("fall", "fall_s"), ("sense", "sense_time_s")):
        rows = grid[np.isfinite(grid[column].to_numpy(float))]
        found[name] = fit_surface(
            rows["x"].to_numpy(), closeness(rows["d"]), rows[column].to_numpy(float),
            f"{where}: {name} time",
        )  # fmt: skip
    high = np.log(grid[["r_bl_ohm", "r_blb_ohm"]].max(axis=1).to_numpy(float))
    energy = grid["read_energy_j"].to_numpy(float)
    found["energy"] = fit_surface(grid["x"].to_numpy(), high, energy, f"{where}: read energy")
    return found


def _offset(random: pd.DataFrame) -> OffsetFit | None:
    return fit_offset(
        random["d"].to_numpy(), random["x"].to_numpy(), random["plus"].to_numpy(bool),
        random["sample"].to_numpy(np.int64),
    )  # fmt: skip


def _fall_spread(random: pd.DataFrame, fall: Surface, offset: OffsetFit | None) -> Parameter | None:
    """Return the spread of ln t over amplifiers, from pairs far from the decision."""
    if random.empty:
        return None
    spread = 0.1 if offset is None else offset.sigma * np.exp(
        offset.slope * (random["x"].to_numpy() - offset.reference)
    )  # fmt: skip
    far = (np.abs(random["d"].to_numpy()) > _FAR * spread) & np.isfinite(random["fall_s"])
    rows = random[far]
    if len(rows) < 10:
        return None
    off = np.log(rows["fall_s"].to_numpy(float)) - fall.log(rows["x"], closeness(rows["d"]))
    squares = pd.Series((off - off.mean()) ** 2).groupby(rows["sample"].to_numpy()).mean()
    count = len(squares)
    if count < 2:
        return None
    value = float(np.sqrt(squares.sum() / (count - 1)))
    relative = float(squares.std(ddof=1) / np.sqrt(count)) / (2 * value**2)
    # On the logarithm, for a spread's estimate is skewed, and so is a short sample's error of it.
    factor = float(np.exp(stats.t.ppf(0.975, count - 1) * relative))
    return Parameter(value, value / factor, value * factor, "1", value * relative)


def _parameters(
    condition: ReadCondition, offset: OffsetFit | None, fall: Parameter | None, rms: float
) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    if offset is not None:
        mean, log_sigma, slope = offset.errors
        found["offset_ln_r"] = _normal(offset.offset, mean)
        factor = float(np.exp(_Z95 * log_sigma))
        found["sigma_ln_r"] = Parameter(
            offset.sigma,
            offset.sigma / factor,
            offset.sigma * factor,
            "1",
            offset.sigma * log_sigma,
        )
        if offset.slope_fitted:
            found["sigma_slope"] = _normal(offset.slope, slope)
    if fall is not None:
        found["sigma_ln_fall"] = fall
    star = condition.r_star_ohm(condition.sample_time_s)
    if star is not None:
        x, h = np.log(star) + np.array([-0.02, 0.02]), closeness(np.log(RATIO_OF_R_STAR))
        slope = float(np.diff(condition.fall.log(x, h))[0] / 0.04)
        if slope > 0:
            factor = float(np.exp(_Z95 * rms / slope))
            found["r_star_ohm"] = Parameter(star, star / factor, star * factor, "ohm")
            if fall is not None:
                ends = (fall.value / slope, fall.low / slope, fall.high / slope)
                found["r_star_sigma_ln_r"] = Parameter(*ends, "1")
    return found


def _check_surfaces(held: pd.DataFrame, condition: ReadCondition) -> dict[str, Any]:
    """Compare the nominal model with reads it was not fitted to."""
    bl, blb = np.log(held["r_bl_ohm"].to_numpy(float)), np.log(held["r_blb_ohm"].to_numpy(float))
    codes = decide(condition, bl, blb)
    truth = held["outcome"].map(_CODES).to_numpy()
    lower, higher, h = np.minimum(bl, blb), np.maximum(bl, blb), closeness(held["d"])
    result: dict[str, Any] = {
        "held_out_reads": len(held),
        "decision_errors": int((codes != truth).sum()),
        "decision_error_rate": float((codes != truth).mean()),
    }
    for name, column, predicted in (
        ("ln_fall", "fall_s", condition.fall.log(lower, h)),
        ("ln_sense_time", "sense_time_s", condition.sense.log(lower, h)),
        ("ln_energy", "read_energy_j", condition.energy.log(lower, higher)),
    ):
        values = held[column].to_numpy(float)
        known = np.isfinite(values)
        off = np.abs(predicted[known] - np.log(values[known]))
        result[f"{name}_rms"] = float(np.sqrt((off**2).mean())) if off.size else 0.0
        result[f"{name}_max"] = float(off.max()) if off.size else 0.0
    return result


def _check_offset(held: pd.DataFrame, offset: OffsetFit) -> dict[str, Any]:
    """Compare the number of decisions against the order with what the model expects."""
    d, x = held["d"].to_numpy(), held["x"].to_numpy()
    p = offset.plus_probability(d, x)
    against = held["plus"].to_numpy(bool) != (d > 0)
    expected = np.where(d > 0, 1 - p, p)
    return {
        "held_out_random_reads": len(held),
        "decisions_against_order": int(against.sum()),
        "decisions_against_order_expected": float(expected.sum()),
    }


def _keep(frame: pd.DataFrame, rng: np.random.Generator, by: str | None) -> Bools:
    """Tell which reads are fitted; whole samples are kept together where `by` names them."""
    labels = np.arange(len(frame)) if by is None else frame[by].to_numpy()
    units = np.unique(labels)
    if len(units) < 3:  # a single sample cannot be kept out
        labels, units = np.arange(len(frame)), np.arange(len(frame))
    out = rng.choice(units, size=max(1, round(_HELD_OUT * len(units))), replace=False)
    return ~np.isin(labels, out)


def _outermost(grid: pd.DataFrame) -> Bools:
    """Tell which reads bound the grid: a surface is checked inside what it was fitted on."""
    x, h = grid["x"].to_numpy(), np.abs(grid["d"].to_numpy())
    closest = h <= np.quantile(h, 0.03)
    return closest | (x == x.min()) | (x == x.max()) | (h == h.max())


def _derived(solved: pd.DataFrame) -> pd.DataFrame:
    bl, blb = solved["r_bl_ohm"].to_numpy(float), solved["r_blb_ohm"].to_numpy(float)
    return solved.assign(
        x=np.log(np.minimum(bl, blb)),
        d=np.log(bl / blb),
        fall_s=solved[["q_fall_time_s", "qb_fall_time_s"]].min(axis=1),
        # Where nothing has fallen yet when sampled, the lead of one output tells.
        plus=(solved["q_sampled_v"] > solved["qb_sampled_v"]).to_numpy(bool),
    )


def _at(frame: pd.DataFrame, keys: Any) -> pd.DataFrame:
    chosen = np.ones(len(frame), dtype=bool)
    for name in _CONDITION:
        chosen &= (frame[name] == getattr(keys, name)).to_numpy(bool)
    return frame[chosen]


def _normal(value: float, error: float) -> Parameter:
    return Parameter(value, value - _Z95 * error, value + _Z95 * error, "1", error)


def _remark(undetermined: list[str], goodness: Mapping[str, Any]) -> str:
    rate = goodness["decision_error_rate"]
    text = f"{rate:.1%} of {goodness['held_out_reads']} held-out decisions differ"
    if undetermined:
        text += f"; the reads do not determine {', '.join(undetermined)}"
    return text
