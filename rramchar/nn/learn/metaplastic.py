"""Learn one task after another with metaplastic binary weights, without the earlier tasks' images.

Laborieux et al., Nat. Commun. 12, 2549 (2021). As in the public code of that paper, Adam starts
anew with each task, the learning rate is constant, and every task keeps its own batch normalization
(scale, shift and statistics), which is put back when the task is tested: the weights are shared, a
few numbers per neuron are not, and the network must be told which task it sees. ``batch_norm =
"shared"`` tests all tasks with the normalization of the latest instead, which needs no such hint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn.batchnorm import Normalization
from rramchar.nn.dataset import Dataset
from rramchar.nn.forward import accuracy
from rramchar.nn.inject import draw_changes, inject_network
from rramchar.nn.learn.metaplastic_memory import (
    ROUNDINGS,
    FeramWeights,
    FloatWeights,
    HiddenAdam,
    HiddenWeights,
)
from rramchar.nn.model import LatentDense, TrainedLayer, TrainedModel, finish
from rramchar.nn.settings import TrainingSettings
from rramchar.nn.train import update

Progress = Callable[[int, int], None]
MEMORIES = ("feram", "float")
NORMS = ("task", "shared")
_DRAWS = 5  # programmed chips that an accuracy under read errors is averaged over


@dataclass(frozen=True)
class MetaplasticSettings:
    """How a sequence of tasks is learned.

    Parameters
    ----------
    training : TrainingSettings
        Layers, epochs of each task, batch, learning rate (constant), initial weights, seed; its
        weights are ``binary``.
    m : float
        Strength of the metaplasticity; 0 for none. [1]
    memory : str
        Of the hidden weights: ``feram`` (8-bit integers) or ``float`` (float32, the control).
    rounding : str
        Of updates of 8-bit integers: ``stochastic`` or ``nearest``.
    full_scale : float
        Hidden weight at which 8-bit integers saturate. [1]
    batch_norm : str
        ``task`` or ``shared``, see the module.
    read : Confusion or None
        How the binary weights are read from OxRAM: drawn anew for each batch of the training, and
        for each of 5 chips in a test. None: without errors.
    """

    training: TrainingSettings
    m: float = 1.35
    memory: str = "feram"
    rounding: str = "stochastic"
    full_scale: float = 2.0
    batch_norm: str = "task"
    read: Confusion | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, known in (("memory", MEMORIES), ("rounding", ROUNDINGS), ("batch_norm", NORMS)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name}: {getattr(self, name)!r}, expected one of {', '.join(known)}"
                )
        if not np.isfinite(self.m) or self.m < 0:
            raise InputError(f"m: {self.m!r}, expected a finite number of at least 0")
        if not np.isfinite(self.full_scale) or self.full_scale <= 0:
            raise InputError(f"full_scale: {self.full_scale!r}, expected a finite number above 0")
        if self.training.weights != "binary":
            raise InputError(
                f"weights: {self.training.weights!r}; metaplastic weights are binary ones"
            )


class MetaplasticDense(LatentDense):
    """A binary layer whose hidden weights are metaplastic; see `rramchar.nn.model.LatentDense`.

    Parameters
    ----------
    inputs, outputs : int
        Size.
    settings : MetaplasticSettings
        How hidden weights are kept.
    rng : numpy.random.Generator
        Draws the initial weights.
    rounding : numpy.random.Generator
        Of the stochastic rounding.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        settings: MetaplasticSettings,
        rng: np.random.Generator,
        rounding: np.random.Generator,
    ) -> None:
        assert settings.training.init_std is not None
        super().__init__(inputs, outputs, "binary", settings.training.init_std, rng)
        self.hidden: HiddenWeights
        if settings.memory == "float":
            self.hidden = FloatWeights(self.latent, settings.m)
        else:
            self.hidden = FeramWeights(
                self.latent, settings.m, settings.full_scale, settings.rounding, rounding
            )
        self.hidden.binary(self.weights)
        self.start_task()

    def start_task(self) -> None:
        """Let the optimizer of the weights forget the task before."""
        self._adam[0] = HiddenAdam(self.hidden)

    def misread_as(self, read: Confusion, rng: np.random.Generator) -> None:
        """Let the next batch see some weights wrong; its update writes the stored ones again."""
        changes = draw_changes(self.weights.astype(np.int8), read, rng, kind="binary")
        self.weights.reshape(-1)[changes.position] = changes.value


@dataclass(frozen=True, eq=False)
class SequenceResult:
    """What a sequence of tasks left behind.

    Parameters
    ----------
    rows : list of dict
        After each epoch, a row for each task so far: ``learned`` (the task being learned, from 0),
        ``epoch`` (of it, from 1), ``task`` (tested), ``test_accuracy`` [1].
    wear : list of dict
        After each task: ``learned``; ``writes`` (mean FeRAM writes per hidden weight so far),
        ``writes_most``, ``flips`` (mean OxRAM re-programmings per pair so far), ``flips_most``,
        ``saturated`` (share of hidden weights within half a step of full scale) [1].
    layers : list of MetaplasticDense
        As the last task left them.
    """

    rows: list[dict[str, Any]]
    wear: list[dict[str, Any]]
    layers: list[MetaplasticDense]


def learn_sequence(
    tasks: Sequence[Dataset], settings: MetaplasticSettings, progress: Progress | None = None
) -> SequenceResult:
    """Learn tasks one after another, each without the images of the others.

    Parameters
    ----------
    tasks : sequence of Dataset
        Of equal pixels and classes.
    settings : MetaplasticSettings
        See there. The same settings and tasks give the same result on the same machine.
    progress : callable, optional
        Called with the number of finished epochs and the number of all.

    Returns
    -------
    SequenceResult
        Accuracies and wear.

    Raises
    ------
    InputError
        If the tasks do not fit each other or the settings, or the loss stops being finite.
    """
    _check_tasks(tasks, settings)
    training = settings.training
    start, shuffle, rounding, misread, chips = np.random.SeedSequence(training.seed).spawn(5)
    layers = _layers(tasks[0], settings, start, rounding)
    shuffling, misreading = np.random.default_rng(shuffle), np.random.default_rng(misread)
    kept: list[list[Normalization]] = []
    rows: list[dict[str, Any]] = []
    wear: list[dict[str, Any]] = []
    for learned, task in enumerate(tasks):
        for layer in layers:
            layer.start_task()
        for epoch in range(1, training.epochs + 1):
            _epoch(layers, task, settings, shuffling, misreading)
            model = finish(list(layers), task.train_images, training.input_encoding(task), "binary")
            kept = [*kept[:learned], [layer.norm for layer in model.layers]]
            for number in range(learned + 1):
                norms = kept[number if settings.batch_norm == "task" else learned]
                rows.append(
                    {
                        "learned": learned,
                        "epoch": epoch,
                        "task": number,
                        "test_accuracy": _test(model, norms, tasks[number], settings, chips),
                    }
                )
            if progress is not None:
                progress(learned * training.epochs + epoch, len(tasks) * training.epochs)
        wear.append({"learned": learned, **_wear(layers, settings)})
    return SequenceResult(rows, wear, layers)


def _check_tasks(tasks: Sequence[Dataset], settings: MetaplasticSettings) -> None:
    if not tasks:
        raise InputError("tasks: none given, expected at least one data set")
    first = tasks[0]
    for task in tasks:
        if (task.pixels, task.classes, task.maximum) != (
            first.pixels,
            first.classes,
            first.maximum,
        ):
            raise InputError(
                f"tasks: {task.name} has {task.pixels} pixels up to {task.maximum} and "
                f"{task.classes} classes, but {first.name} {first.pixels} up to {first.maximum} "
                f"and {first.classes}; expected equal ones"
            )
        if settings.training.batch > len(task.train_images):
            raise InputError(
                f"batch: {settings.training.batch}, expected at most {len(task.train_images)}, the "
                f"number of training images of {task.name}"
            )


def _layers(
    dataset: Dataset,
    settings: MetaplasticSettings,
    start: np.random.SeedSequence,
    rounding: np.random.SeedSequence,
) -> list[MetaplasticDense]:
    sizes = (dataset.pixels, *settings.training.hidden, dataset.classes)
    rng, shared = np.random.default_rng(start), np.random.default_rng(rounding)
    return [
        MetaplasticDense(inputs, outputs, settings, rng, shared)
        for inputs, outputs in zip(sizes, sizes[1:], strict=False)
    ]


def _epoch(
    layers: list[MetaplasticDense],
    task: Dataset,
    settings: MetaplasticSettings,
    shuffling: np.random.Generator,
    misreading: np.random.Generator,
) -> None:
    """Learn the images of a task once, in a new order; those left over wait."""
    training = settings.training
    encoding = training.input_encoding(task)
    assert training.learning_rate is not None
    order = shuffling.permutation(len(task.train_images))
    for first in range(0, len(order) - training.batch + 1, training.batch):
        chosen = order[first : first + training.batch]
        if settings.read is not None:
            for layer in layers:
                layer.misread_as(settings.read, misreading)
        values = encoding.apply(task.train_images[chosen])
        with np.errstate(over="ignore", invalid="ignore"):  # the loss is checked instead
            loss, _ = update(
                list(layers), values, task.train_labels[chosen], training.learning_rate
            )
        if not np.isfinite(loss):
            raise InputError(
                f"learning_rate: {training.learning_rate:g} makes the training of {task.name} "
                "diverge (the loss is not finite); use a smaller one"
            )


def _test(
    model: TrainedModel,
    norms: Sequence[Normalization],
    task: Dataset,
    settings: MetaplasticSettings,
    chips: np.random.SeedSequence,
) -> float:
    """Return the accuracy on a task of the weights with given normalizations, read as set."""
    layers = tuple(
        TrainedLayer(layer.weights, norm) for layer, norm in zip(model.layers, norms, strict=True)
    )
    network = TrainedModel(layers, model.encoding, model.kind).network()
    if settings.read is None:
        return accuracy(network, task.test_images, task.test_labels)
    rng = np.random.default_rng(chips)
    seen = [inject_network(network, settings.read, rng) for _ in range(_DRAWS)]
    return float(np.mean([accuracy(chip, task.test_images, task.test_labels) for chip in seen]))


def _wear(layers: Sequence[MetaplasticDense], settings: MetaplasticSettings) -> dict[str, float]:
    writes = np.concatenate([layer.hidden.writes.ravel() for layer in layers])
    flips = np.concatenate([layer.hidden.flips.ravel() for layer in layers])
    values = np.concatenate([layer.hidden.values().ravel() for layer in layers])
    edge = settings.full_scale * (1 - 1 / 128)
    return {
        "writes": float(writes.mean()),
        "writes_most": float(writes.max()),
        "flips": float(flips.mean()),
        "flips_most": float(flips.max()),
        "saturated": float(np.mean(np.abs(values) >= edge)),
    }
