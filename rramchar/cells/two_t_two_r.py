"""The 2T2R cell: two 1T1R branches on a pair of bit lines, one word line, one source line."""

from __future__ import annotations

from PySpice.Spice.Netlist import SubCircuit


def build_two_t_two_r() -> SubCircuit:
    """Return subcircuit ``two_t_two_r``: nodes ``bl blb wl sl``, two ``one_t_one_r`` inside.

    Returns
    -------
    PySpice SubCircuit
        Parameters ``r_bl_ohm`` and ``r_blb_ohm`` are the resistances of the two devices [ohm]. The
        caller adds `rramchar.cells.one_t_one_r.build_one_t_one_r` to the same circuit.

    Notes
    -----
    The stored weight is +1 when R_BL > R_BLb and -1 when R_BL < R_BLb (Hirtzlin et al., IEDM 2019,
    section II); both devices in the high state store 0 (Laborieux et al., arXiv:2007.14234, whose
    polarity of +-1 is the opposite one).
    """
    subcircuit = SubCircuit("two_t_two_r", "bl", "blb", "wl", "sl", r_bl_ohm=1e4, r_blb_ohm=1e4)
    subcircuit.X("bl", "one_t_one_r", "bl", "wl", "sl", r_ohm="{r_bl_ohm}")
    subcircuit.X("blb", "one_t_one_r", "blb", "wl", "sl", r_ohm="{r_blb_ohm}")
    return subcircuit
