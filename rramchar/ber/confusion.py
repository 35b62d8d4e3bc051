"""What a read returns given what was stored: the link between a BER table and a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

STORED = ("plus", "zero", "minus")
OUTCOMES = ("plus", "zero", "minus", "invalid")


@dataclass(frozen=True)
class Confusion:
    """Probability of each read outcome for each stored weight.

    Parameters
    ----------
    probability : array, shape (3, 4)
        Rows: stored ``plus``, ``zero``, ``minus`` (weights +1, 0, -1). Columns: read outcome
        ``plus``, ``zero``, ``minus``, ``invalid``. Rows sum to 1. [1]
    """

    probability: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the probabilities and make them read-only."""
        p = np.array(self.probability, dtype=float)
        if p.shape != (3, 4):
            raise InputError(f"confusion: shape {p.shape}, expected (3, 4): stored x outcome")
        if (
            not np.isfinite(p).all()
            or (p < 0).any()
            or not np.allclose(p.sum(axis=1), 1, atol=1e-9)
        ):
            raise InputError(
                f"confusion: every row must hold probabilities that sum to 1, got {p.tolist()}"
            )
        p.setflags(write=False)
        object.__setattr__(self, "probability", p)

    def weights(self) -> NDArray[np.float64]:
        """Return the probability of each weight that the network sees.

        The rule for ``invalid`` (both outputs low) is the hardware's: neither output is high, so
        the digital part adds nothing, which is a weight of 0.

        Returns
        -------
        array, shape (3, 3)
            Rows: stored +1, 0, -1. Columns: weight seen as +1, 0, -1. [1]
        """
        seen = self.probability[:, :3].copy()
        seen[:, 1] += self.probability[:, 3]
        return seen

    @classmethod
    def binary_symmetric(cls, ber: float) -> Confusion:
        """Flip +1 and -1 into each other with probability `ber`; 0 is read rightly."""
        b = _rate(ber)
        return cls(np.array([[1 - b, 0, b, 0], [0, 1, 0, 0], [b, 0, 1 - b, 0]]))

    @classmethod
    def ternary_adjacent(cls, ber: float, zero_fraction: float) -> Confusion:
        """Ternary errors that move a weight by one step and never turn +1 into -1.

        +1 or -1, equally likely, is added with probability ``p = 2 BER / (1 + p0)`` and the sum is
        clipped to {-1, 0, +1}; so a stored 0 errs with probability p, a stored +-1 with p / 2, and
        the mean over all weights is `ber`.

        Parameters
        ----------
        ber : float
            Mean error probability per weight. [1]
        zero_fraction : float
            Share p0 of stored zeros. [1]

        Returns
        -------
        Confusion
            The matrix.

        Raises
        ------
        InputError
            If `ber` is above ``(1 + p0) / 2``, which no such matrix reaches.

        References
        ----------
        Laborieux et al., "Low Power In-Memory Implementation of Ternary Neural Networks with
        Resistive RAM-Based Synapse", arXiv:2005.01973 (error injection of its public code).
        """
        b = _rate(ber)
        if not 0 <= zero_fraction <= 1:
            raise InputError(f"zero_fraction: {zero_fraction}, expected 0 to 1")
        p = 2 * b / (1 + zero_fraction)
        if p > 1:
            raise InputError(
                f"ber: {ber} is above {(1 + zero_fraction) / 2:.3g}, the most that single-step "
                f"errors reach with {zero_fraction:.3g} of the weights at zero"
            )
        h = p / 2
        return cls(np.array([[1 - h, h, 0, 0], [h, 1 - p, h, 0], [0, h, 1 - h, 0]]))


def _rate(ber: float) -> float:
    if not 0 <= ber <= 1:
        raise InputError(f"ber: {ber}, expected a probability from 0 to 1")
    return float(ber)
