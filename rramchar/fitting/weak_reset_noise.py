"""Read noise and floor of weak-RESET data where devices differ: each has its own parameters.

In a pooled likelihood differences between devices hide the mark of a bad read, two opposite
increments, so that it would put the noise too low; and it would put the floor too low as well.
Here the devices' own parameters are integrated out (Laplace's approximation; the noise of the
pulses is lognormal over devices, C and the slope have no prior, as in restricted maximum
likelihood), for their best values would take part of the noise.

References
----------
D. M. Bates, S. DebRoy, "Linear mixed models and penalized least squares", J. Multivar. Anal. 91
(2004) 1 (random effects integrated out around their conditional modes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from rramchar.fitting.newton import Maximum, maximize
from rramchar.fitting.weak_reset_data import WeakResetData
from rramchar.fitting.weak_reset_estimate import (
    DeviceFits,
    PooledFit,
    device_settings,
    per_device_likelihood,
)

Floats = NDArray[np.float64]

# Gain of log-likelihood from which noise is estimated (Akaike's); its loss at the ends of 95 %
# intervals.
_SEEN = 1.0
_TWO_SIDED, _ONE_SIDED = 1.92, 1.353
_LEVELS = np.geomspace(0.03, 1.5, 9)  # over eta, of a first search
_POINTS = 9  # of a second one, around the peak
_REACH = 8.0  # loss of log-likelihood up to which levels are of interest
_AT_ONCE = 100  # devices in one search
_MOST = 300  # devices, spread over all, that are asked
_BESIDE = np.linspace(-0.3, 0.6, 7)  # ln of levels over that of the pooled fit
_ROUNDS = 2  # in which the middle of the devices' pulse noise is found
_LEAST_SPREAD = 0.1  # of ln eta over devices; a smaller guess would put the read noise too low
_LOST = -1e5


@dataclass(frozen=True)
class Level:
    """A parameter that all devices share, in units of the data's reference conductance.

    Parameters
    ----------
    value : float
        The estimate; 0 for a read noise that the data do not show.
    low, high : float
        Ends of the 95 % interval, one-sided where `value` is 0.
    """

    value: float
    low: float
    high: float


def noise_of_devices(data: WeakResetData, pooled: PooledFit, devices: DeviceFits) -> Level:
    """Estimate the read noise from the devices' own likelihoods.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    pooled : PooledFit
        What is common to all.
    devices : DeviceFits
        The devices with what the pooled fit says of the noise.

    Returns
    -------
    Level
        Estimate and likelihood interval.
    """
    known = pooled.value("ln_r")
    if known is not None:  # seen in the pooled fit, which puts it a little too low
        near = _curve(data, pooled, devices, "ln_r", known + _BESIDE)
        if near.closed:
            return _exp(near.interval())
    levels = float(np.median(devices.theta[devices.converged, 2])) + np.log(_LEVELS)
    coarse = _profile(data, pooled, devices, "ln_r", levels, _ROUNDS).sum(axis=1)
    near_peak = np.flatnonzero(coarse > coarse.max() - _REACH)
    first, last = max(near_peak[0] - 1, 0), min(near_peak[-1] + 1, len(levels) - 1)
    fine = _curve(data, pooled, devices, "ln_r", np.linspace(levels[first], levels[last], _POINTS))
    gain = fine.loglik.max() - coarse[0]  # the least level stands for no noise at all
    if gain <= _SEEN:
        return Level(0.0, 0.0, _exp(fine.interval(_ONE_SIDED)).high)
    found = _exp(fine.interval())
    return found if gain > _TWO_SIDED else replace(found, low=0.0)


def floor_of_devices(
    data: WeakResetData, pooled: PooledFit, devices: DeviceFits, error: float
) -> Level:
    """Estimate the floor from the devices' own likelihoods.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    pooled : PooledFit
        With a floor.
    devices : DeviceFits
        The devices with that floor.
    error : float
        Its standard error in the pooled fit, for the width of the search.

    Returns
    -------
    Level
        Estimate and likelihood interval.
    """
    middle, reach = pooled.value("floor") or 0.0, 4 * error
    for _ in range(3):
        levels = middle + np.linspace(-reach, reach, len(_BESIDE))
        curve = _curve(data, pooled, devices, "floor", levels)
        if curve.closed:
            break
        middle = float(curve.levels[np.argmax(curve.loglik)])
    return curve.interval()


@dataclass(frozen=True)
class _Curve:
    """A log-likelihood over levels, and by how much a sandwich over devices widens intervals.

    R. E. Chandler, S. Bate, "Inference for clustered data using the independence loglikelihood",
    Biometrika 94 (2007) 167.
    """

    levels: Floats
    loglik: Floats
    widening: float

    @property
    def closed(self) -> bool:
        """Whether both ends of the interval lie within the levels."""
        ends = max(self.loglik[0], self.loglik[-1])
        return bool(ends < self.loglik.max() - _TWO_SIDED * self.widening)

    def interval(self, drop: float = _TWO_SIDED) -> Level:
        """Return where the likelihood peaks and where it has dropped."""
        inside = self.levels[self.loglik > self.loglik.max() - drop * self.widening]
        top = float(self.levels[np.argmax(self.loglik)])
        return Level(top, float(inside[0]), float(inside[-1]))


def _exp(level: Level) -> Level:
    return Level(float(np.exp(level.value)), float(np.exp(level.low)), float(np.exp(level.high)))


def _curve(
    data: WeakResetData, pooled: PooledFit, devices: DeviceFits, name: str, levels: Floats
) -> _Curve:
    # The middle of the pulse noise depends on the read noise, hardly on the floor.
    each = _profile(data, pooled, devices, name, levels, _ROUNDS if name == "ln_r" else 1)
    fine, known = np.linspace(levels[0], levels[-1], 2000), each.min(axis=0) > _LOST
    if not known.all():
        return _Curve(fine, np.interp(fine, levels, each.sum(axis=1)), 1.0)
    smooth = CubicSpline(levels, each)
    loglik = np.asarray(smooth(fine)).sum(axis=1)
    top, n = fine[np.argmax(loglik)], each.shape[1]
    curvature = -float(smooth(top, 2).sum())
    score = smooth(top, 1)
    widening = float((score**2).sum()) * n / (n - 1) / curvature if curvature > 0 else 1.0
    return _Curve(fine, loglik, max(widening, 1.0))


def _profile(
    data: WeakResetData, pooled: PooledFit, devices: DeviceFits, name: str, levels: Floats,
    rounds: int,
) -> Floats:  # fmt: skip
    """Return the log-likelihood of levels of a common parameter, of each device that converged."""
    good = np.flatnonzero(devices.converged)
    if len(good) > _MOST:
        good = good[np.linspace(0, len(good) - 1, _MOST).astype(int)]
    eta, error = devices.theta[good, 2], np.sqrt(devices.covariance[good, 2, 2])
    spread = max(float(np.sqrt(max(eta.var() - (error**2).mean(), 0.0))), _LEAST_SPREAD)
    middle = np.full(len(levels), float(eta.mean()))
    theta = np.tile(devices.theta, (len(levels), 1, 1))
    each: list[Floats] = []
    for _ in range(rounds):
        each, (off, weight) = [], np.zeros((2, len(levels)))
        for part in np.array_split(good, -(-len(good) // _AT_ONCE)):
            found = _search(data, pooled, part, name, levels, theta[:, part], middle, spread)
            covariance = found.covariance().reshape(len(levels), len(part), 3, 3)
            theta[:, part] = found.theta.reshape(len(levels), len(part), 3)
            with np.errstate(invalid="ignore"):  # no covariance where a device has no maximum
                volume = 0.5 * np.linalg.slogdet(covariance)[1] - np.log(spread)
            loglik = found.loglik.reshape(len(levels), -1) + volume
            # Such a device counts as improbable at that level, not as nothing.
            each.append(np.nan_to_num(loglik, nan=10 * _LOST))
            off += (theta[:, part, 2] - middle[:, None]).sum(axis=1)
            weight += (1 - np.nan_to_num(covariance[:, :, 2, 2]) / spread**2).sum(axis=1)
        # A Newton step: the modes are shrunk towards the middle, by as much as the weights say.
        middle = middle + np.clip(off / np.maximum(weight, 0.02 * len(good)), -0.5, 0.5)
    return np.concatenate(each, axis=1)


def _search(
    data: WeakResetData, pooled: PooledFit, part: NDArray[np.int64], name: str, levels: Floats,
    start: Floats, middle: Floats, spread: float,
) -> Maximum:  # fmt: skip
    """Fit some devices at all levels at once: every level has a copy of them."""
    of_part = np.flatnonzero(np.isin(data.sequences.device, part))
    copies = np.arange(len(levels)).repeat(len(of_part))
    owner = np.searchsorted(part, data.sequences.device[of_part])
    loglik = per_device_likelihood(
        data.filter_data.subset(np.tile(of_part, len(levels))),
        device_settings(pooled, **{name: levels[copies]}),
        np.tile(owner, len(levels)) + len(part) * copies,
    )
    return maximize(
        _with_prior(loglik, middle.repeat(len(part)), spread), start.reshape(-1, 3), iterations=30
    )


def _with_prior(
    loglik: Callable[[Floats], Floats], middle: Floats, spread: float
) -> Callable[[Floats], Floats]:
    def posterior(theta: Floats) -> Floats:
        return loglik(theta) - 0.5 * ((theta[..., 2] - middle) / spread) ** 2

    return posterior


def with_level(pooled: PooledFit, name: str, value: float) -> PooledFit:
    """Return the pooled parameters with one of them set.

    Parameters
    ----------
    pooled : PooledFit
        With or without the parameter.
    name : str
        ``ln_r`` or ``floor``.
    value : float
        In units of the reference conductance.

    Returns
    -------
    PooledFit
    """
    settings = pooled.settings
    if name not in settings.free:
        return replace(
            pooled, settings=replace(settings, fixed={**settings.fixed, name: float(value)})
        )
    theta = pooled.maximum.theta.copy()
    theta[0, settings.free.index(name)] = value
    return replace(pooled, maximum=replace(pooled.maximum, theta=theta))
