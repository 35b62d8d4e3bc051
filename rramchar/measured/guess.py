"""Tell the layout of a file from its name and its first lines."""

from __future__ import annotations

from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

import numpy as np

from rramchar.errors import InputError
from rramchar.measured.easyexpert import KINDS
from rramchar.measured.faults import Faults
from rramchar.measured.grid import guess_separator, to_number
from rramchar.measured.layout_file import shipped_layouts
from rramchar.measured.schema import REQUIRED, SCHEMA
from rramchar.measured.source import Source, read_source, read_start
from rramchar.measured.tidy import PARQUET_MAGIC

_LOWEST_OHM = 100.0  # a memory cell with its transistor: less is a voltage, a time or a current


def guess_file_layout(path: str | Path) -> str:
    """Tell the layout of a file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    str
        Name of a layout.

    Raises
    ------
    InputError
        If the file cannot be read, or none fits.
    """
    if read_start(path, len(PARQUET_MAGIC)) == PARQUET_MAGIC:
        return "tidy"
    return guess_layout(read_source(path, Faults(str(path))))


def guess_layout(source: Source) -> str:
    """Tell the layout of a text file.

    In this order: a shipped layout whose name pattern and number of fields fit; a line with two
    tidy names; EasyEXPERT's first words; ramps named ``set`` or ``reset`` with values below 1; two
    columns below 1; an odd number of fields that look like resistances from the second on.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    str
        Name of a layout.

    Raises
    ------
    InputError
        If none fits.
    """
    number, _, text = next(source.lines())
    fields = _fields(text)
    file_name = Path(source.name).name.lower()
    for name, layout in shipped_layouts().items():
        fits = layout.file.fields in (None, len(fields))
        if fits and any(fnmatch(file_name, pattern.lower()) for pattern in layout.file.names):
            return name
    if len(set(fields) & {*SCHEMA}) >= 2 or set(fields) & {*REQUIRED}:
        return "tidy"
    if fields[0] in KINDS:
        return "easyexpert"
    if ramps := _guess_ramps(source, file_name):
        return ramps
    if _looks_like_cycling(fields):
        return "cycling"
    same = [n for n, layout in shipped_layouts().items() if layout.file.fields == len(fields)]
    shown = ", ".join(fields[:4]) + (", ..." if len(fields) > 4 else "")
    several = f" ({', '.join(same)} have as many fields)" if same else ""
    raise InputError(
        f"{source.name}, line {number}: the layout cannot be told from {shown[:80]!r}; expected a "
        f"header with {', '.join(REQUIRED)} (tidy), or an address and pairs of resistances "
        f"(cycling), or name the layout{several}, or write a layout file"
    )


def _fields(text: str) -> list[str]:
    fields = [field.strip().strip('"') for field in text.split(guess_separator(text))]
    return fields[:-1] if len(fields) > 1 and not fields[-1] else fields


def _guess_ramps(source: Source, file_name: str) -> str:
    """Return the layout of a file of small numbers only, after at most one line of names."""
    rows = [
        [to_number(field) for field in _fields(text)] for _, _, text in islice(source.lines(), 4)
    ]
    if all(number is None for number in rows[0]):
        rows = rows[1:]
    numbers = [number for row in rows for number in row if number is not None]
    if not rows or len(numbers) < sum(map(len, rows)) or np.nanmax(np.abs(numbers)) >= 1:
        return ""
    if "set" in file_name:
        return "crosssim"
    return "aihwkit" if len(rows[0]) == 2 else ""


def _looks_like_cycling(fields: list[str]) -> bool:
    readings = [to_number(field) for field in fields[1:]]
    known = [reading for reading in readings if reading is not None]
    if len(fields) < 3 or len(fields) % 2 == 0 or len(known) < len(readings):
        return False
    return float(np.mean([reading >= _LOWEST_OHM for reading in known])) > 0.5
