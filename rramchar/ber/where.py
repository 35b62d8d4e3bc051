"""Conditions that choose rows of a BER table: ``vdd_v=0.6,corner=ss``."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from rramchar.ber.rows import CHOICES, KEYS, OPTIONAL_NUMBERS, BerRow
from rramchar.errors import InputError
from rramchar.units import parse_quantity

_UNITS = {"temperature_c": "C", "vdd_v": "V", "sample_time_s": "s", "time_s": "s"}


def parse_where(text: str) -> dict[str, Any]:
    """Turn text into conditions.

    Parameters
    ----------
    text : str
        ``column=value`` pairs, separated by commas; numbers may carry prefix and unit, such as
        ``vdd_v=600mV``. ``column=`` asks for an empty field. Empty text gives no condition.

    Returns
    -------
    dict
        Column to value: text, float in SI base units (degree C for ``temperature_c``), or None
        for an empty number.

    Raises
    ------
    InputError
        If a pair has no ``=``, a column is unknown or comes twice, or a value cannot be used.
    """
    where: dict[str, Any] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        column, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign:
            raise InputError(
                f"condition {part.strip()!r}: expected column=value, for instance vdd_v=0.6"
            )
        check_column(column)
        if column in where:
            raise InputError(f"condition {part.strip()!r}: {column} is given twice")
        where[column] = _typed(column, value)
    return where


def check_column(column: str) -> None:
    """Refuse a name that is not a condition column of a BER table.

    Parameters
    ----------
    column : str
        To be found in `rramchar.ber.rows.KEYS`.
    """
    if column not in KEYS:
        close = difflib.get_close_matches(column, KEYS, n=1, cutoff=0.3)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(f"column {column!r} is unknown; expected one of {', '.join(KEYS)}{hint}")


def matching(rows: Iterable[BerRow], where: Mapping[str, Any]) -> list[BerRow]:
    """Return the rows that meet all conditions.

    Parameters
    ----------
    rows : iterable of BerRow
        To choose from.
    where : mapping
        Column to value; numbers match to a relative 1e-9, None matches an empty field.

    Returns
    -------
    list of BerRow
        In their order; may be empty.
    """
    for column in where:
        check_column(column)
    return [row for row in rows if all(_same(getattr(row, k), v) for k, v in where.items())]


def no_match(rows: Iterable[BerRow], where: Mapping[str, Any]) -> InputError:
    """Return the error for conditions that no row meets, with what there is instead.

    Parameters
    ----------
    rows : iterable of BerRow
        All rows.
    where : mapping
        The conditions.

    Returns
    -------
    InputError
        Names the first condition for which another value would match.
    """
    rows = list(rows)
    for column in where:
        others = matching(rows, {k: v for k, v in where.items() if k != column})
        if others:
            return InputError(
                f"BER table: no row with {show(where)}; available {column}: "
                f"{_values(others, column)}"
            )
    listed = "; ".join(f"{column}: {_values(rows, column)}" for column in where)
    return InputError(f"BER table: no row with {show(where)}; available {listed or 'nothing'}")


def ambiguous(found: list[BerRow], where: Mapping[str, Any], *, but: str = "") -> InputError:
    """Return the error for conditions that several rows meet, with what tells them apart.

    Parameters
    ----------
    found : list of BerRow
        Two or more rows.
    where : mapping
        The conditions.
    but : str
        A column that is not to be named, because it is not chosen by condition.

    Returns
    -------
    InputError
        Lists the columns in which the rows differ, with their values.
    """
    differ = [
        column
        for column in KEYS
        if column != but and len({getattr(row, column) for row in found}) > 1
    ]
    listed = "; ".join(f"{column}: {_values(found, column)}" for column in differ)
    return InputError(
        f"BER table: {len(found)} rows with {show(where)}, expected one"
        f"{f' for each {but}' if but else ''}; choose {listed}"
    )


def show(where: Mapping[str, Any]) -> str:
    """Return conditions as text for messages.

    Parameters
    ----------
    where : mapping
        Column to value.

    Returns
    -------
    str
        ``column=value`` pairs, or ``no condition``.
    """
    return ", ".join(f"{k}={_text(v)}" for k, v in where.items()) or "no condition"


def _typed(column: str, value: str) -> Any:
    if column in OPTIONAL_NUMBERS:
        return parse_quantity(value, _UNITS[column], name=column) if value else None
    choices = CHOICES.get(column)
    if choices and value not in choices:
        raise InputError(f"column {column}: {value!r}, expected {' or '.join(choices)}")
    return value


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, float) and isinstance(wanted, int | float):
        return math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-15)
    if value is None or value == "":
        return wanted is None or wanted == ""
    return bool(value == wanted)


def _values(rows: Iterable[BerRow], column: str) -> str:
    values = {getattr(row, column) for row in rows}
    ordered = sorted(values, key=lambda v: (v is not None, 0 if v is None else v))
    return ", ".join(_text(v) for v in ordered)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "(empty)"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
