"""Other ways to count the same readings: pairs drawn at random, pairs left out, ternary reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.ber.confusion import OUTCOMES
from rramchar.ber.counts import confusion_counts
from rramchar.ber.intervals import clopper_pearson
from rramchar.ber.pairs import CycleMatrices, check_pairable, ternary_pairs, to_matrices
from rramchar.errors import InputError
from rramchar.fitting.clusters import expanded_percentiles

Floats = NDArray[np.float64]
_RESAMPLES = 2000


@dataclass(frozen=True)
class Repaired:
    """2T2R error rates when partners are drawn at random instead of being neighbours.

    Parameters
    ----------
    pairings : int
        Random pairings tried.
    mean : float
        Mean error rate over them. [1]
    low, high : float
        Range of the middle 95 % of them. [1]
    share_at_most : float
        Share of random pairings with no more errors than the real neighbours: near 0, neighbours
        do better than strangers; near 1, worse. [1]
    """

    pairings: int
    mean: float
    low: float
    high: float
    share_at_most: float


@dataclass(frozen=True)
class Reduced:
    """An error count without its worst units.

    Parameters
    ----------
    left_out : tuple of str
        Names of the devices or pairs left out.
    errors, trials : int
        What remains. [1]
    ber, low, high : float
        Its error rate and 95 % Clopper-Pearson interval. [1]
    """

    left_out: tuple[str, ...]
    errors: int
    trials: int
    ber: float
    low: float
    high: float


def count_repaired(frame: pd.DataFrame, *, pairings: int = 200, seed: int = 0) -> Repaired:
    """Count 2T2R errors with partners drawn at random, many times.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame, see `rramchar.ber.counts.count_2t2r`.
    pairings : int
        How many times, at least 20.
    seed : int
        The same seed gives the same pairings.

    Returns
    -------
    Repaired
        What the neighbourhood of partners does to the error rate.

    Raises
    ------
    InputError
        If an argument cannot be used, or no pairs can be made.
    """
    if pairings < 20:
        raise InputError(f"pairings: {pairings}, expected at least 20 for an interval")
    if seed < 0:
        raise InputError(f"seed: {seed}, expected a whole number from 0")
    matrices = to_matrices(frame)
    used = 2 * check_pairable(matrices)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    rates = np.empty(pairings)
    for k in range(pairings):
        order = rng.permutation(len(matrices.devices))[:used]
        rates[k] = _pair_rate(matrices, order)
    real = _pair_rate(matrices, np.arange(used))
    low, high = np.quantile(rates, [0.025, 0.975])
    return Repaired(
        pairings, float(rates.mean()), float(low), float(high), float((rates <= real).mean())
    )


def without_worst(
    names: list[str], errors: NDArray[np.int64], trials: NDArray[np.int64]
) -> Reduced:
    """Leave out the fewest units that make at least half of all errors.

    Parameters
    ----------
    names : list of str
        Devices or pairs.
    errors, trials : array of int, shape (units,)
        Of each. [1]

    Returns
    -------
    Reduced
        What remains; nothing is left out where there are no errors.
    """
    order = np.argsort(-errors, kind="stable")
    total = int(errors.sum())
    many = int(np.searchsorted(np.cumsum(errors[order]), total / 2)) + 1 if total else 0
    kept = order[many:]
    left, tried = int(errors[kept].sum()), int(trials[kept].sum())
    low, high = clopper_pearson(left, tried)
    return Reduced(
        left_out=tuple(names[i] for i in order[:many]),
        errors=left,
        trials=tried,
        ber=left / tried if tried else 0.0,
        low=float(low),
        high=float(high),
    )


def unit_interval(
    errors: NDArray[np.int64], trials: NDArray[np.int64], *, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of an error rate over other devices of the same kind.

    A bootstrap over whole devices or pairs (Efron and Tibshirani 1993), widened for their number:
    what the errors' concentration in few of them means for the next chip. It holds the
    Clopper-Pearson interval of independent reads, for devices without errors are no proof of none.

    Parameters
    ----------
    errors, trials : array of int, shape (units,)
        Of each device or pair. [1]
    seed : int
        Of the resamples.

    Returns
    -------
    low, high : float
        Ends. [1]
    """
    many = len(errors)
    if many < 2:
        return 0.0, 1.0
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    weights = rng.multinomial(many, np.full(many, 1 / many), size=_RESAMPLES)
    tried = weights @ trials
    rates = np.divide(weights @ errors, tried, out=np.full(_RESAMPLES, np.nan), where=tried > 0)
    low, high = expanded_percentiles(rates, many)
    least, most = clopper_pearson(int(errors.sum()), int(trials.sum()))
    return min(float(low), float(least)), max(float(high), float(most))


def count_ternary(frame: pd.DataFrame, r_star_ohm: float) -> NDArray[np.int64]:
    """Count ternary reads by an ideal amplifier with a sharp boundary.

    A read is zero where both resistances lie above R*, else plus or minus by their order; equal
    resistances below R* are invalid.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame, see `rramchar.ber.pairs.ternary_pairs`.
    r_star_ohm : float
        The boundary. [ohm]

    Returns
    -------
    array of int, shape (3, 4)
        Stored plus, zero, minus x outcome plus, zero, minus, invalid. [1]
    """
    if not (np.isfinite(r_star_ohm) and r_star_ohm > 0):
        raise InputError(f"r_star_ohm: {r_star_ohm}, expected a resistance above 0 ohm")
    stored, bl, blb = ternary_pairs(frame)
    codes = np.where(bl > blb, OUTCOMES.index("plus"), OUTCOMES.index("minus"))
    codes[bl == blb] = OUTCOMES.index("invalid")
    codes[np.minimum(bl, blb) > r_star_ohm] = OUTCOMES.index("zero")
    return confusion_counts(stored, codes)


def _pair_rate(matrices: CycleMatrices, order: NDArray[np.int64]) -> float:
    first, second = order[0::2], order[1::2]
    errors = trials = 0
    for a, b in ((first, second), (second, first)):
        high, low = matrices.hrs_ohm[a], matrices.lrs_ohm[b]
        there = np.isfinite(high) & np.isfinite(low)
        errors += int((there & (high <= low)).sum())
        trials += int(there.sum())
    return errors / trials if trials else 0.0
