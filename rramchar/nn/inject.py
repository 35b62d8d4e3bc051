"""Draw the weights that a network sees when its stored weights are read with errors.

Every weight errs on its own, with the probabilities of a `Confusion`. At small rates only the
positions of errors are drawn: the gaps between successes of a Bernoulli sequence are geometric,
so ``cumsum(geometric) - 1`` gives exactly independent positions at a cost that grows with the
number of errors and not with the number of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.network import WEIGHT_KINDS

ErrorModel = Confusion | NDArray[np.float64]
_VALUES = np.array([1, 0, -1], dtype=np.int8)  # the order of a confusion's rows and columns
_DENSE_RATE = 0.25  # above, one uniform number per weight is cheaper than geometric gaps


@dataclass(frozen=True, eq=False)
class Changes:
    """The weights of one layer that are read wrongly.

    Parameters
    ----------
    position : array of int64, shape (change,)
        Ascending indices into the flattened weights.
    value : array of int8, shape (change,)
        What the network sees there; differs from what is stored.
    """

    position: NDArray[np.int64]
    value: NDArray[np.int8]

    def apply(self, weights: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return a copy of the weights with these changes in it."""
        seen = weights.copy()
        seen.reshape(-1)[self.position] = self.value
        return seen


def seen_matrix(confusion: ErrorModel) -> NDArray[np.float64]:
    """Return the probability of each seen weight for each stored weight.

    Parameters
    ----------
    confusion : Confusion or array of shape (3, 3)
        An array has rows stored +1, 0, -1 and columns seen +1, 0, -1; rows sum to 1. [1]

    Returns
    -------
    array, shape (3, 3)
        Rows: stored +1, 0, -1. Columns: seen +1, 0, -1. [1]

    Raises
    ------
    InputError
        If an array is not such a matrix.
    """
    if isinstance(confusion, Confusion):
        return confusion.weights()
    try:
        matrix = np.asarray(confusion, dtype=float)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape != (3, 3):
        raise InputError(
            "confusion: expected a Confusion or a 3 x 3 array, stored x seen, in the order "
            "+1, 0, -1"
        )
    ok = np.isfinite(matrix).all() and (matrix >= 0).all()
    if not ok or not np.allclose(matrix.sum(axis=1), 1, atol=1e-9):
        raise InputError(
            f"confusion: every row must hold probabilities that sum to 1, got {matrix.tolist()}"
        )
    return matrix


def draw_changes(
    weights: NDArray[np.int8],
    confusion: ErrorModel,
    rng: np.random.Generator,
    *,
    kind: str = "ternary",
) -> Changes:
    """Draw which stored weights are read wrongly, and as what.

    Candidates are drawn at the highest error rate of the three stored values; each is then
    accepted with the ratio of its own rate to that one (thinning), which leaves every weight
    independent and with exactly its own rate.

    Parameters
    ----------
    weights : array of int8, any shape
        Stored weights.
    confusion : Confusion or array of shape (3, 3)
        Probability of each read given each stored weight; see `seen_matrix`.
    rng : numpy.random.Generator
        Source of randomness.
    kind : str
        ``binary`` refuses a confusion that reads a stored +1 or -1 as 0.

    Returns
    -------
    Changes
        The errors.

    Raises
    ------
    InputError
        If the confusion does not fit the kind of weights.
    """
    return _sampler(seen_matrix(confusion), kind).draw(weights, rng)


@dataclass(frozen=True, eq=False)
class ErrorSampler:
    """What `draw_changes` needs of a confusion, worked out once for many draws.

    Parameters
    ----------
    rate : float
        The highest error rate of the three stored values. [1]
    outcome : array of int8, shape (3, 2)
        The two wrong reads of a stored +1, 0, -1.
    share : array, shape (3, 2)
        Their probabilities over `rate`, cumulative. [1]
    """

    rate: float
    outcome: NDArray[np.int8]
    share: NDArray[np.float64]

    def draw(self, weights: NDArray[np.int8], rng: np.random.Generator) -> Changes:
        """Draw which stored weights are read wrongly, and as what; see `draw_changes`."""
        position = _positions(weights.size, self.rate, rng)
        row = 1 - weights.reshape(-1)[position].astype(np.intp)
        u = rng.random(len(position))
        first = u < self.share[row, 0]
        kept = u < self.share[row, 1]
        value = np.where(first, self.outcome[row, 0], self.outcome[row, 1])
        return Changes(position[kept], value[kept])


def _sampler(matrix: NDArray[np.float64], kind: str) -> ErrorSampler:
    if kind not in WEIGHT_KINDS:
        raise InputError(f"kind of weights: {kind!r}; expected one of {', '.join(WEIGHT_KINDS)}")
    if kind == "binary" and matrix[[0, 2], 1].any():
        raise InputError(
            "confusion: reads a stored +1 or -1 as 0 (outcome zero or invalid) with probability "
            f"{matrix[[0, 2], 1].max():.3g}, but the network is binary and has no such weight; "
            "use errors of a binary read, or a ternary network"
        )
    others = np.array([[1, 2], [0, 2], [0, 1]])
    errors = np.take_along_axis(matrix, others, axis=1)
    if kind == "binary":
        errors[1] = 0.0  # no 0 is stored
    total = errors.sum(axis=1)
    rate = min(float(total.max()), 1.0)
    if rate == 0.0:
        return ErrorSampler(0.0, _VALUES[others], np.zeros((3, 2)))
    share = np.cumsum(errors, axis=1) / rate
    share[total >= rate, 1] = 1.0  # not 0.999... by rounding
    return ErrorSampler(rate, _VALUES[others], share)


def _positions(count: int, rate: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the ascending successes of `count` independent trials of probability `rate`."""
    if rate == 0.0:
        return np.empty(0, dtype=np.int64)
    if rate > _DENSE_RATE:
        return np.flatnonzero(rng.random(count) < rate)
    expected = count * rate
    several = int(expected + 4 * np.sqrt(expected)) + 4
    parts = []
    last = -1
    while last < count:
        gaps = np.minimum(rng.geometric(rate, several), count + 1)  # no overflow at tiny rates
        parts.append(np.cumsum(gaps) + last)
        last = int(parts[-1][-1])
    drawn = np.concatenate(parts)
    return drawn[: np.searchsorted(drawn, count)]


def inject(
    weights: NDArray[np.int8],
    confusion: ErrorModel,
    rng: np.random.Generator,
    *,
    kind: str = "ternary",
) -> NDArray[np.int8]:
    """Return the weights as they are read, each redrawn independently.

    Parameters
    ----------
    weights : array of int8, any shape
        Stored weights.
    confusion : Confusion or array of shape (3, 3)
        Probability of each read given each stored weight; see `seen_matrix`.
    rng : numpy.random.Generator
        Source of randomness.
    kind : str
        ``binary`` refuses a confusion that reads a stored +1 or -1 as 0.

    Returns
    -------
    array of int8, same shape
        Seen weights; the argument is left as it is.
    """
    return draw_changes(weights, confusion, rng, kind=kind).apply(weights)


def layer_confusions(
    network: AnyNetwork, confusion: ErrorModel | Sequence[ErrorModel]
) -> tuple[NDArray[np.float64], ...]:
    """Return one matrix of `seen_matrix` for each layer.

    Parameters
    ----------
    network : Network
        The network.
    confusion : Confusion, array of shape (3, 3), or sequence of either
        One for all layers, or one for each.

    Returns
    -------
    tuple of arrays, each of shape (3, 3)
        Checked against the network's kind of weights.

    Raises
    ------
    InputError
        If the number of confusions is not the number of layers, or one does not fit.
    """
    models: Sequence[ErrorModel]
    if isinstance(confusion, list | tuple) and not _is_matrix(confusion):
        models = confusion
    else:
        models = [confusion] * len(network.layers)  # type: ignore[list-item]
    if len(models) != len(network.layers):
        raise InputError(
            f"confusion: {len(models)} given, expected one, or one for each of the "
            f"{len(network.layers)} layers"
        )
    matrices = tuple(seen_matrix(model) for model in models)
    for matrix in matrices:
        _sampler(matrix, network.kind)
    return matrices


def _is_matrix(value: Sequence[Any]) -> bool:
    return len(value) == 3 and all(isinstance(row, list | tuple) for row in value)


def error_samplers(
    network: AnyNetwork, confusion: ErrorModel | Sequence[ErrorModel]
) -> tuple[ErrorSampler, ...]:
    """Return a sampler for each layer, checked against the network; see `layer_confusions`."""
    return tuple(_sampler(m, network.kind) for m in layer_confusions(network, confusion))


def draw_network_changes(
    network: AnyNetwork,
    confusion: ErrorModel | Sequence[ErrorModel],
    rng: np.random.Generator,
) -> tuple[Changes, ...]:
    """Draw the errors of every layer; see `draw_changes` and `layer_confusions`."""
    return draw_all(network, error_samplers(network, confusion), rng)


def draw_all(
    network: AnyNetwork, samplers: Sequence[ErrorSampler], rng: np.random.Generator
) -> tuple[Changes, ...]:
    """Draw the errors of every layer in order, from `error_samplers`."""
    return tuple(
        sampler.draw(layer.weights, rng)
        for layer, sampler in zip(network.layers, samplers, strict=True)
    )


def inject_network(
    network: AnyNetwork,
    confusion: ErrorModel | Sequence[ErrorModel],
    rng: np.random.Generator,
) -> AnyNetwork:
    """Return the network as it is read from one programmed chip.

    Parameters
    ----------
    network : Network
        The stored network.
    confusion : Confusion, array of shape (3, 3), or sequence of either
        One for all layers, or one for each.
    rng : numpy.random.Generator
        Source of randomness; layers are drawn in order.

    Returns
    -------
    Network
        The same but for its weights.
    """
    changes = draw_network_changes(network, confusion, rng)
    return network.with_weights(
        [c.apply(layer.weights) for c, layer in zip(changes, network.layers, strict=True)]
    )
