r"""How a parameter spreads from device to device, when each device's own value is known badly.

Each device d tells a likelihood :math:`L_d(\theta)` of its parameter; the population density f has
the marginal likelihood

.. math:: \prod_d \int_{lower}^{upper} f(\theta)\, L_d(\theta)\, d\theta ,

so the noise of the estimates is not taken for spread (random-effects model; e.g. B. Efron, "Large-
Scale Inference", Cambridge 2010, chapter 1). f is cut off at bounds and normalized between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from rramchar.errors import InputError
from rramchar.fitting.marginal import GridLikelihoods, NormalEstimates, log_marginal
from rramchar.fitting.newton import maximize

Floats = NDArray[np.float64]

_GRID = 17  # values of the scale at which the profile likelihood is traced, each time it is refined
_WIDEST = 0.6  # largest spread over the distance of the bounds; wider ones look alike between them
_DROP = 0.5 * float(stats.chi2.ppf(0.95, 1))  # for many devices
FAMILIES = ("normal", "lognormal", "exponential", "uniform")


def fit_population(
    family: str,
    data: NormalEstimates | GridLikelihoods,
    unit: str,
    *,
    lower: float | None = None,
    upper: float | None = None,
) -> dict[str, Any]:
    """Fit a truncated distribution to the devices' parameters.

    Parameters
    ----------
    family : str
        ``normal`` (mean, sd), ``lognormal`` (median, sigma of ln; `data` in ln) or ``exponential``
        (scale; from `lower` up, or 0; estimates only).
    data : NormalEstimates or GridLikelihoods
        Of at least three devices.
    unit : str
        Of the parameter, kept in the result.
    lower, upper : float, optional
        Where the distribution is cut off; they are taken as given.

    Returns
    -------
    dict
        JSON-serializable: ``distribution``, its parameters each as ``{"value", "low", "high"}``
        with 95 % likelihood intervals, ``lower``, ``upper``, ``unit``, ``devices``,
        ``converged``. A spread that could be 0 has ``low`` 0. ``open`` is true where the bounds are
        so close that no upper limit of the spread follows: ``high`` is then 0.6 times their
        distance, which looks like a uniform distribution.

    Raises
    ------
    InputError
        If the family is unknown or there are fewer than three devices.
    """
    facts: dict[str, Any] = {
        "distribution": family, "unit": unit, "lower": lower, "upper": upper, "devices": len(data),
    }  # fmt: skip
    if family not in FAMILIES[:3]:
        raise InputError(f"population: {family!r}, expected one of {', '.join(FAMILIES[:3])}")
    if len(data) < 3:
        raise InputError(f"population: {len(data)} devices, expected at least 3 to tell a spread")
    low, high = _bounds(family, lower, upper)
    location, scale = _start(family, data, low)
    if scale <= 0:
        same = {"value": location, "low": location, "high": location}
        return _described(facts, family, same, dict.fromkeys(("value", "low", "high"), 0.0), True)
    profile = _refined_profile(family, data, (low, high), location, scale)
    drop = _drop(len(data))
    best, ends = _interval(profile.log_scale, profile.integrated, drop)
    # At the lower end of the grid: no spread beyond the noise of the estimates.
    least = profile.log_scale[0] + 1e-9
    spread = {
        name: 0.0 if value <= least else float(np.exp(value))
        for name, value in zip(("value", "low", "high"), (best, *ends), strict=True)
    }
    inside = profile.integrated > profile.integrated.max() - drop
    if inside[-1]:
        facts["open"] = True
    centre = _location_interval(profile, best, drop)
    return _described(facts, family, centre, spread, bool(profile.converged[inside].all()))


def largest_loglik(
    family: str, data: NormalEstimates | GridLikelihoods, lower: float | None = None,
    upper: float | None = None,
) -> float:  # fmt: skip
    """Return the largest log-likelihood of a family, to compare bounds or families.

    Parameters
    ----------
    family, data, lower, upper
        As for `fit_population`.

    Returns
    -------
    float
    """
    ends = _bounds(family, lower, upper)
    location, scale = _start(family, data, ends[0])
    if scale <= 0:
        return -np.inf
    return float(_refined_profile(family, data, ends, location, scale).loglik.max())


def fit_upper_end(estimates: Floats, errors: Floats, least: float, unit: str) -> dict[str, Any]:
    """Fit the upper end of a uniform distribution from 0, seen only above `least`.

    Parameters
    ----------
    estimates, errors : array, shape (devices,)
        Values above `least` and their standard errors.
    least : float
        Smallest value that could be seen.
    unit : str
        Kept in the result.

    Returns
    -------
    dict
        As `fit_population`, with ``upper`` and its interval as ``end``. The interval is where the
        log-likelihood is less than ln 20 below its maximum: exact for the end of a uniform
        distribution whose values are known (the likelihood falls as upper^-n above the largest),
        and on the safe side where they are noisy.
    """
    top = float((estimates + 5 * errors).max())
    grid = np.concatenate([
        np.linspace(max(least * 1.001, estimates.max() - 6 * errors.max()), top, 400),
        top * np.geomspace(1.0005, max(20.0 ** (3 / len(estimates)), 1.2), 400),
    ])  # fmt: skip
    error = np.maximum(errors, 1e-12)[:, None]
    inside = special.ndtr((grid - estimates[:, None]) / error)
    inside -= special.ndtr((least - estimates[:, None]) / error)
    loglik = (np.log(np.maximum(inside, 1e-300)) - np.log(grid - least)).sum(axis=0)
    held = grid[loglik > loglik.max() - np.log(20)]
    end = {"value": float(grid[loglik.argmax()]), "low": float(held[0]), "high": float(held[-1])}
    return {"distribution": "uniform", "unit": unit, "lower": 0.0, "upper": end["value"],
            "end": end, "devices": len(estimates), "converged": True}  # fmt: skip


def draw_population(spec: Mapping[str, Any], uniform: Floats) -> Floats:
    """Return values of a distribution at given probabilities.

    Parameters
    ----------
    spec : mapping
        From `fit_population` or `fit_upper_end`.
    uniform : array, shape (n,)
        Uniform numbers between 0 and 1.

    Returns
    -------
    array, shape (n,)
        In the unit of `spec`.

    Raises
    ------
    InputError
        If the distribution is unknown or a field is missing.
    """
    family = spec.get("distribution")
    if family == "constant":
        return np.full(len(uniform), float(spec["value"]))
    lower = -np.inf if spec.get("lower") is None else float(spec["lower"])
    upper = np.inf if spec.get("upper") is None else float(spec["upper"])
    if family == "uniform":
        return lower + (upper - lower) * uniform
    try:
        if family == "normal":
            frozen = stats.norm(spec["mean"]["value"], max(spec["sd"]["value"], 1e-300))
        elif family == "lognormal":
            frozen = stats.lognorm(
                max(spec["sigma"]["value"], 1e-12), scale=spec["median"]["value"]
            )
        elif family == "exponential":
            start = spec.get("start", max(lower, 0.0))
            frozen = stats.expon(start, spec["scale"]["value"])
        else:
            raise InputError(
                f"population: distribution {family!r}, expected one of {', '.join(FAMILIES)}"
            )
    except (KeyError, TypeError) as error:
        raise InputError(f"population: a {family} distribution without {error}") from None
    below, above = frozen.cdf(lower), frozen.cdf(upper)
    values = frozen.ppf(below + (above - below) * uniform)
    return np.asarray(np.clip(values, lower, upper))


def _spacing(data: GridLikelihoods) -> float:
    return float(np.diff(data.nodes).max())


def _described(
    facts: dict[str, Any], family: str, centre: dict[str, float], spread: dict[str, float],
    converged: bool,
) -> dict[str, Any]:  # fmt: skip
    if family == "exponential":
        return {**facts, "scale": spread, "converged": converged}
    if family == "lognormal":
        centre = {key: float(np.exp(value)) for key, value in centre.items()}
        return {**facts, "median": centre, "sigma": spread, "converged": converged}
    return {**facts, "mean": centre, "sd": spread, "converged": converged}


def _bounds(family: str, lower: float | None, upper: float | None) -> tuple[float, float]:
    if family == "exponential":
        return max(lower or 0.0, 0.0), np.inf if upper is None else upper
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    if family == "lognormal":
        return (float(np.log(low)) if low > 0 else -np.inf), float(np.log(high))
    return low, high


def _start(family: str, data: NormalEstimates | GridLikelihoods, low: float) -> tuple[float, float]:
    if isinstance(data, NormalEstimates):
        values = data.value
    else:
        values = special.softmax(data.log_weight, axis=1) @ data.nodes
    if family == "exponential":
        largest = float(np.abs(values - low).max())
        return 0.0, max(float((values - low).mean()), 1e-3 * largest)
    spread = float(values.std(ddof=1))
    if isinstance(data, GridLikelihoods):
        return float(values.mean()), max(spread, 3 * _spacing(data))
    return float(values.mean()), spread if spread > 1e-9 * abs(float(values.mean())) else 0.0


@dataclass(frozen=True)
class _Profile:
    """Largest log-likelihood for each ln scale, with the location there and its error.

    `integrated` is the likelihood integrated over the location instead (restricted maximum
    likelihood): the largest one takes part of the spread of few devices for their mean. Between
    bounds it is the largest one, for there location and spread are too entangled to integrate.
    """

    log_scale: Floats
    loglik: Floats
    integrated: Floats
    location: Floats
    error: Floats
    converged: NDArray[np.bool_]


def _refined_profile(
    family: str, data: NormalEstimates | GridLikelihoods, ends: tuple[float, float],
    location: float, scale: float,
) -> _Profile:  # fmt: skip
    """Trace the profile ever closer around its peak, until the interval spans several points."""
    widest = np.log(scale) + 2.5
    if family != "exponential" and np.isfinite(ends).all():
        widest = min(widest, float(np.log(_WIDEST * (ends[1] - ends[0]))))
    narrowest = min(np.log(scale) - 6.0, widest - 3.0)
    if isinstance(data, GridLikelihoods):
        narrowest = max(narrowest, float(np.log(_spacing(data))))  # what the grid resolves
    grid = np.linspace(min(narrowest, widest - 0.5), widest, _GRID)
    for _ in range(4):
        profile = _profile(family, data, ends, location, grid)
        near = np.flatnonzero(profile.integrated > profile.integrated.max() - 4 * _DROP)
        if len(near) >= _GRID // 2:
            break
        left, right = max(near[0] - 1, 0), min(near[-1] + 1, len(grid) - 1)
        grid = np.linspace(grid[left], grid[right], _GRID)
    return profile


def _profile(
    family: str, data: NormalEstimates | GridLikelihoods, ends: tuple[float, float],
    location: float, grid: Floats,
) -> _Profile:  # fmt: skip
    scale = np.exp(grid)
    noise = float(np.median(data.error)) if isinstance(data, NormalEstimates) else 0.0
    reach = np.hypot(scale, noise)  # how far the location can be off

    def loglik(offset: Floats) -> Floats:
        place = location + reach * offset[..., 0]
        spread = np.broadcast_to(scale, place.shape)
        marginal = log_marginal(family, data, ends, place[..., None], spread[..., None])
        return np.asarray(marginal.sum(axis=-1))

    if family == "exponential":
        value = loglik(np.zeros((1, len(grid), 1)))[0]
        nothing = np.zeros(len(grid))
        return _Profile(grid, value, value, nothing, nothing, np.isfinite(value))
    best = maximize(loglik, np.zeros((len(grid), 1)), iterations=20)
    error = reach * np.sqrt(best.covariance()[:, 0, 0])
    integrated = best.loglik
    if not np.isfinite(ends).any():
        usable = best.converged & (error > 0)
        integrated = integrated + np.log(np.where(usable, error, reach))
    place = location + reach * best.theta[:, 0]
    return _Profile(grid, best.loglik, integrated, place, error, best.converged)


def _drop(devices: int) -> float:
    """Return how far the log-likelihood falls to the ends of 95 % intervals.

    That of the mean of so many normal values of unknown spread, for which it is exact: Student's t.
    """
    t = float(stats.t.ppf(0.975, devices - 1))
    return 0.5 * devices * float(np.log1p(t**2 / (devices - 1)))


def _interval(grid: Floats, profile: Floats, drop: float) -> tuple[float, tuple[float, float]]:
    """Return where the profile peaks, and where it has dropped on either side or ends."""
    top = int(np.argmax(profile))
    best, peak = grid[top], profile[top]
    if 0 < top < len(grid) - 1:  # vertex of the parabola through three points
        left, right = profile[top - 1], profile[top + 1]
        curve = left - 2 * peak + right
        usable = np.isfinite(curve) and curve < 0
        shift = 0.5 * (left - right) / curve if usable else 0.0
        best = grid[top] + shift * (grid[1] - grid[0])
        peak = peak - 0.25 * (left - right) * shift if usable else peak
    goal = peak - drop
    ends = (_crossing(grid, profile, top, goal, -1), _crossing(grid, profile, top, goal, 1))
    return float(best), ends


def _crossing(grid: Floats, profile: Floats, top: int, goal: float, step: int) -> float:
    at = top
    while 0 <= at + step < len(grid):
        after = at + step
        if profile[after] < goal:
            share = (profile[at] - goal) / (profile[at] - profile[after])
            share = share if np.isfinite(share) else 0.0
            return float(grid[at] + share * (grid[after] - grid[at]))
        at = after
    return float(grid[0] if step < 0 else grid[-1])


def _location_interval(profile: _Profile, best: float, drop: float) -> dict[str, float]:
    """Return the location and its interval: the likelihood is normal in it for each scale."""
    usable = profile.converged & np.isfinite(profile.error)
    if not usable.any():
        value = float(np.interp(best, profile.log_scale, profile.location))
        return {"value": value, "low": value, "high": value}
    scales = profile.log_scale[usable]
    fine = np.linspace(scales[0], scales[-1], 300)
    loglik, place, error = (
        np.interp(fine, profile.log_scale[usable], column[usable])
        for column in (profile.loglik, profile.location, profile.error)
    )
    value = float(np.interp(best, profile.log_scale[usable], profile.location[usable]))
    reach = np.sqrt(2 * np.maximum(loglik - loglik.max() + drop, 0.0)) * error
    inside = loglik > loglik.max() - drop
    return {
        "value": value,
        "low": float((place - reach)[inside].min()),
        "high": float((place + reach)[inside].max()),
    }
