"""The network that an 8-bit accelerator would run: 8-bit weights and activations, trained as such.

It stands beside the binarized network in the comparison of energy at equal accuracy. Weights are
multiples of 1/127 from -1 to 1, hidden activations multiples of 4/255 from 0 to 4 (a ReLU that
saturates); the training sees both (straight-through), so nothing is lost by rounding afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.batchnorm import EPSILON, Normalization
from rramchar.nn.dataset import Dataset
from rramchar.nn.model import LatentDense
from rramchar.nn.optimizer import cosine_rate
from rramchar.nn.quantize import Array
from rramchar.nn.settings import TrainingSettings
from rramchar.nn.train import cross_entropy

_WEIGHT_STEPS = np.float32(127)
_HIGHEST = np.float32(4)
_ACTIVATION_STEPS = np.float32(255 / 4)
_LEARNING_RATE = 2e-3


def int8_weights(latent: Array, out: Array) -> None:
    """Write the nearest multiples of 1/127 from -1 to 1; see `rramchar.nn.quantize.Quantizer`."""
    np.multiply(latent, _WEIGHT_STEPS, out=out)
    np.rint(out, out=out)
    np.clip(out, -_WEIGHT_STEPS, _WEIGHT_STEPS, out=out)
    out /= _WEIGHT_STEPS


class Int8Dense(LatentDense):
    """A dense layer of 8-bit weights; see `rramchar.nn.model.LatentDense`."""

    def __init__(
        self, inputs: int, outputs: int, init_std: float, rng: np.random.Generator
    ) -> None:
        super().__init__(inputs, outputs, "binary", init_std, rng)
        self._quantize = int8_weights
        self._quantize(self.latent, self.weights)


def int8_accuracy(dataset: Dataset, settings: TrainingSettings) -> float:
    """Train an 8-bit network and return its accuracy on the test images.

    Parameters
    ----------
    dataset : Dataset
        The data.
    settings : TrainingSettings
        Layers, epochs, batch, seed; learning rate and kind of weights are this network's own.

    Returns
    -------
    float
        From 0 to 1; the same for the same arguments on one machine. [1]
    """
    initial, shuffling = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(settings.seed).spawn(2)
    )
    sizes = (dataset.pixels, *settings.hidden, dataset.classes)
    layers = [
        Int8Dense(inputs, outputs, 0.1, initial)
        for inputs, outputs in zip(sizes, sizes[1:], strict=False)
    ]
    images = len(dataset.train_images)
    steps = images // settings.batch
    for epoch in range(settings.epochs):
        order = shuffling.permutation(images)
        for k in range(steps):
            chosen = order[k * settings.batch : (k + 1) * settings.batch]
            rate = cosine_rate(epoch * steps + k, settings.epochs * steps, _LEARNING_RATE)
            _step(layers, _pixels(dataset, chosen), dataset.train_labels[chosen], rate)
    return _accuracy(layers, dataset)


def _pixels(dataset: Dataset, chosen: NDArray[np.intp]) -> Array:
    values = dataset.train_images[chosen].astype(np.float32)
    values /= np.float32(dataset.maximum)
    return values


def _activate(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return 8-bit activations, in place, and where gradients pass through them."""
    window = (values > 0) & (values < _HIGHEST)
    np.clip(values, 0, _HIGHEST, out=values)
    values *= _ACTIVATION_STEPS
    np.rint(values, out=values)
    values /= _ACTIVATION_STEPS
    return values, window


def _step(
    layers: list[Int8Dense], values: Array, labels: NDArray[np.integer[Any]], rate: float
) -> None:
    windows = []
    for layer in layers[:-1]:
        values, window = _activate(layer.forward(values))
        windows.append(window)
    _, _, gradient = cross_entropy(layers[-1].forward(values), labels)
    for i in range(len(layers) - 1, -1, -1):
        below = layers[i].backward(gradient, rate, wanted=i > 0)
        if below is not None:
            below *= windows[i - 1]
            gradient = below


def _accuracy(layers: list[Int8Dense], dataset: Dataset) -> float:
    """Return the accuracy with the statistics of all training images."""
    train = _pixels(dataset, np.arange(len(dataset.train_images)))
    test = dataset.test_images.astype(np.float32) / np.float32(dataset.maximum)
    for i, layer in enumerate(layers):
        sums = train @ layer.weights.T
        std = np.sqrt(sums.var(axis=0, dtype=np.float64) + EPSILON)
        mean = sums.mean(axis=0, dtype=np.float64)
        norm = Normalization(layer.gamma.astype(float), layer.beta.astype(float), mean, std)
        test = norm.apply(test @ layer.weights.T).astype(np.float32)
        if i < len(layers) - 1:
            train = _activate(norm.apply(sums).astype(np.float32))[0]
            test = _activate(test)[0]
    return float(np.mean(test.argmax(axis=1) == dataset.test_labels))
