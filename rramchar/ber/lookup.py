"""Error rate between two supplies of a BER table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rramchar.ber.rows import BerRow
from rramchar.ber.where import ambiguous, matching, no_match, show
from rramchar.errors import InputError


@dataclass(frozen=True)
class LookUp:
    """An error rate at a supply voltage.

    Parameters
    ----------
    vdd_v : float
        The supply asked for. [V]
    ber, low, high : float
        Error rate and 95 % interval, the ends interpolated like the rate. [1]
    method : str
        ``exact`` (a row of the table), ``log`` (straight in log BER), ``linear`` (straight in
        BER, where a neighbour has no errors) or ``extrapolated``.
    between_v : tuple of float
        The supplies of the two rows used (the same twice when exact). [V]
    """

    vdd_v: float
    ber: float
    low: float
    high: float
    method: str
    between_v: tuple[float, float]


def look_up(
    rows: Iterable[BerRow], vdd_v: float, *, extrapolate: bool = False, **where: Any
) -> LookUp:
    """Return the error rate at a supply, straight in log(BER) between the two nearest rows.

    A row without errors has no logarithm: its rate is only known to lie below its upper limit.
    Where such a row is a neighbour, rate and interval are straight in BER itself; as any curve
    that is straight in log(BER) runs below that line, this states too many errors rather than too
    few. Between two rows without errors the rate is 0 and the upper limit stays above 0.

    Parameters
    ----------
    rows : iterable of BerRow
        A table.
    vdd_v : float
        The supply. [V]
    extrapolate : bool
        Go on straight in log(BER) beyond the lowest or highest supply, at most to 1. Refused
        where one of the two nearest rows has no errors.
    **where
        Conditions that leave one row for each supply.

    Returns
    -------
    LookUp
        Rate and interval.

    Raises
    ------
    InputError
        If no row or several rows for one supply meet the conditions, or the supply lies outside
        the table and `extrapolate` is not set.
    """
    if not math.isfinite(vdd_v):
        raise InputError(f"vdd_v: {vdd_v}, expected a finite voltage")
    points = _points(list(rows), where)
    for row in points:
        if math.isclose(_vdd(row), vdd_v, rel_tol=1e-9):
            v = _vdd(row)
            return LookUp(vdd_v, row.ber, row.ber_low, row.ber_high, "exact", (v, v))
    first, last = _vdd(points[0]), _vdd(points[-1])
    inside = first < vdd_v < last
    if not inside and (not extrapolate or len(points) < 2):
        raise InputError(
            f"BER table: vdd_v={vdd_v:g} lies outside {first:g} ... {last:g} V of the rows with "
            f"{show(where)}; "
            + ("extrapolate=True allows it" if len(points) > 1 else "there is only one supply")
        )
    upper = next((i for i, row in enumerate(points) if _vdd(row) > vdd_v), len(points) - 1)
    a, b = points[max(upper, 1) - 1], points[max(upper, 1)]
    share = (vdd_v - _vdd(a)) / (_vdd(b) - _vdd(a))
    between = (_vdd(a), _vdd(b))
    if a.ber > 0 and b.ber > 0:
        ber = _log_line(a.ber, b.ber, share)
        high = max(ber, _log_line(a.ber_high, b.ber_high, share))
        low = min(ber, _low(a.ber_low, b.ber_low, share))
        return LookUp(vdd_v, ber, low, high, "log" if inside else "extrapolated", between)
    if not inside:
        raise InputError(
            f"BER table: vdd_v={vdd_v:g} lies outside {first:g} ... {last:g} V, and a neighbour "
            "has no errors to extrapolate from; measure or simulate more trials there"
        )
    ends = [(a.ber, b.ber), (a.ber_low, b.ber_low), (a.ber_high, b.ber_high)]
    ber, low, high = (x + share * (y - x) for x, y in ends)
    return LookUp(vdd_v, ber, low, high, "linear", between)


def _points(rows: list[BerRow], where: Mapping[str, Any]) -> list[BerRow]:
    found = [row for row in matching(rows, where) if row.vdd_v is not None]
    if not found:
        if matching(rows, where):
            raise InputError(f"BER table: the rows with {show(where)} have no vdd_v")
        raise no_match(rows, where)
    found.sort(key=_vdd)
    for row, following in zip(found, found[1:], strict=False):
        if math.isclose(_vdd(row), _vdd(following), rel_tol=1e-9):
            raise ambiguous(found, where, but="vdd_v")
    return found


def _vdd(row: BerRow) -> float:
    return math.nan if row.vdd_v is None else row.vdd_v


def _low(a: float, b: float, share: float) -> float:
    if a > 0 and b > 0:
        return _log_line(a, b, share)
    return min(1.0, max(0.0, a + share * (b - a)))


def _log_line(a: float, b: float, share: float) -> float:
    exponent = math.log(a) + share * (math.log(b) - math.log(a))
    return math.exp(min(0.0, exponent))
