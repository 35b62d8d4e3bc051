"""The offset of the amplifier from random, Latin hypercube and Sobol samples, on ngspice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from rramchar.characterize.offset import OffsetResult, find_offset
from rramchar.characterize.reader import Reader
from rramchar.errors import InputError
from rramchar.technology import Condition, load_technology
from rramchar.testbench import ReadParameters
from rramchar.testbench.read import read_transistors
from rramchar.testbench.sampling import SAMPLINGS
from rramchar.testbench.variation import Variation, spreads_of

TECHNOLOGY = load_technology("generic130")
FAST = ReadParameters(c_bl_f=30e-15, precharge_time_s=5e-9, sample_time_s=5e-9)
SPREADS = spreads_of(TECHNOLOGY, read_transistors(FAST))


def reader(variation: Variation | None) -> Reader:
    return Reader(TECHNOLOGY, Condition("tt", 27.0, 1.2), FAST, variation=variation)


def offset(sampling: str, seed: int, samples: int) -> OffsetResult:
    with reader(Variation(seed, SPREADS, sampling=sampling, samples=samples)) as ask:
        return find_offset(ask, SPREADS, samples=samples)


def test_a_latin_hypercube_must_be_used_whole() -> None:
    with (
        reader(Variation(1, SPREADS, sampling="lhs", samples=32)) as ask,
        pytest.raises(InputError, match="samples: 16, but the reader's Latin hypercube has 32"),
    ):
        find_offset(ask, SPREADS, samples=16)


def test_a_reader_without_variation_is_refused() -> None:
    with reader(None) as ask, pytest.raises(InputError, match="without a variation"):
        find_offset(ask, SPREADS, samples=16)


@dataclass(frozen=True)
class Found:
    """Estimates of several seeds."""

    means: np.ndarray
    sigmas: np.ndarray


@pytest.mark.slow
def test_samplings_agree_and_even_designs_vary_less_from_seed_to_seed() -> None:
    samples, seeds = 64, 5
    found = {}
    for sampling in SAMPLINGS:
        results = [offset(sampling, seed, samples) for seed in range(seeds)]
        found[sampling] = Found(
            np.array([result.mean_ln_r_mc for result in results]),
            np.array([result.sigma_ln_r_mc for result in results]),
        )
    random, sobol = found["random"], found["sobol"]
    error = random.sigmas.mean() / np.sqrt(2 * samples * seeds)
    for sampling in ("lhs", "sobol"):
        assert abs(found[sampling].sigmas.mean() - random.sigmas.mean()) < 3 * error
        assert found[sampling].means.std() < random.means.std() / 4
    assert sobol.sigmas.std() < random.sigmas.std() / 1.5
