"""How far each first-layer sum is from its threshold, and which outputs a few errors move.

A changed weight moves one neuron's sums by a multiple of one pixel, so only touched neurons are
worked on. With inputs -1 and +1 the change of a sum is a count of bits, taken for 64 images at
once (`bitslice`). With 8-bit pixels it is added up in int16. Margins are kept clipped; that changes
no comparison as long as the correction stays inside the range, which `moved` checks first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.bitslice import (
    Words,
    add,
    constant_planes,
    count_ones,
    negative,
    pack_bits,
    to_planes,
)
from rramchar.nn.inputs import BlockInputs

_INT16 = 32767
_PLANES = 9  # of a margin in bits: corrections of up to 254 units stay inside
_BIT_LIMIT = 2 ** (_PLANES - 1) - 2
_GROUP_BYTES = 160 * 1024  # of a plane of the neurons counted at once: they stay in the cache


@dataclass(frozen=True, eq=False)
class Step:
    """Changed weights of the first layer, in order of the neuron.

    Parameters
    ----------
    neuron : array of integers, shape (change,)
        Ascending.
    column : array of integers, shape (change,)
        Input of the weight.
    size : array of integers, shape (change,)
        Seen minus stored weight: -2 to 2, not 0.
    """

    neuron: NDArray[np.intp]
    column: NDArray[np.intp]
    size: NDArray[np.int64]

    def ranges(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where each touched neuron's changes begin and end."""
        first = np.flatnonzero(np.diff(self.neuron, prepend=-1))
        return first, np.append(first, len(self.neuron))[1:]


class Margins(Protocol):
    """What a clean pass keeps of its first layer."""

    def fired(self, step: Step) -> tuple[NDArray[np.intp], Words] | None:
        """Return touched neurons and their packed outputs; None if a full pass is cheaper."""


@dataclass(frozen=True, eq=False)
class PixelMargins:
    """Margins of a first layer that takes pixels as they are.

    Parameters
    ----------
    gap : array of int16, shape (output, image)
        Threshold minus sum, clipped.
    columns : dict
        Step 1 and 2 to a list with an array of int16, shape (image,), for each varying input: the
        step times the input.
    place : array of integers, shape (input,)
        Index of an input in these lists; -1 where it is the same in all images.
    constant : array of int64, shape (input,)
        The input where it is the same in all images, else 0.
    bound : int
        Largest pixel.
    full_share : float
        Share of changed weights above which a full product is cheaper. [1]
    """

    gap: NDArray[np.int16]
    columns: dict[int, list[NDArray[np.int16]]]
    place: NDArray[np.intp]
    constant: NDArray[np.int64]
    bound: int
    full_share: float

    @classmethod
    def of(
        cls, gap: NDArray[Any], inputs: BlockInputs, bound: int, full_share: float
    ) -> PixelMargins:
        """Make margins of gaps, shape (output, image), which are overwritten, and inputs."""
        small = np.clip(gap, -_INT16, _INT16, out=gap).astype(np.int16)
        single = inputs.values.astype(np.int16)
        columns = {1: list(single), 2: list(single * np.int16(2))}
        constant = inputs.constant.astype(np.int64)
        return cls(small, columns, inputs.place, constant, bound, full_share)

    def fired(self, step: Step) -> tuple[NDArray[np.intp], Words] | None:
        """Return touched neurons and their packed outputs; None if a full pass is cheaper."""
        place = self.place[step.column]
        first, last = step.ranges()
        worst = 2 * int((last - first).max(initial=0)) * self.bound
        if np.count_nonzero(place >= 0) > self.full_share * len(self.gap) * len(self.place):
            return None
        if worst >= _INT16:
            return None
        neurons = step.neuron[first]
        known = step.size * self.constant[step.column]
        correction = np.empty(self.gap.shape[1], dtype=np.int16)
        fired = np.empty((len(neurons), len(correction)), dtype=bool)
        sizes, places, plus, minus = step.size.tolist(), place.tolist(), np.add, np.subtract
        for k, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            correction.fill(known[start:stop].sum())
            for j in range(start, stop):
                if places[j] >= 0:
                    change = plus if sizes[j] > 0 else minus
                    change(correction, self.columns[abs(sizes[j])][places[j]], correction)
            np.greater_equal(correction, self.gap[neurons[k]], out=fired[k])
        return neurons, pack_bits(fired)


@dataclass(frozen=True, eq=False)
class BitMargins:
    """Margins of a first layer whose inputs are -1 and +1.

    A change of ``size`` units times an input adds ``units`` where the product is positive and
    subtracts them elsewhere: over a neuron ``2 * (number of positive products) - units``.

    Parameters
    ----------
    planes : list of arrays of uint64, each of shape (output, word)
        Sum minus threshold in units, rounded down and clipped.
    table : array of uint64, shape (2 * varying + 1, word)
        Packed: where each varying input is +1, where each is -1, and a row of zeros.
    place : array of integers, shape (input,)
        Row of an input in the table; -1 where it is the same in all images.
    constant : array of int64, shape (input,)
        The input where it is the same in all images, else 0.
    unit : int
        Every change is a multiple of it: 2 for binary weights, 1 for ternary ones.
    tail : array of uint64, shape (word,)
        Ones where there are images.
    full_share : float
        Share of changed weights above which a full product is cheaper. [1]
    """

    planes: list[Words]
    table: Words
    place: NDArray[np.intp]
    constant: NDArray[np.int64]
    unit: int
    tail: Words
    full_share: float

    @classmethod
    def of(cls, gap: NDArray[Any], inputs: BlockInputs, unit: int, full_share: float) -> BitMargins:
        """Make margins of gaps, shape (output, image), which are overwritten, and inputs."""
        gap *= gap.dtype.type(-1 / unit)
        np.floor(gap, out=gap)
        margin = np.clip(gap, -_BIT_LIMIT - 1, _BIT_LIMIT + 1, out=gap).astype(np.int16)
        tail = pack_bits(np.ones((1, margin.shape[1]), dtype=bool))[0]
        ones = pack_bits(inputs.values > 0)
        table = np.concatenate([ones, ~ones, np.zeros_like(tail)[None]])
        planes, constant = to_planes(margin, _PLANES), inputs.constant.astype(np.int64)
        return cls(planes, table, inputs.place, constant, unit, tail, full_share)

    def fired(self, step: Step) -> tuple[NDArray[np.intp], Words] | None:
        """Return touched neurons and their packed outputs; None if a full pass is cheaper."""
        outputs, inputs = len(self.planes[0]), len(self.place)
        units = np.abs(step.size) // self.unit
        first, last = step.ranges()
        neurons = step.neuron[first]
        index = np.repeat(np.arange(len(first)), last - first)
        place = self.place[step.column]
        varies = place >= 0
        if len(first) and np.add.reduceat(units, first).max() > _BIT_LIMIT:
            return None
        if units[varies].sum() > self.full_share * outputs * inputs:
            return None
        entry = place + (len(self.table) // 2) * (step.size < 0)
        known = units * np.sign(step.size) * self.constant[step.column] - units * varies
        offset = np.bincount(index, known, len(neurons)).astype(np.int64)
        index, entry = (np.repeat(array[varies], units[varies]) for array in (index, entry))
        result = np.empty((len(neurons), len(self.tail)), dtype=np.uint64)
        several = max(8, _GROUP_BYTES // (8 * len(self.tail)))
        for rows, terms in _terms(index, entry, len(neurons), len(self.table) - 1, several):
            result[rows] = self._reach(neurons[rows], offset[rows], terms)
        return neurons, result

    def _reach(
        self, neurons: NDArray[np.intp], offset: NDArray[np.int64], terms: NDArray[np.intp]
    ) -> Words:
        margin = [np.take(plane, neurons, axis=0) for plane in self.planes]
        moved = constant_planes(offset, _PLANES + 1)
        if not len(terms):
            return ~add(margin, moved, _PLANES + 1)[-1] & self.tail
        counts = count_ones(self.table, terms)
        zero = np.zeros_like(counts[0])
        largest = 2 * len(terms) + int(np.abs(offset).max())
        twice = [zero, *counts, zero]  # shifted by one, and a sign
        moved = add(twice, moved, min(_PLANES, largest.bit_length()) + 1)
        return ~negative(margin, moved, _PLANES + 1) & self.tail


def _terms(
    index: NDArray[np.intp], entry: NDArray[np.intp], rows: int, filler: int, several: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield groups of rows with about as many table entries each.

    Parameters
    ----------
    index : array of integers, shape (entry,)
        Row of each entry, ascending.
    entry : array of integers, shape (entry,)
        Entries of the table.
    rows : int
        Number of rows.
    filler : int
        Entry where a row of a group has no more.
    several : int
        Rows of a group.

    Yields
    ------
    tuple of arrays
        Rows, and their entries, shape (term, row).
    """
    count = np.bincount(index, minlength=rows)
    start = np.cumsum(count) - count
    chosen = np.full((int(count.max(initial=0)), rows), filler, dtype=np.intp)
    chosen[np.arange(len(index)) - start[index], index] = entry
    order = np.argsort(-count, kind="stable")
    for first in range(0, rows, several):
        group = order[first : first + several]
        yield group, chosen[: count[group[0]], group]
