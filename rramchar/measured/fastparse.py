"""Parse a table in one go with pyarrow, for files in which every line is good."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from rramchar.measured.grid import MISSING, Columns, Grid, Texts, merge_texts, to_number, to_whole

_BLOCK = 1 << 20
_FIRST = 1 << 20


def parse_fast(
    data: memoryview | bytes, grid: Grid, lines: int, block: int = _BLOCK
) -> Columns | None:
    """Return the wanted columns, or None where pyarrow refuses the data.

    Parameters
    ----------
    data : bytes
        UTF-8 lines without comments; empty lines are passed over.
    grid : Grid
        How the fields lie; soft numbers are tried as numbers.
    lines : int
        Lines in `data`, as `count_lines` gives: no fewer than its rows.
    block : int
        Size of the pieces that pyarrow takes; a longer line is refused. [byte]

    Returns
    -------
    dict or None
        By position; numbers have NaN where a field is empty.
    """
    row = first_line(data).split(grid.separator)
    width = grid.width + (len(row) == grid.width + 1 and not row[-1])
    # Whole numbers are read faster as such, but some loggers write 200.000.
    integers = {i for i in grid.whole if i < len(row) and row[i].isdigit()}
    for tried in (integers, set()) if integers else ((),):
        kinds = {str(i): pa.int64() if i in tried else pa.float64() for i in grid.numeric}
        kinds |= {str(i): pa.dictionary(pa.int32(), pa.large_string()) for i in grid.texts}
        whole = {i for i in grid.whole if i < len(row) and _looks_whole(row[i], grid.decimal)}
        columns: dict[str, _NumberColumn | _TextColumn] = {
            str(i): _NumberColumn(lines, i in whole) for i in grid.numeric
        }
        columns |= {str(i): _TextColumn(lines) for i in grid.texts}
        try:
            return _stream(_batches(data, grid, kinds, width, block), columns)
        except pa.ArrowInvalid:
            continue
    return None


def first_line(data: memoryview | bytes) -> str:
    """Return the first line that is not empty, at most 1 MB of it."""
    start = bytes(data[:_FIRST])
    return start.lstrip(b"\n").split(b"\n", 1)[0].decode(errors="replace")


def _looks_whole(text: str, decimal: str) -> bool:
    value = to_number(text.strip(), decimal)
    return value is not None and value.is_integer()


def _stream(
    batches: Iterator[pa.RecordBatch], columns: dict[str, _NumberColumn | _TextColumn]
) -> Columns:
    """Take block by block into arrays made beforehand: fresh memory costs more than parsing."""
    rows = 0
    for batch in batches:
        end = rows + batch.num_rows
        for name, column in columns.items():
            column.add(batch.column(name), rows, end)
        rows = end
    return {int(name): column.finish(rows) for name, column in columns.items()}


def _batches(
    data: memoryview | bytes, grid: Grid, kinds: dict[str, pa.DataType], width: int, block: int
) -> Iterator[pa.RecordBatch]:
    yield from arrow_csv.open_csv(
        pa.BufferReader(pa.py_buffer(data)),
        memory_pool=pa.system_memory_pool(),  # gives the memory of one block to the next
        read_options=arrow_csv.ReadOptions(
            column_names=[str(i) for i in range(width)], block_size=block
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=grid.separator),
        convert_options=arrow_csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=list(MISSING),
            strings_can_be_null=False,
            decimal_point=grid.decimal,
        ),
    )


class _NumberColumn:
    """A column of numbers that comes in pieces; of integers, as long as it is guessed to be."""

    def __init__(self, most: int, whole: bool) -> None:
        # Not np.empty: it asks for huge pages, which virtual machines can be slow to give.
        memory = pa.allocate_buffer(8 * most, memory_pool=pa.system_memory_pool())
        self._values: NDArray = np.frombuffer(memory, np.int64 if whole else np.float64)

    def add(self, piece: pa.Array, start: int, end: int) -> None:
        """Take the numbers of the rows from `start` to `end`; a missing one is NaN."""
        values = piece.to_numpy(zero_copy_only=False)
        if self._values.dtype == np.int64:
            whole = to_whole(values)
            if whole is None:
                self._values = self._values.astype(float)
            else:
                values = whole
        self._values[start:end] = values

    def finish(self, rows: int) -> NDArray:
        """Return the column."""
        return self._values[:rows]


class _TextColumn:
    """A column of texts that comes in pieces, each with its own dictionary."""

    def __init__(self, most: int) -> None:
        self._codes: NDArray[np.integer] = np.empty(most, np.int8)
        self._index: dict[str, int] = {}

    def add(self, piece: pa.DictionaryArray, start: int, end: int) -> None:
        """Take the texts of the rows from `start` to `end`."""
        words = piece.dictionary.to_pylist()
        recode = [self._index.setdefault(word, len(self._index)) for word in words]
        codes = piece.indices.to_numpy()
        same = recode == list(range(len(recode)))
        if len(self._index) > np.iinfo(np.int8).max and self._codes.dtype == np.int8:
            self._codes = self._codes.astype(np.int32)
        self._codes[start:end] = codes if same else np.array(recode, np.int32)[codes]

    def finish(self, rows: int) -> Texts:
        """Return the column, without spaces around its texts."""
        words = tuple(self._index)
        clean = tuple(word.strip() for word in words)
        texts = Texts(self._codes[:rows], clean)
        return texts if clean == words else merge_texts([texts])


def has_odd_quotes(body: memoryview) -> bool:
    """Tell whether any line has an odd number of quotation marks: pyarrow would run on."""
    carry = 0
    for start in range(0, len(body), _BLOCK):
        block = np.frombuffer(body[start : start + _BLOCK], dtype=np.uint8)
        quotes = np.flatnonzero(block == ord('"'))
        at_ends = carry + np.searchsorted(quotes, np.flatnonzero(block == ord("\n")))
        if (at_ends % 2).any():
            return True
        carry += len(quotes)
    return carry % 2 == 1


def count_lines(body: memoryview | bytes) -> int:
    """Return the number of lines, empty ones and a last one without its end included."""
    ends = sum(int(np.count_nonzero(at)) for _, at in _line_ends(body))
    return ends + (len(body) > 0 and body[-1] != ord("\n"))


def line_numbers(body: memoryview, first_line: int, lines: int, rows: int) -> NDArray[np.int64]:
    """Return the line of each row, from 1; pyarrow passed over the empty lines.

    Parameters
    ----------
    body : memoryview
        What was parsed.
    first_line : int
        Line number of its first line.
    lines : int
        Lines in `body`, as `count_lines` gives.
    rows : int
        Rows that came out.

    Returns
    -------
    array of int64, shape (rows,)
        Line numbers.
    """
    if lines == rows:
        return np.arange(first_line, first_line + rows, dtype=np.int64)
    at = np.concatenate([start + np.flatnonzero(at) for start, at in _line_ends(body)])
    filled = np.diff(np.concatenate([[-1], at, [len(body)]])) > 1
    return np.flatnonzero(filled).astype(np.int64) + first_line


def _line_ends(body: memoryview | bytes) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    for start in range(0, len(body), _BLOCK):
        yield start, np.frombuffer(body[start : start + _BLOCK], dtype=np.uint8) == ord("\n")


def row_count(columns: Columns) -> int:
    """Return the number of rows of parsed columns."""
    first = next(iter(columns.values()))
    return len(first.codes if isinstance(first, Texts) else first)
