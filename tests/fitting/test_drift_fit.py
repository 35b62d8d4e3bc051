"""The piecewise drift of arXiv:2107.06064: lines, telegraph, rates, population."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.signal import lfilter

from rramchar.devices.piecewise_drift import mean_log_shift, pink_taps
from rramchar.errors import InputError
from rramchar.fitting.drift import fit_weak_reset_arxiv2107
from rramchar.fitting.drift_lines import fit_lines, whiten
from rramchar.fitting.published import published_model
from rramchar.fitting.simulate import draw_devices, simulate
from rramchar.fitting.telegraph import count_transitions, telegraph_paths

PUBLISHED = published_model("arxiv2107")
NAMES = tuple(PUBLISHED.parameters)


def _short(pulses):
    """Return the published model with kinks and transitions that a short record shows."""
    scale = pulses / 2000
    population = dict(PUBLISHED.population)
    for name in ("m1", "m2"):
        spec = population[name]
        stretched = {key: spec[key] / scale for key in ("lower", "upper")}
        value = spec["scale"]["value"] / scale
        population[name] = {**spec, **stretched, "scale": dict.fromkeys(spec["scale"], value)}
    spec = population["t_star"]
    median = dict.fromkeys(spec["median"], 0.3 * pulses)
    sigma = dict.fromkeys(spec["sigma"], 0.4)
    population["t_star"] = {**spec, "median": median, "sigma": sigma, "lower": 0.12 * pulses,
                            "upper": 0.85 * pulses}  # fmt: skip
    rates = {"p_up": 3 / pulses, "p_down": 5 / pulses}
    parameters = {
        name: replace(p, value=rates[name]) if name in rates else p
        for name, p in PUBLISHED.parameters.items()
    }
    return replace(PUBLISHED, population=population, parameters=parameters)


def _truth(model):
    spec = model.population
    return {
        "alpha": 0.025, "p_up": model.value("p_up"), "p_down": model.value("p_down"),
        "rtn_amplitude_max": 0.5, "m1_scale": spec["m1"]["scale"]["value"],
        "t_star_median": spec["t_star"]["median"]["value"],
        "t_star_sigma": spec["t_star"]["sigma"]["value"],
        "c1_mean": spec["c1"]["mean"]["value"], "c1_sd": spec["c1"]["sd"]["value"],
        "m2_scale": spec["m2"]["scale"]["value"], "R0_mean": 6988.0, "R0_sd": 381.7,
    }  # fmt: skip


def test_whitening_undoes_the_filter():
    white = np.random.default_rng(0).normal(size=(3, 200))
    pink = lfilter(pink_taps(), [1.0], white, axis=-1)
    assert whiten(pink) == pytest.approx(white, abs=1e-10)


@pytest.mark.parametrize("kink", [60.0, 133.4, 240.0])
def test_lines_without_noise_are_found_exactly(kink):
    t = np.arange(1, 301)
    y = mean_log_shift(t, 2e-3, kink, 0.03, 1e-4)[None]
    high = np.zeros((1, 300), dtype=bool)
    high[0, 80:200] = True
    fit = fit_lines(y + 0.2 * high, high)
    assert fit.theta[0] == pytest.approx([0.03, 2e-3, 1e-4, 0.2, kink], rel=3e-3)
    assert fit.square[0] < 1e-9
    # a record that ends early is fitted to its end
    cut = y + 0.2 * high
    cut[0, 290:] = np.nan
    assert fit_lines(cut, high).theta[0, :4] == pytest.approx([0.03, 2e-3, 1e-4, 0.2], rel=3e-3)


def test_errors_of_the_lines_are_those_of_the_information():
    rng = np.random.default_rng(1)
    t = np.arange(1, 401)
    noise = lfilter(pink_taps(), [1.0], 0.025 * rng.normal(size=(300, 400)), axis=-1)
    y = mean_log_shift(t, 1e-2, 150.0, 0.0, 1e-4) + noise
    fit = fit_lines(y, np.zeros(y.shape, dtype=bool))
    covariance = np.linalg.pinv(fit.information, hermitian=True) * 0.025**2
    z = (fit.theta - [0.0, 1e-2, 1e-4, 0.0, 150.0])[:, [0, 1, 2, 4]]
    z /= np.sqrt(np.einsum("dii->di", covariance))[:, [0, 1, 2, 4]]
    assert z.std(axis=0) == pytest.approx(1, abs=0.15)
    assert np.sqrt(fit.square.sum() / (300 * 396)) == pytest.approx(0.025, rel=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_paths_equal_the_best_of_all_paths(seed):
    rng = np.random.default_rng(seed)
    n, alpha, step, p_up, p_down = 11, 0.025, 0.12, 0.15, 0.2
    true = (np.cumsum(rng.random(n) < 0.2) % 2).astype(float)
    noise = lfilter(pink_taps(), [1.0], alpha * rng.normal(size=n)) + step * true

    def cost(path):
        steps = np.log([[1 - p_up, p_up], [p_down, 1 - p_down]])
        before = np.concatenate([[0], path[:-1]]).astype(int)
        white = whiten(noise - step * path)
        return -0.5 * (white**2).sum() / alpha**2 + steps[before, path.astype(int)].sum()

    best = max(product((0.0, 1.0), repeat=n), key=lambda path: cost(np.array(path)))
    found = telegraph_paths(noise[None], np.array([step]), alpha, p_up, p_down)[0]
    assert cost(found.astype(float)) == pytest.approx(cost(np.array(best)), abs=0.5)


def test_transitions_are_counted_from_the_low_state():
    high = np.array([[True, True, False, False, True, True]])
    ups, downs, low, up_pulses = count_transitions(high, np.array([5]))
    assert (ups[0], downs[0], low[0], up_pulses[0]) == (2, 1, 3, 2)


@pytest.fixture(scope="module")
def published_fit():
    drawn = draw_devices(PUBLISHED, 32, np.random.default_rng(np.random.SeedSequence(11)))
    return drawn, fit_weak_reset_arxiv2107(simulate(PUBLISHED, 32, 1600, 11))


def test_the_published_population_is_recovered(published_fit):
    _, fit = published_fit
    model = fit.model
    assert model.converged
    truth = _truth(PUBLISHED)
    held = [n for n in NAMES if model.parameters[n].low <= truth[n] <= model.parameters[n].high]
    open_ended = set(model.goodness["undetermined"])
    assert set(NAMES) - set(held) - open_ended == set() or len(held) >= len(NAMES) - 2
    assert model.value("alpha") == pytest.approx(0.025, rel=0.02)
    assert abs(model.goodness["residual_autocorrelation"]) < 0.03
    assert "describe the readings" in model.goodness["remark"]


def test_each_device_is_recovered(published_fit):
    drawn, fit = published_fit
    table = fit.per_device
    assert table["r0_ohm"].to_numpy() == pytest.approx(drawn.r0_ohm, rel=1e-9)
    seen = table["rtn_amplitude"].notna().to_numpy()
    assert seen.sum() > 12
    off = table["rtn_amplitude"].to_numpy()[seen] - drawn.rtn_amplitude[seen]
    assert np.median(np.abs(off)) < 0.01
    assert not seen[drawn.rtn_amplitude < 0.01].any()
    z = (table["m1"] - drawn.m1) / table["m1_error"]
    assert np.mean(np.abs(z) < 3) > 0.8
    known = (table["m1_error"] < 1e-4).to_numpy()
    assert known.sum() > 18
    assert np.corrcoef(table["m1"][known], drawn.m1[known])[0, 1] > 0.95
    assert table["alpha"].to_numpy() == pytest.approx(0.025, rel=0.15)


def test_simulated_and_measured_alike(published_fit):
    """What is drawn from the fit has the spread of what was fitted."""
    _, fit = published_fit
    again = simulate(fit.model, 300, 1000, 5)
    first = simulate(PUBLISHED, 300, 1000, 6)
    for pulse in (0, 100, 1000):
        a, b = (np.log(f[f["pulse"] == pulse]["resistance_ohm"]) for f in (first, again))
        assert b.mean() == pytest.approx(a.mean(), abs=4 * a.std() / np.sqrt(32))
        assert b.std() == pytest.approx(a.std(), rel=0.5)


def test_without_telegraph_its_parameters_are_named():
    quiet = {**_short(300).population}
    quiet["rtn_amplitude"] = {**quiet["rtn_amplitude"], "upper": 1e-6}
    model = replace(_short(300), population=quiet)
    found = fit_weak_reset_arxiv2107(simulate(model, 20, 300, 2)).model
    for name in ("p_up", "p_down", "rtn_amplitude_max"):
        assert name in found.goodness["undetermined"]
    assert found.goodness["telegraph_devices"] == 0
    assert found.parameters["p_up"].high < 1e-3
    # and what was found can still be drawn
    assert len(simulate(found, 3, 10, 1)) == 33


def test_white_noise_is_not_the_models_noise():
    frame = simulate(_short(300), 10, 300, 3)
    rough = np.exp(0.05 * np.random.default_rng(0).normal(size=len(frame)))
    model = fit_weak_reset_arxiv2107(
        frame.assign(resistance_ohm=frame["resistance_ohm"] * rough)
    ).model
    assert "not the 1/f noise" in model.goodness["remark"]


def test_records_are_used_to_their_first_gap():
    frame = simulate(_short(300), 8, 300, 4)
    gap = frame[~((frame["device"] == 3) & (frame["pulse"] == 200))]
    fit = fit_weak_reset_arxiv2107(gap)
    assert fit.model.goodness["left_out"] == {"readings behind a gap": 100}
    assert np.isfinite(fit.log_ratio).sum(axis=1).tolist() == [300, 300, 199] + [300] * 5
    late = fit_weak_reset_arxiv2107(frame[frame["pulse"] > 0]).model
    assert {"R0", "c1"} <= set(late.goodness["undetermined"])
    with pytest.raises(InputError, match="0 sequences with readings after 80 pulses"):
        fit_weak_reset_arxiv2107(frame[frame["pulse"] < 50])


@pytest.mark.slow
def test_coverage():
    repeats, short = 200, _short(700)
    truth = _truth(short)
    hits, open_ended = dict.fromkeys(truth, 0), set()
    for seed in range(repeats):
        model = fit_weak_reset_arxiv2107(simulate(short, 10, 700, seed)).model
        open_ended |= set(model.goodness["undetermined"])
        for name, true in truth.items():
            hits[name] += model.parameters[name].low <= true <= model.parameters[name].high
    for name, count in hits.items():
        assert count / repeats >= 0.90, (name, hits)
        # where some fits give limits instead of intervals, those hold the truth more often
        assert count / repeats <= 0.99 or name in open_ended, (name, hits)
