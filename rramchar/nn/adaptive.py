"""How many chips to draw for an interval as narrow as asked, without deceiving oneself.

Drawing until the interval looks narrow enough stops too early when the spread looks small by
chance: the stated 95 % then covers less. Stein's two-stage rule does not have this fault. A first
sample of n0 chips gives the spread s; the number of chips is fixed from it once,

    n = max(n0, ceil((t s / d)^2)),    t = Student's 97.5 % quantile with n0 - 1 degrees of freedom,

and the interval is ``mean of all n +- t s / sqrt(n)``, with s and t of the first sample alone. For
normally distributed accuracies it covers exactly 95 % and its half-width is at most d, whatever
the true spread is.

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
from scipy.special import stdtrit

from rramchar.errors import InputError
from rramchar.nn.evaluate import MOST_DRAWS

FIRST_DRAWS = 20
LIMIT_DRAWS = 1000
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_UPPER = 0.975
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


def sample_fixed(measure: Measure, draws: int) -> ChipSample:
    """Measure a given number of chips.

    Parameters
    ----------
    measure : callable
        Accuracies of the chips of a range.
    draws : int
        Number of chips, from 1.

    Returns
    -------
    ChipSample
        The interval is Student's t interval of the mean.
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= MOST_DRAWS:
        raise InputError(f"draws: {draws!r}, expected a whole number from 1 to {MOST_DRAWS}")
    accuracy = measure(range(draws))
    return ChipSample(accuracy, mean_interval(accuracy))


def sample_until(measure: Measure, precision: Precision) -> ChipSample:
    """Measure as many chips as an interval of the asked width needs; see the module.

    Parameters
    ----------
    measure : callable
        Accuracies of the chips of a range; called at most twice.
    precision : Precision
        The width, and the limits.

    Returns
    -------
    ChipSample
        ``reached`` is False where the limit of draws came first: the interval is then honest but
        wider than asked.
    """
    accuracy = measure(range(precision.first_draws))
    spread = float(stdtrit(len(accuracy) - 1, _UPPER)) * float(accuracy.std(ddof=1))
    needed = math.ceil((spread / precision.half_width) ** 2 * (1 - 1e-12))
    draws = min(max(needed, precision.first_draws), precision.limit_draws)
    if draws > len(accuracy):
        accuracy = np.concatenate([accuracy, measure(range(len(accuracy), draws))])
    return ChipSample(
        accuracy, _around(accuracy, spread / math.sqrt(draws)), needed <= precision.limit_draws
    )


def mean_interval(accuracy: NDArray[np.float64]) -> tuple[float, float]:
    """Return Student's 95 % interval of a mean accuracy, within 0 to 1; NaN for one value.

    Parameters
    ----------
    accuracy : array, shape (value,)
        Independent accuracies. [1]

    Returns
    -------
    tuple of float
        Its ends. [1]
    """
    count = len(accuracy)
    if count < 2:
        return math.nan, math.nan
    half = float(stdtrit(count - 1, _UPPER)) * float(accuracy.std(ddof=1)) / math.sqrt(count)
    return _around(accuracy, half)


def _around(accuracy: NDArray[np.float64], half: float) -> tuple[float, float]:
    mean = float(accuracy.mean())
    return max(0.0, mean - half), min(1.0, mean + half)
