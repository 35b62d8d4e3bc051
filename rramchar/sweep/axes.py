"""One axis of a plan: how it is written, in a file or on the command line, and its values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rramchar.errors import InputError
from rramchar.units import parse_quantity

CONDITION_AXES = ("corner", "temperature_c", "vdd_v")
AxisValue = float | str | None

# Unit of a field, by the end of its name.
_UNITS = {"_v": "V", "_ohm": "ohm", "_s": "s", "_f": "F", "_m": "m", "_c": "C", "_w": "W"}


class StrictModel(BaseModel):
    """A part of a file in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class AxisRange(StrictModel):
    """Evenly spaced values, also in the logarithm."""

    start: float | str
    stop: float | str
    num: Annotated[int, Field(ge=1, le=1_000_000)]
    scale: Literal["linear", "log"] = "linear"


class AxisTolerance(StrictModel):
    """Values around a nominal one, by a relative tolerance."""

    nominal: float | str
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    num: Annotated[int, Field(ge=2, le=1_000_000)] = 3


def parse_axis_text(name: str, text: str) -> Any:
    """Turn the command line's spelling of an axis into what a plan file would hold.

    Parameters
    ----------
    name : str
        Axis name, for the error message.
    text : str
        ``a,b,c``; or ``start:stop:num`` with an optional ``:log``.

    Returns
    -------
    list or dict
        A list of texts, or a range.

    Raises
    ------
    InputError
        If the text is neither.
    """
    if ":" not in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    parts = text.split(":")
    if len(parts) not in (3, 4) or not parts[2].isdigit():
        raise InputError(f"axis {name}: {text!r}, expected start:stop:num or start:stop:num:log")
    scale = parts[3] if len(parts) == 4 else "linear"
    return {"start": parts[0], "stop": parts[1], "num": int(parts[2]), "scale": scale}


def unit_of(field: str) -> str:
    """Return the unit that a field's name ends in, empty where it carries none."""
    return next((unit for end, unit in _UNITS.items() if field.endswith(end)), "")


def axis_values(name: str, spec: Any) -> tuple[AxisValue, ...]:
    """Return the values of an axis.

    Parameters
    ----------
    name : str
        Axis name; its end tells the unit.
    spec : AxisRange, AxisTolerance, list, float or str
        How the plan gives it.

    Returns
    -------
    tuple
        Without repetition.

    Raises
    ------
    InputError
        If a value cannot be read or stands twice.
    """
    if isinstance(spec, AxisRange):
        return _range(name, spec)
    if isinstance(spec, AxisTolerance):
        if name == "corner":
            raise InputError("axes.corner: expected a list of corner names, got a tolerance")
        nominal = parse_quantity(spec.nominal, unit_of(name), name=f"axes.{name}.nominal")
        factors = np.linspace(1 - spec.tolerance, 1 + spec.tolerance, spec.num)
        return tuple(float(f"{nominal * factor:.12g}") for factor in factors)
    items = spec if isinstance(spec, list) else [spec]
    if not items:
        raise InputError(f"axes.{name}: an empty list; give at least one value")
    values: tuple[AxisValue, ...]
    if name == "corner":
        values = tuple(str(item) for item in items)
    else:
        values = tuple(parse_quantity(item, unit_of(name), name=f"axes.{name}") for item in items)
    if len(set(values)) != len(values):
        raise InputError(f"axes.{name}: a value stands twice in {list(values)}")
    return values


def _range(name: str, spec: AxisRange) -> tuple[AxisValue, ...]:
    if name == "corner":
        raise InputError("axes.corner: expected a list of corner names, got a range")
    where = f"axes.{name}"
    start = parse_quantity(spec.start, unit_of(name), name=f"{where}.start")
    stop = parse_quantity(spec.stop, unit_of(name), name=f"{where}.stop")
    if spec.num > 1 and start == stop:
        raise InputError(f"{where}: start and stop are both {start:g}, with num = {spec.num}")
    if spec.scale == "log":
        if start <= 0 or stop <= 0:
            raise InputError(f"{where}: a log range needs start and stop above 0")
        values = np.geomspace(start, stop, spec.num)
    else:
        values = np.linspace(start, stop, spec.num)
    # Twelve digits are far below what a simulation resolves, and read well in a table.
    return tuple(float(f"{value:.12g}") for value in values)
