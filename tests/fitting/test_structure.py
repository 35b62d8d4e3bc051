"""Spreads, correlations and drift over devices: edge cases and the coverage of their intervals."""

import numpy as np
import pytest
from scipy import special, stats

from rramchar.fitting.clusters import group, spread_ranges, spreads
from rramchar.fitting.structure import correlations, fit_drift

CYCLES = 30
CORRELATIONS = {
    "hrs_pair_correlation_d2d": 0.6,
    "hrs_pair_correlation_c2c": 0.3,
    "lrs_hrs_correlation_d2d": -0.5,
    "lrs_pair_correlation_d2d": 0.15,
    "lrs_pair_correlation_c2c": 0.0,
    "pair_correlation_lrs_hrs": -0.15,
}


def draw_pairs(devices, rng):
    """LRS and HRS of paired devices, half of the variance from device to device."""
    level = rng.standard_normal((devices, 1))
    level[1::2] = 0.6 * level[0::2] + 0.8 * level[1::2]
    noise = rng.standard_normal((devices, CYCLES))
    noise[1::2] = 0.3 * noise[0::2] + np.sqrt(0.91) * noise[1::2]
    other = -0.5 * level + np.sqrt(0.75) * rng.standard_normal((devices, 1))
    return {"lrs": other + rng.standard_normal((devices, CYCLES)), "hrs": level + noise}


def draw_spreads(devices, cycles, d2d, c2c, rng):
    level = rng.normal(0, d2d, devices)
    labels = np.repeat(np.arange(devices), cycles)
    return level[labels] + rng.normal(0, c2c, devices * cycles), labels


def true_spreads(cycles, d2d, c2c):
    unbiased = np.exp(special.gammaln(cycles / 2) - special.gammaln((cycles - 1) / 2))
    return {
        "sigma": np.hypot(d2d, c2c),
        "sigma_d2d": d2d,
        "sigma_c2c": c2c,
        "sigma_of_means": np.hypot(d2d, c2c / np.sqrt(cycles)),
        "sigma_within": c2c * np.sqrt(2 / (cycles - 1)) * unbiased,
        "icc": d2d**2 / (d2d**2 + c2c**2),
    }


def _spread_hits(repeats, devices, cycles, d2d, c2c):
    truth = true_spreads(cycles, d2d, c2c)
    hits = dict.fromkeys(truth, 0)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        found = spread_ranges(group(*draw_spreads(devices, cycles, d2d, c2c, rng)))
        for name, true in truth.items():
            hits[name] += found[name].low <= true <= found[name].high
    return hits


def test_estimates_are_those_of_the_variance_components():
    values, labels = draw_spreads(9, 4, 0.4, 0.3, np.random.default_rng(1))
    clusters = group(values, labels)
    point, found = spreads(clusters), spread_ranges(clusters)
    for name, value in point.items():
        if name != "mean":
            assert found[name].value == pytest.approx(float(value[0]), rel=1e-12), name
            assert found[name].low < found[name].value < found[name].high, name
    share = point["sigma_d2d"] ** 2 / (point["sigma_d2d"] ** 2 + point["sigma_c2c"] ** 2)
    assert found["icc"].value == pytest.approx(float(share[0]), rel=1e-12)


def test_scaling_all_readings_scales_their_spreads():
    values, labels = draw_spreads(12, 3, 0.4, 0.3, np.random.default_rng(2))
    one, ten = (spread_ranges(group(factor * values, labels)) for factor in (1.0, 10.0))
    for name in set(one) - {"icc"}:
        assert ten[name].low == pytest.approx(10 * one[name].low, rel=1e-9), name
        assert ten[name].high == pytest.approx(10 * one[name].high, rel=1e-9), name
    assert ten["icc"].low == pytest.approx(one["icc"].low, rel=1e-9)


def test_two_devices_tell_little_and_equal_readings_nothing():
    values, labels = draw_spreads(2, 20, 0.4, 0.3, np.random.default_rng(3))
    found = spread_ranges(group(values, labels))
    assert found["sigma_d2d"].high > 10 * found["sigma_d2d"].value
    assert found["sigma_c2c"].high < 10 * found["sigma_c2c"].value
    alike = spread_ranges(group(np.ones(12), np.repeat(np.arange(4), 3)))
    assert all(alike[name].high == 0.0 for name in set(alike) - {"icc"})


def test_one_reading_of_each_device_tells_the_whole_spread_alone():
    values = np.random.default_rng(5).normal(0, 0.2, 300)
    found = spread_ranges(group(values, np.arange(300)))
    assert found["sigma"].low < values.std(ddof=1) < found["sigma"].high
    assert np.isnan(found["sigma_c2c"].value)


def test_devices_without_a_spread_of_their_own_may_have_none():
    low = [
        spread_ranges(group(*draw_spreads(20, 5, 0.0, 0.3, np.random.default_rng(seed))))[
            "sigma_d2d"
        ].low
        for seed in range(20)
    ]
    assert np.mean(np.array(low) == 0.0) >= 0.8


def test_correlations_freed_of_noise_stay_within_one():
    rng = np.random.default_rng(4)
    level = rng.standard_normal((6, 1)).repeat(2, axis=0)
    wide = {"hrs": level + 0.5 * rng.standard_normal((12, 5))}
    found = correlations(wide)["hrs_pair_correlation_d2d"]
    assert -1.0 <= found.low <= found.value <= found.high <= 1.0
    assert found.high > 0.9


def test_spread_intervals_hold_the_truth():
    hits = _spread_hits(60, 12, 10, 0.05, 0.08)
    assert min(hits.values()) >= stats.binom.ppf(1e-3, 60, 0.93), hits
    assert sum(hits.values()) < 60 * len(hits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("devices", "cycles", "d2d", "c2c"), [(12, 10, 0.05, 0.08), (40, 4, 0.4, 0.3), (100, 10, 1, 1)]
)
def test_coverage_of_spreads(devices, cycles, d2d, c2c):
    hits = _spread_hits(1000, devices, cycles, d2d, c2c)
    assert all(0.90 <= n / 1000 <= 0.99 for n in hits.values()), hits


@pytest.mark.slow
@pytest.mark.parametrize("devices", [20, 64])
def test_coverage_of_correlations_and_drift(devices):
    repeats = 400
    hits = dict.fromkeys((*CORRELATIONS, "drift"), 0)
    labels = np.repeat(np.arange(devices), CYCLES)
    cycles = np.tile(np.arange(1.0, CYCLES + 1), devices)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        found = correlations(draw_pairs(devices, rng))
        values, _ = draw_spreads(devices, CYCLES, 1.0, 1.0, rng)
        found["drift"] = fit_drift(values - 0.2 * np.log10(cycles), cycles, labels)
        for name, true in {**CORRELATIONS, "drift": -0.2}.items():
            hits[name] += found[name].low <= true <= found[name].high
    assert all(0.90 <= n / repeats <= 0.99 for n in hits.values()), hits
