"""Text tables as people write them: comments, separators and line ends, with line numbers kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rramchar.measured.faults import Faults
from rramchar.measured.source import read_source

_SEPARATORS = ("\t", ";", ",")


@dataclass(frozen=True)
class TextTable:
    """The lines of a text file that hold data.

    Parameters
    ----------
    source : str
        File name for messages.
    lines : tuple of str
        The lines without line ends; comments and blank lines are left out.
    numbers : tuple of int
        Line number of each, counted from 1 in the file.
    separator : str
        TAB, comma or semicolon.
    """

    source: str
    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    separator: str

    def split(self) -> list[list[str]]:
        """Return the fields of each line, stripped of spaces and of one separator at the end."""
        return [self._fields(line) for line in self.lines]

    def first(self) -> list[str]:
        """Return the fields of the first line alone."""
        return self._fields(self.lines[0])

    def _fields(self, line: str) -> list[str]:
        fields = [field.strip() for field in line.split(self.separator)]
        if len(fields) > 1 and not fields[-1]:
            fields.pop()
        return fields


def read_text_table(path: str | Path) -> TextTable:
    """Read a text table, plain or packed.

    Lines that start with ``#`` and blank lines are passed over; line ends may be LF, CRLF or CR.
    The separator is the one of TAB, semicolon and comma that comes first in this order in the
    first line of data.

    Parameters
    ----------
    path : str or path
        The file. Packing and encoding are told by the content, not by the name.

    Returns
    -------
    TextTable
        At least one line.

    Raises
    ------
    InputError
        If the file is missing, unreadable, not text, or holds no data.
    """
    source = read_source(path, Faults(str(path)))
    kept = list(source.lines())
    first = kept[0][2]
    separator = next((s for s in _SEPARATORS if s in first), ",")
    return TextTable(
        source=source.name,
        lines=tuple(line for _, _, line in kept),
        numbers=tuple(number for number, _, _ in kept),
        separator=separator,
    )


def parse_floats(texts: Sequence[str]) -> NDArray[np.float64]:
    """Turn texts into floats at once; what is not a number becomes NaN.

    Parameters
    ----------
    texts : sequence of str
        One number each.

    Returns
    -------
    array, shape (len(texts),)
        The values; NaN marks a text that is no plain decimal number, so a caller must check.
    """
    try:
        values = np.array([float(text) for text in texts], dtype=float)
    except ValueError:
        values = np.array([_float_or_nan(text) for text in texts], dtype=float)
    # float() also takes 1_000, which no instrument writes: more likely a damaged field.
    odd = [i for i, text in enumerate(texts) if "_" in text]
    values[odd] = np.nan
    return values


def parse_ints(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """Turn texts such as ``200`` or ``200.000`` into integers, or return None if any is not one.

    Parameters
    ----------
    texts : sequence of str
        One number each.

    Returns
    -------
    array of int, shape (len(texts),), or None
        None when any text is not a whole number below 2**53.
    """
    values = parse_floats(texts)
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(values) & (np.abs(values) < 2.0**53) & (values == np.floor(values))
    return values.astype(np.int64) if whole.all() else None


def _float_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
