"""ONNX nodes that become layers with weights or pools; see `qonnx`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.conv import Conv
from rramchar.nn.layers import Dense
from rramchar.nn.onnx_file import OnnxNode
from rramchar.nn.pool import AveragePool, MaxPool
from rramchar.nn.qonnx import ONE, Builder, Signal, Unsupported
from rramchar.nn.qonnx_exact import composed, exact
from rramchar.nn.qonnx_inputs import Array, Given, channel_row, constant, signal_of

_CLOSE = 1e-6  # relative difference of weights that were rounded to float32, a few times


def signs(weights: Array) -> tuple[NDArray[np.int8], Array]:
    """Take weights apart.

    Parameters
    ----------
    weights : array of float64, shape (output, ...)
        Each output's -s, 0 and +s.

    Returns
    -------
    tuple of arrays
        The weights -1, 0 and +1, and s of each output, 1 where all its weights are 0.

    Raises
    ------
    Unsupported
        If the weights are others, or not finite.
    """
    rows = weights.reshape(len(weights), -1)
    if not np.isfinite(rows).all():
        raise Unsupported("its weights hold NaN or infinity, expected finite numbers")
    size = np.abs(rows).max(axis=1)
    size[size == 0] = 1.0
    relative = rows / size[:, None]  # an output with small weights is looked at as closely
    stored = np.rint(relative).astype(np.int8)
    relative -= stored
    wrong = np.abs(relative, out=relative).max(axis=1) > _CLOSE
    if wrong.any():
        raise Unsupported(
            "its weights are not -s, 0 and +s with one s for each output (output "
            f"{wrong.argmax()} and {wrong.sum() - 1} more of {len(wrong)}); expected binary or "
            "ternary weights"
        )
    return stored.reshape(weights.shape), size


def _weighted(builder: Builder, layer: Conv | Dense, size: Array, given: Signal) -> Signal:
    given = builder.plain(given)
    return builder.put(layer, given, scale=composed(exact(size), given.scale[:1]))


def conv(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    """Handle a Conv."""
    weights, size = signs(constant(given, 1))
    kernel = weights.shape[2:]
    stride, padding = _window(node, kernel, signal_of(given).form.shape[1:])
    layer = Conv(weights, stride, padding, 0, int(node.attributes.get("group", 1)))
    result = _weighted(builder, layer, size, signal_of(given))
    return result.times(ONE, channel_row(constant(given, 2, 0.0), result))


def _window(
    node: OnnxNode, kernel: Sequence[int], lengths: Sequence[int]
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return stride and padding of a convolution or a pool."""
    get = node.attributes.get
    axes = len(kernel)
    dilations = list(get("dilations", ()))
    if any(d != 1 for d in dilations):
        raise Unsupported(f"dilations {dilations}, expected 1")
    if get("ceil_mode", 0):
        raise Unsupported("ceil_mode 1, expected 0")
    declared = get("kernel_shape")
    if declared is not None and tuple(declared) != tuple(kernel):
        raise Unsupported(f"kernel_shape {list(declared)} differs from its weights {list(kernel)}")
    stride = tuple(int(s) for s in get("strides", (1,) * axes))
    auto = get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        pads = list(get("pads", (0,) * 2 * axes)) if auto == "NOTSET" else [0] * 2 * axes
        if len(pads) != 2 * axes:
            raise Unsupported(f"pads {pads}, expected two for each of the {axes} axes")
        return stride, tuple((int(pads[i]), int(pads[axes + i])) for i in range(axes))
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"auto_pad {auto!r}")
    padding = []
    for n, k, s in zip(lengths, kernel, stride, strict=True):
        more = max(0, (-(-n // s) - 1) * s + k - n)
        less = more // 2
        padding.append((less, more - less) if auto == "SAME_UPPER" else (more - less, less))
    return stride, tuple(padding)


def matmul(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    """Handle a MatMul."""
    return _dense(builder, constant(given, 1).T, given)


def gemm(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    """Handle a Gemm."""
    get = node.attributes.get
    if get("transA", 0):
        raise Unsupported("transA 1, expected 0")
    weights = constant(given, 1) if get("transB", 0) else constant(given, 1).T
    result = _dense(builder, weights * get("alpha", 1.0), given)
    bias = constant(given, 2, 0.0) * get("beta", 1.0)
    if bias.ndim > 1 and len(bias) != 1:
        raise Unsupported(f"a bias of shape {bias.shape}, expected one row for all images")
    return result.times(ONE, channel_row(bias, result))


def _dense(builder: Builder, weights: Array, given: Given) -> Signal:
    stored, size = signs(weights)
    return _weighted(builder, Dense(stored), size, signal_of(given))


def max_pool(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    """Handle a MaxPool."""
    signal = signal_of(given)
    kernel = tuple(int(k) for k in node.attributes.get("kernel_shape", ()))
    stride, padding = _window(node, kernel, signal.form.shape[1:])
    falls = np.broadcast_to(signal.scale < 0, (signal.form.channels,)).astype(bool)
    direction = np.where(falls, -1, 1).astype(np.int8) if falls.any() else None
    pool = MaxPool(kernel, stride, padding, direction)
    return builder.put(pool, signal, scale=signal.scale, offset=signal.offset)


def average_pool(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    """Handle an AveragePool."""
    signal = signal_of(given)
    kernel = tuple(int(k) for k in node.attributes.get("kernel_shape", ()))
    stride, padding = _window(node, kernel, signal.form.shape[1:])
    if any(before or after for before, after in padding):
        if not node.attributes.get("count_include_pad", 0):
            raise Unsupported("count_include_pad 0 with padding, expected 1")
        if any(signal.offset):
            signal = builder.plain(signal)
    pool = AveragePool(kernel, stride, padding)
    return builder.put(pool, signal, scale=signal.scale, offset=signal.offset)


def global_average(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    """Handle a GlobalAveragePool."""
    signal = signal_of(given)
    pool = AveragePool(signal.form.shape[1:])
    return builder.put(pool, signal, scale=signal.scale, offset=signal.offset)
