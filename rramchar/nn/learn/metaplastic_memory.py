"""Hidden weights that resist: how they are kept, updated, and how often their cells are written.

The rule is that of Laborieux et al., "Synaptic metaplasticity in binarized neural networks", Nat.
Commun. 12, 2549 (2021): an update that would shrink the magnitude of a hidden weight w is damped by
``1 - tanh^2(m |w|)``, and one that would let it grow is not. The binary weight is the sign of w.
The 8-bit form follows the chip of Martemucci et al., MEMRISYS 2023 (hal cea-04539479): hidden
weights in ferroelectric memory (FeRAM), binary weights in resistive memory (OxRAM).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.optimizer import BLOCK, Adam
from rramchar.nn.quantize import Array, Quantizer, sign

ROUNDINGS = ("stochastic", "nearest")
LOWEST, HIGHEST = -128, 127

Counts = NDArray[np.int32]


class HiddenWeights(Protocol):
    """What a layer needs of its hidden weights, however they are kept.

    Attributes
    ----------
    writes : array of int32, shape (output, input)
        How often each hidden weight changed, that is, its cells were written.
    flips : array of int32, shape (output, input)
        How often each binary weight changed, that is, its OxRAM pair was programmed again.
    """

    writes: Counts
    flips: Counts

    def add(self, change: Array) -> None:
        """Add a change to each weight, damped where it shrinks one; `change` is overwritten."""
        ...

    def binary(self, out: Array) -> None:
        """Write the binary weights, +1 or -1."""
        ...

    def values(self) -> Array:
        """Return the hidden weights as float32 numbers."""
        ...


def damping(magnitude: NDArray[Any], m: float) -> NDArray[Any]:
    """Return the factor on an update that would shrink a hidden weight, ``1 - tanh^2(m |w|)``.

    Parameters
    ----------
    magnitude : array
        |w|. [1]
    m : float
        Strength of the metaplasticity; with 0 the factor is 1. [1]

    Returns
    -------
    array
        From 1 down to 0, in the type of `magnitude`. Laborieux et al. (2021), f_meta.
    """
    factor = np.tanh(magnitude * magnitude.dtype.type(m))
    factor *= factor
    return np.subtract(1, factor, out=factor)


class FloatWeights:
    """Hidden weights as float32 numbers: the rule as published, and the control of the 8-bit form.

    Parameters
    ----------
    start : array of float32, shape (output, input)
        Taken over, not copied.
    m : float
        Strength of the metaplasticity. [1]
    """

    def __init__(self, start: Array, m: float) -> None:
        self._w = start
        self._m = m
        self.writes: Counts = np.zeros(start.shape, dtype=np.int32)
        self.flips: Counts = np.zeros(start.shape, dtype=np.int32)

    def add(self, change: Array) -> None:
        """Add a change, damped where it shrinks a weight; see `HiddenWeights`."""
        flat, writes, flips = (a.reshape(-1) for a in (self._w, self.writes, self.flips))
        for start in range(0, flat.size, BLOCK):
            part = slice(start, start + BLOCK)
            w, delta = flat[part], change[part]
            negative = np.signbit(w)
            if self._m:
                shrinks = np.signbit(delta) != negative
                np.multiply(delta, damping(np.abs(w), self._m), out=delta, where=shrinks)
            after = w + delta
            writes[part] += after != w
            flips[part] += np.signbit(after) != negative
            w[:] = after

    def binary(self, out: Array) -> None:
        """Write the signs; see `HiddenWeights`."""
        sign(self._w, out)

    def values(self) -> Array:
        """Return the weights themselves; see `HiddenWeights`."""
        return self._w


class FeramWeights:
    """Hidden weights as saturating 8-bit integers q that stand for ``w = (q + 1/2) step``.

    The half keeps both signs equal (128 magnitudes each) and leaves no 0 without a sign: the binary
    weight is the sign bit. The damping is a table of 128 numbers, as hardware would have it.

    Parameters
    ----------
    start : array of float32, shape (output, input)
        Rounded to the nearest integers.
    m : float
        Strength of the metaplasticity. [1]
    full_scale : float
        The hidden weight at which integers saturate; `step` is 1/128 of it. [1]
    rounding : str
        ``nearest``: an update below half a step is lost. ``stochastic``: it is a whole step with
        the probability that makes the mean right.
    rng : numpy.random.Generator
        Of the stochastic rounding.
    """

    def __init__(
        self, start: Array, m: float, full_scale: float, rounding: str, rng: np.random.Generator
    ) -> None:
        self.step = np.float32(full_scale / -LOWEST)
        self.q = np.clip(np.floor(start / self.step), LOWEST, HIGHEST).astype(np.int8)
        magnitude = (np.arange(-LOWEST, dtype=np.float32) + np.float32(0.5)) * self.step
        self._damping = damping(magnitude, m) if m else None
        self._rng = rng if rounding == "stochastic" else None
        self.writes: Counts = np.zeros(start.shape, dtype=np.int32)
        self.flips: Counts = np.zeros(start.shape, dtype=np.int32)

    def add(self, change: Array) -> None:
        """Add a change, damped, rounded and saturating; see `HiddenWeights`."""
        change /= self.step
        flat, writes, flips = (a.reshape(-1) for a in (self.q, self.writes, self.flips))
        for start in range(0, flat.size, BLOCK):
            part = slice(start, start + BLOCK)
            q, delta = flat[part], change[part]
            if self._damping is not None:
                # The magnitude's place in the table: q, or its ones' complement below zero.
                factor = self._damping[np.where(q < 0, ~q, q)]
                np.multiply(delta, factor, out=delta, where=np.signbit(delta) != (q < 0))
            delta += np.float32(0.5) if self._rng is None else self._draws(len(q))
            np.floor(delta, out=delta)
            np.clip(delta, LOWEST - HIGHEST, HIGHEST - LOWEST, out=delta)
            after = np.clip(q + delta.astype(np.int16), LOWEST, HIGHEST).astype(np.int8)
            writes[part] += after != q
            flips[part] += (after < 0) != (q < 0)
            q[:] = after

    def _draws(self, count: int) -> Array:
        assert self._rng is not None
        return self._rng.random(count, dtype=np.float32)

    def binary(self, out: Array) -> None:
        """Write the sign bits; see `HiddenWeights`."""
        np.greater_equal(self.q, 0, out=out, casting="unsafe")
        out *= 2
        out -= 1

    def values(self) -> Array:
        """Return what the integers stand for; see `HiddenWeights`."""
        return np.asarray((self.q + np.float32(0.5)) * self.step)


class HiddenAdam(Adam):
    """Adam whose steps go to hidden weights as changes: it steps a buffer of zeros.

    Parameters
    ----------
    hidden : HiddenWeights
        Receives the steps.
    """

    def __init__(self, hidden: HiddenWeights) -> None:
        self._hidden = hidden
        self._change = np.zeros(hidden.writes.size, dtype=np.float32)
        super().__init__(self._change)

    def step(
        self,
        gradient: Array,
        rate: float,
        quantize: Quantizer | None = None,
        quantized: Array | None = None,
    ) -> None:
        """Update the hidden weights, and write the binary ones; see `Adam.step`.

        Parameters
        ----------
        gradient : array of float32, shape of the weights, contiguous
            Overwritten.
        rate : float
            Learning rate. [1]
        quantize : callable, optional
            Not used: the hidden weights know their signs.
        quantized : array of float32, shape of the weights
            Receives the binary weights.
        """
        self._change.fill(0)
        super().step(gradient, rate)
        self._hidden.add(self._change)
        if quantized is not None:
            self._hidden.binary(quantized)
