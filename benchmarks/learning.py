"""Learning in the array: our sparse device updates beside PyTorch's dense ones.

    python -m benchmarks.learning --json

784-1024-10 at batch 100, one thread each, taking turns; medians of CPU time. `step_*_over_torch`
compares the device update of one training step: from the pulses that the rule asks for to the
weights that are read afterwards, check and repair of flipped synapses included, in all layers. The
pulses are the same on both sides: those of a training of the settings' default rule on random
images with labels of a random linear teacher (real images with --data DIR), taken after a warm-up.
`whole_step_*` adds the forward and backward pass, which PyTorch does for its side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":
    for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[_name] = "1"  # read when numpy and torch are imported

import numpy as np

from benchmarks.machine import describe_machine
from rramchar.fitting.published import published_model
from rramchar.fitting.simulate import draw_devices
from rramchar.nn.dataset import Dataset
from rramchar.nn.datasets import load_dataset
from rramchar.nn.learn.devices_build import device_model
from rramchar.nn.learn.rules import Pulses
from rramchar.nn.learn.run import step
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.state import LearnState
from rramchar.nn.learn.synapses import SynapseArray

MODELS = ("iedm2019", "arxiv2107")
MIDDLE = 0.5  # of the schedule: the mean number of pulses of a training


def teacher_data(seed: int = 0, images: int = 20_000) -> Dataset:
    """Return images of smooth random blobs, labelled by a random linear teacher."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((images, 7, 7), dtype=np.float32)
    pixels = coarse.repeat(4, axis=1).repeat(4, axis=2).reshape(images, 784)
    teacher = rng.standard_normal((784, 10), dtype=np.float32)
    labels = (pixels @ teacher - (pixels @ teacher).mean(axis=0)).argmax(axis=1)
    pixels = (255 * pixels).astype(np.uint8)
    half = images // 2
    return Dataset(
        "teacher", pixels[half:], labels[half:], pixels[:half], labels[:half], 255, 10, (28, 28)
    )


class Recorder:
    """A rule that keeps what it asked for."""

    def __init__(self, rule: Any) -> None:
        self.rule, self.pace, self.asked = rule, rule.pace, []

    def pulses(self, gradient: np.ndarray) -> Pulses:
        asked = self.rule.pulses(gradient)
        self.asked.append(asked)
        return asked


def recorded_pulses(
    settings: LearnSettings, data: Dataset, warm_up: int, steps: int
) -> list[list[Pulses]]:
    """Return the pulses of some steps of a training, for each layer."""
    state = LearnState.new(settings, data)
    state.start_epoch()
    state.set_pace(MIDDLE)
    batches = _batches(data, settings.batch)
    for _ in range(warm_up):
        step(state, *next(batches))
    recorders = [Recorder(layer.rule) for layer in state.layers]
    for layer, recorder in zip(state.layers, recorders, strict=True):
        layer.rule = recorder
    for _ in range(steps):
        step(state, *next(batches))
    return [recorder.asked for recorder in recorders]


def _batches(data: Dataset, batch: int):
    at = 0
    while True:
        if at + batch > len(data.train_images):
            at = 0
        part = slice(at, at + batch)
        yield data.train_images[part].astype(np.float32), data.train_labels[part]
        at += batch


def dense_counts(asked: Pulses, size: int) -> np.ndarray:
    """Return pulses as a signed count for every synapse."""
    counts = np.zeros(size, dtype=np.int32)
    counts[asked.up] = 1 if asked.up_counts is None else asked.up_counts
    counts[asked.down] = -1 if asked.down_counts is None else -asked.down_counts
    return counts


def _dense(settings: LearnSettings, size: int) -> Any:
    from benchmarks.learning_torch import DenseDrift, DenseIedm

    if settings.model == "iedm2019":
        return DenseIedm(settings, size)
    import torch

    model = published_model("arxiv2107")
    drawn = [draw_devices(model, size, np.random.default_rng(k)) for k in range(2)]

    def both(name: str) -> Any:
        return torch.from_numpy(np.stack([getattr(d, name) for d in drawn])).float()

    parameters = {
        "m1": both("m1"), "t_star": both("t_star"), "c1": both("c1"), "m2": both("m2"),
        "r0": both("r0_ohm"), "amplitude": both("rtn_amplitude"), "alpha": both("alpha"),
    }  # fmt: skip
    return DenseDrift(parameters, drawn[0].p_up, drawn[0].p_down)


def measure_model(name: str, data: Dataset, warm_up: int, steps: int) -> dict[str, Any]:
    """Measure one device model; call it on one thread.

    Returns
    -------
    dict
        ``step_<name>_ms`` and ``torch_step_<name>_ms`` (CPU time of one device update),
        ``step_<name>_over_torch``, ``whole_step_<name>_ms`` and ``whole_step_<name>_over_torch``,
        and ``pulsed_share_<name>``: synapses pulsed in a step. Without torch, its numbers are None.
    """
    settings = LearnSettings(model=name).resolved()
    asked = recorded_pulses(settings, data, warm_up, steps)
    sizes = (data.pixels, *settings.hidden, data.classes)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    model = device_model(settings)
    ours = [SynapseArray(settings, model, s, np.random.SeedSequence(0)) for s in shapes]
    state = LearnState.new(settings, data)
    state.start_epoch()
    state.set_pace(MIDDLE)
    batches = _batches(data, settings.batch)
    whole = [_cpu(lambda: step(state, *next(batches))) for _ in range(steps)]
    share = [
        (len(p.up) + len(p.down)) / (a * b)
        for layer, (a, b) in zip(asked, shapes, strict=True)
        for p in layer
    ]
    found: dict[str, Any] = {f"pulsed_share_{name}": statistics.median(share[:steps])}

    def mine(k: int) -> None:
        for array, layer in zip(ours, asked, strict=True):
            p = layer[k]
            array.program(p.up, p.down, p.up_counts, p.down_counts)

    try:
        import torch
    except ImportError:
        alone = statistics.median(_cpu(lambda k=k: mine(k)) for k in range(steps))
        missing = {f"step_{name}_over_torch": None, "torch": "not installed"}
        return found | missing | {f"step_{name}_ms": 1e3 * alone}
    torch.set_num_threads(1)
    theirs = [_dense(settings, a * b) for a, b in shapes]
    counts = [
        [torch.from_numpy(dense_counts(p, a * b)) for p in layer]
        for layer, (a, b) in zip(asked, shapes, strict=True)
    ]

    def dense(k: int) -> None:
        for array, layer in zip(theirs, counts, strict=True):
            array.step(layer[k])

    times: list[tuple[float, float, float]] = []
    passes = _torch_passes(shapes, settings.batch)
    for k in range(steps):
        times.append((_cpu(lambda k=k: mine(k)), _cpu(lambda k=k: dense(k)), _cpu(passes)))
    mine_s, dense_s, passes_s = (statistics.median(column) for column in zip(*times, strict=True))
    whole_s = statistics.median(whole)
    return found | {
        f"step_{name}_ms": 1e3 * mine_s,
        f"torch_step_{name}_ms": 1e3 * dense_s,
        f"step_{name}_over_torch": dense_s / mine_s,
        f"whole_step_{name}_ms": 1e3 * whole_s,
        f"torch_whole_step_{name}_ms": 1e3 * (passes_s + dense_s),
        f"whole_step_{name}_over_torch": (passes_s + dense_s) / whole_s,
    }


def _torch_passes(shapes: list[tuple[int, int]], batch: int) -> Callable[[], None]:
    """Return forward and backward pass of the network in PyTorch, with binary weights."""
    import torch
    from torch import nn

    weights = [torch.sign(torch.randn(s)).requires_grad_() for s in shapes]
    norms = [nn.BatchNorm1d(s[0]) for s in shapes]
    images, labels = torch.rand(batch, shapes[0][1]), torch.randint(0, shapes[-1][0], (batch,))

    def run() -> None:
        values = images
        for i, (weight, norm) in enumerate(zip(weights, norms, strict=True)):
            if i:
                values = nn.functional.hardtanh(values)
                values = values + (torch.sign(values) - values).detach()
            values = norm(values @ weight.T)
        nn.functional.cross_entropy(values, labels).backward()
        for parameter in (*weights, *(p for norm in norms for p in norm.parameters())):
            parameter.grad = None

    return run


def _cpu(function: Callable[[], Any]) -> float:
    since = time.process_time()
    function()
    return time.process_time() - since


def measure_memory(inputs: int = 784, outputs: int = 3000) -> dict[str, float]:
    """Measure the peak memory of a process that makes and pulses such an array. [GB]."""
    import subprocess

    code = f"""
import resource, numpy as np
from rramchar.nn.learn.devices_build import device_model
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.synapses import SynapseArray
s = LearnSettings(model="arxiv2107").resolved()
a = SynapseArray(s, device_model(s), ({outputs}, {inputs}), np.random.SeedSequence(0))
rng = np.random.default_rng(0)
for _ in range(20):
    at = rng.choice(a.weights.size, a.weights.size // 50, replace=False)
    a.program(at[::2], at[1::2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {f"memory_{inputs}x{outputs}_arxiv2107_gb": int(done.stdout) * 1024 / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--steps", type=int, default=20, help="steps measured")
    parser.add_argument("--warm-up", type=int, default=100, help="steps before pulses are taken")
    parser.add_argument("--data", help="folder with MNIST; random images without")
    options = parser.parse_args()
    data = load_dataset("mnist", options.data) if options.data else teacher_data()
    result: dict[str, Any] = {"data": data.name, "batch": 100, "sizes": [784, 1024, 10]}
    for name in MODELS:
        result |= measure_model(name, data, options.warm_up, options.steps)
    result |= measure_memory()
    result["machine"] = describe_machine("torch")
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
