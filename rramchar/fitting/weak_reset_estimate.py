"""Maximum likelihood of the weak-RESET law: pooled over devices, then device by device.

Parameters are those of `rramchar.fitting.weak_reset_filter`. Noise of the reads, a floor, and the
dependence on voltage and width are added where the data show them; what they cannot show is left
out and named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.fitting.newton import Maximum, maximize
from rramchar.fitting.weak_reset_data import WeakResetData
from rramchar.fitting.weak_reset_filter import FilterData, Settings, run_filter

Floats = NDArray[np.float64]

_SEARCH = 24  # sequences in the search for a start
_SEEN = 2.0  # gain in log-likelihood from which read noise counts as seen
_FLOOR_SEEN = 4.0  # and a floor
_RESTING = 5  # readings that must rest at a floor
_CHUNK = 400  # devices fitted at once
_ONE_SIDED = 1.353  # half the 90 % quantile of chi2(1): a one-sided 95 % limit


@dataclass(frozen=True)
class PooledFit:
    """One set of parameters for all devices.

    Parameters
    ----------
    settings : Settings
        What was fitted.
    maximum : Maximum
        Of batch size 1.
    covariance : array, shape (n, n)
        From the observed information.
    robust : array, shape (n, n) or None
        Sandwich covariance with devices as clusters; None for fewer than 8 devices.
    read_noise_below : float or None
        Where no read noise is seen: the one-sided 95 % limit, in units of conductance.
    """

    settings: Settings
    maximum: Maximum
    covariance: Floats
    robust: Floats | None
    read_noise_below: float | None

    def value(self, name: str) -> float | None:
        """Return a parameter, or None where it is not in the model."""
        if name in self.settings.free:
            return float(self.maximum.theta[0, self.settings.free.index(name)])
        return self.settings.fixed.get(name)


@dataclass(frozen=True)
class DeviceFits:
    """Parameters of each device, with everything common taken from the pooled fit.

    Parameters
    ----------
    theta : array, shape (devices, 3)
        ln c, k, ln eta.
    covariance : array, shape (devices, 3, 3)
        Of the estimates; NaN where the fit did not converge.
    converged : array of bool, shape (devices,)
        Whether it did.
    loglik : array, shape (devices,)
        The largest log-likelihood.
    """

    theta: Floats
    covariance: Floats
    converged: NDArray[np.bool_]
    loglik: Floats


def fit_pooled(data: WeakResetData) -> PooledFit:
    """Fit all devices with one set of parameters.

    Parameters
    ----------
    data : WeakResetData
        The readings.

    Returns
    -------
    PooledFit
    """
    free = ["ln_c", "k", "ln_eta"]
    free += ["ln_v_scale"] if data.voltages > 1 else []
    free += ["exponent"] if data.widths > 1 else []
    free += ["noise_exponent"] if data.voltages > 1 or data.widths > 1 else []
    settings, best = _search(data, tuple(free))
    below = None
    hard = np.isfinite(data.filter_data.hard_floor).any()
    if not hard:
        settings, best = _with_noise_and_floor(data, settings, best)
        if "ln_r" not in settings.free:
            below = _noise_limit(data, settings, best)
    covariance = best.covariance()[0]
    return PooledFit(settings, best, covariance, _sandwich(data, settings, best), below)


def fit_devices(
    data: WeakResetData,
    pooled: PooledFit,
    progress: Callable[[int], None] | None = None,
    start: DeviceFits | None = None,
) -> DeviceFits:
    """Fit ln c, k and ln eta of each device.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    pooled : PooledFit
        Start, and values of what is common: read noise, floor, voltage scale, width exponent.
    progress : callable, optional
        Called with the number of devices that are finished.
    start : DeviceFits, optional
        Where to start instead, for the devices that converged there.

    Returns
    -------
    DeviceFits
    """
    settings = device_settings(pooled)
    devices = len(data.starts)
    begin = np.tile(np.array([pooled.value(n) for n in settings.free], dtype=float), (devices, 1))
    if start is not None:
        begin[start.converged] = start.theta[start.converged]
    parts = []
    for first in range(0, devices, _CHUNK):
        last = min(first + _CHUNK, devices)
        chosen = (data.sequences.device >= first) & (data.sequences.device < last)
        part, owner = data.filter_data.subset(chosen), data.sequences.device[chosen] - first
        parts.append(maximize(per_device_likelihood(part, settings, owner), begin[first:last]))
        if progress is not None:
            progress(last)
    theta = np.concatenate([part.theta for part in parts])
    covariance = np.concatenate([part.covariance() for part in parts])
    converged = np.concatenate([part.converged for part in parts])
    return DeviceFits(theta, covariance, converged, np.concatenate([part.loglik for part in parts]))


def device_settings(pooled: PooledFit, **held: float | Floats) -> Settings:
    """Return the settings of a device's own fit: ln c, k and ln eta are free.

    Parameters
    ----------
    pooled : PooledFit
        Values of the rest.
    **held : float or array, shape (sequences,)
        Values to take instead.

    Returns
    -------
    Settings
    """
    own = ("ln_c", "k", "ln_eta")
    names = (*pooled.settings.free, *pooled.settings.fixed)
    common = {name: pooled.value(name) for name in names if name not in own}
    known = {name: value for name, value in common.items() if value is not None}
    return Settings(own, {**known, **held})  # type: ignore[dict-item]


def innovations(data: WeakResetData, pooled: PooledFit, devices: DeviceFits | None) -> Floats:
    """Return what each reading is off its prediction, in predicted standard deviations.

    Parameters
    ----------
    data : WeakResetData
        The readings.
    pooled : PooledFit
        Parameters of all.
    devices : DeviceFits or None
        Parameters of each device instead, where its fit converged.

    Returns
    -------
    array, shape (sequences, places)
        NaN where not read, near a floor, and in the first column.
    """
    parameters = pooled.settings.unpack(pooled.maximum.theta[0])
    if devices is not None:
        common = np.array([parameters[name] for name in ("ln_c", "k", "ln_eta")], dtype=float)
        own = np.where(devices.converged[:, None], devices.theta, common)[data.sequences.device]
        parameters = {**parameters, "ln_c": own[:, 0], "k": own[:, 1], "ln_eta": own[:, 2]}
    kept = run_filter(data.filter_data, parameters, keep=True).innovation
    assert kept is not None
    return np.where(_at_floor(data, pooled), np.nan, kept.T)


def _at_floor(data: WeakResetData, pooled: PooledFit) -> NDArray[np.bool_]:
    """Tell which readings may rest at the floor, where they are not normal around the prediction.

    Told by the reading before, for a choice by the reading itself would cut its distribution.
    """
    g = data.filter_data.g.T
    before = pd.DataFrame(g.T).ffill().shift(1).to_numpy().T
    floor, ln_r = pooled.value("floor"), pooled.value("ln_r")
    level = data.filter_data.hard_floor[:, None] if floor is None else floor
    eta = float(np.exp(pooled.value("ln_eta") or 0.0))
    noise = eta if ln_r is None else float(np.hypot(eta, np.exp(ln_r)))
    return np.asarray(before < level + 4 * noise)


def _pooled_likelihood(data: FilterData, settings: Settings) -> Callable[[Floats], Floats]:
    def loglik(theta: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return run_filter(data, settings.unpack(theta[..., None, :])).loglik.sum(axis=-1)

    return loglik


def per_device_likelihood(
    data: FilterData, settings: Settings, owner: NDArray[np.int64]
) -> Callable[[Floats], Floats]:
    """Return the likelihood of each device for `rramchar.fitting.newton.maximize`.

    Parameters
    ----------
    data : FilterData
        The readings.
    settings : Settings
        What is free.
    owner : array of int, shape (sequences,)
        Device of each sequence, from 0 and rising.

    Returns
    -------
    callable
    """
    starts = np.flatnonzero(np.diff(owner, prepend=-1))

    def loglik(theta: Floats) -> Floats:
        with np.errstate(all="ignore"):
            each = run_filter(data, settings.unpack(theta[..., owner, :])).loglik
        return np.asarray(np.add.reduceat(each, starts, axis=-1))

    return loglik


def _search(data: WeakResetData, free: tuple[str, ...]) -> tuple[Settings, Maximum]:
    """Fit without a floor, from several starts on some sequences, then on all.

    Where pulses differ in strength, noise of the reads is in the search: weak pulses show it.
    """
    count = data.filter_data.g.shape[1]
    some = np.zeros(count, dtype=bool)
    some[np.unique(np.linspace(0, count - 1, min(count, _SEARCH)).astype(int))] = True
    part = data.filter_data.subset(some)
    change = np.diff(part.g, axis=0)
    noise, small = float(np.nanstd(change)), float(np.nanmedian(np.abs(change)))
    span = max(float(np.ptp(part.volts)), 1e-3)
    guesses: dict[str, tuple[float, ...]] = {
        "ln_c": (-2.0, -5.0),
        "k": (4.0,),
        "ln_eta": (np.log(max(noise, 1e-9)),),
        "ln_v_scale": tuple(np.log(span * np.array([0.03, 0.1, 0.5]))),
        "exponent": (1.0,),
        "noise_exponent": (0.1, 0.6),
        "ln_r": (np.log(max(small, 1e-9)),),
    }
    hard = np.isfinite(data.filter_data.hard_floor).any()
    if "noise_exponent" in free and not hard:
        free = (*free, "ln_r")
    grids = np.meshgrid(*(guesses[name] for name in free), indexing="ij")
    starts = np.stack([grid.ravel() for grid in grids], axis=-1).astype(float)
    settings = Settings(free, {})
    tried = maximize(_pooled_likelihood(part, settings), starts, iterations=30)
    ranked = np.where(tried.converged, tried.loglik, tried.loglik - 1e6)
    start = tried.theta[[int(np.argmax(ranked))]]
    return settings, maximize(_pooled_likelihood(data.filter_data, settings), start)


def _without_noise(
    data: WeakResetData, settings: Settings, best: Maximum
) -> tuple[Settings, Maximum]:
    """Return the fit without noise of the reads, started from one with it."""
    quiet = Settings(tuple(name for name in settings.free if name != "ln_r"), {})
    at = [settings.free.index(name) for name in quiet.free]
    return quiet, maximize(_pooled_likelihood(data.filter_data, quiet), best.theta[:, at])


def _with_noise_and_floor(
    data: WeakResetData, settings: Settings, best: Maximum
) -> tuple[Settings, Maximum]:
    if "ln_r" in settings.free:
        noisy, guess = settings, best.theta
        settings, best = _without_noise(data, settings, best)
        eta = guess[0, noisy.free.index("ln_eta")]
        starts = np.tile(guess, (2, 1))
    else:
        eta = best.theta[0, settings.free.index("ln_eta")]
        noisy = Settings((*settings.free, "ln_r"), {})
        starts = np.concatenate([np.tile(best.theta, (2, 1)), [[eta - 0.5], [eta - 2.0]]], axis=1)
        starts[0, settings.free.index("ln_eta")] -= 0.5
    with_noise = _best_of(maximize(_pooled_likelihood(data.filter_data, noisy), starts))
    seen = bool(with_noise.converged[0]) and with_noise.loglik[0] > best.loglik[0] + _SEEN
    base_settings, base = (noisy, with_noise) if seen else (settings, best)
    floored = Settings((*noisy.free, "floor"), {})
    candidates = _floor_candidates(data, floored, with_noise.theta[0] if seen else starts[1], eta)
    values = _pooled_likelihood(data.filter_data, floored)(candidates[None])[0]
    if np.nanmax(values) < base.loglik[0]:
        return base_settings, base  # no floor makes the readings more likely
    start = candidates[np.argsort(-np.nan_to_num(values, nan=-np.inf))[:2]]
    resting = _best_of(
        maximize(_pooled_likelihood(data.filter_data, floored), start, iterations=30)
    )
    if not bool(resting.converged[0]) or resting.loglik[0] < base.loglik[0] + _FLOOR_SEEN:
        return base_settings, base
    floor, noise = resting.theta[0, -1], np.exp(resting.theta[0, -2])
    if (data.filter_data.g < floor + 2 * noise).sum() < _RESTING:
        return base_settings, base
    return floored, resting


def _floor_candidates(
    data: WeakResetData, floored: Settings, theta: Floats, ln_eta: float
) -> Floats:
    """Return parameters with several floors and read noises, to see whether any helps."""
    lowest = np.nanquantile(data.filter_data.g, [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5])
    noises = np.array([theta[floored.free.index("ln_r")], ln_eta - 0.5, ln_eta - 2, ln_eta - 3.5])
    floor, noise = (grid.ravel() for grid in np.meshgrid(lowest, noises))
    out = np.tile(np.append(theta, 0.0), (len(floor), 1))
    out[:, floored.free.index("ln_r")], out[:, -1] = noise, floor
    return out


def _best_of(many: Maximum) -> Maximum:
    """Return the best converged member of a batch as a batch of one."""
    at = [int(np.argmax(np.where(many.converged, many.loglik, many.loglik - 1e6)))]
    return Maximum(
        many.theta[at], many.loglik[at], many.information[at], many.converged[at], many.weakest[at]
    )


def _noise_limit(data: WeakResetData, settings: Settings, best: Maximum) -> float:
    """Return the read noise at which the profile likelihood is too low."""
    eta = float(np.exp(best.theta[0, settings.free.index("ln_eta")]))
    levels = eta * np.geomspace(0.02, 1.5, 12)
    held = Settings(settings.free, {"ln_r": np.log(levels)[:, None]})  # type: ignore[dict-item]
    profile = maximize(
        _pooled_likelihood(data.filter_data, held), np.tile(best.theta, (len(levels), 1))
    ).loglik
    peak = max(float(profile.max()), float(best.loglik[0]))
    above = np.flatnonzero(profile > peak - _ONE_SIDED)
    at = int(above[-1]) if len(above) else -1
    if at + 1 >= len(levels):
        return float(levels[-1])
    low = float(profile[at]) if at >= 0 else peak
    share = (low - (peak - _ONE_SIDED)) / max(low - float(profile[at + 1]), 1e-12)
    start = float(levels[at]) if at >= 0 else 0.0
    return start + min(share, 1.0) * (float(levels[at + 1]) - start)


def _sandwich(data: WeakResetData, settings: Settings, best: Maximum) -> Floats | None:
    """Return the covariance that holds where devices differ (White, Econometrica 50 (1982) 1)."""
    devices = len(data.starts)
    if devices < 8 or not best.converged[0]:
        return None
    bread = best.covariance()[0]
    steps = 0.05 * np.sqrt(np.diag(bread))
    shifts = np.concatenate([np.diag(steps), -np.diag(steps)])
    theta = (best.theta + shifts)[:, None, :]
    with np.errstate(all="ignore"):
        each = data.by_device(run_filter(data.filter_data, settings.unpack(theta)).loglik)
    n = len(steps)
    scores = (each[:n] - each[n:]) / (2 * steps[:, None])
    meat = scores @ scores.T * devices / (devices - 1)
    return np.asarray(bread @ meat @ bread)
