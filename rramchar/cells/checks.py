"""Small checks that the cell and testbench records share."""

from __future__ import annotations

import math
from typing import Any

from rramchar.errors import InputError


def require_positive(record: Any, *names: str) -> None:
    """Refuse fields of a record that are not finite numbers above zero.

    Parameters
    ----------
    record : object
        Record whose attributes are checked.
    *names : str
        Attribute names.

    Raises
    ------
    InputError
        Naming the field and its value.
    """
    for name in names:
        value = getattr(record, name)
        if not is_number(value) or value <= 0:
            raise InputError(f"{name}: {value!r}, expected a number above 0")


def require_not_negative(record: Any, *names: str) -> None:
    """Refuse fields of a record that are not finite numbers of at least zero."""
    for name in names:
        value = getattr(record, name)
        if not is_number(value) or value < 0:
            raise InputError(f"{name}: {value!r}, expected a number of at least 0")


def require_choice(record: Any, name: str, choices: tuple[str, ...]) -> None:
    """Refuse a field of a record that is none of the allowed words."""
    value = getattr(record, name)
    if value not in choices:
        raise InputError(f"{name}: {value!r}, expected one of {', '.join(choices)}")


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, and not text or a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
