"""The public modules, written anew from what they do: errors are redrawn at every forward pass.

The code published beside arXiv:2007.14234 and arXiv:2005.01973 (github.com/Laborieux-Axel/
Quantized_VGG, model_utils.py) keeps the latent weights beside the parameter. Every forward pass
quantizes them anew, draws an error for every weight and writes the result into the parameter,
whether the error rate is 0 or not; hidden activations pass a hard tanh and are quantized in place.
Its ternary errors add +1 or -1 with probability ``2 rate / (1 + p0)``, ``p0`` being the share of
zeros, and quantize again. No statement of that code is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.networks_reference import encode, torch
from rramchar.nn.forward import float_threshold
from rramchar.nn.network import Network

LEVEL = 0.05  # latent weights closer to 0 become 0, as published


class PublicLinear(torch.nn.Linear if torch is not None else object):  # type: ignore[misc]
    """A linear layer with binary or ternary weights that draws their errors as it runs."""

    def __init__(self, inputs: int, outputs: int, kind: str, rate: float, first: bool) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.kind, self.rate, self.first = kind, rate, first
        self.latent = self.weight.data.clone()

    def forward(self, values: Any) -> Any:
        """Quantize, draw errors, multiply."""
        if not self.first:
            values.data = values.data.sign()
        draw = self._binary if self.kind == "binary" else self._ternary
        self.weight.data = draw(self.latent)
        return torch.nn.functional.linear(values, self.weight)

    def _binary(self, latent: Any) -> Any:
        ones = torch.ones_like(latent)
        return latent.sign() * torch.where(torch.rand_like(latent) > self.rate, ones, -ones)

    def _ternary(self, latent: Any) -> Any:
        stored = ternarized(latent)
        ones, zeros = torch.ones_like(stored), torch.zeros_like(stored)
        share = torch.where(stored == 0, ones, zeros).sum().item() / stored.numel()
        step = torch.where(torch.rand_like(stored) < 0.5, ones, -ones)
        kept = torch.rand_like(stored) > 2 * self.rate / (1 + share)
        return ternarized(stored + torch.where(kept, zeros, step))


def ternarized(values: Any) -> Any:
    """Return the signs of the values, and 0 where they are small."""
    return torch.where(values.abs() > LEVEL, values.sign(), torch.zeros_like(values))


def public_model(sizes: tuple[int, ...], kind: str, rate: float) -> Any:
    """Return the layers in turn: linear, batch normalization, hard tanh; no tanh at the end."""
    modules: list[Any] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        modules.append(PublicLinear(inputs, outputs, kind, rate, first=not modules))
        modules += [torch.nn.BatchNorm1d(outputs), torch.nn.Hardtanh(inplace=True)]
    return torch.nn.Sequential(*modules[:-1])


class PublicWay:
    """A trained network in the public modules, one forward pass and so one draw for all images."""

    def __init__(self, network: Network) -> None:
        torch.set_num_threads(1)
        self.network = network
        sizes = (network.layers[0].inputs, *(layer.outputs for layer in network.layers))
        self.model = public_model(sizes, network.kind, 0.0).eval()
        scale, offset = torch.tensor(network.scale), torch.tensor(network.offset)
        for i, layer in enumerate(network.layers):
            linear, norm = self.model[3 * i], self.model[3 * i + 1]
            linear.latent = torch.from_numpy(layer.weights.astype(np.float32))
            if i + 1 < len(network.layers):
                # A half less, so that a sum that equals the threshold is above it.
                mean, gamma, beta = float_threshold(network, i)[:, 0] - 0.5, 1.0, 0.0
            else:
                mean, gamma, beta = 0.0, scale, offset
            norm.eps = 0.0
            norm.running_mean[:] = torch.as_tensor(mean)
            with torch.no_grad():
                norm.weight[:], norm.bias[:] = gamma, beta

    def forward(self, images: Any, rate: float) -> Any:
        """Return the classes of the images, read with errors at a rate."""
        for module in self.model:
            if isinstance(module, PublicLinear):
                module.rate = rate
        with torch.no_grad():
            return self.model(encode(self.network, images)).argmax(dim=1)


def public_trainer(sizes: tuple[int, ...], kind: str, rate: float) -> Callable[[Any, Any], float]:
    """Return a function that trains on one batch of images and labels and returns the loss.

    `rate` is the learning rate; the error rate is 0.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = public_model(sizes, kind, 0.0)
    linears = [module for module in model if isinstance(module, PublicLinear)]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    loss_of = torch.nn.CrossEntropyLoss()

    def step(images: Any, labels: Any) -> float:
        optimizer.zero_grad()
        loss = loss_of(model(images.float()), labels)
        loss.backward()
        for linear in linears:
            linear.weight.data.copy_(linear.latent)
        optimizer.step()
        for linear in linears:
            linear.latent.copy_(linear.weight.data)
        return float(loss.detach())

    return step
