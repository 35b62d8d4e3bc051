"""Error rates of distributions: closed form where there is one, else quadrature."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import minimize_scalar

from rramchar.ber.states import NormalState, States
from rramchar.errors import InputError

# Trapezoidal rule in standard deviations; spectrally accurate for a smooth integrand times a
# normal density, and Phi(-9) = 1e-19 is what it leaves out.
_REACH = 9.0
_STEPS_LRS, _STEPS_OFFSET = 721, 145


def ber_1t1r(states: States, threshold_ohm: float) -> float:
    """Return the error rate of single devices at a threshold, both states equally often.

    ``[P(R_HRS <= T) + P(R_LRS > T)] / 2``

    Parameters
    ----------
    states : States
        Distributions of ln R.
    threshold_ohm : float
        A reading above is HRS. [ohm]

    Returns
    -------
    float
        Error rate. [1]
    """
    if not (math.isfinite(threshold_ohm) and threshold_ohm > 0):
        raise InputError(f"threshold_ohm: {threshold_ohm}, expected a resistance above 0 ohm")
    level = math.log(threshold_ohm)
    return float(states.hrs.cdf(level) + states.lrs.sf(level)) / 2


def best_model_threshold(states: States) -> float:
    """Return the threshold at which `ber_1t1r` is lowest, between the two medians. [ohm]"""
    low, high = sorted((float(states.lrs.from_score(0.0)), float(states.hrs.from_score(0.0))))
    grid = np.linspace(low, high, 401)
    errors = np.log(states.hrs.cdf(grid) + states.lrs.sf(grid))
    at = int(np.argmin(errors))
    ends = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda x: float(np.log(states.hrs.cdf(x) + states.lrs.sf(x))), bounds=ends, method="bounded"
    )
    return math.exp(float(found.x))


def median_model_threshold(states: States) -> float:
    """Return the geometric mean of the two medians. [ohm]"""
    return math.exp((float(states.lrs.from_score(0.0)) + float(states.hrs.from_score(0.0))) / 2)


def ber_2t2r(states: States, *, offset_ln_r: float = 0.0, sigma_ln_r: float = 0.0) -> float:
    """Return the error rate of complementary pairs, both orientations equally often.

    A read is wrong when ``ln R_HRS - ln R_LRS`` lies below the amplifier's offset, normal with mean
    +-`offset_ln_r` (the sign changes with the orientation) and deviation `sigma_ln_r`. With normal
    ln R the difference is normal:
    ``Phi(-(m_H - m_L -+ o) / sqrt(s_H^2 + s_L^2 - 2 rho s_H s_L + s_o^2))``; otherwise the
    distribution of HRS is averaged over LRS and offset with the trapezoidal rule.

    Parameters
    ----------
    states : States
        Distributions of ln R.
    offset_ln_r, sigma_ln_r : float
        Offset of the amplifier in ln(R_BL / R_BLb). [1]

    Returns
    -------
    float
        Error rate. [1]
    """
    if not (math.isfinite(sigma_ln_r) and sigma_ln_r >= 0 and math.isfinite(offset_ln_r)):
        raise InputError(
            f"offset: {offset_ln_r} with sigma {sigma_ln_r}, expected finite, sigma >= 0"
        )
    return sum(_one_orientation(states, sign * offset_ln_r, sigma_ln_r) for sign in (1, -1)) / 2


def has_closed_form(states: States) -> bool:
    """Return whether `ber_2t2r` of these states is a closed form (both are lognormal)."""
    return isinstance(states.lrs, NormalState) and isinstance(states.hrs, NormalState)


def _one_orientation(states: States, offset: float, sigma: float) -> float:
    lrs, hrs = states.lrs, states.hrs
    if isinstance(lrs, NormalState) and isinstance(hrs, NormalState):
        common = 2 * states.correlation * lrs.sigma * hrs.sigma
        spread = math.sqrt(lrs.sigma**2 + hrs.sigma**2 - common + sigma**2)
        return float(special.ndtr(-(hrs.mean - lrs.mean - offset) / spread))
    return _quadrature(states, offset, sigma)


def _quadrature(states: States, offset: float, sigma: float) -> float:
    rho = states.correlation
    u, weight_u = _normal_rule(_STEPS_LRS)
    v, weight_v = _normal_rule(_STEPS_OFFSET) if sigma > 0 else (np.zeros(1), np.ones(1))
    # u is the score of the LRS itself; given it, the score of the HRS is normal with mean rho u.
    lrs = states.lrs.from_score(u)
    level = lrs[:, None] + offset + sigma * v[None, :]
    below = states.hrs.cdf(level)
    if rho != 0:
        with np.errstate(divide="ignore"):
            score = special.ndtri(below)
        below = special.ndtr((score - rho * u[:, None]) / math.sqrt(1 - rho**2))
    return float(weight_u @ below @ weight_v)


def _normal_rule(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    u = np.linspace(-_REACH, _REACH, steps)
    weight = np.exp(-(u**2) / 2)
    return u, weight / weight.sum()
