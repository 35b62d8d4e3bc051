"""Text tables as people write them: comments, separators and line ends, with line numbers kept."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

_SEPARATORS = {"\t": "TAB", ",": "comma", ";": "semicolon"}
_GZIP_MAGIC = b"\x1f\x8b"


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
    """Read a text table, plain or gzip-compressed.

    Lines that start with ``#`` and blank lines are passed over; line ends may be LF, CRLF or CR.
    The separator is the one of TAB, semicolon and comma that comes first in this order in the
    first line of data.

    Parameters
    ----------
    path : str or path
        The file. gzip is recognized by its content, not by its name.

    Returns
    -------
    TextTable
        At least one line.

    Raises
    ------
    InputError
        If the file is missing, unreadable, not text, or holds no data.
    """
    path = Path(path)
    text = _decode(path, _read_bytes(path)).replace("\r\n", "\n").replace("\r", "\n")
    kept = [
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not kept:
        raise InputError(f"{path}: holds no data, only blank or # lines; expected a table")
    first = kept[0][1]
    separator = next((s for s in ("\t", ";", ",") if s in first), ",")
    return TextTable(
        source=str(path),
        lines=tuple(line for _, line in kept),
        numbers=tuple(number for number, _ in kept),
        separator=separator,
    )


def separator_name(separator: str) -> str:
    """Return ``TAB``, ``comma`` or ``semicolon``."""
    return _SEPARATORS[separator]


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


def resistance_complaint(text: str, value: float) -> str | None:
    """Say what is wrong with one resistance, or return None.

    Parameters
    ----------
    text : str
        As written in the file.
    value : float
        As parsed by `parse_floats`. [ohm]

    Returns
    -------
    str or None
        The complaint, without file and place.
    """
    if value > 0 and np.isfinite(value):
        return None
    expected = "expected a resistance in ohm above 0 such as 5000 or 9.1e4"
    if not text:
        return f"empty; {expected}; leave out what was not measured"
    if "," in text and np.isfinite(_float_or_nan(text.replace(",", "."))):
        return f"{text!r} is not a number; {expected}; write a decimal point, not a comma"
    if np.isnan(value) and text.lower().lstrip("+-") not in ("nan", "inf", "infinity"):
        return f"{text!r} is not a number; {expected}"
    return f"{text!r} is not usable; {expected}; drop the reading if the measurement failed"


def _float_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file")
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name and the folder") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(
            f"{path}: damaged gzip file; copy it again or unpack it with gunzip"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _decode(path: Path, data: bytes) -> str:
    if not data:
        raise InputError(f"{path}: the file is empty; expected a table")
    if b"\0" in data:
        raise InputError(f"{path}: is not plain text; expected a text table, saved as UTF-8")
    return data.decode("utf-8-sig", errors="replace")
