"""From gradients to pulses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.nn.learn.rules import LAST_TAU, AdamRule, Moments, ThresholdRule
from rramchar.nn.optimizer import Adam


@given(seed=st.integers(0, 500), tau=st.floats(0.1, 4.0), pace=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_threshold_pulses_where_the_gradient_is_large(seed, tau, pace):
    gradient = np.random.default_rng(seed).standard_normal((9, 8)).astype(np.float32)
    rule = ThresholdRule(tau)
    rule.pace = pace
    asked = rule.pulses(gradient)
    limit = tau * (LAST_TAU - (LAST_TAU - 1) * pace) * np.sqrt((gradient.astype(float) ** 2).mean())
    flat = gradient.ravel()
    edge = np.abs(np.abs(flat) - limit) < 1e-5 * limit
    signs = np.zeros(72)
    signs[asked.up], signs[asked.down] = 1, -1
    expected = np.where(np.abs(flat) > limit, -np.sign(flat), 0)
    np.testing.assert_array_equal(signs[~edge], expected[~edge])
    assert asked.up_counts is None


def test_threshold_sends_bursts():
    asked = ThresholdRule(0.5, burst=7).pulses(np.array([[1.0, -1.0, 0.1]], np.float32))
    assert asked.up.tolist() == [1]
    assert asked.down.tolist() == [0]
    assert asked.up_counts.tolist() == asked.down_counts.tolist() == [7]


def test_a_gradient_of_zero_sends_nothing():
    for rule in (ThresholdRule(1.0), AdamRule(6, 0.3, 14, np.random.default_rng(0))):
        asked = rule.pulses(np.zeros((2, 3), np.float32))
        assert len(asked.up) == len(asked.down) == 0


def test_moments_take_the_steps_of_the_optimizer():
    rng = np.random.default_rng(3)
    weights = np.zeros(50, np.float32)
    adam, moments = Adam(weights), Moments(50)
    expected = np.zeros(50)
    for _ in range(20):
        gradient = rng.standard_normal(50).astype(np.float32)
        adam.step(gradient.copy(), 0.01)
        moments.steps += 1
        moments.update(gradient)
        expected -= 0.01 * moments.step()
    np.testing.assert_allclose(weights, expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("rate", [0.02, 0.3, 8.0])
def test_adam_sends_its_step_in_pulses_on_average(rate):
    size, repeats = 400, 400
    gradient = np.random.default_rng(1).standard_normal((20, 20)).astype(np.float32)
    total, square = np.zeros(size), np.zeros(size)
    for seed in range(repeats):
        rule = AdamRule(size, rate, 15, np.random.default_rng(seed))
        rule.pulses(gradient * np.float32(0.3))
        asked = rule.pulses(gradient.copy())
        sent = np.zeros(size)
        sent[asked.up] = 1 if asked.up_counts is None else asked.up_counts
        sent[asked.down] = -1 if asked.down_counts is None else -asked.down_counts
        total += sent
        square += sent**2
    moments = Moments(size)
    for scale in (0.3, 1.0):
        moments.steps += 1
        moments.update(gradient.ravel() * np.float32(scale))
    expected = -rate * moments.step()
    mean = total / repeats
    fraction = np.abs(expected) % 1
    error = np.sqrt(fraction * (1 - fraction) / repeats) + 1e-4
    assert (np.abs(mean - expected) < 5 * error).all()
    assert (square / repeats - mean**2 <= 0.25 * 1.4).all()  # no more noise than rounding has


def test_adam_is_bounded_and_can_stop():
    rule = AdamRule(4, 100.0, 14, np.random.default_rng(0))
    asked = rule.pulses(np.array([[1.0, -1.0, 2.0, -3.0]], np.float32))
    assert asked.up_counts.tolist() == [14, 14]
    assert asked.down.tolist() == [0, 2]
    rule.pace = 0.0
    asked = rule.pulses(np.ones((1, 4), np.float32))
    assert len(asked.up) == len(asked.down) == 0


def test_rules_go_on_from_their_state():
    gradients = np.random.default_rng(2).standard_normal((6, 5, 5)).astype(np.float32)
    one, other = (AdamRule(25, 0.5, 14, np.random.default_rng(0)) for _ in range(2))
    for gradient in gradients[:3]:
        one.pulses(gradient.copy())
    other.load_state(one.state_dict())
    one.rng, other.rng = np.random.default_rng(7), np.random.default_rng(7)
    for gradient in gradients[3:]:
        first, second = one.pulses(gradient.copy()), other.pulses(gradient.copy())
        np.testing.assert_array_equal(first.up, second.up)
        np.testing.assert_array_equal(first.down, second.down)
