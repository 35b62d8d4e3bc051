"""The read model: what a sense amplifier decides, as a fast function of resistances and mismatch.

With ``d = ln R_BL - ln R_BLb`` and the amplifier's offset ``o = offset + sigma(x) z1``, the side of
lower resistance falls first: plus where ``d > o``. The first fall comes at
``ln t = f(x, h) + sigma_fall z2`` with ``x = ln min(R_BL, R_BLb)`` and
``h = ln(1 - exp(-|d - o|))``, which is ln|d - o| near the decision (the latch regenerates
exponentially, so the time grows with its logarithm) and 0 far from it. A read that has not fallen
when sampled is ``zero``: near ``f(x, 0) = ln t_sample`` lies R*, the boundary of the ternary read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel
from rramchar.fitting.surface import Surface

READ_MODEL = "read_model"
PLUS, ZERO, MINUS, INVALID = range(4)
"""Codes of `decide`, positions in ``plus, zero, minus, invalid``."""
RATIO_OF_R_STAR = 3.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReadCondition:
    """The read model at one condition.

    Parameters
    ----------
    corner : str
        Process corner.
    temperature_c, vdd_v : float
        Condition. [degree C, V]
    sample_time_s, window_s : float
        Sampling time of the sweep, and how long it simulated sensing. [s]
    precharge_ok : bool
        False if any read of the sweep started before its precharge was complete.
    offset_ln_r : float
        Mean offset in ln(R_BL / R_BLb). [1]
    sigma_ln_r : float or None
        Standard deviation of the offset over amplifiers at `reference_ohm`; None where the sweep
        could not tell. [1]
    sigma_slope : float
        d ln(sigma) / d ln(R). [1]
    sigma_ln_fall : float
        Standard deviation of ln t over amplifiers, far from the decision. [1]
    reference_ohm : float
        Resistance that `sigma_ln_r` is stated at. [ohm]
    fall : Surface
        Time of the first fall over (x, h). [s]
    sense : Surface
        Sense time over (x, h). [s]
    energy : Surface
        Read energy over ln of the lower and of the higher resistance. [J]
    """

    corner: str
    temperature_c: float
    vdd_v: float
    sample_time_s: float
    window_s: float
    precharge_ok: bool
    offset_ln_r: float
    sigma_ln_r: float | None
    sigma_slope: float
    sigma_ln_fall: float
    reference_ohm: float
    fall: Surface
    sense: Surface
    energy: Surface

    def sigma(self, ln_r: ArrayLike) -> Floats:
        """Return the offset's standard deviation at a resistance.

        Parameters
        ----------
        ln_r : array
            ln(R / ohm) of the lower resistance; clipped to the swept range. [1]

        Returns
        -------
        array
            In ln R. [1]

        Raises
        ------
        InputError
            If the sweep could not tell it.
        """
        if self.sigma_ln_r is None:
            raise InputError(
                f"read model at {self.corner}, {self.temperature_c:g} degC, {self.vdd_v:g} V: the "
                "offset's sigma is not known; fit a Monte Carlo sweep with nearly equal pairs too"
            )
        x = np.clip(np.asarray(ln_r, float), self.fall.low[0], self.fall.high[0])
        return self.sigma_ln_r * np.exp(self.sigma_slope * (x - np.log(self.reference_ohm)))

    def r_star_ohm(self, sample_time_s: float) -> float | None:
        """Return the ternary boundary: the lower R of a pair of ratio 3 that falls when sampled.

        Parameters
        ----------
        sample_time_s : float
            Sampling time. [s]

        Returns
        -------
        float or None
            None where it lies outside the swept resistances. [ohm]
        """
        x = np.linspace(self.fall.low[0], self.fall.high[0], 2001)
        late = self.fall.log(x, closeness(np.log(RATIO_OF_R_STAR))) > np.log(sample_time_s)
        if late[0] or not late[-1]:
            return None
        return float(np.exp(x[int(np.argmax(late))]))


def closeness(margin: ArrayLike) -> Floats:
    """Return ``h = ln(1 - exp(-|margin|))``.

    Parameters
    ----------
    margin : array
        Distance from the decision in ln R. [1]

    Returns
    -------
    array
        From minus infinity at 0 up to 0. [1]
    """
    with np.errstate(divide="ignore"):
        return np.log(-np.expm1(-np.abs(np.asarray(margin, float))))


def decide(
    condition: ReadCondition,
    ln_r_bl: ArrayLike,
    ln_r_blb: ArrayLike,
    *,
    sample_time_s: float | None = None,
    mismatch: ArrayLike | np.random.Generator | None = None,
) -> NDArray[np.int8]:
    """Decide many reads at once.

    Parameters
    ----------
    condition : ReadCondition
        The amplifier.
    ln_r_bl, ln_r_blb : array, any one shape
        ln(R / ohm). [1]
    sample_time_s : float, optional
        Sampling time, by default that of the sweep; not beyond its window. [s]
    mismatch : array of shape (..., 2), or Generator, optional
        Standard normal numbers z1, z2 of each read's amplifier (broadcast), or a generator to draw
        one amplifier per read from. Nominal amplifiers without.

    Returns
    -------
    array of int8, same shape
        `PLUS`, `ZERO`, `MINUS`, or `INVALID` where the precharge is incomplete at this condition.

    Raises
    ------
    InputError
        If the sampling time lies outside the window, or mismatch is asked for that is not known.
    """
    time = condition.sample_time_s if sample_time_s is None else sample_time_s
    if not 0 < time <= condition.window_s * (1 + 1e-9):
        raise InputError(
            f"sample_time_s: {time:g} s, expected above 0 and at most the window of "
            f"{condition.window_s:g} s that was swept"
        )
    bl, blb = np.broadcast_arrays(np.asarray(ln_r_bl, float), np.asarray(ln_r_blb, float))
    if not condition.precharge_ok:
        return np.full(bl.shape, INVALID, dtype=np.int8)
    lower = np.minimum(bl, blb)
    margin, late = bl - blb - condition.offset_ln_r, np.zeros(())
    if mismatch is not None:
        z = (
            mismatch.standard_normal((*bl.shape, 2))
            if isinstance(mismatch, np.random.Generator)
            else np.asarray(mismatch, float)
        )
        margin = margin - condition.sigma(lower) * z[..., 0]
        late = condition.sigma_ln_fall * z[..., 1]
    codes = np.where(margin > 0, PLUS, MINUS).astype(np.int8)
    codes[condition.fall.log(lower, closeness(margin)) + late > np.log(time)] = ZERO
    return codes


def read_conditions(model: FittedModel) -> tuple[ReadCondition, ...]:
    """Return the conditions of a fitted read model.

    Parameters
    ----------
    model : FittedModel
        Made by `rramchar.fitting.read_model.fit_read_model`.

    Returns
    -------
    tuple of ReadCondition
        In the order of the fit.

    Raises
    ------
    InputError
        If it is another model, or damaged.
    """
    if model.name != READ_MODEL:
        raise InputError(f"model {model.name!r}: expected {READ_MODEL!r}, from `fit read-model`")
    listed = model.population.get("conditions")
    if not isinstance(listed, list) or not listed:
        raise InputError(f"model {model.name}, field population.conditions: missing or empty")
    return tuple(
        _condition(model, entry, f"population.conditions[{k}]") for k, entry in enumerate(listed)
    )


def _condition(model: FittedModel, entry: Mapping[str, Any], place: str) -> ReadCondition:
    try:
        key = str(entry["key"])
        known = {
            name: float(entry[name])
            for name in ("temperature_c", "vdd_v", "sample_time_s", "window_s")
        }
        corner, precharge_ok = str(entry["corner"]), bool(entry["precharge_ok"])
        reference = float(entry["reference_ohm"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"model {model.name}, field {place}: {error!r}") from None

    def value(name: str) -> float | None:
        parameter = model.parameters.get(f"{key}_{name}")
        return None if parameter is None else parameter.value

    return ReadCondition(
        corner=corner,
        precharge_ok=precharge_ok,
        reference_ohm=reference,
        offset_ln_r=value("offset_ln_r") or 0.0,
        sigma_ln_r=value("sigma_ln_r"),
        sigma_slope=value("sigma_slope") or 0.0,
        sigma_ln_fall=value("sigma_ln_fall") or 0.0,
        fall=Surface.from_dict(entry.get("fall", {}), f"{place}.fall"),
        sense=Surface.from_dict(entry.get("sense", {}), f"{place}.sense"),
        energy=Surface.from_dict(entry.get("energy", {}), f"{place}.energy"),
        **known,
    )
