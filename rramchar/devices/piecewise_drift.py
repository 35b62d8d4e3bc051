r"""Weak RESET of arXiv:2107.06064: resistance over pulses with 1/f and telegraph noise.

Majumdar et al., "Model of the Weak Reset Process in HfOx Resistive Memory for Deep Learning
Frameworks", 2021; after t weak RESET pulses

.. math::

    R = R_0 e^{w}, \qquad w = \mu(t) + a\, s(t) + \alpha \sum_{k=0}^{14} b_k n_{t-k}

    \mu(t) = m_1 t + c_1 \; (t < t^*), \qquad m_2 t + t^*(m_1 - m_2) + c_1 \; (t \ge t^*)

s is a two-state Markov chain (0 to 1 with probability P_up per pulse, back with P_down) and the
b_k make 1/f noise of white noise n. All start at rest: s = 0, no earlier n. R_0 is the resistance
before the first pulse, so :math:`c_1` is the step that the line makes there.

Here n is standard normal. The paper's public code (github.com/Atreya95/
Learning-with-memory-device-imperfections) feeds uniform numbers from 0 to 1, which adds a mean, and
draws the telegraph amplitude again at every pulse; a telegraph has two levels, so here a device
keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

TAPS = 15
Floats = NDArray[np.float64]


def pink_taps(taps: int = TAPS) -> Floats:
    """Return the filter that makes 1/f noise of white noise.

    ``b_0 = 1, b_k = b_{k-1} (k - 1/2) / k``: half an integration, N. J. Kasdin, Proc. IEEE 83
    (1995) 802, eq. 104 with alpha = 1. Cut off after `taps`, the spectrum is flat below about
    ``1 / taps`` per pulse.

    Parameters
    ----------
    taps : int
        Length.

    Returns
    -------
    array, shape (taps,)
        1, 0.5, 0.375, ... [1]
    """
    k = np.arange(1, taps)
    return np.concatenate([[1.0], np.cumprod((k - 0.5) / k)])


def mean_log_shift(
    pulses: ArrayLike, m1: ArrayLike, t_star: ArrayLike, c1: ArrayLike, m2: ArrayLike
) -> Floats:
    """Return the mean of ln(R / R0) after so many pulses: a line with one kink.

    Parameters
    ----------
    pulses : array_like
        Pulses so far, t >= 1. [1]
    m1, m2 : array_like, broadcastable
        Slopes before and after the kink. [1/pulse]
    t_star : array_like, broadcastable
        Where the kink is. [pulse]
    c1 : array_like, broadcastable
        Value of the first line at t = 0. [1]

    Returns
    -------
    array
        ``c1 + m1 min(t, t*) + m2 max(t - t*, 0)``. [1]
    """
    t, kink = np.asarray(pulses, dtype=float), np.asarray(t_star, dtype=float)
    return np.asarray(c1 + m1 * np.minimum(t, kink) + m2 * np.maximum(t - kink, 0.0))


@dataclass(frozen=True)
class DriftDevices:
    """Parameters of many devices.

    Parameters
    ----------
    m1, t_star, c1, m2 : array, shape (devices,)
        As in `mean_log_shift`.
    r0_ohm : array, shape (devices,)
        Resistance before the first pulse. [ohm]
    rtn_amplitude : array, shape (devices,)
        Step of ln R of the telegraph. [1]
    alpha : array, shape (devices,) or float
        Amplitude of the 1/f noise in ln R. [1]
    p_up, p_down : float
        Probabilities of the telegraph's transitions per pulse. [1]
    """

    m1: Floats
    t_star: Floats
    c1: Floats
    m2: Floats
    r0_ohm: Floats
    rtn_amplitude: Floats
    alpha: Floats | float
    p_up: float
    p_down: float


@dataclass(frozen=True)
class DriftState:
    """What devices remember.

    Parameters
    ----------
    pulses : array of int, shape (devices,)
        Pulses so far.
    high : array of bool, shape (devices,)
        Whether the telegraph is in its upper state.
    history : array, shape (devices, TAPS)
        The last white numbers of the 1/f noise, newest first.
    """

    pulses: NDArray[np.int64]
    high: NDArray[np.bool_]
    history: Floats


def fresh_state(devices: int) -> DriftState:
    """Return the state of devices that had no pulse since their SET."""
    return DriftState(
        np.zeros(devices, dtype=np.int64), np.zeros(devices, dtype=bool), np.zeros((devices, TAPS))
    )


def step_drift(
    devices: DriftDevices,
    state: DriftState,
    rng: np.random.Generator,
    pulsed: NDArray[np.bool_] | None = None,
) -> DriftState:
    """Return the state after one more pulse.

    Parameters
    ----------
    devices : DriftDevices
        Their parameters.
    state : DriftState
        Before the pulse; not changed.
    rng : numpy Generator
        Two draws per device, pulsed or not.
    pulsed : array of bool, shape (devices,), optional
        Which devices get the pulse; all without.

    Returns
    -------
    DriftState
        That of devices without a pulse is the old one.
    """
    count = len(state.pulses)
    hit = np.ones(count, dtype=bool) if pulsed is None else pulsed
    flips = rng.random(count) < np.where(state.high, devices.p_down, devices.p_up)
    newest = rng.standard_normal(count)
    moved = np.concatenate([newest[:, None], state.history[:, :-1]], axis=1)
    return DriftState(
        state.pulses + hit,
        state.high ^ (flips & hit),
        np.where(hit[:, None], moved, state.history),
    )


def drift_resistance(devices: DriftDevices, state: DriftState) -> Floats:
    """Return the resistance that devices show in a state.

    Parameters
    ----------
    devices : DriftDevices
        Their parameters.
    state : DriftState
        From `fresh_state` and `step_drift`.

    Returns
    -------
    array, shape (devices,)
        ``r0_ohm`` where no pulse came yet. [ohm]
    """
    shift = mean_log_shift(state.pulses, devices.m1, devices.t_star, devices.c1, devices.m2)
    shift = shift + devices.rtn_amplitude * state.high
    shift = shift + devices.alpha * (state.history @ pink_taps())
    return devices.r0_ohm * np.exp(np.where(state.pulses > 0, shift, 0.0))
