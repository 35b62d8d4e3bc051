"""Readings grouped by device, reduced to what a one-way random-effects model needs.

The model is ``y = mu + a[device] + e``, with independent ``a`` (device to device) and ``e`` (from
cycle to cycle). Devices may have different numbers of readings.

References
----------
S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", Wiley 1992, section 3.6 (ANOVA
estimators for unbalanced data).
B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993.
T. Hesterberg, "What Teachers Should Know About the Bootstrap", Am. Stat. 69 (2015) 371, section 4.2
(expanded percentile interval).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_CHUNK = 4_000_000  # weights held at once during the bootstrap
_BINS = 4096  # quantile bins of the bootstrap; the estimates themselves are not binned

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """Sufficient statistics of grouped readings.

    Parameters
    ----------
    count : array, shape (devices,)
        Readings of each device. [1]
    mean : array, shape (devices,)
        Mean of each device.
    square : array, shape (devices,)
        Sum of squared deviations of each device from its own mean.
    histogram : array, shape (devices, bins)
        Readings of each device in each bin.
    edges : array, shape (bins + 1,)
        Edges of the bins.
    """

    count: Floats
    mean: Floats
    square: Floats
    histogram: Floats
    edges: Floats

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.count)


def group(values: Floats, labels: NDArray[np.int64]) -> Clusters:
    """Reduce readings to the statistics of their devices.

    Parameters
    ----------
    values : array, shape (readings,)
        For instance log10 R. [decade]
    labels : array of int, shape (readings,)
        Device of each reading, 0 to devices - 1, each at least once.

    Returns
    -------
    Clusters
        Devices in the order of their labels.
    """
    devices = int(labels.max()) + 1
    count = np.asarray(np.bincount(labels, minlength=devices), dtype=np.float64)
    mean = np.bincount(labels, weights=values, minlength=devices) / count
    about = (values - mean[labels]) ** 2
    square = np.asarray(np.bincount(labels, weights=about, minlength=devices), dtype=np.float64)
    bins = min(_BINS, max(1, _CHUNK // devices))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    slot = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    flat = np.bincount(labels * (len(edges) - 1) + slot, minlength=devices * (len(edges) - 1))
    histogram = np.asarray(flat.reshape(devices, -1), dtype=np.float64)
    return Clusters(count, mean, square, histogram, edges)


def components(clusters: Clusters, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Estimate the device-to-device and cycle-to-cycle standard deviations by ANOVA.

    ``c2c^2 = MSW`` and ``d2d^2 = max(0, (MSB - MSW) / n0)`` with
    ``n0 = (N - sum(n_i^2) / N) / (k - 1)`` for k devices with n_i readings, N in all.

    Parameters
    ----------
    clusters : Clusters
        At least two devices, and one with at least two readings.
    weights : array, shape (resamples, devices), optional
        How often each device counts; once without.

    Returns
    -------
    d2d, c2c : array, shape (resamples,)
        Standard deviations in the unit of the values. NaN for a resample without any device
        that has two readings.
    """
    w = np.ones((1, clusters.devices)) if weights is None else weights
    n, m = clusters.count, clusters.mean
    k = w.sum(axis=1)
    total = w @ n
    grand = (w @ (n * m)) / total
    # Shifting by the overall mean keeps the difference of squares exact for small spreads.
    shift = float(np.average(m, weights=n))
    between = w @ (n * (m - shift) ** 2) - total * (grand - shift) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        msw = np.where(total > k, (w @ clusters.square) / (total - k), np.nan)
        msb = np.maximum(between, 0.0) / (k - 1)
        n0 = (total - (w @ n**2) / total) / (k - 1)
        d2d = np.sqrt(np.maximum(0.0, (msb - msw) / n0))
    return d2d, np.sqrt(msw)


def spreads(clusters: Clusters, weights: Floats | None = None) -> dict[str, Floats]:
    """Return mean and all standard deviations, for the data or for resamples of its devices.

    Parameters
    ----------
    clusters : Clusters
        At least two devices.
    weights : array, shape (resamples, devices), optional
        How often each device counts; once without.

    Returns
    -------
    dict of array, shape (resamples,)
        ``mean`` and ``sigma`` of all readings, ``sigma_d2d`` and ``sigma_c2c`` (ANOVA),
        ``sigma_of_means`` (standard deviation of the device means) and ``sigma_within`` (mean of
        the devices' own standard deviations, of devices with at least two readings).
    """
    w = np.ones((1, clusters.devices)) if weights is None else weights
    n, m = clusters.count, clusters.mean
    total, k = w @ n, w.sum(axis=1)
    shift = float(np.average(m, weights=n))
    offset = (w @ (n * (m - shift))) / total
    about = w @ (clusters.square + n * (m - shift) ** 2) - total * offset**2
    unweighted = (w @ (m - shift)) / k
    of_means = w @ (m - shift) ** 2 - k * unweighted**2
    repeated = n > 1
    own = np.sqrt(clusters.square / np.maximum(n - 1, 1)) * repeated
    d2d, c2c = components(clusters, w)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = np.where(w @ repeated > 0, (w @ own) / (w @ repeated), np.nan)
    return {
        "mean": offset + shift,
        "sigma": np.sqrt(np.maximum(about, 0.0) / (total - 1)),
        "sigma_d2d": d2d,
        "sigma_c2c": c2c,
        "sigma_of_means": np.sqrt(np.maximum(of_means, 0.0) / (k - 1)),
        "sigma_within": within,
    }


def quantiles(clusters: Clusters, weights: Floats, levels: tuple[float, ...]) -> Floats:
    """Return quantiles of weighted readings, to the width of one bin.

    Parameters
    ----------
    clusters : Clusters
        The readings.
    weights : array, shape (resamples, devices)
        How often each device counts.
    levels : tuple of float
        Probabilities. [1]

    Returns
    -------
    array, shape (resamples, len(levels))
        Linear inside a bin.
    """
    heap = np.cumsum(weights @ clusters.histogram, axis=1)
    out = np.empty((len(weights), len(levels)))
    for column, level in enumerate(levels):
        goal = level * heap[:, -1]
        slot = np.minimum((heap < goal[:, None]).sum(axis=1), heap.shape[1] - 1)
        rows = np.arange(len(heap))
        below = np.where(slot > 0, heap[rows, np.maximum(slot - 1, 0)], 0.0)
        inside = heap[rows, slot] - below
        share = np.where(inside > 0, (goal - below) / np.maximum(inside, 1e-300), 0.0)
        width = clusters.edges[slot + 1] - clusters.edges[slot]
        out[:, column] = clusters.edges[slot] + share * width
    return out


def bootstrap(
    clusters: Clusters, resamples: int, rng: np.random.Generator
) -> tuple[dict[str, Floats], Floats]:
    """Resample whole devices with replacement.

    Parameters
    ----------
    clusters : Clusters
        At least two devices.
    resamples : int
        How many resamples.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    spreads : dict of array, shape (resamples,)
        As `spreads`.
    quantiles : array, shape (resamples, 3)
        At the probabilities of -1, 0 and +1 standard deviations of a normal distribution.
    """
    levels = tuple(float(p) for p in stats.norm.cdf([-1.0, 0.0, 1.0]))
    k = clusters.devices
    step = max(1, min(_CHUNK // max(k, clusters.histogram.shape[1]), resamples))
    moments: list[dict[str, Floats]] = []
    places: list[Floats] = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        picks = rng.integers(0, k, size=(size, k))
        flat = (picks + k * np.arange(size)[:, None]).ravel()
        weights = np.bincount(flat, minlength=size * k).reshape(size, k).astype(float)
        moments.append(spreads(clusters, weights))
        places.append(quantiles(clusters, weights, levels))
    joined = {key: np.concatenate([part[key] for part in moments]) for key in moments[0]}
    return joined, np.concatenate(places)


def expanded_percentiles(draws: Floats, devices: int, confidence: float = 0.95) -> Floats:
    """Return a percentile interval, widened for the small number of devices.

    Parameters
    ----------
    draws : array, shape (resamples,)
        Bootstrap estimates; NaN draws are left out.
    devices : int
        Number of independent units k. The nominal tail is replaced by
        ``Phi(-sqrt(k / (k - 1)) * t_{k-1})``.
    confidence : float
        Nominal coverage. [1]

    Returns
    -------
    array, shape (2,)
        Lower and upper end. For standard deviations between few devices the coverage stays below
        the nominal one (about 87 % instead of 95 % for 12 devices, 93 % for 40).
    """
    t = stats.t.ppf((1 + confidence) / 2, devices - 1)
    tail = float(stats.norm.cdf(-np.sqrt(devices / (devices - 1)) * t))
    return np.quantile(draws[np.isfinite(draws)], [tail, 1 - tail])
