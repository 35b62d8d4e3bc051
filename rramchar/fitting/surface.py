"""A smooth positive quantity over two coordinates: a polynomial of its logarithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.errors import InputError

Floats = NDArray[np.float64]
_POINTS_PER_TERM = 3
_HIGHEST_DEGREE = 4


@dataclass(frozen=True)
class Surface:
    """``ln y = sum of c_ij a^i b^j, i + j <= degree``, with both coordinates scaled to -1 ... 1.

    Parameters
    ----------
    degree : int
        Of the polynomial.
    low, high : tuple of 2 float
        Range of the two coordinates that it was fitted on; outside, the nearest edge is taken.
    coefficients : tuple of float
        In the order of ``(i, j)`` for i from 0, for j from 0.
    """

    degree: int
    low: tuple[float, float]
    high: tuple[float, float]
    coefficients: tuple[float, ...]

    def log(self, first: ArrayLike, second: ArrayLike) -> Floats:
        """Return ln y.

        Parameters
        ----------
        first, second : array, any one shape
            The coordinates.

        Returns
        -------
        array, same shape
            ln y. [1]
        """
        a, b = np.broadcast_arrays(np.asarray(first, float), np.asarray(second, float))
        a, b = (_scaled(x, self.low[k], self.high[k]) for k, x in enumerate((a, b)))
        # Horner in both coordinates: no matrix of terms, however many points.
        terms = iter(self.coefficients)
        rows = [[next(terms) for _ in range(self.degree + 1 - i)] for i in range(self.degree + 1)]
        total = np.zeros_like(a)
        for row in reversed(rows):
            inner = np.zeros_like(b)
            for coefficient in reversed(row):
                inner = inner * b + coefficient
            total = total * a + inner
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the surface as JSON-serializable data."""
        return {
            "degree": self.degree,
            "low": list(self.low),
            "high": list(self.high),
            "coefficients": list(self.coefficients),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], place: str) -> Surface:
        """Read back what `to_dict` gave.

        Parameters
        ----------
        document : mapping
            From a model's file.
        place : str
            The field, for messages.

        Returns
        -------
        Surface
            Equal to the one written.

        Raises
        ------
        InputError
            If something is missing or of the wrong kind.
        """
        try:
            surface = cls(
                degree=int(document["degree"]),
                low=(float(document["low"][0]), float(document["low"][1])),
                high=(float(document["high"][0]), float(document["high"][1])),
                coefficients=tuple(float(c) for c in document["coefficients"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(
                f"{place}: no surface ({error!r}); expected one that a fit wrote"
            ) from None
        if len(surface.coefficients) != _terms(surface.degree):
            raise InputError(
                f"{place}: {len(surface.coefficients)} coefficients, expected "
                f"{_terms(surface.degree)} for degree {surface.degree}"
            )
        return surface


def fit_surface(first: Floats, second: Floats, values: Floats, name: str) -> Surface:
    """Fit a surface by least squares in ln y.

    The degree is the highest up to 4 that leaves three points per coefficient.

    Parameters
    ----------
    first, second : array, shape (points,)
        Coordinates.
    values : array, shape (points,)
        The quantity, above 0.
    name : str
        What it is, for messages.

    Returns
    -------
    Surface
        The fit.

    Raises
    ------
    InputError
        If there are too few points, or they do not span both coordinates.
    """
    degrees = [
        d for d in range(1, _HIGHEST_DEGREE + 1) if _POINTS_PER_TERM * _terms(d) <= len(values)
    ]
    if not degrees:
        raise InputError(
            f"{name}: {len(values)} reads to fit, expected {_POINTS_PER_TERM * _terms(1)} or more; "
            "sweep more resistances, or a longer window_time_s"
        )
    low = float(first.min()), float(second.min())
    high = float(first.max()), float(second.max())
    if not (low[0] < high[0] and low[1] < high[1]):
        raise InputError(f"{name}: the reads do not vary both resistances; sweep a grid of them")
    a, b = _scaled(first, low[0], high[0]), _scaled(second, low[1], high[1])
    for degree in reversed(degrees):
        matrix = np.stack(
            [a**i * b**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1
        )
        found, _, rank, _ = np.linalg.lstsq(matrix, np.log(values), rcond=1e-10)
        if rank == matrix.shape[1]:
            return Surface(degree, low, high, tuple(float(c) for c in found))
    raise InputError(f"{name}: the reads lie on one curve of resistances; sweep a grid of them")


def _scaled(x: Floats, low: float, high: float) -> Floats:
    return 2 * (np.clip(x, low, high) - low) / (high - low) - 1


def _terms(degree: int) -> int:
    return (degree + 1) * (degree + 2) // 2
