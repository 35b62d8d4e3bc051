"""The exact forward pass: integer arithmetic carried out in floating-point matrix products.

See `gemm` for the products. Images are worked through in blocks that stay in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.counts import MOST_MARKS, counted_layer
from rramchar.nn.gemm import (
    FEW_OUTPUTS,
    ExactWeights,
    exact_dtype,
    pair_product,
    prepare_weights,
    signed_sums,
)
from rramchar.nn.graph import Graph
from rramchar.nn.graph_forward import graph_scores
from rramchar.nn.inputs import block_inputs, signs
from rramchar.nn.network import Network
from rramchar.nn.order import like_blocks

BLOCK_BYTES = 8 * 2**20


def float_threshold(network: Network, layer: int) -> NDArray[Any]:
    """Return a hidden layer's thresholds as a column that compares exactly with its sums.

    A threshold outside the range of possible sums is moved to the edge of that range, where it
    still means "always" or "never".

    Parameters
    ----------
    network : Network
        The network.
    layer : int
        Index of a hidden layer.

    Returns
    -------
    array, shape (output, 1)
        In the layer's exact type.
    """
    record = network.layers[layer]
    if record.threshold is None:
        raise InputError(f"layer {layer}: is the last one and has no threshold")
    bound = network.input_bound(layer)
    largest = record.inputs * bound
    clipped = np.clip(record.threshold, -largest, largest + 1)
    return clipped.astype(exact_dtype(record.inputs, bound))[:, None]


def check_images(network: Network | Graph, images: NDArray[Any]) -> None:
    """Refuse images that do not fit a network's input.

    Parameters
    ----------
    network : Network
        The network.
    images : array of uint8, shape (image, pixel)
        The images.

    Raises
    ------
    InputError
        If type, shape or a pixel's value does not fit.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        found = getattr(images, "dtype", type(images).__name__)
        raise InputError(f"images: type {found}, expected an array of uint8")
    if images.ndim != 2 or images.shape[1] != network.input_size or not len(images):
        raise InputError(
            f"images: shape {images.shape}, but the network takes (image, {network.input_size}); "
            "use the data set that the network was trained on"
        )
    largest = int(images.max())
    if largest > network.encoding.maximum:
        raise InputError(
            f"images: a pixel is {largest}, above the network's input maximum "
            f"{network.encoding.maximum}; use the data set that the network was trained on"
        )


def check_labels(labels: NDArray[Any], images: NDArray[Any], classes: int) -> None:
    """Refuse labels that do not fit the images or the classes.

    Parameters
    ----------
    labels : array of integers, shape (image,)
        Right class of each image.
    images : array, shape (image, pixel)
        The images.
    classes : int
        Number of classes.

    Raises
    ------
    InputError
        If type, shape or a value does not fit.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        found = getattr(labels, "dtype", type(labels).__name__)
        raise InputError(f"labels: type {found}, expected an array of integers")
    if labels.shape != (len(images),):
        raise InputError(f"labels: shape {labels.shape}, expected ({len(images)},) as the images")
    if len(labels) and (labels.min() < 0 or labels.max() >= classes):
        bad = labels[(labels < 0) | (labels >= classes)][0]
        raise InputError(f"labels: holds {bad}, expected 0 to {classes - 1}")


def scores(network: Network | Graph, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the score of each class for each image.

    Parameters
    ----------
    network : Network
        The network.
    images : array of uint8, shape (image, pixel)
        The images; any number, worked through in blocks of bounded memory.

    Returns
    -------
    array of float64, shape (image, class)
        Exact: the integer sums are, and scale and offset are applied once in float64.
    """
    check_images(network, images)
    if isinstance(network, Graph):
        return graph_scores(network, images)
    ready = [
        prepare_weights(layer.weights, network.input_bound(i))
        for i, layer in enumerate(network.layers)
    ]
    thresholds = [float_threshold(network, i) for i in range(len(ready) - 1)]
    first = _first_layer(network, ready[0], thresholds)
    block = max(1, BLOCK_BYTES // (8 * max(network.sizes)))
    result = np.empty((len(images), network.classes))
    for rows in _row_blocks(network, images, block):
        part = images[rows]
        if not thresholds:
            inputs = block_inputs(network.encoding, part, ready[0].dtype)
            result[rows] = class_scores(network, inputs.sums(ready[0])).T
            continue
        fired = first(part)
        for layer, threshold in zip(ready[1:], thresholds[1:], strict=False):
            fired = layer.reaches(signs(fired, layer.dtype), threshold)
        result[rows] = class_scores(network, _last_sums(network, ready[-1], fired)).T
    return result


def _row_blocks(
    network: Network, images: NDArray[np.uint8], block: int
) -> list[slice | NDArray[np.intp]]:
    """Cut the images into blocks, of like images where there are several."""
    if len(images) <= block:
        return [slice(None)]
    if network.encoding.kind == "sign":
        return [*like_blocks(images, max(1, network.encoding.level or 0), block, MOST_MARKS)]
    return [*like_blocks(images, 1, block)]


def _first_layer(
    network: Network, ready: ExactWeights, thresholds: list[NDArray[Any]]
) -> Callable[[NDArray[np.uint8]], NDArray[np.bool_]]:
    """Return what turns a block of images into the outputs of the first hidden layer."""
    encoding, counted = network.encoding, None
    marks = encoding.kind == "sign"
    if thresholds:
        edge = thresholds[0][:, 0].astype(np.int64)
        counted = counted_layer(network.layers[0].weights, edge, marks=marks)

    def fired(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
        if counted is not None:
            found = counted.fired(images >= np.uint8(encoding.level or 0) if marks else images)
            if found is not None:
                return found
        return block_inputs(encoding, images, ready.dtype).reaches(ready, thresholds[0])

    return fired


def _last_sums(network: Network, ready: ExactWeights, fired: NDArray[np.bool_]) -> NDArray[Any]:
    if ready.outputs >= FEW_OUTPUTS:
        return ready.product(signs(fired, ready.dtype))
    weights = network.layers[-1].weights
    return signed_sums(pair_product(weights, fired), weights)


def class_scores(network: Network, sums: NDArray[Any]) -> NDArray[np.float64]:
    """Turn the last layer's sums, shape (class, image), into scores of the same shape."""
    result = sums.astype(np.float64)
    result *= network.scale[:, None]
    result += network.offset[:, None]
    return result


def best_class(scores: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the class of the highest score, the first one on a tie.

    Parameters
    ----------
    scores : array of float64, shape (class, image)
        Finite.

    Returns
    -------
    array of int32, shape (image,)
        What ``scores.argmax(axis=0)`` gives, several times faster for few classes: whole rows are
        compared at once.
    """
    best = scores[0].copy()
    found = np.zeros(len(best), dtype=np.int32)
    for k in range(1, len(scores)):
        better = scores[k] > best
        np.maximum(found, better * np.int32(k), out=found)
        np.maximum(best, scores[k], out=best)
    return found


def predict(network: Network | Graph, images: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the class of each image: the highest score, the first class on a tie.

    Parameters
    ----------
    network : Network
        The network.
    images : array of uint8, shape (image, pixel)
        The images.

    Returns
    -------
    array of integers, shape (image,)
        Index of the class.
    """
    return scores(network, images).argmax(axis=1)


def accuracy(
    network: Network | Graph, images: NDArray[np.uint8], labels: NDArray[np.integer[Any]]
) -> float:
    """Return the share of images whose class is predicted rightly.

    Parameters
    ----------
    network : Network
        The network.
    images : array of uint8, shape (image, pixel)
        The images.
    labels : array of integers, shape (image,)
        Right class of each image.

    Returns
    -------
    float
        From 0 to 1. [1]
    """
    check_images(network, images)
    check_labels(labels, images, network.classes)
    return float(np.count_nonzero(predict(network, images) == labels) / len(labels))
