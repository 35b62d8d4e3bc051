r"""Likelihood of conductances under the weak-RESET law, with noise of the pulses and of the reads.

The true conductance moves by the law of `rramchar.devices.weak_reset_law`; a reading adds normal
noise of its own. Each reading is compared with what all readings before it predict: an extended
Kalman filter (e.g. S. Särkkä, "Bayesian Filtering and Smoothing", Cambridge 2013, section 5.2)
whose drift is averaged over the uncertainty of the state exactly. Without read noise this is the
likelihood of the increments. A floor is a mixture: the state is at the floor or above it; the
predictive density of that mixture is exact, and its moments are carried on.

Conductances are in units of a reference conductance. Without a floor and with one pulse shape the
law has two parameters only,

.. math:: fall = c\, e^{-k (g_{ref} - G)}, \qquad k = \beta / (G_{max} - G_{min}),

so these are what is fitted. Pulses of other strength fall by ``strength`` times as much, and their
noise is ``strength^q`` times as strong: a pulse of no strength does nothing. With `integrated` the
differential equation is integrated within the pulse, ``fall = ln(1 + k c e^{-k (g_ref - G)}) / k``,
instead of taken as one step; that matters for pulses that are not weak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

Floats = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))
_LARGEST_EXPONENT = 60.0


@dataclass(frozen=True)
class FilterData:
    """Readings as the filter wants them.

    Parameters
    ----------
    g : array, shape (places, sequences)
        Conductance in units of the reference; NaN where not read; the first row is read.
    volts : array, shape (places, sequences)
        |V| of the pulse before each reading, minus the reference voltage. [V]
    log_width : array, shape (places, sequences)
        ln of its width over the reference width. [1]
    hard_floor : array, shape (sequences,)
        Floor that is known exactly because readings repeat it; NaN for none.
    integrated : bool
        Whether the equation is integrated within a pulse.
    """

    g: Floats
    volts: Floats
    log_width: Floats
    hard_floor: Floats
    integrated: bool = False

    def subset(self, sequences: NDArray[np.bool_] | NDArray[np.int64]) -> FilterData:
        """Return some of the sequences, by a mask or by their numbers."""
        return FilterData(
            self.g[:, sequences], self.volts[:, sequences], self.log_width[:, sequences],
            self.hard_floor[sequences], self.integrated,
        )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Which parameters are fitted, and the values of those that are not.

    Parameters
    ----------
    free : tuple of str
        Names out of ``ln_c, k, ln_eta, ln_r, floor, ln_v_scale, exponent, noise_exponent``.
    fixed : dict of str to float
        Values of others; an absent ``ln_r`` means no read noise, ``floor`` no floor,
        ``ln_v_scale`` no dependence on voltage, ``exponent`` 1, ``noise_exponent`` 0.
    """

    free: tuple[str, ...]
    fixed: dict[str, float]

    def unpack(self, theta: Floats) -> dict[str, Floats | float]:
        """Return parameters by name from an array of shape (..., n).

        Parameters
        ----------
        theta : array, shape (..., n)
            In the order of `free`.
        """
        return {**self.fixed, **{name: theta[..., i] for i, name in enumerate(self.free)}}


@dataclass(frozen=True)
class FilterResult:
    """What the filter says of each reading.

    Parameters
    ----------
    loglik : array, shape (..., sequences)
        Log-likelihood of each sequence, given its first reading.
    innovation : array, shape (places, ..., sequences) or None
        Reading minus prediction, in predicted standard deviations; NaN where not read.
    """

    loglik: Floats
    innovation: Floats | None


def run_filter(
    data: FilterData, parameters: dict[str, Floats | float], *, keep: bool = False
) -> FilterResult:
    """Return the log-likelihood of sequences.

    Parameters
    ----------
    data : FilterData
        The readings.
    parameters : dict of str to array, shape (..., sequences) or broadcastable
        As named in `Settings`.
    keep : bool
        Whether to keep the innovations.

    Returns
    -------
    FilterResult
        Leading axes as those of the parameters.
    """
    c = np.exp(parameters["ln_c"])
    k = np.asarray(parameters["k"])
    eta2 = np.exp(2 * np.asarray(parameters["ln_eta"]))
    r2 = np.exp(2 * np.asarray(parameters["ln_r"])) if "ln_r" in parameters else np.zeros(1)
    floor = parameters.get("floor")
    shape = np.broadcast_shapes(c.shape, k.shape, eta2.shape, r2.shape, data.g[0].shape)
    mean = np.broadcast_to(data.g[0], shape)
    variance = np.broadcast_to(r2, shape)
    loglik = np.zeros(shape)
    kept = np.full((len(data.g), *shape), np.nan) if keep else None
    strength = _log_strength(data, parameters)
    noise_exponent = np.asarray(parameters.get("noise_exponent", 0.0))
    for place in range(1, len(data.g)):
        reading = data.g[place]
        # E[exp(k G)] of a normal G, so that read noise does not bias the drift.
        exponent = np.minimum(-k * (1 - mean) + k**2 * variance / 2, _LARGEST_EXPONENT)
        log_strength = strength(place)
        fall = c * np.exp(np.minimum(exponent + log_strength, _LARGEST_EXPONENT))
        steepness = k * fall
        if data.integrated:
            safe = np.where(np.abs(k) > 1e-9, k, 1e-9)
            fall = np.log1p(np.maximum(steepness, -0.999)) / safe
            steepness = steepness / (1 + steepness)
        ahead = mean - fall
        spread = (1 - steepness) ** 2 * variance + eta2 * np.exp(2 * noise_exponent * log_strength)
        read = np.isfinite(reading)
        if kept is not None:
            kept[place] = (reading - ahead) / np.sqrt(spread + r2)
        if floor is not None:
            gain, mean, variance = _update_at_floor(reading, read, ahead, spread, r2, floor)
        else:
            gain, mean, variance = _update(reading, read, ahead, spread, r2, data.hard_floor)
        loglik += np.where(read, gain, 0.0)
    return FilterResult(loglik, kept)


def _log_strength(
    data: FilterData, parameters: dict[str, Floats | float]
) -> Callable[[int], Floats]:
    """Return a function of the place that gives ln of the relative strength of its pulse."""
    inverse = np.zeros(1)
    if "ln_v_scale" in parameters:
        inverse = np.exp(-np.asarray(parameters["ln_v_scale"]))
    exponent = np.asarray(parameters.get("exponent", 1.0))

    def log_strength(place: int) -> Floats:
        return np.asarray(data.volts[place] * inverse + exponent * data.log_width[place])

    return log_strength


def _update(
    reading: Floats, read: NDArray[np.bool_], ahead: Floats, spread: Floats, r2: Floats,
    hard_floor: Floats,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    total = spread + r2
    off = reading - ahead
    density = -0.5 * (_LOG_2PI + np.log(total) + off**2 / total)
    at_floor = reading <= hard_floor
    if at_floor.any():  # readings that repeat the floor: only the probability of being there counts
        density = np.where(at_floor, log_ndtr((hard_floor - ahead) / np.sqrt(total)), density)
    weight = spread / total
    mean = np.where(read, ahead + weight * off, ahead)
    variance = np.where(read, weight * r2, spread)
    return density, mean, variance


def _update_at_floor(
    reading: Floats, read: NDArray[np.bool_], ahead: Floats, spread: Floats, r2: Floats,
    floor: Floats | float,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Update where the state may rest at a floor; a place that is not read only predicts."""
    total = spread + r2
    seen = np.where(read, reading, ahead)
    below = log_ndtr((floor - ahead) / np.sqrt(spread))
    rest = below - 0.5 * (_LOG_2PI + np.log(r2) + (seen - floor) ** 2 / r2)
    middle = np.where(read, (ahead * r2 + seen * spread) / total, ahead)
    width2 = np.where(read, spread * r2 / total, spread)
    width = np.sqrt(width2)
    low = (floor - middle) / width
    log_above = log_ndtr(-low)
    free = -0.5 * (_LOG_2PI + np.log(total) + (seen - ahead) ** 2 / total) + log_above
    density = np.logaddexp(rest, free)
    resting = np.where(read, np.exp(rest - density), np.exp(below))
    # Moments of a normal distribution cut off below (Johnson, Kotz, Balakrishnan, section 13.10.1).
    hazard = np.exp(-0.5 * (_LOG_2PI + low**2) - log_above)
    mean_above = middle + width * hazard
    variance_above = width2 * np.maximum(1 + low * hazard - hazard**2, 1e-12)
    mean = resting * floor + (1 - resting) * mean_above
    variance = (1 - resting) * (variance_above + resting * (mean_above - floor) ** 2)
    return density, mean, variance
