from __future__ import annotations

import numpy as np
import pytest

from rramchar.nn.conv import Conv
from rramchar.nn.describe import describe_layers, describe_nodes
from rramchar.nn.graph import Graph, Node, sequence
from rramchar.nn.layers import Add, Affine, Dense, Flatten, Threshold
from rramchar.nn.network import InputEncoding
from rramchar.nn.pool import MaxPool


@pytest.fixture
def graph():
    """Two convolutions that are added, the second behind a full-precision activation."""
    ones = np.ones((4, 2, 3, 3), np.int8)
    ternary = ones.copy()
    ternary[:2] = 0
    limits = Affine(np.full(4, 0.5), np.zeros(4), -1.0, 1.0, 4)
    same = np.ones((4, 4, 1), np.int8)[..., None]
    nodes = (
        *sequence([Conv(ternary, padding=1), MaxPool((2, 2)), Threshold(np.array([3, -9, 4, 8]))]),
        Node("right", Conv(same, pad_value=1), ("2_threshold",)),
        Node("soft", limits, ("right",)),
        Node("sum", Add(), ("2_threshold", "soft")),
        *sequence([Flatten(), Dense(np.ones((3, 16), np.int8))], "sum"),
    )
    return Graph(
        nodes, (2, 4, 4), InputEncoding("uint8", maximum=7), np.ones(3), np.zeros(3), "ternary"
    )


def test_layers_of_a_graph(graph):
    first, second, last = describe_layers(graph)
    assert (first["name"], first["type"], first["kernel"]) == ("0_conv", "conv", (3, 3))
    assert (first["inputs"], first["outputs"], first["shape"]) == (18, 4, [4, 2, 3, 3])
    assert first["zero_fraction"] == 0.5
    assert (first["threshold_min"], first["threshold_max"]) == (-9, 8)  # behind the maximum
    assert first["shape_out"] == [4, 4, 4]
    assert (second["name"], second["pad_value"], second["threshold_min"]) == ("right", 1, None)
    assert (last["type"], last["weights"], last["threshold_min"]) == ("dense", 48, None)
    assert sum(layer["weights"] for layer in (first, second, last)) == graph.parameters


def test_nodes_of_a_graph(graph):
    nodes = {node["name"]: node for node in describe_nodes(graph)}
    assert list(nodes) == [node.name for node in graph.nodes]
    assert nodes["sum"] == {
        "name": "sum", "type": "add", "inputs": ["2_threshold", "soft"], "shape_out": [4, 2, 2]
    }  # fmt: skip


def test_layers_of_a_chain(make_network):
    network = make_network(np.random.default_rng(0), (20, 10, 3), "ternary")
    first, last = describe_layers(network)
    threshold = network.layers[0].threshold
    assert (first["threshold_min"], first["threshold_max"]) == (threshold.min(), threshold.max())
    assert (last["threshold_min"], last["shape_out"], last["weights"]) == (None, [3], 30)
