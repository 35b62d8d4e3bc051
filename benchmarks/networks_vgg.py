"""A VGG-style binary network, images of 3 x 32 x 32: our exact forward pass beside PyTorch's.

    python -m benchmarks.networks_vgg --json

The network of Hubara et al. (arXiv:1602.02830) at its own size: 2 x 128, 2 x 256 and 2 x 512
filters of 3 x 3, a maximum over 2 x 2 after each pair, dense layers of 1024, 1024 and 10. Weights
and thresholds are random, images too: the time depends on neither. Both sides run on one thread and
take turns; what counts is the median of the CPU time. PyTorch gets float32 weights, channels_last
images and the normalizations folded into biases, and the scores of both sides must be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":
    for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[_name] = "1"  # read when numpy and torch are imported

import numpy as np

from rramchar.ber.confusion import Confusion
from rramchar.nn.conv import Conv
from rramchar.nn.evaluate import draw_generator
from rramchar.nn.forward import scores
from rramchar.nn.graph import Graph, sequence
from rramchar.nn.graph_delta import graph_changed_scores, graph_clean_pass
from rramchar.nn.graph_forward import make_plan, plan_scores
from rramchar.nn.inject import draw_network_changes
from rramchar.nn.layers import Dense, Flatten, Threshold
from rramchar.nn.network import InputEncoding
from rramchar.nn.pool import MaxPool

RATES = (1e-5, 1e-4, 1e-3, 1e-2)


def vgg(rng: np.random.Generator, filters: int = 128, hidden: int = 1024) -> Graph:
    """Return the network with random weights, and thresholds at the scale of its sums."""

    def signs(*shape):
        return rng.choice(np.array([-1, 1], np.int8), size=shape)

    def threshold(outputs, spread):
        return Threshold(np.rint(rng.normal(size=outputs) * spread / 2).astype(np.int64))

    operations: list[Any] = []
    channels = 3
    for i, outputs in enumerate(f for k in (1, 2, 4) for f in (filters * k,) * 2):
        operations.append(Conv(signs(outputs, channels, 3, 3), padding=1))
        if i % 2:
            operations.append(MaxPool((2, 2)))
        operations.append(threshold(outputs, (9 * channels) ** 0.5 * (150 if i == 0 else 1)))
        channels = outputs
    operations.append(Flatten())
    sizes = (channels * 16, hidden, hidden, 10)
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        operations.append(Dense(signs(outputs, inputs)))
        operations.append(threshold(outputs, inputs**0.5))
    return Graph(
        sequence(operations[:-1]),
        (3, 32, 32),
        InputEncoding("uint8", 255),
        np.ones(10),
        np.zeros(10),
    )


def torch_forward(graph: Graph) -> Callable[[np.ndarray], np.ndarray]:
    """Return the same network in PyTorch, as fast as it can be had without changing the weights."""
    import torch
    from torch import nn

    modules: list[nn.Module] = []
    pending: nn.Conv2d | nn.Linear | None = None
    for node in graph.nodes:
        layer = node.operation
        if isinstance(layer, Conv | Dense):
            outputs, inputs = layer.weights.shape[:2]
            pending = (
                nn.Conv2d(inputs, outputs, 3, padding=1)
                if isinstance(layer, Conv)
                else nn.Linear(inputs, outputs)
            )
            pending.weight.data = torch.from_numpy(layer.weights.astype(np.float32))
            pending.bias.data.zero_()
            modules.append(pending)
        elif isinstance(layer, Threshold):
            # z >= t is z - t + 1/2 > 0 for whole numbers; a bias commutes with a maximum.
            assert pending is not None
            levels = torch.from_numpy(layer.levels[:, 0].astype(np.float32))
            pending.bias.data = 0.5 - levels
            modules.append(_Sign())
        else:
            modules.append(nn.MaxPool2d(2) if isinstance(layer, MaxPool) else nn.Flatten())
    model = nn.Sequential(*modules).eval().to(memory_format=torch.channels_last)

    def forward(images: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(images.reshape(-1, *graph.shape).astype(np.float32))
        with torch.inference_mode():
            return model(x.contiguous(memory_format=torch.channels_last)).numpy()

    return forward


def _Sign():  # noqa: N802 - a module, made where torch is known to be there
    from torch import nn

    class Sign(nn.Module):
        def forward(self, x):
            return x.sign_()

    return Sign()


def interleaved(*functions: Callable[[], Any], repeats: int) -> list[float]:
    """Return the median CPU time of each function, called in turns. [s]."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats):
        for function, mine in zip(functions, times, strict=True):
            since = time.process_time()
            function()
            mine.append(time.process_time() - since)
    return [statistics.median(mine) for mine in times]


def measure_vgg(
    repeats: int = 5, images: int = 64, filters: int = 128, seed: int = 0
) -> dict[str, Any]:
    """Measure the forward pass and a draw of weight errors; call it on one thread.

    Returns
    -------
    dict
        ``vgg_images_per_s``; ``vgg_over_torch``, the time of PyTorch over ours (None without
        torch); ``vgg_ber_draw_over_full``, for each error rate the time of running the drawn
        network whole over that of correcting the clean pass.
    """
    rng = np.random.default_rng(seed)
    graph = vgg(rng, filters)
    x = rng.integers(0, 256, size=(images, graph.input_size)).astype(np.uint8)
    ours = scores(graph, x)
    plan = make_plan(graph)  # PyTorch's weights are ready as well
    result: dict[str, Any] = {"images": images, "filters": filters, "weights": graph.parameters}
    try:
        forward = torch_forward(graph)
        import torch

        torch.set_num_threads(1)
    except ImportError:
        (mine,) = interleaved(lambda: plan_scores(plan, x), repeats=repeats)
        result |= {"vgg_over_torch": None, "torch": "not installed"}
    else:
        if not np.array_equal(forward(x), ours):
            raise SystemExit("the scores of PyTorch differ from ours")
        mine, theirs = interleaved(
            lambda: plan_scores(plan, x), lambda: forward(x), repeats=repeats
        )
        result |= {"vgg_over_torch": theirs / mine, "torch_images_per_s": images / theirs}
    result["vgg_images_per_s"] = images / mine
    clean = graph_clean_pass(graph, x)
    draws = {}
    for rate in RATES:
        changes = draw_network_changes(
            graph, Confusion.binary_symmetric(rate), draw_generator(seed, 0)
        )
        seen = [c.apply(layer.weights) for c, layer in zip(changes, graph.layers, strict=True)]
        drawn = graph.with_weights(seen)
        if not np.array_equal(graph_changed_scores(clean, changes), scores(drawn, x).T):
            raise SystemExit(f"corrected scores differ at error rate {rate:g}")
        whole, corrected = interleaved(
            lambda drawn=drawn: scores(drawn, x),
            lambda changes=changes: graph_changed_scores(clean, changes),
            repeats=repeats,
        )
        draws[f"{rate:g}"] = whole / corrected
    return result | {"vgg_ber_draw_over_full": draws}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, default=64)
    options = parser.parse_args()
    result = measure_vgg(options.repeats, options.images)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
