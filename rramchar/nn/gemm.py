"""Exact products of weights -1, 0, +1 with whole numbers, two of them in one floating product.

BLAS multiplies floating-point matrices much faster than numpy multiplies integers, and whole
numbers below 2**24 are exact in float32, as are their sums in any order. A sum of ``K`` inputs of
magnitude at most ``B`` needs only ``2 K B + 1`` values, so two rows of weights share one row:

    ``P = (M W_high + W_low) x = M s_high + s_low``,  with  ``M > 2 K B``  and
    ``K B (M + 1) < 2**24``.

``s_high`` is ``P / M`` rounded to the nearest whole number and ``s_low`` is what is left. ``M`` is
a power of two where one fits, which is cheapest to divide by. That halves the multiplications.
Where it does not fit, the inputs are split into parts whose sums are added, or the product is done
unpacked, in float32 while ``K B < 2**24`` and in float64 beyond.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

FLOAT32_LIMIT = 2**24
FLOAT64_LIMIT = 2**53
_BLOCK_BYTES = 2**20  # of a product: it is still in the cache when it is taken apart
FEW_OUTPUTS = 32  # below, pairs of columns share a number rather than rows of weights
_PAIR_INPUTS = 120  # below 128
_CLEAR = 0.499  # of a base, below which sums leave room for the rounding of a quotient
_FEWEST_PACKED = FEW_OUTPUTS  # outputs below which a second row in the product gains nothing
_SHORTEST_PART = 128  # inputs of a part below which taking products apart costs too much


def exact_dtype(inputs: int, bound: int) -> type[np.floating]:
    """Return the floating type in which a layer's sums are exact.

    Parameters
    ----------
    inputs : int
        Inputs of each neuron.
    bound : int
        Largest absolute value of an input.

    Returns
    -------
    type
        ``numpy.float32`` or ``numpy.float64``. Twice the largest sum fits, so that differences of
        sums are exact as well.

    Examples
    --------
    >>> exact_dtype(784, 255).__name__
    'float32'
    >>> exact_dtype(40000, 255).__name__
    'float64'
    """
    return np.float32 if 2 * inputs * bound < FLOAT32_LIMIT else np.float64


def packing_base(inputs: int, bound: int) -> int | None:
    """Return the factor that keeps two sums apart in one float32, None if there is none.

    Parameters
    ----------
    inputs : int
        Inputs of each neuron.
    bound : int
        Largest absolute value of an input.

    Returns
    -------
    int or None
        ``M`` of the module's formula: a power of two, or else the largest number that fits.

    Examples
    --------
    >>> packing_base(784, 1), packing_base(2047, 1), packing_base(2304, 1), packing_base(784, 255)
    (2048, 4096, 7280, None)
    """
    largest = inputs * bound
    base = 1 << (2 * largest).bit_length()
    if largest * (base + 1) < FLOAT32_LIMIT:
        return base
    base = (FLOAT32_LIMIT - 1) // largest - 1
    return base if largest < _CLEAR * base else None


@dataclass(frozen=True, eq=False)
class ExactWeights:
    """Weights made ready for exact products; made by `prepare_weights`.

    Parameters
    ----------
    outputs, inputs : int
        Size.
    bound : int
        Largest absolute value of an input.
    parts : tuple of (slice, array)
        Ranges of the inputs, and the floating matrix that multiplies each: shape (output, input),
        or (ceil(output / 2), input) where two rows are packed.
    base : int or None
        Factor of the first half of the rows in a packed matrix; None where nothing is packed.
    """

    outputs: int
    inputs: int
    bound: int
    parts: tuple[tuple[slice, NDArray[Any]], ...]
    base: int | None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Floating type of the inputs and of the sums."""
        return self.parts[0][1].dtype

    def restricted(self, kept: NDArray[np.intp]) -> ExactWeights:
        """Return the weights of some of the inputs, given by ascending index."""
        edges = np.searchsorted(kept, [part.start for part, _ in self.parts] + [self.inputs])
        parts = tuple(
            (slice(int(first), int(last)), np.take(matrix, kept[first:last] - part.start, axis=1))
            for (part, matrix), first, last in zip(self.parts, edges, edges[1:], strict=False)
        )
        return replace(self, inputs=len(kept), parts=parts)

    def product(self, values: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the sums of each output, exactly.

        Parameters
        ----------
        values : array, shape (input, column)
            Whole numbers within the bound, in `dtype`.
        out : array, shape (output, column), optional
            Receives the sums, in `dtype`.

        Returns
        -------
        array, shape (output, column)
            ``weights @ values``.
        """
        self._check(values)
        if out is None:
            out = np.empty((self.outputs, values.shape[1]), dtype=self.dtype)
        if self.base is None:
            return np.matmul(self.parts[0][1], values, out=out)
        half = len(self.parts[0][1])
        scale, power = np.float32(1 / self.base), _is_power(self.base)
        for columns, high, low in self._halves(values):
            upper, lower = out[:half, columns], out[half:, columns]
            for k, (inputs, weights) in enumerate(self.parts):
                np.matmul(weights, values[inputs, columns], out=low)
                self._split(low, high)
                high *= scale
                if not power:
                    np.rint(high, out=high)
                if k == 0:
                    upper[...] = high
                    lower[...] = low[: len(lower)]
                else:
                    upper += high
                    lower += low[: len(lower)]
        return out

    def reaches(self, values: NDArray[Any], threshold: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where the sums reach the thresholds, without writing the sums.

        Parameters
        ----------
        values : array, shape (input, column)
            Whole numbers within the bound, in `dtype`.
        threshold : array, shape (output, 1)
            Whole numbers in `dtype`, from ``-input * bound`` to ``input * bound + 1``.

        Returns
        -------
        array of bool, shape (output, column)
            ``weights @ values >= threshold``.
        """
        self._check(values)
        if self.base is None or len(self.parts) > 1:
            return self.product(values) >= threshold
        out = np.empty((self.outputs, values.shape[1]), dtype=bool)
        weights = self.parts[0][1]
        half = len(weights)
        # The low sum is closer to 0 than half of the base.
        edge = threshold[:half].astype(np.float64) * self.base - self.base // 2
        edge = edge.astype(np.float32)
        for columns, high, low in self._halves(values):
            np.matmul(weights, values[:, columns], out=low)
            np.greater_equal(low, edge, out=out[:half, columns])
            self._split(low, high)
            lower = out[half:, columns]
            np.greater_equal(low[: len(lower)], threshold[half:], out=lower)
        return out

    def _split(self, low: NDArray[Any], high: NDArray[Any]) -> None:
        """Split packed sums in place: `high` gets base times the upper sums, `low` the lower."""
        assert self.base is not None
        if _is_power(self.base):
            # Numbers of this size are whole multiples of the base, so adding one rounds to them.
            # There are no ties, for the lower sums are closer to 0 than half of the base.
            large = np.float32(1.5 * 2**23 * self.base)
            np.add(low, large, out=high)
            high -= large
        else:
            np.multiply(low, np.float32(1 / self.base), out=high)
            np.rint(high, out=high)  # right, for the base is clear of twice the lower sums
            high *= np.float32(self.base)
        low -= high

    def _halves(
        self, values: NDArray[Any]
    ) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
        """Yield ranges of columns with two scratch arrays that are used over and over."""
        rows, total = len(self.parts[0][1]), values.shape[1]
        width = min(total, max(64, _BLOCK_BYTES // (4 * rows)))
        scratch = np.empty((2, rows * width), dtype=np.float32)
        for start in range(0, total, width):
            several = min(width, total - start)
            high, low = scratch[:, : rows * several].reshape(2, rows, several)
            yield slice(start, start + several), high, low

    def _check(self, values: NDArray[Any]) -> None:
        if values.ndim != 2 or values.shape[0] != self.inputs or values.dtype != self.dtype:
            raise InputError(
                f"values: {values.dtype}, shape {values.shape}; expected {self.dtype}, "
                f"({self.inputs}, columns)"
            )


def _is_power(base: int) -> bool:
    return base & (base - 1) == 0


def prepare_weights(weights: NDArray[np.int8], bound: int) -> ExactWeights:
    """Make weights ready for exact products with whole numbers of bounded magnitude.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Each -1, 0 or +1.
    bound : int
        Largest absolute value that an input can have: 1 for -1, 0, +1; 255 for pixels.

    Returns
    -------
    ExactWeights
        Packed two in one where that fits and gains.

    Raises
    ------
    InputError
        If the sums would not even be exact in float64.
    """
    outputs, inputs = weights.shape
    if inputs * bound >= FLOAT64_LIMIT:
        raise InputError(f"weights: {inputs} inputs of up to {bound} have no exact sum in float64")
    several = _parts(inputs, bound) if outputs >= _FEWEST_PACKED else 0
    if not several:
        dtype = exact_dtype(inputs, bound)
        whole = (slice(0, inputs), weights.astype(dtype))
        return ExactWeights(outputs, inputs, bound, (whole,), None)
    length = -(-inputs // several)
    base = packing_base(length, bound)
    assert base is not None
    half = -(-outputs // 2)
    packed = weights[:half].astype(np.float32)
    packed *= np.float32(base)
    packed[: outputs - half] += weights[half:]
    parts = tuple(
        (slice(start, min(start + length, inputs)), packed[:, start : start + length])
        for start in range(0, inputs, length)
    )
    return ExactWeights(outputs, inputs, bound, parts, base)


def _parts(inputs: int, bound: int) -> int:
    """Return into how many parts the inputs are split for packing, 0 for no packing."""
    if exact_dtype(inputs, bound) is not np.float32:
        return 0
    parts = 1
    while packing_base(-(-inputs // parts), bound) is None:
        parts += 1
        if inputs // parts < _SHORTEST_PART:
            return 0
    return parts


def pair_product(
    weights: NDArray[np.int8], flags: NDArray[Any], less: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return ``weights @ flags``, or ``weights @ (flags - less)``, fast for few outputs.

    Two columns share a number, the second one times 256; up to 127 terms -1, 0, 1 of sums stay
    apart, so the inputs are taken in chunks.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Each -1, 0 or +1.
    flags, less : array of bool or uint8, shape (input, column)
        Each 0 or 1.

    Returns
    -------
    array of float32 or float64, shape (output, column)
        Exact.
    """
    columns = flags.shape[1]
    if columns % 2:
        one = ((0, 0), (0, 1))
        flags, less = np.pad(flags, one), None if less is None else np.pad(less, one)
    total = np.zeros((len(weights), flags.shape[1]), dtype=exact_dtype(len(flags), 1))
    for start in range(0, len(flags), _PAIR_INPUTS):
        part = slice(start, start + _PAIR_INPUTS)
        pairs = flags[part].view("<i2")
        if less is not None:
            pairs = pairs - less[part].view("<i2")
        low = weights[:, part].astype(np.float32) @ pairs.astype(np.float32)
        high = np.rint(low * np.float32(1 / 256))
        low -= high * np.float32(256)
        total[:, ::2] += low
        total[:, 1::2] += high
    return total[:, :columns]


def signed_sums(sums: NDArray[Any], weights: NDArray[np.int8]) -> NDArray[Any]:
    """Turn sums over inputs 0 and 1, shape (output, column), into those over -1 and 1 in place."""
    sums *= 2
    sums -= weights.sum(axis=1, dtype=np.int64).astype(sums.dtype)[:, None]
    return sums


def exact_product(weights: NDArray[np.int8], values: NDArray[Any], bound: int = 1) -> NDArray[Any]:
    """Return ``weights @ values``, exactly; see `prepare_weights` for weights used often.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Each -1, 0 or +1.
    values : array of whole numbers, shape (input, column)
        Any numeric type; magnitude at most `bound`.
    bound : int
        Largest absolute value of an input.

    Returns
    -------
    array of float32 or float64, shape (output, column)
        Whole numbers.
    """
    ready = prepare_weights(weights, bound)
    return ready.product(np.ascontiguousarray(values, dtype=ready.dtype))
