"""SET against compliance and RESET against voltage: recovery, censoring, measured sweeps."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rramchar.errors import InputError
from rramchar.fitting.reset_conditions import complete_sweeps
from rramchar.fitting.reset_law import fit_reset_law, predict_reset, simulate_reset
from rramchar.fitting.set_law import fit_set_law, predict_set, simulate_set
from rramchar.measured import read_measured

CURRENTS = np.array([2e-5, 5e-5, 1e-4, 2e-4])
SET = {
    "exponent_b": 0.9,
    "a": 0.5,
    "resistance_ref_ohm": 0.5 * float(np.exp(np.log(CURRENTS).mean())) ** -0.9,
    "sigma_log10": float(np.hypot(0.05, 0.08)),
    "sigma_d2d_log10": 0.05,
    "sigma_c2c_log10": 0.08,
}
LINE = {
    "resistance_ref_ohm": 10**4.8,
    "slope_decade_per_v": 0.8,
    "sigma_ref_log10": 0.3,
    "log_sigma_slope_per_v": 0.0,
    "width_gain_v_per_decade": 0.2,
}
ONSET = {
    "resistance_low_ohm": 10**3.78,
    "sigma_low_log10": 0.015,
    "resistance_onset_ohm": 10**4.2,
    "slope_decade_per_v": 0.8,
    "sigma_high_log10": 0.25,
    "v_onset_v": 0.9,
    "softness_v": 0.05,
}
WORD_LINE = {"exponent_b": 0.7, "v_threshold_v": 0.8, "resistance_ref_ohm": None}


def draw_set(devices, cycles, rng):
    device, step, _ = (i.ravel() for i in np.indices((devices, len(CURRENTS), cycles)))
    logs = np.log10(SET["a"]) - SET["exponent_b"] * np.log10(CURRENTS[step])
    logs = logs + SET["sigma_d2d_log10"] * rng.standard_normal(devices)[device]
    logs = logs + SET["sigma_c2c_log10"] * rng.standard_normal(len(device))
    return pd.DataFrame({
        "device": device, "compliance_a": CURRENTS[step], "operation": "SET",
        "resistance_ohm": 10.0**logs,
    })  # fmt: skip


def draw_reset(devices, cycles, rng, stop=None):
    volts, widths = np.array([1.5, 1.75, 2.0, 2.5]), np.array([1e-7, 1e-6, 1e-5])
    shape = (devices, len(volts), len(widths), cycles)
    device, i, j, _ = (index.ravel() for index in np.indices(shape))
    v = volts[i] + LINE["width_gain_v_per_decade"] * np.log10(widths[j] / 1e-6)
    z = np.sqrt(0.5) * (rng.standard_normal(devices)[device] + rng.standard_normal(len(device)))
    logs = 4.8 + LINE["slope_decade_per_v"] * (v - volts.mean()) + LINE["sigma_ref_log10"] * z
    frame = pd.DataFrame({
        "device": device, "v_reset_v": volts[i], "pulse_width_s": widths[j],
        "operation": "RESET", "resistance_ohm": 10.0**logs,
    })  # fmt: skip
    if stop is None:
        return frame
    above = frame["resistance_ohm"] > stop
    frame["resistance_ohm"] = frame["resistance_ohm"].where(~above, stop)
    return frame.assign(flag=np.where(above, "above", ""))


def draw_onset(devices, rng):
    v = np.tile(np.arange(0.0, 2.0, 0.1), 2 * devices)
    switched = rng.random(len(v)) < 1 / (1 + np.exp(-(v - 0.9) / 0.05))
    logs = np.where(
        switched,
        4.2 + 0.8 * (v - 0.9) + 0.25 * rng.standard_normal(len(v)),
        3.78 + 0.015 * rng.standard_normal(len(v)),
    )
    device = np.repeat(np.arange(devices), len(v) // devices)
    return pd.DataFrame({"device": device, "v_reset_v": v, "resistance_ohm": 10.0**logs})


def draw_word_line(devices, rng):
    v = np.tile(np.linspace(1.2, 3.0, 10), devices)
    r = 6e3 / (v - 0.8) ** 0.7 * 10 ** (0.03 * rng.standard_normal(len(v)))
    device = np.arange(len(v)) // 10
    return pd.DataFrame({"device": device, "v_wl_v": v, "resistance_ohm": r})


def _hits(model, truth):
    found = model.parameters
    return np.array([
        name in found and found[name].low <= true <= found[name].high
        for name, true in truth.items()
    ])  # fmt: skip


def _coverage(kind, repeats):
    total = 0
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        if kind == "set":
            total = total + _hits(fit_set_law(draw_set(40, 4, rng)), SET)
        elif kind == "word line":
            model = fit_set_law(draw_word_line(100, rng))
            middle = 6e3 / (model.population["reference"] - 0.8) ** 0.7
            total = total + _hits(model, {**WORD_LINE, "resistance_ref_ohm": middle})
        elif kind == "onset":
            model = fit_reset_law(draw_onset(40, rng), shape="onset", seed=seed)
            total = total + _hits(model, ONSET)
        else:
            frame = draw_reset(40, 2, rng, stop=2e5 if kind == "censored" else None)
            model = fit_reset_law(frame, shape="line", seed=seed)
            # the reference is the mean of the voltages that are not mostly censored
            middle = 10 ** (4.8 + 0.8 * (model.population["v_ref"] - 1.9375))
            total = total + _hits(model, {**LINE, "resistance_ref_ohm": middle})
    return total


@pytest.mark.parametrize("kind", ["set", "reset", "censored"])
def test_drawn_laws_are_recovered(kind):
    hits = _coverage(kind, 5)
    assert hits.min() >= stats.binom.ppf(1e-3, 5, 0.92), hits


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["set", "word line", "reset", "censored", "onset"])
def test_coverage_of_the_programming_laws(kind):
    share = _coverage(kind, 200) / 200
    assert ((share >= 0.90) & (share <= 0.99)).all(), share


def test_cells_that_failed_to_set_do_not_bend_the_law():
    rng = np.random.default_rng(1)
    frame = draw_set(40, 5, rng)
    failed = rng.random(len(frame)) < 0.05
    frame.loc[failed & (frame["compliance_a"] > 1e-4), "resistance_ohm"] = 2e5
    model = fit_set_law(frame)
    assert model.population["residuals"] == "student_t"
    b = model.parameters["exponent_b"]
    assert abs(b.value - 0.9) < 0.03
    slope = -np.polyfit(np.log10(frame["compliance_a"]), np.log10(frame["resistance_ohm"]), 1)[0]
    assert abs(slope - 0.9) > 3 * abs(b.value - 0.9)


def test_the_word_line_law_finds_its_threshold():
    model = fit_set_law(draw_word_line(200, np.random.default_rng(2)))
    assert model.parameters["v_threshold_v"].low < 0.8 < model.parameters["v_threshold_v"].high
    assert model.parameters["exponent_b"].low < 0.7 < model.parameters["exponent_b"].high
    assert predict_set(model, np.array([2.0]))[0] == pytest.approx(6e3 / 1.2**0.7, rel=0.01)


def test_a_bent_law_is_called_bent():
    frame = draw_set(50, 5, np.random.default_rng(3))
    x = np.log10(frame["compliance_a"] / 6e-5)
    bent = frame.assign(resistance_ohm=frame["resistance_ohm"] * 10 ** (0.3 * x**2))
    assert "bend away" in fit_set_law(bent).goodness["remark"]
    assert "a power law describes" in fit_set_law(frame).goodness["remark"]


def test_new_devices_fit_to_the_same_laws():
    rng = np.random.default_rng(4)
    for model, simulate, fit in (
        (fit_set_law(draw_set(40, 5, rng)), simulate_set, fit_set_law),
        (fit_reset_law(draw_reset(40, 5, rng)), simulate_reset, fit_reset_law),
    ):
        again = fit(simulate(model, 100, 3, np.random.default_rng(1)))
        name = "exponent_b" if fit is fit_set_law else "slope_decade_per_v"
        assert again.value(name) == pytest.approx(model.value(name), rel=0.1)
        drawn = simulate(model, 3, 2, np.random.default_rng(1))
        assert drawn.equals(simulate(model, 3, 2, np.random.default_rng(1)))


def test_the_onset_of_a_step_sweep_is_found():
    model = fit_reset_law(draw_onset(60, np.random.default_rng(5)))
    assert model.population["shape"] == "onset"
    for name, true in ONSET.items():
        p = model.parameters[name]
        assert abs(p.value - true) < 4 * p.standard_error, name
    median, sigma = predict_reset(model, np.array([0.3, 1.5]))
    assert np.log10(median) == pytest.approx([3.78, 4.2 + 0.8 * 0.6], abs=0.03)
    assert sigma == pytest.approx([0.015, 0.25], rel=0.1)


def test_sweeps_that_ended_are_completed_as_censored():
    frame = pd.DataFrame({
        "device": [1, 1, 1, 2, 2], "sweep": [0, 0, 0, 0, 0],
        "v_reset_v": [1.0, 1.5, 2.0, 1.0, 1.5], "resistance_ohm": [5e3, 2e4, 9e4, 5e3, 2e5],
    })  # fmt: skip
    full, added = complete_sweeps(frame, "v_reset_v", 1e5)
    assert added == 1
    last = full.iloc[-1]
    assert (last["device"], last["v_reset_v"], last["resistance_ohm"]) == (2, 2.0, 1e5)
    assert full["flag"].tolist() == ["", "", "", "", "", "above"]
    with pytest.raises(InputError, match="column sweep is missing"):
        complete_sweeps(frame.drop(columns="sweep"), "v_reset_v", 1e5)


@pytest.mark.parametrize(
    ("fit", "frame", "message"),
    [
        (fit_set_law, draw_set(5, 2, np.random.default_rng(1)).query("compliance_a < 1e-4"),
         "2 values of compliance_a do not determine exponent_b"),
        (fit_set_law, draw_set(1, 5, np.random.default_rng(1)), "1 device, expected at least 2"),
        (fit_set_law, pd.DataFrame({"device": [1], "resistance_ohm": [1.0]}),
         "column compliance_a is missing"),
        (fit_set_law, draw_set(3, 2, np.random.default_rng(1)).assign(operation="RESET"),
         "no reading after SET"),
        (fit_reset_law, draw_reset(5, 2, np.random.default_rng(1)).query("v_reset_v < 1.8"),
         "2 values of v_reset_v do not determine slope_decade_per_v"),
    ],
)  # fmt: skip
def test_too_little_data_names_what_is_lost(fit, frame, message):
    with pytest.raises(InputError, match=message):
        fit(frame)


def test_measured_sweeps():
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured sweeps")
    measured = Path(root) / "measured"
    sweep = measured / "reset_sweep" / "reset-sweep-sl-200ns-step-0.05-9-21-20.csv"
    model = fit_reset_law(read_measured(sweep), stop_ohm=1e5)
    assert model.population["against"] == "v_reset_v"
    assert model.goodness["largest_deviation_decades"] < 0.12
    # README of the data: 6.08 kohm (0.018) at 0.65 V, 14.45 at 1.0 V, 35.0 at 1.35 V
    table = {round(row["voltage_v"], 2): row for row in model.population["conditions"]}
    for v, kohm in ((0.65, 6.08), (1.0, 14.45)):
        assert table[v]["median_ohm"] / 1e3 == pytest.approx(kohm, abs=0.006)
    # censored steps raise the median of what went on at 1.35 V
    assert 35.0 <= table[1.35]["median_ohm"] / 1e3 < 37
    pulses = read_measured(measured / "set_sweep" / "fppv-sweep-1us-4-2-21.csv")
    law = fit_set_law(pulses, limits=(1.75, 3.0))
    median = predict_set(law, np.array([1.75, 2.0, 2.5, 3.0]))
    # README of the data: 5.96k, 5.03k, 4.58k, 4.50k
    assert median == pytest.approx([5960, 5030, 4580, 4500], rel=0.03)
