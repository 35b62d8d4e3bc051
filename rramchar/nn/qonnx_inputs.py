"""What an ONNX node is given, taken apart and checked; see `qonnx`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.qonnx import Signal, Unsupported, Value
from rramchar.nn.qonnx_exact import Exact, exact

Array = NDArray[np.float64]
Given = list[Value | None]


def signal_of(given: Given, place: int = 0) -> Signal:
    """Return an input that is a result of the network."""
    value = given[place]
    if not isinstance(value, Signal):
        raise Unsupported(f"input {place + 1} is a constant, expected a result of the network")
    return value


def constant(given: Given, place: int, default: float | None = None) -> Array:
    """Return an input that is constant, in float64."""
    value = given[place] if place < len(given) else None
    if value is None and default is not None:
        return np.array(default)
    if value is None or isinstance(value, Signal):
        raise Unsupported(f"input {place + 1} is missing or no constant")
    return value.astype(np.float64)


def per_channel(values: Array, signal: Signal) -> Exact:
    """Return what a constant that is broadcast against a batch holds for each channel."""
    channels, rank = signal.form.channels, len(signal.form.shape) + 1
    shape = (1,) * (rank - values.ndim) + values.shape
    if values.size != 1 and (len(shape) != rank or not shape[1] == values.size == channels):
        raise Unsupported(
            f"a constant of shape {values.shape} is neither one number nor one for each of the "
            f"{channels} channels"
        )
    return exact(values)


def channel_row(values: Array, signal: Signal) -> Exact:
    """Return a bias: one number, or one for each channel, in one row."""
    channels = signal.form.channels
    if values.size not in (1, channels) or values.shape[-1:] not in ((), (1,), (channels,)):
        raise Unsupported(
            f"a constant of shape {values.shape}, expected one number for each of the {channels} "
            "channels"
        )
    return exact(values)
