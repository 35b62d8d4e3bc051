"""A network beyond a chain of dense layers: convolutions, pooling, residual connections.

A graph is a tuple of nodes in the order in which they run; each names the nodes it takes its
input from, so there can be no cycle. The last node gives one number per class, and the score of
class c is ``scale[c] * value[c] + offset[c]`` in float64, as in `network.Network`. The weights that
a memory stores are those of the nodes in `Graph.layers`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.conv import Conv
from rramchar.nn.layers import Add, Affine, Dense, Flatten, Threshold
from rramchar.nn.network import WEIGHT_KINDS, InputEncoding, Network, checked_scores
from rramchar.nn.pool import AveragePool, MaxPool
from rramchar.nn.tensor import Form

Weighted = Dense | Conv
Operation = Dense | Conv | Threshold | Affine | Add | Flatten | MaxPool | AveragePool
IMAGE = "image"


@dataclass(frozen=True, eq=False)
class Node:
    """One step of a graph.

    Parameters
    ----------
    name : str
        Unlike any other's.
    operation : Operation
        What it does.
    inputs : tuple of str
        Names of earlier nodes; ``image`` is the encoded image.
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the names."""
        object.__setattr__(self, "inputs", tuple(self.inputs))
        if not isinstance(self.name, str) or not self.name or self.name == IMAGE:
            raise InputError(f"node name {self.name!r}: expected a text other than {IMAGE!r}")
        if not self.inputs or not all(isinstance(one, str) for one in self.inputs):
            raise InputError(f"node {self.name!r}: expected the names of its inputs")


def sequence(operations: Iterable[Operation], start: str = IMAGE) -> tuple[Node, ...]:
    """Chain operations, each fed by the one before it.

    Parameters
    ----------
    operations : iterable of Operation
        From input to output.
    start : str
        What feeds the first.

    Returns
    -------
    tuple of Node
        Named by their position and kind, such as ``0_conv``.
    """
    nodes: list[Node] = []
    for i, operation in enumerate(operations):
        before = nodes[-1].name if nodes else start
        nodes.append(Node(f"{i}_{type(operation).__name__.lower()}", operation, (before,)))
    return tuple(nodes)


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes with the meaning of their input and of their scores.

    Parameters
    ----------
    nodes : sequence of Node
        In the order in which they run; the last gives one number per class.
    shape : tuple of int
        Of an image: (channel, height, width), (channel, length) or (pixel,). Images are given flat,
        channel by channel.
    encoding : InputEncoding
        How pixels enter.
    scale, offset : array of float64, shape (class,)
        Score of class c is ``scale[c] * value[c] + offset[c]``.
    kind : str
        ``binary`` (no weight is 0) or ``ternary``.
    metadata : dict
        JSON-serializable facts about the network's origin.
    """

    nodes: tuple[Node, ...]
    shape: tuple[int, ...]
    encoding: InputEncoding
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    kind: str = "binary"
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the nodes fit together."""
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "shape", _checked_shape(self.shape))
        if self.kind not in WEIGHT_KINDS:
            raise InputError(
                f"kind of weights: {self.kind!r}; expected one of {', '.join(WEIGHT_KINDS)}"
            )
        if not isinstance(self.metadata, dict):
            raise InputError(f"metadata: {self.metadata!r}, expected a mapping of names to values")
        if not self.layers:
            raise InputError("network: has no layer with weights, expected at least one")
        final = self.forms[self.nodes[-1].name]
        if len(final.shape) != 1:
            raise InputError(
                f"node {self.nodes[-1].name!r}: is the last one and gives the shape {final.shape}, "
                "expected one number per class; flatten it"
            )
        if self.kind == "binary" and not all(layer.weights.all() for layer in self.layers):
            raise InputError(
                "a binary network has a weight 0; only -1 and +1 are allowed, or call it ternary"
            )
        for name in ("scale", "offset"):
            object.__setattr__(self, name, checked_scores(name, getattr(self, name), self.classes))

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """Shape and range of the image and of what each node gives, by name."""
        forms = {IMAGE: Form(self.shape, self.encoding.bound)}
        used: set[str] = set()
        for node in self.nodes:
            if node.name in forms:
                raise InputError(f"node {node.name!r}: there are two of this name")
            for name in node.inputs:
                if name not in forms:
                    raise InputError(
                        f"node {node.name!r}: takes {name!r}, which is no earlier node; the "
                        f"earlier ones are {', '.join(forms)}"
                    )
            used.update(node.inputs)
            several = isinstance(node.operation, Add)
            if not several and len(node.inputs) != 1:
                raise InputError(
                    f"node {node.name!r}: takes {len(node.inputs)} inputs, expected one"
                )
            try:
                forms[node.name] = node.operation.form(*(forms[name] for name in node.inputs))
            except InputError as error:
                raise InputError(f"node {node.name!r}: {error}") from None
        for node in self.nodes[:-1]:
            if node.name not in used:
                raise InputError(f"node {node.name!r}: feeds no later node; leave it out")
        return forms

    @cached_property
    def weighted(self) -> tuple[Node, ...]:
        """The nodes that hold weights, in order."""
        return tuple(node for node in self.nodes if isinstance(node.operation, Weighted))

    def takers(self) -> dict[str, list[Node]]:
        """Return the nodes that take their input from each node, by its name."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return found

    @property
    def layers(self) -> tuple[Weighted, ...]:
        """The layers whose weights a memory stores, in order."""
        return tuple(node.operation for node in self.weighted)  # type: ignore[misc]

    @property
    def input_size(self) -> int:
        """Number of pixels of an image, all channels counted."""
        return math.prod(self.shape)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.forms[self.nodes[-1].name].shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of pixels, and of the outputs or output channels of each layer with weights."""
        return (self.input_size, *(layer.outputs for layer in self.layers))

    @property
    def parameters(self) -> int:
        """Number of stored weights."""
        return sum(layer.weights.size for layer in self.layers)

    def with_weights(self, weights: Sequence[NDArray[np.int8]]) -> Graph:
        """Return the same network with other weights.

        Parameters
        ----------
        weights : sequence of int8 arrays
            One for each of `layers`, of its shape.

        Returns
        -------
        Graph
            All else is kept.
        """
        names = [node.name for node in self.weighted]
        new = dict(zip(names, weights, strict=True))
        nodes = tuple(_reweighted(node, new.get(node.name)) for node in self.nodes)
        return replace(self, nodes=nodes)


AnyNetwork = Network | Graph


def _reweighted(node: Node, weights: NDArray[np.int8] | None) -> Node:
    if weights is None:
        return node
    assert isinstance(node.operation, Weighted)
    return replace(node, operation=replace(node.operation, weights=weights))


def as_graph(network: Network) -> Graph:
    """Return a chain of dense layers as a graph that gives the same scores.

    Parameters
    ----------
    network : Network
        The chain.

    Returns
    -------
    Graph
        A dense node for each layer, and a threshold after each but the last.
    """
    operations: list[Operation] = []
    for layer in network.layers:
        operations.append(Dense(layer.weights))
        if layer.threshold is not None:
            operations.append(Threshold(layer.threshold))
    return Graph(
        sequence(operations),
        (network.input_size,),
        network.encoding,
        network.scale,
        network.offset,
        network.kind,
        network.metadata,
    )


def thresholds_first(graph: Graph) -> Graph:
    """Return a graph with the same scores in which thresholds stand before maxima over windows.

    The count of levels that a number reaches never falls as the number grows, so the maximum of the
    outputs is the output of the maximum. Windows then move over small numbers, and a threshold can
    be worked out together with the sums.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    Graph
        Not to be stored: what the swapped nodes give is swapped as well.
    """
    takers = graph.takers()
    nodes = list(graph.nodes)
    for i, pool in enumerate(graph.nodes):
        after = takers.get(pool.name, [])
        if not isinstance(pool.operation, MaxPool) or len(after) != 1:
            continue
        threshold = after[0].operation
        if not isinstance(threshold, Threshold) or not _commute(pool.operation, threshold):
            continue
        last = next(k for k, node in enumerate(graph.nodes) if node is after[0])
        nodes[i] = Node(pool.name, threshold, pool.inputs)
        nodes[last] = Node(after[0].name, replace(pool.operation, direction=None), (pool.name,))
    return replace(graph, nodes=tuple(nodes))


def _commute(pool: MaxPool, threshold: Threshold) -> bool:
    direction = np.ones(len(threshold.levels)) if pool.direction is None else pool.direction
    return threshold.gain > 0 and bool((direction == threshold.direction).all())


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    lengths = tuple(shape)
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in lengths)
    if not whole or not 1 <= len(lengths) <= 3:
        raise InputError(
            f"shape of an image: {lengths}, expected (channel, height, width), (channel, length) "
            "or (pixel,)"
        )
    return lengths
