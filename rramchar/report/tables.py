"""Frames as plain HTML tables, with numbers a reader can take in."""

from __future__ import annotations

from typing import Any

import pandas as pd


def show_table(frame: pd.DataFrame, *, text: bool = False) -> Any:
    """Return a frame as an HTML table, for a notebook cell's last line.

    Parameters
    ----------
    frame : DataFrame
        Its index is shown where it is named or not a plain count.
    text : bool
        True for a table of words: every column is left-aligned.

    Returns
    -------
    IPython.display.HTML
        A table; floats with four significant digits.
    """
    from IPython.display import HTML

    return HTML(
        frame.to_html(
            index=not isinstance(frame.index, pd.RangeIndex),
            border=0,
            classes="text" if text else "numbers",
            float_format=_number,
            escape=True,
        )
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.4g}"
