"""Graphs in network files: round trip, older versions, distorted entries."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.conv import Conv
from rramchar.nn.forward import scores
from rramchar.nn.graph import Graph, Node, sequence
from rramchar.nn.layers import Add, Affine, Dense, Flatten, Threshold
from rramchar.nn.network import InputEncoding, Network
from rramchar.nn.network_file import load_network, save_network
from rramchar.nn.pool import AveragePool, MaxPool


def _graph():
    """One node of every kind."""
    rng = np.random.default_rng(0)

    def weights(*shape):
        return rng.integers(-1, 2, size=shape).astype(np.int8)

    nodes = (
        Node("conv", Conv(weights(4, 1, 3, 3), (1, 2), ((1, 1), (0, 2)), -1, 2), ("image",)),
        Node("max", MaxPool((2, 2), 1, 1, np.array([1, -1, 1, 1], np.int8)), ("conv",)),
        Node(
            "fires",
            Threshold(rng.integers(-5, 5, (4, 1)), np.array([1, 1, -1, 1], np.int8)),
            ("max",),
        ),
        Node("real", Affine(rng.normal(size=4), rng.normal(size=4), 0.0, None, 10), ("max",)),
        Node("sum", Add(), ("fires", "real")),
        Node("mean", AveragePool((3, 2)), ("sum",)),
        Node("flat", Flatten(), ("mean",)),
        Node("last", Dense(weights(3, 16)), ("flat",)),
    )
    encoding = InputEncoding("sign", 255, 100)
    scale, offset = rng.normal(size=3), rng.normal(size=3)
    return Graph(nodes, (2, 6, 6), encoding, scale, offset, "ternary", {"seed": 0})


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "graph.npz"
    save_network(_graph(), path)
    return path


def test_round_trip(saved):
    graph, loaded = _graph(), load_network(saved)
    assert isinstance(loaded, Graph)
    assert [(n.name, n.inputs, type(n.operation)) for n in loaded.nodes] == [
        (n.name, n.inputs, type(n.operation)) for n in graph.nodes
    ]
    for mine, theirs in zip(graph.nodes, loaded.nodes, strict=True):
        for name, value in vars(mine.operation).items():
            np.testing.assert_array_equal(getattr(theirs.operation, name), value)
    assert loaded.encoding == graph.encoding
    assert loaded.metadata == {"seed": 0}
    images = np.random.default_rng(1).integers(0, 256, (9, 72)).astype(np.uint8)
    np.testing.assert_array_equal(scores(loaded, images), scores(graph, images))


def test_a_divisor_is_written_only_where_there_is_one(saved, tmp_path):
    """Files without it stay readable for versions that know nothing of it."""
    with np.load(saved) as archive:
        entries = json.loads(archive["header"].item())["nodes"]
    assert not any("divisor" in entry for entry in entries)
    divided = Affine(np.ones(3), np.ones(3), bits=0, divisor=np.array([1.0, 49.0, 98.0]))
    nodes = sequence([divided, Dense(np.ones((2, 3), np.int8))])
    graph = Graph(nodes, (3,), InputEncoding("uint8", 255), np.ones(2), np.zeros(2))
    save_network(graph, tmp_path / "divided.npz")
    loaded = load_network(tmp_path / "divided.npz")
    np.testing.assert_array_equal(loaded.nodes[0].operation.divisor, divided.divisor)


def test_every_array_is_explained(saved):
    with np.load(saved) as archive:
        header = json.loads(archive["header"].item())
        assert set(header["arrays"]) == set(archive.files) - {"header"}


def test_a_chain_of_version_1_still_loads(tmp_path, make_network):
    network = make_network(np.random.default_rng(0), (4, 3, 2))
    path = tmp_path / "old.npz"
    save_network(network, path)
    _rewrite(path, lambda header: header.update(version=1))
    loaded = load_network(path)
    assert isinstance(loaded, Network)
    np.testing.assert_array_equal(loaded.layers[0].weights, network.layers[0].weights)


def _rewrite(path, change, **arrays):
    with np.load(path) as archive:
        content = {name: archive[name] for name in archive.files}
    header = json.loads(content["header"].item())
    change(header)
    content["header"] = np.array(json.dumps(header))
    np.savez(path, **{k: v for k, v in (content | arrays).items() if v is not None})


@pytest.mark.parametrize(
    ("change", "arrays", "words"),
    [
        (lambda h: h["nodes"][0].update(type="lstm"), {}, r"node 0 \('conv'\): type 'lstm'"),
        (lambda h: h["nodes"][0].update(type=[]), {}, r"node 0 \('conv'\): type \[\], expected"),
        (lambda h: h["nodes"][0].update(type={}), {}, r"type \{\}, expected one of"),
        (lambda h: h["nodes"][3].update(divisor="x"), {}, "divisor: array 'x' is missing"),
        (lambda h: h["nodes"][3].update(low=10**400), {}, r"node 3 \('real'\)"),
        (lambda h: h["input"].update(maximum=10**400), {}, "maximum|too large"),
        (lambda h: h["nodes"][0].pop("groups"), {}, "missing or unknown: groups"),
        (lambda h: h["nodes"][0].update(more=1), {}, "missing or unknown: more"),
        (lambda h: h["nodes"][0].update(stride="a"), {}, "stride"),
        (lambda h: h["nodes"][0].update(stride=None), {}, "stride"),
        (lambda h: h["nodes"][0].update(groups=[2]), {}, "groups"),
        (lambda h: h["nodes"][1].update(kernel=[2, "x"]), {}, "kernel"),
        (lambda h: h["nodes"][1].update(kernel=3), {}, r"node 1 \('max'\)"),
        (lambda h: h["nodes"][3].update(low="0"), {}, r"node 3 \('real'\)"),
        (lambda h: h["nodes"][3].update(bits=1.5), {}, "bits"),
        (lambda h: h["nodes"][0].update(inputs="image"), {}, "inputs"),
        (lambda h: h["nodes"][0].update(inputs=[["image"]]), {}, "names of its inputs"),
        (lambda h: h["nodes"][0].update(inputs=["last"]), {}, "no earlier node"),
        (lambda h: h["nodes"].reverse(), {}, "no earlier node"),
        (lambda h: h.update(nodes=[3]), {}, "'nodes' must be a list"),
        (lambda h: h.update(nodes=[]), {}, "no layer with weights"),
        (lambda h: h.update(shape=3), {}, "'shape' must be a list"),
        (lambda h: h.update(shape=[2, 6]), {}, r"node 'conv': a window over 2 axes"),
        (lambda h: h.update(shape=["2", 6, 6]), {}, "shape of an image"),
        (lambda h: h.update(kind="binary"), {}, "weight 0"),
        (lambda h: None, {"node0_weights": None}, "weights: array 'node0_weights' is missing"),
        (lambda h: None, {"node0_weights": np.ones((4, 1, 3, 3))}, "float64, expected int8"),
        (lambda h: None, {"node2_levels": np.zeros((5, 1), np.int64)}, "direction.*5 channels"),
        (lambda h: None, {"node3_scale": np.full(4, np.inf)}, "scale: expected a finite"),
    ],
)
def test_distorted_files_are_refused(saved, change, arrays, words):
    _rewrite(saved, change, **arrays)
    with pytest.raises(InputError, match=words) as caught:
        load_network(saved)
    assert str(caught.value).startswith(str(saved))


def test_names_of_nodes_may_be_anything(tmp_path):
    nodes = sequence([Conv(np.ones((1, 1, 2, 2), np.int8)), Flatten()])
    odd = (Node("../%s ;", nodes[0].operation, ("image",)), Node("é", Flatten(), ("../%s ;",)))
    graph = Graph(odd, (1, 2, 2), InputEncoding("uint8", 9), np.ones(1), np.zeros(1))
    save_network(graph, tmp_path / "odd.npz")
    assert [node.name for node in load_network(tmp_path / "odd.npz").nodes] == ["../%s ;", "é"]
