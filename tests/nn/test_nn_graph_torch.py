"""Graphs against PyTorch's own convolutions, pooling and batch normalization."""

from __future__ import annotations

import numpy as np
import pytest

from rramchar.nn.conv import Conv
from rramchar.nn.forward import scores
from rramchar.nn.graph import Graph, Node, sequence
from rramchar.nn.layers import Add, Dense, Flatten
from rramchar.nn.network import InputEncoding
from rramchar.nn.pool import AveragePool, MaxPool
from rramchar.nn.thresholds import fold_sign

torch = pytest.importorskip("torch", reason="torch is not installed (extra torch)")


def _signs(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), size=shape)


def _tensor(array):
    return torch.from_numpy(np.array(array)).double()


class _Norm:
    """A random batch normalization, in torch and folded."""

    def __init__(self, rng, channels, spread):
        self.norm = torch.nn.BatchNorm2d(channels).double().eval()
        with torch.no_grad():
            self.norm.weight.copy_(_tensor(rng.normal(size=channels)))
            self.norm.bias.copy_(_tensor(rng.normal(size=channels)))
            self.norm.running_mean.copy_(_tensor(rng.normal(size=channels) * spread))
            self.norm.running_var.copy_(_tensor((rng.random(channels) + 0.5) * spread**2))
        std = (self.norm.running_var + self.norm.eps).sqrt()
        scale = (self.norm.weight / std).detach().numpy()
        self.fields = (
            scale,
            (self.norm.bias - self.norm.running_mean * (self.norm.weight / std)).detach().numpy(),
        )

    def threshold(self, bound):
        return fold_sign(*self.fields, bound)

    def torch_sign(self, x):
        return torch.where(self.norm(x) >= 0, 1.0, -1.0).double()


@pytest.mark.parametrize("seed", range(4))
def test_a_residual_network(seed):
    rng = np.random.default_rng(seed)
    first, second = _signs(rng, 6, 3, 3, 3), _signs(rng, 6, 3, 3, 3)
    last = _signs(rng, 5, 6 * 3 * 3)
    a, b = _Norm(rng, 6, 255 * 5), _Norm(rng, 6, 9)
    nodes = (
        Node("first", Conv(first, stride=1, padding=1), ("image",)),
        Node("pool", MaxPool((2, 2)), ("first",)),
        Node("a", a.threshold(27 * 255), ("pool",)),
        Node("second", Conv(second, padding=1, pad_value=0, groups=2), ("a",)),
        Node("sum", Add(), ("second", "a")),
        Node("b", b.threshold(28), ("sum",)),
        Node("mean", AveragePool((2, 2), stride=(2, 2), padding=1), ("b",)),
        Node("flat", Flatten(), ("mean",)),
        Node("last", Dense(last), ("flat",)),
    )
    graph = Graph(nodes, (3, 8, 8), InputEncoding("uint8", 255), np.ones(5), np.zeros(5))
    images = rng.integers(0, 256, size=(20, 192)).astype(np.uint8)
    f = torch.nn.functional
    with torch.no_grad():
        x = _tensor(images).reshape(-1, 3, 8, 8)
        x = a.torch_sign(f.max_pool2d(f.conv2d(x, _tensor(first), padding=1), 2))
        x = b.torch_sign(f.conv2d(x, _tensor(second), padding=1, groups=2) + x)
        x = f.avg_pool2d(x, 2, stride=2, padding=1).flatten(1) @ _tensor(last).T
    np.testing.assert_array_equal(scores(graph, images), x.numpy())


def test_one_axis():
    rng = np.random.default_rng(0)
    weights = rng.choice(np.array([-1, 0, 1], np.int8), size=(4, 2, 5))
    graph = Graph(
        sequence([Conv(weights, stride=2, padding=2), MaxPool((3,), 2), Flatten()]),
        (2, 30),
        InputEncoding("uint8", 255),
        np.ones(28),
        np.zeros(28),
        "ternary",
    )
    images = rng.integers(0, 256, size=(7, 60)).astype(np.uint8)
    f = torch.nn.functional
    x = f.conv1d(_tensor(images).reshape(-1, 2, 30), _tensor(weights), stride=2, padding=2)
    expected = f.max_pool1d(x, 3, 2).flatten(1).numpy()
    np.testing.assert_array_equal(scores(graph, images), expected)
