"""How a column of a table is named, scaled and printed in a figure: its name carries its unit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter

_UNITS = {"_v": "V", "_ohm": "Ω", "_s": "s", "_f": "F", "_m": "m", "_j": "J", "_a": "A", "_c": "°C"}
_NAMES = {
    "vdd_v": "supply",
    "r_bl_ohm": "$R_{BL}$",
    "r_blb_ohm": "$R_{BLb}$",
    "x": "input x",
    "seconds": "time per point",
}
_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
# Positive values that span more than this factor are drawn on a logarithmic axis.
LOG_FROM = 30.0


def column_unit(name: str) -> str:
    """Return the unit that a column's name ends in, as it is printed; empty where it has none."""
    if name == "seconds":
        return "s"
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def column_title(name: str) -> str:
    """Return a column's name in words, without its unit."""
    if name in _NAMES:
        return _NAMES[name]
    end = next((end for end in _UNITS if name.endswith(end)), "")
    return name.removesuffix(end).replace("_", " ")


def value_text(name: str, value: Any) -> str:
    """Return one value of a column with its unit, such as ``0.6 V`` or ``5 kΩ``."""
    if isinstance(value, str | bool | np.bool_) or not math.isfinite(value):
        return str(value)
    unit = column_unit(name)
    if not unit or unit == "°C" or value == 0 or (unit == "V" and 0.1 <= abs(value) < 1000):
        return f"{value:.4g} {unit}".strip()
    exponent = _exponent(value)
    return f"{value / 10.0**exponent:.4g} {_PREFIXES[exponent]}{unit}"


def is_numeric(column: pd.Series) -> bool:
    """Return whether a column holds numbers, and not texts or truth values."""
    return bool(
        pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column.dtype)
    )


def spans_decades(values: Any) -> bool:
    """Return whether values are positive and span more than a factor of `LOG_FROM`."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > LOG_FROM * finite.min())


def dress_axis(axis: Any, name: str, values: Any, *, log: bool, title: str | None = None) -> None:
    """Set scale, ticks and label of a figure's axis for a column of numbers.

    Parameters
    ----------
    axis : matplotlib Axis
        ``axes.xaxis``, ``axes.yaxis`` or that of a colour bar.
    name : str
        The column; its values are drawn in SI base units and labelled with a prefix.
    values : array
        What is drawn, for the prefix.
    log : bool
        Logarithmic scale; every tick then has its own prefix.
    title : str, optional
        Label in place of the column's own name; the unit is added.
    """
    unit = column_unit(name)
    words = title or column_title(name)
    finite = np.abs(np.asarray(values, dtype=float))
    finite = finite[np.isfinite(finite) & (finite > 0)]
    if log:
        if axis.get_scale() != "log":  # a colour bar's already is
            getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
        if len(finite) and finite.max() < 100 * finite.min():
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(EngFormatter(unit=unit) if unit else EngFormatter(sep=""))
        axis.set_minor_formatter(NullFormatter())
        axis.set_label_text(words)
        return
    exponent = _exponent(finite.max()) if len(finite) and unit and unit != "°C" else 0
    scale = 10.0**exponent
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / scale:.6g}"))
    prefixed = f"{_PREFIXES[exponent]}{unit}"
    axis.set_label_text(f"{words} ({prefixed})" if prefixed else words)


def _exponent(value: float) -> int:
    # A part in 1e9 of slack: 1e-9 is 1 n, although its logarithm is a little below -9.
    power = math.floor(math.log10(abs(value)) / 3 + 1e-9) * 3
    return min(max(power, min(_PREFIXES)), max(_PREFIXES))
