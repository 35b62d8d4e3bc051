"""Checks of whole columns that name the first bad row of the file, or drop all bad rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.blocks import over_rows
from rramchar.measured.faults import Faults, shown
from rramchar.measured.grid import Texts, is_whole
from rramchar.measured.schema import SCHEMA, STATE_AFTER, VOCABULARY

Numbers = NDArray[np.float64] | NDArray[np.int64]


class RowChecks:
    """Bad rows by column, reported in the order of the file.

    Parameters
    ----------
    lines : array of int64, shape (rows,)
        Line number of each row.
    places : dict of str to str
        What to call a column in a message; its name without.
    """

    def __init__(self, lines: NDArray[np.int64], places: dict[str, str]) -> None:
        self._lines = lines
        self._places = places
        self._found: list[tuple[NDArray[np.bool_], str, Callable[[int], str]]] = []

    def place(self, column: str) -> str:
        """Return what to call a column in a message."""
        return self._places.get(column, f"column {column}")

    def add(self, wrong: NDArray[np.bool_], column: str, say: Callable[[int], str]) -> None:
        """Take note of bad rows of a column.

        Parameters
        ----------
        wrong : array of bool, shape (rows,)
            True for a bad row.
        column : str
            Its column.
        say : callable
            From the number of a row to what is wrong with it.
        """
        if wrong.any():
            self._found.append((wrong, column, say))

    def report(self, faults: Faults) -> NDArray[np.bool_] | None:
        """Report the bad rows, first line first.

        Parameters
        ----------
        faults : Faults
            Raises at the first, or takes them all.

        Returns
        -------
        array of bool, shape (rows,), or None
            The good rows; None if all are good.

        Raises
        ------
        InputError
            If no row is good.
        """
        if not self._found:
            return None
        bad = np.logical_or.reduce([wrong for wrong, _, _ in self._found])
        for row in np.flatnonzero(bad).tolist():
            _, column, say = next(entry for entry in self._found if entry[0][row])
            faults.report(int(self._lines[row]), say(row), place=self.place(column))
        if bad.all():
            first = faults.rows[0]
            raise InputError(
                f"{faults.source}: no row can be used; line {first.line}, {first.reason}"
            )
        return ~bad


def check_whole(values: Numbers, column: str, checks: RowChecks) -> None:
    """Note rows in which a count is empty, negative or not whole."""
    if np.issubdtype(values.dtype, np.integer) and values.min(initial=0) >= 0:
        return
    wrong = ~is_whole(values)
    with np.errstate(invalid="ignore"):
        wrong |= values < 0
    checks.add(
        wrong, column,
        lambda row: (
            ("empty" if np.isnan(values[row]) else f"'{values[row]:.17g}'")
            + ", expected a whole number from 0"
        ),
    )  # fmt: skip


def check_finite(values: Numbers, column: str, checks: RowChecks) -> None:
    """Note rows in which a number is infinite."""
    if _sum_is_finite(values):  # one pass, where the search below takes three
        return
    unit = SCHEMA[column].unit if column in SCHEMA else ""
    expected = "a finite number" + (f" in {unit}" if unit else "")
    checks.add(np.isinf(values), column, lambda row: f"{values[row]}, expected {expected}")


def _sum_is_finite(values: Numbers) -> bool:
    sums: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):
        over_rows(lambda start, stop: sums.append(float(np.sum(values[start:stop]))), len(values))
    return bool(np.isfinite(sums).all())


def check_words(texts: Texts, column: str, checks: RowChecks) -> Texts:
    """Bring the words of a column to their usual case, and note rows with unknown ones.

    Parameters
    ----------
    texts : Texts
        As in the file.
    column : str
        ``operation``, ``state`` or ``flag``.
    checks : RowChecks
        Takes the bad rows.

    Returns
    -------
    Texts
        Operations in upper case, states and flags in lower case.
    """
    allowed = VOCABULARY[column]
    change = str.upper if column == "operation" else str.lower
    words = tuple(change(word) for word in texts.words)
    unknown = [i for i, word in enumerate(words) if word and word not in allowed]
    expected = f"expected {', '.join(allowed[:-1])} or {allowed[-1]}"
    if unknown:
        checks.add(
            np.isin(texts.codes, unknown),
            column,
            lambda row: f"{shown(texts.words[texts.codes[row]])}, {expected}",
        )
    return texts.with_words(words)


def check_labels(values: Numbers | Texts, column: str, checks: RowChecks) -> None:
    """Note rows without an address."""
    if isinstance(values, Texts):
        empty = [i for i, word in enumerate(values.words) if not word]
        wrong = np.isin(values.codes, empty)
    elif np.issubdtype(values.dtype, np.integer):
        return
    else:
        wrong = np.isnan(values)
    checks.add(wrong, column, lambda row: "empty, expected a number or name")


def check_state_words(operations: object, states: object, checks: RowChecks) -> None:
    """Note rows in which a state contradicts its operation."""
    if not (isinstance(operations, Texts) and isinstance(states, Texts)):
        return
    clash = np.array(
        [
            [bool(state) and STATE_AFTER.get(operation, state) != state for state in states.words]
            for operation in operations.words
        ]
    )
    wrong = np.zeros(len(states.codes), dtype=bool)

    def mark(start: int, stop: int) -> None:
        here = slice(start, stop)
        for operation, state in np.argwhere(clash):
            bad = (operations.codes[here] == operation) & (states.codes[here] == state)
            if bad.any():
                wrong[here] |= bad

    over_rows(mark, len(wrong))
    if wrong.any():
        checks.add(
            wrong,
            "state",
            lambda row: (
                f"{states.words[states.codes[row]]!r} after "
                f"{operations.words[operations.codes[row]]}, expected "
                f"{STATE_AFTER[operations.words[operations.codes[row]]]!r} (a cell is lrs after "
                "SET, hrs after RESET)"
            ),
        )
