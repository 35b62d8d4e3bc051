"""Scales and offsets of an imported network as exact fractions, and the grids of its activations.

A constant of float32 is a fraction, and so is whatever sums, products and quotients make of it.
Kept exact, a number that lies on a cut lies on it here, as the mathematics says, whatever the order
in which batch normalizations and constants came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.gemm import FLOAT64_LIMIT
from rramchar.nn.tensor import Form

Exact = NDArray[np.object_]  # of Fraction, shape (channel,), or (1,) where all are equal
GRID_BITS = 30  # of the largest activation: 2^-30 of it is what rounding moves
_MOST_DIGITS = 2**14  # binary, of a fraction: deep networks stay far below
_MOST_PLACES = 40  # that an Affine keeps
_TIE_LIMIT = FLOAT64_LIMIT // 4  # a quotient of smaller numbers is half of a whole number only
# where it is so exactly: the nearest others are further away than float64 rounds


def exact(values: Any) -> Exact:
    """Return floating-point numbers as fractions of exactly their value.

    Parameters
    ----------
    values : array
        One number, or one for each channel.

    Returns
    -------
    array of Fraction, shape (1,) or (channel,)
        A single one where all are equal.

    Raises
    ------
    InputError
        If a number is NaN or infinite.
    """
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    if not np.isfinite(flat).all():
        raise InputError("a constant holds NaN or infinity, expected finite numbers")
    if flat.size and (flat == flat[0]).all():
        flat = flat[:1]
    return fractions(Fraction(value) for value in flat.tolist())


def fractions(values: Iterable[Fraction]) -> Exact:
    """Return an array of fractions, refusing those of endless digits."""
    listed = list(values)
    longest = max((max(abs(v.numerator), v.denominator) for v in listed), default=0)
    if longest.bit_length() > _MOST_DIGITS:
        raise InputError(
            f"the constants up to here make a number of {longest.bit_length()} binary digits, "
            f"expected at most {_MOST_DIGITS}"
        )
    result = np.empty(len(listed), dtype=object)
    result[:] = listed
    return result


def floats(values: Exact, channels: int) -> NDArray[np.float64]:
    """Return the nearest float64 of each channel's number."""
    near = np.array([float(value) for value in values])
    return np.broadcast_to(near, (channels,)).copy()


def composed(left: Exact, factor: Exact, shift: Exact | None = None) -> Exact:
    """Return ``left * factor + shift``."""
    result = left * factor
    return fractions(result if shift is None else result + shift)


@dataclass(frozen=True)
class Grid:
    """Whole multiples of ``unit * 2**-bits``, which activations are rounded to.

    Parameters
    ----------
    unit : Fraction
        Stays a factor of the signal.
    bits : int
        Of the `layers.Affine` that rounds.
    """

    unit: Fraction
    bits: int


@dataclass(frozen=True, eq=False)
class Span:
    """The numbers that ``scale * value + offset`` can be, between two limits.

    Parameters
    ----------
    scale, offset : array of Fraction
        Of the numbers.
    form : Form
        Of the value.
    low, high : Fraction or None
        Limits.
    """

    scale: Exact
    offset: Exact
    form: Form
    low: Fraction | None = None
    high: Fraction | None = None

    def tight(self) -> Span:
        """Return the same without limits that nothing reaches."""
        bottom, top = self._ends()
        low = None if self.low is None or self.low <= bottom else self.low
        high = None if self.high is None or self.high >= top else self.high
        return Span(self.scale, self.offset, self.form, low, high)

    def largest(self) -> Fraction:
        """Return the largest absolute value."""
        ends = self._ends()
        if self.low is not None:
            ends = max(ends[0], self.low), max(ends[1], self.low)
        if self.high is not None:
            ends = min(ends[0], self.high), min(ends[1], self.high)
        return max(abs(end) for end in ends)

    def parts(self) -> list[Fraction]:
        """Return numbers of which every result is a sum of whole multiples."""
        limits = [limit for limit in (self.low, self.high) if limit is not None]
        return [*(self.scale * self.form.step), *self.offset, *limits]

    def _ends(self) -> tuple[Fraction, Fraction]:
        reach = abs(self.scale) * (self.form.bound * self.form.step)
        return min(self.offset - reach), max(self.offset + reach)


def choose_grid(spans: Sequence[Span]) -> Grid:
    """Return a grid that holds the given numbers exactly, or is fine beside the largest.

    Parameters
    ----------
    spans : sequence of Span
        What is to be rounded.

    Returns
    -------
    Grid
        Its whole numbers stay below about 2^30, which leaves the sums of the next layers room.
    """
    largest = max(span.largest() for span in spans)
    unit = _common_unit((part for span in spans for part in span.parts()), largest)
    if unit is not None:
        return Grid(unit, 0)
    exponent = largest.numerator.bit_length() - largest.denominator.bit_length()
    if 0 <= GRID_BITS - exponent <= _MOST_PLACES:
        return Grid(Fraction(1), GRID_BITS - exponent)
    return Grid(Fraction(2) ** exponent, GRID_BITS)


def _common_unit(numbers: Iterable[Fraction], largest: Fraction) -> Fraction | None:
    """Return what all numbers are whole multiples of; None where it is too small."""
    unit = Fraction(0)
    for number in numbers:
        top = math.gcd(unit.numerator * number.denominator, number.numerator * unit.denominator)
        unit = Fraction(top, unit.denominator * number.denominator)
        if unit and largest > unit * 2**GRID_BITS:
            return None
    return unit or Fraction(1)


def affine_fields(span: Span) -> dict[str, Any]:
    """Return scale, offset and divisor of an `layers.Affine` that decides ties exactly.

    Parameters
    ----------
    span : Span
        What the node gives, before rounding; its limits are left alone.

    Returns
    -------
    dict
        ``scale``, ``offset`` and, where it is not 1, ``divisor``. They are exact where the sums
        of the formula are exact in float64, and the nearest numbers elsewhere.
    """
    scale, offset = np.broadcast_arrays(span.scale, span.offset)
    rows = [_affine_row(a, b, span.form) for a, b in zip(scale, offset, strict=True)]
    columns = np.broadcast_to(np.array(rows), (span.form.channels, 3))
    fields = {"scale": columns[:, 0], "offset": columns[:, 1]}
    return fields if (columns[:, 2] == 1).all() else {**fields, "divisor": columns[:, 2]}


def _affine_row(scale: Fraction, offset: Fraction, form: Form) -> tuple[float, float, float]:
    divisor = math.lcm(scale.denominator, offset.denominator)
    divisor //= divisor & -divisor  # powers of two are exact anyway
    top, shift = scale * divisor, offset * divisor
    terms = top * form.step.numerator, shift * form.step.denominator
    # what the lowest digit of either term is worth: they are whole multiples of it
    place = math.lcm(*(term.denominator for term in terms))
    whole = [int(term * place) for term in terms]
    digit = math.gcd(*(number & -number for number in whole)) or 1
    largest = (abs(whole[0]) * form.bound + abs(whole[1])) // digit
    if largest < _TIE_LIMIT and divisor * form.step.denominator < _TIE_LIMIT:
        return float(top), float(shift), float(divisor)
    return float(scale), float(offset), 1.0
