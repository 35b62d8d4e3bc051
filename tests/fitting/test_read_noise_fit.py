"""Spectrum slope and telegraph noise: formulas, recovery, and measured traces."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.read_noise import (
    continuous_rates,
    draw_power_law,
    draw_telegraph,
    fit_read_noise,
    simulate_read_noise,
)
from rramchar.fitting.rtn import decode, fit_telegraph, log_likelihood
from rramchar.fitting.spectrum import fit_spectrum
from rramchar.measured import read_measured

TRUTH = {"step": 1.5, "phi": 0.6, "sigma": 0.3, "p_up": 0.02, "p_down": 0.05}


def trace(reads, rng):
    background = np.zeros(reads)
    for t, e in enumerate(rng.normal(0, TRUTH["sigma"], reads)):
        background[t] = TRUTH["phi"] * background[t - 1] + e if t else e / 0.8
    high = draw_telegraph(reads, TRUTH["p_up"], TRUTH["p_down"], rng)
    return 5 + TRUTH["step"] * high + background, high


def loop_likelihood(x, theta):
    """Forward recursion, written out with loops."""
    low, step, phi, sigma, up, down = theta
    levels, chain = (low, low + step), ((1 - up, up), (down, 1 - down))
    wide = sigma / np.sqrt(1 - phi**2)
    start = (down / (up + down), up / (up + down))
    alpha = [start[s] * stats.norm.pdf(x[0], levels[s], wide) for s in (0, 1)]
    for t in range(1, len(x)):
        alpha = [
            sum(
                alpha[i]
                * chain[i][j]
                * stats.norm.pdf(x[t], levels[j] + phi * (x[t - 1] - levels[i]), sigma)
                for i in (0, 1)
            )
            for j in (0, 1)
        ]
    return np.log(sum(alpha))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_tree_product_equals_the_forward_recursion(seed, reads):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=reads)
    theta = np.array([*rng.normal(size=1), *rng.uniform(0.3, 0.9, 5)])
    assert log_likelihood(x, theta) == pytest.approx(loop_likelihood(x, theta), rel=1e-9)


def test_decoding_equals_enumeration_of_all_paths():
    rng = np.random.default_rng(3)
    x = rng.normal(size=7)
    levels = {"low": -0.4, "step": 1.1, "phi": 0.3, "sigma": 0.7, "p_up": 0.2, "p_down": 0.35}
    places, chain = (-0.4, 0.7), ((0.8, 0.2), (0.35, 0.65))
    weight, total = np.zeros(7), 0.0
    for path in np.ndindex(*(2,) * 7):
        p = (0.35 / 0.55, 0.2 / 0.55)[path[0]]
        p *= stats.norm.pdf(x[0], places[path[0]], 0.7 / np.sqrt(1 - 0.09))
        for t in range(1, 7):
            i, j = path[t - 1], path[t]
            p *= chain[i][j] * stats.norm.pdf(x[t], places[j] + 0.3 * (x[t - 1] - places[i]), 0.7)
        total += p
        weight += p * np.array(path)
    assert decode(x, levels) == pytest.approx(weight / total, rel=1e-9)


def _rtn_coverage(repeats, reads=2000):
    hits = dict.fromkeys(TRUTH, 0)
    for seed in range(repeats):
        found = fit_telegraph(trace(reads, np.random.default_rng(seed))[0])
        assert found.detected, found.reason
        for name, true in TRUTH.items():
            p = found.parameters[name]
            hits[name] += p.low <= true <= p.high
    return hits


def test_telegraph_noise_is_recovered():
    hits = _rtn_coverage(4)
    assert min(hits.values()) >= stats.binom.ppf(1e-3, 4, 0.92), hits


@pytest.mark.slow
def test_coverage_of_the_telegraph_parameters():
    hits = _rtn_coverage(200)
    assert all(0.90 <= n / 200 <= 0.99 for n in hits.values()), hits


def test_decoded_levels_are_the_drawn_ones():
    x, high = trace(3000, np.random.default_rng(1))
    found = fit_telegraph(x)
    assert ((decode(x, found.values) > 0.5) == (high > 0.5)).mean() > 0.98


@pytest.mark.parametrize("slope", [0.0, -1.0, -1.4])
def test_noise_without_levels_is_not_taken_for_telegraph_noise(slope):
    for seed in range(2):
        found = fit_telegraph(draw_power_law(1000, slope, np.random.default_rng(seed)))
        assert not found.detected
        assert found.reason


def _slope_coverage(repeats, reads, slope):
    fits = [
        fit_spectrum(draw_power_law(reads, slope, np.random.default_rng(s)), 100.0).slope
        for s in range(repeats)
    ]
    return sum(p.low <= slope <= p.high for p in fits), fits


@pytest.mark.parametrize(
    ("reads", "slope"), [(256, -1.0), (2000, -0.8), (20000, -1.2), (4000, 0.0)]
)
def test_slopes_are_recovered(reads, slope):
    hits, fits = _slope_coverage(60, reads, slope)
    assert hits >= stats.binom.ppf(1e-3, 60, 0.94)
    values = np.array([p.value for p in fits])
    assert abs(values.mean() - slope) < 4 * values.std() / np.sqrt(60) + 0.02
    # the stated standard error is that of the estimates
    assert np.mean([p.standard_error for p in fits]) == pytest.approx(values.std(), rel=0.35)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reads", "slope"), [(256, -1.0), (500, -1.2), (2000, -1.0), (20000, -0.8), (20000, -1.2)]
)
def test_coverage_of_slopes(reads, slope):
    hits, _ = _slope_coverage(400, reads, slope)
    assert 0.90 <= hits / 400 <= 0.99


def test_rates_in_continuous_time_allow_for_jumps_between_reads():
    up, down = 30.0, 50.0
    for rate in (1000.0, 100.0, 50.0):
        decay = -np.expm1(-(up + down) / rate)
        p_up, p_down = up / (up + down) * decay, down / (up + down) * decay
        assert continuous_rates(p_up, p_down, rate) == pytest.approx((up, down), rel=1e-9)
    assert np.isnan(continuous_rates(0.6, 0.6, 1.0)).all()


def test_telegraph_chain_has_its_rates():
    high = draw_telegraph(200_000, 0.01, 0.03, np.random.default_rng(2))
    assert high.mean() == pytest.approx(0.25, abs=0.02)
    jumps = (np.diff(high) > 0).sum() / (high == 0).sum()
    assert jumps == pytest.approx(0.01, rel=0.1)


def frame_of(traces, rate=None):
    parts = []
    for device, g in enumerate(traces, start=1):
        columns = {"device": device, "resistance_ohm": 1 / g}
        if rate:
            columns["time_s"] = np.arange(len(g)) / rate
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def test_drawn_devices_fit_to_the_same_noise():
    rng = np.random.default_rng(8)
    traces = [1e-5 * (1 + 0.02 * (trace(3000, rng)[0] - 5)) for _ in range(3)]
    model = fit_read_noise(frame_of(traces, rate=50.0))
    assert model.population["timed"]
    assert model.value("rtn_share") == 1.0
    step = model.parameters["rtn_relative_step"]
    assert step.value == pytest.approx(0.03, rel=0.1)
    up = model.parameters["rtn_rate_up_per_s"]
    assert up.value == pytest.approx(continuous_rates(0.02, 0.05, 50.0)[0], rel=0.4)
    drawn = simulate_read_noise(model, 3, 3000, np.random.default_rng(1))
    again = fit_read_noise(drawn)
    assert again.value("rtn_relative_step") == pytest.approx(step.value, rel=0.15)
    assert again.value("relative_sigma") == pytest.approx(model.value("relative_sigma"), rel=0.3)
    assert drawn.equals(simulate_read_noise(model, 3, 3000, np.random.default_rng(1)))


def test_reads_without_a_time_give_rates_per_read():
    g = 1e-5 * (1 + 0.02 * (trace(2000, np.random.default_rng(1))[0] - 5))
    model = fit_read_noise(frame_of([g]))
    assert model.parameters["rtn_rate_up_per_read"].unit == "1/read"
    quiet = fit_read_noise(frame_of([g]), rtn=False)
    assert set(quiet.parameters) == {"spectrum_slope"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.head(100), "device 1 has 100 reads, expected at least 256"),
        (lambda f: f.assign(resistance_ohm=5e3), "all reads of device 1 are equal"),
        (lambda f: f.assign(time_s=f["time_s"] ** 2), "not equally spaced in time_s"),
        (lambda f: f.assign(flag="above"), "600 readings are censored"),
    ],
)
def test_traces_that_cannot_be_fitted_are_named(change, message):
    g = 1e-5 * (1 + 0.01 * np.random.default_rng(1).normal(size=600))
    with pytest.raises(InputError, match=message):
        fit_read_noise(change(frame_of([g], rate=10.0)))


def test_measured_traces_have_the_slopes_of_their_description():
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured traces")
    path = Path(root) / "measured" / "read_noise" / "techA-tsdata.min.tsv.gz"
    frame = read_measured(path)
    model = fit_read_noise(frame, band_hz=(0.1, 50.0), rtn=False)
    rows = model.population["devices"]
    # README of the data: slopes between -0.8 and -1.35 from 0.1 to 50 Hz; means and deviations
    assert all(-1.36 <= row["spectrum_slope"] <= -0.79 for row in rows)
    means = [row["mean_siemens"] * 1e6 for row in rows]
    assert means == pytest.approx([9.48, 85.3, 134, 185, 253], rel=5e-3)
