"""What enters a first layer, without the pixels that are the same in all images of a block.

A pixel that never changes, such as the black margin of handwritten digits, adds the same to a
neuron's sum in every image: it is added once for each neuron, and the product gets shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    def reaches(
        self, weights: NDArray[np.int8], ready: ExactWeights, threshold: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Return where sums reach thresholds.

        Parameters
        ----------
        weights : array of int8, shape (output, input)
            The weights.
        ready : ExactWeights
            The same, prepared.
        threshold : array, shape (output, 1)
            In the layer's exact type, within the range of the sums.

        Returns
        -------
        array of bool, shape (output, image)
            As for all inputs.
        """
        ready, fixed = self._apart(weights, ready)
        largest = ready.inputs * ready.bound
        left = np.clip(threshold - fixed, -largest, largest + 1)
        return ready.reaches(self.values, left)

    def sums(self, weights: NDArray[np.int8], ready: ExactWeights) -> NDArray[Any]:
        """Return the sums, shape (output, image); see `reaches`."""
        ready, fixed = self._apart(weights, ready)
        result = ready.product(self.values)
        result += fixed
        return result

    def _apart(
        self, weights: NDArray[np.int8], ready: ExactWeights
    ) -> tuple[ExactWeights, NDArray[Any]]:
        """Return the weights of `values`, and what the other inputs add, shape (output, 1)."""
        if len(self.kept) == ready.inputs:
            return ready, np.zeros((1, 1), dtype=ready.dtype)
        left_out = np.flatnonzero(self.constant)
        fixed = weights[:, left_out].astype(ready.dtype) @ self.constant[left_out]
        return ready.restricted(self.kept), fixed[:, None]


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
    marks = images >= np.uint8(encoding.level or 0) if encoding.kind == "sign" else images
    varies = (marks != marks[0]).any(axis=0)
    if varies.mean() > 1 - _LEAST_SHARE:
        varies[:] = True
    kept = np.flatnonzero(varies)
    constant = np.where(varies, 0, encoding.apply(images[0], dtype.type))
    pixels = images if varies.all() else np.take(images, kept, axis=1)
    return BlockInputs(encoding.apply(pixels, dtype.type).T, kept, constant)
