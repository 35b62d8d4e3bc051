"""Columns of a file, by tidy name, to the tidy frame: units, sentinels, words, numbering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.checks import (
    Numbers,
    RowChecks,
    check_finite,
    check_labels,
    check_state_words,
    check_whole,
    check_words,
)
from rramchar.measured.faults import Faults
from rramchar.measured.grid import Texts, to_whole
from rramchar.measured.layout_file import ColumnTable, FlagTable, Layout
from rramchar.measured.numbering import count_columns
from rramchar.measured.readings import (
    WORDS,
    flag_column,
    no_flags,
    set_flag,
    to_resistance,
)
from rramchar.measured.schema import (
    CENSORED,
    COLUMNS,
    OPERATION_BEFORE,
    SCHEMA,
    STATE_AFTER,
    VOCABULARY,
)

Values = Numbers | Texts


@dataclass(frozen=True, eq=False)
class RawColumns:
    """What a reader found in a file.

    Parameters
    ----------
    columns : dict of str to array or Texts
        By tidy name or name of an extra column; numbers as they are written in the file.
    lines : array of int64, shape (rows,)
        Line number of each row.
    places : dict of str to str
        What to call a column in a message.
    """

    columns: dict[str, Values]
    lines: NDArray[np.int64]
    places: dict[str, str]


def assemble(raw: RawColumns, layout: Layout, faults: Faults) -> pd.DataFrame:
    """Turn the columns of a file into a tidy frame.

    Parameters
    ----------
    raw : RawColumns
        Numbers and texts as in the file.
    layout : Layout
        Units, sentinels, fixed values, numbering.
    faults : Faults
        Takes note of rows that cannot be used.

    Returns
    -------
    DataFrame
        A checked tidy frame, columns in the order of the schema, extra columns last.

    Raises
    ------
    InputError
        If no row can be used, or a row cannot and faults are not to be skipped.
    """
    checks = RowChecks(raw.lines, raw.places)
    columns: dict[str, Any] = {}
    for name, values in raw.columns.items():
        columns[name] = _converted(name, values, layout, checks)
    rows = len(raw.lines)
    columns |= {name: _fixed(name, value, rows) for name, value in layout.fixed.items()}
    flags = _flags(raw, columns, layout.flags, faults.source)
    _complete_states(columns)
    check_state_words(columns.get("operation"), columns.get("state"), checks)
    _resistances(columns, layout, flags, checks)
    if "flag" in raw.columns or flags.any():
        columns["flag"] = flag_column(flags)
    if "line" not in columns:
        columns["line"] = raw.lines
    good = checks.report(faults)
    # Without copy pandas would put columns of one kind into one block, at twice the memory.
    plain = {name: _plain(values) for name, values in _ordered(columns).items()}
    frame = pd.DataFrame(plain, copy=False)
    if good is not None:
        frame = frame[good].reset_index(drop=True)
        counts = [n for n, c in SCHEMA.items() if n in frame and c.kind == "count"]
        frame = frame.astype(dict.fromkeys(counts, np.int64))
    columns = {str(name): frame[name] for name in frame} | count_columns(frame, layout.numbering)
    return pd.DataFrame(_ordered(columns), copy=False)


def _converted(
    name: str, values: Values, layout: Layout, checks: RowChecks
) -> Values | NDArray[np.int64]:
    kind = SCHEMA[name].kind if name in SCHEMA else "number"
    if kind == "label":
        check_labels(values, name, checks)
        whole = None if isinstance(values, Texts) else to_whole(values)
        return values if whole is None else whole
    if isinstance(values, Texts):
        return check_words(values, name, checks) if name in VOCABULARY else values
    if kind == "count":
        check_whole(values, name, checks)
        whole = to_whole(values)
        return values if whole is None else whole
    rule = layout.columns.get(name) or layout.extra.get(name)
    if rule is not None:
        values = _in_si(name, values, rule, layout)
    if name != "resistance_ohm":
        check_finite(values, name, checks)
    return values


def _in_si(name: str, values: Numbers, rule: ColumnTable, layout: Layout) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = values.astype(float, copy=False)
    if rule.missing:
        numbers = np.where(np.isin(numbers, rule.missing), np.nan, numbers)
    if rule.scale != 1.0 or rule.offset != 0.0:
        numbers = numbers * rule.scale + rule.offset
    scale = layout.scale_of(name)
    # Rules for flags look at the numbers as written; without any, their memory can be used.
    free = numbers.flags.writeable and all(flag.column != name for flag in layout.flags)
    numbers = scale.apply(numbers, numbers if free else None)
    if rule.absolute:
        numbers = np.abs(numbers)
    if scale.quantity == "S" and name != "resistance_ohm":
        numbers = 1.0 / np.where(numbers == 0, np.nan, numbers)
    return numbers


def _fixed(name: str, value: float | str, rows: int) -> Values | NDArray:
    kind = SCHEMA[name].kind
    if kind == "count" or (kind == "label" and isinstance(value, float) and value.is_integer()):
        return np.full(rows, int(value), dtype=np.int64)
    if kind == "number":
        return np.full(rows, float(value))
    return Texts(np.zeros(rows, dtype=np.int8), (str(value),))


def _flags(
    raw: RawColumns, columns: dict[str, Any], rules: tuple[FlagTable, ...], source: str
) -> NDArray[np.int8]:
    """Return the flags that the file itself gives: its own column, and sentinels as written."""
    flags = no_flags(len(raw.lines))
    own = columns.get("flag")
    if isinstance(own, Texts):
        for i, word in enumerate(own.words):
            if word in WORDS[1:]:
                set_flag(flags, own.codes == i, word)
    for rule in rules:
        values = raw.columns[rule.column]
        if isinstance(values, Texts):
            raise InputError(
                f"{source}, {raw.places.get(rule.column, rule.column)}: holds text, expected "
                "numbers, because the layout has a rule for flags on it"
            )
        with np.errstate(invalid="ignore"):
            if rule.equals is not None:
                set_flag(flags, values == rule.equals, rule.flag)
            elif rule.at_least is not None:
                set_flag(flags, values >= rule.at_least, rule.flag)
            elif rule.at_most is not None:
                set_flag(flags, values <= rule.at_most, rule.flag)
    return flags


def _complete_states(columns: dict[str, Any]) -> None:
    """State and operation follow from each other where whole SET and RESET cycles are told."""
    for given, wanted, follows in (
        ("state", "operation", OPERATION_BEFORE),
        ("operation", "state", STATE_AFTER),
    ):
        known = columns.get(given)
        # After one pulse of a sequence a cell is in neither state yet.
        if wanted in columns or "pulse" in columns or "cycle" not in columns:
            continue
        if isinstance(known, Texts):
            columns[wanted] = Texts(
                known.codes, tuple(follows.get(word, "") for word in known.words)
            )


def _resistances(
    columns: dict[str, Any],
    layout: Layout,
    flags: NDArray[np.int8],
    checks: RowChecks,
) -> None:
    name = "resistance_ohm" if "resistance_ohm" in columns else "current_a"
    values = columns[name]
    quantity = "A"
    if name == "resistance_ohm":
        quantity = layout.scale_of(name).quantity if name in layout.columns else "ohm"
    given = columns.get("v_read_v", np.nan)
    v_read = given if isinstance(given, np.ndarray) else np.nan
    columns["resistance_ohm"] = to_resistance(np.asarray(values), quantity, flags, v_read)
    if flags.any():
        censored = np.isin(flags, [WORDS.index(flag) for flag in CENSORED])
        number = np.asarray(columns["resistance_ohm"])
        with np.errstate(invalid="ignore"):
            lacks = censored & ~(np.isfinite(number) & (number > 0))
        checks.add(
            lacks, "resistance_ohm",
            lambda row: (
                f"{number[row]:g} with the flag {WORDS[flags[row]]!r}, expected a resistance "
                "above 0 ohm that bounds the true one"
            ),
        )  # fmt: skip


def _ordered(columns: dict[str, Any]) -> dict[str, Any]:
    rank = {name: i for i, name in enumerate(COLUMNS)}
    return dict(sorted(columns.items(), key=lambda item: rank.get(item[0], len(rank))))


def _plain(values: Values | pd.Series | NDArray) -> pd.Series | NDArray:
    return values.series() if isinstance(values, Texts) else values
