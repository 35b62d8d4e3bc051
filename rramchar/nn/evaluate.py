"""Accuracy of a network on data when its weights are read with errors.

A draw is one programmed chip: its errors are fixed for the whole data set. Draw k has its own
seed, derived from the evaluation's seed and k alone, so more draws never change earlier ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.chip_interval import mean_interval
from rramchar.nn.forward import best_class, check_images, check_labels
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.inject import ErrorModel, draw_all, error_samplers, layer_confusions
from rramchar.nn.passes import bytes_per_image, changed_scores, clean_pass

Progress = Callable[[int, int], None]
Errors = ErrorModel | Sequence[ErrorModel] | None
MEMORY_BYTES = 400 * 2**20
MOST_DRAWS = 100_000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Accuracies over programmed chips.

    Parameters
    ----------
    accuracy : array of float64, shape (draw,)
        Accuracy of each draw; one entry, equal to `clean`, where no errors were asked for. [1]
    clean : float
        Accuracy without errors. [1]
    images : int
        Number of images.
    seconds : float
        Time that the evaluation took, with its part of what several share. [s]
    errors : bool
        Whether anything can go wrong; where not, no chip can differ and the mean is exact.
    """

    accuracy: NDArray[np.float64]
    clean: float
    images: int
    seconds: float
    errors: bool = True

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.accuracy)

    @property
    def mean(self) -> float:
        """Mean accuracy over the draws. [1]."""
        return float(self.accuracy.mean())

    @property
    def std(self) -> float:
        """Standard deviation over the draws, n - 1 in the denominator; NaN for one draw. [1]."""
        return float(self.accuracy.std(ddof=1)) if self.draws > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean, see `rramchar.nn.chip_interval`; NaN for one draw. [1].

        It covers the chips that could have been drawn, not other images.
        """
        return mean_interval(self.accuracy, 1 / self.images if self.errors else 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures under the names that files and the command line use."""
        low, high = self.interval
        return {
            "accuracy_mean": self.mean,
            "accuracy_std": self.std,
            "accuracy_low": low,
            "accuracy_high": high,
            "accuracy_clean": self.clean,
            "draws": self.draws,
            "images": self.images,
            "seconds": self.seconds,
        }


def draw_generator(seed: int, draw: int) -> np.random.Generator:
    """Return the source of randomness of one draw.

    Parameters
    ----------
    seed : int
        Seed of the evaluation, at least 0.
    draw : int
        Index of the draw, from 0.

    Returns
    -------
    numpy.random.Generator
        The same for the same arguments, independent for others.
    """
    check_seed(seed)
    return np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(draw,)))


def check_seed(seed: int) -> None:
    """Refuse a seed that is no whole number of at least 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: {seed!r}, expected a whole number of at least 0")


def can_err(network: AnyNetwork, confusion: Errors) -> bool:
    """Return whether any weight can be read as another.

    Parameters
    ----------
    network : Network
        The network.
    confusion
        As `evaluate` takes it.

    Returns
    -------
    bool
        False without errors, and where every error has the probability 0.
    """
    if confusion is None:
        return False
    return any((m != np.eye(3)).any() for m in layer_confusions(network, confusion))


def evaluate(
    network: AnyNetwork,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    confusion: Errors,
    draws: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a network's accuracy over programmed chips.

    Parameters
    ----------
    network : Network
        The stored network.
    images : array of uint8, shape (image, pixel)
        Any number; worked through in blocks, so that memory stays bounded.
    labels : array of integers, shape (image,)
        Right class of each image.
    confusion : Confusion, array of shape (3, 3), sequence of either, or None
        How weights are read: one model for all layers or one for each; None for no errors.
    draws : int
        Number of chips, from 1 to `MOST_DRAWS`.
    seed : int
        Seed of the errors, at least 0.
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.

    Returns
    -------
    Evaluation
        Accuracy of each draw, its mean, spread and interval.

    Raises
    ------
    InputError
        If an argument does not fit the network.
    """
    return evaluate_many(network, images, labels, [confusion], draws, seed, progress)[0]


def evaluate_many(
    network: AnyNetwork,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    confusions: Sequence[Errors],
    draws: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Evaluation]:
    """Measure a network's accuracy under several error models, sharing the error-free pass.

    Parameters are those of `evaluate`, which gives the same result for each model on its own.

    Parameters
    ----------
    network : Network
        The stored network.
    images : array of uint8, shape (image, pixel)
        The images.
    labels : array of integers, shape (image,)
        Right class of each image.
    confusions : sequence
        Error models, each as in `evaluate`.
    draws : int
        Number of chips for each model.
    seed : int
        Seed of the errors.
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.

    Returns
    -------
    list of Evaluation
        One for each model.
    """
    check_images(network, images)
    check_labels(labels, images, network.classes)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise InputError(f"draws: {draws!r}, expected a whole number of at least 1")
    if draws > MOST_DRAWS:
        raise InputError(f"draws: {draws}, expected at most {MOST_DRAWS}")
    check_seed(seed)
    models = [None if c is None else error_samplers(network, c) for c in confusions]
    jobs = [(m, k) for m, model in enumerate(models) if model is not None for k in range(draws)]
    right = np.zeros((len(models), draws), dtype=np.int64)
    seconds = np.zeros(len(models))
    block = max(1, MEMORY_BYTES // bytes_per_image(network))
    starts = range(0, len(images), block)
    total = len(starts) * (len(jobs) + 1)
    clean_right = done = 0
    shared = 0.0
    for start in starts:
        since = time.perf_counter()
        truth = labels[start : start + block]
        clean = clean_pass(network, images[start : start + block])
        clean_right += int(np.count_nonzero(best_class(clean.scores) == truth))
        shared += time.perf_counter() - since
        done = _report(progress, done, total)
        for m, k in jobs:
            since = time.perf_counter()
            model = models[m]
            assert model is not None
            changes = draw_all(network, model, draw_generator(seed, k))
            outcome = best_class(changed_scores(clean, changes))
            right[m, k] += np.count_nonzero(outcome == truth)
            seconds[m] += time.perf_counter() - since
            done = _report(progress, done, total)
    error_free = clean_right / len(images)
    seconds += shared / max(1, len(models))
    return [
        Evaluation(
            accuracy=right[m] / len(images) if model is not None else np.array([error_free]),
            clean=error_free,
            images=len(images),
            seconds=float(seconds[m]),
            errors=can_err(network, confusions[m]),
        )
        for m, model in enumerate(models)
    ]


def _report(progress: Progress | None, done: int, total: int) -> int:
    if progress is not None:
        progress(done + 1, total)
    return done + 1
