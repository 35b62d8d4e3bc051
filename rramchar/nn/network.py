"""A binary or ternary network as data: integer weights, integer thresholds, one score per class.

A hidden neuron fires +1 when its integer sum ``z = sum_i w_i x_i`` reaches its threshold, else
-1. The last layer has no threshold: the score of a class is ``scale * z + offset`` in float64 and
the highest score wins, the first class on a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError

WEIGHT_KINDS = ("binary", "ternary")
ENCODINGS = ("uint8", "sign")


@dataclass(frozen=True)
class InputEncoding:
    """How a pixel becomes the number that the first layer multiplies.

    Parameters
    ----------
    kind : str
        ``uint8``: the integer pixel itself. ``sign``: +1 where the pixel is at least `level`,
        else -1.
    maximum : int
        The largest value a pixel can have, such as 255 (MNIST) or 16 (digits).
    level : int or None
        The level of ``sign``; None for ``uint8``.
    """

    kind: str
    maximum: int
    level: int | None = None

    def __post_init__(self) -> None:
        """Check the fields against each other."""
        if self.kind not in ENCODINGS:
            raise InputError(
                f"input encoding: kind {self.kind!r}, expected one of {', '.join(ENCODINGS)}"
            )
        if not _is_integer(self.maximum) or not 1 <= self.maximum <= 255:
            raise InputError(
                f"input encoding: maximum {self.maximum!r}, expected an integer from 1 to 255"
            )
        if self.kind == "uint8" and self.level is not None:
            raise InputError(f"input encoding: level {self.level!r} is for 'sign'; leave it out")
        if self.kind == "sign" and not (
            _is_integer(self.level) and 1 <= int(self.level or 0) <= self.maximum
        ):
            raise InputError(
                f"input encoding: level {self.level!r}, expected an integer from 1 to "
                f"{self.maximum} for 'sign'"
            )

    @property
    def bound(self) -> int:
        """Largest absolute value that reaches the first layer."""
        return self.maximum if self.kind == "uint8" else 1

    def apply(
        self, images: NDArray[np.uint8], dtype: type[np.floating] = np.float32
    ) -> NDArray[Any]:
        """Return the encoded pixels as whole numbers in a floating type, in the same shape."""
        if self.kind == "uint8":
            return images.astype(dtype)
        encoded = (images >= np.uint8(self.level or 0)).astype(dtype)
        encoded *= 2
        encoded -= 1
        return encoded


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A fully connected layer.

    Parameters
    ----------
    weights : array of int8, shape (output, input)
        Stored weights, each -1, 0 or +1.
    threshold : array of int64, shape (output,), or None
        A neuron fires +1 when its sum is at least this, else -1. None in the last layer.
    """

    weights: NDArray[np.int8]
    threshold: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Check the arrays and keep read-only copies."""
        w = checked_weights(self.weights, ("output", "input"))
        object.__setattr__(self, "weights", w)
        if self.threshold is None:
            return
        t = np.asarray(self.threshold)
        if t.dtype.kind not in "iu":
            raise InputError(f"threshold: type {t.dtype}, expected integers")
        if t.shape != (w.shape[0],):
            raise InputError(
                f"threshold: shape {t.shape}, expected ({w.shape[0]},), one for each output"
            )
        object.__setattr__(self, "threshold", frozen(t.astype(np.int64)))

    @property
    def outputs(self) -> int:
        """Number of neurons."""
        return self.weights.shape[0]

    @property
    def inputs(self) -> int:
        """Number of inputs of each neuron."""
        return self.weights.shape[1]

    @property
    def zero_fraction(self) -> float:
        """Share of the weights that are 0. [1]."""
        return zero_fraction(self.weights)


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of layers with the meaning of its input and of its scores.

    Parameters
    ----------
    layers : sequence of DenseLayer
        From input to output; every one but the last has a threshold.
    encoding : InputEncoding
        How pixels enter the first layer.
    scale, offset : array of float64, shape (class,)
        Score of class c is ``scale[c] * z[c] + offset[c]``.
    kind : str
        ``binary`` (no weight is 0) or ``ternary``.
    metadata : dict
        JSON-serializable facts about the network's origin.
    """

    layers: tuple[DenseLayer, ...]
    encoding: InputEncoding
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    kind: str = "binary"
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the chain of layers and the arrays."""
        object.__setattr__(self, "layers", tuple(self.layers))
        if self.kind not in WEIGHT_KINDS:
            raise InputError(
                f"kind of weights: {self.kind!r}; expected one of {', '.join(WEIGHT_KINDS)}"
            )
        if not isinstance(self.metadata, dict):
            raise InputError(f"metadata: {self.metadata!r}, expected a mapping of names to values")
        if not self.layers:
            raise InputError("network: has no layers, expected at least one")
        self._check_layers()
        for name in ("scale", "offset"):
            object.__setattr__(self, name, checked_scores(name, getattr(self, name), self.classes))

    def _check_layers(self) -> None:
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            if (layer.threshold is None) != (i == last):
                raise InputError(
                    f"layer {i}: every layer but the last needs a threshold, the last has none"
                )
            if i and layer.inputs != self.layers[i - 1].outputs:
                raise InputError(
                    f"layer {i}: takes {layer.inputs} inputs but layer {i - 1} gives "
                    f"{self.layers[i - 1].outputs} outputs"
                )
            if self.kind == "binary" and not layer.weights.all():
                raise InputError(
                    f"layer {i}: a binary network has a weight 0; only -1 and +1 are allowed, "
                    "or call it ternary"
                )

    @property
    def input_size(self) -> int:
        """Number of pixels of an image."""
        return self.layers[0].inputs

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.layers[-1].outputs

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of inputs, of the neurons of each hidden layer, and of classes."""
        return (self.input_size, *(layer.outputs for layer in self.layers))

    @property
    def parameters(self) -> int:
        """Number of stored weights."""
        return sum(layer.weights.size for layer in self.layers)

    def input_bound(self, layer: int) -> int:
        """Return the largest absolute value that can enter a layer."""
        return self.encoding.bound if layer == 0 else 1

    def with_weights(self, weights: Sequence[NDArray[np.int8]]) -> Network:
        """Return the same network with other weights.

        Parameters
        ----------
        weights : sequence of int8 arrays, each of shape (output, input)
            One for each layer.

        Returns
        -------
        Network
            Thresholds, scale and offset are kept.
        """
        layers = tuple(
            replace(layer, weights=w) for layer, w in zip(self.layers, weights, strict=True)
        )
        return replace(self, layers=layers)


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def checked_weights(weights: NDArray[Any], axes: Sequence[str]) -> NDArray[np.int8]:
    """Check weights and return a read-only copy.

    Parameters
    ----------
    weights : array of int8
        Each -1, 0 or +1.
    axes : sequence of str
        What each axis is, for the error message.

    Returns
    -------
    array of int8, same shape
        Read-only.

    Raises
    ------
    InputError
        If type, number of axes or a value does not fit, or an axis is empty.
    """
    w = np.asarray(weights)
    if w.dtype != np.int8:
        raise InputError(f"weights: type {w.dtype}, expected int8 holding -1, 0 and +1")
    if w.ndim != len(axes) or 0 in w.shape:
        none = "neither" if len(axes) == 2 else "none"
        raise InputError(f"weights: shape {w.shape}, expected ({', '.join(axes)}), {none} empty")
    if w.min() < -1 or w.max() > 1:
        bad = w[(w < -1) | (w > 1)][0]
        raise InputError(f"weights: holds {bad}, expected only -1, 0 and +1")
    return frozen(w)


def checked_scores(name: str, values: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """Check the scale or offset of the scores and return a read-only copy.

    Parameters
    ----------
    name : str
        ``scale`` or ``offset``, for the error message.
    values : array of float64, shape (class,)
        One finite number for each class.
    classes : int
        Number of classes.

    Returns
    -------
    array of float64, shape (class,)
        Read-only.

    Raises
    ------
    InputError
        If type, shape or a value does not fit.
    """
    values = np.asarray(values)
    if values.dtype != np.float64 or values.shape != (classes,):
        raise InputError(
            f"{name}: type {values.dtype}, shape {values.shape}; expected float64, ({classes},), "
            "one for each class"
        )
    if not np.isfinite(values).all():
        raise InputError(f"{name}: holds NaN or infinity, expected finite numbers")
    return frozen(values)


def zero_fraction(weights: NDArray[np.int8]) -> float:
    """Return the share of weights that are 0. [1]."""
    return 1.0 - np.count_nonzero(weights) / weights.size


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array itself if it is read-only, else a read-only copy."""
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array
