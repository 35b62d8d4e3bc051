"""Maximum likelihood for clustered readings: estimates, sandwich intervals, what is undetermined.

Readings of one device are not independent. The estimates maximize the sum of the readings' log
densities as if they were (a composite likelihood); their covariance is a one-step jackknife over
devices: the sandwich ``H^-1 J H^-1`` with every cluster's score solved with the Hessian of the
others. Its degrees of freedom follow from the kurtosis of the clusters' parts: few devices with
long tails tell little about an error.

References
----------
C. Varin, N. Reid, D. Firth, "An overview of composite likelihood methods", Stat. Sinica 21 (2011)
5 (sandwich covariance).
R. M. Bell, D. F. McCaffrey, "Bias reduction in standard errors for linear regression with
multi-stage samples", Surv. Methodol. 28 (2002) 169 (jackknife sandwich).
B. O'Neill, "Some useful moment results in sampling problems", Am. Stat. 68 (2014) 282 (degrees of
freedom of a variance from the kurtosis).
R. H. Jones, "Bayesian information criterion for longitudinal and clustered data", Stat. Med. 30
(2011) 3050; T. Lumley, A. Scott, "AIC and BIC for modeling with complex survey data", J. Surv.
Stat. Methodol. 3 (2015) 1 (effective number of readings, design effect).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from rramchar.fitting.model import Parameter

Floats = NDArray[np.float64]
_STEP = 1e-4  # of the differences, in coordinates of order one
_FLAT = 1e-7  # curvature per reading below which a direction is not determined
_WIDE = 3.0  # standard error of a log or logit coordinate beyond which it is not determined


@dataclass(frozen=True)
class Coordinate:
    """One parameter of a likelihood and how it is searched.

    Parameters
    ----------
    name : str
        The parameter.
    unit : str
        Unit of its value.
    scale : str
        ``linear``; ``log`` for values above 0; ``logit`` for values between 0 and `top`.
    top : float
        Upper bound on the logit scale.
    """

    name: str
    unit: str = "1"
    scale: str = "linear"
    top: float = 1.0

    def to_value(self, x: float) -> float:
        """Return the value at a search coordinate."""
        if self.scale == "log":
            return float(np.exp(min(x, 700.0)))
        if self.scale == "logit":
            return float(self.top / (1.0 + np.exp(-np.clip(x, -700.0, 700.0))))
        return float(x)

    def to_search(self, value: float) -> float:
        """Return the search coordinate of a value."""
        if self.scale == "log":
            return float(np.log(value))
        if self.scale == "logit":
            return float(np.log(value / (self.top - value)))
        return float(value)


@dataclass(frozen=True)
class Estimate:
    """A maximum of a likelihood.

    Parameters
    ----------
    coordinates : tuple of Coordinate
        The parameters.
    search : array, shape (parameters,)
        The maximum in search coordinates.
    covariance : array, shape (parameters, parameters)
        Of the search coordinates; NaN where undetermined.
    freedom : array, shape (parameters,)
        Degrees of freedom of each standard error.
    log_likelihood : float
        At the maximum, as if readings were independent.
    readings, clusters : int
        Their numbers.
    converged : bool
        Whether the search ended at a maximum.
    message : str
        The optimizer's words.
    undetermined : tuple of str
        Parameters that the data do not determine.
    """

    coordinates: tuple[Coordinate, ...]
    search: Floats
    covariance: Floats
    freedom: Floats
    log_likelihood: float
    readings: int
    clusters: int
    converged: bool
    message: str
    undetermined: tuple[str, ...]

    @property
    def values(self) -> Floats:
        """Parameter values, shape (parameters,), each in its unit."""
        pairs = zip(self.coordinates, self.search, strict=True)
        return np.array([c.to_value(x) for c, x in pairs])

    def parameters(self) -> dict[str, Parameter]:
        """Return the determined parameters with 95 % intervals.

        Returns
        -------
        dict of str to Parameter
            Intervals are symmetric in the search coordinate, from Student's t with the degrees of
            freedom of the standard error, which itself is by the delta method.
        """
        quantiles = stats.t.ppf(0.975, self.freedom)
        errors = np.sqrt(np.diag(self.covariance))
        found = {}
        for c, x, error, t in zip(self.coordinates, self.search, errors, quantiles, strict=True):
            if c.name in self.undetermined or not np.isfinite(error):
                continue
            value, low, high = (c.to_value(x + s) for s in (0.0, -t * error, t * error))
            slope = (c.to_value(x + _STEP) - c.to_value(x - _STEP)) / (2 * _STEP)
            if np.isfinite(high):
                found[c.name] = Parameter(value, low, high, c.unit, float(abs(slope) * error))
        return found

    def criteria(self, effective: float | None = None) -> dict[str, float]:
        """Return the information criteria; smaller is better.

        Parameters
        ----------
        effective : float, optional
            How many independent readings would tell as much; all of them without.

        Returns
        -------
        dict of str to float
            ``aic``, ``bic``: as if readings were independent, too kind to large models when they
            are not; ``aic_clustered``, ``bic_clustered``: with the log likelihood scaled down to
            the effective number of readings.
        """
        size = min(float(effective or self.readings), float(self.readings))
        fit, p = -2.0 * self.log_likelihood, len(self.search)
        scaled = fit * size / self.readings
        return {
            "log_likelihood": self.log_likelihood,
            "parameters": p,
            "aic": fit + 2 * p,
            "bic": fit + float(np.log(self.readings)) * p,
            "aic_clustered": scaled + 2 * p,
            "bic_clustered": scaled + float(np.log(max(size, 2.0))) * p,
        }


def maximize(
    log_density: Callable[[Floats], Floats],
    coordinates: Sequence[Coordinate],
    starts: Sequence[Floats],
    clusters: NDArray[np.int64],
) -> Estimate:
    """Find the maximum of a sum of log densities.

    Parameters
    ----------
    log_density : callable
        Parameter values, shape (parameters,), to the log density of every reading, shape
        (readings,). Units of the readings should be such that parameters differ by order one.
    coordinates : sequence of Coordinate
        The parameters, in the order of `log_density`.
    starts : sequence of array
        Parameter values to start from; the best end is taken.
    clusters : array of int, shape (readings,)
        Device of each reading, from 0.

    Returns
    -------
    Estimate
        Never raises for a bad fit: look at `converged` and `undetermined`.
    """
    coordinates, readings = tuple(coordinates), len(clusters)

    def rows(search: Floats) -> Floats:
        pairs = zip(coordinates, search, strict=True)
        with np.errstate(all="ignore"):
            density = log_density(np.array([c.to_value(x) for c, x in pairs]))
        return np.maximum(np.nan_to_num(density, nan=-1e10, neginf=-1e10), -1e10)

    def cost(search: Floats) -> float:
        return -float(rows(search).mean())

    ends = []
    for start in starts:
        pairs = zip(coordinates, start, strict=True)
        begin = np.array([c.to_search(v) for c, v in pairs])
        ends.append(_search(cost, begin))
    best = min(ends, key=lambda end: float(end.fun))
    at, k = np.asarray(best.x, dtype=float), int(clusters.max()) + 1
    hessian, spread, freedom = _jackknife(rows, at, clusters, k)
    covariance, undetermined = _settle(hessian, spread, coordinates, readings)
    return Estimate(
        coordinates, at, covariance, freedom, -float(best.fun) * readings, readings, k,
        _at_rest(cost, at), str(best.message), undetermined,
    )  # fmt: skip


def maximize_dependent(
    log_likelihood: Callable[[Floats], float],
    coordinates: Sequence[Coordinate],
    starts: Sequence[Floats],
    readings: int,
) -> Estimate:
    """Find the maximum of the likelihood of one dependent sequence, such as a trace.

    Parameters
    ----------
    log_likelihood : callable
        Parameter values to the log likelihood of the whole sequence.
    coordinates : sequence of Coordinate
        The parameters.
    starts : sequence of array
        Parameter values to start from; the best end is taken.
    readings : int
        Length of the sequence.

    Returns
    -------
    Estimate
        With the inverse observed information as covariance; `clusters` is the length.
    """
    coordinates = tuple(coordinates)

    def cost(search: Floats) -> float:
        pairs = zip(coordinates, search, strict=True)
        with np.errstate(all="ignore"):
            found = log_likelihood(np.array([c.to_value(x) for c, x in pairs]))
        return -found / readings if np.isfinite(found) else 1e10

    ends = []
    for start in starts:
        pairs = zip(coordinates, start, strict=True)
        ends.append(_search(cost, np.array([c.to_search(v) for c, v in pairs])))
    best = min(ends, key=lambda end: float(end.fun))
    at = np.asarray(best.x, dtype=float)
    information = _hessian(lambda search: np.asarray(cost(search)), at) * readings
    spread = np.asarray(np.linalg.pinv(information, hermitian=True), dtype=np.float64)
    covariance, undetermined = _settle(information, spread, coordinates, readings)
    freedom = np.full(len(at), float(readings))
    return Estimate(
        coordinates, at, covariance, freedom, -float(best.fun) * readings, readings, readings,
        _at_rest(cost, at), str(best.message), undetermined,
    )  # fmt: skip


def _at_rest(cost: Callable[[Floats], float], at: Floats) -> bool:
    # A slope that is left is no maximum, whatever the optimizer says.
    steps = _STEP * np.eye(len(at))
    slope = max(abs(cost(at + s) - cost(at - s)) / (2 * _STEP) for s in steps)
    return bool(slope < 1e-3 and cost(at) < 1e9)


def _search(cost: Callable[[Floats], float], start: Floats) -> optimize.OptimizeResult:
    end = optimize.minimize(cost, start, method="BFGS", options={"gtol": 1e-6})
    if not end.success:  # often lost precision beside the maximum; a simplex settles it
        options = {"maxiter": 200 * len(start), "xatol": 1e-6, "fatol": 1e-12}
        other = optimize.minimize(cost, end.x, method="Nelder-Mead", options=options)
        end = other if other.fun <= end.fun else end
    return end


def _hessian(value: Callable[[Floats], Floats], at: Floats) -> Floats:
    # Second differences of a function with values of any shape; the last two axes are new.
    step, p = 10 * _STEP, len(at)
    e = step * np.eye(p)
    out = np.empty((*np.shape(value(at)), p, p))
    for i in range(p):
        for j in range(i + 1):
            corners = (
                value(at + e[i] + e[j]) - value(at + e[i] - e[j])
                - value(at - e[i] + e[j]) + value(at - e[i] - e[j])
            )  # fmt: skip
            out[..., i, j] = out[..., j, i] = corners / (4 * step**2)
    return out


def _jackknife(
    rows: Callable[[Floats], Floats], at: Floats, clusters: NDArray[np.int64], k: int
) -> tuple[Floats, Floats, Floats]:
    """Return the Hessian, the covariance of a one-step jackknife, and its degrees of freedom."""

    def per_cluster(search: Floats) -> Floats:
        return np.asarray(np.bincount(clusters, weights=-rows(search), minlength=k), dtype=float)

    steps = _STEP * np.eye(len(at))
    slopes = [(per_cluster(at + s) - per_cluster(at - s)) / (2 * _STEP) for s in steps]
    scores, parts = np.column_stack(slopes), _hessian(per_cluster, at)
    whole = parts.sum(axis=0)
    p = len(at)
    nothing = np.full((p, p), np.nan)
    if k < 2 or np.linalg.eigvalsh(whole).min() <= 0:
        return whole, nothing, np.ones(p)
    # A cluster that alone determines a parameter leaves nothing to solve: it then counts whole.
    rest = whole - parts
    alone = np.linalg.eigvalsh(rest).min(axis=1) <= 0
    rest[alone] = whole
    moved = np.linalg.solve(rest, scores[:, :, None])[:, :, 0]
    square = (moved**2).sum(axis=0)
    kurtosis = k * (moved**4).sum(axis=0) / np.maximum(square, 1e-300) ** 2
    freedom = np.clip(2 * k / np.maximum(kurtosis - 1, 1e-9), 1, k - 1)
    return whole, np.asarray(moved.T @ moved * ((k - 1) / k)), freedom


def _settle(
    hessian: Floats, covariance: Floats, coordinates: Sequence[Coordinate], readings: int
) -> tuple[Floats, tuple[str, ...]]:
    levels, vectors = np.linalg.eigh(hessian)
    flat = levels < _FLAT * readings
    if flat.any():  # a direction without curvature: name the parameters that make it up
        share = (vectors[:, flat] ** 2).max(axis=1)
        names = tuple(c.name for c, s in zip(coordinates, share, strict=True) if s > 0.2)
        return np.full_like(hessian, np.nan), names
    errors = np.sqrt(np.diag(covariance))
    wide = [
        c.name
        for c, error in zip(coordinates, errors, strict=True)
        if c.scale != "linear" and error > _WIDE
    ]
    return covariance, tuple(wide)
