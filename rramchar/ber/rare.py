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

Where simulations fail, a line may be left with a range of probabilities (`rramchar.ber.lines`). The
lower end of the interval takes all such lines at their least, the upper end at their greatest.

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

from rramchar.ber.lines import (
    FARTHEST,
    LINES_PER_BATCH,
    UNSOLVED,
    BudgetSpentError,
    Floats,
    Meter,
    RareProblem,
    Search,
    follow_lines,
)
from rramchar.errors import InputError

__all__ = ["FARTHEST", "UNSOLVED", "RareEstimate", "RareProblem", "line_sampling"]

_FEWEST_LINES = 160
_FEWEST_EFFECTIVE = 30.0
_LARGEST_SHARE = 0.25


@dataclass(frozen=True)
class RareEstimate:
    """An error rate with its interval and what supports it.

    Parameters
    ----------
    ber : float
        Estimate. A line that failed simulations leave undetermined counts as the mean of the
        others, or what its own range has nearest to it. [1]
    low, high : float or None
        Ends of the 95 % interval, normal in ln(BER); `low` with every undetermined line at its
        least probability, `high` at its greatest. None where too few lines carry the estimate for
        an interval to be stated. [1]
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
        Why there is no interval, why it is wider than asked, what failed; else empty.
    failed_simulations : int
        Those of `simulations` that gave no answer.
    undetermined_lines : int
        Those of `lines` of which only a range is known, because simulations failed.
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
    failed_simulations: int = 0
    undetermined_lines: int = 0


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
    meter = Meter(problem, budget, progress or (lambda done, total: None))
    found: list[tuple[Floats, Floats]] = []  # least and most per batch, shape (cases, lines)
    search = Search()
    while True:
        try:
            found.append(follow_lines(meter, search, seed, len(found)))
        except BudgetSpentError:
            break
        estimate = _summarize(found, meter, precision, target)
        if estimate.converged and estimate.lines >= _FEWEST_LINES:
            return estimate
    if not found:
        raise InputError(
            f"budget: {budget} simulations, too few for "
            f"{len(problem.directions) * LINES_PER_BATCH} lines; expected about 1000 or more"
        )
    return _summarize(found, meter, precision, target)


def _summarize(
    found: list[tuple[Floats, Floats]], meter: Meter, precision: float, target: float | None
) -> RareEstimate:
    least, most = (np.concatenate(ends, axis=1) for ends in zip(*found, strict=True))
    probability, open_lines = _probable(least, most), int((least < most).sum())
    cases, lines = probability.shape
    ber, relative = _mean(probability)
    total, square = float(probability.sum()), float((probability**2).sum())
    effective = total**2 / square if square > 0 else 0.0
    share = float(probability.max()) / total if total > 0 else 1.0
    low = high = None
    if ber == 0:
        note = "no line of the sample fails; the rate is too low or the model wrong"
    elif open_lines > lines * cases / 2:
        note = "most lines are undetermined; neither the estimate nor an interval can be stated"
    elif effective < _FEWEST_EFFECTIVE or share > _LARGEST_SHARE:
        note = (
            f"{lines * cases} lines are worth only {effective:.0f} and one makes {share:.0%} of "
            "the estimate; no interval can be stated, raise the budget"
        )
    else:
        low, high, note = _end(least, -1), min(1.0, _end(most, +1)), ""
    narrow = high is not None and low is not None and (high - low) / 2 <= precision * ber
    below = high is not None and target is not None and high < target
    if high is not None and not (narrow or below):
        note = f"the interval is wider than +-{precision:.0%}; raise the budget"
    notes = [note, _failures(meter.failed, open_lines, lines * cases)]
    return RareEstimate(
        ber=ber,
        low=low,
        high=high,
        relative_error=relative,
        simulations=meter.spent,
        lines=lines * cases,
        effective_lines=effective,
        largest_share=share,
        per_case=tuple(float(p) for p in probability.mean(axis=1)),
        converged=narrow or below,
        note="; ".join(text for text in notes if text),
        failed_simulations=meter.failed,
        undetermined_lines=open_lines,
    )


def _probable(least: Floats, most: Floats) -> Floats:
    """Return the probability of each line: where a range, what comes nearest to its case's mean."""
    known = least == most
    if known.all():
        return least
    count = known.sum(axis=1, keepdims=True)
    mean = np.where(known, least, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    return np.where(count > 0, np.clip(mean, least, most), (least + most) / 2)


def _mean(probability: Floats) -> tuple[float, float]:
    """Return the mean over equally likely cases, and its relative standard error."""
    cases, lines = probability.shape
    ber = float(probability.mean(axis=1).mean())
    error = math.sqrt(float((probability.var(axis=1, ddof=1) / lines).sum())) / cases
    return ber, error / ber if ber > 0 else math.inf


def _end(probability: Floats, sign: int) -> float:
    """Return an end of the 95 % interval, normal in ln(BER); 0 where no line fails."""
    ber, relative = _mean(probability)
    return ber * math.exp(sign * 1.96 * relative) if ber > 0 else 0.0


def _failures(failed: int, open_lines: int, lines: int) -> str:
    if not failed:
        return ""
    text = f"{failed} simulation{'s' if failed > 1 else ''} failed"
    if not open_lines:
        return f"{text}, and points beside them were taken"
    return (
        f"{text}; {open_lines} of {lines} lines are undetermined, the interval takes both outcomes"
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
