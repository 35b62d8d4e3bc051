"""A memory array: columns side by side on common word lines, and what its cells hold.

Rows are counted away from the amplifiers and columns across the word lines, both from 0. The array
of the reference papers holds 32 x 32 2T2R cells, a kilobit, with one sense amplifier per column
(Bocquet et al., IEDM 2018; Hirtzlin et al., IEDM 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySpice.Spice.Netlist import Circuit

from rramchar.cells.column import LARGEST_COUNT, check_count
from rramchar.errors import InputError

LARGEST_RESISTANCE_OHM = 1e12
# Typical of a filament in the two states (SET at 100 uA; RESET at 1.2 to 1.6 V).
R_LRS_OHM = 5e3
R_HRS_OHM = 100e3


@dataclass(frozen=True, eq=False)
class ArrayCells:
    """Resistances of all devices of an array.

    Parameters
    ----------
    r_bl_ohm, r_blb_ohm : array, shape (row, column)
        Resistances on the bit lines and on their complements, above 0 and up to 1e12. [ohm]
    """

    r_bl_ohm: NDArray[np.float64]
    r_blb_ohm: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("r_bl_ohm", "r_blb_ohm"):
            object.__setattr__(self, name, _resistances(name, getattr(self, name)))
        if self.r_bl_ohm.shape != self.r_blb_ohm.shape:
            raise InputError(
                f"r_blb_ohm: shape {self.r_blb_ohm.shape}, expected that of r_bl_ohm, "
                f"{self.r_bl_ohm.shape}"
            )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.r_bl_ohm.shape[0])

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.r_bl_ohm.shape[1])


def cells_of_weights(
    weights: ArrayLike, *, r_lrs_ohm: float = R_LRS_OHM, r_hrs_ohm: float = R_HRS_OHM
) -> ArrayCells:
    """Return the resistances that store weights.

    Parameters
    ----------
    weights : array_like, shape (row, column)
        -1, 0 or +1.
    r_lrs_ohm, r_hrs_ohm : float
        The low and the high state. [ohm]

    Returns
    -------
    ArrayCells
        +1 as high on BL and low on BLb, -1 the other way round, 0 as high on both (the polarity of
        `rramchar.cells.two_t_two_r`).

    Raises
    ------
    InputError
        If a weight is none, the array is not two-dimensional, or the low state is not the lower.
    """
    stored = check_weights(weights)
    for name, value in (("r_lrs_ohm", r_lrs_ohm), ("r_hrs_ohm", r_hrs_ohm)):
        _resistances(name, [[value]])
    if not r_lrs_ohm < r_hrs_ohm:
        raise InputError(
            f"r_lrs_ohm: {r_lrs_ohm:g} ohm, expected below r_hrs_ohm of {r_hrs_ohm:g} ohm"
        )
    return ArrayCells(
        np.where(stored == -1, r_lrs_ohm, r_hrs_ohm), np.where(stored == 1, r_lrs_ohm, r_hrs_ohm)
    )


def check_weights(weights: ArrayLike) -> NDArray[np.int8]:
    """Return weights as integers, or refuse them.

    Parameters
    ----------
    weights : array_like, shape (row, column)
        -1, 0 or +1.

    Returns
    -------
    array of int8, shape (row, column)
        The same numbers.

    Raises
    ------
    InputError
        If there is another value or number of axes.
    """
    values = np.asarray(weights)
    _check_shape("weights", values)
    good = np.isin(values, (-1, 0, 1)) if values.dtype.kind in "iuf" else np.zeros(1, bool)
    if not good.all():
        shown = values[~good][:1].tolist() if values.dtype.kind in "iuf" else values.dtype
        raise InputError(f"weights: {shown}, expected only numbers -1, 0 and +1")
    return values.astype(np.int8)


def check_row(row: object, rows: int) -> None:
    """Refuse a row that the array does not have.

    Raises
    ------
    InputError
        Naming the row and how many there are.
    """
    if isinstance(row, bool) or not isinstance(row, int | np.integer) or not 0 <= row < rows:
        raise InputError(f"row: {row!r}, expected a whole number from 0 to {rows - 1}")


def check_inputs(inputs: ArrayLike | None, columns: int, *, xnor: bool) -> tuple[int, ...]:
    """Return the inputs of the XNOR amplifiers, or refuse them.

    Parameters
    ----------
    inputs : array_like, shape (column,), or None
        +1 or -1 per column.
    columns : int
        Columns of the array.
    xnor : bool
        Whether the amplifiers have inputs.

    Returns
    -------
    tuple of int
        Empty without inputs.

    Raises
    ------
    InputError
        If inputs are missing, too many, not wanted, or not +1 or -1.
    """
    if not xnor:
        if inputs is not None:
            raise InputError("inputs: given, expected none with the amplifier pcsa")
        return ()
    values = np.asarray([] if inputs is None else inputs)
    if values.shape != (columns,):
        raise InputError(
            f"inputs: shape {values.shape}, expected ({columns},), one per column, with xnor_pcsa"
        )
    if values.dtype.kind not in "iuf" or not np.isin(values, (-1, 1)).all():
        raise InputError("inputs: expected only +1 and -1")
    return tuple(int(x) for x in values)


def place_array(circuit: Circuit, cells: ArrayCells, *, xnor: bool = False) -> None:
    """Add the columns of an array to a circuit that holds the subcircuit ``column``.

    Parameters
    ----------
    circuit : PySpice Circuit
        Its subcircuits ``column`` (of `rramchar.cells.column.build_column`) and those below must
        have as many rows as `cells`.
    cells : ArrayCells
        Resistances.
    xnor : bool
        True if the amplifiers have inputs.

    Notes
    -----
    Column k is instance ``Xcolk`` between outputs ``qk qbk``, inputs ``xk xbk``, its own supply
    ``vddk`` (so that its energy can be told) and the common ``sen`` and word lines ``wl0 ...``.
    """
    word_lines = [f"wl{row}" for row in range(cells.rows)]
    for column in range(cells.columns):
        inputs = (f"x{column}", f"xb{column}") if xnor else ()
        nodes = (f"q{column}", f"qb{column}", "sen", f"vdd{column}", *inputs, *word_lines)
        values = {
            f"r_{line}{row}_ohm": float(resistances[row, column])
            for row in range(cells.rows)
            for line, resistances in (("bl", cells.r_bl_ohm), ("blb", cells.r_blb_ohm))
        }
        circuit.X(f"col{column}", "column", *nodes, **values)


def _resistances(name: str, given: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(given)
    _check_shape(name, values)
    if values.dtype.kind not in "iuf":
        raise InputError(f"{name}: holds {values.dtype}, expected numbers of ohm")
    values = values.astype(np.float64)
    bad = ~((values > 0) & (values <= LARGEST_RESISTANCE_OHM))
    if bad.any():
        raise InputError(
            f"{name}: {values[bad][0]:g} ohm, expected above 0 and up to {LARGEST_RESISTANCE_OHM:g}"
        )
    values.setflags(write=False)
    return values


def _check_shape(name: str, values: NDArray[np.generic]) -> None:
    if values.ndim != 2:
        raise InputError(f"{name}: {values.ndim} axes, expected two (row, column)")
    for axis, count in zip(("rows", "columns"), values.shape, strict=True):
        try:
            check_count(axis, int(count))
        except InputError:
            raise InputError(
                f"{name}: shape {values.shape}, expected 1 to {LARGEST_COUNT} {axis}"
            ) from None
