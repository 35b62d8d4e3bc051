"""The nodes of a network that are no window: dense, threshold, affine, add, flatten.

Every record says what it gives for what it gets (`form`) and, except for the ones with weights,
does it (`apply`) to arrays that `tensor` describes. `apply` takes the channels that the arrays
hold, so that a part of the channels can be worked out alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.gemm import ExactWeights, prepare_weights
from rramchar.nn.network import checked_weights, frozen, zero_fraction
from rramchar.nn.tensor import Form

Channels = slice | NDArray[np.intp]
ALL = slice(None)
MOST_LEVELS = 255


@dataclass(frozen=True, eq=False)
class Dense:
    """Weighted sums of all features.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Stored weights, each -1, 0 or +1.
    """

    weights: NDArray[np.int8]

    def __post_init__(self) -> None:
        """Check the weights and keep a read-only copy."""
        object.__setattr__(self, "weights", checked_weights(self.weights, ("output", "input")))

    @property
    def inputs(self) -> int:
        """Number of inputs of each neuron."""
        return self.weights.shape[1]

    @property
    def outputs(self) -> int:
        """Number of neurons."""
        return self.weights.shape[0]

    @property
    def zero_fraction(self) -> float:
        """Share of the weights that are 0. [1]."""
        return zero_fraction(self.weights)

    def form(self, given: Form) -> Form:
        """Return the form of the sums."""
        if given.shape != (self.inputs,):
            raise InputError(
                f"takes {self.inputs} features but gets the shape {given.shape}"
                + ("; flatten it first" if len(given.shape) > 1 else "")
            )
        return Form((self.outputs,), self.inputs * given.bound, given.step)

    def prepare(self, given: Form) -> ReadyDense:
        """Return the layer with its weights ready for products."""
        return ReadyDense(prepare_weights(self.weights, given.bound))


@dataclass(frozen=True, eq=False)
class Edges:
    """Thresholds as whole numbers to compare with; made by `Threshold.edges`.

    Parameters
    ----------
    edge : array of float64, shape (level, channel)
        Whole numbers.
    inverted : array of bool, shape (channel,), or None
        Where reaching the edge counts as not reaching the level; None where nowhere.
    gain, base : int
        Of the output.
    """

    edge: NDArray[np.float64]
    inverted: NDArray[np.bool_] | None
    gain: int
    base: int

    def of(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs for numbers of shape (channel, ..., image)."""
        column = (len(numbers),) + (1,) * (numbers.ndim - 1)
        # Small types compare with numbers of their own range only.
        kind = numbers.dtype if numbers.dtype.kind == "f" else np.dtype(np.float64)
        return self._count([numbers >= edge.astype(kind).reshape(column) for edge in self.edge])

    def of_product(self, ready: ExactWeights, columns: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs for ``weights @ columns``, shape (channel, column)."""
        if len(self.edge) == 1:
            return self._count([ready.reaches(columns, self.edge[0].astype(ready.dtype)[:, None])])
        return self.of(ready.product(columns))

    def part(self, channels: slice) -> Edges:
        """Return the edges of some channels."""
        inverted = None if self.inverted is None else self.inverted[channels]
        return Edges(self.edge[:, channels], inverted, self.gain, self.base)

    def _count(self, reached: list[NDArray[np.bool_]]) -> NDArray[Any]:
        for one in reached:
            if self.inverted is not None:
                one ^= self.inverted.reshape((-1,) + (1,) * (one.ndim - 1))
        largest = max(abs(self.base), abs(self.base + self.gain * len(reached)))
        dtype = np.int8 if largest < 128 else np.int32
        count: NDArray[Any] = reached[0].astype(dtype)
        for one in reached[1:]:
            count += one
        if self.gain != 1:
            count *= dtype(self.gain)
        count += dtype(self.base)
        return count


@dataclass(frozen=True, eq=False)
class ReadyDense:
    """A dense layer ready to be run on arrays of shape (feature, image)."""

    exact: ExactWeights

    def __call__(self, values: NDArray[Any], edges: Edges | None = None) -> NDArray[Any]:
        """Return the sums, or the outputs of the threshold that follows."""
        columns = np.ascontiguousarray(values, dtype=self.exact.dtype)
        return (
            self.exact.product(columns) if edges is None else edges.of_product(self.exact, columns)
        )


@dataclass(frozen=True, eq=False)
class Threshold:
    """Batch normalization and quantization in one: count the thresholds that a number reaches.

    The output is ``base + gain * sum_k [direction * number >= levels[k]]``. One level with the
    default gain and base gives -1 and +1; two levels with gain 1 give -1, 0 and +1.

    Parameters
    ----------
    levels : array of int64, shape (channel,) or (channel, level)
        In units of the input's step, ascending along the level.
    direction : array of int8, shape (channel,), or None
        +1, or -1 where the normalization falls with its input (negative gamma). None: all +1.
    gain, base : int
        Of the output.
    """

    levels: NDArray[np.int64]
    direction: NDArray[np.int8] | None = None
    gain: int = 2
    base: int = -1

    def __post_init__(self) -> None:
        """Check the arrays and keep read-only copies."""
        levels = np.asarray(self.levels)
        if levels.dtype.kind not in "iu":
            raise InputError(f"levels: type {levels.dtype}, expected integers")
        if levels.ndim == 1:
            levels = levels[:, None]
        if levels.ndim != 2 or 0 in levels.shape or levels.shape[1] > MOST_LEVELS:
            raise InputError(
                f"levels: shape {levels.shape}, expected (channel, level) with 1 to {MOST_LEVELS} "
                "levels"
            )
        if (np.diff(levels, axis=1) < 0).any():
            raise InputError("levels: fall along a channel, expected ascending levels")
        object.__setattr__(self, "levels", frozen(levels.astype(np.int64)))
        direction = np.ones(len(levels)) if self.direction is None else np.asarray(self.direction)
        if direction.shape != (len(levels),) or not np.isin(direction, (-1, 1)).all():
            raise InputError(f"direction: expected +1 or -1 for each of the {len(levels)} channels")
        object.__setattr__(self, "direction", frozen(direction.astype(np.int8)))
        for name in ("gain", "base"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**20:
                raise InputError(f"{name}: {value!r}, expected a whole number of at most 2**20")
        if self.gain == 0:
            raise InputError("gain: 0, expected another whole number")

    def form(self, given: Form) -> Form:
        """Return the form of the outputs."""
        _check_channels("levels", len(self.levels), given)
        largest = max(abs(self.base), abs(self.base + self.gain * self.levels.shape[1]))
        return Form(given.shape, largest)

    def edges(self, given: Form, channels: Channels = ALL) -> Edges:
        """Return the thresholds as numbers to compare sums with.

        ``-n >= level`` is the opposite of ``n >= 1 - level``. Levels outside the numbers that can
        occur are moved to their edge, where they still mean always or never.
        """
        assert self.direction is not None
        inverted = self.direction[channels] < 0
        levels = np.clip(self.levels[channels], -given.bound, given.bound + 1)
        edge = np.where(inverted[:, None], 1 - levels, levels).astype(np.float64)
        return Edges(
            np.ascontiguousarray(edge.T), inverted if inverted.any() else None, self.gain, self.base
        )

    def apply(
        self, values: tuple[NDArray[Any], ...], given: tuple[Form, ...], channels: Channels = ALL
    ) -> NDArray[Any]:
        """Return the outputs of the given channels."""
        return self.edges(given[0], channels).of(values[0])


@dataclass(frozen=True, eq=False)
class Affine:
    """A full-precision activation: ``(scale * value + offset) / divisor``, limited, on a fine grid.

    The result is rounded (half to even) to a whole multiple of ``2**-bits``, so that the sums of
    the next layer are exact. With 0 bits it is an integer quantization. Means and quotients are
    divided last: 49 / 49 is 1 in floating-point numbers, 49 * (1 / 49) is less.

    Parameters
    ----------
    scale, offset : array of float64, shape (channel,)
        Of a folded batch normalization, for example.
    low, high : float or None
        Limits of the result: 0 and None make a rectifier, -1 and 1 a hard tanh.
    bits : int
        Binary places that are kept, from 0 to 40.
    divisor : array of float64, shape (channel,), or None
        Above 0. None: 1 everywhere.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    low: float | None = None
    high: float | None = None
    bits: int = 20
    divisor: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check the arrays and keep read-only copies."""
        for name in ("scale", "offset", "divisor"):
            if name == "divisor" and self.divisor is None:
                continue
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
                raise InputError(f"{name}: expected a finite number for each channel")
            if len(values) != len(self.scale):
                raise InputError(
                    f"{name}: {len(values)} numbers, expected {len(self.scale)} as in scale"
                )
            object.__setattr__(self, name, frozen(values))
        if self.divisor is not None and not (self.divisor > 0).all():
            raise InputError(f"divisor: {self.divisor.min():g}, expected numbers above 0")
        for name in ("low", "high"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"{name}: {value!r}, expected a finite number or None")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InputError(f"low: {self.low:g} is above high, {self.high:g}")
        if (
            isinstance(self.bits, bool)
            or not isinstance(self.bits, int)
            or not 0 <= self.bits <= 40
        ):
            raise InputError(f"bits: {self.bits!r}, expected a whole number from 0 to 40")

    def form(self, given: Form) -> Form:
        """Return the form of the activations."""
        _check_channels("scale", len(self.scale), given)
        divisor = 1.0 if self.divisor is None else self.divisor
        reach = np.abs(self.scale) * float(given.bound * given.step)
        top = float(((self.offset + reach) / divisor).max())
        bottom = float(((self.offset - reach) / divisor).min())
        largest = max(abs(self._limited(top)), abs(self._limited(bottom)))
        bound = math.ceil(largest * 2**self.bits) + 1  # one more for what rounding adds
        return Form(given.shape, bound, Fraction(1, 2**self.bits))

    def apply(
        self, values: tuple[NDArray[Any], ...], given: tuple[Form, ...], channels: Channels = ALL
    ) -> NDArray[Any]:
        """Return the activations of the given channels, as numbers."""
        column = (-1,) + (1,) * (values[0].ndim - 1)
        step = given[0].step
        scale, offset = self.scale[channels], self.offset[channels]
        result = values[0].astype(np.float64)
        result *= (scale * step.numerator).reshape(column)
        result += (offset * step.denominator).reshape(column)
        if self.divisor is not None:
            result /= (self.divisor[channels] * step.denominator).reshape(column)
        elif step.denominator != 1:
            result /= step.denominator
        if self.low is not None or self.high is not None:
            np.clip(result, self.low, self.high, out=result)
        result *= 2.0**self.bits
        return np.rint(result, out=result)

    def _limited(self, value: float) -> float:
        value = value if self.low is None else max(value, self.low)
        return value if self.high is None else min(value, self.high)


@dataclass(frozen=True)
class Add:
    """The sum of two or more inputs of one shape, as in a residual connection."""

    def form(self, *given: Form) -> Form:
        """Return the form of the sum."""
        if len(given) < 2:
            raise InputError("adds, so it needs at least two inputs")
        if len({one.shape for one in given}) > 1:
            shapes = " and ".join(str(one.shape) for one in given)
            raise InputError(f"adds inputs of the shapes {shapes}, expected one shape")
        factors = self._factors(given)
        bound = sum(one.bound * f for one, f in zip(given, factors, strict=True))
        return Form(given[0].shape, bound, given[0].step / factors[0])

    def apply(
        self, values: tuple[NDArray[Any], ...], given: tuple[Form, ...], channels: Channels = ALL
    ) -> NDArray[Any]:
        """Return the sum of the given channels."""
        total = np.zeros(values[0].shape)
        for one, factor in zip(values, self._factors(given), strict=True):
            total += one if factor == 1 else one * np.float64(factor)
        return total

    @staticmethod
    def _factors(given: tuple[Form, ...]) -> list[int]:
        """Return by how much each input's numbers grow in the finest common step."""
        top = math.gcd(*(one.step.numerator for one in given))
        bottom = math.lcm(*(one.step.denominator for one in given))
        common = Fraction(top, bottom)
        return [int(one.step / common) for one in given]


@dataclass(frozen=True)
class Flatten:
    """All numbers of an image in one row: channels outermost, as in an image file of planes."""

    def form(self, given: Form) -> Form:
        """Return the form of the row."""
        return Form((given.size,), given.bound, given.step)

    def apply(
        self, values: tuple[NDArray[Any], ...], given: tuple[Form, ...], channels: Channels = ALL
    ) -> NDArray[Any]:
        """Return the row of the given channels."""
        return values[0].reshape(-1, values[0].shape[-1])


def _check_channels(name: str, count: int, given: Form) -> None:
    if count != given.channels:
        raise InputError(f"{name}: for {count} channels, but the input has {given.channels}")
