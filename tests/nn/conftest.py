"""What the tests of networks share: random networks, and the real data where there is any."""

from __future__ import annotations

import os

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rramchar.nn.datasets import load_dataset
from rramchar.nn.network import DenseLayer, InputEncoding, Network


def _make_network(rng, sizes, kind="binary", encoding="uint8", maximum=255, level=None):
    if encoding == "sign" and level is None:
        level = (maximum + 1) // 2
    record = InputEncoding(encoding, maximum, level)
    values = np.array([-1, 1] if kind == "binary" else [-1, 0, 1], dtype=np.int8)
    layers = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weights = rng.choice(values, size=(outputs, inputs))
        spread = max(2, int(np.sqrt(inputs) * (record.bound if i == 0 else 1)))
        threshold = rng.integers(-spread, spread, size=outputs)
        layers.append(DenseLayer(weights, threshold if i < len(sizes) - 2 else None))
    scale = rng.uniform(0.5, 1.5, sizes[-1])
    return Network(tuple(layers), record, scale, rng.normal(size=sizes[-1]), kind)


@pytest.fixture(scope="module", autouse=True)
def _one_blas_thread():
    """Threads of a BLAS wait for each other where the cores are busy."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def make_network():
    """Return a function (rng, sizes, kind, encoding, maximum, level) -> random Network."""
    return _make_network


@pytest.fixture(scope="session")
def make_images():
    """Return a function (rng, number, network) -> random images that fit a network."""

    def make(rng, number, network):
        top = network.encoding.maximum + 1
        return rng.integers(0, top, size=(number, network.input_size)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="session")
def mnist():
    folder = os.environ.get("RRAMCHAR_DATA")
    if not folder:
        pytest.skip("RRAMCHAR_DATA is not set: it gives the folder that holds mnist/*.gz")
    if not os.path.isdir(os.path.join(folder, "mnist")):
        pytest.skip(f"RRAMCHAR_DATA={folder} has no folder mnist with the IDX files")
    return load_dataset("mnist", folder)
