"""Distributions over devices: closed forms, quadrature, and what noise must not do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from rramchar.errors import InputError
from rramchar.fitting.marginal import GridLikelihoods, NormalEstimates, log_marginal
from rramchar.fitting.population import draw_population, fit_population, fit_upper_end

EXACT = {"value": 1.0, "low": 1.0, "high": 1.0}


def test_known_values_give_the_textbook_estimates():
    values = np.random.default_rng(1).normal(3.0, 0.5, size=200)
    spec = fit_population("normal", NormalEstimates(values, np.zeros(200)), "S")
    assert spec["mean"]["value"] == pytest.approx(values.mean(), abs=1e-3)
    assert spec["sd"]["value"] == pytest.approx(values.std(ddof=1), rel=2e-3)
    # likelihood limits of a normal: those of chi2 of n s^2 / sigma^2 up to third order
    assert spec["sd"]["low"] == pytest.approx(
        values.std() * np.sqrt(200 / stats.chi2.ppf(0.975, 199)), rel=0.02
    )
    reach = 1.96 * values.std() / np.sqrt(200)
    assert spec["mean"]["high"] - spec["mean"]["value"] == pytest.approx(reach, rel=0.05)
    spec = fit_population("exponential", NormalEstimates(values - 1, np.zeros(200)), "S", lower=0.5)
    assert spec["scale"]["value"] == pytest.approx((values - 1.5).mean(), rel=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["normal", "exponential"]),
    st.floats(-0.5, 2.0), st.floats(0.05, 1.0), st.floats(0.1, 2.0), st.floats(0.1, 1.0),
)  # fmt: skip
def test_marginals_equal_numerical_integrals(family, value, error, location, scale):
    """Up to a constant of each device, which does not depend on the population."""
    ends = (0.05, 2.5)
    data = NormalEstimates(np.array([value]), np.array([error]))

    def both(spread):
        place = np.array([location])
        found = log_marginal(family, data, ends, place, np.array([spread]))[0]
        frozen = stats.norm(location, spread) if family == "normal" else stats.expon(0.05, spread)
        inside = frozen.cdf(ends[1]) - frozen.cdf(ends[0])
        whole, _ = integrate.quad(
            lambda x: frozen.pdf(x) / inside * stats.norm.pdf(value, x, error), *ends,
            epsabs=0, epsrel=1e-9, limit=200,
        )  # fmt: skip
        return found, np.log(whole)

    (found, expected), (found_wide, expected_wide) = both(scale), both(2 * scale)
    assert found_wide - found == pytest.approx(expected_wide - expected, abs=1e-6)


def test_noise_of_the_estimates_is_not_spread():
    rng = np.random.default_rng(3)
    error = rng.uniform(0.2, 0.6, size=80)
    alike = fit_population("normal", NormalEstimates(1 + error * rng.normal(size=80), error), "1")
    assert alike["sd"]["low"] == 0
    assert alike["sd"]["high"] < 0.3
    spread = 0.5 * rng.normal(size=80)
    noisy = NormalEstimates(1 + spread + error * rng.normal(size=80), error)
    found = fit_population("normal", noisy, "1")
    assert found["sd"]["low"] < 0.5 < found["sd"]["high"]
    assert np.std(noisy.value) > found["sd"]["value"]


def test_a_grid_of_likelihoods_gives_the_same_as_its_normal_estimates():
    rng = np.random.default_rng(4)
    values = np.log(500) + 0.8 * rng.normal(size=60)
    nodes = np.linspace(values.min() - 1, values.max() + 1, 200)
    grid = GridLikelihoods(nodes, -0.5 * ((nodes - values[:, None]) / 0.1) ** 2)
    a = fit_population("lognormal", grid, "pulse")
    b = fit_population("lognormal", NormalEstimates(values, np.full(60, 0.1)), "pulse")
    assert a["median"]["value"] == pytest.approx(b["median"]["value"], rel=0.01)
    assert a["sigma"]["value"] == pytest.approx(b["sigma"]["value"], rel=0.02)


def test_bounds_that_hide_the_spread_are_said():
    values = np.random.default_rng(5).uniform(1, 2, size=30)
    spec = fit_population("normal", NormalEstimates(values, np.zeros(30)), "1", lower=1, upper=2)
    assert spec["open"]
    assert spec["sd"]["high"] == pytest.approx(0.6, rel=1e-6)


@pytest.mark.parametrize(
    "spec",
    [
        {"distribution": "normal", "mean": EXACT, "sd": EXACT, "lower": 0.0, "upper": 1.5},
        {"distribution": "lognormal", "median": EXACT, "sigma": EXACT, "lower": 0.2, "upper": None},
        {"distribution": "exponential", "scale": EXACT, "lower": 0.5, "upper": 3.0},
        {"distribution": "uniform", "lower": 0.0, "upper": 0.5},
    ],
)
def test_draws_stay_in_the_bounds_and_rise(spec):
    values = draw_population(spec, np.linspace(1e-6, 1 - 1e-6, 1001))
    assert (np.diff(values) >= 0).all()
    assert values.min() >= spec["lower"]
    assert values.max() <= (spec["upper"] or np.inf)
    if spec["upper"] is not None:
        assert values.max() == pytest.approx(spec["upper"], rel=1e-3)


def test_coverage_of_the_intervals():
    hits = {"mean": 0, "sd": 0, "scale": 0, "end": 0}
    repeats, devices = 60, 40
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        error = rng.uniform(0.05, 0.4, size=devices)
        noise = error * rng.normal(size=devices)
        drawn = NormalEstimates(rng.normal(1, 0.3, size=devices) + noise, error)
        spec = fit_population("normal", drawn, "1")
        hits["mean"] += spec["mean"]["low"] < 1 < spec["mean"]["high"]
        hits["sd"] += spec["sd"]["low"] < 0.3 < spec["sd"]["high"]
        drawn = NormalEstimates(rng.exponential(1, size=devices) + noise, error)
        spec = fit_population("exponential", drawn, "1", lower=0.0)
        hits["scale"] += spec["scale"]["low"] < 1 < spec["scale"]["high"]
        steps = rng.uniform(0, 0.5, size=devices)
        steps = steps[steps > 0.05]
        spec = fit_upper_end(
            steps + 0.01 * rng.normal(size=len(steps)), np.full(len(steps), 0.01), 0.05, "1"
        )
        hits["end"] += spec["end"]["low"] < 0.5 < spec["end"]["high"]
    least = int(stats.binom.ppf(1e-3, repeats, 0.93))
    assert min(hits.values()) >= least, hits
    assert sum(hits.values()) < repeats * len(hits)


def test_what_cannot_be_fitted_or_drawn_is_refused():
    three = NormalEstimates(np.arange(3.0), np.zeros(3))
    with pytest.raises(InputError, match="'gamma', expected one of normal"):
        fit_population("gamma", three, "1")
    with pytest.raises(InputError, match="2 devices, expected at least 3"):
        fit_population("normal", NormalEstimates(np.arange(2.0), np.zeros(2)), "1")
    with pytest.raises(InputError, match="distribution 'cauchy'"):
        draw_population({"distribution": "cauchy"}, np.array([0.5]))
    with pytest.raises(InputError, match="a normal distribution without 'mean'"):
        draw_population({"distribution": "normal"}, np.array([0.5]))
    same = fit_population("normal", NormalEstimates(np.ones(4), np.zeros(4)), "1")
    assert same["sd"] == {"value": 0.0, "low": 0.0, "high": 0.0}
