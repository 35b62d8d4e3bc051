"""The designs that Monte Carlo samples are rows of: random, Latin hypercube, Sobol."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import kstest, qmc

from rramchar.errors import InputError
from rramchar.testbench.sampling import MAX_LATIN_CELLS, SAMPLINGS, Design, normal_of

every_sampling = pytest.mark.parametrize("sampling", SAMPLINGS)
seeds = st.integers(0, 2**64)


def table(design: Design, samples: int) -> np.ndarray:
    """Return the first rows of a design, shape (sample, dimension)."""
    return np.array([design.normals(k) for k in range(samples)])


def strata(normals: np.ndarray) -> np.ndarray:
    """Return which of n equally probable strata each of n numbers lies in, sorted."""
    return np.sort(np.floor(ndtr(normals) * len(normals)).astype(int), axis=0)


@every_sampling
def test_a_row_is_the_same_in_any_order_and_depends_on_the_seed(sampling: str) -> None:
    design = Design(sampling, 5, 7, 50)
    forwards = table(design, 50)
    backwards = np.array([Design(sampling, 5, 7, 50).normals(k) for k in reversed(range(50))])
    np.testing.assert_array_equal(forwards, backwards[::-1])
    assert not np.isin(table(Design(sampling, 6, 7, 50), 50), forwards).any()


@pytest.mark.parametrize("sampling", ["random", "sobol"])
def test_more_samples_leave_the_first_ones_as_they_are(sampling: str) -> None:
    assert Design(sampling, 5, 7).extendable
    np.testing.assert_array_equal(
        table(Design(sampling, 5, 7, 10), 10), table(Design(sampling, 5, 7, 100), 10)
    )


def test_a_latin_hypercube_changes_as_a_whole_with_its_number_of_samples() -> None:
    small, large = Design("lhs", 5, 7, 10), Design("lhs", 5, 7, 11)
    assert not small.extendable
    assert not np.isin(table(small, 10), table(large, 11)).any()


@settings(deadline=None, max_examples=40)
@given(seed=seeds, dimensions=st.integers(1, 6), samples=st.integers(1, 200))
def test_a_latin_hypercube_has_one_sample_in_every_stratum(
    seed: int, dimensions: int, samples: int
) -> None:
    found = strata(table(Design("lhs", seed, dimensions, samples), samples))
    np.testing.assert_array_equal(found, np.tile(np.arange(samples), (dimensions, 1)).T)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, dimensions=st.integers(1, 40), power=st.integers(0, 7))
def test_every_power_of_two_of_a_sobol_design_is_stratified(
    seed: int, dimensions: int, power: int
) -> None:
    samples = 2**power
    found = strata(table(Design("sobol", seed, dimensions), samples))
    np.testing.assert_array_equal(found, np.tile(np.arange(samples), (dimensions, 1)).T)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, dimensions=st.integers(1, 40), start=st.integers(0, 9_999_990))
def test_sobol_rows_are_those_of_scipy(seed: int, dimensions: int, start: int) -> None:
    """Found one by one, they are the sequence that scipy's engine draws one after the other."""
    stream = np.random.SeedSequence(seed, spawn_key=(2, dimensions))
    engine = qmc.Sobol(dimensions, bits=30, rng=np.random.default_rng(stream))
    if start:
        engine.fast_forward(start)
    expected = engine.random(8)
    design = Design("sobol", seed, dimensions)
    found = np.array([design.normals(k) for k in range(start, start + 8)])
    np.testing.assert_allclose(ndtr(found), expected + 2.0**-31, rtol=0, atol=1e-14)


@every_sampling
def test_the_numbers_that_a_stored_key_stands_for(sampling: str) -> None:
    """Pinned: if numpy or scipy drew others, one run would mix the points of two designs."""
    first_two = {
        "random": [
            [-0.640318528399, 0.392772715401, -0.393152383707],
            [2.48568021001, 1.10594428609, -1.25574547697],
        ],
        "lhs": [
            [0.43281982843, 1.48239249956, 0.635156958827],
            [0.722859283918, -0.314082699179, 0.743058654708],
        ],
        "sobol": [
            [0.468774793254, -0.231778213624, -0.510815033552],
            [-0.647199293988, 0.667687619261, 2.0645118821],
        ],
    }
    np.testing.assert_allclose(table(Design(sampling, 1, 3, 8), 2), first_two[sampling], rtol=1e-9)


@every_sampling
def test_every_dimension_is_normal(sampling: str) -> None:
    samples, dimensions = 2048, 30
    normals = table(Design(sampling, 11, dimensions, samples), samples)
    for column in normals.T:
        test = kstest(column, "norm")
        if sampling == "random":
            assert test.pvalue > 1e-3 / dimensions
        else:  # one sample in each of n strata: the distribution functions differ by 1/n at most
            assert test.statistic <= 1 / samples + 1e-12


@every_sampling
def test_dimensions_are_not_correlated(sampling: str) -> None:
    samples, dimensions = 2048, 30
    normals = table(Design(sampling, 12, dimensions, samples), samples)
    correlation = np.corrcoef(normals.T) - np.eye(dimensions)
    # 435 pairs of independent columns stay within 4.5 standard errors; Sobol is far more even.
    assert np.abs(correlation).max() < (1.0 if sampling == "sobol" else 4.5) / np.sqrt(samples)
    # Nor do neighbouring samples resemble each other where they are said to be independent.
    if sampling != "sobol":
        lagged = [np.corrcoef(column[1:], column[:-1])[0, 1] for column in normals.T]
        assert np.abs(lagged).max() < 4.5 / np.sqrt(samples)


def _rms_error_of_mean(sampling: str, interaction: float) -> float:
    """Return the error of the mean of a function of 20 normals, over 20 seeds of 256 samples."""
    weights = 0.8 ** np.arange(20)
    errors = []
    for seed in range(20):
        z = table(Design(sampling, seed, 20, 256), 256)
        value = z @ weights + 0.3 * (z**2 - 1) @ weights + interaction * z[:, 0] * z[:, 1]
        errors.append(value.mean())  # the true mean is 0
    return float(np.sqrt(np.mean(np.square(errors))))


def test_even_designs_find_the_mean_of_a_smooth_function_with_less_error() -> None:
    random, lhs, sobol = (_rms_error_of_mean(sampling, 0.0) for sampling in SAMPLINGS)
    # The variance of the function is sum(w^2) (1 + 2 * 0.3^2), and random sampling divides it by n.
    predicted = np.sqrt((0.64 ** np.arange(20)).sum() * (1 + 2 * 0.09) / 256)
    assert random == pytest.approx(predicted, rel=0.5)
    assert lhs < random / 8
    assert sobol < random / 8


def test_sobol_evens_out_interactions_too() -> None:
    random, lhs, sobol = (_rms_error_of_mean(sampling, 1.0) for sampling in SAMPLINGS)
    assert lhs < 0.8 * random
    assert sobol < lhs / 2


def test_no_number_is_infinite() -> None:
    ends = normal_of(np.array([0.0, 2.0**-60, 0.5, 1 - 2.0**-53, 1.0]))
    assert np.isfinite(ends).all()
    assert ends[2] == 0
    assert ends[0] == pytest.approx(-ends[-1])
    # The closest that a Sobol coordinate comes to 0 and 1.
    assert normal_of(np.array([2.0**-31]))[0] == pytest.approx(-6.12, abs=0.01)


@pytest.mark.parametrize(("sampling", "limit_bytes"), [("lhs", 300e6), ("sobol", 1e6)])
def test_a_million_samples_of_forty_numbers_fit_into_a_worker(
    sampling: str, limit_bytes: float
) -> None:
    design = Design(sampling, 3, 40, 1_000_000)
    tracemalloc.start()
    start = time.process_time()
    last = design.normals(999_999)
    for k in range(0, 1_000_000, 1000):
        design.normals(k)
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    Design("lhs", 0, 1, 1).normals(0)  # lets go of the strata
    assert np.isfinite(last).all()
    assert peak < limit_bytes
    # 1,000 samples, where 1,000 simulations take 5 s; under a tracer and on a busy machine.
    assert seconds < 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("halton", 1, 3, 10), "sampling: 'halton', expected random, lhs, sobol"),
        (("lhs", 1, 3), "needs their number"),
        (("lhs", 1, 3, 0), "0 samples"),
        (("lhs", 1, 50, MAX_LATIN_CELLS // 50 + 1), "1,000,001 samples.*at most 1,000,000.*sobol"),
    ],
)
def test_bad_designs(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Design(*arguments)


@pytest.mark.parametrize(("sampling", "sample"), [("lhs", 10), ("sobol", -1), ("random", -1)])
def test_samples_that_do_not_exist(sampling: str, sample: int) -> None:
    with pytest.raises(InputError, match=f"sample: {sample}, expected 0 to"):
        Design(sampling, 1, 3, 10).normals(sample)
