"""An order of images in which neighbours leave the same inputs alone.

Inputs that are the same in a whole block of images need no products. Sorted by the rarest input
that an image marks, the blocks leave out more of them from one to the next: after the first ones
no image marks the rarest inputs any more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 4096  # images looked at together: they stay in the cache
_SAMPLE = 2000  # images that tell how rare a group is


def like_blocks(
    images: NDArray[np.uint8], level: int, block: int, most: int | None = None
) -> list[NDArray[np.intp]]:
    """Cut images into blocks, sorted by the rarest group of inputs in which they mark any.

    Parameters
    ----------
    images : array of uint8, shape (image, input)
        Images.
    level : int
        An input is marked from here on, at least 1.
    block : int
        Most images in a block.
    most : int, optional
        Images with more marks than this come into blocks of their own.

    Returns
    -------
    list of array of integers
        Indices of the images of each block.
    """
    inputs = images.shape[1]
    word = next(size for size in (4, 2, 1) if inputs % size == 0)
    groups = np.empty((len(images), inputs // word), dtype=bool)
    heavy = np.zeros(len(images), dtype=bool)
    for start in range(0, len(images), _ROWS):
        rows = slice(start, start + _ROWS)
        marks = np.ascontiguousarray(images[rows])
        if level > 1 or most is not None:
            marks = (marks >= np.uint8(level)).view(np.uint8)
        words = marks.view(f"u{word}")
        np.not_equal(words, 0, out=groups[rows])
        if most is not None:
            heavy[rows] = np.bitwise_count(words).sum(axis=1, dtype=np.uint32) > most
    share = groups[:: max(1, len(groups) // _SAMPLE)].mean(axis=0)
    rarity = np.empty(len(share), dtype=np.min_scalar_type(len(share) + 256))  # two bytes or more
    rarity[np.argsort(-share, kind="stable")] = np.arange(1, len(share) + 1)
    first = rarity.dtype.type(len(share)) - (groups * rarity).max(axis=1)
    order = np.argsort(first, kind="stable")
    parts = (order[~heavy[order]], order[heavy[order]])
    return [part[at : at + block] for part in parts for at in range(0, len(part), block)]
