"""Keysight EasyEXPERT CSV: records of a setup, its parameters, and a table, one after another.

Each line starts with its kind: ``SetupTitle``, ``PrimitiveTest``, ``TestParameter``,
``MetaData``, ``AnalysisSetup``, ``Dimension1``, ``Dimension2``, ``DataName`` (names of the
columns), ``DataValue`` (a row). A record starts with ``SetupTitle``. Device and cycle are the meta
data ``TestRecord.TestTarget`` and ``TestRecord.IterationIndex``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.assemble import RawColumns, Values, assemble
from rramchar.measured.faults import Faults
from rramchar.measured.grid import Texts, number_complaint, to_number
from rramchar.measured.layout_file import Layout, make_layout
from rramchar.measured.schema import OPERATIONS
from rramchar.measured.source import Source

KINDS = (
    "SetupTitle", "PrimitiveTest", "TestParameter", "MetaData", "AnalysisSetup", "Dimension1",
    "Dimension2", "DataName", "DataValue",
)  # fmt: skip

# Names that columns of EasyEXPERT tables usually have, tried in this order, case aside.
_NAMES = {
    "resistance_ohm": ("r", "resistance", "rread", "r1"),
    "current_a": ("iread", "i", "current", "i1", "itop", "itb", "id"),
    "v_read_v": ("vread", "v", "voltage", "v1", "vtop", "vtb", "vd"),
    "time_s": ("time", "t", "time1", "timestamp"),
}
_COMPLIANCE_REACHED = 0.999  # of the limit: above, the source regulates the current

_LAYOUT: Layout = make_layout(
    {
        "title": "Keysight EasyEXPERT",
        "columns": {"device": {"field": 1}, "resistance_ohm": {"field": 2}},
    },
    "easyexpert",
)


@dataclass
class _Record:
    """One test record: what its lines say."""

    title: str
    line: int
    device: str = ""
    cycle: float | None = None
    compliance_a: float = float("nan")
    names: list[str] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def read_easyexpert_source(source: Source, faults: Faults) -> pd.DataFrame:
    """Read a file of EasyEXPERT test records.

    Parameters
    ----------
    source : Source
        The file.
    faults : Faults
        Takes note of rows that cannot be used.

    Returns
    -------
    DataFrame
        Device from ``TestTarget`` (the one before, where it is empty), cycle from
        ``IterationIndex`` where every record has one, sweep = number of the record of that device
        from 0, pulse = row of the record from 1. Resistance from a column ``R``, else ``V / I``;
        the voltage is signed as in the file. Where the current reaches the compliance the true
        resistance is below ``V / I``, flag ``below``. An operation from the words FORM, SET, RESET
        or READ in the title. [ohm, V, A, s]

    Raises
    ------
    InputError
        If there is no record, or its table has neither a resistance nor current and voltage.
    """
    records = [record for record in _records(source, faults) if record.rows]
    if not records:
        raise InputError(
            f"{source.name}: holds no DataValue line; expected EasyEXPERT records with a table"
        )
    for before, record in zip(records, records[1:], strict=False):
        record.device = record.device or before.device
    parts = [_record_columns(record, source) for record in records]
    known = [name for name in parts[0] if all(name in part for part in parts)]
    raw: dict[str, Values] = {n: np.concatenate([part[n] for part in parts]) for n in known}
    sizes = [len(record.rows) for record in records]
    raw["device"] = _text([record.device or "unnamed" for record in records], sizes)
    raw["sweep"] = np.repeat(_sweep_numbers(records), sizes)
    raw["operation"] = _text([_operation(record.title) for record in records], sizes)
    if all(record.cycle is not None for record in records):
        raw["cycle"] = np.repeat([float(record.cycle or 0) for record in records], sizes)
    compliance = np.repeat([record.compliance_a for record in records], sizes)
    if np.isfinite(compliance).any():
        raw["compliance_a"] = compliance
        if "current_a" in raw:
            raw["flag"] = _limited(np.asarray(raw["current_a"]), compliance)
    lines = np.concatenate([np.array(record.lines, dtype=np.int64) for record in records])
    return assemble(RawColumns(raw, lines, {}), _LAYOUT, faults)


def _records(source: Source, faults: Faults) -> list[_Record]:
    records: list[_Record] = []
    for line, _, text in source.lines():
        kind, *fields = (part.strip() for part in text.split(","))
        if kind == "SetupTitle":
            records.append(_Record(", ".join(fields), line))
        elif kind not in KINDS:
            expected = "expected a line that starts with SetupTitle, MetaData, DataName, DataValue"
            faults.report(line, f"starts with {kind[:40]!r}, {expected} or the like")
        elif not records:
            faults.report(line, f"{kind} before the first SetupTitle, expected a record's title")
        else:
            _take(records[-1], kind, fields, line, faults)
    return records


def _take(record: _Record, kind: str, fields: list[str], line: int, faults: Faults) -> None:
    key, value = (fields[0], fields[1]) if len(fields) > 1 else ("", "")
    if kind == "MetaData" and key == "TestRecord.TestTarget":
        record.device = value
    elif kind == "MetaData" and key == "TestRecord.IterationIndex":
        record.cycle = to_number(value) if value else None
    elif kind == "TestParameter" and key.endswith("Compliance"):
        limit = to_number(value)
        if limit is not None and limit > 0:
            record.compliance_a = limit
    elif kind == "DataName":
        if record.names:
            faults.report(line, "a second DataName in one record, expected one")
        else:
            record.names = fields
    elif kind == "DataValue":
        _take_row(record, fields, line, faults)


def _take_row(record: _Record, fields: list[str], line: int, faults: Faults) -> None:
    if len(fields) == len(record.names) + 1 and not fields[-1]:
        fields = fields[:-1]
    if len(fields) != len(record.names):
        faults.report(
            line, f"{len(fields)} values, expected {len(record.names)} as in DataName; complete "
            "the line or leave it out",
        )  # fmt: skip
        return
    row = []
    for name, text in zip(record.names, fields, strict=True):
        number = to_number(text)
        if number is None:
            faults.report(line, number_complaint(text, "a number"), place=f"column {name}")
            return
        row.append(number)
    record.rows.append(row)
    record.lines.append(line)


def _record_columns(record: _Record, source: Source) -> dict[str, np.ndarray]:
    """Return the columns of one record that have a meaning here, by tidy name."""
    values = np.array(record.rows)
    lower = [name.lower() for name in record.names]
    columns = {"pulse": np.arange(1.0, len(values) + 1)}
    for column, names in _NAMES.items():
        found = next((name for name in names if name in lower), None)
        if found is not None:
            columns[column] = values[:, lower.index(found)]
    if "resistance_ohm" not in columns and not {"current_a", "v_read_v"} <= set(columns):
        raise InputError(
            f"{source.name}, line {record.line}: record {record.title[:40]!r} has the columns "
            f"{', '.join(record.names)[:80]}, expected a resistance R, or a current I and a "
            "voltage V; rename them in DataName"
        )
    return columns


def _limited(current_a: np.ndarray, compliance_a: np.ndarray) -> Texts:
    with np.errstate(invalid="ignore"):
        reached = np.abs(current_a) >= _COMPLIANCE_REACHED * compliance_a
    return Texts(reached.astype(np.int32), ("", "below"))


def _sweep_numbers(records: list[_Record]) -> list[float]:
    count: dict[str, int] = {}
    numbers = []
    for record in records:
        numbers.append(float(count.get(record.device, 0)))
        count[record.device] = count.get(record.device, 0) + 1
    return numbers


def _operation(title: str) -> str:
    words = re.split(r"[^A-Z]+", title.upper())
    return next((word for word in words if word in OPERATIONS), "")


def _text(words: list[str], sizes: list[int]) -> Texts:
    codes, different = pd.factorize(np.array(words, dtype=object))
    return Texts(np.repeat(codes, sizes).astype(np.int32), tuple(different.tolist()))
