"""Units of measured columns: how the number in a file becomes the number of the tidy frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.blocks import over_rows
from rramchar.measured.grid import fresh
from rramchar.measured.schema import SCHEMA
from rramchar.units import parse_quantity

_ZERO_CELSIUS_K = 273.15  # by definition of the degree Celsius
_RESISTANCE_UNITS = ("ohm", "S", "A")
_SPELLINGS = {"ohm": ("ohm", "Ohm", "\u03a9", "\u2126")}


@dataclass(frozen=True)
class UnitScale:
    """From the number in a file to SI.

    Parameters
    ----------
    factor, offset : float
        ``SI = number * factor + offset``.
    quantity : str
        SI unit of the result: for a column of resistance ``ohm``, ``S`` or ``A``.
    """

    factor: float
    offset: float
    quantity: str

    def apply(
        self, values: NDArray[np.float64], out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the numbers in SI units.

        Parameters
        ----------
        values : array, shape (rows,)
            As in the file.
        out : array, shape (rows,), optional
            Where to put them if they change; may be `values`.

        Returns
        -------
        array, shape (rows,)
            `values` themselves if they are in SI units.
        """
        if self.factor == 1.0 and self.offset == 0.0:
            return values
        # 200 / 1e9 is the float nearest to 2e-7; 200 * 1e-9 is not.
        inverse = round(1.0 / self.factor)
        scaled = fresh(len(values), np.float64) if out is None else out

        def scale(start: int, stop: int) -> None:
            part = values[start:stop]
            scaled[start:stop] = part / inverse if self.factor < 1.0 else part * self.factor
            if self.offset:
                scaled[start:stop] += self.offset

        over_rows(scale, len(values))
        return scaled


def unit_scale(column: str, unit: str) -> UnitScale:
    """Tell how the numbers of a column become SI units.

    Parameters
    ----------
    column : str
        Name in the tidy frame; a column outside the schema takes its numbers as they are.
    unit : str
        Unit in the file, with or without SI prefix, such as ``ns``, ``kohm`` or ``uS``; empty for
        the SI unit. A column of resistance may be given as conductance, and ``resistance_ohm`` as
        current, if the reading voltage is known.

    Returns
    -------
    UnitScale
        The scale.

    Raises
    ------
    InputError
        If the unit does not fit the column.
    """
    expected = SCHEMA[column].unit if column in SCHEMA else ""
    if not unit:
        return UnitScale(1.0, 0.0, expected)
    if expected == "degC":
        if unit not in ("C", "degC", "K"):
            raise InputError(f"{column}: unit {unit!r}, expected degC or K")
        return UnitScale(1.0, -_ZERO_CELSIUS_K if unit == "K" else 0.0, "degC")
    if not expected:
        raise InputError(f"{column}: unit {unit!r}, expected none for this column; use scale")
    allowed = _RESISTANCE_UNITS if column == "resistance_ohm" else _RESISTANCE_UNITS[:2]
    for quantity in allowed if expected == "ohm" else (expected,):
        if (factor := _factor(unit, quantity)) is not None:
            return UnitScale(factor, 0.0, quantity)
    wanted = " or ".join(allowed) if expected == "ohm" else expected
    raise InputError(f"{column}: unit {unit!r}, expected {wanted}, with an SI prefix if needed")


def _factor(unit: str, quantity: str) -> float | None:
    # The unit itself must be there: a bare prefix would leave open what it belongs to.
    if not unit.endswith(_SPELLINGS.get(quantity, (quantity,))):
        return None
    try:
        return parse_quantity(f"1 {unit}", quantity, name="unit")
    except InputError:
        return None
