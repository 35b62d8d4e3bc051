"""Layouts with one reading per line: fields to columns, with or without a header line."""

from __future__ import annotations

import difflib

import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.assemble import RawColumns, assemble
from rramchar.measured.faults import Faults
from rramchar.measured.fields import read_fields
from rramchar.measured.grid import Column, Grid, Texts, guess_separator, split_line
from rramchar.measured.layout_file import SEPARATOR_NAMES, ColumnTable, Layout
from rramchar.measured.schema import SCHEMA
from rramchar.measured.source import Source

_STRICT_FIRST = ("text", "number", "count", "label", "soft")  # of kinds of columns


def read_rows(source: Source, layout: Layout, faults: Faults) -> pd.DataFrame:
    """Read a file with one reading per line.

    Parameters
    ----------
    source : Source
        The file.
    layout : Layout
        Which field is which column.
    faults : Faults
        Takes note of rows that cannot be used.

    Returns
    -------
    DataFrame
        A tidy frame.

    Raises
    ------
    InputError
        If a column is not in the header, or a row cannot be used and faults are not skipped.
    """
    lines = source.lines()
    number, offset, text = next(lines)
    separator = SEPARATOR_NAMES.get(layout.file.separator or "") or guess_separator(text)
    header = first_fields(source, number, text, separator)
    names: list[str] = []
    if layout.file.header:
        names = check_header(source, number, header)
        if (second := next(lines, None)) is None:
            raise InputError(f"{source.name}: a header line but no readings below it")
        first_header, (number, offset, text) = number, second
        from_what = f"the header, line {first_header}"
    else:
        from_what = f"line {number}" if layout.file.fields is None else "the layout"
    width = len(header) if layout.file.fields is None else layout.file.fields
    rules = {**layout.columns, **layout.extra}
    positions = {
        name: _position(name, rule, names, width, source, number) for name, rule in rules.items()
    }
    grid = make_grid(positions, names, width, separator, layout.file.decimal, from_what)
    fields = read_fields(source, number, offset, grid, faults)
    places = {name: grid.places[at] for name, at in positions.items()}
    raw: dict[str, Column] = {}
    taken: set[int] = set()
    for name, at in positions.items():
        values = fields.columns[at]
        # Two columns of one field: neither may change the other.
        raw[name] = values.copy() if at in taken and not isinstance(values, Texts) else values
        taken.add(at)
    return assemble(RawColumns(raw, fields.lines, places), layout, faults)


def make_grid(
    positions: dict[str, int],
    names: list[str],
    width: int,
    separator: str,
    decimal: str,
    width_from: str,
) -> Grid:
    """Say how to parse each field, from the column that it becomes.

    Parameters
    ----------
    positions : dict of str to int
        Column to position from 0; extra columns may be numbers or text.
    names : list of str
        Header line; empty without one.
    width : int
        Number of fields.
    separator, decimal, width_from : str
        As in `Grid`.

    Returns
    -------
    Grid
        For `read_fields`.
    """
    places = [f"column {name}" for name in names] or [f"field {i + 1}" for i in range(width)]
    kind_at: dict[int, str] = {}
    for column, at in positions.items():
        if not names:
            places[at] = f"field {at + 1} ({column})"
        kind = SCHEMA[column].kind if column in SCHEMA else "soft"
        kind_at[at] = stricter(kind, kind_at.get(at, kind))
    kinds = {
        wanted: [at for at, kind in kind_at.items() if kind == wanted] for wanted in _STRICT_FIRST
    }
    return Grid(
        separator=separator,
        places=tuple(places),
        numbers=(*kinds["number"], *kinds["count"]),
        soft=(*kinds["label"], *kinds["soft"]),
        labels=tuple(kinds["label"]),
        counts=tuple(kinds["count"]),
        texts=tuple(kinds["text"]),
        decimal=decimal,
        width_from=width_from,
    )


def stricter(one: str, other: str) -> str:
    """Return the kind that a field is read as if two columns of these kinds take it."""
    return min(one, other, key=_STRICT_FIRST.index)


def first_fields(source: Source, number: int, text: str, separator: str) -> list[str]:
    """Return the fields of a line that says how many there are, without an empty one at its end."""
    try:
        fields = split_line(text, separator)
    except ValueError as error:
        raise InputError(
            f"{source.name}, line {number}: {error}; expected a closing quotation mark"
        ) from None
    if len(fields) > 1 and not fields[-1]:
        fields.pop()
    return fields


def check_header(source: Source, number: int, header: list[str]) -> list[str]:
    """Refuse a header line that names a column twice.

    Parameters
    ----------
    source : Source
        The file.
    number : int
        Its line.
    header : list of str
        The names.

    Returns
    -------
    list of str
        The same names.
    """
    for name in header:
        if header.count(name) > 1:
            raise InputError(
                f"{source.name}, line {number}: column {name[:60]!r} comes twice in the header"
            )
    return header


def _position(
    name: str, rule: ColumnTable, names: list[str], width: int, source: Source, line: int
) -> int:
    if isinstance(rule.field, int):
        if rule.field > width:
            raise InputError(
                f"{source.name}, line {line}: {width} field{'s' if width != 1 else ''}, but the "
                f"layout takes {name} from field {rule.field}; is it the right layout?"
            )
        return rule.field - 1
    if rule.field in names:
        return names.index(rule.field)
    close = difflib.get_close_matches(rule.field, names, n=1, cutoff=0.5)
    hint = f"; is {close[0]!r} meant?" if close else ""
    raise InputError(
        f"{source.name}: column {rule.field!r} for {name} is not in the header; found "
        f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}{hint}"
    )
