"""The folder of a run or a study: made where it is missing, refused before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from rramchar.errors import StoreError


def make_folder(folder: str | Path) -> Path:
    """Make a folder, with those above it.

    Parameters
    ----------
    folder : str or path
        The folder; it may be there already.

    Returns
    -------
    Path
        It can be written to.

    Raises
    ------
    StoreError
        If it is a file, cannot be made, or cannot be written to.
    """
    folder = Path(folder)
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                which = "is" if place == folder else f"{place} is"
                raise StoreError(f"{folder}: {which} a file; choose another folder")
            break
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be created ({error.strerror}); choose another folder"
        ) from None
    if not os.access(folder, os.W_OK):
        raise StoreError(f"{folder}: no permission to write; choose another folder")
    return folder
