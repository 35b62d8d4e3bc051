"""Read rows of an array on ngspice and compare what the amplifiers say with what is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rramchar.cells.array import ArrayCells, check_row, check_weights
from rramchar.errors import InputError, SimulationError
from rramchar.measure import MINUS, PLUS, ZERO, ReadResult
from rramchar.spice.session import Session, process_session, simulate
from rramchar.technology import Condition, Technology
from rramchar.testbench.array import (
    ArrayParameters,
    array_results,
    build_array_read,
    row_alterations,
)

_WORD_OF = {1: PLUS, 0: ZERO, -1: MINUS}


@dataclass(frozen=True)
class RowRead:
    """The read of one row: all columns in one transient.

    Parameters
    ----------
    row : int
        The row.
    results : tuple of ReadResult, shape (column,)
        Empty if the simulation failed.
    reason, detail : str or None
        Why it failed (see `rramchar.errors.SimulationError`), and ngspice's last words.
    solver : str or None
        Set of solver options that solved it.
    seconds : float
        Time it took. [s]
    """

    row: int
    results: tuple[ReadResult, ...]
    reason: str | None
    detail: str | None
    solver: str | None
    seconds: float


def read_rows(
    technology: Technology,
    condition: Condition,
    parameters: ArrayParameters,
    cells: ArrayCells,
    *,
    rows: Sequence[int] | None = None,
    inputs: Sequence[int] | None = None,
    accuracy: str = "sweep",
    session: Session | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> list[RowRead]:
    """Read rows of an array, one transient of all columns for each.

    Parameters
    ----------
    technology : Technology
        The process.
    condition : Condition
        Corner, temperature, supply.
    parameters : ArrayParameters
        Circuit and timing.
    cells : ArrayCells
        Resistances, shape (row, column).
    rows : sequence of int, optional
        Rows to read, in this order; all by default.
    inputs : sequence of int, shape (column,), optional
        Inputs of the XNOR amplifiers, +1 or -1.
    accuracy : str
        Ladder of solver options, a key of `rramchar.spice.deck.LADDERS`.
    session : Session, optional
        This process's session by default.
    progress : callable, optional
        Called with the numbers of rows done, rows in all and rows failed, before the first row and
        after each.

    Returns
    -------
    list of RowRead
        In the order of `rows`. A row that ngspice could not solve has a reason and no results.

    Raises
    ------
    InputError
        If something given cannot be used; nothing is simulated then.

    Notes
    -----
    The circuit is parsed once. Between rows only the word lines are altered, and each is read back.
    """
    chosen = range(cells.rows) if rows is None else rows
    if not len(chosen):
        raise InputError("rows: none given, expected at least one row to read")
    for row in chosen:
        check_row(row, cells.rows)
    deck = build_array_read(technology, condition, parameters, cells, inputs=inputs)
    used = session or process_session()
    reads: list[RowRead] = []
    tell = progress or (lambda done, total, failed: None)
    tell(0, len(chosen), 0)
    for row in chosen:
        alterations = row_alterations(condition, parameters, cells.rows, row)
        start = time.perf_counter()
        results: tuple[ReadResult, ...] = ()
        reason = detail = solver = None
        try:
            waves, solver = simulate(used, deck, alterations, accuracy)
            results = array_results(waves, condition, parameters, cells.columns)
        except SimulationError as error:
            reason, detail = error.reason, error.detail
        seconds = time.perf_counter() - start
        reads.append(RowRead(int(row), results, reason, detail, solver, seconds))
        tell(len(reads), len(chosen), sum(read.reason is not None for read in reads))
    return reads


def expected_outcomes(weights: ArrayLike, inputs: Sequence[int] | None = None) -> NDArray[np.str_]:
    """Return what the amplifiers of an array should say.

    Parameters
    ----------
    weights : array_like, shape (row, column)
        Stored weights, -1, 0 or +1.
    inputs : sequence of int, shape (column,), optional
        Inputs of XNOR amplifiers: the outcome is the product of input and weight.

    Returns
    -------
    array of str, shape (row, column)
        ``plus``, ``zero`` or ``minus``.
    """
    products = check_weights(weights).astype(int)
    if inputs is not None:
        products = products * np.asarray(inputs, dtype=int)
    return np.vectorize(_WORD_OF.__getitem__, otypes=[np.str_])(products)


def outcome_matrix(reads: Sequence[RowRead], columns: int) -> NDArray[np.str_]:
    """Return the outcomes of rows that were read.

    Parameters
    ----------
    reads : sequence of RowRead, shape (read,)
        What `read_rows` returned.
    columns : int
        Columns of the array.

    Returns
    -------
    array of str, shape (read, column)
        Empty texts in rows whose simulation failed.
    """
    return np.array(
        [[result.outcome for result in read.results] or [""] * columns for read in reads]
    )


def read_frame(
    reads: Sequence[RowRead], weights: ArrayLike, inputs: Sequence[int] | None = None
) -> pd.DataFrame:
    """Return one table row per cell that was read.

    Parameters
    ----------
    reads : sequence of RowRead
        What `read_rows` returned.
    weights : array_like, shape (row, column)
        Stored weights.
    inputs : sequence of int, shape (column,), optional
        Inputs of XNOR amplifiers.

    Returns
    -------
    DataFrame
        Columns ``row, column, weight, x, expected, status, reason, outcome, correct, sense_time_s,
        read_energy_j, precharge_ok, solver, detail``; ``x`` only with inputs. A failed read has no
        outcome and is not ``correct``.
    """
    stored = check_weights(weights)
    expected = expected_outcomes(stored, inputs)
    table = []
    for read in reads:
        for column in range(stored.shape[1]):
            result = read.results[column] if read.results else None
            entry = {
                "row": read.row,
                "column": column,
                "weight": int(stored[read.row, column]),
                "x": None if inputs is None else int(inputs[column]),
                "expected": str(expected[read.row, column]),
                "status": "ok" if result else "failed",
                "reason": read.reason,
                "outcome": result.outcome if result else None,
                "correct": bool(result and result.outcome == expected[read.row, column]),
                "sense_time_s": result.sense_time_s if result else None,
                "read_energy_j": result.read_energy_j if result else None,
                "precharge_ok": result.precharge_ok if result else None,
                "solver": read.solver,
                "detail": read.detail,
            }
            table.append(entry)
    frame = pd.DataFrame(table).astype({"sense_time_s": float, "read_energy_j": float})
    return frame if inputs is not None else frame.drop(columns="x")
