"""Accuracy against bit error rate: the rates, the evaluation, and the CSV file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import Progress, evaluate_many
from rramchar.nn.graph import AnyNetwork
from rramchar.provenance import comment_header

MOST_RATES = 1000
COLUMNS = (
    "ber",
    "accuracy_mean",
    "accuracy_std",
    "accuracy_low",
    "accuracy_high",
    "accuracy_clean",
    "draws",
    "images",
)


def parse_rates(text: str, *, name: str = "rates") -> list[float]:
    """Turn text into bit error rates.

    Parameters
    ----------
    text : str
        ``start:stop:number`` for rates evenly spaced in their logarithm, ends included, or single
        rates separated by commas.
    name : str
        Where the text came from, for error messages.

    Returns
    -------
    list of float
        In the given order. [1]

    Raises
    ------
    InputError
        If the text is neither, or a rate is no probability.

    Examples
    --------
    >>> parse_rates("1e-4:1e-2:3")
    [0.0001, 0.001, 0.01]
    >>> parse_rates("0,1e-3")
    [0.0, 0.001]
    """
    how = "expected start:stop:number such as 1e-5:1e-1:8, or rates such as 1e-4,1e-3"
    parts = text.split(":")
    try:
        if len(parts) == 3:
            start, stop, number = float(parts[0]), float(parts[1]), int(parts[2])
        elif len(parts) == 1:
            rates = [float(part) for part in text.split(",")]
            return [_probability(rate, name) for rate in rates]
        else:
            raise ValueError
    except ValueError:
        raise InputError(f"{name}: {text!r}, {how}") from None
    for end in (start, stop):
        if _probability(end, name) == 0:
            raise InputError(
                f"{name}: {text!r} is spaced evenly in the logarithm, so 0 cannot be an end; list "
                "the rates instead, such as 0,1e-4,1e-3"
            )
    if not 2 <= number <= MOST_RATES:
        raise InputError(f"{name}: {text!r} asks for {number} rates, expected 2 to {MOST_RATES}")
    # Twelve digits, so that 1e-3 is 0.001 and not 0.0010000000000000002.
    return [float(f"{rate:.12g}") for rate in np.geomspace(start, stop, number)]


def _probability(rate: float, name: str) -> float:
    if not (math.isfinite(rate) and 0 <= rate <= 1):
        raise InputError(f"{name}: {rate:g}, expected error rates from 0 to 1")
    return rate


def ber_curve(
    network: AnyNetwork,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    rates: Sequence[float],
    draws: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Measure accuracy against bit error rate.

    Parameters
    ----------
    network : Network
        The stored network; `confusions_at` says what a rate means for its kind of weights.
    images : array of uint8, shape (image, pixel)
        The images.
    labels : array of integers, shape (image,)
        Right class of each image.
    rates : sequence of float
        Mean error probability per weight. [1]
    draws : int
        Programmed chips for each rate.
    seed : int
        Seed of the errors. A rate's result is that of `evaluate` with this seed, whatever the
        other rates are.
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.

    Returns
    -------
    list of dict
        One for each rate: `COLUMNS` and ``seconds``.
    """
    if not len(rates):
        raise InputError("rates: none given, expected at least one error rate")
    models = [confusions_at(network, rate) for rate in rates]
    results = evaluate_many(network, images, labels, models, draws, seed, progress)
    return [
        {"ber": float(rate), **result.as_dict()}
        for rate, result in zip(rates, results, strict=True)
    ]


def write_curve(
    path: str | Path, points: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> None:
    """Write a curve as CSV with a commented header, all or nothing.

    Parameters
    ----------
    path : str or path
        The file.
    points : sequence of mapping
        From `ber_curve`. A field is empty where it is not defined: the spread of one draw.
    facts : mapping
        Written into the header; see `provenance`.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    lines = [",".join(COLUMNS)]
    lines += [",".join(_cell(point[column]) for column in COLUMNS) for point in points]
    text = comment_header("accuracy against bit error rate", facts) + "\n".join(lines) + "\n"
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        scratch.unlink(missing_ok=True)


def _cell(value: float | int) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else repr(value)
