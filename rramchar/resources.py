"""Where the files that ship with rramchar lie: in the wheel, or in a source checkout."""

from __future__ import annotations

from pathlib import Path

from rramchar.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def resource(folder: str, name: str) -> Path:
    """Return the path of a shipped file.

    Parameters
    ----------
    folder : str
        ``netlists``, ``measurements`` or ``notebooks``.
    name : str
        File name inside the folder.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    InputError
        If the installation lacks the file.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        path = root / folder / name
        if path.is_file():
            return path
    raise InputError(f"{folder}/{name} is not part of this installation of rramchar; reinstall it")
