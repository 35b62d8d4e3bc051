"""Error rates from fitted models: of the resistances, and of the amplifier that reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.ber.analytic import (
    ber_1t1r,
    ber_2t2r,
    best_model_threshold,
    median_model_threshold,
)
from rramchar.ber.counts import confusion_counts
from rramchar.ber.failure_point import LinearReads
from rramchar.ber.rare import RareEstimate, RareProblem, line_sampling
from rramchar.ber.states import States, perturbed, states_of
from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel
from rramchar.fitting.read_decision import MINUS, ReadCondition, decide

DRAWS = 400
_CHUNK = 200_000


@dataclass(frozen=True)
class ModelRate:
    """An error rate of a model and the 95 % interval that its parameters' intervals give.

    Parameters
    ----------
    ber, low, high : float
        Estimate and interval. [1]
    """

    ber: float
    low: float
    high: float


Age = Callable[[States], States]


def fresh(states: States) -> States:
    """Return states as programmed."""
    return states


def amplifier_offset(condition: ReadCondition | None, states: States) -> tuple[float, float]:
    """Return mean and sigma of the amplifier's offset where complementary pairs fail first.

    Parameters
    ----------
    condition : ReadCondition or None
        The read model; without, an ideal amplifier.
    states : States
        The resistances.

    Returns
    -------
    offset_ln_r, sigma_ln_r : float
        In ln(R_BL / R_BLb). [1]
    """
    if condition is None:
        return 0.0, 0.0
    if not condition.precharge_ok:
        raise InputError(
            f"read model at {condition.corner}, {condition.temperature_c:g} degC, "
            f"{condition.vdd_v:g} V: the precharge is incomplete, so that reads are no decisions"
        )
    picture = LinearReads(states, 0.0, np.zeros(0))
    return condition.offset_ln_r, float(condition.sigma(math.log(picture.failing_ohm())))


def threshold_of(states: States, threshold: float | str) -> float:
    """Return a 1T1R threshold by name (``best``, ``median``) or value. [ohm]"""
    if threshold == "best":
        return best_model_threshold(states)
    if threshold == "median":
        return median_model_threshold(states)
    return float(threshold)


def rate_1t1r(
    model: FittedModel, threshold: float | str, *, seed: int = 0, age: Age = fresh
) -> ModelRate:
    """Return the error rate of single devices, with its interval.

    Parameters
    ----------
    model : FittedModel
        Of the resistances.
    threshold : float or str
        ``best``, ``median``, or a resistance. [ohm]
    seed : int
        Of the draws from the parameters' intervals.
    age : callable
        From the states as programmed to the states when read.

    Returns
    -------
    ModelRate
        The threshold is set once, on the estimates as programmed, and kept for the draws.
    """
    level = threshold_of(states_of(model), threshold)
    return _with_interval(model, lambda states: ber_1t1r(age(states), level), seed)


def rate_2t2r(
    model: FittedModel,
    *,
    offset_ln_r: float = 0.0,
    sigma_ln_r: float = 0.0,
    seed: int = 0,
    age: Age = fresh,
) -> ModelRate:
    """Return the error rate of complementary pairs, with its interval.

    Parameters
    ----------
    model : FittedModel
        Of the resistances.
    offset_ln_r, sigma_ln_r : float
        Of the amplifier, see `rramchar.ber.analytic.ber_2t2r`. [1]
    seed : int
        Of the draws from the parameters' intervals.
    age : callable
        From the states as programmed to the states when read.

    Returns
    -------
    ModelRate
        By closed form or quadrature.
    """

    def rate(states: States) -> float:
        return ber_2t2r(age(states), offset_ln_r=offset_ln_r, sigma_ln_r=sigma_ln_r)

    return _with_interval(model, rate, seed)


def sample_2t2r(
    states: States, *, offset_ln_r: float = 0.0, sigma_ln_r: float = 0.0, **sampling: Any
) -> RareEstimate:
    """Estimate the error rate of complementary pairs by line sampling.

    Parameters
    ----------
    states : States
        The resistances.
    offset_ln_r, sigma_ln_r : float
        Of the amplifier. [1]
    **sampling
        ``seed, precision, budget, target, progress`` of `rramchar.ber.rare.line_sampling`.

    Returns
    -------
    RareEstimate
        One simulation is one evaluation of the model.
    """
    gains = np.array([sigma_ln_r]) if sigma_ln_r > 0 else np.zeros(0)
    reads = LinearReads(states, offset_ln_r, gains)
    problem = RareProblem(
        reads.directions, lambda case, points: reads.margin(case, points) <= 0, reads.predict
    )
    return line_sampling(problem, **sampling)


def ternary_counts(
    states: States,
    condition: ReadCondition,
    *,
    trials: int,
    seed: int,
    mismatch: bool = True,
    sample_time_s: float | None = None,
) -> NDArray[np.int64]:
    """Draw reads of ternary cells from the models and count outcomes.

    Parameters
    ----------
    states : States
        The resistances; a stored 0 has two independent HRS.
    condition : ReadCondition
        The amplifier.
    trials : int
        Reads of each stored weight.
    seed : int
        The same seed gives the same counts.
    mismatch : bool
        Draw a new amplifier for each read.
    sample_time_s : float, optional
        By default that of the read model. [s]

    Returns
    -------
    array of int, shape (3, 4)
        Stored plus, zero, minus x outcome plus, zero, minus, invalid. [1]
    """
    if trials < 1:
        raise InputError(f"trials: {trials}, expected at least 1")
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    total = np.zeros((3, 4), dtype=np.int64)
    for start in range(0, trials, _CHUNK):
        size = min(_CHUNK, trials - start)
        for weight in (1, 0, -1):
            u = rng.standard_normal((3, size))
            hrs, lrs = states.ln_resistances(u[0], u[1])
            partner = states.hrs.from_score(u[2]) if weight == 0 else lrs
            bl, blb = (partner, hrs) if weight == -1 else (hrs, partner)
            codes = decide(
                condition, bl, blb, sample_time_s=sample_time_s, mismatch=rng if mismatch else None
            )
            total += confusion_counts(np.full(size, weight), codes)
    return total


def binary_counts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn ternary counts into those of the bit latched from ``q``: an undecided read is plus.

    Parameters
    ----------
    counts : array of int, shape (3, 4)
        As `ternary_counts` gives.

    Returns
    -------
    array of int, shape (3, 4)
        Without reads of a stored 0.
    """
    latched = np.zeros_like(counts)
    latched[:, 0] = counts[:, 0] + counts[:, 1]
    latched[:, MINUS] = counts[:, 2] + counts[:, 3]
    latched[1] = 0
    return latched


def condition_columns(condition: ReadCondition | None) -> Mapping[str, Any]:
    """Return the condition columns of a BER row that a read model fills."""
    if condition is None:
        return {}
    names = ("corner", "temperature_c", "vdd_v", "sample_time_s")
    return {name: getattr(condition, name) for name in names}


def _with_interval(model: FittedModel, rate: Callable[[States], float], seed: int) -> ModelRate:
    ber = rate(states_of(model))
    drawn = [rate(states_of(copy)) for copy in perturbed(model, DRAWS, seed)]
    low, high = np.quantile([d for d in drawn if math.isfinite(d)], [0.025, 0.975])
    return ModelRate(ber, min(float(low), ber), max(float(high), ber))
