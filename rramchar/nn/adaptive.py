"""How many chips to draw for an interval as narrow as asked, without deceiving oneself.

Drawing until the interval looks narrow enough stops too early when the spread looks small by
chance: the stated 95 % then covers less. Stein's two-stage rule does not have this fault. A first
sample of n0 chips gives the spread s; the number of chips is fixed from it once,

    n = max(n0, ceil((t s / d)^2)),    t = Student's 97.5 % quantile with n0 - 1 degrees of freedom,

and the interval is ``mean of all n +- t s / sqrt(n)``, with s and t of the first sample alone. For
normally distributed accuracies it covers exactly 95 % and its half-width is at most d, whatever
the true spread is.

Accuracies come in whole images. Where the first chips agree, their spread says little, and s is not
taken smaller than what `rramchar.nn.chip_interval` says that so few chips leave open; where rare
chips turn up later, which the first sample could not know of, the interval holds them too, and more
chips are drawn until it is as narrow as asked.

References
----------
C. Stein, "A two-sample test for a linear hypothesis whose power is independent of the variance",
Ann. Math. Statist. 16 (1945) 243.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.chip_interval import interval_around, mean_interval, spread_half, unseen_half
from rramchar.nn.evaluate import MOST_DRAWS

FIRST_DRAWS = 20
LIMIT_DRAWS = 1000
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_MORE = 1.1  # least growth of the sample where rare chips widen the interval
Measure = Callable[[range], NDArray[np.float64]]


@dataclass(frozen=True)
class Precision:
    """How narrow the interval of the mean accuracy has to be.

    Parameters
    ----------
    half_width : float
        Of the 95 % interval. [1]
    first_draws : int
        Chips of the first sample, and the least that are drawn.
    limit_draws : int
        The most that are drawn.
    """

    half_width: float
    first_draws: int = FIRST_DRAWS
    limit_draws: int = LIMIT_DRAWS

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (math.isfinite(self.half_width) and 0 < self.half_width < 1):
            raise InputError(
                f"interval: half-width {100 * self.half_width:g} percentage points, expected more "
                "than 0 and less than 100"
            )
        if not 3 <= self.first_draws <= self.limit_draws <= MOST_DRAWS:
            raise InputError(
                f"draws: at least {self.first_draws} and at most {self.limit_draws}, expected "
                f"3 <= least <= most <= {MOST_DRAWS}"
            )


@dataclass(frozen=True, eq=False)
class ChipSample:
    """Accuracies over programmed chips, and the interval of their mean.

    Parameters
    ----------
    accuracy : array of float64, shape (chip,)
        Of each chip. [1]
    interval : tuple of float
        95 % interval of the mean over chips that could have been drawn, within 0 to 1; NaN for one
        chip. [1]
    reached : bool
        Whether the interval is as narrow as asked; True where nothing was asked.
    """

    accuracy: NDArray[np.float64]
    interval: tuple[float, float]
    reached: bool = True

    @property
    def mean(self) -> float:
        """Mean accuracy over the chips. [1]."""
        return float(self.accuracy.mean())

    @property
    def std(self) -> float:
        """Standard deviation over the chips, n - 1 in the denominator; NaN for one. [1]."""
        return float(self.accuracy.std(ddof=1)) if len(self.accuracy) > 1 else math.nan

    def percentiles(self) -> dict[str, float]:
        """Return percentiles over chips, ``p5`` and so on: what share of chips is worse. [1]."""
        return percentiles(self.accuracy)


def percentiles(accuracy: NDArray[np.float64]) -> dict[str, float]:
    """Return the `PERCENTILES` of accuracies as ``p1`` to ``p99``.

    Parameters
    ----------
    accuracy : array, shape (chip,)
        Of each chip. [1]

    Returns
    -------
    dict
        Interpolated between chips; those beyond what the number of chips resolves are near the
        worst and the best chip. [1]
    """
    values = np.percentile(accuracy, PERCENTILES)
    return {f"p{p}": float(v) for p, v in zip(PERCENTILES, values, strict=True)}


def check_draws(draws: int) -> None:
    """Refuse a number of chips that is not from 1 to `MOST_DRAWS`."""
    if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= MOST_DRAWS:
        raise InputError(f"draws: {draws!r}, expected a whole number from 1 to {MOST_DRAWS}")


def sample_fixed(measure: Measure, draws: int, step: float) -> ChipSample:
    """Measure a given number of chips.

    Parameters
    ----------
    measure : callable
        Accuracies of the chips of a range.
    draws : int
        Number of chips, from 1.
    step : float
        What an accuracy changes in, see `mean_interval`. [1]

    Returns
    -------
    ChipSample
        The interval is that of `mean_interval`.
    """
    check_draws(draws)
    accuracy = measure(range(draws))
    return ChipSample(accuracy, mean_interval(accuracy, step))


def sample_until(measure: Measure, precision: Precision, step: float) -> ChipSample:
    """Measure as many chips as an interval of the asked width needs; see the module.

    Parameters
    ----------
    measure : callable
        Accuracies of the chips of a range; called twice at most, but where rare chips turn up.
    precision : Precision
        The width, and the limits.
    step : float
        What an accuracy changes in, see `mean_interval`. [1]

    Returns
    -------
    ChipSample
        ``reached`` is False where the limit of draws came first: the interval is then honest but
        wider than asked.
    """
    asked, limit = precision.half_width, precision.limit_draws
    accuracy = measure(range(precision.first_draws))
    first = len(accuracy)
    spread = max(spread_half(accuracy, step), unseen_half(accuracy, step)) * math.sqrt(first)
    draws = _draws_for(spread, asked)
    while True:
        if min(draws, limit) > len(accuracy):
            more = measure(range(len(accuracy), min(draws, limit)))
            accuracy = np.concatenate([accuracy, more])
        count = len(accuracy)
        unseen = unseen_half(accuracy, step)
        if unseen <= asked or count >= limit:
            break
        draws = max(_draws_for(unseen * math.sqrt(count), asked), math.ceil(_MORE * count))
    half = max(spread / math.sqrt(count), unseen)
    return ChipSample(accuracy, interval_around(accuracy, half), half <= asked * (1 + 1e-12))


def _draws_for(spread: float, half_width: float) -> int:
    """Return how many chips make ``spread / sqrt(chips)`` a half-width, but for rounding."""
    ratio = min(spread / half_width, float(MOST_DRAWS))  # its square is beyond any limit
    return math.ceil(ratio**2 * (1 - 1e-12))
