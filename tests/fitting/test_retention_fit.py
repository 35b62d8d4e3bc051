"""Retention and relaxation: recovery of drawn laws, and the measured figures."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.retention import fit_retention, predict_change, simulate_retention
from rramchar.fitting.retention_changes import take_changes
from rramchar.measured import read_measured

K_EV = 8.617333262e-5
TIMES = (0.01, 1.0, 100.0, 1e4)
RELAX = {
    "shift_1s_siemens": -5e-7,
    "shift_per_decade_siemens": -2e-7,
    "sigma_1s_siemens": 4e-6,
    "sigma_per_decade_siemens": 7e-7,
}
BAKE = {
    "shift_floor_siemens": 2e-6,
    "shift_activated_siemens": -5e-5,
    "sigma_floor_siemens": 1.2e-5,
    "sigma_activated_siemens": 5e-5,
    "activation_energy_ev": 0.4,
    "shift_activation_energy_ev": 0.8,
}


def draw_relaxation(devices, rng):
    first = rng.uniform(6e-5, 1.2e-4, devices)
    parts = [pd.DataFrame({"device": range(devices), "time_s": 0.0, "g": first})]
    for t in TIMES:
        x = np.log10(t)
        mean = RELAX["shift_1s_siemens"] + RELAX["shift_per_decade_siemens"] * x
        sigma = RELAX["sigma_1s_siemens"] + RELAX["sigma_per_decade_siemens"] * x
        g = first + mean + sigma * rng.standard_normal(devices)
        parts.append(pd.DataFrame({"device": range(devices), "time_s": t, "g": g}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(resistance_ohm=1 / frame.pop("g"))


def draw_bakes(devices, rng, temperatures=(100.0, 140.0, 180.0, 220.0, 260.0)):
    parts, hot = [], 260.0 + 273.15
    for c in temperatures:
        h, shift = (
            np.exp(-BAKE[name] / K_EV * (1 / (c + 273.15) - 1 / hot))
            for name in ("activation_energy_ev", "shift_activation_energy_ev")
        )
        first = rng.uniform(4e-4, 6e-4, devices)
        mean = BAKE["shift_floor_siemens"] + BAKE["shift_activated_siemens"] * shift
        sigma = np.hypot(BAKE["sigma_floor_siemens"], BAKE["sigma_activated_siemens"] * h)
        last = first + mean + sigma * rng.standard_normal(devices)
        for t, g in ((0.0, first), (5000.0, last)):
            columns = {"device": range(devices), "time_s": t, "temperature_c": c}
            parts.append(pd.DataFrame({**columns, "resistance_ohm": 1 / g}))
    return pd.concat(parts, ignore_index=True)


LAWS = {"log_time": (draw_relaxation, RELAX), "arrhenius": (draw_bakes, BAKE)}


def _coverage(law, repeats, devices):
    draw, truth = LAWS[law]
    hits = dict.fromkeys(truth, 0)
    for seed in range(repeats):
        frame = draw(devices, np.random.default_rng(seed))
        model = fit_retention(frame, ranges=0, resamples=200, seed=seed)
        assert model.population["law"] == law
        for name, true in truth.items():
            hits[name] += model.parameters[name].low <= true <= model.parameters[name].high
    return hits


@pytest.mark.parametrize("law", LAWS)
def test_the_drawn_law_is_recovered(law):
    hits = _coverage(law, 12, 500)
    assert min(hits.values()) >= stats.binom.ppf(1e-3, 12, 0.92), hits


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_coverage_of_the_laws_is_near_nominal(law):
    hits = _coverage(law, 200, 500)
    assert all(0.90 <= n / 200 <= 0.99 for n in hits.values()), hits


def test_new_devices_have_the_fitted_law():
    frame = draw_relaxation(3000, np.random.default_rng(1))
    model = fit_retention(frame, resamples=100)
    drawn = simulate_retention(model, 6000, 5, np.random.default_rng(2))
    again = fit_retention(drawn, resamples=100, ranges=0)
    for name, p in model.parameters.items():
        other = again.parameters[name]
        assert abs(other.value - p.value) < 4 * np.hypot(p.standard_error, other.standard_error)
    mean, sigma = predict_change(model, np.array([9e-5]), 1.0, 27.0)
    assert float(sigma[0]) == pytest.approx(RELAX["sigma_1s_siemens"], rel=0.1)
    assert float(mean[0]) == pytest.approx(RELAX["shift_1s_siemens"], abs=4e-7)
    with pytest.raises(InputError, match="time_s: 0"):
        predict_change(model, np.array([9e-5]), 0.0, 27.0)


def test_ranges_hold_their_own_law():
    """Spread that grows with the initial conductance shows in the ranges."""
    rng = np.random.default_rng(3)
    first = rng.uniform(2e-5, 2e-4, 4000)
    frames = [pd.DataFrame({"device": range(4000), "time_s": 0.0, "resistance_ohm": 1 / first})]
    for t in (1.0, 100.0):
        g = first * (1 + 0.05 * rng.standard_normal(4000))
        frames.append(pd.DataFrame({"device": range(4000), "time_s": t, "resistance_ohm": 1 / g}))
    model = fit_retention(pd.concat(frames, ignore_index=True), ranges=4, resamples=100)
    parts = model.population["ranges"]
    assert len(parts) == 4
    for part in parts:
        middle = (part["g_low_siemens"] + part["g_high_siemens"]) / 2
        assert part["conditions"][0]["sigma_siemens"] == pytest.approx(0.05 * middle, rel=0.1)


def test_changes_are_taken_from_the_first_reading_at_each_temperature():
    frame = pd.DataFrame({
        "device": ["a", "b", "a", "b", "a", "a"],
        "temperature_c": [100.0, 100.0, 100.0, 100.0, 150.0, 150.0],
        "time_s": [0.0, 0.0, 10.0, 11.0, 0.0, 10.0],
        "resistance_ohm": [1e4, 2e4, 2e4, 1e4, 5e3, 1e4],
    })  # fmt: skip
    data = take_changes(frame)
    assert data.temperature_c.tolist() == [100.0, 150.0]
    expected = [[-5e-5, -1e-4], [5e-5, np.nan]]
    assert data.change == pytest.approx(np.array(expected), nan_ok=True)
    assert data.initial[0].tolist() == pytest.approx([1e-4, 2e-4])


def test_data_that_cannot_determine_a_law_say_so():
    frame = draw_bakes(100, np.random.default_rng(1), temperatures=(100.0, 260.0))
    with pytest.raises(InputError, match="activation_energy_ev"):
        fit_retention(frame)
    one = frame[frame["time_s"] == 0]
    with pytest.raises(InputError, match="no device was read at two times"):
        fit_retention(one)
    with pytest.raises(InputError, match="column time_s is missing"):
        fit_retention(frame.drop(columns="time_s"))
    # the same spread at every temperature: no activation energy
    rng = np.random.default_rng(2)
    flat = draw_bakes(300, rng)
    last = flat["time_s"] > 0
    start = 1 / flat["resistance_ohm"].to_numpy()[~last.to_numpy()]
    flat.loc[last, "resistance_ohm"] = 1 / (start + 1e-5 * rng.standard_normal(len(start)))
    model = fit_retention(flat, ranges=0, resamples=200)
    assert "activation_energy_ev" in model.goodness["undetermined"]
    assert "activation_energy_ev" in model.goodness["remark"]


def test_measured_spreads_are_those_of_their_description():
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured retention data")
    measured = Path(root) / "measured"
    bake = fit_retention(read_measured(measured / "retention" / "techA-bake.tsv.gz"))
    sigma = [row["sigma_siemens"] * 1e6 for row in bake.population["conditions"]]
    assert sigma == pytest.approx([13.5, 16.8, 20.7, 30.1, 53.8], abs=0.06)
    assert 0.25 < bake.value("activation_energy_ev") < 0.45
    path = measured / "relaxation" / "techB-relaxdata_10k.min.tsv.gz"
    relax = fit_retention(read_measured(path))
    sigma = [row["sigma_siemens"] * 1e6 for row in relax.population["conditions"]]
    assert sigma == pytest.approx([2.27, 3.49, 4.54, 5.21, 5.83, 7.79], abs=0.01)
