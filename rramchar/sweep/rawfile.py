"""ngspice's binary ``.raw`` files: written for waveform viewers, and read back as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

_TYPES = {"time": "time", "i": "current"}


def write_raw(
    path: str | Path, waves: Mapping[str, NDArray[np.float64]], *, title: str, date: str = ""
) -> None:
    """Write a transient analysis as a binary raw file.

    Parameters
    ----------
    path : str or Path
        File to write.
    waves : mapping of str to array, shape (time,)
        ``time`` [s] first, then vectors such as ``v(q)`` [V] and ``i(vdd)`` [A].
    title, date : str
        Stand in the header; one line of printable characters each.

    Raises
    ------
    InputError
        If the file cannot be written.

    Notes
    -----
    The layout is the "Raw File Format" of the ngspice manual: a text header, then for every time
    the values of all vectors as little-endian doubles.
    """
    names = list(waves)
    points = len(waves[names[0]])
    lines = [
        f"Title: {_line(title)}",
        f"Date: {_line(date)}",
        "Plotname: Transient Analysis",
        "Flags: real",
        f"No. Variables: {len(names)}",
        f"No. Points: {points}",
        "Variables:",
        *(f"\t{i}\t{name}\t{_kind(name)}" for i, name in enumerate(names)),
        "Binary:",
        "",
    ]
    table = np.column_stack([np.asarray(waves[name], dtype="<f8") for name in names])
    try:
        Path(path).write_bytes("\n".join(lines).encode() + table.astype("<f8").tobytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def read_raw(path: str | Path) -> dict[str, NDArray[np.float64]]:
    """Read the first plot of a binary raw file of ngspice.

    Parameters
    ----------
    path : str or Path
        A file that `write_raw` or ngspice wrote (``ngspice -b -r FILE``, ``write FILE``).

    Returns
    -------
    dict of str to array, shape (points,)
        Vectors by name, in the file's order, such as ``time`` [s], ``v(q)`` [V], ``i(vdd)`` [A].

    Raises
    ------
    InputError
        If the file is missing, cut short, or not a binary raw file of real numbers.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    head, mark, data = content.partition(b"Binary:\n")
    if not mark:
        raise InputError(
            f"{path}: no 'Binary:' line; expected a binary raw file (in ngspice: set "
            "filetype=binary)"
        )
    header, names = _read_header(path, head.decode("utf-8", errors="replace"))
    if "real" not in header.get("flags", "").split():
        raise InputError(f"{path}: Flags: {header.get('flags')!r}, expected real numbers")
    variables, points = (_count(path, header, key) for key in ("no. variables", "no. points"))
    if len(names) != variables:
        raise InputError(f"{path}: lists {len(names)} variables, its header says {variables}")
    if len(data) < 8 * variables * points:
        raise InputError(
            f"{path}: cut short: {len(data)} bytes of data, expected {8 * variables * points}"
        )
    table = np.frombuffer(data, dtype="<f8", count=variables * points).reshape(points, variables)
    return {name: table[:, i].copy() for i, name in enumerate(names)}


def _read_header(path: str | Path, text: str) -> tuple[dict[str, str], list[str]]:
    above, mark, listed = text.partition("Variables:\n")
    # "No. Variables: 9" holds the word too, but not at the end of its line.
    if not mark:
        raise InputError(f"{path}: no list of variables; expected a raw file of ngspice")
    header = {}
    for line in above.splitlines():
        key, _, value = line.partition(":")
        header[key.strip().lower()] = value.strip()
    rows = [line.split() for line in listed.splitlines() if line.strip()]
    if any(len(row) < 2 for row in rows):
        raise InputError(f"{path}: a line of the list of variables has no name")
    return header, [row[1] for row in rows]


def _count(path: str | Path, header: Mapping[str, str], key: str) -> int:
    value = header.get(key, "")
    if not value.isdigit():
        raise InputError(f"{path}: {key.capitalize()}: {value!r}, expected a whole number")
    return int(value)


def _kind(name: str) -> str:
    return _TYPES.get(name.partition("(")[0], "voltage")


def _line(text: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() else " " for c in text)
