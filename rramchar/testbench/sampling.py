"""Designs of standard normal numbers for Monte Carlo: plain random, Latin hypercube, Sobol.

A design is a table of samples by dimensions of which any row can be asked for alone, in any order
and in any process, and is always the same. Nothing is kept but what a row follows from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

SAMPLINGS = ("random", "lhs", "sobol")
# The strata of a Latin hypercube, four bytes each, are kept by every process that draws: 200 MB.
MAX_LATIN_CELLS = 50_000_000
# Digits of a Sobol coordinate, and so the most samples of such a design, as a power of two.
_SOBOL_BITS = 30
# Closest that a uniform number comes to 0 and 1: its normal is 8.2 sigma from the mean.
_EDGE = 2.0**-53
# First number of the spawn key of each design's streams; a random sample's key is its own number.
_LATIN, _SOBOL = 1, 2

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """A table of standard normal numbers, one row per sample.

    Parameters
    ----------
    sampling : str
        ``random``: independent numbers. ``lhs``: Latin hypercube; in every dimension, one sample
        in each of as many equally probable strata as there are samples. ``sobol``: scrambled Sobol
        sequence; evenly spread in many dimensions at once, best for 2^m samples.
    seed : int
        Seed of the whole design.
    dimensions : int
        Numbers per sample.
    samples : int or None
        Samples of the design. Only the Latin hypercube depends on it: in the others row k is the
        same however many rows follow, and it may be None.

    Raises
    ------
    InputError
        If the sampling is unknown, or a Latin hypercube has no or too many samples.

    References
    ----------
    McKay, Beckman and Conover, "A comparison of three methods for selecting values of input
    variables in the analysis of output from a computer code", Technometrics 21(2), 239 (1979).
    Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J.
    Sci. Comput. 30(5), 2635 (2008), scrambled as by Matousek, "On the L2-discrepancy for anchored
    boxes", J. Complexity 14(4), 527 (1998); both from `scipy.stats.qmc.Sobol`.
    """

    sampling: str
    seed: int
    dimensions: int
    samples: int | None = None

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS:
            raise InputError(f"sampling: {self.sampling!r}, expected {', '.join(SAMPLINGS)}")
        if self.sampling != "lhs":
            return
        if self.samples is None or self.samples < 1:
            raise InputError(
                f"sampling 'lhs': {self.samples} samples; a Latin hypercube needs their number, at "
                "least 1, because all of them depend on it"
            )
        if self.samples * self.dimensions > MAX_LATIN_CELLS:
            raise InputError(
                f"sampling 'lhs': {self.samples:,} samples of {self.dimensions} numbers, expected "
                f"at most {MAX_LATIN_CELLS // self.dimensions:,}, which fill 200 MB in every "
                "worker; use 'sobol', which has no such limit"
            )

    @property
    def extendable(self) -> bool:
        """Whether more samples leave the first ones as they are."""
        return self.sampling != "lhs"

    @property
    def rows(self) -> int:
        """Number of samples that can be asked for."""
        return 2**_SOBOL_BITS if self.extendable or self.samples is None else self.samples

    def normals(self, sample: int) -> Array:
        """Return the numbers of one sample.

        Parameters
        ----------
        sample : int
            Number of the sample, from 0.

        Returns
        -------
        array, shape (dimension,)
            Standard normal numbers, all finite. [1]

        Raises
        ------
        InputError
            If the design has no such sample.
        """
        if not 0 <= sample < self.rows:
            raise InputError(f"sample: {sample}, expected 0 to {self.rows - 1}")
        if self.sampling == "random":
            return _generator(self.seed, sample).standard_normal(self.dimensions)
        if self.sampling == "lhs":
            return normal_of(self._latin(sample))
        return normal_of(self._sobol(sample))

    def _latin(self, sample: int) -> Array:
        place = _generator(self.seed, _LATIN, self.rows, sample).random(self.dimensions)
        strata = _strata(self.seed, self.dimensions, self.rows)
        return (strata[:, sample] + place) / self.rows

    def _sobol(self, sample: int) -> Array:
        bits = sample.bit_length()
        digits = _sobol_digits(self.seed, self.dimensions, bits)
        chosen = [0, *(1 + bit for bit in range(bits) if sample >> bit & 1)]
        # In the middle of its cell, so that no coordinate is 0.
        return (np.bitwise_xor.reduce(digits[chosen]) + 0.5) / 2**_SOBOL_BITS


def normal_of(uniform: Array) -> Array:
    """Return the standard normal numbers below which lies the given probability.

    Parameters
    ----------
    uniform : array, any shape
        Probabilities; 0 and 1 are taken as 2^-53 and 1 - 2^-53. [1]

    Returns
    -------
    array, same shape
        The inverse of the normal distribution function; between -8.3 and 8.3, so never infinite.
    """
    # scipy is imported only where it is needed: a worker that draws at random starts without it.
    from scipy.special import ndtri

    return np.asarray(ndtri(uniform.clip(_EDGE, 1 - _EDGE)))


def _generator(seed: int, *stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=stream))


@lru_cache(maxsize=1)
def _strata(seed: int, dimensions: int, samples: int) -> NDArray[np.int32]:
    """Return the stratum of every sample of a Latin hypercube, shape (dimension, sample)."""
    generator = _generator(seed, _LATIN, samples)
    strata = np.tile(np.arange(samples, dtype=np.int32), (dimensions, 1))
    for row in strata:
        generator.shuffle(row)
    strata.flags.writeable = False
    return strata


@lru_cache(maxsize=32)
def _sobol_digits(seed: int, dimensions: int, bits: int) -> NDArray[np.int64]:
    """Return what the first 2^bits points of a scrambled Sobol sequence follow from.

    The points are linear in the bits of their number k, as binary digits added without carry:
    x_k = x_0 ^ XOR over the set bits j of k of (x_(2^j) ^ x_0). It is linear in the Gray code of k
    by construction, and the Gray code is k ^ (k >> 1), itself linear. So any point is found at
    once, without those before it.

    Returns
    -------
    array, shape (1 + bits, dimension)
        x_0, then x_(2^j) ^ x_0 for each bit j, as integers of 30 binary digits.
    """
    from scipy.stats import qmc

    engine = qmc.Sobol(dimensions, bits=_SOBOL_BITS, rng=_generator(seed, _SOBOL, dimensions))
    points = [engine.random(1)[0]]
    for bit in range(bits):
        points.append(engine.fast_forward(2**bit - engine.num_generated).random(1)[0])
    digits = (np.array(points) * 2**_SOBOL_BITS).astype(np.int64)
    digits[1:] ^= digits[0]
    digits.flags.writeable = False
    return digits
