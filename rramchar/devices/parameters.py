"""Parameters that know their unit, range, meaning and origin; checked when a record is made."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from rramchar.errors import InputError


@dataclass(frozen=True)
class ParameterInfo:
    """What is known of one parameter of a device model.

    Parameters
    ----------
    name : str
        Field of the record.
    default : float
        Value unless another is given, in `unit`.
    unit : str
        SI unit, ``1`` for a plain number.
    low, high : float
        Range that is accepted, both ends included.
    description : str
        What it is.
    source : str
        Where the default comes from.
    """

    name: str
    default: float
    unit: str
    low: float
    high: float
    description: str
    source: str


def parameter(
    default: float, unit: str, low: float, high: float, description: str, source: str
) -> Any:
    """Declare a field of a device record; see `ParameterInfo` for the arguments."""
    facts = {
        "unit": unit, "low": low, "high": high, "description": description, "source": source,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=facts)


def parameter_table(record: Any) -> list[ParameterInfo]:
    """Return what is known of every parameter of a device record or its class."""
    return [
        ParameterInfo(name=field.name, default=field.default, **field.metadata)  # type: ignore[arg-type]
        for field in dataclasses.fields(record)
    ]


def check_parameters(record: Any) -> None:
    """Refuse a device record with a value that is no number or out of its range.

    Raises
    ------
    InputError
        Naming the parameter, its value and its range.
    """
    for info in parameter_table(record):
        value = getattr(record, info.name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not info.low <= value <= info.high:
            unit = "" if info.unit == "1" else f" {info.unit}"
            shown = f"{value:g}{unit}" if number else repr(value)
            raise InputError(
                f"device.{info.name}: {shown}, expected {info.low:g} to {info.high:g}{unit} "
                f"({info.description})"
            )
