"""The most probable path of a two-state telegraph under 1/f noise.

A hidden Markov model whose noise is not white: what a reading tells depends on the earlier noise,
thus on the path. Each of the two states keeps the noise history of its own best path (Viterbi with
per-survivor processing; R. Raheli, A. Polydoros, C.-K. Tzou, IEEE Trans. Commun. 43 (1995) 354).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rramchar.devices.piecewise_drift import TAPS, pink_taps

Floats = NDArray[np.float64]


def telegraph_paths(
    noise: Floats, amplitude: Floats, alpha: float, p_up: float, p_down: float
) -> NDArray[np.bool_]:
    """Return the most probable path of each device.

    Parameters
    ----------
    noise : array, shape (devices, pulses)
        ln R minus its mean: telegraph and 1/f noise; NaN after the end of a record.
    amplitude : array, shape (devices,)
        Step of ln R in the upper state. [1]
    alpha : float
        Amplitude of the 1/f noise. [1]
    p_up, p_down : float
        Probabilities of the transitions per pulse; the state before pulse 1 is the lower one.

    Returns
    -------
    array of bool, shape (devices, pulses)
        Whether the device is in its upper state.
    """
    devices, pulses = noise.shape
    taps = pink_taps()[1:]
    step_cost = np.log([[1 - p_up, p_up], [p_down, 1 - p_down]])
    levels = amplitude[:, None] * np.array([0.0, 1.0])
    history = np.zeros((devices, 2, TAPS - 1))
    score = np.tile([0.0, -np.inf], (devices, 1))
    came_from_high = np.zeros((pulses, devices, 2), dtype=bool)
    known = np.isfinite(noise)
    values = np.where(known, noise, 0.0)
    rows = np.arange(devices)[:, None]
    for place in range(pulses):
        here = known[:, place, None]
        fresh = values[:, place, None] - history @ taps
        off = fresh[:, :, None] - levels[:, None, :]
        total = score[:, :, None] + step_cost - 0.5 * (off / alpha) ** 2
        from_high = total[:, 1, :] > total[:, 0, :]
        source = from_high.astype(np.int64)
        target = np.array([[0, 1]])
        score = np.where(here, total[rows, source, target], score)
        innovation = off[rows, source, target]
        moved = np.concatenate([innovation[..., None], history[rows, source, :-1]], axis=-1)
        history = np.where(here[..., None], moved, history)
        came_from_high[place] = np.where(here, from_high, target == 1)
    high = np.empty((devices, pulses), dtype=bool)
    state = score[:, 1] > score[:, 0]
    for place in range(pulses - 1, -1, -1):
        high[:, place] = state
        state = came_from_high[place, np.arange(devices), state.astype(np.int64)]
    return high & known


def count_transitions(
    high: NDArray[np.bool_], length: NDArray[np.int64]
) -> tuple[NDArray[np.int64], ...]:
    """Count what the rates of a telegraph follow from.

    Parameters
    ----------
    high : array of bool, shape (devices, pulses)
        Paths.
    length : array of int, shape (devices,)
        Pulses of each record.

    Returns
    -------
    ups, downs, low_pulses, high_pulses : array of int, shape (devices,)
        Transitions, and pulses that could have been one; the state before pulse 1 is low.
    """
    before = np.concatenate([np.zeros((len(high), 1), dtype=bool), high[:, :-1]], axis=1)
    inside = np.arange(high.shape[1]) < length[:, None]
    ups = (~before & high & inside).sum(axis=1)
    downs = (before & ~high & inside).sum(axis=1)
    return ups, downs, (~before & inside).sum(axis=1), (before & inside).sum(axis=1)
