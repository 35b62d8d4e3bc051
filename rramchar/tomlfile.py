"""Read a TOML file, or say in one line why it cannot be read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from rramchar.errors import InputError


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it is, for the error message, such as ``plan``.

    Returns
    -------
    dict
        Nested tables.

    Raises
    ------
    InputError
        If the file is missing, cannot be read, or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{what} {path}: does not exist") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{what} {path}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{what} {path}: cannot be read: {error}") from None
