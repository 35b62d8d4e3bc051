"""Fields of `LearnSettings` from text such as ``tau=3`` or ``v_reset_v=1.3V``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from rramchar.errors import InputError
from rramchar.nn.learn.settings import LearnSettings
from rramchar.units import parse_quantity

_UNITS = {"v_reset_v": "V", "pulse_width_s": "s"}


def parse_fields(
    texts: Sequence[str], taken: Mapping[str, str] | None = None, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Return fields of `LearnSettings` given as ``NAME=VALUE``.

    Parameters
    ----------
    texts : sequence of str
        Numbers may have SI prefixes and units; a list is separated by commas.
    taken : mapping of str to str, optional
        Fields that cannot be given so, and what to do instead.
    also : sequence of str
        Further names that are read elsewhere, to be named in an error message.

    Returns
    -------
    dict
        Field to value, each of its field's type.

    Raises
    ------
    InputError
        If a text is no such pair, names no free field, or its value cannot be read.
    """
    kinds = {field.name: str(field.type) for field in fields(LearnSettings)}
    taken = taken or {}
    free = [name for name in kinds if name not in taken]
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name not in free:
            names = list(dict.fromkeys((*also, *free)))
            close = get_close_matches(name, names, n=1)
            hint = f" ({name}: {taken[name]})" if name in taken else ""
            if not hint and close and close[0] != name:
                hint = f" (did you mean {close[0]}?)"
            raise InputError(
                f"--set {text}: expected NAME=VALUE{hint}, NAME one of {', '.join(names)}"
            )
        if name in found:
            raise InputError(f"--set {text}: {name} is given twice")
        found[name] = _value(name, value, kinds[name])
    return found


def _value(name: str, text: str, kind: str) -> Any:
    if kind.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind.startswith("str"):
        return text
    if kind.startswith("bool"):
        known = {"true": True, "false": False}
        if text.lower() not in known:
            raise InputError(f"--set {name}={text}: expected true or false")
        return known[text.lower()]
    if kind.startswith("int"):
        try:
            return int(text)
        except ValueError:
            raise InputError(f"--set {name}={text}: expected a whole number") from None
    return parse_quantity(text, _UNITS.get(name, ""), name=f"--set {name}")
