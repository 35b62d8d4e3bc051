"""Device-to-device and cycle-to-cycle spread of readings of which some are censored.

The model is ``y = mu + a[device] + e``, ``a ~ N(0, d2d^2)``, ``e ~ N(0, c2c^2)``; a censored
reading is known only to lie above or below a bound. The likelihood of a device integrates over its
``a`` by adaptive Gauss-Hermite quadrature.

References
----------
J. C. Pinheiro, D. M. Bates, "Approximations to the log-likelihood function in the nonlinear
mixed-effects model", J. Comput. Graph. Stat. 4 (1995) 12 (adaptive quadrature).
J. P. Hughes, "Mixed effects models with censored data", Biometrics 55 (1999) 625.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rramchar.fitting.likelihood import Coordinate, Estimate, maximize

Floats = NDArray[np.float64]
_NODES = 12
_NEWTON_STEPS = 12
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def fit_two_level(values: Floats, sides: NDArray[np.int64], labels: NDArray[np.int64]) -> Estimate:
    """Fit mean and both spreads by maximum likelihood.

    Parameters
    ----------
    values : array, shape (readings,)
        Readings, or bounds of the censored ones; for instance log10 R. [decade]
    sides : array of int, shape (readings,)
        0 for a reading, +1 where the true value is above the bound, -1 where below.
    labels : array of int, shape (readings,)
        Device of each reading, from 0.

    Returns
    -------
    Estimate
        ``mean_log10``, ``sigma_d2d_log10``, ``sigma_c2c_log10`` [decade], with intervals over
        devices.
    """
    centre = float(np.median(values))
    unit = float(np.subtract(*np.quantile(values, [0.841, 0.159]))) / 2 or 1.0
    scaled = (values - centre) / unit
    exact, k = sides == 0, int(labels.max()) + 1
    count = np.bincount(labels[exact], minlength=k).astype(float)
    mean = np.bincount(labels[exact], weights=scaled[exact], minlength=k) / np.maximum(count, 1)
    square = np.bincount(labels[exact], weights=scaled[exact] ** 2, minlength=k) - count * mean**2
    bounds, sign, owner = scaled[~exact], sides[~exact].astype(float), labels[~exact]

    def censored(a: Floats, mu: float, c: float) -> tuple[Floats, Floats, Floats]:
        # log probability of the censored readings and its derivatives over a, per device
        u = sign * (mu + a[owner] - bounds) / c
        tail = special.log_ndtr(u)
        mills = np.exp(-0.5 * u**2 - _HALF_LOG_2PI - tail)
        sums = (tail, sign * mills / c, -mills * (u + mills) / c**2)
        found = [np.asarray(np.bincount(owner, weights=s, minlength=k), float) for s in sums]
        return found[0], found[1], found[2]

    def joint(a: Floats, mu: float, d: float, c: float) -> Floats:
        about = square + count * (mean - mu - a) ** 2
        inside = -count * (np.log(c) + _HALF_LOG_2PI) - about / (2 * c**2)
        return inside + censored(a, mu, c)[0] - 0.5 * (a / d) ** 2 - np.log(d) - _HALF_LOG_2PI

    def log_density(theta: Floats) -> Floats:
        mu, d, c = theta
        a = np.zeros(k)
        for _ in range(_NEWTON_STEPS):
            _, slope, bend = censored(a, mu, c)
            curvature = count / c**2 + 1 / d**2 - bend
            a = a + (count * (mean - mu - a) / c**2 + slope - a / d**2) / curvature
        width = 1 / np.sqrt(count / c**2 + 1 / d**2 - censored(a, mu, c)[2])
        nodes, weights = special.roots_hermite(_NODES)
        terms = [
            joint(a + np.sqrt(2) * width * x, mu, d, c) + x**2 + np.log(w)
            for x, w in zip(nodes, weights, strict=True)
        ]
        return special.logsumexp(terms, axis=0) + np.log(np.sqrt(2) * width)

    coordinates = (
        Coordinate("mean_log10", "decade"),
        Coordinate("sigma_d2d_log10", "decade", "log"),
        Coordinate("sigma_c2c_log10", "decade", "log"),
    )
    scaled_fit = maximize(log_density, coordinates, [np.array([0.0, 0.7, 0.7])], np.arange(k))
    return rescale(scaled_fit, centre, unit, ("mean_log10",))


def rescale(fit: Estimate, centre: float, unit: float, locations: tuple[str, ...]) -> Estimate:
    """Return an estimate of standardized readings in the readings' own unit.

    Parameters
    ----------
    fit : Estimate
        Of ``(y - centre) / unit``.
    centre, unit : float
        The standardization.
    locations : tuple of str
        Parameters that are places; others in decades are widths, and the rest pure numbers.

    Returns
    -------
    Estimate
        The log likelihood too is that of the readings themselves.
    """
    search, factor = fit.search.copy(), np.ones(len(fit.search))
    for i, c in enumerate(fit.coordinates):
        if c.name in locations:
            search[i], factor[i] = centre + unit * search[i], unit
        elif c.unit == "decade" and c.scale == "log":
            search[i] += np.log(unit)
    return dataclasses.replace(
        fit, search=search, covariance=fit.covariance * np.outer(factor, factor)
    )
