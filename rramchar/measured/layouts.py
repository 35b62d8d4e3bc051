"""The file layouts that are known, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.cycling import read_cycling
from rramchar.measured.schema import REQUIRED
from rramchar.measured.text import parse_floats, read_text_table
from rramchar.measured.tidy import read_tidy

LAYOUTS: dict[str, Callable[[str | Path], pd.DataFrame]] = {
    "tidy": read_tidy,
    "cycling": read_cycling,
}


def read_measured(path: str | Path, layout: str | None = None) -> pd.DataFrame:
    """Read measured resistances into a tidy frame.

    Parameters
    ----------
    path : str or path
        The file.
    layout : str, optional
        ``tidy`` or ``cycling``; guessed from the first line without.

    Returns
    -------
    DataFrame
        See `rramchar.measured.schema`. Resistances in ohm.

    Raises
    ------
    InputError
        If the layout is unknown or the file does not follow it.
    """
    name = guess_layout(path) if layout is None else layout
    if name not in LAYOUTS:
        close = difflib.get_close_matches(name.lower(), LAYOUTS, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(f"layout {name!r} is unknown; known: {', '.join(LAYOUTS)}{hint}")
    return LAYOUTS[name](path)


def guess_layout(path: str | Path) -> str:
    """Tell the layout of a file from its first line of data.

    A line that holds at least two of the tidy column names is a tidy header; a line whose fields
    after the first are numbers is a cycling matrix.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    str
        A key of `LAYOUTS`.

    Raises
    ------
    InputError
        If the first line fits neither.
    """
    table = read_text_table(path)
    fields = table.first()
    if len(set(fields) & {*REQUIRED, "operation"}) >= 2:
        return "tidy"
    if len(fields) >= 2 and np.isfinite(parse_floats(fields[1:])).any():
        return "cycling"
    shown = ", ".join(fields[:4]) + (", ..." if len(fields) > 4 else "")
    raise InputError(
        f"{path}, line {table.numbers[0]}: the layout cannot be told from {shown[:80]!r}; expected "
        f"a header with {', '.join(REQUIRED)} (tidy) or an address and numbers (cycling)"
    )
