"""Where reads fail first: the most probable failure of a linear picture of the amplifier.

The picture: a read of a pair is wrong when ``ln R_HRS - ln R_LRS`` lies below the amplifier's
offset, which is a sum of independent normal parts. Its most probable failure point and the crossing
of any line follow without a simulation. They steer `rramchar.ber.rare`, they never enter a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from rramchar.ber.rare import FARTHEST
from rramchar.ber.states import States

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearReads:
    """Pairs read by an amplifier with a normal offset, in both orientations.

    Points are standard normal numbers: HRS, LRS, then one for each part of the offset. Case 0
    stores +1 (HRS on BL), case 1 stores -1 (HRS on BLb).

    Parameters
    ----------
    states : States
        The resistances.
    offset_ln_r : float
        Mean offset in ln(R_BL / R_BLb): a read gives plus above it. [1]
    gains_ln_r : array, shape (parts,)
        Offset for one standard deviation of each part. [1]
    """

    states: States
    offset_ln_r: float
    gains_ln_r: Floats

    @property
    def dimensions(self) -> int:
        """Standard normal numbers per read."""
        return 2 + len(self.gains_ln_r)

    def margin(self, case: NDArray[np.intp], points: Floats) -> Floats:
        """Return by how much a read is right; below 0 it is wrong.

        Parameters
        ----------
        case : array of int, shape (n,)
            0 for a stored +1, 1 for a stored -1.
        points : array, shape (n, dimensions)
            Standard normal numbers.

        Returns
        -------
        array, shape (n,)
            Distance from the decision in ln R. [1]
        """
        hrs, lrs = self.states.ln_resistances(points[:, 0], points[:, 1])
        offset = self.offset_ln_r + points[:, 2:] @ self.gains_ln_r
        return hrs - lrs - np.where(case == 0, offset, -offset)

    @cached_property
    def directions(self) -> Floats:
        """Return the unit vector to the most probable failure of each case, shape (2, dimensions).

        Found among reads with the two resistances and the offset as a whole; the offset's share is
        then spread over its parts in proportion to their gains.
        """
        sigma = float(np.sqrt((self.gains_ln_r**2).sum()))
        parts = self.gains_ln_r / sigma if sigma > 0 else np.zeros_like(self.gains_ln_r)
        found = []
        for sign in (1.0, -1.0):
            hrs, lrs, shift = _nearest(self.states, sign * self.offset_ln_r, sigma)
            alpha = np.concatenate([[hrs, lrs], sign * shift * parts])
            found.append(alpha / np.linalg.norm(alpha))
        return np.array(found)

    def predict(self, case: NDArray[np.intp], across: Floats) -> Floats:
        """Return where lines along `directions` cross into failure, by bisection, shape (n,)."""
        alpha = self.directions[case]
        low, high = np.full(len(across), -FARTHEST), np.full(len(across), FARTHEST)
        for _ in range(18):
            middle = (low + high) / 2
            right = self.margin(case, across + middle[:, None] * alpha) > 0
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        return (low + high) / 2

    def failing_ohm(self) -> float:
        """Return the resistance at which the two states are most probably read alike. [ohm]"""
        alpha = self.directions[:1]
        crossing = self.predict(np.zeros(1, dtype=np.intp), np.zeros_like(alpha))[0]
        _, lrs = self.states.ln_resistances(crossing * alpha[:, 0], crossing * alpha[:, 1])
        return float(np.exp(lrs[0]))


def _nearest(states: States, offset: float, sigma: float) -> Floats:
    """Return the failure point nearest to the origin: HRS, LRS, offset in standard deviations."""

    def margin(u: Floats) -> float:
        hrs, lrs = states.ln_resistances(u[0], u[1])
        return float(hrs - lrs) - offset - sigma * float(u[2])

    best = np.array([-1.0, 1.0, 0.0])  # a direction that only ever gets worse
    nearest = np.inf
    for start in ([-3, 0.5, 0.5], [-0.5, 3, 0.5], [-2, 2, 0], [-1, 1, 2.0]):
        result = minimize(
            lambda u: float(u @ u),
            np.array(start, float),
            constraints={"type": "eq", "fun": margin},
            bounds=[(-FARTHEST, FARTHEST)] * 3,
            method="SLSQP",
        )
        if result.success and result.fun < nearest:
            best, nearest = result.x, result.fun
    # Every step along the line must make the read worse, so that it crosses once.
    return np.array([min(best[0], -1e-3), max(best[1], 1e-3), max(best[2], 0.0)])
