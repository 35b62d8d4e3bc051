"""What a network holds, layer by layer, as plain data for commands and files."""

from __future__ import annotations

from typing import Any

from rramchar.nn.conv import Conv
from rramchar.nn.graph import AnyNetwork, Graph, Node, Weighted
from rramchar.nn.layers import Threshold
from rramchar.nn.network import Network


def describe_layers(network: AnyNetwork) -> list[dict[str, Any]]:
    """Describe the layers whose weights a memory stores, in the order that errors count them.

    Parameters
    ----------
    network : Network or Graph
        The network.

    Returns
    -------
    list of dict
        For each: ``name`` and ``type``; ``inputs`` of one output and ``outputs`` (of a convolution,
        channels); ``shape`` of the weights, their number ``weights`` and ``zero_fraction`` [1];
        ``threshold_min`` and ``threshold_max`` of the thresholds that its sums meet next, in units
        of a sum, None where they meet none; ``shape_out``, what it gives for an image. A
        convolution has ``kernel``, ``stride``, ``padding``, ``pad_value`` and ``groups`` too.
    """
    if isinstance(network, Network):
        return [
            _facts(f"layer{i}", "dense", layer, layer.threshold, (layer.outputs,))
            for i, layer in enumerate(network.layers)
        ]
    described = []
    for node, layer in zip(network.weighted, network.layers, strict=True):
        kind = type(layer).__name__.lower()
        shape = network.forms[node.name].shape
        entry = _facts(node.name, kind, layer, _thresholds_after(network, node), shape)
        if isinstance(layer, Conv):
            for field in ("kernel", "stride", "padding", "pad_value", "groups"):
                entry[field] = getattr(layer, field)
        described.append(entry)
    return described


def describe_nodes(graph: Graph) -> list[dict[str, Any]]:
    """Describe every step of a graph, in the order in which they run.

    Parameters
    ----------
    graph : Graph
        The network.

    Returns
    -------
    list of dict
        For each: ``name``, ``type``, ``inputs`` (names of nodes, or ``image``), and ``shape_out``.
    """
    return [
        {
            "name": node.name,
            "type": type(node.operation).__name__.lower(),
            "inputs": list(node.inputs),
            "shape_out": list(graph.forms[node.name].shape),
        }
        for node in graph.nodes
    ]


def _facts(
    name: str, kind: str, layer: Any, thresholds: Any, shape: tuple[int, ...]
) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "shape": list(layer.weights.shape),
        "weights": int(layer.weights.size),
        "zero_fraction": layer.zero_fraction,
        "threshold_min": None if thresholds is None else int(thresholds.min()),
        "threshold_max": None if thresholds is None else int(thresholds.max()),
        "shape_out": list(shape),
    }


def _thresholds_after(graph: Graph, node: Node) -> Any:
    """Return the levels of the first thresholds behind a node, before any other weights."""
    takers = graph.takers()
    waiting = list(takers.get(node.name, []))
    while waiting:
        after = waiting.pop(0)
        if isinstance(after.operation, Threshold):
            return after.operation.levels
        if not isinstance(after.operation, Weighted):
            waiting += takers.get(after.name, [])
    return None
