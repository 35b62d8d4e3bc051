"""Convolution as exact matrix products over small blocks of unfolded positions.

A block of output positions is unfolded into a matrix with one column for each position and image
(im2col; Chellapilla, Puri and Simard, 2006) that stays in the cache, and multiplied by the packed
weights of `gemm`. Images are the last axis, so that unfolding copies long runs for any stride.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.gemm import ExactWeights, prepare_weights
from rramchar.nn.layers import Edges
from rramchar.nn.network import checked_weights, zero_fraction
from rramchar.nn.tensor import Form, output_lengths, window_fields
from rramchar.nn.windows import padded, tap

_BLOCK_BYTES = 2**22  # of unfolded positions: fewer cost calls, more cost cache misses
_FEWEST_COLUMNS = 128


@dataclass(frozen=True, eq=False)
class Conv:
    """A convolution over one or two axes (cross-correlation, as in every network library).

    Parameters
    ----------
    weights : array of int8, shape (output, input / groups, length) or (.., height, width)
        Stored weights, each -1, 0 or +1.
    stride : int or tuple of int
        Moves of the window.
    padding : int or tuple
        See `tensor.window_fields`.
    pad_value : int
        What padded places hold: -1, 0 or +1.
    groups : int
        Outputs and inputs are split into this many groups; each sees its own.
    """

    weights: NDArray[np.int8]
    stride: Any = 1
    padding: Any = 0
    pad_value: int = 0
    groups: int = 1

    def __post_init__(self) -> None:
        """Check the fields and bring them into their full form."""
        two = np.ndim(self.weights) == 4
        axes = ("output", "input / groups", *(("height", "width") if two else ("length",)))
        object.__setattr__(self, "weights", checked_weights(self.weights, axes))
        stride, padding = window_fields(self.kernel, self.stride, self.padding)
        object.__setattr__(self, "stride", stride)
        object.__setattr__(self, "padding", padding)
        if self.pad_value not in (-1, 0, 1):
            raise InputError(f"pad_value: {self.pad_value!r}, expected -1, 0 or 1")
        groups = self.groups
        if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
            raise InputError(f"groups: {groups!r}, expected a whole number of at least 1")
        if self.outputs % groups:
            raise InputError(f"groups: {groups} do not divide the {self.outputs} outputs")

    @property
    def kernel(self) -> tuple[int, ...]:
        """Size of the window."""
        return self.weights.shape[2:]

    @property
    def inputs(self) -> int:
        """Number of inputs of each output: channels of its group times places of the window."""
        return self.weights[0].size

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        return self.weights.shape[0]

    @property
    def zero_fraction(self) -> float:
        """Share of the weights that are 0. [1]."""
        return zero_fraction(self.weights)

    def form(self, given: Form) -> Form:
        """Return the form of the sums."""
        channels = self.weights.shape[1] * self.groups
        if given.channels != channels:
            raise InputError(f"takes {channels} channels but gets {given.channels}")
        lengths = output_lengths(given.shape[1:], self.kernel, self.stride, self.padding)
        return Form((self.outputs, *lengths), self.inputs * self.reach(given), given.step)

    def pad_number(self, given: Form) -> int:
        """Return the number that stands for `pad_value` in units of the input's step."""
        number = self.pad_value / given.step
        if number.denominator != 1:
            raise InputError(
                f"pad_value: {self.pad_value} is no whole multiple of its input's step "
                f"{given.step}; pad before averaging"
            )
        return int(number)

    def reach(self, given: Form) -> int:
        """Return the largest absolute number that the window can see."""
        bordered = any(before or after for before, after in self.padding)
        return max(given.bound, abs(self.pad_number(given))) if bordered else given.bound

    def prepare(self, given: Form) -> ReadyConv:
        """Return the layer with its weights ready for products."""
        order = (0, *range(2, self.weights.ndim), 1)  # the channel innermost, as it is unfolded
        rows = np.ascontiguousarray(self.weights.transpose(order)).reshape(self.outputs, -1)
        several = self.outputs // self.groups
        bound = self.reach(given)
        exact = tuple(
            prepare_weights(rows[g * several : (g + 1) * several], bound)
            for g in range(self.groups)
        )
        return ReadyConv(self, exact, self.pad_number(given), self.form(given).shape)


@dataclass(frozen=True, eq=False)
class ReadyConv:
    """A convolution ready to be run on arrays of shape (channel, ..., image).

    Parameters
    ----------
    conv : Conv
        The layer.
    exact : tuple of ExactWeights
        Of each group.
    pad_number : int
        What stands in padded places.
    shape : tuple of int
        Of the result for one image.
    """

    conv: Conv
    exact: tuple[ExactWeights, ...]
    pad_number: int
    shape: tuple[int, ...]

    def bordered(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the input with its border, in its own small type: unfolding converts it."""
        kind = np.result_type(values.dtype, np.min_scalar_type(-abs(self.pad_number) - 1))
        return padded(values, self.conv.padding, self.pad_number, kind)

    def __call__(self, values: NDArray[Any], edges: Edges | None = None) -> NDArray[Any]:
        """Return the sums, or the outputs of the threshold that follows."""
        source = self.bordered(values)
        images = values.shape[-1]
        channels, several = self.conv.weights.shape[1], self.conv.outputs // self.conv.groups
        result: NDArray[Any] | None = None
        for g, exact in enumerate(self.exact):
            mine = slice(g * several, (g + 1) * several)
            part = None if edges is None else edges.part(mine)
            seen = source[g * channels : (g + 1) * channels]
            for place, columns in self._unfolded(seen, exact, images):
                done = exact.product(columns) if part is None else part.of_product(exact, columns)
                if result is None:
                    result = np.empty((*self.shape, images), dtype=done.dtype)
                block = result[(mine, *place)]
                block[...] = done.reshape(block.shape)
        assert result is not None
        return result

    def _unfolded(
        self, seen: NDArray[Any], exact: ExactWeights, images: int
    ) -> Iterator[tuple[tuple[slice, ...], NDArray[Any]]]:
        """Yield blocks of output positions with what their windows see, (input, column)."""
        conv = self.conv
        kernel, stride = conv.kernel, conv.stride
        most = max(_FEWEST_COLUMNS, _BLOCK_BYTES // (exact.dtype.itemsize * exact.inputs))
        places = list(blocks(self.shape[1:], max(1, most // images)))
        largest = max(_extent(place) for place in places)
        buffer = np.empty(exact.inputs * largest * images, dtype=exact.dtype)
        for place in places:
            lengths = tuple(one.stop - one.start for one in place)
            columns = buffer[: exact.inputs * _extent(place) * images]
            unfolded = columns.reshape(*kernel, len(seen), *lengths, images)
            start = tuple(one.start * s for one, s in zip(place, stride, strict=True))
            for offset in itertools.product(*map(range, kernel)):
                at = tuple(o + b for o, b in zip(offset, start, strict=True))
                unfolded[offset] = tap(seen, at, stride, lengths)
            yield place, columns.reshape(exact.inputs, -1)


def blocks(lengths: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Yield slices that cover all positions, in blocks of whole rows or of parts of one row.

    Parameters
    ----------
    lengths : tuple of int
        Positions along each of one or two axes.
    most : int
        Positions of a block, at least 1.

    Yields
    ------
    tuple of slice
        One for each axis.
    """
    sizes = (max(1, most // lengths[-1]), most)[-len(lengths) :]
    cuts = []
    for length, size in zip(lengths, sizes, strict=True):
        number = -(-length // size)  # of blocks of nearly one size
        ends = [length * i // number for i in range(number + 1)]
        cuts.append([slice(a, b) for a, b in itertools.pairwise(ends)])
    yield from itertools.product(*cuts)


def _extent(place: tuple[slice, ...]) -> int:
    return int(np.prod([one.stop - one.start for one in place]))
