"""Where the weights of a layer lie: cut into arrays, inputs along rows, neurons along columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError


@dataclass(frozen=True)
class ArrayLayout:
    """Size of the arrays that a layer's weights are spread over.

    The weight of neuron o and input i is the pair in row ``i mod rows`` and column
    ``o mod columns`` of the array ``(i // rows, o // columns)``. A convolution's weights count as
    one neuron per output channel.

    Parameters
    ----------
    rows, columns : int
        Pairs of an array; 32 x 32 is a kilobit. [1]
    """

    rows: int = 32
    columns: int = 32

    def __post_init__(self) -> None:
        """Check the sizes."""
        for name in ("rows", "columns"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"array {name}: {value!r}, expected a whole number of at least 1")

    @classmethod
    def parse(cls, text: str) -> ArrayLayout:
        """Return the layout of a text such as ``32x32`` (rows x columns)."""
        parts = text.lower().split("x")
        try:
            rows, columns = (int(part) for part in parts)
        except ValueError:
            raise InputError(f"array {text!r}: expected ROWSxCOLUMNS such as 32x32") from None
        return cls(rows, columns)

    def spread_rows(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw one standard normal number for each row of each array.

        Parameters
        ----------
        shape : tuple of int
            Of the layer's weights, the neuron first.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        array, shape (neuron, input)
            The number of the row that each weight lies in. [1]
        """
        outputs, inputs = _matrix(shape)
        z = rng.standard_normal((-(-outputs // self.columns), inputs))
        return np.repeat(z, self.columns, axis=0)[:outputs]

    def spread_columns(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw one standard normal number for each column of each array; see `spread_rows`."""
        outputs, inputs = _matrix(shape)
        z = rng.standard_normal((outputs, -(-inputs // self.rows)))
        return np.repeat(z, self.rows, axis=1)[:, :inputs]


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0], int(np.prod(shape[1:]))
