"""The BER table and its CSV file: one row for each condition."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rramchar.ber.confusion import Confusion
from rramchar.ber.lookup import LookUp, look_up
from rramchar.ber.rows import (
    COLUMNS,
    COUNTS,
    INTEGERS,
    KEYS,
    NEWER_COLUMNS,
    OPTIONAL_NUMBERS,
    RATES,
    TEXTS,
    BerRow,
    describe,
)
from rramchar.ber.where import ambiguous, matching, no_match
from rramchar.errors import InputError
from rramchar.measured.text import parse_floats, parse_ints, read_text_table
from rramchar.provenance import comment_header

_TITLE = "rramchar BER table"


@dataclass(frozen=True)
class BerTable:
    """Error rates by condition.

    Parameters
    ----------
    rows : tuple of BerRow
        No two of the same condition.
    """

    rows: tuple[BerRow, ...]

    def __post_init__(self) -> None:
        """Refuse two rows of one condition."""
        seen: set[tuple[Any, ...]] = set()
        for row in self.rows:
            key = tuple(getattr(row, column) for column in KEYS)
            if key in seen:
                raise InputError(
                    f"BER table: two rows for {describe(row.flat())}, expected one for each "
                    "condition; tell them apart by programming or merge their counts"
                )
            seen.add(key)

    @classmethod
    def from_rows(cls, rows: Iterable[BerRow]) -> BerTable:
        """Make a table of rows in the given order.

        Parameters
        ----------
        rows : iterable of BerRow
            See `rramchar.ber.rows.make_row`.

        Returns
        -------
        BerTable
            The table.
        """
        return cls(tuple(rows))

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a new DataFrame with the columns of the file; empty numbers are NaN."""
        flat = [row.flat() for row in self.rows]
        data = {column: [row[column] for row in flat] for column in COLUMNS}
        frame = pd.DataFrame(data, columns=list(COLUMNS))
        kinds = {
            **dict.fromkeys((*OPTIONAL_NUMBERS, *RATES), "float64"),
            **dict.fromkeys(INTEGERS, "int64"),
        }
        return frame.astype(kinds)

    def save(self, path: str | Path, provenance: Mapping[str, Any] | None = None) -> None:
        """Write the table as CSV; an existing file is replaced whole or not at all.

        Parameters
        ----------
        path : str or path
            The file.
        provenance : mapping, optional
            Written as ``# key: JSON`` lines on top, see `rramchar.provenance`.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        path = Path(path)
        text = comment_header(_TITLE, provenance or {})
        text += self.frame.to_csv(index=False, lineterminator="\n")
        part = path.with_name(path.name + ".part")
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            os.replace(part, path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None

    @classmethod
    def load(cls, path: str | Path) -> BerTable:
        """Read a table that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file; ``#`` lines are passed over.

        Returns
        -------
        BerTable
            Equal to the one saved.

        Raises
        ------
        InputError
            If the file is missing, lacks a column, has an unknown one, or a field cannot be used
            or contradicts another; file, line and column are named.
        """
        table = read_text_table(path)
        header, *records = csv.reader(table.lines, delimiter=table.separator)
        _check_header([name.strip() for name in header], table.source, table.numbers[0])
        names = [name.strip() for name in header]
        rows = []
        for line, record in zip(table.numbers[1:], records, strict=False):
            place = f"{table.source}, line {line}"
            if len(record) != len(names):
                raise InputError(f"{place}: {len(record)} fields, expected {len(names)}")
            texts = {name: text.strip() for name, text in zip(names, record, strict=True)}
            rows.append(_parse_row(texts, place))
        if not rows:
            raise InputError(f"{table.source}: a header line but no rows below it")
        try:
            return cls.from_rows(rows)
        except InputError as error:
            raise InputError(f"{table.source}: {error}") from None

    def filter(self, **where: Any) -> BerTable:
        """Return the rows that meet all conditions; may be empty.

        Parameters
        ----------
        **where
            Column of `rramchar.ber.rows.KEYS` to value; None asks for an empty field.

        Returns
        -------
        BerTable
            In the same order.
        """
        return BerTable(tuple(matching(self.rows, where)))

    def select(self, **where: Any) -> BerRow:
        """Return the one row that meets all conditions.

        Parameters
        ----------
        **where
            Column of `rramchar.ber.rows.KEYS` to value; None asks for an empty field.

        Returns
        -------
        BerRow
            The row.

        Raises
        ------
        InputError
            If no row or several rows do; the message lists what is available.
        """
        found = matching(self.rows, where)
        if not found:
            raise no_match(self.rows, where)
        if len(found) > 1:
            raise ambiguous(found, where)
        return found[0]

    def confusion(self, **where: Any) -> Confusion:
        """Return the confusion of the one row that meets all conditions.

        Parameters
        ----------
        **where
            As `select`.

        Returns
        -------
        Confusion
            See `BerRow.confusion`.
        """
        return self.select(**where).confusion()

    def look_up(self, vdd_v: float, *, extrapolate: bool = False, **where: Any) -> LookUp:
        """Return the error rate at a supply, see `rramchar.ber.lookup.look_up`.

        Parameters
        ----------
        vdd_v : float
            The supply. [V]
        extrapolate : bool
            Allow supplies outside the table.
        **where
            Conditions that leave one row for each supply.

        Returns
        -------
        LookUp
            Rate and interval.
        """
        return look_up(self.rows, vdd_v, extrapolate=extrapolate, **where)


def _check_header(names: list[str], source: str, line: int) -> None:
    missing = [column for column in COLUMNS if column not in (*names, *NEWER_COLUMNS)]
    if missing:
        raise InputError(
            f"{source}, line {line}: column {missing[0]} is missing; expected the header of a BER "
            f"table: {', '.join(COLUMNS[:4])}, ..., {COLUMNS[-1]}"
        )
    for name in names:
        if name not in COLUMNS:
            raise InputError(
                f"{source}, line {line}: column {name!r} is unknown; remove it, or update rramchar "
                "if a newer version wrote the file"
            )
        if names.count(name) > 1:
            raise InputError(f"{source}, line {line}: column {name} comes twice")


def _parse_row(texts: dict[str, str], place: str) -> BerRow:
    texts = {**dict.fromkeys(NEWER_COLUMNS, ""), **texts}
    fields: dict[str, Any] = {name: texts[name] for name in TEXTS}
    for name in (*OPTIONAL_NUMBERS, *RATES):
        value = float(parse_floats([texts[name]])[0])
        if name in OPTIONAL_NUMBERS and not texts[name]:
            fields[name] = None
        elif np.isfinite(value):
            fields[name] = value
        else:
            raise InputError(f"{place}, column {name}: {texts[name]!r}, expected a number")
    for name in INTEGERS:
        number = parse_ints([texts[name]])
        if number is None:
            raise InputError(f"{place}, column {name}: {texts[name]!r}, expected a whole number")
        fields[name] = int(number[0])
    cells = [fields.pop(name) for name in COUNTS]
    fields["counts"] = tuple(tuple(cells[i : i + 4]) for i in (0, 4, 8))
    try:
        return BerRow(**fields)
    except InputError as error:
        raise InputError(f"{place}, {error}") from None
