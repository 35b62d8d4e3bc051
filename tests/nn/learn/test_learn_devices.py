"""Devices under training: pulses touch what they name, and follow the laws they are made from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.devices.piecewise_drift import (
    DriftDevices,
    drift_resistance,
    fresh_state,
    mean_log_shift,
    pink_taps,
    step_drift,
)
from rramchar.devices.weak_reset_law import WeakResetDevices, step_conductance
from rramchar.fitting.published import published_model
from rramchar.fitting.simulate import draw_devices
from rramchar.nn.learn.devices import IdealDevices
from rramchar.nn.learn.devices_drift import RING, DriftArray, turned_taps
from rramchar.nn.learn.devices_iedm import IedmDevices

COUNT = 60
LOW, HIGH = 20e-6, 143e-6


class Replay:
    """A generator that hands out given normals and uniforms in the order of the devices asked."""

    def __init__(self, normals, uniforms=None):
        self.normals, self.uniforms, self.at = normals, uniforms, None

    def standard_normal(self, size, dtype=None):
        return self.normals[self.at[:size]].astype(np.float32)

    def random(self, size, dtype=None):
        return self.uniforms[self.at[:size]].astype(np.float32)


def law(eta=0.0125, beta=3.0, integrated=False, spread=0.0, rng=None):
    ones = np.ones(COUNT) if rng is None else np.exp(spread * rng.standard_normal(COUNT))
    span = HIGH - LOW
    return WeakResetDevices(
        fall_s=0.05 * span * ones, beta=beta * np.ones(COUNT), eta_s=eta * span * np.ones(COUNT),
        g_min_s=np.full(COUNT, LOW), g_max_s=np.full(COUNT, HIGH), v_ref_v=1.2, t_ref_s=1e-7,
        v_scale_v=0.15, width_exponent=1.0, read_noise_s=np.zeros(COUNT), integrated=integrated,
    )  # fmt: skip


def make(kind, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "ideal":
        return IdealDevices(COUNT, 0.05, 0.0, rng)
    if kind == "iedm2019":
        return IedmDevices(COUNT, law(), 1.0, 0.0, rng)
    return DriftArray(draw_devices(published_model("arxiv2107"), COUNT, rng), 0.0, rng)


KINDS = ("ideal", "iedm2019", "arxiv2107")


@pytest.mark.parametrize("kind", KINDS)
@given(chosen=st.sets(st.integers(0, COUNT - 1), min_size=1), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_only_named_devices_change(kind, chosen, seed):
    devices = make(kind, seed)
    devices.weak_reset(np.arange(COUNT))
    at = np.array(sorted(chosen))
    before = {k: v.copy() for k, v in devices.state_dict().items()}
    shown = devices.log_conductance().copy()
    devices.weak_reset(at)
    devices.set(at[:3])
    others = np.setdiff1d(np.arange(COUNT), at)
    for name, array in devices.state_dict().items():
        np.testing.assert_array_equal(array[others], before[name][others])
    np.testing.assert_array_equal(devices.log_conductance(others), shown[others])


@given(beta=st.floats(0, 8), pulses=st.integers(1, 300), integrated=st.booleans())
@settings(max_examples=30, deadline=None)
def test_noiseless_pulses_lower_a_device_down_to_its_floor(beta, pulses, integrated):
    devices = IedmDevices(
        COUNT, law(eta=0.0, beta=beta, integrated=integrated), 1.0, 0.0, np.random.default_rng(0)
    )
    last = devices.log_conductance().copy()
    for _ in range(pulses):
        devices.weak_reset(np.array([3]))
        now = devices.log_conductance()
        assert now[3] <= last[3]
        last = now.copy()
    assert np.exp(now[3]) >= LOW * (1 - 1e-5)
    np.testing.assert_allclose(devices.normalized(np.array([0, 5])), 1.0)


def test_iedm_devices_follow_the_law_of_the_devices_package():
    rng = np.random.default_rng(4)
    for record in (law(), law(integrated=True), law(spread=0.3, rng=rng)):
        devices = IedmDevices(COUNT, record, 1.5, 0.0, rng)
        expected = np.full(COUNT, HIGH)
        every = np.arange(COUNT)
        for _ in range(40):
            normals = rng.standard_normal(COUNT)
            devices.rng = Replay(normals)
            devices.rng.at = every
            devices.weak_reset(every)
            expected = step_conductance(expected, record, normals, 1.5)
            np.testing.assert_allclose(np.exp(devices.log_conductance()), expected, rtol=3e-6)


def test_sparse_iedm_updates_equal_dense_ones_bit_for_bit():
    rng = np.random.default_rng(5)
    record = law(spread=0.3, rng=rng)
    sparse, dense = (IedmDevices(COUNT, record, 1.0, 0.0, rng) for _ in range(2))
    g = np.array(dense.state_dict()["conductance_s"])
    for _ in range(50):
        normals, hit = rng.standard_normal(COUNT), rng.random(COUNT) < 0.2
        at = np.flatnonzero(hit)
        sparse.rng = Replay(normals)
        sparse.rng.at = at
        sparse.weak_reset(at)
        g = np.where(hit, dense.pulsed(g, normals.astype(np.float32)), g)
        np.testing.assert_array_equal(sparse.state_dict()["conductance_s"], g)


def test_drift_devices_equal_the_dense_reference_with_full_histories():
    rng = np.random.default_rng(6)
    parameters = draw_devices(published_model("arxiv2107"), COUNT, rng)
    parameters = DriftDevices(
        **{**vars(parameters), "p_up": 0.2, "p_down": 0.3}  # so that telegraphs switch
    )
    devices, state = DriftArray(parameters, 0.0, rng), fresh_state(COUNT)
    for _ in range(60):
        normals, uniforms = rng.standard_normal(COUNT), rng.random(COUNT)
        hit = rng.random(COUNT) < 0.4
        at = np.flatnonzero(hit)
        devices.rng = Replay(normals, uniforms)
        devices.rng.at = at
        devices.weak_reset(at)
        replay = Replay(normals, uniforms)
        replay.at = np.arange(COUNT)
        state = step_drift(parameters, state, replay, hit)
        expected = np.where(
            state.pulses > 0, drift_resistance(parameters, state), parameters.r0_ohm
        )
        np.testing.assert_allclose(devices.log_conductance(), -np.log(expected), atol=3e-6)
        np.testing.assert_array_equal(devices.state_dict()["high"], state.high)
    assert state.pulses.max() > RING  # rings went round


def test_the_turned_filter_puts_each_weight_at_its_age():
    table, taps = turned_taps(), pink_taps()
    for newest in range(RING):
        for age in range(RING):
            expected = taps[age] if age < len(taps) else 0.0
            assert table[newest, (newest - age) % RING] == np.float32(expected)


def test_several_pulses_at_once_have_the_mean_and_noise_of_single_ones():
    one = DriftDevices(
        *(np.full(40_000, v) for v in (6e-4, 20.0, 0.01, 2e-5, 7e3, 0.3)), alpha=0.025,
        p_up=0.02, p_down=0.05,
    )  # fmt: skip
    every = np.arange(40_000)
    single, burst = (DriftArray(one, 0.0, np.random.default_rng(s)) for s in (0, 1))
    for _ in range(24):
        single.weak_reset(every)
    for _ in range(2):
        burst.weak_reset(every, np.full(40_000, 12))
    np.testing.assert_array_equal(burst.state_dict()["pulses"], 24)
    a, b = (-devices.log_conductance().astype(float) for devices in (single, burst))
    error = np.sqrt((a.var() + b.var()) / 40_000)
    assert abs(a.mean() - b.mean()) < 5 * error
    assert abs(a.std() / b.std() - 1) < 0.03
    high = single.state_dict()["high"].mean(), burst.state_dict()["high"].mean()
    assert abs(high[0] - high[1]) < 5 * np.sqrt(0.5 * 0.5 * 2 / 40_000)
    expected = np.log(7e3) + mean_log_shift(24, 6e-4, 20.0, 0.01, 2e-5) + 0.3 * high[0]
    assert abs(a.mean() - expected) < 5 * error


@pytest.mark.parametrize("kind", KINDS)
def test_a_set_brings_a_device_back(kind):
    devices = make(kind)
    fresh = devices.log_conductance().copy()
    at = np.array([1, 7, 20])
    for _ in range(10):
        devices.weak_reset(at)
    assert (devices.log_conductance(at) != fresh[at]).all()
    devices.set(at)
    np.testing.assert_array_equal(devices.log_conductance(), fresh)


def test_counts_send_as_many_pulses():
    one, many = make("ideal"), make("ideal")
    for _ in range(3):
        one.weak_reset(np.array([2]))
    one.weak_reset(np.array([4]))
    many.weak_reset(np.array([2, 4]), np.array([3, 1]))
    np.testing.assert_allclose(one.log_conductance(), many.log_conductance(), atol=1e-6)


def test_set_spread_has_the_spread_that_was_asked_for():
    rng = np.random.default_rng(8)
    record = law()
    devices = IedmDevices(COUNT, record, 1.0, 0.05, rng)
    found = []
    for _ in range(200):
        devices.set(np.arange(COUNT))
        found.append(devices.log_conductance().copy())
    assert np.std(found) == pytest.approx(0.05, rel=0.05)
    assert np.mean(found) == pytest.approx(np.log(HIGH), abs=0.005)
