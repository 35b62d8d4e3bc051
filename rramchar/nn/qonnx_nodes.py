"""What each ONNX and QONNX node becomes; see `qonnx`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.conv import Conv
from rramchar.nn.layers import MOST_LEVELS, Add, Affine, Dense, Flatten
from rramchar.nn.onnx_file import OnnxNode
from rramchar.nn.pool import AveragePool, MaxPool
from rramchar.nn.qonnx import Array, Builder, Signal, Unsupported, Value
from rramchar.nn.thresholds import fold_cuts

Given = list[Value | None]
_MOST_CUTS = 3  # of a quantizer that becomes thresholds; with more it becomes a rounding
_CLOSE = 1e-5  # relative difference of weights that were rounded to float32


def _signal(given: Given, place: int = 0) -> Signal:
    value = given[place]
    if not isinstance(value, Signal):
        raise Unsupported(f"input {place + 1} is a constant, expected a result of the network")
    return value


def _constant(given: Given, place: int, default: float | None = None) -> Array:
    value = given[place] if place < len(given) else None
    if value is None and default is not None:
        return np.array(default)
    if value is None or isinstance(value, Signal):
        raise Unsupported(f"input {place + 1} is missing or no constant")
    return value.astype(np.float64)


def _per_channel(values: Array, signal: Signal) -> Array:
    """Return one number per channel of a constant that is broadcast against a batch."""
    rank = len(signal.form.shape) + 1
    if values.size == 1:
        return np.full(signal.form.channels, values.reshape(-1)[0])
    shape = (1,) * (rank - values.ndim) + values.shape
    if len(shape) != rank or shape[1] != values.size or values.size != signal.form.channels:
        raise Unsupported(
            f"a constant of shape {values.shape} is neither one number nor one for each of the "
            f"{signal.form.channels} channels"
        )
    return values.reshape(-1)


def _signs(weights: Array) -> tuple[NDArray[np.int8], Array]:
    """Return weights -1, 0, +1 and the size of each output's weights; outputs come first."""
    size = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    size[size == 0] = 1.0
    column = size.reshape((-1,) + (1,) * (weights.ndim - 1))
    stored = np.rint(weights / column)
    if np.abs(weights - stored * column).max() > _CLOSE * size.max():
        raise Unsupported(
            "its weights are not -s, 0 and +s with one s for each output; expected binary or "
            "ternary weights"
        )
    return stored.astype(np.int8), size


def _weighted(builder: Builder, layer: Conv | Dense, size: Array, given: Signal) -> Signal:
    if not given.uniform:
        given = builder.plain(given)
    return builder.put(layer, given, scale=size * given.scale[0])


def _conv(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    weights, size = _signs(_constant(given, 1))
    kernel = weights.shape[2:]
    stride, padding = _window(node, kernel, _signal(given).form.shape[1:])
    layer = Conv(weights, stride, padding, 0, int(node.attributes.get("group", 1)))
    result = _weighted(builder, layer, size, _signal(given))
    return result.times(np.array(1.0), _per_channel_row(_constant(given, 2, 0.0), result))


def _per_channel_row(values: Array, signal: Signal) -> Array:
    """Return a bias: one number per channel, in one row."""
    return np.broadcast_to(values.reshape(-1), (signal.form.channels,))


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


def _matmul(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    return _dense(builder, _constant(given, 1).T, given)


def _gemm(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    get = node.attributes.get
    if get("transA", 0):
        raise Unsupported("transA 1, expected 0")
    weights = _constant(given, 1) if get("transB", 0) else _constant(given, 1).T
    result = _dense(builder, weights * get("alpha", 1.0), given)
    bias = _constant(given, 2, 0.0) * get("beta", 1.0)
    return result.times(np.array(1.0), _per_channel_row(bias, result))


def _dense(builder: Builder, weights: Array, given: Given) -> Signal:
    stored, size = _signs(weights)
    return _weighted(builder, Dense(stored), size, _signal(given))


def _batch_norm(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    gamma, beta, mean, variance = (
        _per_channel_row(_constant(given, i), signal) for i in range(1, 5)
    )
    factor = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return signal.times(factor, beta - mean * factor)


def _arithmetic(
    constants: Callable[[Array, Array], Array],
    first: Callable[[Signal, Array], Signal] | None,
    second: Callable[[Signal, Array], Signal] | None,
) -> Callable[[Builder, OnnxNode, Given], Value]:
    """Return the handler of an operation of two inputs of which one is constant."""

    def handle(builder: Builder, node: OnnxNode, given: Given) -> Value:
        a, b = given
        if isinstance(a, Signal) and isinstance(b, Signal):
            if node.operation != "Add":
                raise Unsupported("both inputs are results of the network")
            return _residual(builder, a, b)
        if isinstance(a, Signal) and first is not None:
            return first(a, _per_channel(_constant(given, 1), a))
        if isinstance(b, Signal) and second is not None:
            return second(b, _per_channel(_constant(given, 0), b))
        if isinstance(a, Signal) or isinstance(b, Signal):
            raise Unsupported("divides by a result of the network")
        return constants(_constant(given, 0), _constant(given, 1))

    return handle


def _residual(builder: Builder, a: Signal, b: Signal) -> Signal:
    if not (a.uniform and b.uniform and a.scale[0] == b.scale[0]):
        a, b = builder.plain(a), builder.plain(b)
    return builder.put(Add(), a, b, scale=a.scale[0])


_ONE = np.array(1.0)
_ZERO = np.array(0.0)
_add = _arithmetic(np.add, lambda s, c: s.times(_ONE, c), lambda s, c: s.times(_ONE, c))
_sub = _arithmetic(np.subtract, lambda s, c: s.times(_ONE, -c), lambda s, c: s.times(-_ONE, c))
_mul = _arithmetic(np.multiply, lambda s, c: s.times(c, _ZERO), lambda s, c: s.times(c, _ZERO))


def _divided(signal: Signal, by: Array) -> Signal:
    if not by.all():
        raise Unsupported("divides by 0")
    return signal.times(1 / by, _ZERO)


_div = _arithmetic(np.divide, _divided, None)


def _bipolar(builder: Builder, node: OnnxNode, given: Given) -> Value:
    value, size = given[0], _constant(given, 1)
    if isinstance(value, Signal):
        return _cut(builder, value, [(0.0, False)], 2, -1, scale=_per_channel(size, value))
    return np.where(_constant(given, 0) >= 0, size, -size)


def _sign(builder: Builder, node: OnnxNode, given: Given) -> Value:
    """ONNX: the sign of 0 is 0."""
    if isinstance(given[0], Signal):
        return _cut(builder, given[0], [(0.0, False), (0.0, True)], 1, -1)
    return np.sign(_constant(given, 0))


def _quant(builder: Builder, node: OnnxNode, given: Given) -> Value:
    size, zero, bits = (_constant(given, i) for i in (1, 2, 3))
    if bits.size != 1 or not 1 <= bits.item() <= 32 or bits.item() % 1:
        raise Unsupported(f"bit width {bits.tolist()}, expected one whole number from 1 to 32")
    if (size <= 0).any():
        raise Unsupported("scale: expected numbers above 0")
    if str(node.attributes.get("rounding_mode", "ROUND")).upper() not in ("ROUND", "HALF_EVEN"):
        raise Unsupported(f"rounding_mode {node.attributes['rounding_mode']!r}, expected 'ROUND'")
    low, high = _range(node, int(bits.item()))
    if not isinstance(given[0], Signal):
        whole = np.clip(np.rint(_constant(given, 0) / size + zero), low, high)
        return (whole - zero) * size
    signal = given[0]
    s, z = _per_channel(size, signal), _per_channel(zero, signal)
    inner = signal.times(1 / s, z)
    if (
        high - low <= _MOST_CUTS
    ):  # half to even: k is reached at k - 1/2, or above it where k is odd
        cuts = [(k - 0.5, k % 2 == 1) for k in range(low + 1, high + 1)]
        return _cut(builder, inner, cuts, 1, low, scale=s, offset=-z * s)
    activation = Affine(inner.scale, inner.offset, low, high, bits=0)
    return builder.put(activation, signal, scale=s, offset=-z * s)


def _range(node: OnnxNode, bits: int) -> tuple[int, int]:
    signed = bool(node.attributes.get("signed", 1))
    narrow = bool(node.attributes.get("narrow", 0))
    if signed:
        return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    return 0, 2**bits - 1 - narrow


def _multi_threshold(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal, table = _signal(given), _constant(given, 1)
    get = node.attributes.get
    if get("data_layout", "NCHW") not in ("NCHW", "NC", ""):
        raise Unsupported(f"data_layout {get('data_layout')!r}, expected 'NCHW' or 'NC'")
    if table.ndim != 2 or table.shape[0] not in (1, signal.form.channels):
        raise Unsupported(f"thresholds of shape {table.shape}, expected (channel, threshold)")
    if not 1 <= table.shape[1] <= MOST_LEVELS:
        raise Unsupported(f"{table.shape[1]} thresholds, expected 1 to {MOST_LEVELS}")
    table = np.sort(np.broadcast_to(table, (signal.form.channels, table.shape[1])), axis=1)
    cuts = [(table[:, k], False) for k in range(table.shape[1])]
    size, bias = float(get("out_scale", 1.0)), float(get("out_bias", 0.0))
    for gain in (1, 2):  # whole numbers if out_bias / out_scale is a whole number, or a half
        base = gain * bias / size
        if base == round(base) and abs(base) < 2**20:
            return _cut(builder, signal, cuts, gain, int(base), scale=size / gain)
    return _cut(builder, signal, cuts, 1, 0, scale=size, offset=bias)


def _cut(
    builder: Builder,
    signal: Signal,
    cuts: Sequence[tuple[Any, bool]],
    gain: int,
    base: int,
    scale: Array | float = 1.0,
    offset: Array | float = 0.0,
) -> Signal:
    form = signal.form
    threshold = fold_cuts(
        signal.scale, signal.offset, cuts, form.bound, form.step, gain=gain, base=base
    )
    return builder.put(threshold, signal, scale=scale, offset=offset)


def _max_pool(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    kernel = tuple(int(k) for k in node.attributes.get("kernel_shape", ()))
    stride, padding = _window(node, kernel, signal.form.shape[1:])
    falls = signal.scale < 0
    direction = np.where(falls, -1, 1).astype(np.int8) if falls.any() else None
    pool = MaxPool(kernel, stride, padding, direction)
    return builder.put(pool, signal, scale=signal.scale, offset=signal.offset)


def _average_pool(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    kernel = tuple(int(k) for k in node.attributes.get("kernel_shape", ()))
    stride, padding = _window(node, kernel, signal.form.shape[1:])
    if any(before or after for before, after in padding):
        if not node.attributes.get("count_include_pad", 0):
            raise Unsupported("count_include_pad 0 with padding, expected 1")
        if signal.offset.any():
            signal = builder.plain(signal)
    pool = AveragePool(kernel, stride, padding)
    return builder.put(pool, signal, scale=signal.scale, offset=signal.offset)


def _global_average(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    pool = AveragePool(signal.form.shape[1:])
    return builder.put(pool, signal, scale=signal.scale, offset=signal.offset)


def _relu(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    return builder.put(Affine(signal.scale, signal.offset, low=0.0), signal)


def _clip(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    low, high = (
        None if i >= len(given) or given[i] is None else float(_constant(given, i).item())
        for i in (1, 2)
    )
    return builder.put(Affine(signal.scale, signal.offset, low, high), signal)


def _flatten(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = _signal(given)
    shape = signal.form.shape
    if node.operation == "Flatten" and node.attributes.get("axis", 1) != 1:
        raise Unsupported(f"axis {node.attributes['axis']}, expected 1")
    if node.operation == "Reshape":
        wanted = [int(n) for n in _constant(given, 1).reshape(-1)]
        if len(wanted) != 2 or wanted[1] not in (-1, math.prod(shape)):
            raise Unsupported(f"shape {wanted}, expected one row for each image, such as [0, -1]")
    if len(shape) == 1:
        return signal
    area = math.prod(shape[1:])
    return builder.put(
        Flatten(), signal, scale=signal.scale.repeat(area), offset=signal.offset.repeat(area)
    )


def _transpose(builder: Builder, node: OnnxNode, given: Given) -> Value:
    return np.transpose(_constant(given, 0), node.attributes.get("perm"))


def _constant_node(builder: Builder, node: OnnxNode, given: Given) -> Value:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name], dtype=np.float64)
    raise Unsupported(f"holds {', '.join(node.attributes) or 'nothing'}, expected numbers")


def _same(builder: Builder, node: OnnxNode, given: Given) -> Value:
    value = given[0]
    if value is None:
        raise Unsupported("has no input")
    return value


def _decision(builder: Builder, node: OnnxNode, given: Given) -> Value:
    """At the end of a model the highest score is what counts, so the scores stand for it."""
    if node.outputs[0] != builder.result:
        raise Unsupported("is not the last node")
    return _signal(given)


HANDLERS: dict[str, Callable[[Builder, OnnxNode, Given], Value]] = {
    "Add": _add,
    "ArgMax": _decision,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "BipolarQuant": _bipolar,
    "Clip": _clip,
    "Constant": _constant_node,
    "Conv": _conv,
    "Div": _div,
    "Dropout": _same,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average,
    "Identity": _same,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Mul": _mul,
    "MultiThreshold": _multi_threshold,
    "Quant": _quant,
    "Relu": _relu,
    "Reshape": _flatten,
    "Sign": _sign,
    "Softmax": _decision,
    "Sub": _sub,
    "Transpose": _transpose,
}
