"""Many bisections at once: each step asks for one batch of trials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Answers, for some bisections (their numbers) at some positions, whether the position is below the
# boundary.
Trial = Callable[[NDArray[np.intp], Array], NDArray[np.bool_]]


def bisect_batch(below: Trial, low: Array, high: Array, resolution: float) -> Array:
    """Find, for each of many monotonic questions, where the answer changes.

    Parameters
    ----------
    below : callable
        Called with the numbers of the bisections, shape (asked,), and one position each; returns
        True where the position lies below the boundary.
    low, high : array, shape (bisection,)
        Ends of the range: the answer is taken to be True at `low` and False at `high`.
    resolution : float
        Widest bracket that is left, in the unit of the positions.

    Returns
    -------
    array, shape (bisection,)
        Middle of the last bracket.
    """
    low, high = low.astype(float).copy(), high.astype(float).copy()
    while True:
        open_ = np.flatnonzero(high - low > resolution)
        if open_.size == 0:
            return (low + high) / 2
        middle = (low[open_] + high[open_]) / 2
        answer = below(open_, middle)
        low[open_[answer]] = middle[answer]
        high[open_[~answer]] = middle[~answer]


def bracket_batch(
    below: Trial, guess: Array, step: float, lowest: float, highest: float
) -> tuple[Array, Array]:
    """Widen a guess until it brackets the boundary, for many bisections at once.

    Parameters
    ----------
    below : callable
        As in `bisect_batch`.
    guess : array, shape (bisection,)
        Where the boundary is expected; NaN starts with the whole range.
    step : float
        Half width of the first bracket; it doubles until it holds the boundary.
    lowest, highest : float
        Ends of the range. A boundary outside it is given as an infinite bracket.

    Returns
    -------
    low, high : array, shape (bisection,)
        The answer is True at `low` and False at `high`. Both are -inf where the answer is False
        even at `lowest`, and inf where it is True even at `highest`.
    """
    known = np.isfinite(guess)
    low = np.where(known, np.clip(guess - step, lowest, highest), lowest)
    high = np.where(known, np.clip(guess + step, lowest, highest), highest)
    for end, other, wanted, limit, outside in (
        (low, high, True, lowest, -np.inf),
        (high, low, False, highest, np.inf),
    ):
        pending = np.flatnonzero(np.isfinite(end))
        width = step
        while pending.size:
            wrong = pending[below(pending, end[pending]) != wanted]
            at_limit = end[wrong] == limit
            end[wrong[at_limit]] = outside
            other[wrong[at_limit]] = outside
            pending = wrong[~at_limit]
            # What answered wrongly is an inner bound for the other end.
            other[pending] = end[pending]
            width *= 2
            moved = end[pending] + (-width if wanted else width)
            end[pending] = np.clip(moved, lowest, highest)
    return low, high
