"""How the fields of a table lie, what a field may hold, and the columns read from it."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from rramchar.measured.blocks import STEP, over_rows
from rramchar.measured.faults import shown

SEPARATORS = {"\t": "TAB", ",": "comma", ";": "semicolon", " ": "space"}
MISSING = ("", "NA", "N/A", "#N/A", "nan", "NaN", "NAN", "null", "NULL")
"""Texts that stand for no number in a number column."""


@dataclass(frozen=True)
class Grid:
    """How the fields of a table lie, and which are wanted.

    Parameters
    ----------
    separator : str
        Between fields; a space stands for any run of spaces and TABs.
    places : tuple of str
        What to call each field in a message, such as ``column cycle``; one for every field.
    numbers : tuple of int
        Positions, from 0, of fields that must be numbers.
    soft : tuple of int
        Positions of fields that are numbers when all are, else text.
    labels : tuple of int
        Those of `soft` that must be whole numbers, else they are text.
    counts : tuple of int
        Those of `numbers` that should be whole.
    texts : tuple of int
        Positions of text fields.
    decimal : str
        Decimal mark.
    width_from : str
        What says how many fields there are, for messages.
    """

    separator: str
    places: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    soft: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    texts: tuple[int, ...] = ()
    decimal: str = "."
    width_from: str = "the header"

    @property
    def width(self) -> int:
        """Number of fields in a line."""
        return len(self.places)

    @property
    def whole(self) -> tuple[int, ...]:
        """Positions of numbers that should be whole."""
        return (*self.labels, *self.counts)

    @property
    def numeric(self) -> tuple[int, ...]:
        """Positions of fields to be read as numbers."""
        return (*self.numbers, *self.soft)


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of texts, each different one kept once.

    Parameters
    ----------
    codes : array of int, shape (rows,)
        Position of each row's text in `words`.
    words : tuple of str
        The texts, without spaces around them.
    """

    codes: NDArray[np.integer]
    words: tuple[str, ...]

    def with_words(self, words: tuple[str, ...]) -> Texts:
        """Return the column with other texts for its codes."""
        return self if words == self.words else Texts(self.codes, words)

    def series(self) -> pd.Series:
        """Return the column as a pandas text column."""
        return text_series(self.codes, self.words)


Column = NDArray[np.float64] | NDArray[np.int64] | Texts
Columns = dict[int, Column]
"""Columns of a table by position from 0: numbers (NaN where a field is empty) or texts."""


@dataclass(frozen=True, eq=False)
class Fields:
    """Columns of a table.

    Parameters
    ----------
    columns : Columns
        The wanted ones.
    lines : array of int64, shape (rows,)
        Line number of each row, from 1.
    """

    columns: Columns
    lines: NDArray[np.int64]


def fresh(rows: int, kind: DTypeLike) -> NDArray:
    """Return an array to be filled.

    Parameters
    ----------
    rows : int
        How many elements.
    kind : dtype
        Of numbers.

    Returns
    -------
    array, shape (rows,)
        Of no meaning yet.
    """
    # Not np.empty: it asks for huge pages, which virtual machines can be slow to give.
    size = np.dtype(kind).itemsize * rows
    return np.frombuffer(pa.allocate_buffer(size, memory_pool=pa.system_memory_pool()), kind)


def text_series(codes: NDArray[np.integer], words: tuple[str, ...] | list[str]) -> pd.Series:
    """Return a pandas text column from codes, without a Python text for each row.

    Parameters
    ----------
    codes : array of int, shape (rows,)
        Position of each row's text in `words`.
    words : sequence of str
        The texts.

    Returns
    -------
    Series
        Of dtype ``str``.
    """
    dictionary = pa.array(list(words), pa.large_string())
    pieces: dict[bytes, pa.Array] = {}
    chunks = []
    for start in range(0, len(codes), STEP):
        part = codes[start : start + STEP]
        # SET and RESET in turn, one lot throughout: equal pieces share their memory.
        key = part.tobytes()
        if key not in pieces:
            pieces[key] = dictionary.take(pa.array(part))
        chunks.append(pieces[key])
    return pd.Series(pa.chunked_array(chunks, pa.large_string()), dtype="str")


def merge_texts(parts: list[Texts]) -> Texts:
    """Join columns of texts, so that every word is there once."""
    index: dict[str, int] = {}
    recodes = {}
    for part in parts:
        if part.words not in recodes:
            recodes[part.words] = [index.setdefault(word, len(index)) for word in part.words]
    codes = fresh(sum(len(part.codes) for part in parts), code_type(len(index)))
    tables = {words: np.array(recode, codes.dtype) for words, recode in recodes.items()}
    end = 0
    for part in parts:
        start, end = end, end + len(part.codes)
        same = recodes[part.words] == list(range(len(part.words)))
        codes[start:end] = part.codes if same else tables[part.words][part.codes]
    return Texts(codes, tuple(index))


def code_type(words: int) -> np.dtype:
    """Return the smallest type of integers that counts so many words."""
    return np.min_scalar_type(-max(words, 1))  # signed, for pyarrow's sake


def is_whole(values: NDArray) -> NDArray[np.bool_]:
    """Tell which numbers are whole and small enough for an exact float, below 2**53."""
    if np.issubdtype(values.dtype, np.integer):
        return np.ones(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        return np.isfinite(values) & (np.abs(values) < 2.0**53) & (values == np.floor(values))


def to_whole(values: NDArray, *, spend: bool = False) -> NDArray[np.int64] | None:
    """Return whole numbers as integers, or None if any is not whole.

    Parameters
    ----------
    values : array, shape (rows,)
        Numbers.
    spend : bool
        True to take the memory of `values` where it can be had; they are lost then.

    Returns
    -------
    array of int64, shape (rows,), or None
        The same numbers.
    """
    if np.issubdtype(values.dtype, np.integer):
        return values
    if not all(is_whole(values[at : at + STEP]).all() for at in range(0, len(values), STEP)):
        return None
    whole = values.view(np.int64) if spend and _can_spend(values) else fresh(len(values), np.int64)

    def convert(start: int, stop: int) -> None:
        whole[start:stop] = values[start:stop].astype(np.int64)

    over_rows(convert, len(values))
    return whole


def _can_spend(values: NDArray) -> bool:
    return values.flags.writeable and values.dtype == np.float64 and values.flags.c_contiguous


def guess_separator(line: str) -> str:
    """Return the separator of a line: TAB, semicolon or comma, in this order; else a space.

    A line without any of them is one field; a comma is returned then.
    """
    return next((s for s in ("\t", ";", ",") if s in line), " " if " " in line.strip() else ",")


def split_line(line: str, separator: str) -> list[str]:
    """Split a line into fields without spaces around them; quoted fields may hold separators.

    Parameters
    ----------
    line : str
        Without its line end.
    separator : str
        Of `SEPARATORS`.

    Returns
    -------
    list of str
        The fields. An empty one at the end stays.

    Raises
    ------
    ValueError
        If a quoted field does not end.
    """
    if separator == " ":
        return line.split()
    if '"' not in line:
        return [field.strip() for field in line.split(separator)]
    try:
        return [
            field.strip() for field in next(csv.reader([line], delimiter=separator, strict=True))
        ]
    except csv.Error:
        raise ValueError("a quoted field does not end") from None


def to_number(text: str, decimal: str = ".") -> float | None:
    """Return the number that a text stands for; NaN for `MISSING`, None if it is none."""
    if text in MISSING:
        return float("nan")
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    # float() also takes 1_000, which no instrument writes: more likely a damaged field.
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def number_complaint(text: str, expected: str, decimal: str = ".") -> str:
    """Say that a text is no number, with a hint where the decimal mark explains it.

    Parameters
    ----------
    text : str
        As written in the file.
    expected : str
        Such as ``a resistance in ohm``.
    decimal : str
        Decimal mark in use.

    Returns
    -------
    str
        Without file and place.
    """
    other = "," if decimal == "." else "."
    hint = ""
    if other in text and to_number(text, other) is not None:
        hint = f"; write a decimal {'point' if decimal == '.' else 'comma'}, not a " + (
            "comma" if decimal == "." else "point"
        )
        hint += f", or set decimal = {other!r} in a layout file"
    return f"{shown(text)} is not a number; expected {expected}{hint}"


def width_complaint(line: str, found: int, grid: Grid) -> str:
    """Say that a line has another number of fields, and whether another separator explains it.

    Parameters
    ----------
    line : str
        The line.
    found : int
        Its number of fields.
    grid : Grid
        How the fields should lie.

    Returns
    -------
    str
        Without file and place.
    """
    hint = "complete the line or leave it out"
    for other, name in SEPARATORS.items():
        if other != grid.separator and line.count(other) + 1 == grid.width > 1:
            here = SEPARATORS[grid.separator]
            hint = f"this line is separated by {name}, expected {here}: use one separator"
            break
    fields = f"{found} field{'s' if found != 1 else ''}"
    return f"{fields}, expected {grid.width} as in {grid.width_from}; {hint}"
