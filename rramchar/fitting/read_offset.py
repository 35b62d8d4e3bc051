"""Offset of the sense amplifier from Monte Carlo reads: a probit whose spread varies with R."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import minimize

from rramchar.errors import InputError

Floats = NDArray[np.float64]
_FEWEST_AGAINST = 5
# Fewer standard deviations of ln R than this between informative pairs tell no slope of sigma.
_LEVELS_APART = 0.5


@dataclass(frozen=True)
class OffsetFit:
    """Maximum likelihood of ``P(plus) = Phi((d - offset) / (sigma exp(slope (x - x0))))``.

    Parameters
    ----------
    offset, sigma, slope : float
        Estimates. [1]
    errors : tuple of 3 float
        Standard errors of offset, ln sigma and slope, from the sandwich with samples as clusters;
        0 for a slope that is not fitted.
    reference : float
        x0 in ln(R / ohm): sigma is stated there. [1]
    slope_fitted : bool
        False where the informative pairs lie at one level of resistance.
    """

    offset: float
    sigma: float
    slope: float
    errors: tuple[float, float, float]
    reference: float
    slope_fitted: bool

    def plus_probability(self, d: Floats, x: Floats) -> Floats:
        """Return P(plus) of pairs with ln-ratio `d` and lower ln-resistance `x`."""
        spread = self.sigma * np.exp(self.slope * (x - self.reference))
        return special.ndtr((d - self.offset) / spread)


def fit_offset(
    d: Floats, x: Floats, plus: NDArray[np.bool_], sample: NDArray[np.int64]
) -> OffsetFit | None:
    """Fit the offset's distribution to decisions.

    Parameters
    ----------
    d : array, shape (reads,)
        ln R_BL - ln R_BLb. [1]
    x : array, shape (reads,)
        ln of the lower resistance. [1]
    plus : array of bool, shape (reads,)
        The decision.
    sample : array of int, shape (reads,)
        Which amplifier made it; reads of one are not independent.

    Returns
    -------
    OffsetFit or None
        None where fewer than five decisions go against the order of the resistances: then the
        reads say that sigma is small against the ratios swept, but not how small.

    Raises
    ------
    InputError
        If the likelihood has no maximum.
    """
    against = plus != (d > 0)
    if against.sum() < _FEWEST_AGAINST:
        return None
    reference = float(np.median(x[against]))
    slope_fitted = bool(np.ptp(x[against]) > _LEVELS_APART and against.sum() >= 3 * _FEWEST_AGAINST)
    sign = np.where(plus, 1.0, -1.0)
    free = 3 if slope_fitted else 2

    def per_read(theta: Floats) -> Floats:
        slope = theta[2] if slope_fitted else 0.0
        spread = np.exp(np.clip(theta[1] + slope * (x - reference), -30, 30))
        return special.log_ndtr(sign * (d - theta[0]) / spread)

    start = np.array([0.0, np.log(max(np.median(np.abs(d[against])), 1e-3)), 0.0])[:free]
    found = minimize(lambda t: -per_read(t).sum(), start, method="BFGS")
    if not np.isfinite(found.x).all() or abs(found.x[1]) > 8:
        raise InputError(
            "offset: the likelihood of the Monte Carlo decisions has no maximum (sigma_ln_r); "
            "sweep pairs of several ratios between 1.05 and 2, both ways round"
        )
    errors = _sandwich(per_read, found.x, sample)
    padded = (*(float(e) for e in errors), 0.0)[:3]
    return OffsetFit(
        offset=float(found.x[0]),
        sigma=float(np.exp(found.x[1])),
        slope=float(found.x[2]) if slope_fitted else 0.0,
        errors=(padded[0], padded[1], padded[2]),
        reference=reference,
        slope_fitted=slope_fitted,
    )


def _sandwich(per_read, theta: Floats, sample: NDArray[np.int64]) -> Floats:  # type: ignore[no-untyped-def]
    """Return clustered standard errors: bread from the Hessian, meat from scores by sample."""
    size = len(theta)
    step = 1e-4
    basis = np.eye(size) * step
    score = np.stack([(per_read(theta + e) - per_read(theta - e)) / (2 * step) for e in basis], 1)
    total = lambda t: float(per_read(t).sum())  # noqa: E731
    hessian = np.array(
        [
            [
                (
                    total(theta + a + b)
                    - total(theta + a - b)
                    - total(theta - a + b)
                    + total(theta - a - b)
                )
                / (4 * step**2)
                for b in basis
            ]
            for a in basis
        ]
    )
    _, cluster = np.unique(sample, return_inverse=True)
    by_sample = np.zeros((int(cluster.max()) + 1, size))
    np.add.at(by_sample, cluster, score)
    bread = np.linalg.pinv(-hessian)
    many = len(by_sample)
    meat = by_sample.T @ by_sample * (many / max(many - 1, 1))
    return np.sqrt(np.diag(bread @ meat @ bread))
