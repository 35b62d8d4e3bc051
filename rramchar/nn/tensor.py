"""What flows between the nodes of a network: whole numbers of a stated step, images last.

An array has the shape ``(channel, height, width, image)``, ``(channel, length, image)`` or
``(feature, image)`` and holds whole numbers; the value meant is ``number * step``. Signs, sums and
pixels have step 1. The mean of a window is its sum with a step of 1 / area, and a full-precision
activation is a whole multiple of a small power of two. So every sum is a sum of whole numbers:
exact in float32 or float64, whatever the order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rramchar.errors import InputError
from rramchar.nn.gemm import FLOAT64_LIMIT


@dataclass(frozen=True)
class Form:
    """Shape and range of what a node gives for one image.

    Parameters
    ----------
    shape : tuple of int
        Without the image axis: (channel, height, width), (channel, length) or (feature,).
    bound : int
        Largest absolute value of a number.
    step : Fraction
        What one unit is worth.
    """

    shape: tuple[int, ...]
    bound: int
    step: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        """Refuse numbers that float64 cannot hold exactly."""
        if self.bound >= FLOAT64_LIMIT:
            raise InputError(
                f"numbers of up to {self.bound:.3g} are not exact in float64; limit the "
                "activations before it with low and high, or give them fewer bits"
            )

    @property
    def channels(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    @property
    def size(self) -> int:
        """Numbers of one image."""
        return math.prod(self.shape)


def output_lengths(
    lengths: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> tuple[int, ...]:
    """Return how often a window fits along each axis.

    Parameters
    ----------
    lengths, kernel, stride : tuple of int
        Of the input, the window and its moves, one for each axis.
    padding : tuple of (int, int)
        What is added before and after.

    Returns
    -------
    tuple of int
        ``(length + before + after - kernel) // stride + 1`` for each axis.

    Raises
    ------
    InputError
        If the axes do not match or the window does not fit.
    """
    if len(lengths) != len(kernel):
        raise InputError(
            f"a window over {len(kernel)} axes does not fit an input with {len(lengths)} axes "
            "after the channels"
        )
    padded = [n + before + after for n, (before, after) in zip(lengths, padding, strict=True)]
    if any(k > n for k, n in zip(kernel, padded, strict=True)):
        raise InputError(f"a window of {kernel} is larger than its padded input, {tuple(padded)}")
    return tuple((n - k) // s + 1 for n, k, s in zip(padded, kernel, stride, strict=True))


def window_fields(
    kernel: tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: int | tuple[int | tuple[int, int], ...],
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Bring stride and padding of a window into their full form, checked.

    Parameters
    ----------
    kernel : tuple of int
        Size of the window along each of one or two axes.
    stride : int or tuple of int
        For all axes, or for each.
    padding : int or tuple of int or of (int, int)
        For all axes, for each, or before and after each; less than the kernel.

    Returns
    -------
    tuple
        Stride and padding for each axis.

    Raises
    ------
    InputError
        If a number does not fit.
    """
    axes = len(kernel)
    if axes not in (1, 2) or not all(_whole(k, 1) for k in kernel):
        raise InputError(f"kernel: {kernel!r}, expected one or two whole numbers of at least 1")
    strides = (stride,) * axes if isinstance(stride, int) else _sequence("stride", stride)
    if len(strides) != axes or not all(_whole(s, 1) for s in strides):
        raise InputError(f"stride: {stride!r}, expected a whole number of at least 1 for each axis")
    sides = (padding,) * axes if isinstance(padding, int) else _sequence("padding", padding)
    pairs = tuple((p, p) if isinstance(p, int) else _sequence("padding", p) for p in sides)
    if len(pairs) != axes or not all(
        len(pair) == 2 and all(_whole(p, 0) and p < k for p in pair)
        for pair, k in zip(pairs, kernel, strict=True)
    ):
        raise InputError(
            f"padding: {padding!r}, expected whole numbers from 0 to below the kernel {kernel}"
        )
    return strides, tuple((pair[0], pair[1]) for pair in pairs)


def _sequence(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    raise InputError(f"{name}: {value!r}, expected a whole number, or one for each axis")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
