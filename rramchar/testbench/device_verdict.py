"""Judge the curves of a transistor: its threshold, and what in a technology file looks wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

THRESHOLD_CURRENT_A = 100e-9
# Far outside of any CMOS process: 0.5 uA/um to 10 mA/um, and 0.3 to 300 fF/um2 with overlaps.
_ION_A_PER_UM = (0.5e-6, 10e-3)
_GATE_F_PER_UM2 = (0.3e-15, 300e-15)
_SMALLEST_ON_OFF_RATIO = 100.0
_SIZES = "sizes.unit_m (what 1 means in the width and length of the kit) and options.scale"
_SECTION = "the section of the library"


def threshold_v(gate_v: FloatArray, current_a: FloatArray, level_a: float) -> float | None:
    """Return the gate voltage at which a current first reaches a level.

    Parameters
    ----------
    gate_v : array, shape (points,)
        Rising. [V]
    current_a : array, shape (points,)
        Drain current, positive when the device conducts. [A]
    level_a : float
        The level. [A]

    Returns
    -------
    float or None
        Interpolated in the logarithm of the current; None if the level is not crossed from below.
        [V]
    """
    above = current_a >= level_a
    if above[0] or not above.any():
        return None
    i = int(np.argmax(above))
    low, high = np.log(np.maximum(current_a[[i - 1, i]], 1e-30))
    share = (np.log(level_a) - low) / (high - low)
    return float(gate_v[i - 1] + share * (gate_v[i] - gate_v[i - 1]))


def judge_off(
    polarity: str, at_zero_a: float, at_supply_a: float, mirror_vth_v: float | None, level_a: float
) -> str:
    """Say why a device has no threshold.

    Parameters
    ----------
    polarity : str
        ``n`` or ``p``, as the technology file has it.
    at_zero_a, at_supply_a : float
        Drain current at |VDS| = 50 mV with the gate at 0 and at the supply. [A]
    mirror_vth_v : float or None
        Threshold with all voltages reversed. [V]
    level_a : float
        Current that counts as conducting. [A]

    Returns
    -------
    str
        What it does and what to look at.
    """
    if mirror_vth_v is not None:
        other = "p" if polarity == "n" else "n"
        return f'conducts with the opposite polarity; set polarity = "{other}" or another model'
    if at_zero_a >= level_a:
        return (
            f"conducts at VGS = 0 ({at_zero_a:.2g} A at |VDS| = 50 mV); look at {_SECTION}, at "
            "polarity, and whether the model is that of a depletion or native device"
        )
    return (
        f"does not conduct ({at_supply_a:.2g} A at |VGS| = supply, |VDS| = 50 mV); look at "
        f"{_SIZES}, at {_SECTION} and at the supply"
    )


def judge_on(
    ion_a_per_um: float, ioff_a_per_um: float, gate_capacitance_f_per_um2: float | None
) -> str | None:
    """Say what is implausible about a device that switches.

    Parameters
    ----------
    ion_a_per_um, ioff_a_per_um : float
        Currents at |VDS| = supply. [A/um]
    gate_capacitance_f_per_um2 : float or None
        None where it was not simulated. [F/um2]

    Returns
    -------
    str or None
        What it does and what to look at; None if all is plausible.
    """
    capacitance = gate_capacitance_f_per_um2
    if capacitance is not None and not _within(capacitance, _GATE_F_PER_UM2):
        return (
            f"gate capacitance of {capacitance:.2g} F/um2, expected about 1e-14: the size is "
            f"misunderstood; look at {_SIZES}"
        )
    if not _within(ion_a_per_um, _ION_A_PER_UM):
        word = "hardly conducts" if ion_a_per_um < _ION_A_PER_UM[0] else "conducts too much"
        return f"{word} (Ion {ion_a_per_um:.2g} A/um); look at {_SIZES} and at {_SECTION}"
    if ion_a_per_um < _SMALLEST_ON_OFF_RATIO * ioff_a_per_um:
        ratio = ion_a_per_um / ioff_a_per_um
        return (
            f"conducts at VGS = 0 (Ion is only {ratio:.2g} times Ioff); look at {_SECTION}, and "
            "whether length and supply suit the device"
        )
    return None


def judge_corners(polarity: str, ion_a_per_um: Mapping[str, float]) -> str | None:
    """Say whether the corners of a device are in the wrong order.

    Parameters
    ----------
    polarity : str
        ``n`` or ``p``: the first or the second letter of a corner's name is the device's.
    ion_a_per_um : mapping of str to float
        Ion by corner. [A/um]

    Returns
    -------
    str or None
        The two corners and what to look at; None if a fast one is stronger than a slow one.
    """
    place = 0 if polarity == "n" else 1
    speed = {"s": 0, "t": 1, "f": 2}
    known = [c for c in ion_a_per_um if len(c) == 2 and set(c) <= set(speed)]
    ordered = sorted(known, key=lambda corner: speed[corner[place]])
    for i, slow in enumerate(ordered):
        for fast in reversed(ordered[i + 1 :]):
            apart = speed[fast[place]] > speed[slow[place]]
            if apart and ion_a_per_um[fast] < ion_a_per_um[slow]:
                return (
                    f"weaker in corner {fast} than in {slow}; look at the sections that the "
                    "corners stand for"
                )
    return None


def same_in_every_corner(ion_a_per_um: Mapping[str, Mapping[str, float]]) -> str | None:
    """Say whether the corners make no difference to any device.

    Parameters
    ----------
    ion_a_per_um : mapping of str to mapping of str to float
        Ion by device and corner. [A/um]

    Returns
    -------
    str or None
        What to look at; None if some device differs, or there is one corner only.
    """
    several = [list(values.values()) for values in ion_a_per_um.values() if len(values) > 1]
    if several and all(len(set(values)) == 1 for values in several):
        return (
            "the same in every corner; look at the section or path of the libraries: does {corner} "
            "stand in it?"
        )
    return None


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
