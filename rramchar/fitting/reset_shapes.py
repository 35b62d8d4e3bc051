"""The two shapes of `rramchar.fitting.reset_law`: the distribution of log10 R at every voltage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rramchar.errors import InputError
from rramchar.fitting.families import FAMILIES, Family
from rramchar.fitting.likelihood import Coordinate
from rramchar.fitting.readings import Readings

Floats = NDArray[np.float64]
WIDTH_GAIN = Coordinate("width_gain_v_per_decade", "V/decade")
SHAPES = {
    "line": (
        Coordinate("log10_r_ref", "decade"),
        Coordinate("slope_decade_per_v", "decade/V"),
        Coordinate("sigma_ref_log10", "decade", "log"),
        Coordinate("log_sigma_slope_per_v", "1/V"),
    ),
    "onset": (
        Coordinate("log10_r_low", "decade"),
        Coordinate("sigma_low_log10", "decade", "log"),
        Coordinate("log10_r_onset", "decade"),
        Coordinate("slope_decade_per_v", "decade/V"),
        Coordinate("sigma_high_log10", "decade", "log"),
        Coordinate("v_onset_v", "V"),
        Coordinate("softness_v", "V", "log"),
    ),
}


class Design:
    """Voltages and widths of the readings, and their references."""

    def __init__(self, v: Floats, width: Floats | None) -> None:
        self.v, self.v_ref = v, float(np.mean(v))
        self.width_ref: float | None = None
        self.log_width: Floats | None = None
        if width is None:
            return
        self.width_ref = float(np.exp(np.log(width).mean()))
        if len(np.unique(width)) > 1:
            self.log_width = np.log10(width / self.width_ref)

    @classmethod
    def of(cls, readings: Readings, name: str) -> Design:
        """Take them from readings; `name` is the column of the voltage."""
        width = None
        if "pulse_width_s" in readings.frame.columns:
            width = readings.frame["pulse_width_s"].to_numpy(dtype=float)
            if not (width > 0).all():
                raise InputError("fit reset-law: pulse_width_s holds values that are not above 0")
        return cls(readings.frame[name].to_numpy(dtype=float), width)

    def effective(self, theta: Floats, shape: str) -> Floats:
        """Return the effective voltage of every reading. [V]"""
        if self.log_width is None:
            return self.v
        return self.v + theta[len(SHAPES[shape])] * self.log_width


def distribution(shape: str, theta: Floats, v: Floats, v_ref: float) -> tuple[Family, Floats]:
    """Return the distribution of log10 R at voltages.

    Parameters
    ----------
    shape : str
        A key of `SHAPES`.
    theta : array, shape (parameters,)
        In the order of `SHAPES`; a width gain at the end is passed over.
    v : array
        Effective voltage. [V]
    v_ref : float
        Voltage at which ``line`` has its level. [V]

    Returns
    -------
    family : Family
        Its parameters are those of the second item, each an array of the shape of `v`.
    at : array, shape (parameters of the family, ...)
    """
    if shape == "line":
        level, slope, sigma, growth = theta[:4]
        at = [level + slope * (v - v_ref), sigma * np.exp(growth * (v - v_ref))]
        return FAMILIES["lognormal"], np.array(at)
    low, sigma_low, start, slope, sigma_high, onset, soft = theta[:7]
    share = np.clip(special.expit((v - onset) / soft), 1e-9, 1 - 1e-9)
    high = start + slope * (v - onset)
    same = np.ones_like(share)
    return FAMILIES["two_lognormals"], np.array(
        [low * same, sigma_low * same, high, sigma_high * same, share]
    )


def law(shape: str, theta: Floats, v: Floats, v_ref: float) -> tuple[Floats, Floats]:
    """Return median and spread of log10 R at voltages.

    Parameters
    ----------
    shape, theta, v, v_ref
        As in `distribution`.

    Returns
    -------
    median, spread : array, shape of `v`
        Spread is half the 15.9 to 84.1 % range. [decade]
    """
    family, at = distribution(shape, theta, np.asarray(v, dtype=float), v_ref)
    low, middle, high = (family.from_score(np.full(at[0].shape, z), at) for z in (-1.0, 0.0, 1.0))
    return middle, (high - low) / 2
