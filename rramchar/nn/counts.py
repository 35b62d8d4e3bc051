"""First layers of weights -1 and +1, three neurons in one floating number, by counting.

Let x be the inputs from 0 up (marks 0 and 1, or pixels), S their sum, and U the sum of those that
meet a weight of +1. A neuron's sum is ``w . x = 2 U - S``, or twice that less ``sum(w)`` where
marks stand for -1 and +1; so ``z >= t`` is a question about ``U - S / 2``. The U are not negative
and at most S: three of them fit into the 24 bits of a float32 where few marks are set, and into the
53 bits of a float64 for pixels,

    ``P = B^2 U_1 + B U_2 + U_3``,  ``B = 2^8`` or ``2^17``,

and one row of a matrix product works out three neurons. Two more inputs turn U into
``U - floor(S / 2) + const``, by which thresholds are the same for all images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MARK_BASE, _PIXEL_BASE = 2**8, 2**17
MOST_MARKS = _MARK_BASE - 2
"""As many varying marks of an image can be counted."""

_COLUMNS = 1024  # images whose counts are taken apart at a time: they stay in the cache
_FEWEST_OUTPUTS = 96  # below, too little is gained
_LIMIT = 2**24  # of sums in float32
_WHOLE = np.float64(2**52)


@dataclass(frozen=True, eq=False)
class CountedLayer:
    """A first layer; made by `counted_layer`.

    Parameters
    ----------
    weights : array of float32, shape (output, input)
        Each -1 or +1.
    packed : array of float32 or float64, shape (input, ceil(output / 3))
        Where weights are +1, three outputs in one.
    edge : array of int64, shape (output,)
        The neuron fires where ``2 U - S`` is as large.
    base : int
        Factor between the rows in one; a power of two.
    """

    weights: NDArray[np.float32]
    packed: NDArray[Any]
    edge: NDArray[np.int64]
    base: int

    def fired(self, inputs: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return which neurons fire.

        Parameters
        ----------
        inputs : array of bool or uint8, shape (image, input)
            Marks or pixels of a block of images.

        Returns
        -------
        array of bool, shape (output, image)
            Or None if the inputs of an image add up to too much.
        """
        small = inputs.view(np.uint8)
        lowest = small.min(axis=0)
        varies = lowest != small.max(axis=0)
        kept = np.flatnonzero(varies)
        dtype = self.packed.dtype
        values = np.empty((len(inputs), len(kept) + 2), dtype=dtype)
        values[:, :-2] = np.take(small, kept, axis=1)
        total = np.rint(values[:, :-2] @ np.ones(len(kept), dtype)).astype(np.int64)
        half = total // 2
        most = int(half.max(initial=0))
        if int((total - half).max(initial=0)) + most + 1 >= self.base:
            return None
        values[:, -2] = most - half
        values[:, -1] = total % 2 == 0
        # 2 U - S >= edge, or U >= (edge + S) / 2, rounded up: half the edge, rounded up, and half
        # of S, rounded up where the edge is even, else down.
        edge = self.edge - self._constant(np.where(varies, 0, lowest))
        even = edge % 2 == 0
        matrix = np.empty((len(kept) + 2, self.packed.shape[1]), dtype=dtype)
        np.take(self.packed, kept, axis=0, out=matrix[:-2])
        matrix[-2] = 1 + self.base + self.base**2
        matrix[-1] = _pack(even[:, None], self.base, dtype)[0]
        least = np.clip(-(-edge // 2) + even + most, 0, self.base)
        fired = np.empty((len(least), len(inputs)), dtype=bool)
        for start in range(0, len(inputs), _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            _compare(matrix.T @ values[columns].T, least, self.base, fired[:, columns])
        return fired

    def _constant(self, values: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return what the inputs that are the same in all images add to ``2 U - S``."""
        if not values.any():
            return np.zeros(len(self.weights), dtype=np.int64)
        return np.rint(self.weights @ values.astype(np.float32)).astype(np.int64)


def counted_layer(
    weights: NDArray[np.int8], threshold: NDArray[np.int64], *, marks: bool
) -> CountedLayer | None:
    """Make a first layer ready.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Stored weights.
    threshold : array of integers, shape (output,)
        The neuron fires where its sum is as large.
    marks : bool
        True for inputs -1 and +1, given as marks; False for pixels from 0 to 255.

    Returns
    -------
    CountedLayer or None
        None where a weight is 0, the outputs are too few to gain, or the inputs too many.
    """
    outputs, inputs = weights.shape
    if outputs < _FEWEST_OUTPUTS or not weights.all() or inputs * 255 >= _LIMIT:
        return None
    edge = threshold.astype(np.int64)
    if marks:
        edge = -(-(edge + weights.sum(axis=1, dtype=np.int64)) // 2)
    base, dtype = (_MARK_BASE, np.float32) if marks else (_PIXEL_BASE, np.float64)
    packed = _pack(weights > 0, base, np.dtype(dtype))
    return CountedLayer(weights.astype(np.float32), packed, edge, base)


def _pack(flags: NDArray[np.bool_], base: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return three rows of flags in one column, the first third of the rows highest."""
    rows = -(-len(flags) // 3)
    packed = np.zeros((flags.shape[1], rows), dtype=dtype)
    for start in range(0, len(flags), rows):
        unit = dtype.type(base ** (2 - start // rows))
        packed[:, : len(flags) - start] += unit * flags[start : start + rows].T
    return packed


def _compare(
    product: NDArray[Any], least: NDArray[np.int64], base: int, fired: NDArray[np.bool_]
) -> None:
    """Take the packed sums apart and write where each reaches its least one."""
    rows = len(product)
    if product.dtype == np.float32:
        sums: NDArray[Any] = product.astype(np.int32)
    else:
        product += _WHOLE  # its last bits are the whole number then
        sums = product.view(np.int64)
        sums &= base**3 - 1
    for k in range(3):
        mine = slice(k * rows, min((k + 1) * rows, len(least)))
        unit = base ** (2 - k)
        edge = (least[mine, None] * unit).astype(sums.dtype)
        np.greater_equal(sums[: len(edge)], edge, out=fired[mine])
        if k < 2:
            sums &= unit - 1
