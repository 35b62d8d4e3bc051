"""Re-run a network after a few of its weights changed, without re-running all of it.

The clean pass over a block of images is kept: of the first layer how far every sum is from its
threshold (`margins`), of hidden layers which neurons fired, as packed bits. Only neurons with a
changed weight are corrected in the first layer. In a later layer the change of its inputs and the
change of its weights are multiplied separately: ``W' a' = W a + W' (a' - a) + (W' - W) a``. All of
it is exact, so the outcome equals that of a full pass bit for bit. Where so many weights changed
that a full pass is cheaper, it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.bitslice import Words, count_ones, pack_bits, to_numbers, unpack_bits
from rramchar.nn.forward import class_scores, float_threshold
from rramchar.nn.gemm import ExactWeights, prepare_weights
from rramchar.nn.inject import Changes
from rramchar.nn.inputs import BlockInputs, block_inputs
from rramchar.nn.margins import BitMargins, Margins, PixelMargins, Step
from rramchar.nn.network import Network

FULL_PASS_SHARE = 0.1  # of changed first-layer weights, above which a full product is cheaper
FULL_PASS_SHARE_BITS = 0.25  # the same for inputs -1 and +1, whose corrections are cheaper
_CHUNK = 128  # rows converted to floating point at a time: they stay in the cache
_FEW_OUTPUTS = 32  # below, counting bits is faster than a floating product
_WORDS = 8  # words of images converted at a time


@dataclass(frozen=True, eq=False)
class CleanPass:
    """What the error-free network does with a block of images, kept for corrections.

    Parameters
    ----------
    network : Network
        The stored network.
    ready : list of ExactWeights
        The weights of each layer, ready for products.
    thresholds : list of arrays, each of shape (output, 1)
        Of the hidden layers.
    inputs : BlockInputs
        What enters the first layer.
    fired : list of arrays of uint64, each of shape (output, word)
        Packed outputs of each hidden layer; see `bitslice`.
    sums : list of arrays, each of shape (output, image)
        Of each layer; empty for a first layer with a threshold, whose margins stand for it.
    margins : Margins or None
        Of the first layer; None without hidden layers.
    images : int
        Number of images.
    """

    network: Network
    ready: list[ExactWeights]
    thresholds: list[NDArray[Any]]
    inputs: BlockInputs
    fired: list[Words]
    sums: list[NDArray[Any]]
    margins: Margins | None
    images: int

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores without errors, shape (class, image)."""
        return class_scores(self.network, self.sums[-1])


def bytes_per_image(network: Network) -> int:
    """Return about how much memory a clean pass and a correction take for each image. [B]."""
    hidden = sum(network.sizes[1:-1])
    wide = any(ready.dtype == np.float64 for ready in _prepared(network))
    return (12 * network.input_size + 16 * hidden + 64 * network.classes) * (2 if wide else 1)


def _prepared(network: Network) -> list[ExactWeights]:
    return [
        prepare_weights(layer.weights, network.input_bound(i))
        for i, layer in enumerate(network.layers)
    ]


def clean_pass(network: Network, images: NDArray[np.uint8]) -> CleanPass:
    """Run the network without errors and keep what corrections need.

    Parameters
    ----------
    network : Network
        The stored network.
    images : array of uint8, shape (image, pixel)
        A block of images, checked already.

    Returns
    -------
    CleanPass
        The record.
    """
    ready = _prepared(network)
    thresholds = [float_threshold(network, i) for i in range(len(ready) - 1)]
    inputs = block_inputs(network.encoding, images, ready[0].dtype)
    sums = [inputs.sums(ready[0])]
    fired: list[Words] = []
    for i, threshold in enumerate(thresholds):
        fired.append(pack_bits(sums[i] >= threshold))
        sums.append(_bit_sums(ready[i + 1], network.layers[i + 1].weights, fired[i], len(images)))
    margins = None
    if thresholds:
        gap = np.subtract(thresholds[0], sums[0], out=sums[0])
        margins = _margins(network, gap, inputs)
        sums[0] = np.empty((0, 0), dtype=np.float32)  # not needed again
    return CleanPass(network, ready, thresholds, inputs, fired, sums, margins, len(images))


def _margins(network: Network, gap: NDArray[Any], inputs: BlockInputs) -> Margins:
    if network.encoding.kind == "sign":
        unit = 2 if network.kind == "binary" else 1
        return BitMargins.of(gap, inputs, unit, FULL_PASS_SHARE_BITS)
    return PixelMargins.of(gap, inputs, network.encoding.bound, FULL_PASS_SHARE)


def changed_scores(clean: CleanPass, changes: Sequence[Changes]) -> NDArray[np.float64]:
    """Return the scores of the network with some weights changed.

    Parameters
    ----------
    clean : CleanPass
        The error-free pass over the images.
    changes : sequence of Changes
        One for each layer.

    Returns
    -------
    array of float64, shape (class, image)
        Equal to those of a full pass.
    """
    if clean.margins is None:
        return class_scores(clean.network, _only_sums(clean, changes[0]))
    neurons, now = _first_hidden(clean, changes[0])
    last = len(changes) - 1
    for i in range(1, len(changes)):
        sums = _later_sums(clean, i, changes[i], neurons, now)
        if i < last:
            now = pack_bits(sums >= clean.thresholds[i])
            neurons = np.flatnonzero((now != clean.fired[i]).any(axis=1))
            now = now[neurons]
    return class_scores(clean.network, sums)


def _step(clean: CleanPass, layer: int, change: Changes) -> Step:
    stored = clean.network.layers[layer].weights
    neuron, column = np.divmod(change.position, stored.shape[1])
    size = change.value.astype(np.int64) - stored.reshape(-1)[change.position]
    return Step(neuron, column, size)


def _changed(clean: CleanPass, layer: int, change: Changes) -> NDArray[np.int8]:
    return change.apply(clean.network.layers[layer].weights)


def _only_sums(clean: CleanPass, change: Changes) -> NDArray[Any]:
    """Return the sums of the only layer of a network without hidden ones."""
    seen = _changed(clean, 0, change)
    return clean.inputs.sums(prepare_weights(seen, clean.ready[0].bound))


def _first_hidden(clean: CleanPass, change: Changes) -> tuple[NDArray[np.intp], Words]:
    """Return neurons of the first layer that may have moved, and their packed outputs."""
    assert clean.margins is not None
    found = clean.margins.fired(_step(clean, 0, change))
    if found is not None:
        return found
    seen = _changed(clean, 0, change)
    ready = prepare_weights(seen, clean.ready[0].bound)
    fired = clean.inputs.reaches(ready, clean.thresholds[0])
    return np.arange(len(seen)), pack_bits(fired)


def _bit_sums(
    ready: ExactWeights, weights: NDArray[np.int8], fired: Words, images: int
) -> NDArray[Any]:
    """Return the sums of a layer whose inputs are packed: +1 where a bit is set, else -1."""
    if len(weights) < _FEW_OUTPUTS:
        return _counted_sums(weights, fired, images).astype(ready.dtype)
    sums = np.empty((ready.outputs, images), dtype=ready.dtype)
    for start in range(0, fired.shape[1], _WORDS):
        columns = slice(64 * start, min(64 * (start + _WORDS), images))
        bits = unpack_bits(fired[:, start : start + _WORDS], columns.stop - columns.start)
        sums[:, columns] = ready.product(bits.astype(ready.dtype))
    sums *= 2
    sums -= weights.sum(axis=1, dtype=np.int64).astype(ready.dtype)[:, None]
    return sums


def _counted_sums(weights: NDArray[np.int8], fired: Words, images: int) -> NDArray[np.int32]:
    """Return the sums by counting bits: a product is +1 where input and weight agree."""
    inputs = weights.shape[1]
    table = np.concatenate([fired, ~fired, np.zeros_like(fired[:1])])
    index = np.arange(inputs)
    entry = np.where(weights > 0, index, np.where(weights < 0, index + inputs, 2 * inputs))
    counts = to_numbers(count_ones(table, entry.T), images)
    return 2 * counts - np.count_nonzero(weights, axis=1).astype(np.int32)[:, None]


def _later_sums(
    clean: CleanPass, layer: int, change: Changes, neurons: NDArray[np.intp], now: Words
) -> NDArray[Any]:
    """Return a layer's sums, given which neurons before it moved and which weights changed."""
    seen = _changed(clean, layer, change)
    before, dtype = clean.fired[layer - 1], clean.ready[layer].dtype
    step = _step(clean, layer, change)
    touched, index = np.unique(step.column, return_inverse=True)
    if 2 * len(neurons) + len(touched) > len(before):  # each is unpacked, twice if it moved
        fired = before.copy()
        fired[neurons] = now
        ready = prepare_weights(seen, 1)
        return _bit_sums(ready, seen, fired, clean.images)
    sums = clean.sums[layer].copy()
    for start in range(0, len(neurons), _CHUNK):
        part = slice(start, start + _CHUNK)
        moved = unpack_bits(now[part], clean.images).view(np.int8)
        moved -= unpack_bits(before[neurons[part]], clean.images).view(np.int8)
        sums += (seen[:, neurons[part]] * dtype.type(2)) @ moved.astype(dtype)
    difference = np.zeros((len(seen), len(touched)), dtype=dtype)
    difference[step.neuron, index] = step.size
    for start in range(0, len(touched), _CHUNK):
        part = slice(start, start + _CHUNK)
        values = unpack_bits(before[touched[part]], clean.images).astype(dtype)
        sums += difference[:, part] @ (2 * values - 1)
    return sums
