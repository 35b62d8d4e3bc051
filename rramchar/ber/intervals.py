"""Confidence intervals of an error rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from rramchar.errors import InputError


def clopper_pearson(
    errors: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact (Clopper-Pearson) interval of a binomial rate.

    It holds for independent trials. Errors that cluster in a few cells make the true uncertainty
    over cells larger than this interval says.

    Parameters
    ----------
    errors : int or array of int
        Errors counted. [1]
    trials : int or array of int
        Trials, broadcast against `errors`. [1]
    confidence : float
        Least coverage, between 0 and 1. [1]

    Returns
    -------
    low, high : array, broadcast shape
        Ends of the interval; 0 errors give exactly ``low = 0``, all errors exactly ``high = 1``,
        no trials give 0 and 1. [1]

    References
    ----------
    C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence: {confidence}, expected a number between 0 and 1")
    k, n = _counts("errors", errors), _counts("trials", trials)
    k, n = np.broadcast_arrays(k, n)
    if (k > n).any():
        at = int(np.argmax((k > n).ravel()))
        raise InputError(
            f"errors: {k.ravel()[at]:.0f} of {n.ravel()[at]:.0f} trials, expected at most as many "
            "errors as trials"
        )
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(k == 0, 0.0, stats.beta.ppf(tail, np.maximum(k, 1), n - k + 1))
        high = np.where(k == n, 1.0, stats.beta.isf(tail, k + 1, np.maximum(n - k, 1)))
    return low, high


def _counts(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.number):
        raise InputError(f"{name}: {values!r}, expected whole numbers from 0")
    numbers = array.astype(float)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers)))
    if wrong.any():
        value = numbers.ravel()[int(np.argmax(wrong.ravel()))]
        raise InputError(f"{name}: {value:g}, expected a whole number from 0")
    return numbers
