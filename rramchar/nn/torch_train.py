"""Train a small convolutional network in PyTorch and hand it over as an exact integer graph.

VGG style (Hubara et al., arXiv:1602.02830): pairs of 3 x 3 convolutions, a maximum over 2 x 2
after each pair, then dense layers; batch normalization and a sign after each. Latent weights are
quantized in the forward pass and get the gradient of their quantized selves; the sign passes
gradients where its argument is within -1 to 1. Needs the extra `torch`; runs on a CPU or a GPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, MissingToolError
from rramchar.nn.conv import Conv
from rramchar.nn.dataset import Dataset
from rramchar.nn.graph import Graph, Operation, sequence
from rramchar.nn.layers import Dense, Flatten
from rramchar.nn.network import InputEncoding
from rramchar.nn.optimizer import cosine_rate
from rramchar.nn.pool import MaxPool
from rramchar.nn.thresholds import fold_sign
from rramchar.nn.train import History
from rramchar.nn.vgg_settings import VggSettings, image_shape

if TYPE_CHECKING:
    import torch

    from rramchar.nn.torch_model import VggNet

__all__ = ["VggSettings", "as_integer_graph", "image_shape", "torch_scores", "train_vgg"]

Progress = Callable[[int, int], None]
_EVALUATION_BATCH = 250


def train_vgg(
    dataset: Dataset,
    settings: VggSettings,
    progress: Progress | None = None,
    *,
    train_ber: float = 0.0,
) -> tuple[Graph, History]:
    """Train a convolutional network on the training part of a data set.

    Parameters
    ----------
    dataset : Dataset
        Its test part is not looked at.
    settings : VggSettings
        See there. The same settings give the same network on the same CPU and number of threads.
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.
    train_ber : float
        Mean error rate of the weights that every batch sees, redrawn for each, as in
        `rramchar.nn.train.train`. [1]

    Returns
    -------
    tuple of Graph and History
        The integer network, with data set and settings in its metadata, and the run's history.

    Raises
    ------
    InputError
        If the settings do not fit the data, or the loss stops being finite.
    MissingToolError
        If PyTorch is not installed.
    """
    model, history = train_vgg_model(dataset, settings, progress, train_ber=train_ber)
    metadata: dict[str, Any] = {"dataset": dataset.name, "settings": asdict(settings)}
    if train_ber:
        metadata["train_ber"] = train_ber
    return as_integer_graph(model, image_shape(dataset), dataset.maximum, metadata), history


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let PyTorch use one thread of the CPU; rounding depends on their number."""
    torch = require_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_vgg_model(
    dataset: Dataset,
    settings: VggSettings,
    progress: Progress | None = None,
    *,
    train_ber: float = 0.0,
) -> tuple[VggNet, History]:
    """Train as `train_vgg` does, and stop before normalizations are folded into thresholds."""
    torch = require_torch()
    from rramchar.nn.torch_model import VggNet

    images = dataset.train_images
    steps_per_epoch = len(images) // settings.batch
    if not steps_per_epoch:
        raise InputError(
            f"batch: {settings.batch}, expected at most {len(images)}, the number of training "
            "images"
        )
    if not 0 <= train_ber < 0.5:
        raise InputError(f"train_ber: {train_ber}, expected at least 0 and below 0.5")
    device = _device(torch, settings.device)
    initial, shuffling, misreading = np.random.SeedSequence(settings.seed).spawn(3)
    shape = image_shape(dataset)
    model = VggNet(shape, dataset.classes, settings, np.random.default_rng(initial)).to(device)
    rng, errors = np.random.default_rng(shuffling), np.random.default_rng(misreading)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    steps = steps_per_epoch * settings.epochs
    rows: list[tuple[float, float, float, float]] = []
    for epoch in range(settings.epochs):
        since = time.perf_counter()
        order = rng.permutation(len(images))
        loss, right = 0.0, 0
        for k in range(steps_per_epoch):
            step = epoch * steps_per_epoch + k
            chosen = order[k * settings.batch : (k + 1) * settings.batch]
            mirrored = rng.random(len(chosen)) < 0.5 if settings.mirror else None
            x = _batch(torch, images[chosen], shape, mirrored).to(device)
            y = torch.from_numpy(dataset.train_labels[chosen]).to(device)
            model.misread(train_ber, errors)
            rate = cosine_rate(step, steps, settings.learning_rate)
            part = _step(torch, model, optimizer, x, y, rate)
            if not math.isfinite(part[0]):
                raise InputError(
                    f"learning_rate: {settings.learning_rate:g} makes the training diverge in "
                    f"epoch {epoch + 1} (the loss is not finite); use a smaller one"
                )
            loss += part[0]
            right += part[1]
            if progress is not None:
                progress(step + 1, steps)
        seen = steps_per_epoch * settings.batch
        rate = cosine_rate(epoch, settings.epochs, settings.learning_rate)
        rows.append((loss / steps_per_epoch, right / seen, rate, time.perf_counter() - since))
    model.misread(0.0, errors)
    _settle(torch, model, images, shape, settings.batch)
    return model, History(*zip(*rows, strict=True))


def _device(torch: Any, name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device: {name!r} cannot be used: {reason}") from None
    return device


def _step(
    torch: Any, model: VggNet, optimizer: Any, x: torch.Tensor, y: torch.Tensor, rate: float
) -> tuple[float, int]:
    """Update the model on one batch; return its mean loss and the number of right images."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    scores = model(x)
    loss = torch.nn.functional.cross_entropy(scores, y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return float(loss.detach()), int((scores.detach().argmax(dim=1) == y).sum())


def _settle(
    torch: Any, model: VggNet, images: NDArray[np.uint8], shape: tuple[int, int, int], batch: int
) -> None:
    """Fix the statistics of the normalizations: the means over all training images."""
    device = next(model.parameters()).device
    norm: Any
    for norm in model.norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    with torch.no_grad():
        for start in range(0, len(images) - len(images) % batch, batch):
            model(_batch(torch, images[start : start + batch], shape, None).to(device))
    model.eval()


def _batch(
    torch: Any,
    images: NDArray[np.uint8],
    shape: tuple[int, int, int],
    mirrored: NDArray[np.bool_] | None,
) -> torch.Tensor:
    x = images.reshape(-1, *shape)
    if mirrored is not None:
        x = np.where(mirrored[:, None, None, None], x[..., ::-1], x)
    return torch.from_numpy(x.astype(np.float32))


def torch_scores(
    model: VggNet, images: NDArray[np.uint8], shape: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Return the scores by PyTorch in float64, without thresholds.

    Parameters
    ----------
    model : VggNet
        A trained model.
    images : array of uint8, shape (image, pixel)
        The images.
    shape : tuple of int
        Channel, row, column.

    Returns
    -------
    array of float64, shape (image, class)
        On the CPU, where sums of whole numbers in float64 are exact.
    """
    import copy

    torch = require_torch()
    wide = copy.deepcopy(model).cpu().double().eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), _EVALUATION_BATCH):
            x = _batch(torch, images[start : start + _EVALUATION_BATCH], shape, None)
            parts.append(wide(x.double()).numpy())
    return np.concatenate(parts)


def as_integer_graph(
    model: VggNet, shape: tuple[int, int, int], maximum: int, metadata: dict[str, Any]
) -> Graph:
    """Fold a trained model into an integer graph that decides as it does.

    Parameters
    ----------
    model : VggNet
        In evaluation mode.
    shape : tuple of int
        Of an image: channel, row, column.
    maximum : int
        Largest value of a pixel.
    metadata : dict
        JSON-serializable facts.

    Returns
    -------
    Graph
        Equal scores, bit for bit, to those of `torch_scores`.
    """
    operations: list[Operation] = []
    bound = maximum
    scale = offset = np.empty(0)
    layer: Any
    for i, layer in enumerate(model.layers):
        weights = layer.quantized().detach().cpu().numpy().astype(np.int8)
        if weights.ndim == 4:
            operations.append(Conv(weights, padding=1))
        else:
            if i == model.convolutions:
                operations.append(Flatten())
            operations.append(Dense(weights))
        if i in model.pooled:
            operations.append(MaxPool((2, 2)))
        scale, offset = (part.detach().cpu().numpy() for part in model.affine(i))
        if i < len(model.layers) - 1:
            operations.append(fold_sign(scale, offset, weights[0].size * bound))
        bound = 1
    encoding = InputEncoding("uint8", maximum)
    return Graph(sequence(operations), shape, encoding, scale, offset, model.kind, metadata)


def require_torch() -> Any:
    """Return the module ``torch``, or raise `MissingToolError` where it is not installed."""
    try:
        import torch
    except ImportError:
        raise MissingToolError(
            "PyTorch is not installed, and training convolutional networks needs it; "
            "pip install 'rramchar[torch]'"
        ) from None
    return torch
