"""Resistance states some time after programming, by a fitted retention model.

``G(t) = G(0) + m(G(0)) + s(G(0)) v`` with v standard normal: mean and deviation of the change come
from the model, see `rramchar.fitting.retention`. The distribution of ln R is tabulated once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rramchar.ber.states import LnResistance, States
from rramchar.fitting.model import FittedModel
from rramchar.fitting.retention import predict_change

Floats = NDArray[np.float64]
_NODES = 241
_LEVELS = 600
_REACH = 8.5
# A conductance that falls to nothing is an open cell, at this ln R (1e12 ohm).
_OPEN = float(np.log(1e12))


@dataclass(frozen=True, eq=False)
class AgedState:
    """A tabulated distribution of ln R, straight in normal scores between its levels.

    Parameters
    ----------
    ln_r : array, shape (levels,)
        Rising. [1]
    score : array, shape (levels,)
        ``Phi^-1`` of the probability at or below each level, rising. [1]
    """

    ln_r: Floats
    score: Floats

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of ln R at or below `x`."""
        return special.ndtr(self._score(x))

    def sf(self, x: ArrayLike) -> Floats:
        """Probability of ln R above `x`."""
        return special.ndtr(-self._score(x))

    def from_score(self, u: ArrayLike) -> Floats:
        """Return the ln R of a normal score; beyond the table, its ends."""
        return np.interp(np.asarray(u, float), self.score, self.ln_r)

    def _score(self, x: ArrayLike) -> Floats:
        x = np.asarray(x, float)
        inside = np.interp(x, self.ln_r, self.score)
        return np.where(x < self.ln_r[0], -np.inf, np.where(x > self.ln_r[-1], np.inf, inside))


def aged_states(
    states: States, retention: FittedModel, time_s: float, temperature_c: float
) -> States:
    """Return the states some time after programming.

    Parameters
    ----------
    states : States
        As programmed.
    retention : FittedModel
        From ``rramchar fit retention``.
    time_s : float
        Time after programming. [s]
    temperature_c : float
        Temperature during that time. [degree C]

    Returns
    -------
    States
        Changes of the two devices of a pair are independent; their correlation as programmed is
        kept for the normal scores.

    Raises
    ------
    InputError
        If the model is no retention model, or the time is not above 0.
    """
    lrs, hrs = (_age(s, retention, time_s, temperature_c) for s in (states.lrs, states.hrs))
    return States(lrs, hrs, states.correlation)


def _age(
    state: LnResistance, retention: FittedModel, time_s: float, temperature_c: float
) -> AgedState:
    u = np.linspace(-_REACH, _REACH, _NODES)
    weight = np.exp(-(u**2) / 2)
    weight /= weight.sum()
    conductance = np.exp(-state.from_score(u))
    mean, sigma = predict_change(retention, conductance, time_s, temperature_c)
    sigma = np.maximum(sigma, 1e-6 * conductance)
    centre = conductance + mean
    # Levels that reach to where either the first state or its changes end.
    highest = float((centre + _REACH * sigma).max())
    ln_r = np.linspace(-np.log(highest), _OPEN, _LEVELS)
    z = (np.exp(-ln_r)[:, None] - centre) / sigma
    # R at or below a level: G at or above it. Each tail by its own sum keeps its precision.
    below, above = special.ndtr(-z) @ weight, special.ndtr(z) @ weight
    with np.errstate(divide="ignore"):
        score = np.where(below < above, special.ndtri(below), -special.ndtri(above))
    known = np.isfinite(score) & (np.diff(score, prepend=-np.inf) > 0)
    return AgedState(ln_r[known], score[known])
