"""The decision of a sense amplifier for any pair of resistances, from a swept grid of reads.

On the grid, the time at which the first of the two outputs falls is a smooth function of the two
resistances; it is interpolated, bilinearly in logarithms, and compared with the sampling time.
Which output falls first follows from the order of the two resistances: without mismatch the
amplifier resolves ratios of about 1.001, far finer than any grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RegularGridInterpolator

from rramchar.ber.confusion import OUTCOMES
from rramchar.errors import InputError

PLUS, ZERO, MINUS, INVALID = (OUTCOMES.index(name) for name in ("plus", "zero", "minus", "invalid"))
UNMAPPED = -1
# An output that never fell is taken to fall at this multiple of the simulated window. The value
# only places the boundary inside the one grid cell where reads stop falling.
_BEYOND_WINDOW = 2.0


@dataclass(frozen=True)
class DecisionMap:
    """Reads of one condition over a grid of resistances.

    Parameters
    ----------
    r_bl_ohm : array, shape (bl,)
        Grid of resistances on the bit line, rising. [ohm]
    r_blb_ohm : array, shape (blb,)
        Grid of resistances on the other bit line, rising. [ohm]
    first_fall_time_s : array, shape (bl, blb)
        Start of sensing to the first fall of an output; infinite where none fell in the window,
        NaN where the simulation failed. [s]
    window_s : float
        How long sensing was simulated. [s]
    precharge_ok : bool
        False if any read of the grid started with its outputs not precharged: then no read at this
        condition is a decision.
    """

    r_bl_ohm: NDArray[np.float64]
    r_blb_ohm: NDArray[np.float64]
    first_fall_time_s: NDArray[np.float64]
    window_s: float
    precharge_ok: bool

    def fall_time(self, r_bl_ohm: ArrayLike, r_blb_ohm: ArrayLike) -> NDArray[np.float64]:
        """Interpolate the time of the first fall.

        Parameters
        ----------
        r_bl_ohm, r_blb_ohm : array, shape (pair,)
            Resistances. Outside the grid the nearest edge is taken: a larger resistance only falls
            later, a smaller one earlier. [ohm]

        Returns
        -------
        array, shape (pair,)
            Infinite beyond the simulated window; NaN where a failed simulation is in the way. [s]
        """
        bl = np.clip(np.asarray(r_bl_ohm, float), self.r_bl_ohm[0], self.r_bl_ohm[-1])
        blb = np.clip(np.asarray(r_blb_ohm, float), self.r_blb_ohm[0], self.r_blb_ohm[-1])
        times = np.where(np.isinf(self.first_fall_time_s), self.window_s * _BEYOND_WINDOW,
                         self.first_fall_time_s)  # fmt: skip
        interpolate = RegularGridInterpolator(
            (np.log(self.r_bl_ohm), np.log(self.r_blb_ohm)), np.log(times)
        )
        result = np.exp(interpolate(np.column_stack([np.log(bl), np.log(blb)])))
        return np.where(result > self.window_s, np.inf, result)

    def outcomes(
        self, r_bl_ohm: ArrayLike, r_blb_ohm: ArrayLike, sample_time_s: float
    ) -> NDArray[np.int8]:
        """Return what a read of each pair gives.

        Parameters
        ----------
        r_bl_ohm, r_blb_ohm : array, shape (pair,)
            Resistances. [ohm]
        sample_time_s : float
            When the outputs are sampled; at most the simulated window. [s]

        Returns
        -------
        array, shape (pair,), int8
            Index into `rramchar.ber.confusion.OUTCOMES`: ``zero`` where no output has fallen,
            ``invalid`` everywhere if the precharge was incomplete, -1 (unmapped) where a failed
            simulation is in the way. Equal resistances that fall are ``invalid``: undecided.

        Raises
        ------
        InputError
            If the sampling time is not positive or beyond the window.
        """
        if not 0 < sample_time_s <= self.window_s * (1 + 1e-9):
            raise InputError(
                f"sample_time_s: {sample_time_s:g} s, expected above 0 and at most the simulated "
                f"window of {self.window_s:g} s"
            )
        bl, blb = np.asarray(r_bl_ohm, float), np.asarray(r_blb_ohm, float)
        fall = self.fall_time(bl, blb)
        codes = np.full(bl.shape, INVALID, dtype=np.int8)
        if not self.precharge_ok:
            return codes
        codes[bl > blb] = PLUS
        codes[bl < blb] = MINUS
        codes[fall > sample_time_s] = ZERO
        codes[np.isnan(fall)] = UNMAPPED
        return codes


def decision_map(
    frame: pd.DataFrame, *, corner: str, temperature_c: float, vdd_v: float, window_s: float
) -> DecisionMap:
    """Build the decision map of one condition from the results of a read sweep.

    Parameters
    ----------
    frame : DataFrame
        Results of a sweep of the read testbench over a full grid of ``r_bl_ohm, r_blb_ohm``
        (see `rramchar.sweep.load`).
    corner, temperature_c, vdd_v : str, float [degC], float [V]
        The condition.
    window_s : float
        How long sensing was simulated. [s]

    Returns
    -------
    DecisionMap
        The map.

    Raises
    ------
    InputError
        If the sweep does not hold the condition or not its full grid, or if a decision on the grid
        goes against the order of the resistances (then the sweep has mismatch, and one map per
        condition cannot describe it).
    """
    chosen = frame[
        (frame["corner"] == corner)
        & (frame["temperature_c"] == temperature_c)
        & (frame["vdd_v"] == vdd_v)
    ]
    where = f"corner {corner}, {temperature_c:g} degC, {vdd_v:g} V"
    if chosen.empty:
        raise InputError(f"the sweep holds no reads at {where}")
    r_bl = np.sort(chosen["r_bl_ohm"].unique())
    r_blb = np.sort(chosen["r_blb_ohm"].unique())
    if len(chosen) != len(r_bl) * len(r_blb) or min(len(r_bl), len(r_blb)) < 2:
        raise InputError(
            f"the sweep at {where} holds {len(chosen)} reads, expected the full grid of "
            f"{len(r_bl)} x {len(r_blb)} resistances; finish it with `rramchar sweep run`"
        )
    solved = chosen["status"] == "ok"
    _check_order(chosen[solved], where)
    first = chosen[["q_fall_time_s", "qb_fall_time_s"]].min(axis=1).fillna(np.inf)
    grid = chosen.assign(first=first.where(solved)).pivot(
        index="r_bl_ohm", columns="r_blb_ohm", values="first"
    )
    return DecisionMap(
        r_bl_ohm=r_bl,
        r_blb_ohm=r_blb,
        first_fall_time_s=grid.to_numpy(float),
        window_s=window_s,
        precharge_ok=bool(chosen.loc[solved, "precharge_ok"].all()),
    )


def latched_outcomes(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Turn read outcomes into the bit that a binary network latches from output ``q``.

    Parameters
    ----------
    codes : array of int8
        Outcomes, as `DecisionMap.outcomes` returns them.

    Returns
    -------
    array of int8
        ``plus`` while ``q`` is high (outcomes ``plus`` and ``zero``), else ``minus``; unmapped
        stays unmapped.
    """
    latched = np.where((codes == PLUS) | (codes == ZERO), PLUS, MINUS).astype(np.int8)
    latched[codes == UNMAPPED] = UNMAPPED
    return latched


def _check_order(solved: pd.DataFrame, where: str) -> None:
    decided = solved[solved["precharge_ok"] & solved["outcome"].isin(["plus", "minus"])]
    wrong = (decided["outcome"] == "plus") != (decided["r_bl_ohm"] > decided["r_blb_ohm"])
    if wrong.any():
        row = decided[wrong].iloc[0]
        raise InputError(
            f"the sweep at {where} reads {row['outcome']} for R_BL = {row['r_bl_ohm']:g} ohm and "
            f"R_BLb = {row['r_blb_ohm']:g} ohm; a decision map needs reads without mismatch"
        )
