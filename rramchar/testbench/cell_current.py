"""Read current of a 1T1R or 2T2R cell at small voltages, as a deck to run by hand."""

from __future__ import annotations

from PySpice.Spice.Netlist import Circuit

from rramchar.cells import OneTOneR, build_one_t_one_r, build_two_t_two_r
from rramchar.errors import InputError
from rramchar.technology import Condition, Technology
from rramchar.testbench.read import LARGEST_RESISTANCE_OHM

_LINES = ("bl", "blb")
_STEPS = 10


def cell_current_text(
    technology: Technology,
    condition: Condition,
    resistances_ohm: tuple[float, ...],
    *,
    wl_v: float,
    v_bl_v: float,
    cell: OneTOneR | None = None,
) -> str:
    """Return a deck that sweeps the read voltage and gives the current of each branch of a cell.

    Parameters
    ----------
    technology : Technology
        The process.
    condition : Condition
        Corner and temperature; the supply only has to be valid.
    resistances_ohm : tuple of float
        One resistance for a 1T1R cell, two for a 2T2R cell (BL, BLb). [ohm]
    wl_v, v_bl_v : float
        Word-line voltage, and highest voltage on the bit lines; the source line is at ground. [V]
    cell : OneTOneR, optional
        Sizes.

    Returns
    -------
    str
        A deck that ``ngspice -b`` runs; it prints the bit-line currents, from 0 V to `v_bl_v`.

    Raises
    ------
    InputError
        If a value cannot be used.
    """
    condition.check(technology)
    if not 0 < v_bl_v <= technology.vdd_max_v:
        raise InputError(f"v_bl_v: {v_bl_v:g} V, expected above 0 to {technology.vdd_max_v:g} V")
    for line, value in zip(_LINES, resistances_ohm, strict=False):
        if not 0 < value <= LARGEST_RESISTANCE_OHM:
            raise InputError(f"r_{line}_ohm: {value:g} ohm, expected above 0")
    lines = _LINES[: len(resistances_ohm)]
    kind = "1T1R" if len(lines) == 1 else "2T2R"
    circuit = Circuit(f"{kind} cell at a read voltage, {technology.name}, {condition.corner}")
    circuit.raw_spice = "\n".join(technology.library_lines(condition.corner)) + "\n"
    circuit.subcircuit(build_one_t_one_r(technology, cell or OneTOneR()))
    if kind == "1T1R":
        circuit.X("cell", "one_t_one_r", "bl", "wl", "sl", r_ohm=resistances_ohm[0])
    else:
        circuit.subcircuit(build_two_t_two_r())
        circuit.X("cell", "two_t_two_r", "bl", "blb", "wl", "sl",
                  r_bl_ohm=resistances_ohm[0], r_blb_ohm=resistances_ohm[1])  # fmt: skip
    # The sweep's source, and in each bit line an ammeter of 0 V: its current flows into the cell.
    circuit.V("read", "read", "0", 0.0)
    for line in lines:
        circuit.V(line, "read", line, 0.0)
    circuit.V("wl", "wl", "0", wl_v)
    circuit.V("sl", "sl", "0", 0.0)
    options = {**technology.options, "temp": f"{condition.temperature_c:g}"}
    return "\n".join(
        [
            str(circuit).strip(),
            "",
            ".options " + " ".join(f"{key}={value}" for key, value in options.items()),
            f".dc vread 0 {v_bl_v:g} {v_bl_v / _STEPS:g}",
            ".print dc " + " ".join(f"i(v{line})" for line in lines),
            *(f".meas dc i_{line}_a max i(v{line})" for line in lines),
            ".end",
            "",
        ]
    )
