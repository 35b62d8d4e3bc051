"""Distributions of log10 R: normal, heavy-tailed, skewed, and with a tail population.

Each family gives its log density, both log tail probabilities (for censored readings), and the
maps between a value and its normal score ``z = Phi^-1(F(y))``. The scores keep their precision
far out in the tails, where probabilities near 1 would be lost.

References
----------
M. C. Jones, A. Pewsey, "Sinh-arcsinh distributions", Biometrika 96 (2009) 761 (eq. 2).
K. L. Lange, R. J. A. Little, J. M. G. Taylor, "Robust statistical modeling using the t
distribution", J. Am. Stat. Assoc. 84 (1989) 881.
G. McLachlan, D. Peel, "Finite Mixture Models", Wiley 2000.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from rramchar.fitting.likelihood import Coordinate

Floats = NDArray[np.float64]
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
_MAX_DEGREES = 300.0  # a t distribution beyond is a normal one


@dataclass(frozen=True)
class Family:
    """A distribution of log10 R.

    Parameters
    ----------
    name : str
        As given on the command line.
    coordinates : tuple of Coordinate
        Parameters; the first two are location and scale in decades.
    log_density, log_below, log_above : callable
        ``(y, theta)`` to log density, log probability below and above y.
    from_score : callable
        ``(z, theta)`` to the value at a normal score.
    starts : callable
        ``(location, scale)`` to parameter values from which the search starts.
    """

    name: str
    coordinates: tuple[Coordinate, ...]
    log_density: Callable[[Floats, Floats], Floats]
    log_below: Callable[[Floats, Floats], Floats]
    log_above: Callable[[Floats, Floats], Floats]
    from_score: Callable[[Floats, Floats], Floats]
    starts: Callable[[float, float], list[Floats]]

    def to_score(self, y: Floats, theta: Floats) -> Floats:
        """Return the normal score of values.

        Parameters
        ----------
        y : array
            log10 R. [decade]
        theta : array, shape (parameters,)
            Parameter values.

        Returns
        -------
        array
            ``Phi^-1(F(y))``, from the nearer tail.
        """
        below, above = self.log_below(y, theta), self.log_above(y, theta)
        return np.where(below < above, special.ndtri_exp(below), -special.ndtri_exp(above))


def _place(y: Floats, theta: Floats) -> Floats:
    return np.asarray((np.asarray(y, dtype=float) - theta[0]) / theta[1])


def _log_phi(z: Floats) -> Floats:
    return -0.5 * z**2 - _HALF_LOG_2PI


_LOCATION = Coordinate("location_log10", "decade")
_SCALE = Coordinate("scale_log10", "decade", "log")


def _normal() -> Family:
    return Family(
        "lognormal",
        (_LOCATION, _SCALE),
        log_density=lambda y, t: _log_phi(_place(y, t)) - np.log(t[1]),
        log_below=lambda y, t: special.log_ndtr(_place(y, t)),
        log_above=lambda y, t: special.log_ndtr(-_place(y, t)),
        from_score=lambda z, t: t[0] + t[1] * np.asarray(z),
        starts=lambda m, s: [np.array([m, s])],
    )


def _student() -> Family:
    def log_density(y: Floats, t: Floats) -> Floats:
        x, n = _place(y, t), t[2]
        norm = special.gammaln((n + 1) / 2) - special.gammaln(n / 2) - 0.5 * np.log(n * np.pi)
        return norm - (n + 1) / 2 * np.log1p(x**2 / n) - np.log(t[1])

    def from_score(z: Floats, t: Floats) -> Floats:
        tail = special.ndtr(-np.abs(z))
        return t[0] - t[1] * np.sign(z) * stats.t.ppf(tail, t[2])

    return Family(
        "student_t",
        (_LOCATION, _SCALE, Coordinate("degrees_of_freedom", "1", "logit", _MAX_DEGREES)),
        log_density,
        log_below=lambda y, t: np.log(stats.t.cdf(_place(y, t), t[2])),
        log_above=lambda y, t: np.log(stats.t.cdf(-_place(y, t), t[2])),
        from_score=from_score,
        starts=lambda m, s: [np.array([m, s, 8.0])],
    )


def _sinh_arcsinh() -> Family:
    def score(y: Floats, t: Floats) -> Floats:
        return np.sinh(np.clip(t[3] * np.arcsinh(_place(y, t)) - t[2], -300, 300))

    def log_density(y: Floats, t: Floats) -> Floats:
        x = _place(y, t)
        inner = np.clip(t[3] * np.arcsinh(x) - t[2], -300, 300)
        jacobian = np.log(t[3]) + np.log(np.cosh(inner)) - 0.5 * np.log1p(x**2)
        return _log_phi(np.sinh(inner)) + jacobian - np.log(t[1])

    return Family(
        "sinh_arcsinh",
        (_LOCATION, _SCALE, Coordinate("skew", "1"), Coordinate("tail_weight", "1", "log")),
        log_density,
        log_below=lambda y, t: special.log_ndtr(score(y, t)),
        log_above=lambda y, t: special.log_ndtr(-score(y, t)),
        from_score=lambda z, t: t[0] + t[1] * np.sinh((np.arcsinh(z) + t[2]) / t[3]),
        starts=lambda m, s: [np.array([m, s, e, 0.9]) for e in (-0.2, 0.2)],
    )


def _mixture() -> Family:
    def parts(t: Floats) -> tuple[Floats, Floats]:
        return np.array([t[0], t[1]]), np.array([t[2], t[3]])

    def blend(function: Callable[[Floats], Floats], y: Floats, t: Floats, jacobian: int) -> Floats:
        first, second = parts(t)
        a = function(_place(y, first)) - jacobian * np.log(first[1]) + np.log1p(-t[4])
        b = function(_place(y, second)) - jacobian * np.log(second[1]) + np.log(t[4])
        return np.logaddexp(a, b)

    def log_below(y: Floats, t: Floats) -> Floats:
        return blend(special.log_ndtr, y, t, 0)

    def log_above(y: Floats, t: Floats) -> Floats:
        return blend(lambda x: special.log_ndtr(-x), y, t, 0)

    def from_score(z: Floats, t: Floats) -> Floats:
        # Scores rise with the value, so bisection between the components' own values holds.
        z = np.asarray(z, dtype=float)
        ends = [c[0] + c[1] * (z + s * 2.0) for c in parts(t) for s in (-1, 1)]
        low, high = np.minimum.reduce(ends) - 9 * t[1], np.maximum.reduce(ends) + 9 * t[1]
        for _ in range(60):
            middle = (low + high) / 2
            below, above = log_below(middle, t), log_above(middle, t)
            near = np.where(below < above, special.ndtri_exp(below), -special.ndtri_exp(above))
            low, high = np.where(near < z, middle, low), np.where(near < z, high, middle)
        return (low + high) / 2

    return Family(
        "two_lognormals",
        (
            _LOCATION,
            _SCALE,
            Coordinate("tail_location_log10", "decade"),
            Coordinate("tail_scale_log10", "decade", "log"),
            Coordinate("tail_share", "1", "logit", 0.5),
        ),
        log_density=lambda y, t: blend(_log_phi, y, t, 1),
        log_below=log_below,
        log_above=log_above,
        from_score=from_score,
        starts=lambda m, s: [
            np.array([m, s, m + d * s, w * s, 0.1]) for d, w in ((0, 3), (-2, 1.5), (2, 1.5))
        ],
    )


FAMILIES: dict[str, Family] = {
    family.name: family for family in (_normal(), _student(), _sinh_arcsinh(), _mixture())
}
"""Family by name, from the fewest parameters to the most."""
