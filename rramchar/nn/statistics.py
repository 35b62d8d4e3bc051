"""The one quantile that intervals over draws need, without a dependency on scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

from rramchar.errors import InputError


def student_t_quantile(probability: float, freedom: int) -> float:
    """Return a quantile of Student's t distribution.

    Found by bisection on the exact distribution function for whole degrees of freedom, a finite
    trigonometric series (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and
    26.7.4); above 1000 degrees of freedom by the first terms of the Cornish-Fisher expansion
    (26.7.5), then right to ten digits.

    Parameters
    ----------
    probability : float
        Above 0 and below 1. [1]
    freedom : int
        Degrees of freedom, at least 1.

    Returns
    -------
    float
        The value that a t variable stays below with that probability.

    Examples
    --------
    >>> round(student_t_quantile(0.975, 19), 4)
    2.093
    """
    if not 0 < probability < 1:
        raise InputError(f"probability: {probability}, expected above 0 and below 1")
    if freedom < 1:
        raise InputError(f"degrees of freedom: {freedom}, expected at least 1")
    if probability < 0.5:
        return -student_t_quantile(1 - probability, freedom)
    if freedom > 1000:
        return _cornish_fisher(NormalDist().inv_cdf(probability), freedom)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        if 0.5 + _central(angle, freedom) / 2 < probability:
            low = angle
        else:
            high = angle
    return math.tan((low + high) / 2) * math.sqrt(freedom)


def _central(angle: float, freedom: int) -> float:
    """Return the probability that abs(t) is below ``tan(angle) sqrt(freedom)``."""
    cosine = math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def _cornish_fisher(x: float, n: int) -> float:
    first = (x**3 + x) / 4
    second = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    third = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    return x + first / n + second / n**2 + third / n**3
