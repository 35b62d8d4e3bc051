"""Import a QONNX model as a graph: weights -1, 0, +1 and integer thresholds.

QONNX adds quantizers to ONNX (Pappalardo et al., arXiv:2206.07527): `BipolarQuant`, `Quant` and
`MultiThreshold`. Walking through the nodes, every tensor is a node of our graph with a scale and
an offset per channel that are still to be applied; batch normalizations and constants only change
those two, in exact fractions, and the next quantizer folds them into integer thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.graph import IMAGE, Graph, Node, Operation
from rramchar.nn.layers import Affine
from rramchar.nn.network import InputEncoding
from rramchar.nn.onnx_file import MOST_NUMBERS, OnnxNode, read_onnx
from rramchar.nn.qonnx_exact import (
    Exact,
    Grid,
    Span,
    affine_fields,
    choose_grid,
    composed,
    floats,
    fractions,
)
from rramchar.nn.tensor import Form

MOST_INPUTS = 2**24  # numbers of one tensor of one image


class Unsupported(Exception):
    """A node that cannot be a part of our networks; the message says why."""


@dataclass(frozen=True, eq=False)
class Signal:
    """A tensor of the model: ``scale * value + offset`` of a node of ours, for each channel.

    Parameters
    ----------
    name : str
        Node of our graph.
    form : Form
        What it gives.
    scale, offset : array of Fraction, shape (channel,), or (1,) where all are equal
        Still to be applied.
    """

    name: str
    form: Form
    scale: Exact
    offset: Exact

    @property
    def uniform(self) -> bool:
        """Whether the scale is one number other than 0 and the offset 0."""
        return bool((self.scale == self.scale[0]).all() and self.scale[0] and not any(self.offset))

    def times(self, factor: Exact, shift: Exact) -> Signal:
        """Return ``factor * signal + shift``."""
        return replace(
            self,
            scale=composed(self.scale, factor),
            offset=composed(self.offset, factor, shift),
        )

    def span(self, low: Fraction | None = None, high: Fraction | None = None) -> Span:
        """Return the numbers that it can be, between two limits."""
        return Span(self.scale, self.offset, self.form, low, high).tight()


Value = Signal | NDArray[Any]
ONE, ZERO = fractions([Fraction(1)]), fractions([Fraction(0)])


@dataclass
class Builder:
    """The nodes made so far, the name of the model's output, and the room left for constants."""

    result: str
    nodes: list[Node] = field(default_factory=list)
    room: int = 4 * MOST_NUMBERS

    def put(
        self, operation: Operation, *given: Signal, scale: Exact = ONE, offset: Exact = ZERO
    ) -> Signal:
        """Add a node; return its result with what is still to be applied to it."""
        name = f"{len(self.nodes)}_{type(operation).__name__.lower()}"
        try:
            form = operation.form(*(one.form for one in given))
        except InputError as error:
            raise Unsupported(str(error)) from None
        if form.size > MOST_INPUTS:
            raise Unsupported(f"gives the shape {form.shape}, which is too large")
        self.nodes.append(Node(name, operation, tuple(one.name for one in given)))
        return Signal(name, form, scale, offset)

    def rounded(self, signal: Signal, span: Span, grid: Grid) -> Signal:
        """Apply scale, offset and limits, rounded to a grid; its unit stays a factor."""
        scaled = replace(span, scale=span.scale / grid.unit, offset=span.offset / grid.unit)
        limits = (
            None if limit is None else float(limit / grid.unit) for limit in (span.low, span.high)
        )
        fields = affine_fields(scaled)
        low, high = limits
        activation = Affine(low=low, high=high, bits=grid.bits, **fields)
        return self.put(activation, signal, scale=fractions([grid.unit]))

    def activation(self, signal: Signal, span: Span) -> Signal:
        """Apply scale, offset and limits."""
        return self.rounded(signal, span, choose_grid([span]))

    def plain(self, signal: Signal) -> Signal:
        """Apply scale and offset where a node can take along one factor only."""
        return signal if signal.uniform else self.activation(signal, signal.span())

    def alike(self, *signals: Signal) -> tuple[Signal, ...]:
        """Give signals one common factor, so that they can be added."""
        if all(one.uniform and one.scale[0] == signals[0].scale[0] for one in signals):
            return signals
        grid = choose_grid([one.span() for one in signals])
        return tuple(
            one if _fits(one, grid) else self.rounded(one, one.span(), grid) for one in signals
        )

    def keep(self, constant: NDArray[Any]) -> None:
        """Refuse constants that are not finite, or that fill the memory."""
        if constant.dtype.kind not in "fiub" or not np.isfinite(constant).all():
            raise Unsupported("gives NaN or infinity, expected finite numbers")
        self.room -= constant.size
        if self.room < 0:
            raise Unsupported("makes, with the nodes before it, more constants than fit in memory")


def _fits(signal: Signal, grid: Grid) -> bool:
    """Tell whether a signal can be added to numbers of a grid as it is."""
    step = signal.form.step
    # a much finer step would make the sum's numbers too large
    finer = Fraction(1, 2 ** (grid.bits + 12)) <= step
    power = step.numerator == 1 and step.denominator & (step.denominator - 1) == 0
    return signal.uniform and signal.scale[0] == grid.unit and finer and power


@dataclass(frozen=True, eq=False)
class Imported:
    """What an import gave.

    Parameters
    ----------
    graph : Graph or None
        None where a node is unsupported.
    unsupported : tuple of dict
        ``node`` (position from 1), ``operation``, ``name``, ``place`` and ``reason`` of each node
        that cannot be imported; of nodes that depend on one, only operation and attributes are
        looked at.
    """

    graph: Graph | None
    unsupported: tuple[dict[str, Any], ...]


def import_qonnx(path: str | Path, maximum: int = 255) -> Imported:
    """Import a QONNX model.

    Parameters
    ----------
    path : str or path
        The ONNX file.
    maximum : int
        Largest value of a pixel; the model's input is taken to be the pixels themselves, as whole
        numbers from 0 to this.

    Returns
    -------
    Imported
        The network, or what cannot be imported.

    Raises
    ------
    InputError
        If the file is broken; see `onnx_file.read_onnx`.
    MissingToolError
        If the package onnx is not installed.
    """
    from rramchar.nn.qonnx_attributes import check_node
    from rramchar.nn.qonnx_nodes import HANDLERS

    model = read_onnx(path)
    encoding = InputEncoding("uint8", maximum)
    form = Form(model.shape, encoding.bound)
    builder = Builder(model.result)
    values: dict[str, Value | None] = dict(model.constants)
    values[model.image] = Signal(IMAGE, form, ONE, ZERO)
    unsupported: list[dict[str, Any]] = []
    lost: set[str] = set()  # what unsupported nodes give, and what depends on it
    for node in model.nodes:
        result: Value | None = None
        missing = [name for name in node.inputs if name and values[name] is None]
        try:
            check_node(node, HANDLERS)
            if not missing:
                given = [values[name] if name else None for name in node.inputs]
                result = _handled(builder, node, given, HANDLERS)
            elif lost.isdisjoint(missing):
                raise Unsupported(f"takes {missing[0]!r}, a further output of a node: not known")
        except Unsupported as error:
            unsupported.append(_entry(node, str(error)))
        if result is None:
            lost.update(node.outputs)
        values.update(dict.fromkeys(node.outputs))  # further outputs are not known
        if node.outputs:
            values[node.outputs[0]] = result
    if unsupported:
        return Imported(None, tuple(unsupported))
    final = values[model.result]
    if not isinstance(final, Signal):
        raise InputError(f"{path}: its output is a constant, expected a result of its input")
    metadata = {"source": Path(path).name}
    try:
        graph = _graph(builder, final, model.shape, encoding, metadata)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Imported(graph, ())


def _entry(node: OnnxNode, reason: str) -> dict[str, Any]:
    return {
        "node": node.index,
        "operation": node.operation,
        "name": node.name,
        "place": node.place,
        "reason": reason,
    }


def _handled(
    builder: Builder,
    node: OnnxNode,
    given: list[Value | None],
    handlers: dict[str, Callable[..., Value]],
) -> Value:
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below
            result = handlers[node.operation](builder, node, given)
    except InputError as error:
        raise Unsupported(str(error)) from None
    except MemoryError:
        raise Unsupported("takes more memory than there is") from None
    except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
        raise Unsupported(f"its inputs or attributes do not fit: {error}") from None
    if not isinstance(result, Signal):
        builder.keep(result)
    return result


def _graph(
    builder: Builder,
    final: Signal,
    shape: tuple[int, ...],
    encoding: InputEncoding,
    metadata: dict[str, Any],
) -> Graph:
    needed = {final.name}
    nodes: list[Node] = []
    for node in reversed(builder.nodes):  # what leads to the output, and nothing else
        if node.name in needed:
            needed.update(node.inputs)
            nodes.insert(0, node)
    zeros = any((getattr(node.operation, "weights", np.ones(1)) == 0).any() for node in nodes)
    kind = "ternary" if zeros else "binary"
    if not nodes or nodes[-1].name != final.name:
        raise InputError("its output is the image itself, expected a network")
    try:
        scale, offset = (floats(part, final.form.channels) for part in (final.scale, final.offset))
    except OverflowError:
        raise InputError("its scores are too large for float64") from None
    return Graph(tuple(nodes), shape, encoding, scale, offset, kind, metadata)
