"""Maximum and mean over windows."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.gemm import exact_dtype
from rramchar.nn.layers import ALL, Channels
from rramchar.nn.network import frozen
from rramchar.nn.tensor import Form, output_lengths, window_fields
from rramchar.nn.windows import padded, tap


@dataclass(frozen=True, eq=False)
class MaxPool:
    """The largest number in each window; padding never wins.

    Parameters
    ----------
    kernel : tuple of int
        Size of the window, one or two axes.
    stride : int, tuple of int or None
        Moves of the window. None: the kernel, so that windows do not overlap.
    padding : int or tuple
        See `tensor.window_fields`.
    direction : array of int8, shape (channel,), or None
        -1 takes the smallest number of a channel instead: the largest after a normalization with
        negative gamma. None: all +1.
    """

    kernel: tuple[int, ...]
    stride: Any = None
    padding: Any = 0
    direction: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        """Check the fields and bring them into their full form."""
        _set_window(self)
        if self.direction is not None:
            direction = np.asarray(self.direction)
            if direction.ndim != 1 or not np.isin(direction, (-1, 1)).all():
                raise InputError("direction: expected +1 or -1 for each channel")
            object.__setattr__(self, "direction", frozen(direction.astype(np.int8)))

    def form(self, given: Form) -> Form:
        """Return the form of the maxima."""
        lengths = output_lengths(given.shape[1:], self.kernel, self.stride, self.padding)
        if self.direction is not None and len(self.direction) != given.channels:
            raise InputError(
                f"direction: for {len(self.direction)} channels, but the input has {given.channels}"
            )
        return Form((given.channels, *lengths), given.bound, given.step)

    def apply(
        self, values: tuple[NDArray[Any], ...], given: tuple[Form, ...], channels: Channels = ALL
    ) -> NDArray[Any]:
        """Return the maxima of the given channels."""
        numbers = values[0]
        signs = None if self.direction is None else self.direction[channels]
        if signs is not None:
            signs = signs.reshape((-1,) + (1,) * (numbers.ndim - 1))
            numbers = numbers * signs
        lengths = output_lengths(given[0].shape[1:], self.kernel, self.stride, self.padding)
        numbers = padded(numbers, self.padding, -given[0].bound, numbers.dtype)
        result: NDArray[Any] | None = None
        for offset in itertools.product(*map(range, self.kernel)):
            seen = tap(numbers, offset, self.stride, lengths)
            result = seen.copy() if result is None else np.maximum(result, seen, out=result)
        assert result is not None
        return result if signs is None else result * signs


@dataclass(frozen=True, eq=False)
class AveragePool:
    """The mean of each window: its sum, in units of the input's step / area.

    Parameters
    ----------
    kernel : tuple of int
        Size of the window, one or two axes.
    stride : int, tuple of int or None
        Moves of the window. None: the kernel, so that windows do not overlap.
    padding : int or tuple
        See `tensor.window_fields`; padded places count as 0.
    """

    kernel: tuple[int, ...]
    stride: Any = None
    padding: Any = 0

    def __post_init__(self) -> None:
        """Check the fields and bring them into their full form."""
        _set_window(self)

    def form(self, given: Form) -> Form:
        """Return the form of the means."""
        lengths = output_lengths(given.shape[1:], self.kernel, self.stride, self.padding)
        area = math.prod(self.kernel)
        return Form((given.channels, *lengths), given.bound * area, given.step / area)

    def apply(
        self, values: tuple[NDArray[Any], ...], given: tuple[Form, ...], channels: Channels = ALL
    ) -> NDArray[Any]:
        """Return the means of the given channels, as numbers."""
        lengths = output_lengths(given[0].shape[1:], self.kernel, self.stride, self.padding)
        dtype = exact_dtype(math.prod(self.kernel), given[0].bound)
        numbers = padded(values[0], self.padding, 0, dtype)
        total = np.zeros((len(numbers), *lengths, numbers.shape[-1]), dtype=dtype)
        for offset in itertools.product(*map(range, self.kernel)):
            total += tap(numbers, offset, self.stride, lengths)
        return total


def _set_window(record: MaxPool | AveragePool) -> None:
    kernel = tuple(record.kernel)
    stride = kernel if record.stride is None else record.stride
    strides, padding = window_fields(kernel, stride, record.padding)
    for name, value in (("kernel", kernel), ("stride", strides), ("padding", padding)):
        object.__setattr__(record, name, value)
