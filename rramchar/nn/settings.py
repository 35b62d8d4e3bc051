"""Choices of a training run, with the defaults that trials arrived at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rramchar.errors import InputError
from rramchar.nn.datasets import Dataset
from rramchar.nn.network import ENCODINGS, WEIGHT_KINDS, InputEncoding

_SMALL = 10_000  # training images
_BATCH = 100
_MOST_NEURONS = 65_536  # the trainer keeps five arrays of weights


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Parameters
    ----------
    weights : str
        ``binary`` or ``ternary``.
    hidden : tuple of int
        Neurons of each hidden layer; may be empty.
    epochs : int
        Passes over the training images.
    batch : int
        Images per step; those left over at the end of an epoch wait for the next shuffle.
    learning_rate : float or None
        Of the first step, falling to 0 along half a cosine. None: 5e-3 binary, 2e-3 ternary. [1]
    init_std : float or None
        Standard deviation of the initial latent weights. None: 0.1 binary; 0.03 ternary, beside
        its threshold of 0.05. [1]
    seed : int
        Of initial weights and shuffling.
    encoding : str
        ``uint8``: the first layer takes the pixels themselves. ``sign``: it takes +1 where a pixel
        is at least half the maximum, else -1.
    """

    weights: str = "binary"
    hidden: tuple[int, ...] = (1024,)
    epochs: int = 10
    batch: int = _BATCH
    learning_rate: float | None = None
    init_std: float | None = None
    seed: int = 0
    encoding: str = "uint8"

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults that depend on the weights."""
        for name, known in (("weights", WEIGHT_KINDS), ("encoding", ENCODINGS)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name}: {getattr(self, name)!r}; expected one of {', '.join(known)}"
                )
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for neurons in self.hidden:
            _whole("hidden", neurons, 1)
            if neurons > _MOST_NEURONS:
                raise InputError(
                    f"hidden: {neurons}, expected at most {_MOST_NEURONS} neurons in a layer"
                )
        _whole("epochs", self.epochs, 1)
        _whole("batch", self.batch, 2)
        _whole("seed", self.seed, 0)
        binary = self.weights == "binary"
        for name, default in (
            ("learning_rate", 5e-3 if binary else 2e-3),
            ("init_std", 0.1 if binary else 0.03),
        ):
            value = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, default)
            elif not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise InputError(f"{name}: {value!r}, expected a finite number above 0")

    def input_encoding(self, dataset: Dataset) -> InputEncoding:
        """Return the encoding that the first layer gets for a data set."""
        if self.encoding == "uint8":
            return InputEncoding("uint8", dataset.maximum)
        return InputEncoding("sign", dataset.maximum, (dataset.maximum + 1) // 2)


def default_settings(dataset: Dataset, **chosen: Any) -> TrainingSettings:
    """Return settings that suit the size of a data set.

    Parameters
    ----------
    dataset : Dataset
        Below 10,000 training images: 256 hidden neurons, 60 epochs and a learning rate of 5e-3 for
        ternary weights too, which have few steps there to pass their threshold; else 1024 and 10.
        Below 100 training images all of them are one batch.
    **chosen
        Fields of `TrainingSettings` that are given; None counts as not given.

    Returns
    -------
    TrainingSettings
        The chosen fields, and defaults for the rest.
    """
    small = len(dataset.train_images) < _SMALL
    fields: dict[str, Any] = {"hidden": (1024,), "epochs": 10}
    if small:
        fields = {"hidden": (256,), "epochs": 60, "learning_rate": 5e-3}
    fields["batch"] = fitting_batch(dataset)
    fields.update({name: value for name, value in chosen.items() if value is not None})
    return TrainingSettings(**fields)


def fitting_batch(dataset: Dataset) -> int:
    """Return 100 images per step, or all where there are less; 2 is the least that can be."""
    return max(2, min(_BATCH, len(dataset.train_images)))


def _whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}: {value!r}, expected a whole number of at least {least}")
