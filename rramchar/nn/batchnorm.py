"""Batch normalization while training, and its folding into an integer threshold.

Ioffe and Szegedy, arXiv:1502.03167: ``y = gamma (z - mean) / std + beta`` with
``std = sqrt(variance + EPSILON)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.network import DenseLayer
from rramchar.nn.quantize import Array
from rramchar.nn.thresholds import first_reaching

EPSILON = 1e-4  # of a sum of integers, so far below any variance that is not zero


@dataclass(frozen=True, eq=False)
class Normalization:
    """Batch normalization with fixed statistics, in float64.

    Parameters
    ----------
    gamma, beta, mean, std : array of float64, shape (neuron,)
        See the module; `std` is positive.
    """

    gamma: NDArray[np.float64]
    beta: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def apply(self, sums: NDArray[Any]) -> NDArray[np.float64]:
        """Return the normalized sums; the last axis is the neuron's."""
        return self.gamma * ((sums - self.mean) / self.std) + self.beta


def normalize(sums: Array) -> tuple[Array, Array]:
    """Bring a batch to zero mean and unit variance, in place.

    Parameters
    ----------
    sums : array of float32, shape (image, neuron)
        Overwritten by the normalized values.

    Returns
    -------
    tuple of arrays
        The normalized values, and 1 / std of each neuron, shape (neuron,).
    """
    sums -= sums.mean(axis=0)
    inverse = np.einsum("ij,ij->j", sums, sums)
    inverse /= len(sums)
    inverse += np.float32(EPSILON)
    np.sqrt(inverse, out=inverse)
    np.divide(np.float32(1), inverse, out=inverse)
    sums *= inverse
    return sums, inverse


def normalize_backward(
    gradient: Array, normalized: Array, inverse: Array, gamma: Array
) -> tuple[Array, Array, Array]:
    """Return the gradients of a batch normalization.

    Parameters
    ----------
    gradient : array of float32, shape (image, neuron)
        With respect to the output; overwritten by the one with respect to the sums.
    normalized : array of float32, shape (image, neuron)
        From `normalize`; overwritten.
    inverse : array of float32, shape (neuron,)
        From `normalize`.
    gamma : array of float32, shape (neuron,)
        Scale.

    Returns
    -------
    tuple of arrays
        With respect to the sums, to gamma and to beta.
    """
    d_gamma = np.einsum("ij,ij->j", gradient, normalized)
    d_beta = gradient.sum(axis=0)
    images = np.float32(len(gradient))
    normalized *= d_gamma / images
    gradient -= normalized
    gradient -= d_beta / images
    gradient *= gamma * inverse
    return gradient, d_gamma, d_beta


def fold(weights: NDArray[np.int8], norm: Normalization, bound: int) -> DenseLayer:
    """Fold a normalization and a sign into integer thresholds.

    A neuron fires +1 when ``norm(z) >= 0``. With positive gamma that is ``z >= t``; with negative
    gamma it is ``-z >= t`` for the negated weights; with gamma 0 it depends on beta alone, which
    becomes a threshold that every sum or no sum reaches. The threshold is found by bisection on
    the formula itself, which rounds but stays monotonic, so that the layer decides as the formula
    does for every possible sum, however the formula rounds, overflows or underflows.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Stored weights.
    norm : Normalization
        Of the outputs.
    bound : int
        Largest absolute value of an input.

    Returns
    -------
    DenseLayer
        Thresholds lie within ``-input * bound`` (always) and ``input * bound + 1`` (never).
    """
    flip = np.where(norm.gamma < 0, -1, 1).astype(np.int8)
    threshold = first_reaching(
        lambda sums: norm.apply(flip * sums) >= 0, len(flip), weights.shape[1] * bound
    )
    return DenseLayer(weights * flip[:, None], threshold)
