"""One column of the memory: 2T2R cells on shared bit and source lines, and their sense amplifier.

::

    amplifier ── bl ──r── bl0 ──r── bl1 ──r── ... bl(N-1)      r, c: wire of one cell (ColumnWires)
                           │c        │c
                         cell 0    cell 1                       gate: wl0, wl1, ...
                           │c        │c
         foot ── sl ──r── sl0 ──r── sl1 ──r── ... sl(N-1)      blb like bl

The lines are ladders of one section per row, so that the far rows see the wire's resistance. Row 0
is the nearest to the amplifier. The foot transistor is inside the amplifier, so that every column
has its own source line.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySpice.Spice.Netlist import SubCircuit

from rramchar.cells.checks import require_not_negative, require_positive
from rramchar.errors import InputError

AMPLIFIERS = ("pcsa", "xnor_pcsa")
# Far above any real array; a number beyond it is a slip that would exhaust the memory.
LARGEST_COUNT = 4096


@dataclass(frozen=True)
class ColumnWires:
    """What one cell adds to the lines of its column.

    Parameters
    ----------
    c_bl_cell_f : float
        Capacitance of each bit line per cell. The default is assumed: 32 rows give the 80 fF of the
        read testbench. The junctions of the access transistors come on top, behind the resistive
        devices. [F]
    r_bl_cell_ohm : float
        Resistance of each bit line per cell. Typical, assumed: about 2 um of 0.2 um wide metal at
        0.1 ohm per square. [ohm]
    c_sl_cell_f : float
        Capacitance of the source line per cell. Assumed: 32 rows give the 20 fF of the read
        testbench. [F]
    r_sl_cell_ohm : float
        Resistance of the source line per cell. Typical, assumed, as for the bit lines. [ohm]
    """

    c_bl_cell_f: float = 2.5e-15
    r_bl_cell_ohm: float = 1.0
    c_sl_cell_f: float = 0.625e-15
    r_sl_cell_ohm: float = 1.0

    def __post_init__(self) -> None:
        require_not_negative(self, "c_bl_cell_f", "c_sl_cell_f")
        require_positive(self, "r_bl_cell_ohm", "r_sl_cell_ohm")


def check_count(name: str, value: object) -> None:
    """Refuse a number of rows or columns that is no whole number from 1 to 4096.

    Parameters
    ----------
    name : str
        What is counted, for the error message.
    value : object
        The number.

    Raises
    ------
    InputError
        Naming the value.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 1 <= value <= LARGEST_COUNT:  # type: ignore[operator]
        raise InputError(f"{name}: {value!r}, expected a whole number from 1 to {LARGEST_COUNT}")


def build_column_row(wires: ColumnWires) -> SubCircuit:
    """Return subcircuit ``column_row``: one cell and its piece of the lines.

    Parameters
    ----------
    wires : ColumnWires
        Wire resistance and capacitance per cell.

    Returns
    -------
    PySpice SubCircuit
        Nodes ``bl_in blb_in sl_in bl blb sl wl`` (``_in`` is the amplifier's side) and the
        parameters of ``two_t_two_r``, which the caller adds to the same circuit.
    """
    row = SubCircuit(
        "column_row", "bl_in", "blb_in", "sl_in", "bl", "blb", "sl", "wl",
        r_bl_ohm=1e4, r_blb_ohm=1e4,
    )  # fmt: skip
    for line, r_ohm, c_f in (
        ("bl", wires.r_bl_cell_ohm, wires.c_bl_cell_f),
        ("blb", wires.r_bl_cell_ohm, wires.c_bl_cell_f),
        ("sl", wires.r_sl_cell_ohm, wires.c_sl_cell_f),
    ):
        row.R(line, f"{line}_in", line, r_ohm)
        if c_f > 0:
            row.C(line, line, "0", c_f)
    row.X("cell", "two_t_two_r", "bl", "blb", "wl", "sl",
          r_bl_ohm="{r_bl_ohm}", r_blb_ohm="{r_blb_ohm}")  # fmt: skip
    return row


def build_column(
    rows: int, amplifier: str = "pcsa", *, c_bl_end_f: float = 0.0, c_sl_end_f: float = 0.0
) -> SubCircuit:
    """Return subcircuit ``column``: a chain of ``column_row`` with an amplifier at its near end.

    Parameters
    ----------
    rows : int
        Number of 2T2R cells, 1 to 4096.
    amplifier : str
        ``pcsa`` or ``xnor_pcsa``, a subcircuit that the caller adds to the same circuit.
    c_bl_end_f, c_sl_end_f : float
        Capacitance at the amplifier's end of each bit line and of the source line. [F]

    Returns
    -------
    PySpice SubCircuit
        Nodes ``q qb sen vdd``, with the XNOR amplifier also ``x xb``, then the word lines ``wl0``
        to ``wl(N-1)``. Parameters ``r_bl0_ohm``, ``r_blb0_ohm``, ``r_bl1_ohm``, ... are the
        resistances of the devices. [ohm]

    Raises
    ------
    InputError
        If the number of rows or the amplifier cannot be used.
    """
    check_count("rows", rows)
    if amplifier not in AMPLIFIERS:
        raise InputError(f"amplifier: {amplifier!r}, expected one of {', '.join(AMPLIFIERS)}")
    inputs = ("x", "xb") if amplifier == "xnor_pcsa" else ()
    resistances = {f"r_{line}{row}_ohm": 1e4 for row in range(rows) for line in ("bl", "blb")}
    column = SubCircuit(
        "column", "q", "qb", "sen", "vdd", *inputs, *(f"wl{row}" for row in range(rows)),
        **resistances,
    )  # fmt: skip
    column.X("amp", amplifier, "q", "qb", "bl", "blb", "sl", "sen", *inputs, "vdd")
    for line, c_f in (("bl", c_bl_end_f), ("blb", c_bl_end_f), ("sl", c_sl_end_f)):
        if c_f > 0:
            column.C(line, line, "0", c_f)
    near = ""
    for row in range(rows):
        lines = [f"{line}{near}" for line in ("bl", "blb", "sl")]
        lines += [f"{line}{row}" for line in ("bl", "blb", "sl")]
        column.X(f"row{row}", "column_row", *lines, f"wl{row}",
                 r_bl_ohm=f"{{r_bl{row}_ohm}}", r_blb_ohm=f"{{r_blb{row}_ohm}}")  # fmt: skip
        near = str(row)
    return column


def resistance_name(column: int, row: int, line: str) -> str:
    """Return ngspice's name of a device's resistance in instance ``col<column>`` of a column.

    Parameters
    ----------
    column, row : int
        Position, from 0.
    line : str
        ``bl`` or ``blb``.

    Returns
    -------
    str
        A name for `rramchar.spice.session.Session.alter`.
    """
    return f"@r.xcol{column}.xrow{row}.xcell.x{line}.rrram[resistance]"
