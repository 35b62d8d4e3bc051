"""How close random, Latin hypercube and Sobol samples come to the truth, for an offset.

ngspice gives the sensitivity of the amplifier's offset to every threshold; with them as weights the
offset is a sum of normals whose mean and sigma are known. Run it from a checkout (about a minute):
``python -m benchmarks.sampling --plot sampling.png``, or with ``--json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from rramchar.characterize.offset import find_offset
from rramchar.characterize.reader import Reader
from rramchar.report.sampling import plot_sampling_errors
from rramchar.report.style import png_bytes
from rramchar.technology import Condition, load_technology
from rramchar.testbench import ReadParameters
from rramchar.testbench.read import read_transistors
from rramchar.testbench.sampling import SAMPLINGS
from rramchar.testbench.variation import Spread, Variation, spreads_of

SIZES = (32, 64, 100, 128, 200, 256, 512)


def main() -> None:
    """Simulate, draw, print a table or JSON, write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--seeds", type=int, default=200, help="designs of each kind and size")
    parser.add_argument("--plot", type=Path, metavar="FIGURE.png", help="draw a figure here")
    options = parser.parse_args()
    spreads, weights = offset_weights()
    errors = sampling_errors(spreads, weights, options.seeds)
    if options.plot:
        options.plot.write_bytes(png_bytes(plot_sampling_errors(errors)))
    if options.json:
        print(errors.to_json(orient="records", indent=2))
        return
    wide = errors.pivot(index="samples", columns="sampling")[["sigma_error", "mean_error"]]
    print(f"error over the true sigma, rms over {options.seeds} seeds, in %")
    print((100 * wide).round(2).reindex(columns=SAMPLINGS, level=1).to_string())


def offset_weights() -> tuple[tuple[Spread, ...], np.ndarray]:
    """Return the transistors and the offset per sigma of each threshold, at 1.2 V on generic130."""
    technology = load_technology("generic130")
    parameters = ReadParameters(sample_time_s=20e-9)
    spreads = spreads_of(technology, read_transistors(parameters))
    condition = Condition("tt", 27.0, 1.2)
    with Reader(technology, condition, parameters, variation=Variation(1, spreads)) as reader:
        found = find_offset(reader, spreads, samples=2)
    sigmas = np.array([spread.sigma_vth_v for spread in spreads])
    return spreads, np.array(list(found.sensitivity_per_v.values())) * sigmas


def sampling_errors(spreads: tuple[Spread, ...], weights: np.ndarray, seeds: int) -> pd.DataFrame:
    """Return the rms errors of mean and sigma over the true sigma, by sampling and size."""
    truth = float(np.sqrt((weights**2).sum()))
    names = [spread.placed.shift_parameter for spread in spreads]
    # Alterations are thresholds times sigma, with the sign of the polarity: undo both.
    scale = weights / [-spread.sign * spread.sigma_vth_v for spread in spreads]
    rows = []
    for sampling in SAMPLINGS:
        for samples in SIZES:
            means, sigmas = [], []
            for seed in range(seeds):
                variation = Variation(seed, spreads, sampling=sampling, samples=samples)
                drawn = [variation.alterations(k) for k in range(samples)]
                offsets = np.array([[values[name] for name in names] for values in drawn]) @ scale
                means.append(offsets.mean() / truth)
                sigmas.append(offsets.std(ddof=1) / truth - 1)
            rows.append((sampling, samples, _rms(means), _rms(sigmas)))
    return pd.DataFrame(rows, columns=["sampling", "samples", "mean_error", "sigma_error"])


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main()
