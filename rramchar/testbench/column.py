"""The column testbench: one selected cell, and what the others of its column hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rramchar.cells.array import R_HRS_OHM, R_LRS_OHM, ArrayCells, check_row
from rramchar.cells.column import check_count
from rramchar.errors import InputError

PATTERNS = ("lrs", "hrs", "against", "along")
# Enough to lower the subthreshold current of an access transistor by decades.
NO_LEAKAGE_V = -0.3


@dataclass(frozen=True)
class SelectedCell:
    """The cell that is read, and what the other cells of its column hold.

    Parameters
    ----------
    r_bl_ohm, r_blb_ohm : float
        Its two devices. [ohm]
    pattern : str
        The other cells: ``lrs`` or ``hrs`` on both lines; ``against``: LRS on the line that should
        stay high and HRS on the other, the worst case for leakage; ``along``: the opposite, the
        worst case for the load, because it slows the line that should fall first. With equal
        resistances ``against`` is LRS on BL.
    row : int
        Its row; 0 is the nearest to the amplifier.
    r_lrs_ohm, r_hrs_ohm : float
        States of the other cells. [ohm]
    """

    r_bl_ohm: float = R_HRS_OHM
    r_blb_ohm: float = R_LRS_OHM
    pattern: str = "against"
    row: int = 0
    r_lrs_ohm: float = R_LRS_OHM
    r_hrs_ohm: float = R_HRS_OHM

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise InputError(f"pattern: {self.pattern!r}, expected one of {', '.join(PATTERNS)}")

    def column(self, rows: int) -> ArrayCells:
        """Return the resistances of a column of so many rows, shape (rows, 1).

        Raises
        ------
        InputError
            If the number of rows, the selected row or a resistance cannot be used.
        """
        check_count("rows", rows)
        check_row(self.row, rows)
        low, high = self.r_lrs_ohm, self.r_hrs_ohm
        bl_should_stay_high = self.r_bl_ohm >= self.r_blb_ohm
        bl, blb = {
            "lrs": (low, low),
            "hrs": (high, high),
            "against": (low, high) if bl_should_stay_high else (high, low),
            "along": (high, low) if bl_should_stay_high else (low, high),
        }[self.pattern]
        r_bl, r_blb = np.full((rows, 1), bl), np.full((rows, 1), blb)
        r_bl[self.row], r_blb[self.row] = self.r_bl_ohm, self.r_blb_ohm
        return ArrayCells(r_bl, r_blb)
