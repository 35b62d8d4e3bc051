"""Train a network in the array: batches, gradients, pulses, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.batchnorm import fold
from rramchar.nn.dataset import Dataset
from rramchar.nn.learn.devices import Floats
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.state import LearningLayer, LearnState
from rramchar.nn.learn.synapses import Programmed
from rramchar.nn.model import activate
from rramchar.nn.network import DenseLayer, Network
from rramchar.nn.train import cross_entropy

Progress = Callable[[int, int], None]
EpochDone = Callable[["LearnState"], None]
_STATISTICS_IMAGES = 20_000
_BLOCK = 2_000


@dataclass(frozen=True, eq=False)
class LearnResult:
    """What a run gave.

    Parameters
    ----------
    history : list of dict
        A row for each epoch: ``epoch`` (from 1, over all runs of the state), ``dataset``, ``loss``
        [nat], ``train_accuracy`` (of the batches as they came), ``test_accuracy``, ``pulses``
        (weak RESETs), ``sets``, ``flips``, ``seconds`` [s].
    state : LearnState
        The array after the last epoch.
    """

    history: list[dict[str, Any]]
    state: LearnState

    @property
    def test_accuracy(self) -> float:
        """Accuracy on the test images after the last epoch. [1]."""
        return float(self.history[-1]["test_accuracy"])

    @property
    def settings(self) -> LearnSettings:
        """The settings, with defaults filled in."""
        return self.state.settings


def learn(
    dataset: Dataset,
    settings: LearnSettings,
    *,
    epochs: int | None = None,
    progress: Progress | None = None,
    epoch_done: EpochDone | None = None,
    state: LearnState | None = None,
) -> LearnResult:
    """Learn a data set in the array.

    Parameters
    ----------
    dataset : Dataset
        Its training part is learned, its test part measured after each epoch.
    settings : LearnSettings
        See there. The same settings and data give the same array on the same machine.
    epochs : int, optional
        Epochs to add; ``settings.epochs`` without. More than the schedule has left are learned at
        its last pace.
    progress : callable, optional
        Called with the number of finished steps and the number of all.
    epoch_done : callable, optional
        Called with the state after each epoch, for instance to save it.
    state : LearnState, optional
        An array to continue with, changed in place, on this or other data; its own settings hold,
        but for ``settings.epochs``. Where it has finished its schedule of epochs, a new one begins.

    Returns
    -------
    LearnResult
        The history of the epochs added, and the array.

    Raises
    ------
    InputError
        If settings, data and state do not fit each other.
    """
    if state is None:
        state = LearnState.new(settings, dataset)
    state.check_dataset(dataset)
    epochs = settings.epochs if epochs is None else epochs
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise InputError(f"epochs: {epochs!r}, expected a whole number of at least 0")
    if state.scheduled >= settings.epochs:
        state.scheduled = 0
    rows = []
    for k in range(epochs):
        since = time.perf_counter()
        row = _epoch(dataset, state, settings.epochs, _shifted(progress, k, epochs))
        state.epoch += 1
        state.scheduled += 1
        set_statistics(state, dataset.train_images)
        row = {
            "epoch": state.epoch,
            "dataset": dataset.name,
            **row,
            "test_accuracy": accuracy(state, dataset.test_images, dataset.test_labels),
            "seconds": time.perf_counter() - since,
        }
        rows.append(row)
        state.history.append(row)
        if epoch_done is not None:
            epoch_done(state)
    return LearnResult(rows, state)


def _shifted(progress: Progress | None, epoch: int, epochs: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total: progress(epoch * total + done, epochs * total)


def _epoch(
    dataset: Dataset, state: LearnState, scheduled: int, progress: Progress | None
) -> dict[str, Any]:
    images, labels = dataset.train_images, dataset.train_labels
    batch = state.settings.batch
    order = state.start_epoch().permutation(len(images))
    steps = len(images) // batch
    loss, right, total = 0.0, 0, Programmed()
    for k in range(steps):
        chosen = order[k * batch : (k + 1) * batch]
        state.set_pace(min(1.0, (state.scheduled + k / steps) / scheduled))
        found = step(state, state.encoding.apply(images[chosen]), labels[chosen])
        loss += found[0]
        right += found[1]
        for done in found[2]:
            total.pulses += done.pulses
            total.sets += done.sets
            total.flips += done.flips
        if progress is not None:
            progress(k + 1, steps)
    return {
        "loss": loss / steps,
        "train_accuracy": right / (steps * batch),
        "pulses": total.pulses,
        "sets": total.sets,
        "flips": total.flips,
    }


def step(
    state: LearnState, values: Floats, labels: NDArray[np.integer[Any]]
) -> tuple[float, int, list[Programmed]]:
    """Learn one batch.

    Parameters
    ----------
    state : LearnState
        The network, changed in place.
    values : array of float32, shape (image, pixel)
        Encoded pixels.
    labels : array of integers, shape (image,)
        Right classes.

    Returns
    -------
    tuple
        Mean loss [nat], number of images that were right, and what was programmed in each layer,
        from the last to the first.
    """
    analog = state.settings.synapse == "analog"
    windows = []
    for layer in state.layers[:-1]:
        values, window = _activate(layer.forward(values), analog)
        windows.append(window)
    loss, right, gradient = cross_entropy(state.layers[-1].forward(values), labels)
    done = []
    for i in range(len(state.layers) - 1, -1, -1):
        below, programmed = state.layers[i].backward(gradient, wanted=i > 0)
        done.append(programmed)
        if below is not None:
            below *= windows[i - 1]
            gradient = below
    return loss, right, done


def _activate(values: Floats, analog: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the neurons' output and where gradients pass: the sign; analog neurons clip."""
    if not analog:
        return activate(values)
    window = np.abs(values) <= 1
    return np.clip(values, -1, 1, out=values), window


def set_statistics(state: LearnState, images: NDArray[np.uint8]) -> None:
    """Fix the normalizations' statistics to those of the first 20,000 images, layer by layer.

    Parameters
    ----------
    state : LearnState
        Changed in place.
    images : array of uint8, shape (image, pixel)
        Training images.
    """
    values = images[:_STATISTICS_IMAGES]
    hidden: Floats | None = None
    for i, layer in enumerate(state.layers):
        sums = np.empty((len(values), len(layer.gamma)), dtype=np.float32)
        for start in range(0, len(values), _BLOCK):
            part = slice(start, start + _BLOCK)
            inputs = state.encoding.apply(values[part]) if hidden is None else hidden[part]
            np.matmul(inputs, layer.synapses.weights.T, out=sums[part])
        layer.set_statistics(sums)
        if i < len(state.layers) - 1:
            hidden = _fixed(layer, sums, state.settings.synapse == "analog")


def _fixed(layer: LearningLayer, sums: Floats, analog: bool) -> Floats:
    """Return a hidden layer's output with its statistics fixed; the sums are overwritten."""
    norm = layer.norm
    scale = norm.gamma / norm.std
    sums *= scale.astype(np.float32)
    sums += (norm.beta - norm.mean * scale).astype(np.float32)
    return _activate(sums, analog)[0]


def network(state: LearnState, metadata: dict[str, Any] | None = None) -> Network:
    """Return the network that the array's bits make, to evaluate as any other.

    Parameters
    ----------
    state : LearnState
        Of binary synapses.
    metadata : dict, optional
        Kept in the network.

    Returns
    -------
    Network
        Normalizations folded into integer thresholds.

    Raises
    ------
    InputError
        If the synapses are analog.
    """
    if state.settings.synapse == "analog":
        raise InputError("synapse: analog weights are no binary network; train with synapse=bnn")
    stored = [layer.synapses.weights.astype(np.int8) for layer in state.layers]
    hidden = [
        fold(weights, layer.norm, state.encoding.bound if i == 0 else 1)
        for i, (weights, layer) in enumerate(zip(stored[:-1], state.layers, strict=False))
    ]
    last = state.layers[-1].norm
    scale = last.gamma / last.std
    return Network(
        layers=(*hidden, DenseLayer(stored[-1])),
        encoding=state.encoding,
        scale=scale,
        offset=last.beta - last.mean * scale,
        kind="binary",
        metadata=metadata or {},
    )


def accuracy(
    state: LearnState, images: NDArray[np.uint8], labels: NDArray[np.integer[Any]]
) -> float:
    """Return the share of images that the array classifies rightly, in float32.

    Parameters
    ----------
    state : LearnState
        With the statistics of its normalizations set.
    images : array of uint8, shape (image, pixel)
        The images.
    labels : array of integers, shape (image,)
        Right classes.

    Returns
    -------
    float
        From 0 to 1. [1]
    """
    analog = state.settings.synapse == "analog"
    right = 0
    for start in range(0, len(images), _BLOCK):
        part = slice(start, start + _BLOCK)
        values = state.encoding.apply(images[part])
        for layer in state.layers[:-1]:
            values = _fixed(layer, values @ layer.synapses.weights.T, analog)
        last = state.layers[-1]
        scores = last.norm.apply(values @ last.synapses.weights.T)
        right += int(np.count_nonzero(scores.argmax(axis=1) == labels[part]))
    return right / len(images)
