"""Write result files: all or nothing, with a commented header on top."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.errors import InputError
from rramchar.provenance import comment_header


def write_whole(path: Path, text: str) -> None:
    """Write a text file; an existing one is replaced whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    text : str
        Its content.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        os.replace(scratch, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        scratch.unlink(missing_ok=True)


def write_frame(path: Path, frame: pd.DataFrame, title: str, facts: Mapping[str, Any]) -> None:
    """Write a table as CSV below a commented header, all or nothing.

    Parameters
    ----------
    path : Path
        The file.
    frame : DataFrame
        The table; an undefined number is an empty field.
    title : str
        First line of the header.
    facts : mapping
        The header's other lines; see `rramchar.provenance`.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    header = comment_header(title, facts)
    write_whole(path, header + frame.to_csv(index=False, lineterminator="\n"))
