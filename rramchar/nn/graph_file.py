"""The nodes of a graph as entries of a network file's header, and back, each field checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.conv import Conv
from rramchar.nn.graph import Node, Operation
from rramchar.nn.layers import Add, Affine, Dense, Flatten, Threshold
from rramchar.nn.pool import AveragePool, MaxPool

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """How a kind of node is written.

    Parameters
    ----------
    operation : type
        The record.
    arrays : mapping of str to dtype
        Fields that are stored as arrays of their own.
    fields : tuple of str
        Fields that stand in the header.
    optional : tuple of str
        Arrays that may be absent.
    later : tuple of str
        Those of the optional arrays that older files know nothing of, named only where present.
    """

    operation: Any
    arrays: Mapping[str, Any]
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


_WINDOW = ("kernel", "stride", "padding")
LAYOUTS = {
    "dense": Layout(Dense, {"weights": np.int8}),
    "conv": Layout(Conv, {"weights": np.int8}, ("stride", "padding", "pad_value", "groups")),
    "threshold": Layout(
        Threshold, {"levels": np.int64, "direction": np.int8}, ("gain", "base"), ("direction",)
    ),
    "affine": Layout(
        Affine,
        {"scale": np.float64, "offset": np.float64, "divisor": np.float64},
        ("low", "high", "bits"),
        ("divisor",),
        ("divisor",),
    ),
    "add": Layout(Add, {}),
    "flatten": Layout(Flatten, {}),
    "maxpool": Layout(MaxPool, {"direction": np.int8}, _WINDOW, ("direction",)),
    "averagepool": Layout(AveragePool, {}, _WINDOW),
}
MEANING = {
    ("dense", "weights"): "int8, shape (output, input): stored weight -1, 0 or +1",
    ("conv", "weights"): "int8, shape (output, input / groups, window): stored weight -1, 0 or +1",
    ("threshold", "levels"): "int64, shape (channel, level): output = base + gain * number of "
    "levels with direction * input >= level, input in units of its step",
    ("threshold", "direction"): "int8, shape (channel,): see levels",
    ("affine", "scale"): "float64, shape (channel,): output = (scale * input + offset) / divisor, "
    "limited to low and high, rounded to a multiple of 2**-bits; without a divisor it is 1",
    ("affine", "offset"): "float64, shape (channel,): see scale",
    ("affine", "divisor"): "float64, shape (channel,): see scale",
    ("maxpool", "direction"): "int8, shape (channel,): -1 takes the smallest instead",
}


def write_node(index: int, node: Node, arrays: Arrays, meaning: dict[str, str]) -> dict[str, Any]:
    """Return a node's entry of the header, and add its arrays.

    Parameters
    ----------
    index : int
        Position of the node; names its arrays.
    node : Node
        The node.
    arrays : dict
        Receives the arrays, by name.
    meaning : dict
        Receives what each array means.

    Returns
    -------
    dict
        JSON-serializable.
    """
    kind = type(node.operation).__name__.lower()
    layout = LAYOUTS[kind]
    entry: dict[str, Any] = {"name": node.name, "type": kind, "inputs": list(node.inputs)}
    entry |= {name: getattr(node.operation, name) for name in layout.fields}
    for name in layout.arrays:
        values = getattr(node.operation, name)
        if values is None:
            entry |= {} if name in layout.later else {name: None}
            continue
        entry[name] = f"node{index}_{name}"
        arrays[entry[name]] = values
        meaning[entry[name]] = MEANING[kind, name]
    return entry


def read_node(index: int, entry: dict[str, Any], arrays: Arrays) -> Node:
    """Return the node of an entry.

    Parameters
    ----------
    index : int
        Position of the entry, for error messages.
    entry : dict
        From the header.
    arrays : dict
        All arrays of the file.

    Returns
    -------
    Node
        Checked.

    Raises
    ------
    InputError
        If a field or an array is missing, unknown or unfit.
    """
    kind = entry.get("type")
    place = f"node {index} ({entry.get('name')!r})"
    if not isinstance(kind, str) or kind not in LAYOUTS:
        raise InputError(f"{place}: type {kind!r}, expected one of {', '.join(LAYOUTS)}")
    layout = LAYOUTS[kind]
    expected = {"name", "type", "inputs", *layout.fields, *layout.arrays}
    if not expected.difference(layout.later) <= set(entry) <= expected:
        wrong = ", ".join(sorted(set(entry) ^ expected))
        raise InputError(f"{place}: fields missing or unknown: {wrong}")
    inputs = entry["inputs"]
    if not isinstance(inputs, list):
        raise InputError(f"{place}: inputs {inputs!r}, expected a list of names")
    fields = {name: _tuples(entry[name]) for name in layout.fields}
    for name, dtype in layout.arrays.items():
        fields[name] = _array(place, name, entry.get(name), dtype, arrays, name in layout.optional)
    try:
        operation: Operation = layout.operation(**fields)
        return Node(entry["name"], operation, tuple(inputs))
    except (InputError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place}: {error}") from None


def _array(
    place: str, field: str, name: Any, dtype: Any, arrays: Arrays, optional: bool
) -> NDArray[Any] | None:
    if name is None and optional:
        return None
    if not isinstance(name, str) or name not in arrays:
        raise InputError(f"{place}: {field}: array {name!r} is missing")
    if arrays[name].dtype != dtype:
        raise InputError(
            f"{place}: {field}: array {name!r} has type {arrays[name].dtype}, expected "
            f"{np.dtype(dtype)}"
        )
    return arrays[name]


def _tuples(value: Any) -> Any:
    """Turn the lists of JSON into the tuples of the records."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
