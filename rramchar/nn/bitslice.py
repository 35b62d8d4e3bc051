"""Many small whole numbers at once, as planes of bits: 64 columns in one machine word.

A set of numbers, shape (row, column), is a list of planes: plane k holds bit k of every number,
packed along the columns into words, shape (row, word). Sums of bits are then taken for all rows and
columns at once by full adders, five bitwise operations each, which is several times faster than
adding bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def pack_bits(flags: NDArray[Any]) -> Words:
    """Pack flags along the columns.

    Parameters
    ----------
    flags : array of bool or uint8, shape (row, column)
        Anything but 0 is a 1.

    Returns
    -------
    array of uint64, shape (row, ceil(column / 64))
        Bits beyond the last column are 0.
    """
    rows, columns = flags.shape
    octets = np.zeros((rows, 8 * -(-columns // 64)), dtype=np.uint8)
    octets[:, : -(-columns // 8)] = np.packbits(flags, axis=1, bitorder="little")
    return octets.view(np.uint64)


def unpack_bits(words: Words, columns: int) -> NDArray[np.uint8]:
    """Undo `pack_bits`.

    Parameters
    ----------
    words : array of uint64, shape (row, word)
        Packed bits.
    columns : int
        Number of columns.

    Returns
    -------
    array of uint8, shape (row, column)
        0 or 1.
    """
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=columns, bitorder="little")


def to_planes(numbers: NDArray[np.int16], planes: int) -> list[Words]:
    """Turn numbers into planes.

    Parameters
    ----------
    numbers : array of int16, shape (row, column)
        From 0 to ``2**planes - 1``.
    planes : int
        Number of planes, 15 at most.

    Returns
    -------
    list of arrays of uint64, each of shape (row, word)
        The lowest bit first.
    """
    octets = numbers.astype(np.uint8)  # the low byte: bits are packed fastest from bytes
    low = [pack_bits(octets & np.uint8(1 << k)) for k in range(min(planes, 8))]
    high = [pack_bits((numbers & np.int16(1 << k)) != 0) for k in range(8, min(planes, 16))]
    return low + high


def count_ones(table: Words, chosen: NDArray[np.intp], start: Sequence[Words] = ()) -> list[Words]:
    """Count, for every row and column, the ones among chosen rows of a table.

    Three numbers of equal weight become one of that weight and one of twice that weight (a
    carry-save adder), until one plane of each weight is left.

    Parameters
    ----------
    table : array of uint64, shape (entry, word)
        Packed bits.
    chosen : array of integers, shape (term, row)
        Entries of the table to count for each row; at least one term.
    start : sequence of arrays of uint64, each of shape (row, word), optional
        Planes of numbers that the counts are added to; overwritten.

    Returns
    -------
    list of arrays of uint64, each of shape (row, word)
        Planes of the counts, the lowest bit first.
    """
    shape = (chosen.shape[1], table.shape[1])
    scratch = np.empty(shape, dtype=np.uint64)
    levels: list[list[Words]] = [[plane] for plane in start]
    free: list[Words] = []
    for entries in chosen:
        bits = free.pop() if free else np.empty(shape, dtype=np.uint64)
        np.take(table, entries, axis=0, out=bits, mode="clip")
        _collect(levels, 0, bits, scratch, free)
    level = 0
    while level < len(levels):
        while len(levels[level]) > 1:
            first, second = levels[level]
            carry = first & second
            first ^= second
            levels[level] = [first]
            _collect(levels, level + 1, carry, scratch, free)
        level += 1
    return [plane for (plane,) in levels]


def _collect(
    levels: list[list[Words]], level: int, bits: Words, scratch: Words, free: list[Words]
) -> None:
    """Add a plane to its level, and turn every three planes of a level into a sum and a carry."""
    while True:
        if level == len(levels):
            levels.append([])
        levels[level].append(bits)
        if len(levels[level]) < 3:
            return
        first, second, third = levels[level]
        np.bitwise_xor(first, second, out=scratch)
        first &= second
        np.bitwise_and(third, scratch, out=second)
        first |= second  # the carry
        third ^= scratch  # the sum
        levels[level] = [third]
        free.append(second)
        bits = first
        level += 1


def reaches(planes: Sequence[Words], least: int) -> Words:
    """Return where numbers are as large as one number.

    Parameters
    ----------
    planes : sequence of arrays of uint64, each of shape (row, word)
        The lowest bit first.
    least : int
        At least 0, with no more bits than there are planes.

    Returns
    -------
    array of uint64, shape (row, word)
        Packed.
    """
    result = np.full_like(planes[0], ALL)
    for k, plane in enumerate(planes):  # the higher bit decides, where it is the same the lower
        if least >> k & 1:
            result &= plane
        else:
            result |= plane
    return result
