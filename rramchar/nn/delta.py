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

from rramchar.nn.bitslice import Words, pack_bits, unpack_bits
from rramchar.nn.forward import class_scores, float_threshold
from rramchar.nn.gemm import (
    FEW_OUTPUTS,
    ExactWeights,
    exact_dtype,
    pair_product,
    prepare_weights,
    signed_sums,
)
from rramchar.nn.inject import Changes
from rramchar.nn.inputs import BlockInputs, block_inputs
from rramchar.nn.margins import (
    BIT_LIMIT,
    PIXEL_LIMIT,
    BitMargins,
    Margins,
    PixelMargins,
    Step,
)
from rramchar.nn.network import Network

FULL_PASS_SHARE = 0.1  # of changed first-layer weights, above which a full product is cheaper
FULL_PASS_SHARE_BITS = 0.25  # the same for inputs -1 and +1, whose corrections are cheaper
_COLUMNS = 1024  # images of the first layer's sums at a time: they stay in the cache
_CHUNK = 128  # rows converted to floating point at a time: they stay in the cache
_MOST_MOVED = 0.8  # share of inputs that moved, above which all sums are taken anew
_WORDS = 32  # words of images converted at a time


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
    if not thresholds:
        return CleanPass(network, ready, [], inputs, [], [inputs.sums(ready[0])], None, len(images))
    margins = _first_margins(network, ready[0], thresholds[0], inputs)
    fired, sums = [margins.clean()], [np.empty((0, 0), dtype=ready[0].dtype)]
    for i in range(1, len(ready)):
        sums.append(_bit_sums(ready[i], network.layers[i].weights, fired[i - 1], len(images)))
        if i < len(thresholds):
            fired.append(pack_bits(sums[i] >= thresholds[i]))
    return CleanPass(network, ready, thresholds, inputs, fired, sums, margins, len(images))


def _first_margins(
    network: Network, ready: ExactWeights, threshold: NDArray[Any], inputs: BlockInputs
) -> Margins:
    """Return the margins of a first layer, worked out for a few images at a time."""
    bits = network.encoding.kind == "sign"
    unit = 2 if bits and network.kind == "binary" else 1
    limit = BIT_LIMIT if bits else PIXEL_LIMIT
    images = inputs.values.shape[1]
    margin = np.empty((ready.outputs, images), dtype=np.int16)
    for start in range(0, images, _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        sums = inputs.part(columns).sums(ready)
        sums -= threshold
        if unit == 2:
            sums *= sums.dtype.type(0.5)
            np.floor(sums, out=sums)
        np.clip(sums, -limit, limit, out=sums)
        margin[:, columns] = sums
    if bits:
        return BitMargins.of(margin, inputs, unit, FULL_PASS_SHARE_BITS)
    return PixelMargins.of(margin, inputs, network.encoding.bound, FULL_PASS_SHARE)


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
    if len(weights) < FEW_OUTPUTS:
        sums = _packed_sums(weights, fired)[:, :images]
        return signed_sums(sums, weights)
    sums = np.empty((ready.outputs, images), dtype=ready.dtype)
    for start in range(0, fired.shape[1], _WORDS):
        columns = slice(64 * start, min(64 * (start + _WORDS), images))
        bits = unpack_bits(fired[:, start : start + _WORDS], columns.stop - columns.start)
        sums[:, columns] = ready.product(bits.astype(ready.dtype))
    return signed_sums(sums, weights)


def _packed_sums(weights: NDArray[np.int8], bits: Words, less: Words | None = None) -> NDArray[Any]:
    """Return ``weights @ bits``, or ``weights @ (bits - less)``, shape (output, 64 * word)."""
    total = np.empty((len(weights), 64 * bits.shape[1]), dtype=exact_dtype(len(bits), 1))
    for start in range(0, bits.shape[1], _WORDS):
        words = slice(start, start + _WORDS)
        sums = total[:, 64 * start : 64 * words.stop]
        flags = unpack_bits(bits[:, words], sums.shape[1])
        others = None if less is None else unpack_bits(less[:, words], sums.shape[1])
        sums[...] = pair_product(weights, flags, others)
    return total


def _later_sums(
    clean: CleanPass, layer: int, change: Changes, neurons: NDArray[np.intp], now: Words
) -> NDArray[Any]:
    """Return a layer's sums, given which neurons before it moved and which weights changed."""
    seen = _changed(clean, layer, change)
    before, dtype = clean.fired[layer - 1], clean.ready[layer].dtype
    step = _step(clean, layer, change)
    touched, index = np.unique(step.column, return_inverse=True)
    if len(neurons) + len(touched) > _MOST_MOVED * len(before):
        fired = before.copy()
        fired[neurons] = now
        ready = prepare_weights(seen, 1)
        return _bit_sums(ready, seen, fired, clean.images)
    sums = clean.sums[layer].copy()
    if len(neurons):
        moves = _packed_sums(seen[:, neurons], now, less=before[neurons])
        sums += 2 * moves[:, : clean.images]
    difference = np.zeros((len(seen), len(touched)), dtype=dtype)
    difference[step.neuron, index] = step.size
    for start in range(0, len(touched), _CHUNK):
        part = slice(start, start + _CHUNK)
        values = unpack_bits(before[touched[part]], clean.images).astype(dtype)
        sums += difference[:, part] @ (2 * values - 1)
    return sums
