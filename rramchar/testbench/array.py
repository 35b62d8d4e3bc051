"""The array testbench: one row of a memory array is read by all sense amplifiers at once.

A row decoder of ideal sources holds the selected word line at its read voltage and all others at
ground. Every row is read as in `rramchar.testbench.read`: from the state that the previous read
left. A column testbench is an array of one column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySpice.Spice.Netlist import Circuit

from rramchar.cells import (
    build_one_t_one_r,
    build_pcsa,
    build_two_t_two_r,
    build_xnor_pcsa,
)
from rramchar.cells.array import ArrayCells, check_inputs, check_row, place_array
from rramchar.cells.checks import is_number
from rramchar.cells.column import ColumnWires, build_column, build_column_row, resistance_name
from rramchar.errors import InputError
from rramchar.measure import ReadResult, measure_read
from rramchar.spice.deck import Deck
from rramchar.technology import Condition, Technology
from rramchar.testbench.read import ReadParameters, largest_step

# A netlist with more cells would take hours per row; a larger number is a slip.
LARGEST_CELLS = 65536
LARGEST_UNSELECTED_V = 2.0


def _read_defaults() -> ReadParameters:
    return ReadParameters(c_bl_f=0.0, c_sl_f=0.0)


@dataclass(frozen=True)
class ArrayParameters:
    """Circuit and timing of an array's read.

    Parameters
    ----------
    read : ReadParameters
        Amplifiers, access transistors and timing. Its ``c_bl_f`` and ``c_sl_f`` are what the lines
        have at the amplifier besides their wires, such as a write multiplexer; none by default. [F]
    wires : ColumnWires
        What each cell adds to the lines.
    unselected_v : float
        Voltage of the word lines that are not selected; below zero it suppresses the leakage of
        their cells. [V]
    """

    read: ReadParameters = field(default_factory=_read_defaults)
    wires: ColumnWires = field(default_factory=ColumnWires)
    unselected_v: float = 0.0

    def __post_init__(self) -> None:
        if not is_number(self.unselected_v) or abs(self.unselected_v) > LARGEST_UNSELECTED_V:
            raise InputError(
                f"unselected_v: {self.unselected_v!r}, expected a number of volt from "
                f"-{LARGEST_UNSELECTED_V:g} to {LARGEST_UNSELECTED_V:g}"
            )

    @property
    def xnor(self) -> bool:
        """Whether the amplifiers have inputs."""
        return self.read.amplifier == "xnor_pcsa"

    def word_lines_v(self, condition: Condition, rows: int, row: int) -> list[float]:
        """Return the voltage of each word line, shape (row,), with one of them selected. [V]"""
        selected = condition.vdd_v if self.read.wl_v is None else self.read.wl_v
        return [selected if number == row else self.unselected_v for number in range(rows)]


def build_array_read(
    technology: Technology,
    condition: Condition,
    parameters: ArrayParameters,
    cells: ArrayCells,
    *,
    row: int = 0,
    inputs: Sequence[int] | None = None,
) -> Deck:
    """Return the deck that reads one row of an array.

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
    row : int
        The row that is selected; it can be changed later with `row_alterations`.
    inputs : sequence of int, shape (column,), optional
        Inputs of the XNOR amplifiers, +1 or -1; none with the binary ones.

    Returns
    -------
    Deck
        Outputs are ``q0 qb0 q1 ...``, supplies ``vdd0 ...``, word lines ``wl0 ...``.

    Raises
    ------
    InputError
        If a size, a condition, the row or an input cannot be used.
    """
    condition.check(technology)
    check_row(row, cells.rows)
    if cells.rows * cells.columns > LARGEST_CELLS:
        raise InputError(
            f"array: {cells.rows} x {cells.columns} cells, expected up to {LARGEST_CELLS}"
        )
    given = check_inputs(inputs, cells.columns, xnor=parameters.xnor)
    p, vdd = parameters.read, condition.vdd_v
    title = f"{p.amplifier} read of row {row} of {cells.rows} x {cells.columns} 2T2R cells"
    circuit = Circuit(f"{title}, {technology.name}, {condition.corner}")
    circuit.raw_spice = "\n".join(technology.library_lines(condition.corner)) + "\n"
    circuit.subcircuit(build_one_t_one_r(technology, p.cell_record()))
    circuit.subcircuit(build_two_t_two_r())
    build = build_xnor_pcsa if parameters.xnor else build_pcsa
    circuit.subcircuit(build(technology, p.amplifier_record()))
    circuit.subcircuit(build_column_row(parameters.wires))
    circuit.subcircuit(
        build_column(cells.rows, p.amplifier, c_bl_end_f=p.c_bl_f, c_sl_end_f=p.c_sl_f)
    )
    place_array(circuit, cells, xnor=parameters.xnor)
    for number, x in enumerate(given):
        circuit.V(f"x{number}", f"x{number}", "0", vdd if x == 1 else 0.0)
        circuit.V(f"xb{number}", f"xb{number}", "0", 0.0 if x == 1 else vdd)
    for number in range(cells.columns):
        circuit.V(f"dd{number}", f"vdd{number}", "0", vdd)
    for number, level in enumerate(parameters.word_lines_v(condition, cells.rows, row)):
        circuit.V(f"wl{number}", f"wl{number}", "0", level)
    edge, rise, window = p.edge_time_s, p.precharge_time_s, p.sensing_time_s
    circuit.PieceWiseLinearVoltageSource(
        "sen", "sen", "0", values=[(0, vdd), (edge, 0), (rise, 0), (rise + edge, vdd)]
    )
    return Deck(
        circuit=str(circuit),
        temperature_c=condition.temperature_c,
        stop_time_s=rise + window + 2 * edge,
        max_step_s=largest_step(rise, window),
        save=recorded(cells.columns),
        initial_voltages_v=_initial_voltages(cells.columns, vdd),
        options=dict(technology.options),
        measures=_measures(vdd, p, cells.columns),
    )


def row_alterations(
    condition: Condition, parameters: ArrayParameters, rows: int, row: int
) -> dict[str, float]:
    """Return what must be altered in a loaded deck to select another row.

    Parameters
    ----------
    condition : Condition
        The condition that the deck was built for.
    parameters : ArrayParameters
        The parameters that the deck was built for.
    rows : int
        Rows of the array.
    row : int
        The row to select.

    Returns
    -------
    dict of str to float
        ngspice's name of every word-line source to its voltage. [V]
    """
    check_row(row, rows)
    levels = parameters.word_lines_v(condition, rows, row)
    return {f"@vwl{number}[dc]": level for number, level in enumerate(levels)}


def cell_alterations(cells: ArrayCells) -> dict[str, float]:
    """Return what must be altered in a loaded deck to give the array other resistances.

    Parameters
    ----------
    cells : ArrayCells
        The new resistances, of the shape that the deck was built for.

    Returns
    -------
    dict of str to float
        ngspice's name of every device's resistance to its value. [ohm]
    """
    return {
        resistance_name(column, row, line): float(resistances[row, column])
        for line, resistances in (("bl", cells.r_bl_ohm), ("blb", cells.r_blb_ohm))
        for row in range(cells.rows)
        for column in range(cells.columns)
    }


def array_results(
    waves: Mapping[str, NDArray[np.float64]],
    condition: Condition,
    parameters: ArrayParameters,
    columns: int,
) -> tuple[ReadResult, ...]:
    """Measure the recorded waveforms of one row's read.

    Parameters
    ----------
    waves : mapping of str to array, shape (time,)
        ``time`` and the deck's saved vectors.
    condition : Condition
        Gives the supply.
    parameters : ArrayParameters
        Gives the timing.
    columns : int
        Columns of the array.

    Returns
    -------
    tuple of ReadResult
        One for each column. Energies are those of the column's own amplifier.
    """
    return tuple(
        measure_read(
            waves["time"],
            waves["v(sen)"],
            waves[f"v(q{number})"],
            waves[f"v(qb{number})"],
            waves[f"i(vdd{number})"],
            vdd_v=condition.vdd_v,
            sense_edge_after_s=parameters.read.precharge_time_s / 2,
            sample_time_s=parameters.read.sample_time_s,
        )
        for number in range(columns)
    )


def recorded(columns: int) -> tuple[str, ...]:
    """Return the vectors that a read of an array records."""
    names = ["v(sen)"]
    for number in range(columns):
        names += [f"v(q{number})", f"v(qb{number})", f"i(vdd{number})"]
    return tuple(names)


def _initial_voltages(columns: int, vdd_v: float) -> dict[str, float]:
    # The far ends of the lines follow through their wires.
    voltages: dict[str, float] = {}
    for number in range(columns):
        voltages |= {f"q{number}": 0.0, f"qb{number}": vdd_v}
        voltages |= {f"xcol{number}.{line}": 0.0 for line in ("bl", "blb", "sl")}
    return voltages


def _measures(vdd_v: float, p: ReadParameters, columns: int) -> tuple[str, ...]:
    start = p.precharge_time_s + p.edge_time_s / 2
    lines = []
    for number in range(columns):
        q, qb = f"v(q{number})", f"v(qb{number})"
        lines += [
            f".meas tran sense_time_{number}_s trig v(sen) val={vdd_v / 2:g} rise=1 "
            f"targ par('abs({q}-{qb})') val={vdd_v / 2:g} td={start:g} cross=1",
            f".meas tran v_q{number}_sampled_v find {q} at={start + p.sample_time_s:g}",
            f".meas tran v_qb{number}_sampled_v find {qb} at={start + p.sample_time_s:g}",
        ]
    return tuple(lines)
