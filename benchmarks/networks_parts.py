"""The parts of `benchmarks.networks`, each timed in a process that has one thread.

``python -m benchmarks.networks_parts PART`` prints JSON. Both sides take turns; what counts is the
median of the processor time. Results are compared before anything is timed.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.networks_public import PublicWay, public_trainer
from benchmarks.networks_reference import NumpyWay, TorchWay, torch, torch_trainer
from benchmarks.networks_vgg import measure_vgg
from rramchar.nn.blas import blas_kernel
from rramchar.nn.curve import ber_curve
from rramchar.nn.dataset import Dataset
from rramchar.nn.datasets import load_dataset
from rramchar.nn.delta import changed_scores, clean_pass
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import draw_generator, evaluate
from rramchar.nn.forward import predict
from rramchar.nn.inject import draw_network_changes, layer_confusions
from rramchar.nn.network import Network
from rramchar.nn.settings import TrainingSettings
from rramchar.nn.train import BatchTrainer, train

RATES = [float(rate) for rate in np.geomspace(1e-5, 1e-1, 8)]
DRAWS = 20
LOW_RATE_DRAWS = 200
BATCH = 100
STEPS = 30
Way = Callable[[], Any]


def main() -> None:
    """Run one part and print its numbers."""
    part, repeats = sys.argv[1], int(sys.argv[2])
    if torch is None:
        found: dict[str, Any] = {"torch": "not installed"}
    else:
        found = PARTS[part](repeats)
    found["blas"] = blas_kernel().kernel
    found["images"] = dataset().name
    print(json.dumps(found))


@cache
def dataset() -> Dataset:
    """Return MNIST where RRAMCHAR_DATA has it, else random images of its size."""
    folder = os.environ.get("RRAMCHAR_DATA")
    if folder and os.path.isdir(os.path.join(folder, "mnist")):
        return load_dataset("mnist", folder)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(30_000, 784)).astype(np.uint8)
    labels = rng.integers(0, 10, size=30_000).astype(np.uint8)
    cut = 20_000
    return Dataset(
        "random images of 784 pixels", images[:cut], labels[:cut], images[cut:], labels[cut:], 255
    )


@cache
def network(kind: str, encoding: str) -> Network:
    """Train a 784-1024-10 network for one epoch of 20,000 images."""
    few = replace(
        dataset(),
        train_images=dataset().train_images[:20_000],
        train_labels=dataset().train_labels[:20_000],
    )
    return train(few, TrainingSettings(weights=kind, epochs=1, encoding=encoding))[0]


def medians(ways: dict[str, Way], repeats: int) -> dict[str, float]:
    """Run the ways in turn, once without counting; return the median processor time of each [s]."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            since = time.thread_time()
            way()
            if repeat:
                times[name].append(time.thread_time() - since)
    return {name: statistics.median(values) for name, values in times.items()}


def forward(repeats: int) -> dict[str, Any]:
    """Time the forward pass over the test images, from pixels to classes."""
    found: dict[str, Any] = {}
    images = dataset().test_images
    pixels = torch.from_numpy(images.copy())
    for key, encoding in (("forward", "sign"), ("forward_8bit", "uint8")):
        net = network("binary", encoding)
        lean = TorchWay(net)
        same(predict(net, images), lean.forward(pixels, lean.weights).numpy(), key)
        ways: dict[str, Way] = {
            "rramchar": partial(predict, net, images),
            "torch": partial(lean.forward, pixels, lean.weights),
        }
        seconds = medians(ways, 4 * repeats)
        found[f"{key}_over_torch"] = seconds["torch"] / seconds["rramchar"]
        found[f"{key}_seconds"] = seconds
    return found


def curve(kind: str, repeats: int) -> dict[str, Any]:
    """Time accuracy against error rate: 8 rates, 20 draws each, all test images."""
    net, images, labels = network(kind, "sign"), dataset().test_images, dataset().test_labels
    matrices = {rate: layer_confusions(net, confusions_at(net, rate)) for rate in RATES}
    public, lean, plain = PublicWay(net), TorchWay(net), NumpyWay(net)
    pixels = torch.from_numpy(images.copy())
    same(predict(net, images), public.forward(pixels, 0.0).numpy(), "public modules")
    _check_draws(net, lean, pixels)
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    rates = itertools.cycle(RATES)  # the references cost the same at every rate

    def evaluated(model: Any, draws: int) -> Way:
        return lambda: evaluate(net, images, labels, model, draws)

    low = confusions_at(net, 1e-4)
    seconds = medians(
        {
            "curve": lambda: ber_curve(net, images, labels, RATES, DRAWS),
            "torch_draw": lambda: public.forward(pixels, next(rates)),
            "lean_torch_draw": lambda: lean.forward(
                pixels, lean.redrawn(matrices[next(rates)], generator)
            ),
            "numpy_draw": lambda: plain.forward(images, plain.redrawn(matrices[next(rates)], rng)),
            "clean": evaluated(None, 1),
            "low": evaluated(low, DRAWS),
            "low_many": evaluated(low, LOW_RATE_DRAWS),
        },
        repeats,
    )
    draws = len(RATES) * DRAWS
    one_low = (seconds["low_many"] - seconds["low"]) / (LOW_RATE_DRAWS - DRAWS)
    prefix = "ber" if kind == "binary" else "tnn_ber"
    return {
        f"{prefix}_curve_over_torch": draws * seconds["torch_draw"] / seconds["curve"],
        f"{prefix}_curve_over_lean_torch": draws * seconds["lean_torch_draw"] / seconds["curve"],
        f"{prefix}_curve_over_numpy_masks": draws * seconds["numpy_draw"] / seconds["curve"],
        f"{prefix}_1e4_over_torch": seconds["torch_draw"] / one_low,
        f"{prefix}_1e4_over_lean_torch": seconds["lean_torch_draw"] / one_low,
        f"{prefix}_1e4_with_clean_pass_over_torch": DRAWS * seconds["torch_draw"] / seconds["low"],
        f"{prefix}_curve_seconds": seconds,
    }


def _check_draws(net: Network, lean: TorchWay, pixels: Any) -> None:
    """Compare our classes with those of torch for the weights of the same draws."""
    clean = clean_pass(net, dataset().test_images)
    for rate in RATES:
        changes = draw_network_changes(net, confusions_at(net, rate), draw_generator(1, 0))
        seen = [c.apply(layer.weights) for c, layer in zip(changes, net.layers, strict=True)]
        weights = [torch.from_numpy(w.astype(np.float32)) for w in seen]
        ours = changed_scores(clean, changes).argmax(axis=0)
        same(ours, lean.forward(pixels, weights).numpy(), f"draw at {rate:g}")


def training(repeats: int) -> dict[str, Any]:
    """Time steps of training at batch 100, from pixels to updated weights."""
    data = dataset()
    found: dict[str, Any] = {}
    for kind, key in (("binary", "train_bnn"), ("ternary", "train_tnn")):
        settings = TrainingSettings(weights=kind)
        assert settings.learning_rate is not None
        ours = BatchTrainer(data, settings)
        sizes = (784, 1024, 10)
        public = public_trainer(sizes, kind, settings.learning_rate)
        lean = torch_trainer(sizes, kind, settings.learning_rate)
        fused = torch_trainer(sizes, kind, settings.learning_rate, fused=True)
        images, labels = data.train_images, data.train_labels.astype(np.int64)
        tensors = torch.from_numpy(images.copy()), torch.from_numpy(labels)

        def steps(step: Callable[[Any, Any], Any], pixels: Any, right: Any) -> Way:
            def run() -> None:
                for start in range(0, BATCH * STEPS, BATCH):
                    step(pixels[start : start + BATCH], right[start : start + BATCH])

            return run

        rate = settings.learning_rate
        ways = {
            "rramchar": steps(lambda x, y, t=ours, r=rate: t.step(x, y, r), images, labels),
            "torch": steps(public, *tensors),
            "lean_torch": steps(lean, *tensors),
            "lean_torch_fused_adam": steps(fused, *tensors),
        }
        seconds = {
            name: value * 60_000 / (BATCH * STEPS) for name, value in medians(ways, repeats).items()
        }
        found[f"{key}_over_torch"] = seconds["torch"] / seconds["rramchar"]
        for way in ("lean_torch", "lean_torch_fused_adam"):
            found[f"{key}_over_{way}"] = seconds[way] / seconds["rramchar"]
        found[f"{key}_epoch_seconds"] = seconds
    return found


def vgg(repeats: int) -> dict[str, Any]:
    """Time a convolutional network; see `benchmarks.networks_vgg`."""
    found = measure_vgg(repeats)
    draws = found["vgg_ber_draw_over_full"]
    return {
        "vgg_over_torch": found["vgg_over_torch"],
        "vgg_ber_draws_over_rerun": statistics.geometric_mean(draws.values()),
        "vgg_details": found,
    }


def same(ours: Any, theirs: Any, what: str) -> None:
    """End the benchmark where results differ."""
    if not np.array_equal(ours, theirs):
        raise SystemExit(f"{what}: results differ, so their times are not comparable")


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "forward": forward,
    "curve_binary": lambda repeats: curve("binary", repeats),
    "curve_ternary": lambda repeats: curve("ternary", repeats),
    "training": training,
    "vgg": vgg,
}

if __name__ == "__main__":
    main()
