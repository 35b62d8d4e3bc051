"""The outcome map of a read over both resistances, traced along its two boundaries.

For each value of R_BLb, bisection on the simulator finds the largest R_BL that still reads
``minus`` and the smallest that reads ``plus``; between them the read gives ``zero`` (or
``invalid``). A row
starts from the boundary of its neighbours, so that it takes a few simulations and not one for
every point of a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.characterize.bisect import bisect_batch, bracket_batch
from rramchar.characterize.reader import Query, Reader, check_range
from rramchar.errors import InputError
from rramchar.testbench import ReadPoint

Array = NDArray[np.float64]
# R* is stated for pairs of this ratio, as in the ternary sense margin tables.
STAR_RATIO = 3.0
_FIRST_ROWS = 9


@dataclass(frozen=True)
class OutcomeMap:
    """Boundaries between the outcomes of a read.

    Parameters
    ----------
    r_blb_ohm : array, shape (row,)
        Resistance on the other bit line, rising. [ohm]
    minus_below_ohm : array, shape (row,)
        Reads give ``minus`` for R_BL below this; 0 where none in the range does, infinite where
        all do. [ohm]
    plus_above_ohm : array, shape (row,)
        Reads give ``plus`` for R_BL above this; infinite where none does, 0 where all do. [ohm]
    r_star_ohm : float or None
        Lower resistance of a pair of ratio 3 at which the outcome changes from +-1 to 0; None
        where it does not in the range. [ohm]
    resolution_decade : float
        Resolution of every boundary. [decade]
    simulations : int
        Reads that were simulated.
    sample_time_s : float
        When the outputs were sampled. [s]
    """

    r_blb_ohm: Array
    minus_below_ohm: Array
    plus_above_ohm: Array
    r_star_ohm: float | None
    resolution_decade: float
    simulations: int
    sample_time_s: float

    @property
    def grid_simulations(self) -> int:
        """Reads that a grid of the same resolution over the same range would take."""
        return len(self.r_blb_ohm) ** 2

    def frame(self) -> pd.DataFrame:
        """Return the boundaries as a table, one row per R_BLb. [ohm]"""
        return pd.DataFrame(
            {
                "r_blb_ohm": self.r_blb_ohm,
                "minus_below_r_bl_ohm": self.minus_below_ohm,
                "plus_above_r_bl_ohm": self.plus_above_ohm,
            }
        )


def trace_outcome_map(
    reader: Reader,
    *,
    low_ohm: float = 3e3,
    high_ohm: float = 1e6,
    resolution_decade: float = 0.01,
    progress: Callable[[int, int], None] | None = None,
) -> OutcomeMap:
    """Trace the boundaries of a read's outcome.

    Parameters
    ----------
    reader : Reader
        Simulates the reads; its parameters give the sampling time. The XNOR amplifier is read with
        input +1.
    low_ohm, high_ohm : float
        Range of both resistances. [ohm]
    resolution_decade : float
        Resolution of the boundaries and distance of the rows. [decade]
    progress : callable, optional
        Called with the number of rows done and of all rows.

    Returns
    -------
    OutcomeMap
        The boundaries.

    Raises
    ------
    InputError
        If range or resolution cannot be used.
    SimulationError
        If a read could not be solved.
    """
    check_range(low_ohm, high_ohm)
    if not 1e-4 <= resolution_decade <= 1:
        raise InputError(f"resolution: {resolution_decade:g} decade, expected 0.0001 to 1")
    low, high = np.log10(low_ohm), np.log10(high_ohm)
    count = int(np.ceil((high - low) / resolution_decade)) + 1
    rows = np.linspace(low, high, max(count, 2))
    found = {name: np.full(len(rows), np.nan) for name in ("minus", "plus")}
    done = 0
    for numbers in _levels(len(rows)):
        for name, values in found.items():
            guess = _guess(rows, values, numbers)
            values[numbers] = _trace(reader, name, rows[numbers], guess, low, high,
                                     resolution_decade)  # fmt: skip
        done += len(numbers)
        if progress:
            progress(done, len(rows))
    r_star = _find_r_star(reader, low, high, resolution_decade)
    return OutcomeMap(
        r_blb_ohm=10**rows,
        minus_below_ohm=_from_log(found["minus"]),
        plus_above_ohm=_from_log(found["plus"]),
        r_star_ohm=r_star,
        resolution_decade=resolution_decade,
        simulations=reader.simulations,
        sample_time_s=reader.parameters.sample_time_s,
    )


def _from_log(values: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(10.0**values)


def _levels(count: int) -> list[NDArray[np.intp]]:
    """Return row numbers level by level: a few first, then those half-way between."""
    first = np.unique(np.linspace(0, count - 1, min(_FIRST_ROWS, count)).round().astype(np.intp))
    levels, known = [first], first
    while len(known) < count:
        middle = (known[1:] + known[:-1]) // 2
        new = np.setdiff1d(middle, known)
        levels.append(new)
        known = np.union1d(known, new)
    return levels


def _guess(rows: Array, values: Array, numbers: NDArray[np.intp]) -> Array:
    """Interpolate the boundary from the rows that are known and finite."""
    usable = np.isfinite(values)
    if usable.sum() < 2:
        return np.full(len(numbers), np.nan)
    guess = np.interp(rows[numbers], rows[usable], values[usable], left=np.nan, right=np.nan)
    return np.asarray(guess)


def _trace(
    reader: Reader, name: str, rows: Array, guess: Array, low: float, high: float, resolution: float
) -> Array:
    """Bisect one boundary on some rows; positions are log10 of R_BL."""

    def below(numbers: NDArray[np.intp], positions: Array) -> NDArray[np.bool_]:
        outcomes = _outcomes(reader, positions, rows[numbers])
        return outcomes == "minus" if name == "minus" else outcomes != "plus"

    start, end = bracket_batch(below, guess, resolution, low, high)
    result = start.copy()  # infinite where the boundary is out of range
    inside = np.flatnonzero(np.isfinite(start))

    def below_inside(numbers: NDArray[np.intp], positions: Array) -> NDArray[np.bool_]:
        return below(inside[numbers], positions)

    result[inside] = bisect_batch(below_inside, start[inside], end[inside], resolution)
    return result


def _outcomes(reader: Reader, log_r_bl: Array, log_r_blb: Array) -> NDArray[np.str_]:
    x = 1 if reader.parameters.amplifier == "xnor_pcsa" else None
    queries = [
        Query(ReadPoint(float(10**a), float(10**b), x))
        for a, b in zip(log_r_bl, log_r_blb, strict=True)
    ]
    return np.array([row["outcome"] for row in reader.read(queries)])


def _find_r_star(reader: Reader, low: float, high: float, resolution: float) -> float | None:
    """Bisect the lower resistance of pairs of fixed ratio, for both orientations; average them."""
    ratio = np.log10(STAR_RATIO)

    def below(numbers: NDArray[np.intp], positions: Array) -> NDArray[np.bool_]:
        other = positions + ratio
        bl = np.where(numbers == 0, positions, other)
        blb = np.where(numbers == 0, other, positions)
        return np.isin(_outcomes(reader, bl, blb), ["plus", "minus"])

    start, end = bracket_batch(below, np.full(2, np.nan), resolution, low, high)
    if not np.isfinite(start).all():
        return None
    return float(10 ** bisect_batch(below, start, end, resolution).mean())
