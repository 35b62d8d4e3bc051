"""Write tidy frames, and the rows of a file that were rejected."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from rramchar.errors import InputError
from rramchar.measured.faults import Faults, RejectedRow
from rramchar.measured.source import read_source
from rramchar.provenance import comment_header

SUFFIXES = (".parquet", ".csv")
_CHUNK = 1 << 18  # rows


def check_suffix(path: Path) -> None:
    """Refuse an output file that is neither ``.parquet`` nor ``.csv``."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in .parquet or .csv")


def write_tidy(
    frame: pd.DataFrame,
    path: Path,
    facts: dict[str, Any],
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Write a tidy frame as Parquet or CSV, by the suffix; `read_measured` reads both back.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.
    path : Path
        Ends in ``.parquet`` or ``.csv``.
    facts : dict
        Provenance: Parquet metadata, or ``#`` lines on top of the CSV.
    progress : callable
        Called with the number of rows written since the last call.
    """
    check_suffix(path)
    try:
        if path.suffix == ".csv":
            _write_csv(frame, path, facts, progress)
        else:
            _write_parquet(frame, path, facts, progress)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_rejected(path: Path, rejected: tuple[RejectedRow, ...], source: Path) -> None:
    """Write the rejected rows of a file as CSV: line, reason, text.

    Parameters
    ----------
    path : Path
        File to write.
    rejected : tuple of RejectedRow
        The rows.
    source : Path
        The file that they are from; read again for the text of the lines.
    """
    texts = read_source(source, Faults(str(source), skip=True)).texts(
        {row.line for row in rejected}
    )
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["line", "reason", "text"])
            for row in rejected:
                writer.writerow([row.line, row.reason, texts.get(row.line, "")])
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _write_csv(
    frame: pd.DataFrame, path: Path, facts: dict[str, Any], progress: Callable[[int], None]
) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(comment_header("rramchar tidy readings, SI units", facts))
        for start in range(0, len(frame), _CHUNK):
            part = frame.iloc[start : start + _CHUNK]
            part.to_csv(stream, index=False, header=start == 0, lineterminator="\n")
            progress(len(part))


def _write_parquet(
    frame: pd.DataFrame, path: Path, facts: dict[str, Any], progress: Callable[[int], None]
) -> None:
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    schema = schema.with_metadata({**(schema.metadata or {}), b"rramchar": json.dumps(facts)})
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, len(frame), _CHUNK):
            part = frame.iloc[start : start + _CHUNK]
            writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))
            progress(len(part))
