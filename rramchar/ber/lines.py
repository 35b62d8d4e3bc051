"""Lines through the space of reads: drawn, and followed to where the read goes wrong.

A simulation may fail. While a crossing is being bracketed any point near by serves as well, so the
search asks a few hundredths of a standard deviation beside; the bracket then ends at the point that
was answered. A line on which that fails too, or whose last trial fails, keeps the range of
probabilities that its answered points leave; no line is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rramchar.characterize.bisect import bracket_batch

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Strata = NDArray[np.intp]
Answers = NDArray[np.bool_] | NDArray[np.int8]

FARTHEST = 9.0
"""Ends of a line, in standard deviations: beyond lies a probability of 1e-19."""
UNSOLVED = -1
"""Answer for a point whose simulation failed."""
LINES_PER_BATCH = 40
_WIDE_LINES = 10  # of each batch
_WIDTH = 3.0
# Brackets are halved down to this many units of ln(probability).
_BRACKET = 0.7
# Where to ask instead of a point that fails, in standard deviations: less than half of the smallest
# bracket that is halved, 0.7 / 9.
_BESIDE = (0.01, -0.01, 0.03, -0.03)


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
        normal numbers, to whether each read is wrong, shape (n,): 1 or True, 0 or False, or
        `UNSOLVED` where the simulation failed. Costs one simulation per point.
    predict : callable
        From the case of each line and its u_perp, shape (n, dimensions), to a guess of the
        crossing c, shape (n,). Costs nothing; a bad guess costs simulations, not correctness.
    heavy : int
        So many leading dimensions may have heavy tails (the resistances).
    """

    directions: Floats
    fails: Callable[[Strata, Floats], Answers]
    predict: Callable[[Strata, Floats], Floats]
    heavy: int = 2


class BudgetSpentError(Exception):
    """The next simulations would exceed the budget."""


class Meter:
    """Counts simulations, and those of them that failed.

    Parameters
    ----------
    problem : RareProblem
        What fails.
    budget : int
        Most simulations.
    progress : callable
        Called with the simulations done and the budget.
    """

    def __init__(
        self, problem: RareProblem, budget: int, progress: Callable[[int, int], None]
    ) -> None:
        self.problem = problem
        self.spent = 0
        self.failed = 0
        self._budget = budget
        self._progress = progress

    def fails(self, case: Strata, points: Floats) -> NDArray[np.int8]:
        """Ask the problem, within the budget."""
        if self.spent + len(points) > self._budget:
            raise BudgetSpentError
        answer = np.asarray(self.problem.fails(case, points)).astype(np.int8)
        self.spent += len(points)
        self.failed += int((answer == UNSOLVED).sum())
        self._progress(self.spent, self._budget)
        return answer


class Search:
    """What earlier batches say about how far the prediction is off: where to start, how wide."""

    def __init__(self) -> None:
        self.shift, self.step = 0.0, 0.4

    def learn(self, predicted: Floats, low: Floats, high: Floats) -> None:
        """Take note of brackets; infinite and undetermined ones are passed over."""
        known = np.isfinite(predicted) & np.isfinite(low) & np.isfinite(high)
        if known.sum() < 5:
            return
        off = (low + high)[known] / 2 - predicted[known]
        self.shift = float(np.median(off))
        self.step = float(np.clip(1.5 * np.std(off), 0.04, 1.0))


class _Probe:
    """Asks for points along lines, and remembers what it had to ask elsewhere."""

    def __init__(self, meter: Meter, case: Strata, across: Floats, alpha: Floats) -> None:
        self._meter, self._case, self._across, self._alpha = meter, case, across, alpha
        self._moved: dict[tuple[int, float], float] = {}
        self._right_until = np.full(len(case), -np.inf)
        self._wrong_from = np.full(len(case), np.inf)
        self.lost = np.zeros(len(case), dtype=bool)

    def ask(self, lines: Strata, t: Floats) -> NDArray[np.int8]:
        """Simulate one point on each of some lines: 1 wrong, 0 right, or `UNSOLVED`."""
        points = self._across[lines] + t[:, None] * self._alpha[lines]
        return self._meter.fails(self._case[lines], points)

    def right(self, lines: Strata, t: Floats) -> Bools:
        """Tell whether reads are right; a line that gives no answer is lost, and costs no more."""
        answer = np.zeros(len(lines), dtype=bool)
        pending = np.flatnonzero(~self.lost[lines])
        for shift in (0.0, *_BESIDE):
            if not pending.size:
                break
            at = t[pending] + shift
            found = self.ask(lines[pending], at)
            solved = found != UNSOLVED
            done, at = pending[solved], at[solved]
            answer[done] = found[solved] == 0
            self._remember(lines[done], t[done], at, answer[done])
            pending = pending[~solved]
        self.lost[lines[pending]] = True
        return answer

    def _remember(self, lines: Strata, asked: Floats, at: Floats, right: Bools) -> None:
        np.maximum.at(self._right_until, lines[right], at[right])
        np.minimum.at(self._wrong_from, lines[~right], at[~right])
        for line, wanted, got in zip(lines, asked, at, strict=True):
            if wanted != got:
                self._moved[int(line), float(wanted)] = float(got)

    def answered(self, ends: Floats) -> Floats:
        """Return where the ends of brackets were answered, one for each line."""
        ends = ends.copy()
        for (line, asked), at in self._moved.items():
            if ends[line] == asked:
                ends[line] = at
        return ends

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the least and greatest error probability that the answers leave each line."""
        ends = special.ndtr(-self._wrong_from), special.ndtr(-self._right_until)
        return np.minimum(*ends), np.maximum(*ends)


def follow_lines(meter: Meter, search: Search, seed: int, number: int) -> tuple[Floats, Floats]:
    """Draw a batch of lines and find the error probability of each.

    Parameters
    ----------
    meter : Meter
        Simulates.
    search : Search
        Learns from this batch.
    seed, number : int
        Of the sampling, and of the batch; they determine the lines.

    Returns
    -------
    least, most : array, shape (cases, lines)
        Error probabilities times weights: the same, except where simulations failed. [1]

    Raises
    ------
    BudgetSpentError
        If the budget ends before the batch does.
    """
    problem = meter.problem
    cases = len(problem.directions)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    case = np.repeat(np.arange(cases), LINES_PER_BATCH)
    drawn = [_lines(rng, alpha, problem.heavy) for alpha in problem.directions]
    across = np.concatenate([points for points, _ in drawn])
    weight = np.concatenate([weights for _, weights in drawn])
    uniform = rng.random(len(across))
    probe = _Probe(meter, case, across, problem.directions[case])

    predicted = problem.predict(case, across)
    guess = np.clip(predicted + search.shift, -FARTHEST, FARTHEST)
    low, high = bracket_batch(probe.right, guess, search.step, -FARTHEST, FARTHEST)
    low, high = probe.answered(low), probe.answered(high)
    search.learn(predicted, np.where(probe.lost, np.nan, low), high)
    low, high = _narrow(probe, low, high)
    least, most = _probabilities(probe, low, high, uniform)
    shape = cases, LINES_PER_BATCH
    return (weight * least).reshape(shape), (weight * most).reshape(shape)


def _probabilities(
    probe: _Probe, low: Floats, high: Floats, uniform: Floats
) -> tuple[Floats, Floats]:
    """Return the least and greatest error probability of each line, shape (lines,)."""
    # A line that is right even at its far end errs with less than 1e-18; one wrong throughout, 1.
    least: Floats = np.where(low == np.inf, 0.0, 1.0)
    most = least.copy()
    inside = np.flatnonzero(np.isfinite(low) & ~probe.lost)
    small, great = special.ndtr(-high[inside]), special.ndtr(-low[inside])
    t = -special.ndtri(small + uniform[inside] * (great - small))
    # No other point may stand in for this one: it was drawn.
    trial = probe.ask(inside, np.clip(t, low[inside], high[inside]))
    least[inside] = np.where(trial == 1, great, small)
    most[inside] = np.where(trial == 0, small, great)
    for ends, bound in zip((least, most), probe.bounds(), strict=True):
        ends[probe.lost] = bound[probe.lost]
    return least, most


def _lines(rng: np.random.Generator, alpha: Floats, heavy: int) -> tuple[Floats, Floats]:
    """Draw the lines of one case: where they pass, across alpha, and their weights."""
    normal = rng.standard_normal((LINES_PER_BATCH, len(alpha)))
    across = normal - (normal @ alpha)[:, None] * alpha
    # Orthonormal directions across alpha that the heavy-tailed dimensions span.
    axes = np.eye(len(alpha))[:heavy]
    _, size, basis = np.linalg.svd(axes - (axes @ alpha)[:, None] * alpha, full_matrices=False)
    basis = basis[size > 1e-6]
    scale = np.ones((LINES_PER_BATCH, 1))
    scale[-_WIDE_LINES:] = _WIDTH
    place = across @ basis.T
    across = across + ((scale - 1) * place) @ basis
    square = ((scale * place) ** 2).sum(axis=1)
    share = _WIDE_LINES / LINES_PER_BATCH
    wide = np.exp(square * (1 - _WIDTH**-2) / 2) / _WIDTH ** len(basis)
    return across, 1 / (1 - share + share * wide)


def _narrow(probe: _Probe, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Halve brackets until the probability inside varies by no more than a factor of two."""
    while True:
        with np.errstate(invalid="ignore"):
            wide = (high - low) * np.maximum(np.abs(low), 1.0) > _BRACKET
        open_ = np.flatnonzero(wide & np.isfinite(low) & ~probe.lost)
        if not open_.size:
            return low, high
        middle = (low[open_] + high[open_]) / 2
        answer = probe.right(open_, middle)
        low, high = low.copy(), high.copy()
        low[open_[answer]] = middle[answer]
        high[open_[~answer]] = middle[~answer]
        low, high = probe.answered(low), probe.answered(high)
