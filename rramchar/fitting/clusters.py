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
R. G. Miller, "Jackknifing Variances", Ann. Math. Stat. 39 (1968) 567 (of the logarithm).
B. O'Neill, "Some useful moment results in sampling problems", Am. Stat. 68 (2014) 282 (degrees of
freedom of a variance from the kurtosis).
G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a general approach",
Stat. Med. 27 (2008) 1693 (limits of a difference from those of its parts).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_CHUNK = 4_000_000  # weights held at once during the bootstrap
_GROUPS = 500  # of devices that are left out in turn
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
    between, within, size = _mean_squares(clusters, weights)
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.maximum(0.0, (between - within) / size)), np.sqrt(within)


def _mean_squares(
    clusters: Clusters, weights: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return MSB, MSW and n0 of `components`, each of shape (resamples,)."""
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
        return np.maximum(between, 0.0) / (k - 1), msw, (total - (w @ n**2) / total) / (k - 1)


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
        of_means = np.sqrt(np.maximum(of_means, 0.0) / (k - 1))
    return {
        "mean": offset + shift,
        "sigma": np.sqrt(np.maximum(about, 0.0) / (total - 1)),
        "sigma_d2d": d2d,
        "sigma_c2c": c2c,
        "sigma_of_means": of_means,
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
) -> tuple[Floats, Floats]:
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
    means : array, shape (resamples,)
        Of all readings.
    quantiles : array, shape (resamples, 3)
        At the probabilities of -1, 0 and +1 standard deviations of a normal distribution.
    """
    levels = tuple(float(p) for p in stats.norm.cdf([-1.0, 0.0, 1.0]))
    k = clusters.devices
    step = max(1, min(_CHUNK // max(k, clusters.histogram.shape[1]), resamples))
    means: list[Floats] = []
    places: list[Floats] = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        picks = rng.integers(0, k, size=(size, k))
        flat = (picks + k * np.arange(size)[:, None]).ravel()
        weights = np.bincount(flat, minlength=size * k).reshape(size, k).astype(float)
        means.append((weights @ (clusters.count * clusters.mean)) / (weights @ clusters.count))
        places.append(quantiles(clusters, weights, levels))
    return np.concatenate(means), np.concatenate(places)


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
        Lower and upper end.
    """
    t = stats.t.ppf((1 + confidence) / 2, devices - 1)
    tail = float(stats.norm.cdf(-np.sqrt(devices / (devices - 1)) * t))
    return np.quantile(draws[np.isfinite(draws)], [tail, 1 - tail])


@dataclass(frozen=True)
class Range:
    """An estimate with its interval.

    Parameters
    ----------
    value, low, high : float
        Estimate and ends of the 95 % interval.
    error : float
        Standard error.
    """

    value: float
    low: float
    high: float
    error: float


def spread_ranges(clusters: Clusters) -> dict[str, Range]:
    """Return all standard deviations with 95 % intervals for few devices and long tails.

    The logarithm of a mean square is jackknifed over devices; Student's t has the degrees of
    freedom that follow from the kurtosis of the jackknife values. ``d2d^2 = (MSB - MSW) / n0`` has
    the limits of a difference whose parts have these intervals.

    Parameters
    ----------
    clusters : Clusters
        At least two devices.

    Returns
    -------
    dict of str to Range
        The standard deviations of `spreads` (NaN where they need a device with two readings and
        there is none), and ``icc``, the share of the variance that is from
        device to device. Coverage for normal devices is 93 to 97 % from 12 devices on, for
        devices with exponential tails 90 %.
    """
    without, k = _leave_out(clusters.devices), clusters.devices
    total = float(clusters.count.sum())
    ones = np.ones((1, k))
    (msb, msw, n0), (rest_b, rest_w, _) = (_mean_squares(clusters, w) for w in (ones, without))
    between = _log_range(float(msb[0]), rest_b, k - 1)
    within = _log_range(float(msw[0]), rest_w, total - k)
    point, rest = spreads(clusters, ones), spreads(clusters, without)
    found = {
        "sigma_d2d": _root(_difference(between, within), float(n0[0])),
        "sigma_c2c": _root(within, 1.0),
    }
    found["icc"] = Range(1.0, 1.0, 1.0, 0.0)
    if msw[0] > 0:
        ratio = _log_range(float(msb[0] / msw[0]), rest_b / rest_w, k - 1)
        found["icc"] = _share(ratio, float(n0[0]))
    for name in ("sigma", "sigma_of_means", "sigma_within"):
        found[name] = _root(_log_range(float(point[name][0]) ** 2, rest[name] ** 2, k - 1), 1.0)
    return found


def _leave_out(devices: int) -> Floats:
    """Return weights that leave out each device in turn, or each of 500 groups of devices."""
    groups = min(devices, _GROUPS)
    return (np.arange(devices) % groups != np.arange(groups)[:, None]).astype(float)


def _log_range(value: float, without: Floats, freedom: float) -> Range:
    """Return a mean square with its interval, from those without each of some groups of devices."""
    if not value > 0:  # nothing to scale, or not known
        return Range(value, value, value, 0.0)
    if len(without) < 3 or not (np.isfinite(without) & (without > 0)).all():
        # All hangs on one or two devices: what a normal distribution of so many parts would say.
        low, high = value * freedom / stats.chi2.ppf([0.975, 0.025], freedom)
        return Range(value, float(low), float(high), value * float(np.sqrt(2 / freedom)))
    error, t = jackknife(np.log(without))
    low, high = value * np.exp(np.clip([-t * error, t * error], -300, 300))
    return Range(value, float(low), float(high), value * error)


def jackknife(without: Floats) -> tuple[float, float]:
    """Return the standard error of an estimate, and Student's 97.5 % quantile to go with it.

    Parameters
    ----------
    without : array, shape (groups,)
        The estimate without each of some groups of devices; 2 or more.

    Returns
    -------
    error, t : float
        The degrees of freedom of t follow from the kurtosis of the jackknife values: few devices
        with long tails tell little about an error.
    """
    groups = len(without)
    off = (groups - 1) * (without.mean() - without)
    square = float((off**2).sum())
    if square <= 1e-24:
        return 0.0, float(stats.t.ppf(0.975, groups - 1))
    kurtosis = groups * float((off**4).sum()) / square**2
    freedom = np.clip(2 * groups / max(kurtosis - 1, 1e-9), 1, groups - 1)
    error = float(np.sqrt(square / (groups * (groups - 1))))
    return error, float(stats.t.ppf(0.975, freedom))


def _difference(a: Range, b: Range) -> Range:
    return Range(
        a.value - b.value,
        a.value - b.value - float(np.hypot(a.value - a.low, b.high - b.value)),
        a.value - b.value + float(np.hypot(a.high - a.value, b.value - b.low)),
        float(np.hypot(a.error, b.error)),
    )


def _root(square: Range, size: float) -> Range:
    value, low, high = (
        float(np.sqrt(max(end, 0.0) / size)) for end in (square.value, square.low, square.high)
    )
    error = square.error / (2 * size * value) if value > 0 else high / 2
    return Range(value, low, high, error)


def _share(ratio: Range, size: float) -> Range:
    """Return ``d2d^2 / (d2d^2 + c2c^2)`` from ``MSB / MSW``."""
    ends = [max(end - 1, 0.0) for end in (ratio.value, ratio.low, ratio.high)]
    value, low, high = (end / (end + size) for end in ends)
    return Range(value, low, high, size * ratio.error / (ends[0] + size) ** 2)
