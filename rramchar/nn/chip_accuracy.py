"""Accuracy of single chips on a data set, with errors of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.chips import HardwareErrors, draw_chip, read_chip
from rramchar.nn.evaluate import MEMORY_BYTES, Progress
from rramchar.nn.forward import check_images, check_labels
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.passes import bytes_per_image, changed_scores, clean_pass

_GROUP_BYTES = 200 * 2**20  # of changes that are kept at a time


def clean_accuracy(
    network: AnyNetwork,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    progress: Progress | None = None,
) -> float:
    """Return the accuracy without errors.

    Parameters
    ----------
    network, images, labels
        As `chip_accuracies` takes them.
    progress : callable, optional
        Called with the number of finished images and the number of all images.

    Returns
    -------
    float
        Share of images classified rightly. [1]

    Raises
    ------
    InputError
        If images or labels do not fit the network.
    """
    check_images(network, images)
    check_labels(labels, images, network.classes)
    right = 0
    for part in _blocks(len(images), _largest_block(network), len(images)):
        found = clean_pass(network, images[part]).scores.argmax(axis=0)
        right += int(np.count_nonzero(found == labels[part]))
        if progress is not None:
            progress(part.stop, len(images))
    return right / len(images)


def chip_accuracies(
    network: AnyNetwork,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    errors: HardwareErrors,
    draws: range,
    seed: int = 0,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Measure the accuracy of each of some chips.

    Parameters
    ----------
    network : Network or Graph
        The stored network.
    images : array of uint8, shape (image, pixel)
        Any number; worked through in blocks, so that memory stays bounded.
    labels : array of integers, shape (image,)
        Right class of each image.
    errors : HardwareErrors
        What goes wrong.
    draws : range
        Which chips: chip k is the same whatever others are asked for.
    seed : int
        Seed of the errors, at least 0.
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.

    Returns
    -------
    array of float64, shape (chip,)
        Share of images classified rightly. [1]

    Raises
    ------
    InputError
        If an argument does not fit the network.
    """
    check_images(network, images)
    check_labels(labels, images, network.classes)
    block = _largest_block(network)
    shared = errors.images_per_read if errors.redrawn else max(1, len(images))
    group = max(1, _GROUP_BYTES // max(1, 9 * network.parameters))
    starts = list(range(0, len(draws), group))
    parts = list(_blocks(len(images), block, shared))
    right = np.zeros(len(draws), dtype=np.int64)
    total, done = len(parts) * len(draws), 0
    for start in starts:
        chosen = range(start, min(start + group, len(draws)))
        chips = [draw_chip(network, errors, seed, draws[k]) for k in chosen]
        for part in parts:
            clean = clean_pass(network, images[part])
            # Every block lies within one read, so that its size changes no image's errors.
            read = part.start // shared
            for k, chip in zip(chosen, chips, strict=True):
                changes = read_chip(network, errors, chip, read)
                found = changed_scores(clean, changes).argmax(axis=0)
                right[k] += np.count_nonzero(found == labels[part])
                done += 1
                if progress is not None:
                    progress(done, total)
    return right / len(images)


def _largest_block(network: AnyNetwork) -> int:
    return max(1, MEMORY_BYTES // bytes_per_image(network))


def _blocks(count: int, size: int, shared: int) -> Iterator[slice]:
    """Yield blocks of at most `size` of `count` images, none across a multiple of `shared`."""
    for first in range(0, count, shared):
        end = min(first + shared, count)
        for start in range(first, end, size):
            yield slice(start, min(start + size, end))
