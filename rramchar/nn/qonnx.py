"""Import a QONNX model as a graph: weights -1, 0, +1 and integer thresholds.

QONNX adds quantizers to ONNX (Pappalardo et al., arXiv:2206.07527): `BipolarQuant`, `Quant` and
`MultiThreshold`. Walking through the nodes, every tensor is a node of our graph with a scale and
an offset per channel that are still to be applied; batch normalizations and constants only change
those two, and the next quantizer folds them into integer thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.graph import IMAGE, Graph, Node, Operation
from rramchar.nn.layers import Affine
from rramchar.nn.network import InputEncoding
from rramchar.nn.onnx_file import OnnxNode, read_onnx
from rramchar.nn.tensor import Form

Array = NDArray[np.float64]
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
    scale, offset : array of float64, shape (channel,)
        Still to be applied.
    """

    name: str
    form: Form
    scale: Array
    offset: Array

    @property
    def uniform(self) -> bool:
        """Whether the scale is one number other than 0 and the offset 0."""
        return bool((self.scale == self.scale[0]).all() and self.scale[0] and not self.offset.any())

    def times(self, factor: Array, shift: Array) -> Signal:
        """Return ``factor * signal + shift``."""
        return replace(self, scale=self.scale * factor, offset=self.offset * factor + shift)


Value = Signal | NDArray[Any]


@dataclass
class Builder:
    """The nodes made so far, and the name of the model's output."""

    result: str
    nodes: list[Node] = field(default_factory=list)

    def put(
        self,
        operation: Operation,
        *given: Signal,
        scale: Array | float = 1.0,
        offset: Array | float = 0.0,
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
        channels = np.ones(form.channels)
        return Signal(name, form, channels * scale, channels * offset)

    def plain(self, signal: Signal) -> Signal:
        """Apply scale and offset where a node cannot take them along."""
        if signal.uniform and signal.scale[0] == 1:
            return signal
        return self.put(Affine(signal.scale, signal.offset), signal)


@dataclass(frozen=True, eq=False)
class Imported:
    """What an import gave.

    Parameters
    ----------
    graph : Graph or None
        None where a node is unsupported.
    unsupported : tuple of dict
        ``node`` (position from 1), ``operation``, ``name``, ``place`` and ``reason`` of each node
        that cannot be imported; nodes that depend on one are not looked at.
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
    from rramchar.nn.qonnx_nodes import HANDLERS

    model = read_onnx(path)
    encoding = InputEncoding("uint8", maximum)
    form = Form(model.shape, encoding.bound)
    builder = Builder(model.result)
    ones = np.ones(form.channels)
    values: dict[str, Value | None] = dict(model.constants)
    values[model.image] = Signal(IMAGE, form, ones, 0 * ones)
    unsupported: list[dict[str, Any]] = []
    for node in model.nodes:
        given = [values[name] if name else None for name in node.inputs]
        result: Value | None = None
        if all(values[name] is not None for name in node.inputs if name):
            try:
                result = _handled(builder, node, given, HANDLERS)
            except Unsupported as error:
                unsupported.append(_entry(node, str(error)))
        values.update(dict.fromkeys(node.outputs))  # further outputs are not known
        if node.outputs:
            values[node.outputs[0]] = result
    if unsupported:
        return Imported(None, tuple(unsupported))
    final = values[model.result]
    if not isinstance(final, Signal):
        raise InputError(f"{path}: its output does not depend on its input")
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
    if node.operation not in handlers:
        raise Unsupported(f"the operation {node.operation} is not known")
    if not node.outputs:
        raise Unsupported("gives nothing")
    try:
        return handlers[node.operation](builder, node, given)
    except InputError as error:
        raise Unsupported(str(error)) from None
    except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
        raise Unsupported(f"its inputs or attributes do not fit: {error}") from None


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
    return Graph(tuple(nodes), shape, encoding, final.scale, final.offset, kind, metadata)
