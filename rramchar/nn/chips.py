"""Programmed chips and the three kinds of errors that they have, kept apart.

*Programming errors* come when weights are written and stay as they are. *Bad pairs* are a property
of the devices: stuck ones always give one weight, weak ones are often read wrongly; both lie
together in rows, columns or dies. *Read errors* are drawn anew at every read.

A network reads every weight once for each image. Drawing that is as slow as it sounds, so that one
read serves `images_per_read` images. Each image still sees errors of exactly the right rate, so
that the mean accuracy is exact; but images that share a read share its errors, so that the spread
over chips that read errors make is larger than on hardware, by up to the square root of
`images_per_read`. With 1 it is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.evaluate import draw_generator
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.inject import Changes, ErrorModel, draw_changes, layer_confusions
from rramchar.nn.pair_reads import PairReads
from rramchar.nn.weak_pairs import WeakPairs, draw_weak, stuck_changes, weak_reads

IMAGES_PER_READ = 1000
_WEAK, _READ = 1, 2  # second parts of a chip's keys of randomness


@dataclass(frozen=True, eq=False)
class HardwareErrors:
    """What goes wrong on a chip.

    Parameters
    ----------
    programming : Confusion, array of shape (3, 3), sequence of either, PairReads, or None
        Errors fixed for a programmed chip: by probability, for all layers or each; or from drawn
        resistances and amplifiers.
    bad_pairs : WeakPairs or None
        Stuck or weak pairs.
    reading : Confusion, array of shape (3, 3), sequence of either, or None
        Errors redrawn at every read, given the weight that was programmed.
    images_per_read : int
        Images that share a read, see the module. [1]
    """

    programming: ErrorModel | Sequence[ErrorModel] | PairReads | None = None
    bad_pairs: WeakPairs | None = None
    reading: ErrorModel | Sequence[ErrorModel] | None = None
    images_per_read: int = IMAGES_PER_READ

    def __post_init__(self) -> None:
        """Check the number."""
        number = self.images_per_read
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"images_per_read: {number!r}, expected a whole number of at least 1")

    @property
    def redrawn(self) -> bool:
        """Whether anything is drawn anew at every read."""
        weak = self.bad_pairs is not None and not self.bad_pairs.stuck
        return self.reading is not None or weak

    @property
    def none(self) -> bool:
        """Whether nothing goes wrong."""
        return self.programming is None and self.bad_pairs is None and self.reading is None


@dataclass(frozen=True, eq=False)
class Chip:
    """One programmed chip: what is wrong with it for good.

    Parameters
    ----------
    seed, draw : int
        Seed of the evaluation, and which chip of it this is.
    programmed : tuple of Changes
        Weights that were programmed wrongly, for each layer.
    bad : tuple of arrays of int64
        Ascending positions of bad pairs, for each layer.
    stuck : tuple of Changes, or None
        What the bad pairs always give; None where they are weak instead.
    """

    seed: int
    draw: int
    programmed: tuple[Changes, ...]
    bad: tuple[NDArray[np.int64], ...]
    stuck: tuple[Changes, ...] | None

    @property
    def fixed(self) -> tuple[Changes, ...]:
        """What is wrong at every read: programming errors, and stuck pairs in their place."""
        if self.stuck is None:
            return self.programmed
        return tuple(overlay(a, b) for a, b in zip(self.programmed, self.stuck, strict=True))


def overlay(below: Changes, above: Changes) -> Changes:
    """Return two sets of changes as one; where both change a weight, the second counts.

    Parameters
    ----------
    below, above : Changes
        Of the same weights.

    Returns
    -------
    Changes
        Ascending positions, each once.
    """
    if not len(above.position):
        return below
    kept = ~np.isin(below.position, above.position, assume_unique=True)
    position = np.concatenate([below.position[kept], above.position])
    value = np.concatenate([below.value[kept], above.value])
    order = np.argsort(position, kind="stable")
    return Changes(position[order], value[order])


def without_idle(changes: Changes, stored: NDArray[np.int8]) -> Changes:
    """Return only the changes that give another weight than the stored one."""
    real = changes.value != stored.reshape(-1)[changes.position]
    return changes if real.all() else Changes(changes.position[real], changes.value[real])


def draw_chip(network: AnyNetwork, errors: HardwareErrors, seed: int, draw: int) -> Chip:
    """Program a chip.

    Parameters
    ----------
    network : Network or Graph
        What is stored.
    errors : HardwareErrors
        What goes wrong.
    seed, draw : int
        The same two give the same chip. Programming errors given as confusions are those of draw
        `draw` of `rramchar.nn.evaluate.evaluate` with this seed.

    Returns
    -------
    Chip
        The record.

    Raises
    ------
    InputError
        If the errors do not fit the network.
    """
    weights = [layer.weights for layer in network.layers]
    rng = draw_generator(seed, draw)
    weak = errors.bad_pairs
    none = np.empty(0, dtype=np.int64)
    bad: list[NDArray[np.int64]] = [none] * len(weights)
    stuck = None
    if weak is not None:
        local = _source(seed, draw, _WEAK)
        bad = draw_weak([w.shape for w in weights], weak, local)
        if weak.stuck:
            stuck = tuple(stuck_changes(at, network.kind, local) for at in bad)
    return Chip(seed, draw, _programmed(network, errors, rng), tuple(bad), stuck)


def read_chip(
    network: AnyNetwork, errors: HardwareErrors, chip: Chip, read: int
) -> tuple[Changes, ...]:
    """Read all weights of a chip once.

    Parameters
    ----------
    network : Network or Graph
        What is stored.
    errors : HardwareErrors
        As it was drawn with.
    chip : Chip
        From `draw_chip`.
    read : int
        Which read this is, from 0; the same chip and read give the same errors.

    Returns
    -------
    tuple of Changes
        For each layer, the weights that the network does not see as they were stored.
    """
    fixed = chip.fixed
    if not errors.redrawn:
        seen = fixed
    else:
        rng = _source(chip.seed, chip.draw, _READ, read)
        redrawn = _redrawn(network, errors, chip, rng)
        seen = tuple(overlay(a, b) for a, b in zip(fixed, redrawn, strict=True))
    return tuple(
        without_idle(change, layer.weights)
        for change, layer in zip(seen, network.layers, strict=True)
    )


def _programmed(
    network: AnyNetwork, errors: HardwareErrors, rng: np.random.Generator
) -> tuple[Changes, ...]:
    source = errors.programming
    nothing = Changes(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8))
    if source is None:
        return (nothing,) * len(network.layers)
    if isinstance(source, PairReads):
        return tuple(source.draw(layer.weights, network.kind, rng) for layer in network.layers)
    return tuple(
        draw_changes(layer.weights, matrix, rng, kind=network.kind)
        for layer, matrix in zip(network.layers, layer_confusions(network, source), strict=True)
    )


def _redrawn(
    network: AnyNetwork, errors: HardwareErrors, chip: Chip, rng: np.random.Generator
) -> list[Changes]:
    """Return the errors of one read given what the chip holds; a bad pair has only its own."""
    matrices = None if errors.reading is None else layer_confusions(network, errors.reading)
    weak = errors.bad_pairs
    found = []
    for i, (layer, fixed) in enumerate(zip(network.layers, chip.fixed, strict=True)):
        held = fixed.apply(layer.weights) if len(fixed.position) else layer.weights
        change = Changes(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8))
        if matrices is not None:
            drawn = draw_changes(held, matrices[i], rng, kind=network.kind)
            good = ~np.isin(drawn.position, chip.bad[i], assume_unique=True)
            change = Changes(drawn.position[good], drawn.value[good])
        if weak is not None and weak.read_error is not None:
            own = weak_reads(held, chip.bad[i], weak.read_error, network.kind, rng)
            change = overlay(change, own)
        found.append(change)
    return found


def _source(seed: int, draw: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(draw, *key)))
