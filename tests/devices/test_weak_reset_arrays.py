"""The weak-RESET laws on arrays of devices: against the equation, and against their statistics."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from rramchar.devices.piecewise_drift import (
    DriftDevices,
    drift_resistance,
    fresh_state,
    mean_log_shift,
    pink_taps,
    step_drift,
)
from rramchar.devices.weak_reset_law import WeakResetDevices, mean_fall, step_conductance

LAW = WeakResetDevices(
    fall_s=np.array([6e-6, 3e-6]), beta=np.array([3.0, 1.5]), eta_s=np.array([1e-6, 0.0]),
    g_min_s=np.array([20e-6, 10e-6]), g_max_s=np.array([143e-6, 150e-6]), v_ref_v=1.2,
    t_ref_s=1e-7, v_scale_v=0.15, width_exponent=1.0, read_noise_s=np.zeros(2),
)  # fmt: skip


def test_one_pulse_is_the_published_step():
    g = np.array([100e-6, 100e-6])
    x = (LAW.g_max_s - g) / (LAW.g_max_s - LAW.g_min_s)
    expected = LAW.fall_s * np.exp(-LAW.beta * x)
    assert mean_fall(g, LAW) == pytest.approx(expected, rel=1e-12)
    moved = step_conductance(g, LAW, [2.0, 2.0])
    assert moved == pytest.approx(g - expected + 2 * LAW.eta_s, rel=1e-12)
    assert (step_conductance(LAW.g_min_s, LAW, [-50.0, 0.0]) == LAW.g_min_s).all()


def test_integrated_pulse_solves_the_equation():
    """A pulse that halves the conductance, against scipy's integrator."""
    law = replace(LAW, integrated=True)
    g, strength = np.array([143e-6, 150e-6]), 40.0
    span = law.g_max_s - law.g_min_s

    def rate(_, now):
        return -strength * law.fall_s * np.exp(-law.beta * (law.g_max_s - now) / span)

    end = solve_ivp(rate, (0, 1), g, rtol=1e-10, atol=1e-16).y[:, -1]
    assert g - mean_fall(g, law, strength) == pytest.approx(end, rel=1e-7)
    # for a weak pulse both forms agree
    assert mean_fall(g, law, 1e-4) == pytest.approx(mean_fall(g, LAW, 1e-4), rel=1e-4)


def test_strength_follows_voltage_and_width():
    assert LAW.strength(1.2, 1e-7) == pytest.approx(1)
    assert LAW.strength(-1.35, 1e-7) == pytest.approx(np.e)  # the sign does not matter
    assert replace(LAW, width_exponent=0.5).strength(1.2, 4e-7) == pytest.approx(2)
    assert replace(LAW, v_scale_v=None).strength(9.0, 2e-7) == pytest.approx(2)
    quiet = replace(LAW, noise_exponent=1.0)
    weak = quiet.strength(0.0, 1e-7)
    g = np.array([100e-6, 100e-6])
    # a pulse of hardly any strength neither moves a device nor makes it noisy
    assert step_conductance(g, quiet, [3.0, 3.0], weak) == pytest.approx(g, rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.floats(20e-6, 143e-6), st.floats(20e-6, 143e-6), st.booleans())
def test_the_fall_grows_with_conductance(a, b, integrated):
    law = replace(LAW, integrated=integrated)
    low, high = sorted((a, b))
    assert (mean_fall(low, law)[:1] <= mean_fall(high, law)[:1]).all()


def test_taps_are_the_published_ones():
    assert pink_taps()[:6] == pytest.approx([1, 0.5, 0.375, 0.3125, 0.2734375, 0.24609375])
    assert len(pink_taps()) == 15


@settings(max_examples=50, deadline=None)
@given(st.floats(1, 2000), st.floats(0, 1e-2), st.floats(0, 1e-3), st.floats(-0.2, 0.2))
def test_the_line_bends_without_a_jump(kink, m1, m2, c1):
    below, above = mean_log_shift([kink * (1 - 1e-9), kink * (1 + 1e-9)], m1, kink, c1, m2)
    assert below == pytest.approx(above, abs=1e-6)
    assert mean_log_shift(kink + 10, m1, kink, c1, m2) == pytest.approx(c1 + m1 * kink + m2 * 10)


def _quiet(devices, **changes):
    base = {
        "m1": np.full(devices, 1e-3), "t_star": np.full(devices, 50.0),
        "c1": np.full(devices, 0.02), "m2": np.full(devices, 1e-5),
        "r0_ohm": np.full(devices, 7e3), "rtn_amplitude": np.zeros(devices), "alpha": 0.0,
        "p_up": 8e-4, "p_down": 2e-3,
    }  # fmt: skip
    return DriftDevices(**{**base, **changes})


def test_without_noise_the_resistance_is_the_line():
    devices, state = _quiet(3), fresh_state(3)
    rng = np.random.default_rng(0)
    assert (drift_resistance(devices, state) == 7e3).all()
    for pulse in range(1, 101):
        state = step_drift(devices, state, rng)
        expected = 7e3 * np.exp(mean_log_shift(pulse, 1e-3, 50.0, 0.02, 1e-5))
        assert drift_resistance(devices, state) == pytest.approx(np.full(3, expected))


def test_only_pulsed_devices_change():
    devices = _quiet(4, alpha=0.1, rtn_amplitude=np.full(4, 0.3), p_up=0.5, p_down=0.5)
    rng = np.random.default_rng(1)
    state = step_drift(devices, fresh_state(4), rng)
    before = drift_resistance(devices, state)
    after = step_drift(devices, state, rng, pulsed=np.array([True, False, True, False]))
    assert list(after.pulses) == [2, 1, 2, 1]
    same = drift_resistance(devices, after) == before
    assert list(same) == [False, True, False, True]


def test_noise_has_the_stated_statistics():
    count = 4000
    devices = _quiet(
        count, m1=np.zeros(count), c1=np.zeros(count), m2=np.zeros(count), alpha=0.025,
        rtn_amplitude=np.full(count, 0.3), p_up=0.02, p_down=0.05,
    )  # fmt: skip
    rng, state = np.random.default_rng(2), fresh_state(count)
    for _ in range(150):
        state = step_drift(devices, state, rng)
    # the chain forgets its start as 0.93^n; its upper state has share p_up / (p_up + p_down)
    assert state.high.mean() == pytest.approx(0.02 / 0.07, abs=0.03)
    pink = np.log(drift_resistance(devices, state) / 7e3) - 0.3 * state.high
    assert pink.std() == pytest.approx(0.025 * np.sqrt((pink_taps() ** 2).sum()), rel=0.05)
    assert pink.mean() == pytest.approx(0, abs=0.003)
