"""Rare errors by line sampling: each sample is a line along which the failure is found exactly.

In a space of independent standard normal numbers, a point on a line along the unit vector alpha is
``u = u_perp + t alpha`` with t normal and independent of u_perp. If reads go from right to wrong
once along the line, at ``t = c``, then the line errs with probability ``Phi(-c)``, and the error
rate is the mean of that over random lines. Where the failure is a half space and alpha its normal,
all lines agree and one is enough; elsewhere alpha only decides how many lines it takes, never
where the estimate goes.

The crossing is bracketed, not refined to the end: a bracket (low, high) leaves ``Phi(-high) +
[Phi(-low) - Phi(-high)] x (1 if a point drawn inside the bracket fails, else 0)``, whose mean is
``Phi(-c)`` exactly. So a handful of simulations per line do, without bias.

A heavy tail can put a second way to fail far from alpha, where no ordinary line passes. One line in
four is therefore drawn three times as wide in the plane of the two resistances, and all are
weighted with the density of the mixture (balance heuristic); no weight exceeds 4/3.

References
----------
P. S. Koutsourelakis, H. J. Pradlwarter, G. I. Schueller, "Reliability of structures in high
dimensions, part I", Probab. Eng. Mech. 19 (2004) 409, doi 10.1016/j.probengmech.2004.05.001 (line
sampling). The random trial inside the bracket is stratified sampling on the line.
E. Veach, L. J. Guibas, Proc. SIGGRAPH 1995, 419, doi 10.1145/218380.218498 (balance heuristic).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rramchar.characterize.bisect import bracket_batch
from rramchar.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Strata = NDArray[np.intp]

FARTHEST = 9.0
"""Ends of a line, in standard deviations: beyond lies a probability of 1e-19."""
_LINES_PER_BATCH = 40
_WIDE_LINES = 10  # of each batch
_WIDTH = 3.0
_FEWEST_LINES = 160
_FEWEST_EFFECTIVE = 30.0
_LARGEST_SHARE = 0.25
# Brackets are halved down to this many units of ln(probability).
_BRACKET = 0.7


@dataclass(frozen=True)
class RareProblem:
    """What fails, and where to look for it.

    Parameters
    ----------
    directions : array, shape (strata, dimensions)
        Unit vectors alpha along which reads get worse, one for each equally likely case (such as
        the two orientations of a pair). [1]
    fails : callable
        From the case of each point, shape (n,), and the points, shape (n, dimensions), in standard
        normal numbers, to whether each read is wrong, shape (n,). Costs one simulation per point.
    predict : callable
        From the case of each line and its u_perp, shape (n, dimensions), to a guess of the
        crossing c, shape (n,). Costs nothing; a bad guess costs simulations, not correctness.
    heavy : int
        So many leading dimensions may have heavy tails (the resistances).
    """

    directions: Floats
    fails: Callable[[Strata, Floats], Bools]
    predict: Callable[[Strata, Floats], Floats]
    heavy: int = 2


@dataclass(frozen=True)
class RareEstimate:
    """An error rate with its interval and what supports it.

    Parameters
    ----------
    ber : float
        Estimate. [1]
    low, high : float or None
        Ends of the 95 % interval, normal in ln(BER); None where too few lines carry the estimate
        for an interval to be stated. [1]
    relative_error : float
        Standard error of `ber` over `ber`. [1]
    simulations : int
        Reads spent, all of them.
    lines : int
        Lines that the estimate is the mean of.
    effective_lines : float
        ``(sum p)^2 / sum p^2`` over the lines' error probabilities p: how many equal ones they are
        worth. [1]
    largest_share : float
        Share of the estimate that comes from one line. [1]
    per_case : tuple of float
        Error rate of each case. [1]
    converged : bool
        True where the interval is as narrow as asked, or lies below the target.
    note : str
        Why there is no interval or why it is wider than asked; else empty.
    """

    ber: float
    low: float | None
    high: float | None
    relative_error: float
    simulations: int
    lines: int
    effective_lines: float
    largest_share: float
    per_case: tuple[float, ...]
    converged: bool
    note: str


def line_sampling(
    problem: RareProblem,
    *,
    seed: int,
    precision: float = 0.2,
    budget: int = 5000,
    target: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RareEstimate:
    """Estimate the probability of a wrong read.

    Parameters
    ----------
    problem : RareProblem
        What fails.
    seed : int
        The same seed gives the same points, whoever simulates them.
    precision : float
        Sampling ends when half the 95 % interval is below this share of the estimate. [1]
    budget : int
        Most simulations; a batch of lines that would exceed it is given up.
    target : float, optional
        Sampling also ends when the whole interval lies below this rate. [1]
    progress : callable, optional
        Called with the simulations done and the budget.

    Returns
    -------
    RareEstimate
        See there.

    Raises
    ------
    InputError
        If an argument cannot be used, or the budget does not suffice for one batch of lines.
    """
    _check(seed, precision, budget, target)
    cases = len(problem.directions)
    meter = _Meter(problem, budget, progress or (lambda done, total: None))
    found: list[Floats] = []  # per batch, shape (cases, lines)
    search = _Search()
    estimate = None
    while True:
        try:
            found.append(_batch(meter, search, seed, len(found)))
        except _BudgetSpentError:
            break
        estimate = _summarize(np.concatenate(found, axis=1), meter.spent, precision, target)
        if estimate.converged and estimate.lines >= _FEWEST_LINES:
            return estimate
    if estimate is None:
        raise InputError(
            f"budget: {budget} simulations, too few for {cases * _LINES_PER_BATCH} lines; expected "
            "about 1000 or more"
        )
    return _summarize(np.concatenate(found, axis=1), meter.spent, precision, target)


class _BudgetSpentError(Exception):
    """The next simulations would exceed the budget."""


class _Meter:
    """Counts simulations."""

    def __init__(
        self, problem: RareProblem, budget: int, progress: Callable[[int, int], None]
    ) -> None:
        self.problem = problem
        self.spent = 0
        self._budget = budget
        self._progress = progress

    def fails(self, case: Strata, points: Floats) -> Bools:
        if self.spent + len(points) > self._budget:
            raise _BudgetSpentError
        answer = self.problem.fails(case, points)
        self.spent += len(points)
        self._progress(self.spent, self._budget)
        return answer


class _Search:
    """What earlier batches say about how far the prediction is off: where to start, how wide."""

    def __init__(self) -> None:
        self.shift, self.step = 0.0, 0.4

    def learn(self, predicted: Floats, low: Floats, high: Floats) -> None:
        known = np.isfinite(predicted) & np.isfinite(low) & np.isfinite(high)
        if known.sum() < 5:
            return
        off = (low + high)[known] / 2 - predicted[known]
        self.shift = float(np.median(off))
        self.step = float(np.clip(1.5 * np.std(off), 0.04, 1.0))


def _batch(meter: _Meter, search: _Search, seed: int, number: int) -> Floats:
    """Return the error probability of each line of a batch, shape (cases, lines)."""
    problem = meter.problem
    cases, dimensions = problem.directions.shape
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    case = np.repeat(np.arange(cases), _LINES_PER_BATCH)
    drawn = [_lines(rng, alpha, problem.heavy) for alpha in problem.directions]
    across = np.concatenate([points for points, _ in drawn])
    weight = np.concatenate([weights for _, weights in drawn])
    uniform = rng.random(len(across))
    alpha = problem.directions[case]

    def right(lines: Strata, t: Floats) -> Bools:
        return ~meter.fails(case[lines], across[lines] + t[:, None] * alpha[lines])

    predicted = problem.predict(case, across)
    guess = np.clip(predicted + search.shift, -FARTHEST, FARTHEST)
    low, high = bracket_batch(right, guess, search.step, -FARTHEST, FARTHEST)
    search.learn(predicted, low, high)
    low, high = _narrow(right, low, high)
    inside = np.flatnonzero(np.isfinite(low))
    # A line that is right even at its far end errs with less than 1e-18; one wrong throughout, 1.
    probability: Floats = np.where(low == np.inf, 0.0, 1.0)
    least, most = special.ndtr(-high[inside]), special.ndtr(-low[inside])
    t = -special.ndtri(least + uniform[inside] * (most - least))
    wrong = ~right(inside, np.clip(t, low[inside], high[inside]))
    probability[inside] = np.where(wrong, most, least)
    return (weight * probability).reshape(cases, _LINES_PER_BATCH)


def _lines(rng: np.random.Generator, alpha: Floats, heavy: int) -> tuple[Floats, Floats]:
    """Draw the lines of one case: where they pass, across alpha, and their weights."""
    normal = rng.standard_normal((_LINES_PER_BATCH, len(alpha)))
    across = normal - (normal @ alpha)[:, None] * alpha
    # Orthonormal directions across alpha that the heavy-tailed dimensions span.
    axes = np.eye(len(alpha))[:heavy]
    _, size, basis = np.linalg.svd(axes - (axes @ alpha)[:, None] * alpha, full_matrices=False)
    basis = basis[size > 1e-6]
    scale = np.ones((_LINES_PER_BATCH, 1))
    scale[-_WIDE_LINES:] = _WIDTH
    place = across @ basis.T
    across = across + ((scale - 1) * place) @ basis
    square = ((scale * place) ** 2).sum(axis=1)
    share = _WIDE_LINES / _LINES_PER_BATCH
    wide = np.exp(square * (1 - _WIDTH**-2) / 2) / _WIDTH ** len(basis)
    return across, 1 / (1 - share + share * wide)


def _narrow(
    right: Callable[[Strata, Floats], Bools], low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Halve brackets until the probability inside varies by no more than a factor of two."""
    low, high = low.copy(), high.copy()
    while True:
        with np.errstate(invalid="ignore"):
            wide = (high - low) * np.maximum(np.abs(low), 1.0) > _BRACKET
        open_ = np.flatnonzero(wide & np.isfinite(low))
        if not open_.size:
            return low, high
        middle = (low[open_] + high[open_]) / 2
        answer = right(open_, middle)
        low[open_[answer]] = middle[answer]
        high[open_[~answer]] = middle[~answer]


def _summarize(
    probability: Floats, simulations: int, precision: float, target: float | None
) -> RareEstimate:
    cases, lines = probability.shape
    per_case = probability.mean(axis=1)
    ber = float(per_case.mean())
    error = math.sqrt(float((probability.var(axis=1, ddof=1) / lines).sum())) / cases
    total, square = float(probability.sum()), float((probability**2).sum())
    effective = total**2 / square if square > 0 else 0.0
    share = float(probability.max()) / total if total > 0 else 1.0
    relative = error / ber if ber > 0 else math.inf
    low = high = None
    if ber == 0:
        note = "no line of the sample fails; the rate is too low or the model wrong"
    elif effective < _FEWEST_EFFECTIVE or share > _LARGEST_SHARE:
        note = (
            f"{lines * cases} lines are worth only {effective:.0f} and one makes {share:.0%} of "
            "the estimate; no interval can be stated, raise the budget"
        )
    else:
        factor = math.exp(1.96 * relative)
        low, high, note = ber / factor, min(1.0, ber * factor), ""
    narrow = high is not None and low is not None and (high - low) / 2 <= precision * ber
    below = high is not None and target is not None and high < target
    if high is not None and not (narrow or below):
        note = f"the interval is wider than +-{precision:.0%}; raise the budget"
    return RareEstimate(
        ber=ber,
        low=low,
        high=high,
        relative_error=relative,
        simulations=simulations,
        lines=lines * cases,
        effective_lines=effective,
        largest_share=share,
        per_case=tuple(float(p) for p in per_case),
        converged=narrow or below,
        note=note,
    )


def _check(seed: int, precision: float, budget: int, target: float | None) -> None:
    if seed < 0:
        raise InputError(f"seed: {seed}, expected a whole number from 0")
    if not 0 < precision < 1:
        raise InputError(f"precision: {precision:g}, expected a share between 0 and 1")
    if budget < 1:
        raise InputError(f"budget: {budget}, expected at least 1 simulation")
    if target is not None and not 0 < target < 1:
        raise InputError(f"target: {target:g}, expected a rate between 0 and 1")
