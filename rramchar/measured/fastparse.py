"""Parse a table in one go with pandas, where every line is good."""

from __future__ import annotations

import io
import os
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rramchar.measured.blocks import DiskText, Piece, count_byte, in_threads
from rramchar.measured.grid import (
    MISSING,
    Columns,
    Fields,
    Grid,
    Texts,
    code_type,
    fresh,
    merge_texts,
    split_line,
)

_OLD_PANDAS = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
# From 3.1 on pandas always gives the float nearest to the text; before, it had to be asked to.
_NEAREST = {"float_precision": "round_trip"} if _OLD_PANDAS else {}
_EXACT = 2**53  # below, whole numbers are exact floats
_PIECE = 1 << 13  # rows
_SAMPLE = 1 << 16  # bytes
_WORDS = pd.Series(["word"]).dtype  # str from pandas 3 on, object before
_NUMBERS = (np.dtype(np.int64), np.dtype(np.float64))


def parse_file(
    text: DiskText, first: Piece, rows: int, separators: int, grid: Grid
) -> Columns | None:
    """Return the wanted columns of a large file, or None if any line of it needs a closer look.

    Parameters
    ----------
    text : DiskText
        Without comments or quotation marks behind the start of `first`.
    first : Piece
        Where the table starts.
    rows : int
        Lines of the table; none of them should be blank.
    separators : int
        How many of them the table has.
    grid : Grid
        How the fields lie. Its separator is one character.

    Returns
    -------
    dict or None
        By position; numbers have NaN where a field is empty.
    """
    sample = text.read(first.start, min(first.stop, first.start + _SAMPLE))
    width = _width(sample, grid)
    if width is None or separators != rows * (width - 1):
        return None
    # What the columns are shows early; the whole is not read in vain then.
    if (lines := sample[: sample.rfind(b"\n") + 1]) and _parse(lines, grid, width) is None:
        return None
    # pandas reads a file with several threads if it has its path; never as a URL.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # such a column is refused here
        columns = _parse(os.path.abspath(text.path), grid, width, skiprows=first.line - 1)
    return columns if columns is not None and row_count(columns) == rows else None


def parse_block(block: bytes, lines: int, grid: Grid) -> Columns | None:
    """Return the wanted columns of a block, or None if any line of it needs a closer look.

    Parameters
    ----------
    block : bytes
        UTF-8 lines without comments; blank lines are passed over.
    lines : int
        How many there are.
    grid : Grid
        How the fields lie; soft numbers are tried as numbers. Its separator is one character.

    Returns
    -------
    dict or None
        By position; numbers have NaN where a field is empty.
    """
    width = _width(block, grid)
    separators = _separators(block, grid.separator)
    if width is None or separators is None:
        return None
    columns = _parse(block, grid, width, low_memory=False)
    if columns is None or row_count(columns) > lines:
        return None
    # pandas refuses lines that are longer than the first; shorter ones it would fill up.
    return columns if separators == row_count(columns) * (width - 1) else None


def _parse(table: str | bytes, grid: Grid, width: int, **more: Any) -> Columns | None:
    """Let pandas find out what the columns hold, and refuse what should be a number and is not."""
    beyond = range(grid.width, width)  # an empty field at the end of every line
    numbers = (*grid.numeric, *beyond)
    options: dict[str, Any] = {
        "sep": grid.separator,
        "header": None,
        "names": range(width),
        # A dict is slow with thousands of columns, but texts such as NA are to stay.
        "na_values": {i: [*MISSING] for i in numbers} if grid.texts else [*MISSING],
        "keep_default_na": False,
        "decimal": grid.decimal,
        "compression": None,
        "engine": "c",
        **_NEAREST,
        **more,
    }
    kinds: dict[int, str] = {}
    while True:
        source = table if isinstance(table, str) else io.BytesIO(table)
        try:
            # No kinds rather than an empty dict: pandas gathers its parts faster so.
            frame = pd.read_csv(source, dtype=kinds or None, **options)
        except (ValueError, OverflowError):  # of pandas' own errors too
            return None
        if any(frame[i].notna().any() for i in beyond):
            return None
        types = frame.dtypes.to_dict()
        if any(types[i] not in _NUMBERS for i in grid.numeric):
            return None
        # Words that happen to be numbers, such as 1.10, are asked for again as they are written.
        changed = [i for i in grid.texts if i not in kinds and types[i] != _WORDS]
        if not changed:
            columns: Columns = {i: _own(frame[i], i in grid.whole) for i in grid.numeric}
            if grid.separator == "\t" and _has_blank_row(columns):
                return None
            try:
                return columns | {i: _texts(frame[i]) for i in grid.texts}
            except (pa.ArrowInvalid, pa.ArrowTypeError):  # words and numbers mixed, before pandas 3
                return None
        kinds |= dict.fromkeys(changed, "str")


def _own(column: pd.Series, whole: bool) -> NDArray:
    """Return the numbers of a frame that nobody else has, so that they may be written to."""
    values = column.to_numpy()
    if values.dtype == np.int64 and not (whole and -_EXACT < values.min() <= values.max() < _EXACT):
        return values.astype(np.float64)
    if values.base is not None and not values.flags.writeable:
        values.flags.writeable = True
    return values


def _has_blank_row(columns: Columns) -> bool:
    """Tell whether a row holds no number: a line of TABs alone is a blank one."""
    blank: NDArray[np.bool_] | None = None
    for values in columns.values():
        if isinstance(values, Texts):
            continue
        if values.dtype != np.float64 or not np.isnan(np.sum(values)):
            return False
        lacks = np.isnan(values)
        blank = lacks if blank is None else blank & lacks
    return blank is None or bool(blank.any())


def _texts(column: pd.Series) -> Texts:
    words = pa.array(column, pa.large_string())
    chunks = words.chunks if isinstance(words, pa.ChunkedArray) else [words]
    seen: list[tuple[pa.Array, Texts]] = []
    coded = in_threads(lambda chunk: _encode(chunk, seen), chunks)
    return merge_texts([part for parts in coded for part in parts])


def _encode(words: pa.Array, seen: list[tuple[pa.Array, Texts]]) -> list[Texts]:
    """Give numbers to the words of a chunk, piece by piece; the last pieces are in `seen`."""
    parts = []
    for start in range(0, len(words), _PIECE):
        piece = words.slice(start, _PIECE)
        # SET and RESET in turn, one lot throughout: to compare is faster than to look up.
        known = next((texts for other, texts in [*seen] if piece.equals(other)), None)
        if known is None:
            coded = piece.dictionary_encode()
            clean = tuple(word.strip() for word in coded.dictionary.to_pylist())
            known = Texts(coded.indices.to_numpy().astype(code_type(len(clean))), clean)
            seen[:] = [(piece, known), *seen[:2]]
        parts.append(known)
    return parts


def _width(block: bytes, grid: Grid) -> int | None:
    """Return the number of fields in the first line: as expected, or one more that is empty."""
    first = block[: block.find(b"\n") if b"\n" in block else len(block)].decode(errors="replace")
    try:
        fields = split_line(first.rstrip("\r"), grid.separator)
    except ValueError:
        return None
    if len(fields) == grid.width or (len(fields) == grid.width + 1 and not fields[-1]):
        return len(fields)
    return None


def _separators(block: bytes, separator: str) -> int | None:
    """Count the separators outside quotation marks; None unless those go around whole fields."""
    if b'"' not in block:
        return count_byte(block, separator)
    characters = np.frombuffer(b"\n" + block + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    inside = np.cumsum(characters == ord('"')) % 2 == 1
    edges = [ord(separator), ord("\n"), ord("\r")]
    if inside[characters == ord("\n")].any() or not (
        np.isin(characters[quotes[::2] - 1], edges).all()
        and np.isin(characters[quotes[1::2] + 1], edges).all()
    ):
        return None
    return int(np.count_nonzero((characters == ord(separator)) & ~inside))


def row_count(columns: Columns) -> int:
    """Return the number of rows of parsed columns."""
    first = next(iter(columns.values()))
    return len(first.codes if isinstance(first, Texts) else first)


class Table:
    """Columns that come piece by piece, in any order and from any thread.

    Numbers go into arrays made beforehand: fresh memory costs more than parsing.

    Parameters
    ----------
    grid : Grid
        How the fields lie.
    pieces : tuple of Piece
        All that will come.
    """

    def __init__(self, grid: Grid, pieces: tuple[Piece, ...]) -> None:
        self._grid = grid
        self._pieces = pieces
        self._first_line = pieces[0].line
        self._most = sum(piece.lines for piece in pieces)
        self._numbers = {i: fresh(self._most, np.float64) for i in grid.numeric}
        self._lines = fresh(self._most, np.int64)
        self._texts: dict[Piece, dict[int, Texts]] = {}
        self._rows: dict[Piece, int] = {}

    def put(self, piece: Piece, columns: Columns, lines: NDArray[np.int64] | None = None) -> None:
        """Take the rows of a piece.

        Parameters
        ----------
        piece : Piece
            Where they come from.
        columns : Columns
            By position.
        lines : array of int64, shape (rows,), optional
            Line number of each row; without, every line of the piece is one.
        """
        rows = piece.lines if lines is None else len(lines)
        start = piece.line - self._first_line
        for i, out in self._numbers.items():
            values = columns[i]
            assert not isinstance(values, Texts)
            out[start : start + rows] = values
        self._lines[start : start + rows] = (
            np.arange(piece.line, piece.line + rows) if lines is None else lines
        )
        self._texts[piece] = {
            i: column for i in self._grid.texts if isinstance(column := columns[i], Texts)
        }
        self._rows[piece] = rows

    def fields(self) -> Fields:
        """Return the rows of all pieces in the order of the file."""
        columns: Columns = {i: self._closed(values) for i, values in self._numbers.items()}
        for i in self._grid.texts:
            columns[i] = merge_texts([self._texts[piece][i] for piece in self._pieces])
        return Fields(columns, self._closed(self._lines))

    def _closed(self, values: NDArray) -> NDArray:
        """Close the gaps that blank and rejected lines left."""
        if sum(self._rows.values()) == self._most:
            return values
        starts = [piece.line - self._first_line for piece in self._pieces]
        rows = [self._rows[piece] for piece in self._pieces]
        return np.concatenate(
            [values[start : start + count] for start, count in zip(starts, rows, strict=True)]
        )
