"""The same work in lean torch and numpy floats: what `benchmarks.networks_public` costs, trimmed.

Hirtzlin et al., Frontiers in Neuroscience 13:1383 (2020), and Laborieux et al., IEEE TCAS-I 2020
(arXiv:2007.14234), redraw the weights' errors at every forward pass and run the network again. So
does this, with one uniform number a weight, batch normalization folded into a bias, and images in
chunks that stay in the cache. Training follows Hubara et al., arXiv:1602.02830: latent weights,
straight-through estimator, no copies and no errors drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rramchar.nn.forward import float_threshold
from rramchar.nn.network import Network

CHUNK = 1000  # images at a time, the fastest for torch here: its arrays stay in the cache

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]


def encode(network: Network, images: Any) -> Any:
    """Return images as the floats that enter the network, for torch and numpy alike."""
    marks = images
    if network.encoding.kind == "sign":
        marks = images >= network.encoding.level
    values = marks.float() if torch is not None and torch.is_tensor(marks) else marks.astype("f4")
    if network.encoding.kind == "sign":
        values *= 2
        values -= 1
    return values


class TorchWay:
    """A network in torch float32, batch-norm folded into the bias, the sign by comparison."""

    def __init__(self, network: Network) -> None:
        torch.set_num_threads(1)
        self.network = network
        self.weights = [torch.from_numpy(x.weights.astype(np.float32)) for x in network.layers]
        # A half less, so that a sum that equals the threshold is above it.
        self.bias = [
            torch.from_numpy(0.5 - float_threshold(network, i)[:, 0].astype(np.float32))
            for i in range(len(network.layers) - 1)
        ]
        self.scale = torch.from_numpy(network.scale)
        self.offset = torch.from_numpy(network.offset)

    def forward(self, images: Any, weights: list[Any]) -> Any:
        """Return the classes of the images, chunk by chunk."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(images), CHUNK):
                values = encode(self.network, images[start : start + CHUNK])
                for w, bias in zip(weights[:-1], self.bias, strict=True):
                    values = torch.addmm(bias, values, w.t()).sign_()
                scores = torch.mm(values, weights[-1].t()).double() * self.scale + self.offset
                parts.append(scores.argmax(dim=1))
        return torch.cat(parts)

    def redrawn(self, matrices: Any, generator: Any) -> list[Any]:
        """Return all weights, redrawn with errors: one uniform number for every weight."""
        seen = []
        with torch.inference_mode():
            for w, matrix in zip(self.weights, matrices, strict=True):
                u = torch.rand(w.shape, generator=generator)
                seen.append(
                    w * (1 - 2 * (u < matrix[0, 2]).float())
                    if self.network.kind == "binary"
                    else _ternary(torch, w, u, matrix)
                )
        return seen


class NumpyWay:
    """The same in numpy: float32 products, and a mask over all weights for every draw."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.weights = [layer.weights.astype(np.float32) for layer in network.layers]
        self.thresholds = [
            float_threshold(network, i)[:, 0] for i in range(len(network.layers) - 1)
        ]

    def forward(self, images: Any, weights: list[Any]) -> Any:
        """Return the classes of the images, chunk by chunk."""
        parts = []
        for start in range(0, len(images), CHUNK):
            values = encode(self.network, images[start : start + CHUNK])
            for w, threshold in zip(weights[:-1], self.thresholds, strict=True):
                values = np.where(values @ w.T >= threshold, np.float32(1), np.float32(-1))
            scores = (values @ weights[-1].T) * self.network.scale + self.network.offset
            parts.append(scores.argmax(axis=1))
        return np.concatenate(parts)

    def redrawn(self, matrices: Any, rng: np.random.Generator) -> list[Any]:
        """Return all weights, redrawn with errors: one uniform number for every weight."""
        seen = []
        for w, matrix in zip(self.weights, matrices, strict=True):
            u = rng.random(w.shape, dtype=np.float32)
            if self.network.kind == "binary":
                seen.append(np.where(u < matrix[0, 2], -w, w))
            else:
                seen.append(_ternary(np, w, u, matrix))
        return seen


def _ternary(library: Any, w: Any, u: Any, matrix: Any) -> Any:
    """Look the seen weight up by the row of its stored value: +1, 0, -1."""
    first = library.where(w > 0, matrix[0, 0], library.where(w < 0, matrix[2, 0], matrix[1, 0]))
    second = library.where(
        w > 0,
        matrix[0, :2].sum(),
        library.where(w < 0, matrix[2, :2].sum(), matrix[1, :2].sum()),
    )
    one = w.new_tensor(1.0) if library is torch else np.float32(1)
    return library.where(u < first, one, library.where(u < second, 0 * one, -one))


def torch_trainer(
    sizes: tuple[int, ...], kind: str, rate: float, *, fused: bool = False
) -> Callable[[Any, Any], float]:
    """Return a function that trains on one batch of images and labels and returns the loss."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(*_modules(sizes, kind))
    latent = [module.weight for module in model if hasattr(module, "quantized")]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=fused)
    loss_of = torch.nn.CrossEntropyLoss()

    def step(images: Any, labels: Any) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(images.float()), labels)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for weight in latent:
                weight.clamp_(-1, 1)
        return float(loss.detach())

    return step


def _modules(sizes: tuple[int, ...], kind: str) -> list[Any]:
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, values: Any) -> Any:
            ctx.save_for_backward(values)
            return values.sign()

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (values,) = ctx.saved_tensors
            return gradient * (values.abs() <= 1)

    class Pass(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, weight: Any) -> Any:
            if kind == "binary":
                return weight.sign()
            return 0.5 * ((weight + 0.05).sign() + (weight - 0.05).sign())

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient

    class QuantizedLinear(torch.nn.Linear):
        quantized = True

        def forward(self, values: Any) -> Any:
            return torch.nn.functional.linear(values, Pass.apply(self.weight))

    class Activation(torch.nn.Module):
        def forward(self, values: Any) -> Any:
            return Sign.apply(values)

    modules: list[Any] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        modules += [QuantizedLinear(inputs, outputs, bias=False), torch.nn.BatchNorm1d(outputs)]
        modules.append(Activation())
    return modules[:-1]
