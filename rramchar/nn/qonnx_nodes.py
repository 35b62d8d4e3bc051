"""What each ONNX and QONNX node becomes; see `qonnx`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.nn.layers import MOST_LEVELS, Add, Affine, Flatten
from rramchar.nn.onnx_file import MOST_NUMBERS, OnnxNode
from rramchar.nn.qonnx import ONE, ZERO, Builder, Signal, Unsupported, Value
from rramchar.nn.qonnx_exact import Exact, affine_fields, composed, fractions
from rramchar.nn.qonnx_inputs import Given, channel_row, constant, per_channel, signal_of
from rramchar.nn.qonnx_layers import average_pool, conv, gemm, global_average, matmul, max_pool
from rramchar.nn.thresholds import fold_exact

_MOST_CUTS = 3  # of a quantizer that becomes thresholds; with more it becomes a rounding
_EPSILON = float(np.float32(1e-5))  # as the standard has it


def _batch_norm(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = signal_of(given)
    gamma, beta, mean, variance = (channel_row(constant(given, i), signal) for i in range(1, 5))
    spread = variance + Fraction(node.attributes.get("epsilon", _EPSILON))
    if min(spread) <= 0:
        raise Unsupported(
            f"variance + epsilon of channel {int(spread.argmin())} is {float(min(spread)):g}, "
            "expected a number above 0"
        )
    # the root alone is rounded, and where z is the mean it does not matter
    root = fractions(Fraction(math.sqrt(one)) for one in spread)
    return signal.times(ONE, -mean).times(gamma / root, beta)


def _arithmetic(
    constants: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]],
    first: Callable[[Signal, Exact], Signal] | None,
    second: Callable[[Signal, Exact], Signal] | None,
) -> Callable[[Builder, OnnxNode, Given], Value]:
    """Return the handler of an operation of two inputs of which one is constant."""

    def handle(builder: Builder, node: OnnxNode, given: Given) -> Value:
        a, b = given
        if isinstance(a, Signal) and isinstance(b, Signal):
            if node.operation != "Add":
                raise Unsupported("both inputs are results of the network")
            a, b = builder.alike(a, b)
            return builder.put(Add(), a, b, scale=a.scale[:1])
        if isinstance(a, Signal) and first is not None:
            return first(a, per_channel(constant(given, 1), a))
        if isinstance(b, Signal) and second is not None:
            return second(b, per_channel(constant(given, 0), b))
        if isinstance(a, Signal) or isinstance(b, Signal):
            raise Unsupported("divides by a result of the network")
        left, right = constant(given, 0), constant(given, 1)
        _check_size(left, right)
        if a is not None and b is not None and a.dtype == b.dtype and a.dtype.kind == "f":
            left, right = a, b  # rounded as the runtime rounds what it folds
        return constants(left, right)

    return handle


def _check_size(*arrays: NDArray[Any]) -> None:
    """Refuse constants that are broadcast to a huge one, before it is made."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    if math.prod(shape) > MOST_NUMBERS:
        raise Unsupported(
            f"makes a constant of shape {shape}, expected at most {MOST_NUMBERS:,} numbers"
        )


_add = _arithmetic(np.add, lambda s, c: s.times(ONE, c), lambda s, c: s.times(ONE, c))
_sub = _arithmetic(np.subtract, lambda s, c: s.times(ONE, -c), lambda s, c: s.times(-ONE, c))
_mul = _arithmetic(np.multiply, lambda s, c: s.times(c, ZERO), lambda s, c: s.times(c, ZERO))


def _divided(signal: Signal, by: Exact) -> Signal:
    if not all(by):
        raise Unsupported("divides by 0")
    return signal.times(1 / by, ZERO)


def _quotient(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    if not right.all():
        raise Unsupported("divides by 0")
    return np.asarray(left / right)


_div = _arithmetic(_quotient, _divided, None)


def _bipolar(builder: Builder, node: OnnxNode, given: Given) -> Value:
    value, size = given[0], constant(given, 1)
    if isinstance(value, Signal):
        return _cut(builder, value, [(0.0, False)], 2, -1, scale=per_channel(size, value))
    values = constant(given, 0)
    _check_size(values, size)
    return np.where(values >= 0, size, -size)


def _sign(builder: Builder, node: OnnxNode, given: Given) -> Value:
    """ONNX: the sign of 0 is 0."""
    if isinstance(given[0], Signal):
        return _cut(builder, given[0], [(0.0, False), (0.0, True)], 1, -1)
    return np.sign(constant(given, 0))


def _quant(builder: Builder, node: OnnxNode, given: Given) -> Value:
    size, zero, bits = (constant(given, i) for i in (1, 2, 3))
    if bits.size != 1 or not 1 <= bits.item() <= 32 or bits.item() % 1:
        raise Unsupported(f"bit width {bits.tolist()}, expected one whole number from 1 to 32")
    if (size <= 0).any():
        raise Unsupported("scale: expected numbers above 0")
    if str(node.attributes.get("rounding_mode", "ROUND")).upper() not in ("ROUND", "HALF_EVEN"):
        raise Unsupported(f"rounding_mode {node.attributes['rounding_mode']!r}, expected 'ROUND'")
    low, high = _range(node, int(bits.item()))
    if not isinstance(given[0], Signal):
        values = constant(given, 0)
        _check_size(values, size, zero)
        whole = np.clip(np.rint(values / size + zero), low, high)
        return np.asarray((whole - zero) * size)
    signal = given[0]
    s, z = per_channel(size, signal), per_channel(zero, signal)
    inner, offset = signal.times(1 / s, z), composed(-z, s)
    if high - low > _MOST_CUTS:
        activation = Affine(low=low, high=high, bits=0, **affine_fields(inner.span()))
        return builder.put(activation, signal, scale=s, offset=offset)
    # half to even: k is reached at k - 1/2, or above it where k is odd
    cuts = [(k - 0.5, k % 2 == 1) for k in range(low + 1, high + 1)]
    return _cut(builder, inner, cuts, 1, low, scale=s, offset=offset)


def _range(node: OnnxNode, bits: int) -> tuple[int, int]:
    signed = bool(node.attributes.get("signed", 1))
    narrow = bool(node.attributes.get("narrow", 0))
    if signed:
        return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    return 0, 2**bits - 1 - narrow


def _multi_threshold(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal, table = signal_of(given), constant(given, 1)
    get = node.attributes.get
    if get("data_layout", "NCHW") not in ("NCHW", "NC", ""):
        raise Unsupported(f"data_layout {get('data_layout')!r}, expected 'NCHW' or 'NC'")
    if table.ndim != 2 or table.shape[0] not in (1, signal.form.channels):
        raise Unsupported(f"thresholds of shape {table.shape}, expected (channel, threshold)")
    if not 1 <= table.shape[1] <= MOST_LEVELS:
        raise Unsupported(f"{table.shape[1]} thresholds, expected 1 to {MOST_LEVELS}")
    table = np.sort(np.broadcast_to(table, (signal.form.channels, table.shape[1])), axis=1)
    cuts = [(table[:, k], False) for k in range(table.shape[1])]
    size, bias = (Fraction(get(*pair)) for pair in (("out_scale", 1.0), ("out_bias", 0.0)))
    for gain in (1, 2):  # whole numbers if out_bias / out_scale is a whole number, or a half
        base = gain * bias / size
        if base.denominator == 1 and abs(base) < 2**20:
            return _cut(builder, signal, cuts, gain, int(base), scale=fractions([size / gain]))
    return _cut(builder, signal, cuts, 1, 0, scale=fractions([size]), offset=fractions([bias]))


def _cut(
    builder: Builder,
    signal: Signal,
    cuts: Sequence[tuple[Any, bool]],
    gain: int,
    base: int,
    scale: Exact = ONE,
    offset: Exact = ZERO,
) -> Signal:
    threshold = fold_exact(signal.scale, signal.offset, cuts, signal.form, gain=gain, base=base)
    return builder.put(threshold, signal, scale=scale, offset=offset)


def _relu(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = signal_of(given)
    return builder.activation(signal, signal.span(low=Fraction(0)))


def _clip(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = signal_of(given)
    low, high = (_limit(node, given, i, name) for i, name in ((1, "min"), (2, "max")))
    return builder.activation(signal, signal.span(low, high))


def _limit(node: OnnxNode, given: Given, place: int, name: str) -> Fraction | None:
    """Return a limit; before version 11 of the standard it was an attribute."""
    if place < len(given) and given[place] is not None:
        return Fraction(constant(given, place).item())
    return Fraction(node.attributes[name]) if name in node.attributes else None


def _flatten(builder: Builder, node: OnnxNode, given: Given) -> Signal:
    signal = signal_of(given)
    shape = signal.form.shape
    if node.operation == "Flatten" and node.attributes.get("axis", 1) != 1:
        raise Unsupported(f"axis {node.attributes['axis']}, expected 1")
    if node.operation == "Reshape":
        wanted = [int(n) for n in constant(given, 1).reshape(-1)]
        if len(wanted) != 2 or wanted[1] not in (-1, math.prod(shape)):
            raise Unsupported(f"shape {wanted}, expected one row for each image, such as [0, -1]")
    if len(shape) == 1:
        return signal
    area = math.prod(shape[1:])
    scale, offset = (
        part if len(part) == 1 else part.repeat(area) for part in (signal.scale, signal.offset)
    )
    return builder.put(Flatten(), signal, scale=scale, offset=offset)


def _transpose(builder: Builder, node: OnnxNode, given: Given) -> Value:
    return np.transpose(constant(given, 0), node.attributes.get("perm"))


def _constant_node(builder: Builder, node: OnnxNode, given: Given) -> Value:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            kind = np.float32 if name in ("value_float", "value_floats") else None
            return np.asarray(node.attributes[name], dtype=kind)
    raise Unsupported(f"holds {', '.join(node.attributes) or 'nothing'}, expected numbers")


def _same(builder: Builder, node: OnnxNode, given: Given) -> Value:
    value = given[0]
    if value is None:
        raise Unsupported("has no input")
    if len(given) > 2 and given[2] is not None and constant(given, 2).any():
        raise Unsupported("training_mode true, expected false")  # of a Dropout
    return value


def _decision(builder: Builder, node: OnnxNode, given: Given) -> Value:
    """At the end of a model the highest score is what counts, so the scores stand for it."""
    if node.outputs[0] != builder.result:
        raise Unsupported("is not the last node")
    return signal_of(given)


HANDLERS: dict[str, Callable[[Builder, OnnxNode, Given], Value]] = {
    "Add": _add,
    "ArgMax": _decision,
    "AveragePool": average_pool,
    "BatchNormalization": _batch_norm,
    "BipolarQuant": _bipolar,
    "Clip": _clip,
    "Constant": _constant_node,
    "Conv": conv,
    "Div": _div,
    "Dropout": _same,
    "Flatten": _flatten,
    "Gemm": gemm,
    "GlobalAveragePool": global_average,
    "Identity": _same,
    "MatMul": matmul,
    "MaxPool": max_pool,
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
