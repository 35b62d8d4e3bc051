"""Choices of a convolutional training run; what `torch_train` needs, without needing PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rramchar.errors import InputError
from rramchar.nn.dataset import Dataset
from rramchar.nn.network import WEIGHT_KINDS


@dataclass(frozen=True)
class VggSettings:
    """How a convolutional network is built and trained.

    Parameters
    ----------
    weights : str
        ``binary`` or ``ternary``.
    filters : tuple of int
        Of each convolution, an even number of them; each pair halves the image.
    hidden : tuple of int
        Neurons of each dense layer before the last; may be empty.
    epochs, batch : int
        Passes over the training images, images per step.
    learning_rate : float
        Of the first step of Adam, falling to 0 along half a cosine. [1]
    seed : int
        Of initial weights, shuffling, mirroring and errors.
    mirror : bool
        Show each training image mirrored left to right in half of the cases.
    device : str
        ``cpu``, ``cuda`` or another name that torch knows.
    """

    weights: str = "binary"
    filters: tuple[int, ...] = (32, 32, 64, 64)
    hidden: tuple[int, ...] = ()
    epochs: int = 10
    batch: int = 100
    learning_rate: float = 5e-3
    seed: int = 0
    mirror: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.weights not in WEIGHT_KINDS:
            raise InputError(
                f"weights: {self.weights!r}; expected one of {', '.join(WEIGHT_KINDS)}"
            )
        for name in ("filters", "hidden"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.filters or len(self.filters) % 2:
            raise InputError(f"filters: {self.filters}, expected an even number of convolutions")
        numbers = [("filters", n, 1) for n in self.filters] + [
            ("hidden", n, 1) for n in self.hidden
        ]
        numbers += [("epochs", self.epochs, 1), ("batch", self.batch, 2), ("seed", self.seed, 0)]
        for name, value, least in numbers:
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name}: {value!r}, expected a whole number of at least {least}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate: {self.learning_rate!r}, expected a number above 0")


def default_vgg_settings(**chosen: Any) -> VggSettings:
    """Return settings with the chosen fields; None counts as not chosen."""
    return VggSettings(**{name: value for name, value in chosen.items() if value is not None})


def doubling_filters(first: int, convolutions: int = 4) -> tuple[int, ...]:
    """Return the filters of pairs of convolutions, twice as many after each halving of the image.

    Parameters
    ----------
    first : int
        Filters of the first pair.
    convolutions : int
        All convolutions, an even number.

    Returns
    -------
    tuple of int
        Such as (16, 16, 32, 32).
    """
    return tuple(first << (k // 2) for k in range(convolutions))


def image_shape(dataset: Dataset) -> tuple[int, int, int]:
    """Return a data set's (channel, row, column); images without colour have one channel.

    Parameters
    ----------
    dataset : Dataset
        The data.

    Returns
    -------
    tuple of int
        The shape.

    Raises
    ------
    InputError
        If the data set does not say what its pixels are.
    """
    if len(dataset.shape) == 3:
        return dataset.shape[0], dataset.shape[1], dataset.shape[2]
    if len(dataset.shape) == 2:
        return 1, dataset.shape[0], dataset.shape[1]
    raise InputError(
        f"data set {dataset.name!r}: does not say how many rows and columns its images have, which "
        "convolutions need"
    )
