from __future__ import annotations

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.network import DenseLayer, InputEncoding, Network

PIXELS = InputEncoding("uint8", 255)


def _layer(rows, threshold=None):
    return DenseLayer(np.array(rows, dtype=np.int8), threshold)


def test_properties(make_network):
    network = make_network(np.random.default_rng(0), (6, 5, 3), "ternary")
    assert network.sizes == (6, 5, 3)
    assert (network.input_size, network.classes, network.parameters) == (6, 3, 45)
    assert (network.input_bound(0), network.input_bound(1)) == (255, 1)


def test_zero_fraction():
    assert _layer([[0, 1], [-1, 0]]).zero_fraction == 0.5


def test_arrays_are_private_and_read_only():
    weights = np.array([[1, -1]], dtype=np.int8)
    layer = DenseLayer(weights)
    weights[0, 0] = -1
    assert layer.weights[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 0


@pytest.mark.parametrize(
    ("weights", "threshold", "words"),
    [
        (np.ones((2, 2)), None, "float64.*int8"),
        (np.ones(4, dtype=np.int8), None, "shape"),
        (np.ones((0, 4), dtype=np.int8), None, "shape"),
        (np.array([[1, 2]], dtype=np.int8), None, "holds 2"),
        (np.array([[1, -128]], dtype=np.int8), None, "holds -128"),
        (np.ones((2, 2), dtype=np.int8), np.array([0.5, 1]), "threshold.*integers"),
        (np.ones((2, 2), dtype=np.int8), np.array([1]), r"threshold.*\(2,\)"),
    ],
)
def test_bad_layers_are_refused(weights, threshold, words):
    with pytest.raises(InputError, match=words):
        DenseLayer(weights, threshold)


@pytest.mark.parametrize(
    ("layers", "changed", "words"),
    [
        ([], {}, "no layers"),
        ([_layer([[1, 1]], np.array([0]))], {}, "threshold"),
        ([_layer([[1, 1]]), _layer([[1]])], {}, "threshold"),
        ([_layer([[1, 1]], np.array([0])), _layer([[1, 1]])], {}, "layer 1: takes 2 inputs"),
        ([_layer([[1, 0]])], {}, "binary network has a weight 0"),
        ([_layer([[1, 1]])], {"kind": "quaternary"}, "quaternary"),
        ([_layer([[1, 1]])], {"scale": np.ones(2)}, "scale"),
        ([_layer([[1, 1]])], {"offset": np.ones(1, np.float32)}, "offset.*float32"),
        ([_layer([[1, 1]])], {"offset": np.array([np.nan])}, "offset.*NaN"),
        ([_layer([[1, 1]])], {"metadata": [1]}, "metadata"),
    ],
)
def test_bad_networks_are_refused(layers, changed, words):
    fields = {"scale": np.ones(1), "offset": np.zeros(1), **changed}
    with pytest.raises(InputError, match=words):
        Network(layers, PIXELS, **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (("float", 255), "float"),
        (("uint8", 0), "maximum 0"),
        (("uint8", 256), "maximum 256"),
        (("uint8", 16.0), "maximum 16.0"),
        (("uint8", 255, 128), "level 128"),
        (("sign", 255), "level None"),
        (("sign", 16, 17), "level 17"),
        (("sign", 16, True), "level True"),
    ],
)
def test_bad_encodings_are_refused(fields, words):
    with pytest.raises(InputError, match=words):
        InputEncoding(*fields)


def test_encodings():
    pixels = np.array([[0, 7, 8, 16]], dtype=np.uint8)
    assert InputEncoding("uint8", 16).apply(pixels).tolist() == [[0, 7, 8, 16]]
    assert InputEncoding("sign", 16, 8).apply(pixels).tolist() == [[-1, -1, 1, 1]]
