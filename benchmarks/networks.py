"""Networks beside PyTorch and the public way of redrawing a mask, one thread each side, in one run.

Run it from a checkout on an idle machine, with MNIST in the folder that RRAMCHAR_DATA names (else
random images of its size are used, and it says so): ``python -m benchmarks.networks`` (2 to 4
minutes). With ``--json`` it prints the numbers alone; ``--part forward`` runs one part.

Every part runs in a process of its own with one thread, once with numpy as it comes and, where the
processor has AVX-512 and numpy did not choose its kernel, once with OPENBLAS_CORETYPE=SkylakeX.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.machine import describe_machine
from rramchar.nn.blas import AVX512_FLAGS, AVX512_KERNELS, processor_flags

PARTS = ("forward", "curve_binary", "curve_ternary", "training", "vgg")
# With an AVX-512 kernel, and with whatever kernel numpy takes where it takes another.
TARGETS = {
    "forward_over_torch": (3.5, 2.0),
    "forward_8bit_over_torch": (2.0, 1.2),
    "ber_curve_over_torch": (15.0, 15.0),
    "ber_curve_over_numpy_masks": (5.0, 5.0),
    "ber_1e4_over_torch": (150.0, 150.0),
    "tnn_ber_curve_over_torch": (15.0, 15.0),
    "tnn_ber_curve_over_numpy_masks": (5.0, 5.0),
    "tnn_ber_1e4_over_torch": (150.0, 150.0),
    "train_bnn_over_torch": (2.0, 2.0),
    "train_tnn_over_torch": (3.5, 3.5),
    "vgg_over_torch": (1.3, 0.8),
    "vgg_ber_draws_over_rerun": (1.0, 1.0),
}
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def main() -> None:
    """Measure, print a table or JSON, exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this; repeatable")
    parser.add_argument("--repeats", type=int, default=3, help="interleaved repeats; medians count")
    options = parser.parse_args()
    found = measure(tuple(options.part or PARTS), options.repeats)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print_table(found)
    sys.exit(1 if found["missed"] else 0)


def measure(parts: tuple[str, ...], repeats: int) -> dict[str, Any]:
    """Run the parts with every kernel and return the numbers, those of the last kernel on top."""
    found: dict[str, Any] = {"machine": describe_machine("torch"), "kernels": {}}
    found["machine"]["load_at_start"] = " ".join(f"{load:.1f}" for load in os.getloadavg())
    for core in (None, "SkylakeX"):
        numbers: dict[str, Any] = {}
        for part in parts:
            numbers |= in_own_process(part, repeats, core)
        found["kernels"][core or "as numpy comes"] = numbers
        found |= {key: value for key, value in numbers.items() if key in TARGETS}
        already = str(numbers["blas"]).lower() in AVX512_KERNELS
        if already or not processor_flags() >= AVX512_FLAGS:
            break
    found["images"] = numbers["images"]
    found["blas"] = numbers["blas"]
    found["targets"] = {
        key: high if str(numbers["blas"]).lower() in AVX512_KERNELS else low
        for key, (high, low) in TARGETS.items()
    }
    found["missed"] = [
        key for key, target in found["targets"].items() if found.get(key, target) < target
    ]
    return found


def in_own_process(part: str, repeats: int, core: str | None) -> dict[str, Any]:
    """Run a part in a fresh Python process with one thread, and return its numbers."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    if core is not None:
        environment["OPENBLAS_CORETYPE"] = core
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.networks_parts", part, str(repeats)],
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode:
        raise SystemExit(f"{part}: {done.stderr}")
    return dict(json.loads(done.stdout))


def print_table(found: dict[str, Any]) -> None:
    """Print the machine, and every ratio beside its target."""
    print("\n".join(f"{name}: {value}" for name, value in found["machine"].items()))
    print(f"images: {found['images']}\n")
    for core, numbers in found["kernels"].items():
        if "torch" in numbers:
            print(f"torch: {numbers['torch']}; nothing to compare with")
            continue
        print(f"{core} (kernel {numbers['blas']})")
        for key, value in numbers.items():
            if isinstance(value, float):
                target = found["targets"].get(key)
                wanted = "" if target is None else f"   target {target:g}"
                print(f"  {key:44s} {value:8.2f}{wanted}")
    if found["missed"]:
        print(f"\nmissed: {', '.join(found['missed'])}")


if __name__ == "__main__":
    main()
