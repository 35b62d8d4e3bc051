"""The PyTorch modules of `torch_train`: quantized layers with straight-through gradients.

The only module that imports torch when it is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from rramchar.errors import InputError
from rramchar.nn.batchnorm import EPSILON
from rramchar.nn.error_model import mean_confusion
from rramchar.nn.inject import draw_changes
from rramchar.nn.quantize import TERNARY_THRESHOLD

if TYPE_CHECKING:
    from rramchar.nn.vgg_settings import VggSettings

_INITIAL_STD = {"binary": 0.1, "ternary": 0.03}  # as in the numpy trainer, `settings`


class _Sign(torch.autograd.Function):
    """+1 from 0 on, else -1; the gradient passes where the argument is within -1 to 1."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x.abs() <= 1)


class _Quantize(torch.autograd.Function):
    """The stored weights of latent ones; the gradient passes everywhere."""

    @staticmethod
    def forward(ctx: Any, latent: torch.Tensor, kind: str) -> torch.Tensor:
        if kind == "binary":
            return torch.where(latent >= 0, 1.0, -1.0).to(latent.dtype)
        return torch.sign(latent) * (latent.abs() >= TERNARY_THRESHOLD)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0], None


class QuantizedLayer(nn.Module):
    """A dense layer, or a 3 x 3 convolution with a border of 0, with latent weights.

    Parameters
    ----------
    shape : tuple of int
        Of the weights: (output, input) or (output, input, 3, 3).
    kind : str
        ``binary`` or ``ternary``.
    rng : numpy.random.Generator
        Draws the initial latent weights.
    """

    def __init__(self, shape: tuple[int, ...], kind: str, rng: np.random.Generator) -> None:
        super().__init__()
        drawn = rng.standard_normal(shape, dtype=np.float32) * np.float32(_INITIAL_STD[kind])
        self.latent = nn.Parameter(torch.from_numpy(drawn))
        self.kind = kind
        self.wrong: torch.Tensor | None = None

    def misread(self, rate: float, rng: np.random.Generator) -> None:
        """Let all batches see some weights wrong until the next call; rate 0 cures them.

        Parameters
        ----------
        rate : float
            Mean error probability per weight, as `rramchar.nn.model.LatentDense.misread` has it.
            [1]
        rng : numpy.random.Generator
            Source of randomness.
        """
        self.wrong = None
        if rate == 0:
            return
        stored = self.quantized().detach().cpu().numpy().astype(np.int8)
        zeros = 1.0 - np.count_nonzero(stored) / stored.size
        changes = draw_changes(stored, mean_confusion(self.kind, rate, zeros), rng)
        wrong = changes.apply(stored).astype(np.float32) - stored
        self.wrong = torch.from_numpy(wrong).to(self.latent.device)

    def quantized(self) -> torch.Tensor:
        """Return the weights -1, 0, +1; their gradient goes to the latent weights as it is."""
        return _Quantize.apply(self.latent, self.kind)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the weighted sums, with the weights as they are read."""
        weights = self.quantized()
        if self.wrong is not None:
            weights = weights + self.wrong
        if weights.ndim == 4:
            return nn.functional.conv2d(x, weights, padding=1)
        return nn.functional.linear(x, weights)


class VggNet(nn.Module):
    """The network of `torch_train`.

    Parameters
    ----------
    shape : tuple of int
        Of an image: channel, row, column.
    classes : int
        Number of classes.
    settings : VggSettings
        Filters, neurons and kind of weights.
    rng : numpy.random.Generator
        Draws the initial weights.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        settings: VggSettings,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        halvings = len(settings.filters) // 2
        rows, columns = shape[1] >> halvings, shape[2] >> halvings
        if not rows or not columns:
            raise InputError(
                f"filters: {len(settings.filters)} convolutions halve images of {shape[1]} x "
                f"{shape[2]} pixels {halvings} times, which leaves nothing; use fewer"
            )
        channels = (shape[0], *settings.filters)
        shapes: list[tuple[int, ...]] = [
            (o, i, 3, 3) for i, o in zip(channels, channels[1:], strict=False)
        ]
        sizes = (channels[-1] * rows * columns, *settings.hidden, classes)
        shapes += [(o, i) for i, o in zip(sizes, sizes[1:], strict=False)]
        self.kind = settings.weights
        self.convolutions = len(settings.filters)
        self.pooled = set(range(1, self.convolutions, 2))
        self.layers = nn.ModuleList(QuantizedLayer(s, settings.weights, rng) for s in shapes)
        self.norms = nn.ModuleList(
            (nn.BatchNorm2d if len(s) == 4 else nn.BatchNorm1d)(s[0], eps=EPSILON) for s in shapes
        )

    def misread(self, rate: float, rng: np.random.Generator) -> None:
        """Draw errors for the weights of every layer; see `QuantizedLayer.misread`."""
        layer: Any
        for layer in self.layers:
            layer.misread(rate, rng)

    def affine(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a normalization as scale and offset in float64."""
        norm: Any = self.norms[layer]
        std = (norm.running_var.double() + norm.eps).sqrt()
        scale = norm.weight.double() / std
        return scale, norm.bias.double() - norm.running_mean.double() * scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores, shape (image, class)."""
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            if i == self.convolutions:
                x = x.flatten(1)
            x = layer(x)
            if i in self.pooled:
                x = nn.functional.max_pool2d(x, 2)
            if self.training:
                x = self.norms[i](x)
            else:  # as a product and a sum, which is what thresholds are folded from
                scale, offset = self.affine(i)
                column = (-1,) + (1,) * (x.ndim - 2)
                x = x * scale.reshape(column) + offset.reshape(column)
            if i < last:
                x = _Sign.apply(x)
        return x
