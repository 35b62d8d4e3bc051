"""Distributions of log10 R and the fit that chooses among them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from rramchar.errors import InputError
from rramchar.fitting import fit_resistance, load_model, save_model, simulate_states
from rramchar.fitting.families import FAMILIES
from rramchar.fitting.structure import correlations, fit_drift
from rramchar.fitting.two_level import fit_two_level
from rramchar.measured import draw_cycling, read_measured
from rramchar.measured.cycling import cycling_frame

THETA = {
    "lognormal": [3.7, 0.1],
    "student_t": [3.7, 0.1, 4.0],
    "sinh_arcsinh": [3.7, 0.1, 0.4, 0.7],
    "two_lognormals": [3.7, 0.1, 4.2, 0.3, 0.1],
}
NO_CLIP = (0.0, np.inf)


def draw(name, devices, cycles, rng, icc=0.5):
    """Return labels and log10 R with the family as marginal distribution."""
    z = np.sqrt(icc) * rng.standard_normal((devices, 1))
    z = z + np.sqrt(1 - icc) * rng.standard_normal((devices, cycles))
    y = FAMILIES[name].from_score(z, np.array(THETA[name]))
    return np.repeat(np.arange(devices), cycles), y.ravel()


def frame_of(logs, devices, cycles, state="lrs", **columns):
    device, cycle = (i.ravel() for i in np.indices((devices, cycles)))
    return pd.DataFrame(
        {"device": device, "cycle": cycle + 1, "state": state, "resistance_ohm": 10.0**logs}
        | columns
    )


@pytest.mark.parametrize("name", THETA)
def test_densities_integrate_to_their_tail_probabilities(name):
    family, theta = FAMILIES[name], np.array(THETA[name])
    density = lambda y: float(np.exp(family.log_density(np.array([y]), theta))[0])  # noqa: E731
    for y in (3.55, 3.75, 4.1):
        below = integrate.quad(density, -1e4, y, points=[0, 3.7], limit=400)[0]
        assert float(np.exp(family.log_below(np.array([y]), theta))[0]) == pytest.approx(
            below, rel=1e-5
        )
        above = float(np.exp(family.log_above(np.array([y]), theta))[0])
        assert above == pytest.approx(1 - below, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(THETA)), st.floats(-5.5, 5.5))
def test_scores_and_values_are_inverse_far_into_the_tails(name, z):
    family, theta = FAMILIES[name], np.array(THETA[name])
    y = family.from_score(np.array([z]), theta)
    assert float(family.to_score(y, theta)[0]) == pytest.approx(z, abs=1e-6)


@pytest.mark.parametrize("name", THETA)
def test_auto_finds_the_family_that_was_drawn(name):
    rng = np.random.default_rng(7)
    _, logs = draw(name, 150, 40, rng, icc=0.2)
    model = fit_resistance(frame_of(logs, 150, 40), resamples=100)
    assert model.population["lrs"]["distribution"] == name
    assert model.name == f"resistance_{name}"
    for key, true in zip(model.population["lrs"]["theta"], THETA[name], strict=True):
        parameter = model.parameters[f"lrs_{key}"]
        assert abs(parameter.value - true) < 4 * parameter.standard_error, key
    table = model.goodness["lrs"]["candidates"]
    for entry in table.values():
        assert entry["bic"] - entry["aic"] == pytest.approx(
            entry["parameters"] * (np.log(6000) - 2)
        )


def _coverage(name, repeats, devices=60, cycles=20):
    family = FAMILIES[name]
    hits = np.zeros(len(THETA[name]))
    for seed in range(repeats):
        _, logs = draw(name, devices, cycles, np.random.default_rng(seed), icc=0.3)
        model = fit_resistance(frame_of(logs, devices, cycles), model=name, resamples=100)
        for i, coordinate in enumerate(family.coordinates):
            p = model.parameters.get(f"lrs_{coordinate.name}")
            hits[i] += p is not None and p.low <= THETA[name][i] <= p.high
    return hits


@pytest.mark.parametrize("name", ["student_t", "sinh_arcsinh"])
def test_intervals_of_tail_parameters_hold_the_truth(name):
    repeats = 10
    hits = _coverage(name, repeats)
    assert hits.min() >= stats.binom.ppf(1e-3, repeats, 0.92), hits
    assert hits.sum() < repeats * len(hits)  # intervals that are far too wide hold everything


@pytest.mark.slow
@pytest.mark.parametrize("name", THETA)
def test_coverage_of_the_families_is_near_nominal(name):
    repeats = 200
    hits = _coverage(name, repeats, devices=200, cycles=10)
    assert ((hits >= 0.90 * repeats) & (hits <= 0.99 * repeats)).all(), hits / repeats


def test_clusters_do_not_make_a_lognormal_look_like_something_else():
    chosen = [
        fit_resistance(draw_cycling(40, 20, seed, clip_ohm=NO_CLIP), resamples=100).name
        for seed in range(3)
    ]
    assert set(chosen) == {"resistance_lognormal"}


@pytest.mark.parametrize("limit", [2.0e5, 9.1e4])
def test_censored_readings_leave_the_estimates_alone(limit):
    """Readings above an instrument's limit: up to half of the HRS."""
    frame = draw_cycling(120, 20, 3, clip_ohm=NO_CLIP)
    above = (frame["state"] == "hrs") & (frame["resistance_ohm"] > limit)
    clipped = frame.assign(
        resistance_ohm=frame["resistance_ohm"].where(~above, limit),
        flag=np.where(above, "above", ""),
    )
    model = fit_resistance(clipped, model="lognormal", resamples=100)
    assert model.goodness["hrs"]["censored"]["above"] == int(above.sum()) > 500
    for name, true in (
        ("hrs_median_ohm", 91063.0),
        ("hrs_sigma_d2d_log10", 0.393),
        ("hrs_sigma_c2c_log10", 0.314),
    ):
        parameter = model.parameters[name]
        assert abs(parameter.value - true) < 3 * parameter.standard_error, name
    scale = model.value("hrs_scale_log10")
    assert scale == pytest.approx(np.hypot(0.393, 0.314), rel=0.15)


def test_two_levels_without_censoring_equal_the_exact_likelihood():
    """Balanced data: maximum likelihood in closed form (Searle 1992, section 3.7)."""
    rng = np.random.default_rng(2)
    k, n = 30, 6
    y = rng.normal(0, 0.4, (k, 1)) + rng.normal(0, 0.3, (k, n)) + 5
    within = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / (k * (n - 1))
    between = n * ((y.mean(axis=1) - y.mean()) ** 2).sum() / k
    labels = np.repeat(np.arange(k), n)
    mean, d2d, c2c = fit_two_level(y.ravel(), np.zeros(k * n, int), labels).values
    assert mean == pytest.approx(y.mean(), abs=1e-5)
    assert c2c == pytest.approx(np.sqrt(within), rel=1e-4)
    assert d2d == pytest.approx(np.sqrt((between - within) / n), rel=1e-4)


def _censored_coverage(repeats):
    hits = np.zeros(3)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        y = rng.normal(0, 0.4, (40, 1)) + rng.normal(0, 0.3, (40, 6))
        sides = (y > 0.3).astype(np.int64).ravel()
        fit = fit_two_level(np.minimum(y, 0.3).ravel(), sides, np.repeat(np.arange(40), 6))
        found = fit.parameters().values()
        hits += [p.low <= t <= p.high for p, t in zip(found, (0, 0.4, 0.3), strict=True)]
    return hits


def test_intervals_from_censored_readings_hold_the_truth():
    hits = _censored_coverage(10)
    assert hits.min() >= stats.binom.ppf(1e-3, 10, 0.92), hits


@pytest.mark.slow
def test_coverage_with_censoring_is_near_nominal():
    share = _censored_coverage(300) / 300
    assert ((share >= 0.90) & (share <= 0.99)).all(), share


def test_drift_and_correlations_that_were_put_in_are_found():
    rng = np.random.default_rng(4)
    devices, cycles = 400, 30
    level = rng.standard_normal((devices, 1))
    level[1::2] = 0.6 * level[0::2] + 0.8 * level[1::2]
    noise = rng.standard_normal((devices, cycles))
    noise[1::2] = 0.3 * noise[0::2] + np.sqrt(1 - 0.09) * noise[1::2]
    other = -0.5 * level + np.sqrt(0.75) * rng.standard_normal((devices, 1))
    hrs = level + noise
    lrs = other + rng.standard_normal((devices, cycles))
    found = correlations({"lrs": lrs, "hrs": hrs})
    for name, true in (
        ("hrs_pair_correlation_d2d", 0.6),
        ("hrs_pair_correlation_c2c", 0.3),
        ("lrs_hrs_correlation_d2d", -0.5),
        ("lrs_pair_correlation_c2c", 0.0),
    ):
        p = found[name]
        assert abs(p.value - true) < 3.5 * p.standard_error, name
        assert p.high - p.low < 0.4, name
    labels = np.repeat(np.arange(devices), cycles)
    cycle = np.tile(np.arange(1.0, cycles + 1), devices)
    drift = fit_drift(hrs.ravel() - 0.2 * np.log10(cycle), cycle, labels)
    assert drift.low < -0.2 < drift.high
    assert drift.high - drift.low < 0.2


def test_new_devices_have_the_fitted_statistics(tmp_path):
    rng = np.random.default_rng(5)
    y = rng.standard_normal((60, 2, 1)) + 0.7 * rng.standard_normal((60, 2, 25))
    wide = np.empty((60, 50))
    wide[:, 0::2] = 10 ** (5 + 0.3 * y[:, 0])
    wide[:, 1::2] = 10 ** FAMILIES["sinh_arcsinh"].from_score(
        y[:, 1] / np.hypot(1, 0.7), np.array(THETA["sinh_arcsinh"])
    )
    model = fit_resistance(cycling_frame(np.arange(60), wide), resamples=100)
    save_model(model, tmp_path / "m.json")
    model = load_model(tmp_path / "m.json")
    drawn = simulate_states(model, 600, 10, np.random.default_rng(1))
    again = fit_resistance(drawn, model="lognormal", resamples=100)
    for name in ("median_ohm", "sigma_log10", "sigma_d2d_log10"):
        for state in ("lrs", "hrs"):
            key = f"{state}_{name}"
            assert again.value(key) == pytest.approx(model.value(key), rel=0.2), key
    same = simulate_states(model, 5, 3, np.random.default_rng(2))
    assert same.equals(simulate_states(model, 5, 3, np.random.default_rng(2)))
    with pytest.raises(InputError, match="devices: 0"):
        simulate_states(model, 0, 3, np.random.default_rng(2))


def test_rows_without_a_number_are_left_out_and_counted():
    frame = draw_cycling(10, 5, 1).assign(flag="")
    frame.loc[3, ["flag", "resistance_ohm"]] = ["open", np.nan]
    model = fit_resistance(frame, model="lognormal", resamples=100)
    assert model.goodness["lrs"]["left_out"] == {"open": 1}
    with pytest.raises(InputError, match="model: 'weibull', expected auto, lognormal"):
        fit_resistance(frame, model="weibull")
    with pytest.raises(InputError, match="column state is missing"):
        fit_resistance(frame.drop(columns=["state", "operation"]))
    again = pd.concat([frame, frame.iloc[:1]], ignore_index=True)
    with pytest.raises(InputError, match="second hrs reading of device 1"):
        fit_resistance(again)


def test_censoring_that_hides_everything_names_what_is_lost():
    frame = draw_cycling(8, 4, 1).assign(resistance_ohm=1e5, flag="above")
    with pytest.raises(InputError, match="does not determine"):
        fit_resistance(frame, model="lognormal", resamples=100)


def test_measured_chips_have_other_tails_than_a_lognormal():
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured chip data")
    frame = read_measured(Path(root) / "measured" / "cycling" / "cycling-4-24-20.csv")
    model = fit_resistance(frame, resamples=100)
    assert model.population["lrs"]["distribution"] != "lognormal"
    for state in ("lrs", "hrs"):
        facts = model.goodness[state]
        assert facts["family_ks_distance"] < facts["ks_distance"]
    # README of the data: first 10 cycles 150938 ohm, last 100 of 300 80485 ohm
    drift = model.parameters["hrs_drift_log10_per_decade"]
    assert drift.high < 0
    assert model.parameters["lrs_hrs_correlation_d2d"].high < 0
    assert model.value("lrs_median_ohm") == pytest.approx(4902, abs=0.5)
