"""The network while it is trained: latent weights, batch normalization, straight-through gradients.

The forward pass uses the quantized weights and the sign of the normalized sums. The backward pass
treats both as if they let gradients through: the weights everywhere, the sign where its argument
is within -1 to 1 (hard tanh). Hubara et al., "Binarized Neural Networks", arXiv:1602.02830.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.batchnorm import EPSILON, Normalization, fold, normalize, normalize_backward
from rramchar.nn.error_model import mean_confusion
from rramchar.nn.forward import exact_dtype
from rramchar.nn.inject import draw_changes
from rramchar.nn.network import DenseLayer, InputEncoding, Network
from rramchar.nn.optimizer import Adam
from rramchar.nn.quantize import Array, quantizer, sign

_STATISTICS_BATCH = 2000


class LatentDense:
    """A dense layer with latent weights, followed by a batch normalization.

    Parameters
    ----------
    inputs, outputs : int
        Size.
    kind : str
        ``binary`` or ``ternary``.
    init_std : float
        Standard deviation of the initial latent weights.
    rng : numpy.random.Generator
        Draws them.

    Attributes
    ----------
    weights : array of float32, shape (output, input)
        Quantized: -1, 0, +1.
    gamma, beta : array of float32, shape (output,)
        Of the normalization.
    """

    def __init__(
        self, inputs: int, outputs: int, kind: str, init_std: float, rng: np.random.Generator
    ) -> None:
        self.latent = rng.standard_normal((outputs, inputs), dtype=np.float32)
        self.latent *= np.float32(init_std)
        self.weights = np.empty_like(self.latent)
        self._kind = kind
        self._quantize = quantizer(kind)
        self._quantize(self.latent, self.weights)
        self.gamma = np.ones(outputs, dtype=np.float32)
        self.beta = np.zeros(outputs, dtype=np.float32)
        self._adam = [Adam(p) for p in (self.latent, self.gamma, self.beta)]
        self._gradient = np.empty_like(self.latent)
        self._kept: tuple[Array, Array, Array] | None = None

    def misread(self, rate: float, rng: np.random.Generator) -> None:
        """Let the next batch see some weights wrong; its update of the latent ones cures them.

        Parameters
        ----------
        rate : float
            Mean error probability per weight (see `rramchar.nn.error_model.mean_confusion`). [1]
        rng : numpy.random.Generator
            Source of randomness.
        """
        stored = self.weights.astype(np.int8)
        zeros = 1.0 - np.count_nonzero(stored) / stored.size
        changes = draw_changes(stored, mean_confusion(self._kind, rate, zeros), rng)
        self.weights.reshape(-1)[changes.position] = changes.value

    def forward(self, values: Array) -> Array:
        """Return the normalized and scaled sums of a batch, shape (image, output)."""
        normalized, inverse = normalize(values @ self.weights.T)
        self._kept = (values, normalized, inverse)
        result = normalized * self.gamma
        result += self.beta
        return result

    def backward(self, gradient: Array, rate: float, *, wanted: bool) -> Array | None:
        """Update the layer after `forward`; return the gradient of its input if it is wanted."""
        assert self._kept is not None
        values, normalized, inverse = self._kept
        self._kept = None
        gradient, d_gamma, d_beta = normalize_backward(gradient, normalized, inverse, self.gamma)
        np.matmul(gradient.T, values, out=self._gradient)
        below = gradient @ self.weights if wanted else None
        self._adam[0].step(self._gradient, rate, self._quantize, self.weights)
        self._adam[1].step(d_gamma, rate)
        self._adam[2].step(d_beta, rate)
        return below


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """Quantized weights and the normalization behind them, as training left them.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Stored weights.
    norm : Normalization
        With the statistics of all training images.
    """

    weights: NDArray[np.int8]
    norm: Normalization


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network before its normalizations are folded into thresholds.

    Parameters
    ----------
    layers : tuple of TrainedLayer
        From input to output.
    encoding : InputEncoding
        How pixels enter.
    kind : str
        ``binary`` or ``ternary``.
    """

    layers: tuple[TrainedLayer, ...]
    encoding: InputEncoding
    kind: str

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the scores in float64 by the batch normalizations, shape (image, class)."""
        values = self.encoding.apply(images, np.float64)
        for i, layer in enumerate(self.layers):
            if i:
                values = np.where(values >= 0, 1.0, -1.0)
            values = layer.norm.apply(values @ layer.weights.T.astype(np.float64))
        return values

    def network(self, metadata: dict[str, Any] | None = None) -> Network:
        """Return the integer network that decides as this one does."""
        bounds = [self.encoding.bound] + [1] * (len(self.layers) - 1)
        hidden = [
            fold(layer.weights, layer.norm, bound)
            for layer, bound in zip(self.layers[:-1], bounds, strict=False)
        ]
        last = self.layers[-1]
        scale = last.norm.gamma / last.norm.std
        return Network(
            layers=(*hidden, DenseLayer(last.weights)),
            encoding=self.encoding,
            scale=scale,
            offset=last.norm.beta - last.norm.mean * scale,
            kind=self.kind,
            metadata=metadata or {},
        )


def finish(
    layers: list[LatentDense], images: NDArray[np.uint8], encoding: InputEncoding, kind: str
) -> TrainedModel:
    """Fix each normalization's statistics to those of all training images.

    Parameters
    ----------
    layers : list of LatentDense
        The trained layers.
    images : array of uint8, shape (image, pixel)
        The training images.
    encoding : InputEncoding
        How pixels enter.
    kind : str
        ``binary`` or ``ternary``.

    Returns
    -------
    TrainedModel
        Statistics are taken layer by layer, each with the layers before it already fixed.
    """
    done: list[TrainedLayer] = []
    for layer in layers:
        total = np.zeros(len(layer.gamma))
        square = np.zeros(len(layer.gamma))
        bound = encoding.bound if not done else 1
        dtype = exact_dtype(layer.weights.shape[1], bound)
        for values in _hidden_batches(done, images, encoding):
            sums = (values.astype(dtype, copy=False) @ layer.weights.T.astype(dtype)).astype(float)
            total += sums.sum(axis=0)
            square += np.einsum("ij,ij->j", sums, sums)
        mean = total / len(images)
        variance = np.maximum(square / len(images) - mean**2, 0.0)
        norm = Normalization(
            layer.gamma.astype(float), layer.beta.astype(float), mean, np.sqrt(variance + EPSILON)
        )
        done.append(TrainedLayer(layer.weights.astype(np.int8), norm))
    return TrainedModel(tuple(done), encoding, kind)


def _hidden_batches(
    done: list[TrainedLayer], images: NDArray[np.uint8], encoding: InputEncoding
) -> Iterator[NDArray[Any]]:
    """Yield what enters the layer after those that are done, batch by batch."""
    folded = [
        fold(layer.weights, layer.norm, encoding.bound if i == 0 else 1)
        for i, layer in enumerate(done)
    ]
    for start in range(0, len(images), _STATISTICS_BATCH):
        values = encoding.apply(images[start : start + _STATISTICS_BATCH])
        for i, layer in enumerate(folded):
            dtype = exact_dtype(layer.inputs, encoding.bound if i == 0 else 1)
            fired = values.astype(dtype) @ layer.weights.T.astype(dtype) >= layer.threshold
            values = np.where(fired, np.float32(1), np.float32(-1))
        yield values


def activate(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the signs of normalized sums, in place, and where gradients pass through them."""
    window = np.abs(values) <= 1
    sign(values, values)
    return values, window
