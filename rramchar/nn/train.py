"""Train a dense binary or ternary network in numpy: batches, loss, straight-through, Adam."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.datasets import Dataset
from rramchar.nn.model import LatentDense, TrainedModel, activate, finish
from rramchar.nn.network import Network
from rramchar.nn.optimizer import cosine_rate
from rramchar.nn.quantize import Array
from rramchar.nn.settings import TrainingSettings

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class History:
    """How a training run went; one entry per epoch.

    Parameters
    ----------
    loss : tuple of float
        Mean cross-entropy over the batches as they came. [nat]
    accuracy : tuple of float
        Share of training images classified rightly as they came, before each update. [1]
    learning_rate : tuple of float
        At the start of the epoch. [1]
    seconds : tuple of float
        Time of the epoch. [s]
    """

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    learning_rate: tuple[float, ...]
    seconds: tuple[float, ...]

    def as_dict(self) -> dict[str, list[float]]:
        """Return the columns as lists, for JSON."""
        return {name: list(column) for name, column in asdict(self).items()}


def train(
    dataset: Dataset,
    settings: TrainingSettings,
    progress: Progress | None = None,
    *,
    train_ber: float = 0.0,
) -> tuple[Network, History]:
    """Train a network on the training part of a data set.

    Parameters
    ----------
    dataset : Dataset
        Its test part is not looked at.
    settings : TrainingSettings
        See there. The same settings give the same network on the same machine.
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.
    train_ber : float
        Mean error rate of the weights that every batch sees, redrawn for each, forward and
        backward; the idea of arXiv:1904.03652 (Hirtzlin et al.). [1]

    Returns
    -------
    tuple of Network and History
        The integer network, with data set and settings in its metadata, and the run's history.

    Raises
    ------
    InputError
        If the settings do not fit the data, or the loss stops being finite.
    """
    model, history = train_model(dataset, settings, progress, train_ber=train_ber)
    metadata: dict[str, Any] = {"dataset": dataset.name, "settings": asdict(settings)}
    if train_ber:
        metadata["train_ber"] = train_ber
    return model.network(metadata), history


def train_model(
    dataset: Dataset,
    settings: TrainingSettings,
    progress: Progress | None = None,
    *,
    train_ber: float = 0.0,
) -> tuple[TrainedModel, History]:
    """Train as `train` does, and stop before normalizations are folded into thresholds."""
    trainer = BatchTrainer(dataset, settings, train_ber)
    images, labels = dataset.train_images, dataset.train_labels
    steps_per_epoch = len(images) // settings.batch
    assert settings.learning_rate is not None
    steps = steps_per_epoch * settings.epochs
    rows: list[tuple[float, float, float, float]] = []
    for epoch in range(settings.epochs):
        since = time.perf_counter()
        order = trainer.shuffling.permutation(len(images))
        loss = 0.0
        right = 0
        for k in range(steps_per_epoch):
            step = epoch * steps_per_epoch + k
            chosen = order[k * settings.batch : (k + 1) * settings.batch]
            rate = cosine_rate(step, steps, settings.learning_rate)
            part = trainer.step(images[chosen], labels[chosen], rate)
            if not np.isfinite(part[0]):
                raise InputError(
                    f"learning_rate: {settings.learning_rate:g} makes the training diverge in "
                    f"epoch {epoch + 1} (the loss is not finite); use a smaller one"
                )
            loss += part[0]
            right += part[1]
            if progress is not None:
                progress(step + 1, steps)
        rows.append(
            (
                loss / steps_per_epoch,
                right / (steps_per_epoch * settings.batch),
                cosine_rate(epoch, settings.epochs, settings.learning_rate),
                time.perf_counter() - since,
            )
        )
    model = finish(trainer.layers, images, trainer.encoding, settings.weights)
    return model, History(*zip(*rows, strict=True))


class BatchTrainer:
    """A network in training, batch by batch.

    Parameters
    ----------
    dataset : Dataset
        Gives the number of pixels and classes, and the largest pixel.
    settings : TrainingSettings
        See there.
    train_ber : float
        See `train`. [1]

    Attributes
    ----------
    layers : list of LatentDense
        From input to output.
    encoding : InputEncoding
        How pixels enter.
    shuffling : numpy.random.Generator
        For the order of the images.
    """

    def __init__(
        self, dataset: Dataset, settings: TrainingSettings, train_ber: float = 0.0
    ) -> None:
        if len(dataset.train_images) < settings.batch:
            raise InputError(
                f"batch: {settings.batch}, expected at most {len(dataset.train_images)}, the "
                "number of training images"
            )
        if not 0 <= train_ber < 0.5:
            raise InputError(f"train_ber: {train_ber}, expected at least 0 and below 0.5")
        seeds = np.random.SeedSequence(settings.seed).spawn(3)
        initial, self.shuffling, self._errors = (np.random.default_rng(seed) for seed in seeds)
        assert settings.init_std is not None
        sizes = (dataset.pixels, *settings.hidden, dataset.classes)
        self.encoding = settings.input_encoding(dataset)
        self.layers = [
            LatentDense(inputs, outputs, settings.weights, settings.init_std, initial)
            for inputs, outputs in zip(sizes, sizes[1:], strict=False)
        ]
        self._train_ber = train_ber

    def step(
        self, images: NDArray[np.uint8], labels: NDArray[np.integer[Any]], rate: float
    ) -> tuple[float, int]:
        """Update all layers on one batch.

        Parameters
        ----------
        images : array of uint8, shape (image, pixel)
            The batch.
        labels : array of integers, shape (image,)
            Right classes.
        rate : float
            Learning rate. [1]

        Returns
        -------
        tuple of float and int
            Mean loss, which is not finite where the training diverged [nat], and the number of
            images that were classified rightly before the update.
        """
        if self._train_ber:
            for layer in self.layers:
                layer.misread(self._train_ber, self._errors)
        with np.errstate(over="ignore", invalid="ignore"):
            return update(self.layers, self.encoding.apply(images), labels, rate)


def update(
    layers: list[LatentDense], values: Array, labels: NDArray[np.integer[Any]], rate: float
) -> tuple[float, int]:
    """Update layers on one batch by the straight-through estimator.

    Parameters
    ----------
    layers : list of LatentDense
        From input to output; updated in place.
    values : array of float32, shape (image, input)
        Encoded images.
    labels : array of integers, shape (image,)
        Right classes.
    rate : float
        Learning rate. [1]

    Returns
    -------
    tuple of float and int
        Mean loss [nat], and the number of images classified rightly before the update.
    """
    windows = []
    for layer in layers[:-1]:
        values, window = activate(layer.forward(values))
        windows.append(window)
    scores = layers[-1].forward(values)
    loss, right, gradient = cross_entropy(scores, labels)
    for i in range(len(layers) - 1, 0, -1):
        below = layers[i].backward(gradient, rate, wanted=True)
        assert below is not None
        below *= windows[i - 1]
        gradient = below
    layers[0].backward(gradient, rate, wanted=False)
    return loss, right


def cross_entropy(scores: Array, labels: NDArray[np.integer[Any]]) -> tuple[float, int, Array]:
    """Return the softmax cross-entropy of a batch and its gradient.

    Parameters
    ----------
    scores : array of float32, shape (image, class)
        Scores; not changed.
    labels : array of integers, shape (image,)
        Right classes.

    Returns
    -------
    tuple
        Mean loss [nat], number of images whose highest score is the right one, and the gradient
        of the mean loss, shape (image, class).
    """
    rows = np.arange(len(labels))
    right = int(np.count_nonzero(scores.argmax(axis=1) == labels))
    gradient = scores - scores.max(axis=1, keepdims=True)
    picked = gradient[rows, labels]
    np.exp(gradient, out=gradient)
    total = gradient.sum(axis=1)
    loss = float(np.mean(np.log(total) - picked))
    gradient /= total[:, None]
    gradient[rows, labels] -= 1
    gradient /= np.float32(len(labels))
    return loss, right, gradient
