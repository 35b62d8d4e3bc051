"""What enters a first layer, without the pixels that are the same in all images of a block.

A pixel that never changes, such as the black margin of handwritten digits, adds the same to a
neuron's sum in every image: it is added once for each neuron, and the product gets shorter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.gemm import ExactWeights
from rramchar.nn.network import InputEncoding

_LEAST_SHARE = 0.05  # of constant pixels: below, leaving them out gains nothing


@dataclass(frozen=True, eq=False)
class BlockInputs:
    """The inputs of a block of images; made by `block_inputs`.

    Parameters
    ----------
    values : array, shape (kept input, image)
        Whole numbers in the layer's exact type.
    kept : array of integers, shape (kept input,)
        Ascending indices of the inputs in `values`.
    constant : array, shape (input,)
        Value of the inputs that were left out, 0 for the others.
    """

    values: NDArray[Any]
    kept: NDArray[np.intp]
    constant: NDArray[Any]

    @property
    def place(self) -> NDArray[np.intp]:
        """Row of each input in `values`, shape (input,); -1 where it was left out."""
        place = np.full(len(self.constant), -1, dtype=np.intp)
        place[self.kept] = np.arange(len(self.kept))
        return place

    def part(self, columns: slice) -> BlockInputs:
        """Return the inputs of some of the images."""
        return replace(self, values=self.values[:, columns])

    def reaches(self, ready: ExactWeights, threshold: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where sums reach thresholds.

        Parameters
        ----------
        ready : ExactWeights
            The weights of all inputs.
        threshold : array, shape (output, 1)
            In the layer's exact type, within the range of the sums.

        Returns
        -------
        array of bool, shape (output, image)
            As for all inputs.
        """
        if len(self.kept) == ready.inputs:
            return ready.reaches(self.values, threshold)
        few = ready.restricted(self.kept)
        largest = few.inputs * few.bound
        left = np.clip(threshold - self._fixed(ready), -largest, largest + 1)
        return few.reaches(self.values, left)

    def sums(self, ready: ExactWeights) -> NDArray[Any]:
        """Return the sums, shape (output, image); see `reaches`."""
        if len(self.kept) == ready.inputs:
            return ready.product(self.values)
        result = ready.restricted(self.kept).product(self.values)
        result += self._fixed(ready)
        return result

    def _fixed(self, ready: ExactWeights) -> NDArray[Any]:
        """Return what the inputs that were left out add to each sum, shape (output, 1)."""
        return ready.product(self.constant[:, None])


def block_inputs(
    encoding: InputEncoding, images: NDArray[np.uint8], dtype: np.dtype[Any]
) -> BlockInputs:
    """Encode a block of images.

    Parameters
    ----------
    encoding : InputEncoding
        How pixels become inputs.
    images : array of uint8, shape (image, pixel)
        The block.
    dtype : dtype
        The first layer's exact type.

    Returns
    -------
    BlockInputs
        The inputs that vary, and the values of the others.
    """
    marks: NDArray[Any] = images
    if encoding.kind == "sign":
        marks = images >= np.uint8(encoding.level or 0)
    varies = (marks != marks[0]).any(axis=0)
    if varies.mean() > 1 - _LEAST_SHARE:
        varies[:] = True
    kept = np.flatnonzero(varies)
    constant = np.where(varies, 0, encoding.apply(images[0], dtype.type))
    some = marks if varies.all() else np.take(marks, kept, axis=1)
    values = signs(some, dtype) if encoding.kind == "sign" else some.astype(dtype)
    return BlockInputs(values.T, kept, constant)


def signs(flags: NDArray[np.bool_], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return +1 where a flag is set and -1 elsewhere, in a floating type and the same shape."""
    small = flags.view(np.int8) + flags.view(np.int8)  # bytes first: a quarter of the memory
    small -= 1
    return small.astype(dtype)
