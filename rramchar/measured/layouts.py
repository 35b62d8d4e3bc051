"""The file layouts that are known by name, and the one way in: `read_measured`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.cycling import CYCLING, read_cycling_source
from rramchar.measured.easyexpert import read_easyexpert_source
from rramchar.measured.faults import Faults, RejectedRow
from rramchar.measured.guess import guess_layout
from rramchar.measured.layout_file import Layout, load_layout, shipped_layouts
from rramchar.measured.ramps import read_aihwkit_source, read_crosssim_source
from rramchar.measured.rows import read_rows
from rramchar.measured.source import Source, read_source, read_start
from rramchar.measured.tidy import (
    PARQUET_MAGIC,
    TIDY,
    read_tidy_parquet,
    read_tidy_source,
)
from rramchar.measured.wide import read_wide

Reader = Callable[[Source, Faults], pd.DataFrame]

LAYOUTS: dict[str, Reader] = {
    "tidy": read_tidy_source,
    "cycling": read_cycling_source,
    "easyexpert": read_easyexpert_source,
    "aihwkit": read_aihwkit_source,
    "crosssim": read_crosssim_source,
}
"""Layouts with a reader of their own; the others are layout files."""

TITLES = {
    "tidy": TIDY.title,
    "cycling": CYCLING.title,
    "easyexpert": "Keysight EasyEXPERT records",
    "aihwkit": "two columns, conductances after up and after down pulses",
    "crosssim": "one ramp of currents per column, in set.csv or reset.csv",
}


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was read from a file.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.
    layout : str
        The layout's name, or the path of its file.
    rejected : tuple of RejectedRow
        Lines that were left out.
    """

    frame: pd.DataFrame
    layout: str
    rejected: tuple[RejectedRow, ...]


def layout_names() -> dict[str, str]:
    """Return what each known layout is, by name: those with a reader, then the shipped files."""
    return {**TITLES, **{name: layout.title for name, layout in shipped_layouts().items()}}


def read_measured(path: str | Path, layout: str | Path | None = None) -> pd.DataFrame:
    """Read measured resistances into a tidy frame.

    Parameters
    ----------
    path : str or path
        The file; text, plain or packed, or Parquet.
    layout : str or path, optional
        A name (see `layout_names`) or a layout file (TOML); guessed without.

    Returns
    -------
    DataFrame
        See `rramchar.measured.schema`. Resistances in ohm.

    Raises
    ------
    InputError
        If the layout is unknown or the file does not follow it.
    """
    return import_measured(path, layout).frame


def import_measured(
    path: str | Path, layout: str | Path | None = None, *, skip_bad_rows: bool = False
) -> Measurement:
    """Read measured resistances, and leave out rows that cannot be used if asked to.

    Parameters
    ----------
    path : str or path
        The file; text, plain or packed, or Parquet.
    layout : str or path, optional
        A name (see `layout_names`) or a layout file (TOML); guessed without.
    skip_bad_rows : bool
        True to leave out rows that cannot be used; False to refuse the file at the first.

    Returns
    -------
    Measurement
        The tidy frame, the layout, and the rejected rows.

    Raises
    ------
    InputError
        If the layout is unknown, the file does not follow it, or no row can be used.
    """
    if read_start(path, len(PARQUET_MAGIC)) == PARQUET_MAGIC:
        if layout not in (None, "tidy"):
            raise InputError(f"{path}: a Parquet file, and the layout {layout}; expected tidy")
        return Measurement(read_tidy_parquet(path), "tidy", ())
    faults = Faults(str(path), skip_bad_rows)
    reader = None if layout is None else find_reader(layout)
    source = read_source(path, faults)
    name = guess_layout(source) if layout is None else str(layout)
    frame = (reader or find_reader(name))(source, faults)
    source.check()
    return Measurement(frame, name, faults.rows)


def find_reader(layout: str | Path) -> Reader:
    """Return the reader of a layout.

    Parameters
    ----------
    layout : str or path
        A name, or the path of a layout file that ends in ``.toml``.

    Returns
    -------
    callable
        From source and faults to a tidy frame.

    Raises
    ------
    InputError
        If there is no such layout.
    """
    name = str(layout)
    if name in LAYOUTS:
        return LAYOUTS[name]
    if name.endswith(".toml"):
        return _reader_of(load_layout(Path(name)))
    shipped = shipped_layouts()
    if name in shipped:
        return _reader_of(shipped[name])
    known = [*LAYOUTS, *shipped]
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise InputError(
        f"layout {name!r} is unknown; known: {', '.join(known)}, or a file that ends in .toml{hint}"
    )


def _reader_of(layout: Layout) -> Reader:
    read = read_rows if layout.readings is None else read_wide
    return lambda source, faults: read(source, layout, faults)
