"""What the cells that are not selected do to the read of one cell of their column.

They disturb it in two ways: through their devices the junctions of their access transistors load
the bit lines, and those transistors leak from the bit lines to the source line. Word lines held
below ground stop the leakage and keep the load, which tells the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measure import MINUS, PLUS, ReadResult
from rramchar.spice.session import Session, process_session, simulate
from rramchar.technology import Condition, Technology
from rramchar.testbench.array import (
    ArrayParameters,
    array_results,
    build_array_read,
    row_alterations,
)
from rramchar.testbench.column import NO_LEAKAGE_V, SelectedCell


def read_column(
    technology: Technology,
    condition: Condition,
    parameters: ArrayParameters,
    cell: SelectedCell,
    rows: int,
    *,
    x: int | None = None,
    accuracy: str = "sweep",
    session: Session | None = None,
) -> ReadResult:
    """Read one cell of a column on ngspice.

    Parameters
    ----------
    technology : Technology
        The process.
    condition : Condition
        Corner, temperature, supply.
    parameters : ArrayParameters
        Circuit and timing.
    cell : SelectedCell
        The cell and its neighbours.
    rows : int
        Cells of the column.
    x : int, optional
        Input of the XNOR amplifier, +1 or -1.
    accuracy : str
        Ladder of solver options, a key of `rramchar.spice.deck.LADDERS`.
    session : Session, optional
        This process's session by default.

    Returns
    -------
    ReadResult
        Outcome, times and energy.

    Raises
    ------
    InputError
        If something given cannot be used; nothing is simulated then.
    SimulationError
        If ngspice could not solve it.
    """
    inputs = None if x is None else [x]
    deck = build_array_read(
        technology, condition, parameters, cell.column(rows), row=cell.row, inputs=inputs
    )
    alterations = row_alterations(condition, parameters, rows, cell.row)
    waves, _ = simulate(session or process_session(), deck, alterations, accuracy)
    return array_results(waves, condition, parameters, 1)[0]


def leakage_table(
    technology: Technology,
    conditions: Sequence[Condition],
    parameters: ArrayParameters,
    cell: SelectedCell,
    rows: Sequence[int],
    *,
    expected: str | None = None,
    accuracy: str = "report",
) -> pd.DataFrame:
    """Tell what the leakage of unselected cells does to a read by the binary amplifier.

    Parameters
    ----------
    technology : Technology
        The process.
    conditions : sequence of Condition
        Usually a cold and a hot one.
    parameters : ArrayParameters
        Circuit and timing; the window of the read should be longer than its sampling time if late
        falls are of interest.
    cell : SelectedCell
        The cell and its neighbours.
    rows : sequence of int
        Numbers of rows to compare.
    expected : str, optional
        The right outcome: by default ``plus`` or ``minus`` from the order of the resistances;
        ``zero`` for a ternary zero.
    accuracy : str
        Ladder of solver options.

    Returns
    -------
    DataFrame
        One line per condition and number of rows: ``corner, temperature_c, vdd_v, rows, pattern,
        expected, outcome, correct, precharge_ok, first_fall_time_s`` (start of sensing to the first
        fall of an output through half the supply; empty if none fell in the window), the same
        without leakage ``first_fall_time_no_leakage_s``, and ``shift`` (ratio of the two minus 1).

    Raises
    ------
    InputError
        If something given cannot be used; nothing is simulated then.
    SimulationError
        If ngspice could not solve a point.
    """
    if parameters.xnor:
        raise InputError("amplifier: 'xnor_pcsa', expected pcsa for a table of leakage")
    right = expected or (PLUS if cell.r_bl_ohm > cell.r_blb_ohm else MINUS)
    for count in rows:
        cell.column(count)
    for condition in conditions:
        condition.check(technology)
    without = replace(parameters, unselected_v=NO_LEAKAGE_V)
    table = []
    for condition in conditions:
        for count in rows:
            leaky, ideal = (
                read_column(technology, condition, p, cell, count, accuracy=accuracy)
                for p in (parameters, without)
            )
            fall, fall_ideal = _first_fall(leaky), _first_fall(ideal)
            table.append(
                {
                    "corner": condition.corner,
                    "temperature_c": condition.temperature_c,
                    "vdd_v": condition.vdd_v,
                    "rows": count,
                    "pattern": cell.pattern,
                    "expected": right,
                    "outcome": leaky.outcome,
                    "correct": leaky.outcome == right,
                    "precharge_ok": leaky.precharge_ok,
                    "first_fall_time_s": fall,
                    "first_fall_time_no_leakage_s": fall_ideal,
                    "shift": fall / fall_ideal - 1,
                }
            )
    return pd.DataFrame(table)


def _first_fall(result: ReadResult) -> float:
    falls = [t for t in (result.q_fall_time_s, result.qb_fall_time_s) if t is not None]
    return min(falls, default=np.nan)
