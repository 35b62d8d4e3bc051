"""Read an ONNX file into plain records, trusting nothing in it.

Tensors must lie in the file itself: a path to external data is refused, not followed. Nodes must
stand in an order in which every input is known, as the standard asks
(https://onnx.ai/onnx/repo-docs/IR.html); so a cycle is found as an input that nothing gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, MissingToolError

MOST_BYTES = 2**30
MOST_NUMBERS = 2**27  # in one tensor


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One node of an ONNX graph.

    Parameters
    ----------
    index, total : int
        Position, from 1, and number of nodes.
    name, operation : str
        As in the file; the name may be empty.
    inputs, outputs : tuple of str
        Names of tensors; an input left out is an empty text.
    attributes : mapping
        Numbers, texts, lists and arrays.
    """

    index: int
    total: int
    name: str
    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where the node stands, for messages."""
        name = f" {self.name!r}" if self.name else ""
        return f"node {self.index} of {self.total} ({self.operation}{name})"


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """An ONNX graph of one image input and one output.

    Parameters
    ----------
    nodes : tuple of OnnxNode
        In order.
    constants : dict of str to array
        Initializers, by name.
    image, result : str
        Names of the input and the output.
    shape : tuple of int
        Of an image, without the batch.
    """

    nodes: tuple[OnnxNode, ...]
    constants: dict[str, NDArray[Any]]
    image: str
    result: str
    shape: tuple[int, ...]


def read_onnx(path: str | Path) -> OnnxGraph:
    """Read an ONNX file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    OnnxGraph
        Every input of every node is an initializer, the image, or given by an earlier node.

    Raises
    ------
    InputError
        If the file is missing, is no ONNX model, keeps data elsewhere, holds huge tensors, or its
        nodes do not make an order.
    MissingToolError
        If the package onnx is not installed.
    """
    path = Path(path)
    model = _load(path)
    graph = model.graph
    try:
        constants = {t.name: _array(t) for t in graph.initializer}
        if graph.sparse_initializer:
            raise InputError("has sparse initializers, expected dense ones")
        nodes = tuple(_nodes(graph))
        inputs = [value for value in graph.input if value.name not in constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise InputError(
                f"has {len(inputs)} inputs and {len(graph.output)} outputs, expected one of each"
            )
        shape = _shape(inputs[0])
        _check_order(nodes, {inputs[0].name, *constants}, graph.output[0].name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return OnnxGraph(nodes, constants, inputs[0].name, graph.output[0].name, shape)


def _load(path: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise MissingToolError(
            "the Python package onnx is not installed, and ONNX files need it; "
            "pip install 'rramchar[qonnx]'"
        ) from None
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an ONNX model")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: larger than {MOST_BYTES // 2**20} MiB, expected a smaller model")
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (DecodeError, ValueError, RecursionError):
        raise InputError(f"{path}: is damaged or no ONNX model") from None
    if not model.HasField("graph") or not model.graph.node:
        raise InputError(f"{path}: holds no ONNX graph with nodes")
    return model


def _array(tensor: Any) -> NDArray[Any]:
    """Return a tensor that lies in the file itself."""
    from onnx import TensorProto, numpy_helper

    name = f"tensor {tensor.name!r}"
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise InputError(
            f"{name}: its data lie in another file; save the model with all data in one file"
        )
    if any(n < 0 for n in tensor.dims) or math.prod(tensor.dims) > MOST_NUMBERS:
        raise InputError(
            f"{name}: shape {tuple(tensor.dims)}, expected at most {MOST_NUMBERS:,} numbers"
        )
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise InputError(f"{name}: cannot be read: {error}") from None
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise InputError(f"{name}: holds {array.dtype} or NaN, expected finite numbers")
    return array


def _nodes(graph: Any) -> Iterator[OnnxNode]:
    for i, node in enumerate(graph.node):
        try:
            attributes = {a.name: _attribute(a) for a in node.attribute}
        except InputError as error:
            raise InputError(f"node {i + 1} ({node.op_type} {node.name!r}): {error}") from None
        yield OnnxNode(
            i + 1,
            len(graph.node),
            node.name,
            node.op_type,
            tuple(node.input),
            tuple(node.output),
            attributes,
        )


def _attribute(attribute: Any) -> Any:
    from onnx import AttributeProto, helper

    if attribute.type == AttributeProto.TENSOR:
        return _array(attribute.t)
    try:
        value = helper.get_attribute_value(attribute)
    except (ValueError, TypeError) as error:
        raise InputError(f"attribute {attribute.name!r}: {error}") from None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _shape(value: Any) -> tuple[int, ...]:
    dims = value.type.tensor_type.shape.dim
    lengths = tuple(d.dim_value for d in dims[1:])
    if not 1 <= len(lengths) <= 3 or min(lengths) < 1:
        raise InputError(
            f"input {value.name!r}: shape {[d.dim_value or d.dim_param or '?' for d in dims]}, "
            "expected a batch of (channel, height, width), (channel, length) or (feature) with "
            "fixed lengths"
        )
    if math.prod(lengths) > MOST_NUMBERS:
        raise InputError(f"input {value.name!r}: shape {lengths} is too large")
    return lengths


def _check_order(nodes: tuple[OnnxNode, ...], known: set[str], result: str) -> None:
    given = set(known)
    for node in nodes:
        for name in node.inputs:
            if name and name not in given:
                raise InputError(
                    f"{node.place}: its input {name!r} is no initializer and given by no earlier "
                    "node (an initializer is missing, or the graph has a cycle)"
                )
        for name in node.outputs:
            if name and name in given:
                raise InputError(f"{node.place}: gives {name!r}, which is there already")
        given.update(name for name in node.outputs if name)
    if result not in given:
        raise InputError(f"its output {result!r} is given by no node")
