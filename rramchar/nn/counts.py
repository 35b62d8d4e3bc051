"""First layers of inputs and weights -1 and +1, three neurons in one float32, by counting.

Let m be 1 where an input is +1 and 0 elsewhere, n the number of such inputs, and u the number of
them that meet a weight of +1. A neuron's sum is ``z = 4 u - 2 n - sum(w)``, so that ``z >= t`` is a
question about ``u - n / 2``. Counts are not negative and, where few inputs are +1, less than 256:
three of them fit into the 24 bits of a float32,

    ``P = 65536 u_1 + 256 u_2 + u_3``,

and one row of a matrix product works out three neurons. Two more inputs turn u into
``u - floor(n / 2) + const``, by which thresholds are the same for all images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BASE = 256
_ALL = 1 + _BASE + _BASE**2  # a one for each of the three neurons
_COLUMNS = 512  # images whose counts are taken apart at a time: they stay in the cache
_FEWEST_OUTPUTS = 96  # below, too little is gained


@dataclass(frozen=True, eq=False)
class CountedLayer:
    """A first layer; made by `counted_layer`.

    Parameters
    ----------
    weights : array of float32, shape (output, input)
        Each -1 or +1.
    packed : array of float32, shape (ceil(output / 3), input)
        Where weights are +1, three rows in one.
    threshold : array of int64, shape (output,)
        The neuron fires where its sum is as large.
    """

    weights: NDArray[np.float32]
    packed: NDArray[np.float32]
    threshold: NDArray[np.int64]

    def fired(self, marks: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Return which neurons fire.

        Parameters
        ----------
        marks : array of bool, shape (image, input)
            Where the inputs of a block of images are +1; they are -1 elsewhere.

        Returns
        -------
        array of bool, shape (output, image)
            Or None if an image has too many marks.
        """
        varies = np.bitwise_or.reduce(marks, axis=0) & ~np.bitwise_and.reduce(marks, axis=0)
        kept = np.flatnonzero(varies)
        values = np.empty((len(marks), len(kept) + 2), dtype=np.float32)
        values[:, :-2] = np.take(marks, kept, axis=1)
        number = np.rint(values[:, :-2] @ np.ones(len(kept), np.float32)).astype(np.int64)
        half = number // 2
        most = int(half.max(initial=0))
        if int((number - half).max(initial=0)) + most + 1 >= _BASE:
            return None
        values[:, -2] = most - half
        values[:, -1] = number % 2 == 0
        least, even = self._least(np.where(varies, 0, np.where(marks[0], 1, -1)))
        matrix = np.empty((len(self.packed), len(kept) + 2), dtype=np.float32)
        matrix[:, :-2] = np.take(self.packed, kept, axis=1)
        matrix[:, -2] = _ALL
        matrix[:, -1] = _pack(even[:, None])[:, 0]
        least = np.clip(least + most, 0, _BASE)
        fired = np.empty((len(least), len(marks)), dtype=bool)
        for start in range(0, len(marks), _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            _compare(matrix @ values[columns].T, least, fired[:, columns])
        return fired

    def _least(self, constant: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return what ``u - floor(n / 2) + (even and n even)`` must reach, and where `even` is."""
        known = np.stack([constant, constant == 0]).astype(np.float32)
        fixed, total = (np.rint(self.weights @ row).astype(np.int64) for row in known)
        # 4 u - 2 n >= t + sum(w) - fixed, or 2 u - n >= edge, and u >= (edge + n) / 2, rounded up:
        # half the edge, rounded up, and half of n, rounded up where the edge is even, else down.
        edge = -((fixed - self.threshold - total) // 2)
        even = edge % 2 == 0
        return -(-edge // 2) + even, even


def counted_layer(weights: NDArray[np.int8], threshold: NDArray[np.int64]) -> CountedLayer | None:
    """Make a first layer ready.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Stored weights.
    threshold : array of integers, shape (output,)
        Within the range of the sums, or one above.

    Returns
    -------
    CountedLayer or None
        None where a weight is 0 or the outputs are too few to gain.
    """
    if len(weights) < _FEWEST_OUTPUTS or not weights.all():
        return None
    return CountedLayer(weights.astype(np.float32), _pack(weights > 0), threshold)


def _pack(flags: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return three rows of flags in one, the first third of the rows highest."""
    rows = -(-len(flags) // 3)
    packed = np.zeros((rows, flags.shape[1]), dtype=np.float32)
    for start in range(0, len(flags), rows):
        packed[: len(flags) - start] += (
            np.float32(_BASE ** (2 - start // rows)) * (flags[start : start + rows])
        )
    return packed


def _compare(
    product: NDArray[np.float32], least: NDArray[np.int64], fired: NDArray[np.bool_]
) -> None:
    """Take the packed counts apart and write where each reaches its least one."""
    rows = len(product)
    counts = product.astype(np.int32)
    for k in range(3):
        mine = slice(k * rows, min((k + 1) * rows, len(least)))
        unit = _BASE ** (2 - k)
        edge = (least[mine, None] * unit).astype(np.int32)
        np.greater_equal(counts[: len(edge)], edge, out=fired[mine])
        counts &= unit - 1
