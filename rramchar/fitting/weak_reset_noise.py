"""The read noise of weak-RESET data where devices differ: a likelihood in which each has its own.

In a pooled likelihood differences between devices hide the mark of a bad read, two opposite
increments, so that it would put too low a limit on the noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rramchar.fitting.weak_reset_data import WeakResetData
from rramchar.fitting.weak_reset_estimate import DeviceFits, PooledFit, fit_devices
from rramchar.fitting.weak_reset_filter import Settings

# Gain of log-likelihood that makes noise seen; its loss at the ends of 95 % intervals.
_SEEN = 2.0
_TWO_SIDED, _ONE_SIDED = 1.92, 1.35
_LEVELS = np.geomspace(0.03, 1.5, 10)


@dataclass(frozen=True)
class ReadNoise:
    """Standard deviation of a reading, in units of the data's reference conductance.

    Parameters
    ----------
    value : float
        The estimate; 0 if the data do not show any.
    low, high : float
        Ends of the 95 % interval, one-sided where `value` is 0.
    """

    value: float
    low: float
    high: float


def noise_of_devices(data: WeakResetData, pooled: PooledFit, devices: DeviceFits) -> ReadNoise:
    """Profile the read noise over the sum of the devices' own likelihoods.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    pooled : PooledFit
        What is common to all; it found no read noise.
    devices : DeviceFits
        The devices without read noise.

    Returns
    -------
    ReadNoise
        Estimate and profile-likelihood interval.
    """
    good = devices.converged
    levels = float(np.exp(np.median(devices.theta[good, 2]))) * _LEVELS
    profile = np.array(
        [fit_devices(data, with_noise(pooled, level), None).loglik[good].sum() for level in levels]
    )
    profile = np.where(np.isfinite(profile), profile, -np.inf)
    none = float(devices.loglik[good].sum())
    at = int(np.argmax(profile))
    seen = profile[at] > none + _SEEN
    peak = max(float(profile[at]), none)
    inside = np.flatnonzero(profile > peak - (_TWO_SIDED if seen else _ONE_SIDED))
    if not len(inside):
        return ReadNoise(0.0, 0.0, float(levels[0]))
    # The ends are taken outwards, to the next level: an interval of a grid is never too short.
    high = float(levels[min(inside[-1] + 1, len(levels) - 1)])
    if not seen:
        return ReadNoise(0.0, 0.0, high)
    value = float(np.exp(_peak(np.log(levels), profile, at)))
    return ReadNoise(value, float(levels[max(inside[0] - 1, 0)]), high)


def _peak(x: NDArray[np.float64], y: NDArray[np.float64], at: int) -> float:
    """Return where the parabola through the highest of equally spaced points is highest."""
    if not 0 < at < len(x) - 1 or not np.isfinite(y[at - 1 : at + 2]).all():
        return float(x[at])
    left, middle, right = y[at - 1 : at + 2]
    return float(x[at] + 0.5 * (x[1] - x[0]) * (left - right) / (left - 2 * middle + right))


def with_noise(pooled: PooledFit, level: float) -> PooledFit:
    """Return the pooled parameters with a read noise that is held."""
    settings = pooled.settings
    return replace(
        pooled, settings=Settings(settings.free, {**settings.fixed, "ln_r": float(np.log(level))})
    )
