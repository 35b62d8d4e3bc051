"""The lognormal resistance fit: formulas, recovery of drawn parameters, and the measured chips."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting import (
    FittedModel,
    fit_resistance_lognormal,
    quantile_points,
    simulate_resistance,
)
from rramchar.fitting.clusters import bootstrap, group, quantiles, spreads
from rramchar.measured import draw_cycling, read_cycling
from rramchar.measured.synthetic import HRS, LRS

NO_CLIP = (0.0, float("inf"))
TRUTH = {
    f"{state}_{name}": float(value)
    for state, spread in (("lrs", LRS), ("hrs", HRS))
    for name, value in {
        "median_ohm": spread.median_ohm,
        "geometric_mean_ohm": spread.median_ohm,
        "sigma_log10": np.hypot(spread.sigma_d2d_log10, spread.sigma_c2c_log10),
        "sigma_robust_log10": np.hypot(spread.sigma_d2d_log10, spread.sigma_c2c_log10),
        "sigma_d2d_log10": spread.sigma_d2d_log10,
        "sigma_c2c_log10": spread.sigma_c2c_log10,
    }.items()
}


def _unbalanced(rng, devices=7):
    counts = rng.integers(1, 9, size=devices)
    counts[0] = 5
    labels = np.repeat(np.arange(devices), counts)
    values = rng.normal(size=devices)[labels] + rng.normal(size=labels.size) + 4
    return values, labels


@pytest.mark.parametrize("seed", range(5))
def test_components_equal_the_textbook_sums(seed):
    """Unbalanced one-way ANOVA, written out with loops."""
    values, labels = _unbalanced(np.random.default_rng(seed))
    groups = [values[labels == d] for d in range(labels.max() + 1)]
    n, k = np.array([len(g) for g in groups]), len(groups)
    ssw = sum(((g - g.mean()) ** 2).sum() for g in groups)
    ssb = sum(len(g) * (g.mean() - values.mean()) ** 2 for g in groups)
    msw, msb = ssw / (n.sum() - k), ssb / (k - 1)
    n0 = (n.sum() - (n**2).sum() / n.sum()) / (k - 1)
    found = {key: value[0] for key, value in spreads(group(values, labels)).items()}
    assert found["sigma_c2c"] == pytest.approx(np.sqrt(msw), rel=1e-12)
    assert found["sigma_d2d"] == pytest.approx(np.sqrt(max(0, (msb - msw) / n0)), rel=1e-10)
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert found["sigma"] == pytest.approx(values.std(ddof=1), rel=1e-12)
    means = [g.mean() for g in groups]
    assert found["sigma_of_means"] == pytest.approx(np.std(means, ddof=1), rel=1e-12)
    own = [g.std(ddof=1) for g in groups if len(g) > 1]
    assert found["sigma_within"] == pytest.approx(np.mean(own), rel=1e-12)


def test_weights_are_the_same_as_repeated_devices():
    rng = np.random.default_rng(4)
    values, labels = _unbalanced(rng)
    picks = np.array([0, 0, 0, 2, 3, 3, 6])
    parts = [values[labels == d] for d in picks]
    repeated = np.concatenate(parts)
    relabelled = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    weights = np.bincount(picks, minlength=7).astype(float)[None]
    clusters = group(values, labels)
    direct = spreads(group(repeated, relabelled))
    for key, value in spreads(clusters, weights).items():
        assert value[0] == pytest.approx(direct[key][0], rel=1e-9), key
    # binned quantiles: within the gap between neighbouring readings
    found = quantiles(clusters, weights, (0.5,))[0, 0]
    middle = np.sort(repeated)[[len(repeated) // 2 - 1, len(repeated) // 2 + 1]]
    assert middle[0] <= found <= middle[1]


def test_bootstrap_of_the_mean_has_the_known_standard_error():
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=400), np.arange(400)
    means, places = bootstrap(group(values, labels), 4000, rng)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.06)
    assert places[:, 1].mean() == pytest.approx(np.median(values), abs=0.03)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 3))
def test_scaling_all_resistances_moves_only_the_medians(seed, shift):
    frame = draw_cycling(6, 3, seed, clip_ohm=NO_CLIP)
    moved = frame.assign(resistance_ohm=frame["resistance_ohm"] * 10**shift)
    a, b = (fit_resistance_lognormal(f, resamples=100) for f in (frame, moved))
    for name, parameter in a.parameters.items():
        factor = 10**shift if parameter.unit == "ohm" else 1
        assert b.value(name) == pytest.approx(parameter.value * factor, rel=1e-6, abs=1e-9)


def _coverage(repeats, devices, cycles, resamples):
    hits = dict.fromkeys(TRUTH, 0)
    for seed in range(repeats):
        frame = draw_cycling(devices, cycles, seed, clip_ohm=NO_CLIP)
        model = fit_resistance_lognormal(frame, seed=seed, resamples=resamples)
        for name, true in TRUTH.items():
            hits[name] += model.parameters[name].low <= true <= model.parameters[name].high
    return hits


def test_intervals_hold_the_drawn_parameters():
    repeats = 40
    hits = _coverage(repeats, devices=40, cycles=10, resamples=300)
    # 95 % nominal, about 92 % for spreads of 40 devices: below 1e-3 chance of fewer hits
    least = int(stats.binom.ppf(1e-3, repeats, 0.92))
    assert min(hits.values()) >= least, hits
    # intervals that are far too wide would hold everything
    assert sum(hits.values()) < repeats * len(hits)


@pytest.mark.slow
def test_coverage_is_near_nominal():
    repeats = 400
    hits = _coverage(repeats, devices=60, cycles=10, resamples=1000)
    for name, count in hits.items():
        assert 0.90 <= count / repeats <= 0.99, (name, count / repeats)


def test_drawing_from_a_fit_and_fitting_again_gives_the_same_parameters():
    model = fit_resistance_lognormal(draw_cycling(100, 10, 3, clip_ohm=NO_CLIP), resamples=100)
    drawn = simulate_resistance(model, 3000, 10, seed=8)
    again = fit_resistance_lognormal(drawn, resamples=100)
    for name in TRUTH:
        assert again.value(name) == pytest.approx(model.value(name), rel=0.06), name
    assert simulate_resistance(model, 4, 3, 8).equals(simulate_resistance(model, 4, 3, 8))
    with pytest.raises(InputError, match="cannot be drawn"):
        simulate_resistance(FittedModel("other", {}), 2, 2, 1)


def test_same_seed_same_intervals():
    frame = draw_cycling(10, 5, 1)
    one, two, other = (fit_resistance_lognormal(frame, seed=s, resamples=200) for s in (1, 1, 2))
    assert one == two
    assert one.parameters != other.parameters


def test_bad_descriptions_are_named():
    good = draw_cycling(200, 10, 2)
    assert all(g["lognormal"] for g in fit_resistance_lognormal(good).goodness.values())
    stuck = good["device"] <= 10  # 5 % of the cells stuck near HRS
    lrs = good["state"] == "lrs"
    values = good["resistance_ohm"].where(~(stuck & lrs), 8e4)
    model = fit_resistance_lognormal(good.assign(resistance_ohm=values), resamples=100)
    assert not model.goodness["lrs"]["lognormal"]
    assert "badly" in model.goodness["lrs"]["remark"]
    assert model.goodness["hrs"]["lognormal"]
    # the robust spread hardly notices, the standard deviation does
    assert model.value("lrs_sigma_robust_log10") < 0.1 < 0.2 < model.value("lrs_sigma_log10")


def test_equal_readings_have_no_spread():
    frame = draw_cycling(3, 3, 1).assign(resistance_ohm=5e3)
    model = fit_resistance_lognormal(frame, resamples=100)
    assert model.value("lrs_median_ohm") == pytest.approx(5e3)
    assert model.value("lrs_sigma_log10") == pytest.approx(0, abs=1e-12)
    assert model.goodness["lrs"]["remark"] == "all readings are equal"


def test_one_state_alone_is_fitted():
    frame = draw_cycling(5, 4, 1)
    model = fit_resistance_lognormal(frame[frame["state"] == "lrs"], resamples=100)
    assert {name.split("_")[0] for name in model.parameters} == {"lrs"}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (draw_cycling(1, 5, 1), "lrs: readings of 1 device, expected at least 2"),
        (draw_cycling(5, 1, 1), "lrs: one reading per device, expected at least 2 cycles"),
        (pd.DataFrame({"device": [1]}), "column cycle is missing"),
    ],
)
def test_too_little_data_is_refused(frame, message):
    with pytest.raises(InputError, match=message):
        fit_resistance_lognormal(frame)


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="resamples: 10"):
        fit_resistance_lognormal(draw_cycling(3, 3, 1), resamples=10)
    with pytest.raises(InputError, match="seed: -1"):
        fit_resistance_lognormal(draw_cycling(3, 3, 1), seed=-1)


def test_quantile_points_of_a_lognormal_lie_on_its_line():
    values = 10 ** (4 + 0.2 * np.random.default_rng(1).standard_normal(20000))
    log10_r, quantile = quantile_points(values)
    slope, start = np.polyfit(quantile, log10_r, 1)
    assert (slope, start) == (pytest.approx(0.2, rel=0.02), pytest.approx(4, abs=0.01))
    assert (np.diff(log10_r) >= 0).all()
    assert quantile[0] == pytest.approx(-quantile[-1])
    with pytest.raises(InputError, match="above 0"):
        quantile_points(np.array([1.0, 0.0]))


CHIPS = {
    "cycling-4-24-20.csv": {
        "lrs_median_ohm": (4902, 0.5),
        "hrs_median_ohm": (91063, 0.5),
        "lrs_sigma_log10": (0.087, 5e-4),
        "hrs_sigma_log10": (0.508, 5e-4),
        "lrs_sigma_within_log10": (0.064, 5e-4),
        "hrs_sigma_within_log10": (0.314, 5e-4),
        "lrs_sigma_of_means_log10": (0.044, 5e-4),
        "hrs_sigma_of_means_log10": (0.393, 1e-3),  # 0.39375 or 0.3930 for k - 1 or k
        "lrs_sigma_robust_log10": (0.054, 5e-4),
        "hrs_sigma_robust_log10": (0.547, 5e-4),
    },
    "cycling-5-5-20.csv": {
        "lrs_median_ohm": (4980, 0.5),
        "hrs_median_ohm": (84238, 0.5),
        "lrs_sigma_log10": (0.224, 5e-4),
        "hrs_sigma_log10": (0.515, 5e-4),
    },
}


@pytest.mark.parametrize("name", CHIPS)
def test_measured_chips(name):
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured chip data")
    frame = read_cycling(Path(root) / "measured" / "cycling" / name)
    model = fit_resistance_lognormal(frame, resamples=500)
    for parameter, (expected, tolerance) in CHIPS[name].items():
        assert model.value(parameter) == pytest.approx(expected, abs=tolerance), parameter
    for parameter in model.parameters.values():
        assert parameter.low < parameter.value < parameter.high
    assert not model.goodness["lrs"]["lognormal"]  # long tails and stuck cells
