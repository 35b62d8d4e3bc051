"""Re-run a network after a few of its weights changed, without re-running all of it.

The clean pass over a block of images is kept. A changed weight in the first layer moves one
neuron's sums by a multiple of one pixel, so only touched neurons are corrected, in int16: their
distance to the threshold is kept clipped to the int16 range, which changes no comparison while
the correction itself stays inside that range (guarded). In a later layer the change of its inputs
and the change of its weights are multiplied separately:
``W' a' = W a + W' (a' - a) + (W' - W) a``. All of it is exact, so the outcome equals that of a
full pass bit for bit. Where so many weights changed that a full pass is cheaper, it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.forward import class_scores, float_threshold, float_weights, hidden_values
from rramchar.nn.inject import Changes
from rramchar.nn.network import Network

FULL_PASS_SHARE = 0.05  # of changed first-layer weights, above which a full product is cheaper
_CHUNK = 128  # rows converted to floating point at a time: they stay in the cache
_INT16 = 32767


@dataclass(frozen=True, eq=False)
class CleanPass:
    """What the error-free network does with a block of images, kept for corrections.

    Parameters
    ----------
    network : Network
        The stored network.
    weights : list of arrays, each of shape (output, input)
        In each layer's exact floating type.
    thresholds : list of arrays, each of shape (output, 1)
        Of the hidden layers.
    inputs : list of arrays, each of shape (input, image)
        What enters each layer.
    sums : list of arrays, each of shape (output, image)
        Of each layer.
    fired : list of bool arrays, each of shape (output, image)
        Of each hidden layer.
    gap : array of int16, shape (output, image), or None
        Threshold minus sum of the first layer, clipped; None without hidden layers.
    columns : dict
        Step 1 and 2 to an array of int16, shape (input, image): the step times the input.
    """

    network: Network
    weights: list[NDArray[Any]]
    thresholds: list[NDArray[Any]]
    inputs: list[NDArray[Any]]
    sums: list[NDArray[Any]]
    fired: list[NDArray[np.bool_]]
    gap: NDArray[np.int16] | None
    columns: dict[int, NDArray[np.int16]]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores without errors, shape (class, image)."""
        return class_scores(self.network, self.sums[-1])


def bytes_per_image(network: Network) -> int:
    """Return about how much memory a clean pass and a correction take for each image. [B]."""
    hidden = sum(network.sizes[1:-1])
    wide = any(w.dtype == np.float64 for w in float_weights(network))
    return (12 * network.input_size + 28 * hidden + 64 * network.classes) * (2 if wide else 1)


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
    weights = float_weights(network)
    thresholds = [float_threshold(network, i) for i in range(len(weights) - 1)]
    pixels = np.ascontiguousarray(images.T)
    inputs = [network.encoding.apply(pixels, weights[0].dtype.type)]
    sums: list[NDArray[Any]] = []
    fired: list[NDArray[np.bool_]] = []
    for i, layer in enumerate(weights):
        sums.append(layer @ inputs[i])
        if i < len(thresholds):
            fired.append(sums[i] >= thresholds[i])
            inputs.append(hidden_values(fired[i], weights[i + 1].dtype.type))
    gap = None
    columns: dict[int, NDArray[np.int16]] = {}
    if thresholds:
        distance = thresholds[0] - sums[0]
        gap = np.clip(distance, -_INT16, _INT16, out=distance).astype(np.int16)
        sums[0] = np.empty((0, 0), dtype=np.float32)  # not needed again: the gap stands for it
        single = inputs[0].astype(np.int16)
        columns = {1: single, 2: single * np.int16(2)}
    return CleanPass(network, weights, thresholds, inputs, sums, fired, gap, columns)


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
    last = len(clean.weights) - 1
    neurons = np.empty(0, dtype=np.intp)  # whose output changed in the layer before
    moved = np.empty((0, clean.inputs[0].shape[1]), dtype=np.int8)  # by how many times 2
    for i, change in enumerate(changes):
        if i == 0 and last > 0:
            neurons, moved = _first_hidden(clean, change)
            continue
        sums = _later_sums(clean, i, change, neurons, moved)
        if i < last:
            moved = _moves(sums >= clean.thresholds[i], clean.fired[i])
            neurons = np.flatnonzero(moved.any(axis=1))
            moved = moved[neurons]
    return class_scores(clean.network, sums)


def _moves(fired: NDArray[np.bool_], before: NDArray[np.bool_]) -> NDArray[np.int8]:
    return fired.view(np.int8) - before.view(np.int8)


def _changed_weights(weights: NDArray[Any], change: Changes) -> NDArray[Any]:
    seen = weights.copy()
    seen.reshape(-1)[change.position] = change.value
    return seen


def _steps(clean: CleanPass, layer: int, change: Changes) -> NDArray[np.int64]:
    """Return seen minus stored weight of each change: -2 to 2."""
    stored = clean.network.layers[layer].weights.reshape(-1)[change.position]
    return change.value.astype(np.int64) - stored


def _first_hidden(clean: CleanPass, change: Changes) -> tuple[NDArray[np.intp], NDArray[np.int8]]:
    """Return the first layer's touched neurons and how their outputs moved."""
    outputs, inputs = clean.weights[0].shape
    row, column = np.divmod(change.position, inputs)
    neurons, start, count = np.unique(row, return_index=True, return_counts=True)
    worst = 2 * int(count.max(initial=0)) * clean.network.encoding.bound
    if len(row) > FULL_PASS_SHARE * outputs * inputs or worst >= _INT16:
        sums = _changed_weights(clean.weights[0], change) @ clean.inputs[0]
        return np.arange(outputs), _moves(sums >= clean.thresholds[0], clean.fired[0])
    assert clean.gap is not None
    step = _steps(clean, 0, change).tolist()
    columns = column.tolist()
    ends = (start + count).tolist()
    images = clean.gap.shape[1]
    correction = np.empty(images, dtype=np.int16)
    fired = np.empty(images, dtype=bool)
    moved = np.empty((len(neurons), images), dtype=np.int8)
    for k, (neuron, first, end) in enumerate(
        zip(neurons.tolist(), start.tolist(), ends, strict=True)
    ):
        correction.fill(0)
        for j in range(first, end):
            add = np.add if step[j] > 0 else np.subtract
            add(correction, clean.columns[abs(step[j])][columns[j]], out=correction)
        np.greater_equal(correction, clean.gap[neuron], out=fired)
        np.subtract(fired.view(np.int8), clean.fired[0][neuron].view(np.int8), out=moved[k])
    return neurons, moved


def _later_sums(
    clean: CleanPass,
    layer: int,
    change: Changes,
    neurons: NDArray[np.intp],
    moved: NDArray[np.int8],
) -> NDArray[Any]:
    """Return a layer's sums given what moved in the layer before and which weights changed."""
    weights = clean.weights[layer]
    dtype = weights.dtype
    outputs, inputs = weights.shape
    seen = _changed_weights(weights, change) if len(change.position) else weights
    row, column = np.divmod(change.position, inputs)
    touched, index = np.unique(column, return_inverse=True)
    # Cost per input row, in units of one multiplication per output: conversion and copies included.
    if (len(neurons) + len(touched)) * (outputs + 24) > inputs * (outputs + 96):
        values = clean.inputs[layer].copy()
        values[neurons] += moved * dtype.type(2)
        return seen @ values
    sums = clean.sums[layer].copy()
    for start in range(0, len(neurons), _CHUNK):
        part = slice(start, start + _CHUNK)
        sums += (seen[:, neurons[part]] * dtype.type(2)) @ moved[part].astype(dtype)
    if len(touched):
        difference = np.zeros((outputs, len(touched)), dtype=dtype)
        difference[row, index] = _steps(clean, layer, change)
        for start in range(0, len(touched), _CHUNK):
            part = slice(start, start + _CHUNK)
            sums += difference[:, part] @ clean.inputs[layer][touched[part]]
    return sums
