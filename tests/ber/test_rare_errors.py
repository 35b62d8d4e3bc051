"""Line sampling against closed forms and quadrature, and distributions of the states."""

import math

import numpy as np
import pytest
from scipy import special

from rramchar.ber.analytic import ber_1t1r, ber_2t2r, best_model_threshold
from rramchar.ber.failure_point import LinearReads
from rramchar.ber.from_models import sample_2t2r
from rramchar.ber.rare import UNSOLVED, RareProblem, line_sampling
from rramchar.ber.states import FamilyState, NormalState, States, lognormal_states
from rramchar.errors import InputError
from rramchar.fitting.families import FAMILIES

OFFSET = {"offset_ln_r": 0.03, "sigma_ln_r": 0.12}


def _family(name, *theta):
    return FamilyState(FAMILIES[name], theta)


CASES = {
    "lognormal": lognormal_states(5e3, 9e4, 0.087, 0.23),
    "correlated": lognormal_states(5e3, 9e4, 0.2, 0.23, 0.3),
    # Both tails heavy: reads fail by a low HRS, but also by a high LRS alone.
    "student": States(_family("student_t", 3.7, 0.022, 4.0), _family("student_t", 4.95, 0.11, 6.0)),
    "skewed": States(_family("lognormal", 3.7, 0.07), _family("sinh_arcsinh", 5.0, 0.2, -0.2, 0.8)),
}


@pytest.mark.parametrize("name", CASES)
def test_line_sampling_agrees_with_the_exact_rate(name):
    """Six seeds each: the mean within 4 %, and nearly all intervals hold the exact rate."""
    exact = ber_2t2r(CASES[name], **OFFSET)
    found = [sample_2t2r(CASES[name], seed=seed, **OFFSET) for seed in range(6)]
    assert np.mean([f.ber for f in found]) == pytest.approx(exact, rel=0.04)
    assert sum(f.low <= exact <= f.high for f in found) >= 5
    assert all(f.converged and f.simulations <= 5000 for f in found)
    assert all((f.high - f.low) / 2 <= 0.2 * f.ber for f in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_intervals_cover_as_stated(name):
    exact = ber_2t2r(CASES[name], **OFFSET)
    held = 0
    for seed in range(200):
        found = sample_2t2r(CASES[name], seed=seed, **OFFSET)
        held += found.low <= exact <= found.high
    assert held >= 180


def test_brute_force_agrees_at_one_in_a_thousand():
    states = lognormal_states(5e3, 4e4, 0.1, 0.28)
    picture = LinearReads(states, 0.0, np.array([0.1]))
    points = np.random.default_rng(1).standard_normal((2_000_000, 3))
    case = np.arange(len(points)) % 2
    counted = (picture.margin(case, points) <= 0).mean()
    found = sample_2t2r(states, sigma_ln_r=0.1, seed=2)
    assert 5e-4 < counted < 5e-3
    assert found.low <= counted * 1.05
    assert found.high >= counted * 0.95
    assert counted == pytest.approx(ber_2t2r(states, sigma_ln_r=0.1), rel=0.05)


def test_a_wrong_prediction_costs_simulations_and_nothing_else():
    states = CASES["lognormal"]
    picture = LinearReads(states, 0.0, np.array([0.1]))
    exact = ber_2t2r(states, sigma_ln_r=0.1)
    found = {}
    for name, predict in (
        ("good", picture.predict),
        ("bad", lambda case, across: np.full(len(across), -4.0)),
    ):
        problem = RareProblem(picture.directions, lambda c, u: picture.margin(c, u) <= 0, predict)
        found[name] = [line_sampling(problem, seed=seed) for seed in range(8)]
        assert np.mean([f.ber for f in found[name]]) == pytest.approx(exact, rel=0.04)
    spent = {name: sum(f.simulations for f in each) for name, each in found.items()}
    assert spent["bad"] > spent["good"]


def test_a_wrong_direction_is_seen_in_the_effective_lines():
    """Lines along the weak LRS: few of them carry the estimate, and none is invented."""
    states = lognormal_states(5e3, 9e4, 0.05, 0.25)
    picture = LinearReads(states, 0.0, np.zeros(0))
    alpha = np.array([[-0.05, 1.0], [-0.05, 1.0]]) / math.hypot(0.05, 1)
    problem = RareProblem(
        alpha, lambda c, u: picture.margin(c, u) <= 0, lambda c, u: np.full(len(u), 9.0), heavy=0
    )
    found = line_sampling(problem, seed=1, budget=3000)
    assert found.low is None
    assert found.high is None
    assert "interval" in found.note or "no line" in found.note
    assert not found.converged


def test_budget_seed_and_target():
    states = CASES["lognormal"]
    calls = []
    picture = LinearReads(states, 0.0, np.array([0.1]))

    def fails(case, points):
        calls.append(len(points))
        return picture.margin(case, points) <= 0

    problem = RareProblem(picture.directions, fails, picture.predict)
    found = line_sampling(problem, seed=3, precision=1e-4, budget=2000)
    assert sum(calls) == found.simulations <= 2000
    assert not found.converged
    assert "wider than" in found.note
    assert line_sampling(problem, seed=3) == line_sampling(problem, seed=3)
    assert line_sampling(problem, seed=3).ber != line_sampling(problem, seed=4).ber
    below = line_sampling(problem, seed=3, precision=1e-4, budget=5000, target=1e-3)
    assert below.converged
    assert below.high < 1e-3


def _with_failures(states, unsolvable):
    """Reads of a linear amplifier that cannot be simulated at some points."""
    picture = LinearReads(states, 0.0, np.array([0.1]))

    def fails(case, points):
        margin = picture.margin(case, points)
        return np.where(unsolvable(margin, points), UNSOLVED, margin <= 0)

    return RareProblem(picture.directions, fails, picture.predict)


def test_scattered_failures_are_counted_and_bias_nothing():
    """One read in thirty fails: others beside it serve, and a failed last trial widens."""
    states = CASES["lognormal"]
    exact = ber_2t2r(states, sigma_ln_r=0.1)
    problem = _with_failures(states, lambda margin, points: points[:, 0] * 1e4 % 1 > 0.965)
    clean = _with_failures(states, lambda margin, points: np.zeros(len(points), bool))
    found = [line_sampling(problem, seed=seed) for seed in range(8)]
    assert np.mean([f.ber for f in found]) == pytest.approx(exact, rel=0.04)
    assert all(f.low < exact < f.high for f in found)
    assert all(f.failed_simulations and f.undetermined_lines for f in found)
    assert all("failed" in f.note and "both outcomes" in f.note for f in found)
    undisturbed = line_sampling(clean, seed=0)
    assert (undisturbed.failed_simulations, undisturbed.undetermined_lines) == (0, 0)
    assert undisturbed.note == ""


@pytest.mark.parametrize(
    "unsolvable",
    [
        lambda margin, points: np.abs(margin) < 0.06,  # just where the read flips
        lambda margin, points: points[:, 1] > 1.5,  # a tail of the LRS
    ],
)
def test_regions_that_cannot_be_simulated_leave_the_exact_rate_inside(unsolvable):
    states = CASES["lognormal"]
    exact = ber_2t2r(states, sigma_ln_r=0.1)
    for seed in range(4):
        found = line_sampling(_with_failures(states, unsolvable), seed=seed, budget=2500)
        assert found.undetermined_lines > 0
        assert found.simulations <= 2500
        assert found.low is None or found.low < exact < found.high
        assert found.low is not None or not found.converged


def test_nothing_is_claimed_where_nothing_can_be_simulated():
    problem = _with_failures(CASES["lognormal"], lambda margin, points: margin < 0.5)
    found = line_sampling(problem, seed=1, budget=3000)
    assert found.undetermined_lines > 0.9 * found.lines
    assert found.low is None
    assert "most lines are undetermined" in found.note
    assert not found.converged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "seed: -1"),
        ({"precision": 0}, "precision: 0"),
        ({"budget": 0}, "budget: 0"),
        ({"budget": 20}, "too few for"),
        ({"target": 2}, "target: 2"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        sample_2t2r(CASES["lognormal"], **{"seed": 0, **changes})


def test_quadrature_equals_the_closed_form():
    for rho in (0.0, 0.4):
        states = lognormal_states(4902, 91063, 0.087, 0.508, rho)
        as_family = States(
            _family("lognormal", math.log10(4902), 0.087),
            _family("lognormal", math.log10(91063), 0.508),
            rho,
        )
        for offset in ({}, OFFSET):
            assert ber_2t2r(as_family, **offset) == pytest.approx(
                ber_2t2r(states, **offset), rel=1e-9
            )


def test_published_medians_give_the_stated_rate():
    """The difference of two normal ln R is normal."""
    states = lognormal_states(4902, 91063, 0.087, 0.508)
    z = math.log10(91063 / 4902) / math.hypot(0.087, 0.508)
    assert ber_2t2r(states) == pytest.approx(special.ndtr(-z))


def test_no_threshold_beats_the_best():
    states = lognormal_states(4902, 91063, 0.087, 0.508)
    best = best_model_threshold(states)
    tried = np.geomspace(4902, 91063, 2000)
    assert ber_1t1r(states, best) <= min(ber_1t1r(states, float(t)) for t in tried) * (1 + 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_scores_and_probabilities_belong_together(name):
    u = np.linspace(-6, 6, 25)
    for state in (CASES[name].lrs, CASES[name].hrs):
        x = state.from_score(u)
        assert (np.diff(x) > 0).all()
        np.testing.assert_allclose(state.cdf(x[u < 0]), special.ndtr(u[u < 0]), rtol=1e-6)
        np.testing.assert_allclose(state.sf(x[u > 0]), special.ndtr(-u[u > 0]), rtol=1e-6)


def test_impossible_states_are_refused():
    with pytest.raises(InputError, match="hrs_sigma_log10: -1"):
        lognormal_states(5e3, 9e4, 0.1, -1)
    with pytest.raises(InputError, match="correlation: 1"):
        States(NormalState(8, 0.1), NormalState(11, 0.1), 1.0)
