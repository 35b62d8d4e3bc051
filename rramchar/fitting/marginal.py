"""Marginal likelihoods of truncated distributions over devices that are known inexactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

OUTLIER_FACTOR = 10.0
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(11)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class NormalEstimates:
    """Devices whose parameter is known as a normal estimate.

    Parameters
    ----------
    value, error : array, shape (devices,)
        Estimate (of ln of the parameter for a lognormal population) and its standard error; an
        error of 0 is a value that is known.
    outliers : float
        Share of devices whose error is `OUTLIER_FACTOR` times as large, not known which. [1]
    trend : float
        How ln of the error changes with the parameter. The error at the true value counts, not
        that at the estimate: else estimates that came out where errors are small count too much.
        For a normal population without bounds. [1/unit of the value]
    """

    value: Floats
    error: Floats
    outliers: float = 0.0
    trend: float = 0.0

    def __len__(self) -> int:
        return len(self.value)

    def split(self) -> tuple[NormalEstimates, NormalEstimates]:
        """Return the estimates with their own errors, and with those of outliers."""
        wide = OUTLIER_FACTOR * self.error
        return NormalEstimates(self.value, self.error), NormalEstimates(self.value, wide)


@dataclass(frozen=True)
class GridLikelihoods:
    """Devices whose likelihood of the parameter was evaluated on a grid.

    Parameters
    ----------
    nodes : array, shape (nodes,)
        Values (of ln of the parameter for a lognormal population), finer than its spread.
    log_weight : array, shape (devices, nodes)
        ln of likelihood times quadrature weight.
    """

    nodes: Floats
    log_weight: Floats

    def __len__(self) -> int:
        return len(self.log_weight)


def log_marginal(
    family: str, data: NormalEstimates | GridLikelihoods, ends: tuple[float, float],
    location: Floats, scale: Floats,
) -> Floats:  # fmt: skip
    """Return ln of each device's integral of population density times likelihood.

    Parameters
    ----------
    family : str
        ``normal`` or ``exponential``; a lognormal one is normal in ln.
    data : NormalEstimates or GridLikelihoods
        Of the devices.
    ends : tuple of float
        Bounds between which the density is normalized.
    location, scale : array, shape (..., 1)
        Of the distribution; `location` is not used for an exponential one.

    Returns
    -------
    array, shape (..., devices)
    """
    if isinstance(data, GridLikelihoods):
        density = _log_normal(data.nodes, location[..., None], scale[..., None], ends)
        with np.errstate(divide="ignore"):
            return np.asarray(special.logsumexp(density + data.log_weight, axis=-1))
    if data.outliers:
        good, bad = data.split()
        return np.logaddexp(
            np.log1p(-data.outliers) + log_marginal(family, good, ends, location, scale),
            np.log(data.outliers) + log_marginal(family, bad, ends, location, scale),
        )
    if family == "exponential":
        return _exponential_marginal(data, ends, scale)
    if data.trend and not np.isfinite(ends).any():
        return _trend_marginal(data, location, scale)
    # The product of two normal densities is a normal one, cut off at the bounds.
    value, error2 = data.value, data.error**2
    total = scale**2 + error2
    middle = (location * error2 + value * scale**2) / total
    width = scale * np.maximum(data.error, 1e-12 * scale) / np.sqrt(total)
    inside = _log_between((ends[0] - middle) / width, (ends[1] - middle) / width)
    within = np.where((value >= ends[0]) & (value <= ends[1]), 0.0, -np.inf)
    inside = np.where(data.error > 0, inside, within)
    whole = _log_between((ends[0] - location) / scale, (ends[1] - location) / scale)
    free = -0.5 * (np.log(2 * np.pi * total) + (value - location) ** 2 / total)
    return np.asarray(free + inside - whole)


def _trend_marginal(data: NormalEstimates, location: Floats, scale: Floats) -> Floats:
    """Integrate by Gauss-Hermite quadrature around what a constant error would give."""
    total = scale**2 + data.error**2
    middle = (location * data.error**2 + data.value * scale**2) / total
    width = scale * np.maximum(data.error, 1e-12 * scale) / np.sqrt(total)
    x = middle[..., None] + width[..., None] * _NODES
    change = np.clip(data.trend * (x - data.value[:, None]), -2.0, 2.0)
    error = np.maximum(data.error[:, None], 1e-12 * scale[..., None]) * np.exp(change)
    exponent = 0.5 * (
        _NODES**2 - ((x - location[..., None]) / scale[..., None]) ** 2
        - ((data.value[:, None] - x) / error) ** 2
    )  # fmt: skip
    parts = exponent - np.log(error) + np.log(_WEIGHTS)
    outside = np.log(width / scale) - 0.5 * np.log(2 * np.pi)
    return np.asarray(special.logsumexp(parts, axis=-1) + outside)


def _exponential_marginal(
    data: NormalEstimates, ends: tuple[float, float], scale: Floats
) -> Floats:
    error = np.maximum(data.error, 1e-9 * scale)
    middle = data.value - error**2 / scale
    tilted = -(data.value - ends[0]) / scale + 0.5 * (error / scale) ** 2
    inside = _log_between((ends[0] - middle) / error, (ends[1] - middle) / error)
    whole = np.log(-np.expm1(-(ends[1] - ends[0]) / scale))
    # Normalized in the estimate, so that different errors of a device can be compared.
    return np.asarray(tilted - np.log(scale) + inside - whole)


def _log_normal(x: Floats, location: Floats, scale: Floats, ends: tuple[float, float]) -> Floats:
    whole = _log_between((ends[0] - location) / scale, (ends[1] - location) / scale)
    density = -0.5 * ((x - location) / scale) ** 2 - np.log(scale) - whole
    return np.where((x >= ends[0]) & (x <= ends[1]), density, -np.inf)


def _log_between(low: Floats, high: Floats) -> Floats:
    """Return ln of the normal probability between two ends, in either tail."""
    flip = low > 0
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        upper = special.log_ndtr(b)
        between = upper + np.log1p(-np.exp(np.minimum(special.log_ndtr(a) - upper, 0.0)))
    return np.asarray(np.where(np.isnan(between), -np.inf, between))
