"""Text with SI prefixes and units to plain floats in SI base units, and back.

The only module that parses or prints prefixes (``100n``, ``1.2V``, ``10kΩ``). Everything else
in the package works with plain floats whose unit is in their name.
"""

from __future__ import annotations

import math
import re

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
_SPICE_MEG = re.compile(r"^\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*meg", re.IGNORECASE)
_FEMTO = re.compile(r"^\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*F\s*$")


def parse_quantity(text: str | float | int, unit: str = "", *, name: str = "value") -> float:
    """Turn a number with optional SI prefix and unit into a float in SI base units.

    Parameters
    ----------
    text : str, float or int
        For instance ``"100n"``, ``"1.2V"``, ``"10 kΩ"``, ``"5k"`` or ``3e-9``.
    unit : str
        The unit that is expected, such as ``"V"``, ``"ohm"``, ``"s"``, ``"F"``. A text that carries
        another unit is refused; a text without a unit is taken to be in it.
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
    if isinstance(text, bool):
        raise InputError(f"{name}: {text!r} is not a number; expected {expected}")
    if isinstance(text, int | float):
        value, found = float(text), ""
    else:
        plain = _SPICE_MEG.sub(r"\1e6 ", text)  # SPICE spells 1e6 "meg"
        if unit == "F" and _FEMTO.match(plain):
            # A bare "80F" is 80 farad to SI and 80 femtofarad to SPICE: never guess.
            raise InputError(f"{name}: {text!r} is ambiguous; write 80fF or 80f for femtofarad")
        try:
            quantity = Quantity(plain, ignore_sf=False)
        except InvalidNumber:
            raise InputError(f"{name}: {text!r} is not a number; expected {expected}") from None
        value, found = float(quantity), _ALIASES.get(quantity.units, quantity.units)
    if not math.isfinite(value):
        raise InputError(f"{name}: {text!r} is not finite; expected {expected}")
    if found and unit and found != unit:
        raise InputError(f"{name}: {text!r} is in {found}, expected {unit}")
    return value


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
