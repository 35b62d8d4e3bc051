"""Text with SI prefixes and units to plain floats in SI base units, and back.

The only module that parses or prints prefixes (``100n``, ``1.2V``, ``10kΩ``). Everything else
in the package works with plain floats whose unit is in their name.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Real

from quantiphy import InvalidNumber, Quantity

from rramchar.errors import InputError

# Spellings of a unit that mean the same.
_ALIASES = {
    "\u03a9": "ohm",  # Greek capital omega
    "\u2126": "ohm",  # the ohm sign
    "ohms": "ohm",
    "Ohm": "ohm",
    "Ohms": "ohm",
    "\u00b0C": "C",
    "degC": "C",
}
# quantiphy alone also reads "x = 5k", "1,5" (as 15), "0x10" (as 0) and the names of constants.
_TEXT = re.compile(
    r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z\u00b5\u03bc\u03a9\u2126\u00b0]*)\s*"
)


class _Number(Quantity):
    """A quantity whose prefixes leave out centi, exa and peta: 27c, 1E and 2P are slips."""


_Number.set_prefs(input_sf="TGMKkmu\u00b5\u03bcnpfa")


def parse_quantity(text: str | float | int, unit: str = "", *, name: str = "value") -> float:
    """Turn a number with optional SI prefix and unit into a float in SI base units.

    Parameters
    ----------
    text : str, float or int
        For instance ``"100n"``, ``"1.2V"``, ``"10 kΩ"``, ``"5k"`` or ``3e-9``.
    unit : str
        The unit that is expected, such as ``"V"``, ``"ohm"``, ``"s"``, ``"F"``; empty for a plain
        number. A text that carries another unit is refused; a text without is taken to be in it.
    name : str
        What the number is, for the error message.

    Returns
    -------
    float
        The value in the SI base unit.

    Raises
    ------
    InputError
        If the text is not a finite number or carries another unit.

    Examples
    --------
    >>> parse_quantity("100n", "s")
    1e-07
    >>> parse_quantity("10kΩ", "ohm")
    10000.0
    """
    expected = f"a number such as 4.7k or 4.7e3{f' [{unit}]' if unit else ''}"
    if isinstance(text, Real) and not isinstance(text, bool):
        value, found = float(text), ""
    else:
        value, found = _parse_text(text, unit, name, expected)
    if not math.isfinite(value):
        raise InputError(f"{name}: {text!r} is not finite; expected {expected}")
    if found and found != unit:
        raise InputError(f"{name}: {text!r} is in {found}, expected {unit or 'no unit'}")
    return value


def _parse_text(text: object, unit: str, name: str, expected: str) -> tuple[float, str]:
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InputError(f"{name}: {text!r} is not a number; expected {expected}")
    number, suffix = match.groups()
    # To SI a bare "80F" is farad and "300K" on a temperature is kelvin, to SPICE they are 80 femto
    # and 300 kilo: never guess.
    if unit == "F" and suffix == "F":
        raise InputError(f"{name}: {text!r} is ambiguous; write 80fF or 80f for femtofarad")
    if unit == "C" and suffix == "K":
        raise InputError(f"{name}: {text!r} is ambiguous; write the temperature in degC")
    if suffix[:3].lower() == "meg":  # SPICE spells 1e6 "meg"
        number, suffix = str(Decimal(number).scaleb(6)), suffix[3:]
    try:
        quantity = _Number(f"{number} {suffix}", ignore_sf=False)
    except InvalidNumber:
        raise InputError(f"{name}: {text!r} is not a number; expected {expected}") from None
    return float(quantity), _ALIASES.get(quantity.units, quantity.units)


def format_quantity(value: float, unit: str = "", *, digits: int = 4) -> str:
    """Print a value with an SI prefix.

    Parameters
    ----------
    value : float
        The value in the SI base unit.
    unit : str
        The unit to print behind the prefix.
    digits : int
        Significant digits.

    Returns
    -------
    str
        For instance ``"10 kohm"``.

    Examples
    --------
    >>> format_quantity(1.78e-10, "s", digits=3)
    '178 ps'
    """
    if not math.isfinite(value):
        return str(value)
    return Quantity(value, unit).render(prec=digits - 1, strip_zeros=True)
