"""Padding and strided views that convolution and pooling share; images are the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def padded(
    values: NDArray[Any],
    padding: tuple[tuple[int, int], ...],
    number: int,
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Return the values in another type with a border around each channel.

    Parameters
    ----------
    values : array, shape (channel, ..., image)
        Whole numbers.
    padding : tuple of (int, int)
        Before and after each axis between the first and the last.
    number : int
        What stands in the border.
    dtype : dtype
        Of the result.

    Returns
    -------
    array
        A copy where anything changes, else `values` itself.
    """
    if not any(before or after for before, after in padding):
        return values.astype(dtype, copy=False)
    inner = values.shape[1:-1]
    lengths = [n + before + after for n, (before, after) in zip(inner, padding, strict=True)]
    result = np.full((values.shape[0], *lengths, values.shape[-1]), number, dtype=dtype)
    middle = tuple(slice(before, before + n) for n, (before, _) in zip(inner, padding, strict=True))
    result[(slice(None), *middle)] = values
    return result


def tap(
    values: NDArray[Any],
    offset: tuple[int, ...],
    stride: tuple[int, ...],
    lengths: tuple[int, ...],
) -> NDArray[Any]:
    """Return a view of what one place of a window sees as the window moves.

    Parameters
    ----------
    values : array, shape (channel, ..., image)
        Padded numbers.
    offset : tuple of int
        The place: where it stands when the window is at its start.
    stride : tuple of int
        Moves of the window.
    lengths : tuple of int
        How many moves along each axis.

    Returns
    -------
    array, shape (channel, *lengths, image)
        A view.
    """
    moves = tuple(
        slice(o, o + s * (n - 1) + 1, s) for o, s, n in zip(offset, stride, lengths, strict=True)
    )
    return values[(slice(None), *moves)]
