"""Pairs of devices that are bad for good: stuck at a value, or weak and often read wrongly.

On a chip they are not spread evenly: a bad word line, column or die makes many at once. A pair of
the array's row r and column c is bad with probability

    scale * exp(s_r z_r - s_r^2 / 2) * exp(s_c z_c - s_c^2 / 2) * exp(s_d z_d - s_d^2 / 2)

clipped to 1, with one standard normal z for each row, column and die: each factor is lognormal
with mean 1. Without clipping `scale` is `share`. Clipping takes from the mean, so that `scale` is
set to where the clipped product has the mean `share`: the mean over chips is what was asked, at any
sigma (`keeping_scale`). This is an assumption of ours, the simplest that correlates without moving
the mean; fit the three sigmas to your error maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from rramchar.errors import InputError
from rramchar.nn.array_layout import ArrayLayout
from rramchar.nn.inject import Changes

_ALPHABET = {
    "binary": np.array([1, -1], dtype=np.int8),
    "ternary": np.array([1, 0, -1], dtype=np.int8),
}


@dataclass(frozen=True)
class WeakPairs:
    """How many pairs are bad, how they lie together, and what they do.

    Parameters
    ----------
    share : float
        Mean share of bad pairs. [1]
    read_error : float or None
        A weak pair gives another weight than its own, each equally likely, in this share of its
        reads. None: a stuck pair always gives one weight, drawn once, each equally likely. [1]
    row_sigma, column_sigma, die_sigma : float
        See the module; 0 for none. [1]
    layout : ArrayLayout
        Which weights share a row or column.
    """

    share: float
    read_error: float | None = None
    row_sigma: float = 0.0
    column_sigma: float = 0.0
    die_sigma: float = 0.0
    layout: ArrayLayout = field(default_factory=ArrayLayout)

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("share", "read_error"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and 0 <= value <= 1):
                raise InputError(f"weak pairs, {name}: {value!r}, expected a share from 0 to 1")
        for name in ("row_sigma", "column_sigma", "die_sigma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 5):
                raise InputError(f"weak pairs, {name}: {value!r}, expected 0 to 5")

    @property
    def stuck(self) -> bool:
        """Whether a bad pair always gives the same weight."""
        return self.read_error is None

    @property
    def scale(self) -> float:
        """The `scale` of the module's formula. [1]."""
        sigma = math.hypot(self.row_sigma, self.column_sigma, self.die_sigma)
        return keeping_scale(self.share, sigma)


@lru_cache(maxsize=64)
def keeping_scale(share: float, sigma: float) -> float:
    """Return the mean of a lognormal number that has a given mean once it is clipped to 1.

    Parameters
    ----------
    share : float
        Mean of the clipped number, from 0 to 1. [1]
    sigma : float
        Standard deviation of its logarithm; of a product, the root of the sum of squares. [1]

    Returns
    -------
    float
        `share` where clipping takes less than 1e-9 of it; infinite for a share of 1, which every
        pair then has. [1]
    """
    if share in (0.0, 1.0):
        return math.inf if share else 0.0
    if sigma == 0.0 or _clipped_mean(math.log(share), sigma) >= share * (1 - 1e-9):
        return share
    low = high = math.log(share)
    while _clipped_mean(high, sigma) < share:
        high += max(1.0, sigma)
    return math.exp(brentq(lambda x: _clipped_mean(x, sigma) - share, low, high, xtol=1e-12))


def _clipped_mean(log_mean: float, sigma: float) -> float:
    """Return the mean of a lognormal number clipped to 1, from the logarithm of its own mean."""
    centre = log_mean - sigma**2 / 2
    below = math.exp(log_mean) * float(ndtr(-centre / sigma - sigma))
    return below + float(ndtr(centre / sigma))


def draw_weak(
    shapes: list[tuple[int, ...]], weak: WeakPairs, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Draw which pairs of a chip are bad.

    Parameters
    ----------
    shapes : list of tuple
        Of each layer's weights; all layers are on one die.
    weak : WeakPairs
        How many, and how they lie together.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    list of arrays of int64
        Ascending positions in each layer's flattened weights.
    """
    die = _factor(weak.die_sigma, rng.standard_normal())
    found = []
    for shape in shapes:
        rate = weak.scale * die * np.ones((shape[0], int(np.prod(shape[1:]))))
        if weak.row_sigma > 0:
            rate *= _factor(weak.row_sigma, weak.layout.spread_rows(shape, rng))
        if weak.column_sigma > 0:
            rate *= _factor(weak.column_sigma, weak.layout.spread_columns(shape, rng))
        found.append(np.flatnonzero(rng.random(rate.shape) < rate))
    return found


def stuck_changes(position: NDArray[np.int64], kind: str, rng: np.random.Generator) -> Changes:
    """Draw the weight that each stuck pair always gives.

    Parameters
    ----------
    position : array of int64, shape (pair,)
        The stuck pairs.
    kind : str
        ``binary`` or ``ternary``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Changes
        All stuck pairs, those too that are stuck at what they store.
    """
    return Changes(position, rng.choice(_ALPHABET[kind], len(position)))


def weak_reads(
    weights: NDArray[np.int8],
    position: NDArray[np.int64],
    read_error: float,
    kind: str,
    rng: np.random.Generator,
) -> Changes:
    """Draw what the weak pairs give in one read.

    Parameters
    ----------
    weights : array of int8, any shape
        Weights as they were programmed.
    position : array of int64, shape (pair,)
        The weak pairs.
    read_error : float
        Share of wrong reads. [1]
    kind : str
        ``binary`` or ``ternary``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Changes
        The pairs read wrongly.
    """
    wrong = position[rng.random(len(position)) < read_error]
    values = _ALPHABET[kind]
    own = np.searchsorted(-values, -weights.reshape(-1)[wrong])
    others = len(values) - 1
    return Changes(wrong, values[(own + 1 + rng.integers(others, size=len(wrong))) % len(values)])


def _factor(sigma: float, z: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.exp(sigma * np.asarray(z) - sigma**2 / 2)
