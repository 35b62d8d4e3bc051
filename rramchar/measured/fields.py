"""Fields of a table as columns: fast for good files, careful for the rest.

The whole file goes through pyarrow's CSV parser. Where that refuses, the file is taken in pieces,
and only a piece with something odd in it is read line by line: that finds the bad line, its field
and its text, or takes what pyarrow is too strict for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.fastparse import (
    count_lines,
    has_odd_quotes,
    line_numbers,
    parse_fast,
    row_count,
)
from rramchar.measured.faults import Faults
from rramchar.measured.grid import (
    Columns,
    Fields,
    Grid,
    Texts,
    merge_texts,
    number_complaint,
    split_line,
    to_number,
    to_whole,
    width_complaint,
)
from rramchar.measured.source import Source, holds_data

_PIECE = 2 << 20


class _SoftText(Exception):  # noqa: N818 - a signal between two functions here, not an error
    """A field that was taken for a number holds text."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def read_fields(source: Source, first_line: int, offset: int, grid: Grid, faults: Faults) -> Fields:
    """Read the table that starts at a line.

    Parameters
    ----------
    source : Source
        The file.
    first_line, offset : int
        Line number of the first row of data, from 1, and the offset of its first byte.
    grid : Grid
        How the fields lie.
    faults : Faults
        Takes note of rows with another number of fields or with text for a number.

    Returns
    -------
    Fields
        The wanted columns.
    """
    while True:
        try:
            fields = _read(source, first_line, offset, grid, faults)
            _make_whole(fields, grid)
            return fields
        except _SoftText as found:
            at = found.position
            grid = replace(
                grid,
                soft=tuple(i for i in grid.soft if i != at),
                labels=tuple(i for i in grid.labels if i != at),
                texts=(*grid.texts, at),
            )


def _make_whole(fields: Fields, grid: Grid) -> None:
    """Turn counts and addresses into integers; addresses such as 1.1 and 1.10 are names."""
    for i in grid.whole:
        values = fields.columns[i]
        if isinstance(values, Texts):
            continue
        whole = to_whole(values)
        if whole is not None:
            fields.columns[i] = whole
        elif i in grid.labels:
            raise _SoftText(i)


def _read(source: Source, first_line: int, offset: int, grid: Grid, faults: Faults) -> Fields:
    body = memoryview(source.data)[offset:]
    if grid.separator != " " and not (b'"' in source.data and has_odd_quotes(body)):
        lines = count_lines(body)
        columns = parse_fast(body, grid, lines)
        if columns is not None:
            return Fields(columns, line_numbers(body, first_line, lines, row_count(columns)))
    parts = [
        _read_piece(texts, numbers, grid, faults)
        for texts, numbers in _pieces(source.data, offset, first_line)
    ]
    return _join([part for part in parts if len(part.lines)], grid, source, faults)


def _pieces(data: bytes, offset: int, line: int) -> Iterator[tuple[list[str], list[int]]]:
    """Yield the lines that hold data with their numbers, a few megabytes at a time."""
    while offset < len(data):
        end = data.find(b"\n", min(offset + _PIECE, len(data)))
        end = len(data) if end < 0 else end
        texts = data[offset:end].decode(errors="replace").split("\n")
        kept = [(text, line + i) for i, text in enumerate(texts) if holds_data(text)]
        if kept:
            yield [text for text, _ in kept], [number for _, number in kept]
        offset, line = end + 1, line + len(texts)


def _read_piece(lines: list[str], numbers: list[int], grid: Grid, faults: Faults) -> Fields:
    if grid.separator != " " and not any('"' in line for line in lines):
        data = "\n".join(lines).encode()
        columns = parse_fast(data, grid, len(lines), len(data) + 1)
        if columns is not None and row_count(columns) == len(lines):
            return Fields(columns, np.array(numbers, dtype=np.int64))
    return _read_lines(lines, numbers, grid, faults)


def _read_lines(lines: list[str], numbers: list[int], grid: Grid, faults: Faults) -> Fields:
    values: dict[int, list[float]] = {i: [] for i in grid.numeric}
    texts: dict[int, list[str]] = {i: [] for i in grid.texts}
    kept = []
    for line, number in zip(lines, numbers, strict=True):
        fields = _checked_fields(line, number, grid, faults)
        parsed = None if fields is None else _parse_numbers(fields, number, grid, faults)
        if fields is None or parsed is None:
            continue
        for i, value in zip(grid.numeric, parsed, strict=True):
            values[i].append(value)
        for i in grid.texts:
            texts[i].append(fields[i])
        kept.append(number)
    columns: Columns = {i: np.array(column, dtype=float) for i, column in values.items()}
    for i, column in texts.items():
        codes, words = pd.factorize(np.array(column, dtype=object))
        columns[i] = Texts(codes.astype(np.int32), tuple(words.tolist()))
    return Fields(columns, np.array(kept, dtype=np.int64))


def _checked_fields(line: str, number: int, grid: Grid, faults: Faults) -> list[str] | None:
    try:
        fields = split_line(line, grid.separator)
    except ValueError as error:
        faults.report(number, f"{error}; expected a closing quotation mark")
        return None
    if len(fields) == grid.width + 1 and not fields[-1]:
        fields.pop()
    if len(fields) == grid.width:
        return fields
    faults.report(number, width_complaint(line, len(fields), grid))
    return None


def _parse_numbers(
    fields: list[str], number: int, grid: Grid, faults: Faults
) -> list[float] | None:
    parsed = []
    for i in grid.numbers:
        value = to_number(fields[i], grid.decimal)
        if value is None:
            complaint = number_complaint(fields[i], "a number such as 5000 or 9.1e4", grid.decimal)
            faults.report(number, complaint, place=grid.places[i])
            return None
        parsed.append(value)
    for i in grid.soft:
        value = to_number(fields[i], grid.decimal)
        if value is None:
            raise _SoftText(i)
        parsed.append(value)
    return parsed


def _join(parts: list[Fields], grid: Grid, source: Source, faults: Faults) -> Fields:
    if not parts:
        first = f"; line {faults.rows[0].line}: {faults.rows[0].reason}" if faults.rows else ""
        raise InputError(f"{source.name}: no row can be used{first}")
    columns: Columns = {}
    for i in (*grid.numeric, *grid.texts):
        column = [part.columns[i] for part in parts]
        if isinstance(column[0], Texts):
            columns[i] = merge_texts([c for c in column if isinstance(c, Texts)])
        else:
            columns[i] = np.concatenate([c for c in column if not isinstance(c, Texts)])
    return Fields(columns, np.concatenate([part.lines for part in parts]))
