"""Fold a normalization and a quantization into integer thresholds.

A quantizer's output is a count of cuts that ``scale * value + offset`` reaches (batch normalization
with fixed statistics: Ioffe and Szegedy, arXiv:1502.03167). Over whole numbers each cut is one
integer; with a negative scale the comparison turns round.

A formula of float64 (`fold_levels`) is folded by bisection on itself: it rounds, overflows and
underflows, but stays monotonic, so the folded decision is the formula's for every number. A formula
of fractions (`fold_exact`) is solved: a number on a cut is on it, whatever float64 would say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.layers import Threshold
from rramchar.nn.tensor import Form


def first_reaching(
    reached: Callable[[NDArray[np.int64]], NDArray[np.bool_]], channels: int, bound: int
) -> NDArray[np.int64]:
    """Find by bisection where each channel's monotonic decision turns to yes.

    Parameters
    ----------
    reached : callable
        Takes one integer a channel, shape (channel,), and returns the decisions, never turning
        from yes to no as the integer grows.
    channels : int
        Number of channels.
    bound : int
        Largest absolute value of an integer that occurs.

    Returns
    -------
    array of int64, shape (channel,)
        The smallest integer from ``-bound`` on that is decided with yes; ``bound + 1`` where none
        is up to `bound`.
    """
    below = np.full(channels, -bound - 1, dtype=np.int64)
    first = np.full(channels, bound + 1, dtype=np.int64)
    while (first - below).max(initial=0) > 1:
        middle = (below + first + 1) // 2  # `first` itself where nothing is left to decide
        yes = reached(middle)
        first = np.where(yes, middle, first)
        below = np.where(yes, below, middle)
    return first


def fold_levels(
    scale: NDArray[Any],
    offset: NDArray[Any],
    cut: float | NDArray[Any],
    bound: int,
    step: Fraction = Fraction(1),
    *,
    strict: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return the threshold of each channel at which a normalized number reaches a cut.

    Parameters
    ----------
    scale, offset : array of float64, shape (channel,)
        Of the normalization: ``scale * (number * step) + offset``.
    cut : float or array, shape (channel,)
        What must be reached.
    bound : int
        Largest absolute value of a number.
    step : Fraction
        What one unit is worth.
    strict : bool
        The cut must be exceeded.

    Returns
    -------
    tuple of arrays, each of shape (channel,)
        The smallest ``m`` for which ``direction * number >= m`` decides as the formula does for
        every number from ``-bound`` to ``bound``, and the direction. With scale 0 the threshold
        is always or never reached.

    Raises
    ------
    InputError
        If the formula has no finite values.
    """
    scale, offset = np.asarray(scale, dtype=float), np.asarray(offset, dtype=float)
    cuts = np.broadcast_to(np.asarray(cut, dtype=float), scale.shape)
    if not (np.isfinite(scale).all() and np.isfinite(offset).all() and not np.isnan(cuts).any()):
        raise InputError("normalization: holds NaN or infinity, expected finite numbers")
    direction = np.where(scale < 0, -1, 1).astype(np.int8)
    unit = float(step)

    def reached(m: NDArray[np.int64]) -> NDArray[np.bool_]:
        value = scale * (direction * m * unit) + offset
        return value > cuts if strict else value >= cuts

    return first_reaching(reached, len(direction), bound), direction


def fold_cuts(
    scale: NDArray[Any],
    offset: NDArray[Any],
    cuts: Sequence[tuple[float | NDArray[Any], bool]],
    bound: int,
    step: Fraction = Fraction(1),
    *,
    gain: int = 1,
    base: int = 0,
) -> Threshold:
    """Return the threshold node of a normalization and a quantizer with ascending cuts.

    Parameters
    ----------
    scale, offset : array of float64, shape (channel,)
        See `fold_levels`.
    cuts : sequence of (cut, strict)
        Ascending.
    bound : int
        Largest absolute value of a number.
    step : Fraction
        What one unit is worth.
    gain, base : int
        The output is ``base + gain * (number of cuts that are reached)``.

    Returns
    -------
    Threshold
        For a graph.
    """
    columns = []
    direction = np.ones(len(scale), dtype=np.int8)
    for cut, strict in cuts:
        levels, direction = fold_levels(scale, offset, cut, bound, step, strict=strict)
        columns.append(levels)
    return Threshold(np.stack(columns, axis=1), direction, gain, base)


def fold_exact(
    scale: NDArray[np.object_],
    offset: NDArray[np.object_],
    cuts: Sequence[tuple[Any, bool]],
    form: Form,
    *,
    gain: int = 1,
    base: int = 0,
) -> Threshold:
    """Return the threshold node of an exact normalization and a quantizer with ascending cuts.

    Parameters
    ----------
    scale, offset : array of Fraction, shape (channel,) or (1,)
        Of the normalization: ``scale * value + offset``.
    cuts : sequence of (cut, strict)
        Ascending; each cut is a finite number, or an array of one for each channel.
    form : Form
        Of the values.
    gain, base : int
        The output is ``base + gain * (number of cuts that are reached)``.

    Returns
    -------
    Threshold
        For a graph; it decides as the mathematics does for every number.
    """
    columns = [np.atleast_1d(np.asarray(cut, dtype=float)).tolist() for cut, _ in cuts]
    strict = [one for _, one in cuts]
    longest = max(len(column) for column in [scale, offset, *columns])
    levels = np.empty((longest, len(cuts)), dtype=np.int64)
    direction = np.ones(longest, dtype=np.int8)
    for c in range(longest):
        slope = scale[c % len(scale)] * form.step
        direction[c] = -1 if slope < 0 else 1
        row = [column[c % len(column)].as_integer_ratio() for column in columns]
        levels[c] = _exact_levels(abs(slope), offset[c % len(offset)], row, strict, form.bound)
    shape = form.channels, len(cuts)
    return Threshold(
        np.broadcast_to(levels, shape), np.broadcast_to(direction, shape[:1]), gain, base
    )


def _exact_levels(
    slope: Fraction,
    shift: Fraction,
    cuts: Sequence[tuple[int, int]],
    strict: Sequence[bool],
    bound: int,
) -> list[int]:
    """Return the smallest number at which ``slope * number + shift`` reaches each cut."""
    # in whole numbers, as tables of cuts are long and fractions slow
    top, bottom = slope.numerator, slope.denominator
    high, low = shift.numerator, shift.denominator
    levels = []
    for (over, under), beyond in zip(cuts, strict, strict=True):
        rise, run = (over * low - high * under) * bottom, under * low * top
        if run:
            level = rise // run + 1 if beyond else -(-rise // run)
        else:  # slope 0: always or never
            level = -bound if rise < 0 or (rise == 0 and not beyond) else bound + 1
        levels.append(min(max(level, -bound), bound + 1))
    return levels


def fold_sign(
    scale: NDArray[Any], offset: NDArray[Any], bound: int, step: Fraction = Fraction(1)
) -> Threshold:
    """Return the threshold node of a normalization and a sign: +1 from 0 on, else -1."""
    return fold_cuts(scale, offset, [(0.0, False)], bound, step, gain=2, base=-1)


def fold_ternary(
    scale: NDArray[Any],
    offset: NDArray[Any],
    cut: float,
    bound: int,
    step: Fraction = Fraction(1),
) -> Threshold:
    """Return the threshold node of a normalization and a ternary step.

    The output is +1 above `cut`, -1 below ``-cut``, else 0.
    """
    return fold_cuts(scale, offset, [(-cut, False), (cut, True)], bound, step, gain=1, base=-1)
