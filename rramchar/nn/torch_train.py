"""Train a small convolutional network in PyTorch and hand it over as an exact integer graph.

VGG style (Hubara et al., arXiv:1602.02830): pairs of 3 x 3 convolutions, a maximum over 2 x 2
after each pair, then dense layers; batch normalization and a sign after each. Latent weights are
quantized in the forward pass and get the gradient of their quantized selves; the sign passes
gradients where its argument is within -1 to 1. Needs the extra `torch`; runs on a CPU or a GPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, MissingToolError
from rramchar.nn.conv import Conv
from rramchar.nn.dataset import Dataset
from rramchar.nn.graph import Graph, Operation, sequence
from rramchar.nn.layers import Dense, Flatten
from rramchar.nn.network import WEIGHT_KINDS, InputEncoding
from rramchar.nn.optimizer import cosine_rate
from rramchar.nn.pool import MaxPool
from rramchar.nn.thresholds import fold_sign
from rramchar.nn.train import History

if TYPE_CHECKING:
    import torch

    from rramchar.nn.torch_model import VggNet

Progress = Callable[[int, int], None]
_EVALUATION_BATCH = 250


@dataclass(frozen=True)
class VggSettings:
    """How a convolutional network is built and trained.

    Parameters
    ----------
    weights : str
        ``binary`` or ``ternary``.
    filters : tuple of int
        Of each convolution, an even number of them; each pair halves the image.
    hidden : tuple of int
        Neurons of each dense layer before the last; may be empty.
    epochs, batch : int
        Passes over the training images, images per step.
    learning_rate : float
        Of the first step of Adam, falling to 0 along half a cosine. [1]
    seed : int
        Of initial weights, shuffling and mirroring.
    mirror : bool
        Show each training image mirrored left to right in half of the cases.
    device : str
        ``cpu``, ``cuda`` or another name that torch knows.
    """

    weights: str = "binary"
    filters: tuple[int, ...] = (32, 32, 64, 64)
    hidden: tuple[int, ...] = (256,)
    epochs: int = 10
    batch: int = 100
    learning_rate: float = 5e-3
    seed: int = 0
    mirror: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.weights not in WEIGHT_KINDS:
            raise InputError(
                f"weights: {self.weights!r}; expected one of {', '.join(WEIGHT_KINDS)}"
            )
        for name in ("filters", "hidden"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.filters or len(self.filters) % 2:
            raise InputError(f"filters: {self.filters}, expected an even number of convolutions")
        numbers = [("filters", n, 1) for n in self.filters] + [
            ("hidden", n, 1) for n in self.hidden
        ]
        numbers += [("epochs", self.epochs, 1), ("batch", self.batch, 2), ("seed", self.seed, 0)]
        for name, value, least in numbers:
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name}: {value!r}, expected a whole number of at least {least}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate: {self.learning_rate!r}, expected a number above 0")


def image_shape(dataset: Dataset) -> tuple[int, int, int]:
    """Return a data set's (channel, row, column); images without colour have one channel.

    Parameters
    ----------
    dataset : Dataset
        The data.

    Returns
    -------
    tuple of int
        The shape.

    Raises
    ------
    InputError
        If the data set does not say what its pixels are.
    """
    if len(dataset.shape) == 3:
        return dataset.shape[0], dataset.shape[1], dataset.shape[2]
    if len(dataset.shape) == 2:
        return 1, dataset.shape[0], dataset.shape[1]
    raise InputError(
        f"data set {dataset.name!r}: does not say how many rows and columns its images have, which "
        "convolutions need"
    )


def train_vgg(
    dataset: Dataset, settings: VggSettings, progress: Progress | None = None
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
    model, history = train_vgg_model(dataset, settings, progress)
    metadata = {"dataset": dataset.name, "settings": asdict(settings)}
    return as_integer_graph(model, image_shape(dataset), dataset.maximum, metadata), history


def train_vgg_model(
    dataset: Dataset, settings: VggSettings, progress: Progress | None = None
) -> tuple[VggNet, History]:
    """Train as `train_vgg` does, and stop before normalizations are folded into thresholds."""
    torch = _torch()
    from rramchar.nn.torch_model import VggNet

    images = dataset.train_images
    steps_per_epoch = len(images) // settings.batch
    if not steps_per_epoch:
        raise InputError(
            f"batch: {settings.batch}, expected at most {len(images)}, the number of training "
            "images"
        )
    device = _device(torch, settings.device)
    initial, shuffling = np.random.SeedSequence(settings.seed).spawn(2)
    shape = image_shape(dataset)
    model = VggNet(shape, dataset.classes, settings, np.random.default_rng(initial)).to(device)
    rng = np.random.default_rng(shuffling)
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
        rows.append(
            (
                loss / steps_per_epoch,
                right / (steps_per_epoch * settings.batch),
                cosine_rate(epoch, settings.epochs, settings.learning_rate),
                time.perf_counter() - since,
            )
        )
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

    torch = _torch()
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


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingToolError(
            "PyTorch is not installed, and training convolutional networks needs it; "
            "pip install 'rramchar[torch]'"
        ) from None
    return torch
