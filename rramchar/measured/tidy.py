"""The tidy layout: a header line with the names of the tidy frame, then one reading per line."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from rramchar.errors import InputError
from rramchar.measured.assemble import RawColumns, assemble
from rramchar.measured.faults import Faults
from rramchar.measured.fields import read_fields
from rramchar.measured.grid import guess_separator
from rramchar.measured.layout_file import Layout, make_layout
from rramchar.measured.rows import check_header, first_fields, make_grid
from rramchar.measured.schema import REQUIRED, check_frame
from rramchar.measured.source import Source, read_source

PARQUET_MAGIC = b"PAR1"

TIDY: Layout = make_layout(
    {
        "title": "one reading per line under a header with the tidy names",
        "file": {"header": True},
        "columns": {name: {"field": name} for name in REQUIRED},
    },
    "tidy",
)


def read_tidy(path: str | Path) -> pd.DataFrame:
    """Read a table with one resistance reading per line.

    Parameters
    ----------
    path : str or path
        CSV with a header line; fields separated by comma, TAB or semicolon; ``#`` lines are passed
        over; plain or packed. Needs ``device`` and ``resistance_ohm`` [ohm]; every other name of
        the schema is optional, further columns are kept, as numbers where they are numbers. Upper
        and lower case of operations, states and flags do not matter. With ``cycle`` and without
        ``pulse``, ``state`` follows from ``operation`` and the other way round.

    Returns
    -------
    DataFrame
        A tidy frame (see `rramchar.measured.schema`). A reading that is empty, 0, negative or
        from 1e10 ohm up becomes a flag.

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a line has another number of fields than
        the header, or a field cannot be used; file, line and column are named.
    """
    faults = Faults(str(path))
    return read_tidy_source(read_source(path, faults), faults)


def read_tidy_source(source: Source, faults: Faults) -> pd.DataFrame:
    """Read a tidy table that is in memory.

    Parameters
    ----------
    source : Source
        The file.
    faults : Faults
        Takes note of rows that cannot be used.

    Returns
    -------
    DataFrame
        A tidy frame.
    """
    lines = source.lines()
    number, _, text = next(lines)
    separator = guess_separator(text)
    names = check_header(source, number, first_fields(source, number, text, separator))
    _check_required(source, number, names)
    if (second := next(lines, None)) is None:
        raise InputError(f"{source.name}: a header line but no readings below it")
    positions = {name: at for at, name in enumerate(names)}
    grid = make_grid(positions, names, len(names), separator, ".", f"the header, line {number}")
    fields = read_fields(source, second[0], second[1], grid, faults)
    raw = {name: fields.columns[at] for name, at in positions.items()}
    return assemble(RawColumns(raw, fields.lines, {}), TIDY, faults)


def read_tidy_parquet(path: str | Path) -> pd.DataFrame:
    """Read a tidy frame from a Parquet file.

    Parameters
    ----------
    path : str or path
        Written by ``rramchar measured import`` or by pandas.

    Returns
    -------
    DataFrame
        A checked tidy frame.

    Raises
    ------
    InputError
        If the file is damaged or holds no tidy frame.
    """
    try:
        frame = parquet.read_table(path).to_pandas(split_blocks=True, self_destruct=True)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: damaged Parquet file: {reason}; write it again") from None
    return check_frame(frame, str(path))


def _check_required(source: Source, number: int, names: list[str]) -> None:
    for name in REQUIRED:
        if name in names or (name == "resistance_ohm" and {"current_a", "v_read_v"} <= set(names)):
            continue
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; is {close[0]!r} meant? rename it" if close else ""
        shown = ", ".join(names[:8])[:120] + (", ..." if len(names) > 8 else "")
        raise InputError(
            f"{source.name}, line {number}: column {name} is missing; expected a header line with "
            f"{', '.join(REQUIRED)}; found {shown}{hint}"
        )
