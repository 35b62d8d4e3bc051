"""The rows of a BER table along one quantity: a condition, or a number in ``programming``.

How cells were programmed is free text in a BER table. Where it holds ``name=value`` pairs such as
``reset_v=2.5V, energy_j=12nJ``, each name can be an axis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rramchar.ber.rows import KEYS, OPTIONAL_NUMBERS, BerRow
from rramchar.ber.table import BerTable
from rramchar.errors import InputError
from rramchar.units import parse_quantity

_PAIR = re.compile(r"([A-Za-z]\w*)\s*=\s*([^,;\s]+)")
_UNITS = {"_v": "V", "_j": "J", "_s": "s", "_a": "A", "_c": "C", "_ohm": "ohm"}


@dataclass(frozen=True)
class AxisPoint:
    """A row of a table as a point along an axis.

    Parameters
    ----------
    x : float
        The quantity, in the SI unit that its name ends in.
    series : str
        Value of the one other column that varies; empty where none does.
    row : BerRow
        The row.
    """

    x: float
    series: str
    row: BerRow


def programming_numbers(text: str) -> dict[str, float]:
    """Return the numbers of a ``programming`` text.

    Parameters
    ----------
    text : str
        May hold ``name=value`` pairs, separated by commas, semicolons or spaces; a value may carry
        prefix and unit, which follow from the name's ending (``_v``, ``_j``, ``_s``, ``_a``,
        ``_c``, ``_ohm``).

    Returns
    -------
    dict
        Name to value in SI base units; pairs whose value is no number are left out.

    Examples
    --------
    >>> programming_numbers("SET 200 uA; reset_v=2.5V, energy_j=12nJ")
    {'reset_v': 2.5, 'energy_j': 1.2e-08}
    """
    found = {}
    for name, value in _PAIR.findall(text):
        unit = next((u for end, u in _UNITS.items() if name.endswith(end)), "")
        try:
            found[name] = parse_quantity(value, unit, name=name)
        except InputError:
            continue
    return found


def programming_words(text: str) -> str:
    """Return a ``programming`` text without its ``name=value`` pairs.

    Parameters
    ----------
    text : str
        As `programming_numbers` takes it.

    Returns
    -------
    str
        What is left, without punctuation at its ends.

    Examples
    --------
    >>> programming_words("synthetic, reset_v=2.5V, energy_j=12nJ")
    'synthetic'
    """
    return re.sub(r"\s*([,;])[\s,;]*", r"\1 ", _PAIR.sub("", text)).strip(" ,;")


def rows_along(table: BerTable, x: str, where: dict[str, Any]) -> tuple[list[AxisPoint], str]:
    """Return the rows of a table along a quantity.

    Parameters
    ----------
    table : BerTable
        The table.
    x : str
        A condition (``vdd_v``, ``temperature_c``, ``sample_time_s``, ``time_s``), or a name of
        `programming_numbers`.
    where : dict
        Only rows that meet these conditions.

    Returns
    -------
    points : list of AxisPoint
        By series, then by x.
    series : str
        Column that tells the series apart, empty where there is one.

    Raises
    ------
    InputError
        If fewer than two values are left, or more than one other column varies.
    """
    placed = [
        (value, row) for row in table.filter(**where).rows if (value := _x(row, x)) is not None
    ]
    if len({value for value, _ in placed}) < 2:
        known = sorted({n for r in table.rows for n in programming_numbers(r.programming)})
        raise InputError(
            f"{x}: {len({v for v, _ in placed})} values in the rows chosen, expected at least two; "
            f"an axis is one of {', '.join((*OPTIONAL_NUMBERS, *known))}"
        )
    other = [c for c in KEYS if c not in (x, *(("programming",) if _is_number(x) else ()))]
    varying = [c for c in other if len({getattr(row, c) for _, row in placed}) > 1]
    if len(varying) > 1:
        raise InputError(
            f"{x}: {', '.join(varying)} vary too, expected at most one beside it; fix the others "
            f"with conditions such as {varying[0]}={getattr(placed[0][1], varying[0])}"
        )
    series = varying[0] if varying else ""
    points = [AxisPoint(v, _text(getattr(row, series)) if series else "", row) for v, row in placed]
    if len({(p.x, p.series) for p in points}) < len(points):
        raise InputError(
            f"{x}: several rows at one value; tell them apart with conditions, or by other columns"
        )
    return sorted(points, key=lambda p: (p.series, p.x)), series


def _is_number(x: str) -> bool:
    return x not in KEYS


def _x(row: BerRow, x: str) -> float | None:
    if x in OPTIONAL_NUMBERS:
        value = getattr(row, x)
        return None if value is None else float(value)
    return programming_numbers(row.programming).get(x)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
