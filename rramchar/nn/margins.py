"""How far each first-layer sum is from its threshold, and which outputs a few errors move.

A changed weight moves one neuron's sums by a multiple of one pixel, so only touched neurons are
worked on. With inputs -1 and +1 the change of a sum is a count of bits, taken for 64 images at
once (`bitslice`). With 8-bit pixels it is added up in int16. Margins are kept clipped; that changes
no comparison as long as the correction stays inside the range, which is checked first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.bitslice import (
    Words,
    count_ones,
    pack_bits,
    reaches,
    to_planes,
)
from rramchar.nn.inputs import BlockInputs

PIXEL_LIMIT = 32767  # of a margin in int16
_PLANES = 9  # of a margin in bits
_RAISED = 2 ** (_PLANES - 1)  # makes clipped margins positive; corrections below it stay inside
BIT_LIMIT = _RAISED - 1  # of a margin in units
_FEW = 3  # changes of a neuron that need no sum
_ROWS = 32  # neurons whose margins are packed at a time: they stay in the cache
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

    def clean(self) -> Words:
        """Return the packed outputs of all neurons without changes."""

    def fired(self, step: Step) -> tuple[NDArray[np.intp], Words] | None:
        """Return touched neurons and their packed outputs; None if a full pass is cheaper."""


@dataclass(frozen=True, eq=False)
class PixelMargins:
    """Margins of a first layer that takes pixels as they are.

    Parameters
    ----------
    margin : array of int16, shape (output, image)
        Sum minus threshold, clipped to `PIXEL_LIMIT`.
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

    margin: NDArray[np.int16]
    columns: dict[int, list[NDArray[np.int16]]]
    place: NDArray[np.intp]
    constant: NDArray[np.int64]
    bound: int
    full_share: float

    @classmethod
    def of(
        cls, margin: NDArray[np.int16], inputs: BlockInputs, bound: int, full_share: float
    ) -> PixelMargins:
        """Make the record of margins, shape (output, image), and inputs."""
        single = inputs.values.astype(np.int16)
        columns = {1: list(single), 2: list(single * np.int16(2))}
        constant = inputs.constant.astype(np.int64)
        return cls(margin, columns, inputs.place, constant, bound, full_share)

    def clean(self) -> Words:
        """Return the packed outputs of all neurons without changes."""
        return pack_bits(self.margin >= 0)

    def fired(self, step: Step) -> tuple[NDArray[np.intp], Words] | None:
        """Return touched neurons and their packed outputs; None if a full pass is cheaper."""
        place = self.place[step.column]
        first, last = step.ranges()
        worst = 2 * int((last - first).max(initial=0)) * self.bound
        if np.count_nonzero(place >= 0) > self.full_share * len(self.margin) * len(self.place):
            return None
        if worst >= PIXEL_LIMIT:
            return None
        neurons = step.neuron[first]
        known = step.size * self.constant[step.column]
        correction = np.empty(self.margin.shape[1], dtype=np.int16)
        fired = np.empty((len(neurons), len(correction)), dtype=bool)
        sizes, places, plus, minus = step.size.tolist(), place.tolist(), np.add, np.subtract
        for k, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            correction.fill(-known[start:stop].sum())
            for j in range(start, stop):
                if places[j] >= 0:
                    change = minus if sizes[j] > 0 else plus
                    change(correction, self.columns[abs(sizes[j])][places[j]], correction)
            np.greater_equal(self.margin[neurons[k]], correction, out=fired[k])
        return neurons, pack_bits(fired)


@dataclass(frozen=True, eq=False)
class BitMargins:
    """Margins of a first layer whose inputs are -1 and +1, as planes of bits.

    A change of ``size`` units times an input adds ``units`` where the product is positive and
    subtracts them elsewhere: over a neuron ``2 * (number of positive products) - units``.

    Parameters
    ----------
    planes : list of arrays of uint64, each of shape (output, word)
        Half of the margins, which are sums minus thresholds in units, rounded down, clipped and
        raised by `_RAISED`.
    reach : dict
        Small whole numbers to packed bits, shape (output, word): where a margin is as large.
    table : array of uint64, shape (2 * input + 2 + output, word)
        Packed: where each input is +1, where each is -1, zeros, ones, and the lowest bit of each
        neuron's raised margin.
    unit : int
        Every change is a multiple of it: 2 for binary weights, 1 for ternary ones.
    tail : array of uint64, shape (word,)
        Ones where there are images.
    full_share : float
        Share of changed weights above which a full product is cheaper. [1]
    """

    planes: list[Words]
    reach: dict[int, Words]
    table: Words
    unit: int
    tail: Words
    full_share: float

    @classmethod
    def of(
        cls, margin: NDArray[np.int16], inputs: BlockInputs, unit: int, full_share: float
    ) -> BitMargins:
        """Make the record of margins in units, shape (output, image), and inputs."""
        levels = range(-_FEW, _FEW + 1)
        parts = []
        for start in range(0, len(margin), _ROWS):
            rows = margin[start : start + _ROWS]
            raised = to_planes(rows + np.int16(_RAISED), _PLANES)
            parts.append([*(pack_bits(rows >= level) for level in levels), *raised])
        whole = [np.concatenate(part) for part in zip(*parts, strict=True)]
        reach, (lowest, *planes) = dict(zip(levels, whole, strict=False)), whole[len(levels) :]
        tail = pack_bits(np.ones((1, margin.shape[1]), dtype=bool))
        ones = np.where(inputs.constant[:, None] > 0, tail, np.uint64(0))
        ones[inputs.kept] = pack_bits(inputs.values > 0)
        table = np.concatenate([ones, ~ones, np.zeros_like(tail), ~np.zeros_like(tail), lowest])
        return cls(planes, reach, table, unit, tail[0], full_share)

    def clean(self) -> Words:
        """Return the packed outputs of all neurons without changes."""
        return self.reach[0]

    def fired(self, step: Step) -> tuple[NDArray[np.intp], Words] | None:
        """Return touched neurons and their packed outputs; None if a full pass is cheaper."""
        outputs = len(self.planes[0])
        inputs = (len(self.table) - outputs) // 2 - 1
        units = np.abs(step.size) // self.unit
        first, last = step.ranges()
        neurons = step.neuron[first]
        if units.sum() > self.full_share * outputs * inputs:
            return None
        index = np.repeat(np.repeat(np.arange(len(first)), last - first), units)
        entry = np.repeat(step.column + inputs * (step.size < 0), units)
        count = np.bincount(index, minlength=len(neurons))
        if count.max(initial=0) > _RAISED - 2:
            return None
        result = np.empty((len(neurons), len(self.tail)), dtype=np.uint64)
        several = max(8, _GROUP_BYTES // (8 * len(self.tail)))
        for rows, terms in _terms(index, entry, count, 2 * inputs, neurons, several):
            if len(terms) <= _FEW:
                result[rows] = self._few(neurons[rows], terms)
            else:
                result[rows] = self._many(neurons[rows], terms)
        return neurons, result

    def _few(self, neurons: NDArray[np.intp], terms: NDArray[np.intp]) -> Words:
        """Return outputs after as many changes of each neuron, up to `_FEW`.

        With n changes, k of them upwards, a sum moves by 2 k - n: it reaches its threshold where
        its margin is at least n - 2 k.
        """
        at_least: list[Words] = []  # k or more upwards, from k = 1
        for entries in terms:
            up = np.take(self.table, entries, axis=0)
            for k in reversed(range(len(at_least))):
                higher = at_least[k] & up
                if k + 1 == len(at_least):
                    at_least.append(higher)
                else:
                    at_least[k + 1] |= higher
            if at_least:
                at_least[0] |= up
            else:
                at_least.append(up)
        number = len(terms)
        result = np.take(self.reach[number], neurons, axis=0)
        for k, plane in enumerate(at_least, 1):
            plane &= np.take(self.reach[number - 2 * k], neurons, axis=0)
            result |= plane
        return result

    def _many(self, neurons: NDArray[np.intp], terms: NDArray[np.intp]) -> Words:
        """Return outputs after an even number n of changes of each neuron.

        With k of them upwards, a sum reaches its threshold where half of its margin, rounded
        down, plus k is at least n / 2.
        """
        half = [np.take(plane, neurons, axis=0) for plane in self.planes]
        moved = count_ones(self.table, terms, half)
        return reaches(moved, (len(terms) + _RAISED) // 2) & self.tail


def _terms(
    index: NDArray[np.intp],
    entry: NDArray[np.intp],
    count: NDArray[np.intp],
    zeros: int,
    neurons: NDArray[np.intp],
    several: int,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield groups of rows with equally many table entries each; see `BitMargins`.

    Parameters
    ----------
    index : array of integers, shape (entry,)
        Row of each entry, ascending.
    entry : array of integers, shape (entry,)
        Entries of the table.
    count : array of integers, shape (row,)
        Entries of each row.
    zeros : int
        Entry of zeros; ones and the lowest bits of the margins follow.
    neurons : array of integers, shape (row,)
        Neuron of each row.
    several : int
        Most rows of a group.

    Yields
    ------
    tuple of arrays
        Rows, and their entries, shape (term, row). Above `_FEW` the number of terms is even: an odd
        number of changes is one more together with the lowest bit of the margin, and two more
        changes, one up and one down, are none.
    """
    odd = np.flatnonzero((count > _FEW) & (count % 2 == 1))
    number = count.copy()
    number[odd] += 1
    position = np.arange(number.max(initial=0))
    chosen = np.repeat((zeros + position % 2)[:, None], len(count), axis=1)
    chosen[np.arange(len(index)) - (np.cumsum(count) - count)[index], index] = entry
    chosen[count[odd], odd] = zeros + 2 + neurons[odd]
    order = np.argsort(-number, kind="stable")
    first = 0
    while first < len(order):
        group = order[first : first + several]
        most = number[group[0]]
        group = group[number[group] > _FEW] if most > _FEW else group[number[group] == most]
        yield group, chosen[:most, group]
        first += len(group)
