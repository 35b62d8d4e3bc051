"""Fields of a table as columns: fast for good files, careful for the rest.

A large file in which nothing is odd goes to pandas whole. Any other is taken in pieces, which
several threads give to pandas' parser. Only a piece with something odd in it is read line by line:
that finds the bad line, its field and its text, or takes what the parser is too strict for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.blocks import DiskText, Piece, in_threads, over_rows
from rramchar.measured.fastparse import Table, parse_block, parse_file, row_count
from rramchar.measured.faults import Faults
from rramchar.measured.grid import (
    Columns,
    Fields,
    Grid,
    Texts,
    fresh,
    number_complaint,
    split_line,
    to_number,
    to_whole,
    width_complaint,
)
from rramchar.measured.source import Source, holds_data

EXPECTED_NUMBER = "a number such as 5000 or 9.1e4"


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
            fields = _read(source, source.pieces(first_line, offset), grid, faults)
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
        whole = to_whole(values, spend=True)
        if whole is not None:
            fields.columns[i] = whole
        elif i in grid.labels:
            raise _SoftText(i)


def _read(source: Source, pieces: tuple[Piece, ...], grid: Grid, faults: Faults) -> Fields:
    if (fields := _read_whole(source, pieces, grid)) is not None:
        return fields
    # The first piece tells what the columns are, before the others are read in vain.
    start = _read_piece(source, pieces[0], grid, faults)
    table = Table(grid, pieces)
    table.put(pieces[0], start.columns, start.lines)

    def parse(piece: Piece) -> bool:
        columns = _parse_clean(source.read(piece), piece, grid)
        if columns is not None:
            table.put(piece, columns)
        return columns is not None

    parsed = in_threads(parse, pieces[1:])
    for piece, done in zip(pieces[1:], parsed, strict=True):
        if not done:
            part = _read_piece(source, piece, grid, faults)
            table.put(piece, part.columns, part.lines)
    fields = table.fields()
    if not len(fields.lines):
        first = f"; line {faults.rows[0].line}: {faults.rows[0].reason}" if faults.rows else ""
        raise InputError(f"{source.name}: no row can be used{first}")
    return fields


def _read_whole(source: Source, pieces: tuple[Piece, ...], grid: Grid) -> Fields | None:
    """Read a large file in one go if nothing in it asks for a closer look."""
    first = pieces[0]
    plain = source.survey.last_special < first.start and grid.separator != " "
    if not (isinstance(source.text, DiskText) and plain):
        return None
    rows = sum(piece.lines for piece in pieces)
    separators = source.count(grid.separator, first.start)
    columns = parse_file(source.text, first, rows, separators, grid)
    if columns is None:
        return None
    lines = fresh(rows, np.int64)

    def number(start: int, stop: int) -> None:
        lines[start:stop] = np.arange(first.line + start, first.line + stop)

    over_rows(number, rows)
    return Fields(columns, lines)


def _parse_fast(block: bytes, lines: int, grid: Grid) -> Columns | None:
    return None if grid.separator == " " else parse_block(block, lines, grid)


def _parse_clean(block: bytes, piece: Piece, grid: Grid) -> Columns | None:
    """Parse a piece in which every line is a row; None if there is anything else."""
    columns = None if b"#" in block else _parse_fast(block, piece.lines, grid)
    return columns if columns is not None and row_count(columns) == piece.lines else None


def _read_piece(source: Source, piece: Piece, grid: Grid, faults: Faults) -> Fields:
    """Read a piece, fast if what is left without blank lines and comments is good."""
    block = source.read(piece).replace(b"\r\n", b"\n")
    columns = _parse_clean(block, piece, grid)
    if columns is not None:
        return Fields(columns, np.arange(piece.line, piece.line + piece.lines))
    texts = block.decode(errors="replace").split("\n")
    kept = [(text, piece.line + i) for i, text in enumerate(texts) if holds_data(text)]
    lines, numbers = [text for text, _ in kept], [number for _, number in kept]
    columns = _parse_fast("\n".join(lines).encode(), len(lines), grid) if lines else None
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
            complaint = number_complaint(fields[i], EXPECTED_NUMBER, grid.decimal)
            faults.report(number, complaint, place=grid.places[i])
            return None
        parsed.append(value)
    for i in grid.soft:
        value = to_number(fields[i], grid.decimal)
        if value is None:
            raise _SoftText(i)
        parsed.append(value)
    return parsed
