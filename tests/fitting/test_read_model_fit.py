"""The read model: recovery of a known amplifier, and the fit of real sweeps."""

import json

import numpy as np
import pandas as pd
import pytest

from rramchar.errors import InputError
from rramchar.fitting import FittedModel, load_model, save_model
from rramchar.fitting.read_decision import (
    INVALID,
    MINUS,
    PLUS,
    RATIO_OF_R_STAR,
    ZERO,
    closeness,
    decide,
    read_conditions,
)
from rramchar.fitting.read_model import Reads, _derived, fit_read_model, load_reads
from rramchar.fitting.read_offset import fit_offset
from rramchar.fitting.surface import Surface, fit_surface
from rramchar.sweep.plan import make_plan
from rramchar.sweep.run import run_plan

PARAMETERS = {"flavour": "hvt", "c_bl_f": "30f", "c_q_f": "10f", "precharge_time_s": "40n",
              "sample_time_s": "2n", "window_time_s": "20n"}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A nominal grid and a Monte Carlo of nearly equal pairs, on ngspice."""
    folder = tmp_path_factory.mktemp("reads")
    base = {"plan": {"testbench": "read", "technology": "generic130", "seed": 1},
            "parameters": PARAMETERS}  # fmt: skip
    grid = {
        "axes": {
            "vdd_v": [0.8],
            "r_bl_ohm": {"start": "4k", "stop": "400k", "num": 9, "scale": "log"},
            "r_blb_ohm": {"start": "4.2k", "stop": "390k", "num": 8, "scale": "log"},
        }
    }
    pairs = {
        "axes": {"vdd_v": [0.8]},
        "list": {"r_bl_ohm": ["9k", "11k", "9.5k", "45k", "55k", "50k"],
                 "r_blb_ohm": ["11k", "9k", "10.5k", "55k", "45k", "300k"]},
        "monte_carlo": {"samples": 40, "mismatch": True},
    }  # fmt: skip
    for name, part in (("grid", grid), ("pairs", pairs)):
        run_plan(make_plan({**base, **part}), folder / name)
    return [folder / "grid", folder / "pairs"]


def test_real_sweeps_are_fitted_and_checked_on_held_out_reads(runs, tmp_path):
    reads = load_reads(runs)
    model = fit_read_model(reads, seed=1)
    good = model.goodness["c0"]
    assert good["held_out_reads"] >= 5
    assert good["decision_error_rate"] <= 0.1
    assert good["ln_fall_rms"] < 0.1
    assert good["ln_sense_time_rms"] < 0.1
    assert good["ln_energy_rms"] < 0.05
    assert good["undetermined"] in ([], ["sigma_slope"])
    sigma = model.parameters["c0_sigma_ln_r"]
    assert 0.05 < sigma.low < sigma.value < sigma.high < 0.6
    save_model(model, tmp_path / "read.json")
    (condition,) = read_conditions(load_model(tmp_path / "read.json"))
    assert condition == read_conditions(model)[0]
    # Every nominal read of the sweep, by the model.
    bl, blb = (np.log(reads.nominal[c].to_numpy()) for c in ("r_bl_ohm", "r_blb_ohm"))
    names = np.array(["plus", "zero", "minus", "invalid"])
    agree = names[decide(condition, bl, blb)] == reads.nominal["outcome"].to_numpy()
    assert agree.mean() > 0.95
    star = condition.r_star_ohm(2e-9)
    assert star == pytest.approx(model.value("c0_r_star_ohm"))
    three = np.log(np.array([0.9, 1.1]) * star)
    assert decide(condition, three + np.log(3), three).tolist() == [PLUS, ZERO]


def test_a_nominal_sweep_alone_says_what_it_cannot_tell(runs):
    model = fit_read_model(load_reads(runs[:1]))
    assert "sigma_ln_r" in model.goodness["c0"]["undetermined"]
    assert "c0_sigma_ln_r" not in model.parameters
    (condition,) = read_conditions(model)
    with pytest.raises(InputError, match="offset's sigma is not known"):
        decide(condition, 9.0, 10.0, mismatch=np.random.default_rng(1))


def _known_reads(rng, samples=120):
    """Reads of an amplifier that follows the model exactly."""
    grid = np.log(np.geomspace(3e3, 5e5, 12))
    bl, blb = (a.ravel() for a in np.meshgrid(grid, grid + 0.05))
    near = np.array([[9.0, 9.1], [9.1, 9.0], [9.0, 9.3], [10.5, 10.4], [10.5, 10.7], [9.0, 11.5]])
    dice = rng.standard_normal((samples, 2)).repeat(len(near), axis=0)
    pairs = np.tile(near, (samples, 1))

    def frame(bl, blb, z, sample):
        lower = np.minimum(bl, blb)
        margin = bl - blb - 0.02 - 0.15 * np.exp(-0.1 * (lower - 9)) * z[:, 0]
        fall = np.exp(0.9 * (lower - 9) - 0.3 * closeness(margin) - 20 + 0.04 * z[:, 1])
        plus = margin > 0
        late = fall > 1e-8
        outcome = np.where(late, "zero", np.where(plus, "plus", "minus"))
        return _derived(
            pd.DataFrame(
                {
                    "corner": "tt", "temperature_c": 27.0, "vdd_v": 0.8, "sample": sample,
                    "r_bl_ohm": np.exp(bl), "r_blb_ohm": np.exp(blb), "outcome": outcome,
                    "sense_time_s": fall * 1.1, "read_energy_j": 1e-13 * np.exp(-0.1 * lower),
                    "precharge_ok": True, "q_fall_time_s": np.where(plus, np.nan, fall),
                    "qb_fall_time_s": np.where(plus, fall, np.nan),
                    "q_sampled_v": plus * 1.0, "qb_sampled_v": 1.0 - plus,
                }
            )
        )  # fmt: skip

    zero = np.tile([-0.02 / 0.15, 0.0], (len(bl), 1)) * [1, 0]
    nominal = frame(bl, blb, zero * 0, 0)
    random = frame(pairs[:, 0], pairs[:, 1], dice, np.arange(samples).repeat(len(near)))
    return Reads(nominal, random, 1e-8, 1e-6, 0)


def test_coverage_of_the_amplifiers():
    """Over 200 draws of 120 amplifiers, 95 % intervals hold the truth in 90 to 99 %."""
    repeats = 200
    held: dict[str, int] = {}
    for seed in range(repeats):
        model = fit_read_model(_known_reads(np.random.default_rng(seed)), seed=seed)
        (condition,) = read_conditions(model)
        truth = {
            "c0_offset_ln_r": 0.02,
            "c0_sigma_ln_r": 0.15 * (condition.reference_ohm / np.exp(9)) ** -0.1,
            "c0_sigma_slope": -0.1,
            "c0_sigma_ln_fall": 0.04,
        }
        for name, value in truth.items():
            found = model.parameters[name]
            held[name] = held.get(name, 0) + (found.low <= value <= found.high)
        star = model.parameters["c0_r_star_ohm"]  # of the nominal amplifier, so without chance
        h = np.log(1 - 1 / RATIO_OF_R_STAR)
        assert star.low <= np.exp(9 + (np.log(1e-8) + 20 + 0.3 * h) / 0.9) <= star.high
    for name, count in held.items():
        assert 0.90 <= count / repeats <= 0.99, (name, held)


def test_decisions_follow_the_mismatch():
    model = fit_read_model(_known_reads(np.random.default_rng(3)))
    (condition,) = read_conditions(model)
    lower = np.full(200_000, 9.0)
    codes = decide(condition, lower + 0.1, lower, mismatch=np.random.default_rng(1))
    margin = (0.1 - condition.offset_ln_r) / condition.sigma(9.0)
    from scipy.special import ndtr

    assert (codes == PLUS).mean() == pytest.approx(float(ndtr(margin)), abs=0.005)
    assert decide(condition, 9.0, 9.5) == MINUS
    assert decide(condition, 12.0, 13.0, sample_time_s=1e-9) == ZERO
    same = decide(condition, lower[:5], lower[:5] + 0.1, mismatch=np.zeros((5, 2)))
    np.testing.assert_array_equal(same, decide(condition, lower[:5], lower[:5] + 0.1))
    with pytest.raises(InputError, match="sample_time_s"):
        decide(condition, 9.0, 10.0, sample_time_s=1.0)
    from dataclasses import replace

    stale = replace(condition, precharge_ok=False)
    assert decide(stale, [9.0, 10.0], 9.5).tolist() == [INVALID, INVALID]


def test_decisions_that_never_go_against_the_order_tell_no_sigma():
    d = np.tile([-1.0, 1.0], 50)
    assert fit_offset(d, np.full(100, 9.0), d > 0, np.arange(100)) is None


def test_surfaces_are_exact_for_polynomials_and_flat_outside():
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0, 3, 80), rng.uniform(-2, 0, 80)
    truth = lambda a, b: 1 + a - 0.3 * a * b + 0.1 * b**3  # noqa: E731
    found = fit_surface(a, b, np.exp(truth(a, b)), "test")
    np.testing.assert_allclose(found.log(a, b), truth(a, b), atol=1e-9)
    assert found.log(9.0, -1.0) == pytest.approx(found.log(a.max(), -1.0))
    again = Surface.from_dict(json.loads(json.dumps(found.to_dict())), "here")
    assert again == found
    with pytest.raises(InputError, match="expected 9 or more"):
        fit_surface(a[:5], b[:5], a[:5], "few")
    with pytest.raises(InputError, match="do not vary both"):
        fit_surface(a, np.zeros(80), a, "flat")
    with pytest.raises(InputError, match="here: 1 coefficients"):
        Surface.from_dict({**found.to_dict(), "coefficients": [1.0]}, "here")


def test_other_models_and_other_circuits_are_refused(runs, tmp_path):
    with pytest.raises(InputError, match="expected 'read_model'"):
        read_conditions(FittedModel("resistance_lognormal", {}))
    with pytest.raises(InputError, match="missing or empty"):
        read_conditions(FittedModel("read_model", {}))
    plan = {
        "plan": {"testbench": "read", "technology": "generic130"},
        "parameters": {**PARAMETERS, "sample_time_s": "3n"},
        "axes": {"vdd_v": [0.8], "r_bl_ohm": ["5k"], "r_blb_ohm": ["50k"]},
    }
    run_plan(make_plan(plan), tmp_path / "other")
    with pytest.raises(InputError, match="other parameters"):
        load_reads([runs[0], tmp_path / "other"])
