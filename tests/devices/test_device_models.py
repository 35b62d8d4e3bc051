"""The numpy side of the device models: their equations, limits and parameters."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.devices import MODELS, Filament, Static, WeakReset, make_model
from rramchar.devices.integrate import device_voltage_v, follow
from rramchar.devices.model import initial_state, library_path
from rramchar.devices.parameters import parameter_table
from rramchar.errors import InputError

VOLTS = st.floats(-3, 3)
GAPS = st.floats(0.1e-9, 1.7e-9)
KELVIN = st.floats(220, 420)


def _states(model):
    top = min(model.state_high, 1e6)
    return st.floats(model.state_low, top)


@pytest.mark.parametrize("model", [Static(), WeakReset(), Filament()], ids=lambda m: m.name)
@given(data=st.data())
def test_the_current_is_odd_and_rises_with_voltage(model, data):
    state = data.draw(_states(model))
    low, high = sorted((data.draw(VOLTS), data.draw(VOLTS)))
    assert model.current_a(-low, state) == pytest.approx(-model.current_a(low, state))
    assert model.current_a(high, state) >= model.current_a(low, state)


@given(VOLTS, GAPS, GAPS)
def test_a_wider_gap_carries_less_current(voltage, gap, other):
    near, far = sorted((gap, other))
    model = Filament()
    assert abs(model.current_a(voltage, far)) <= abs(model.current_a(voltage, near))


@given(VOLTS, GAPS, KELVIN)
def test_set_closes_the_gap_and_reset_opens_it(voltage, gap, kelvin):
    rate = float(Filament().rate(voltage, gap, kelvin))
    assert rate * voltage <= 0
    assert abs(rate) <= 1.0


# Above some 0.9 V the field alone overcomes the barrier, and heat only weakens it.
@given(st.floats(0.01, 0.8), GAPS, KELVIN, st.floats(1, 100))
def test_heat_speeds_the_gap_up(voltage, gap, kelvin, more):
    model = Filament()
    assert abs(model.rate(voltage, gap, kelvin + more)) >= abs(model.rate(voltage, gap, kelvin))


@given(VOLTS, st.floats(0, 1), st.floats(0, 1))
def test_weak_reset_only_lowers_conductance_and_slows_down(voltage, x, other):
    model = WeakReset()
    near, far = sorted((x, other))
    assert model.rate(voltage, near, 300) >= model.rate(voltage, far, 300) >= 0
    if voltage >= 0:
        assert model.rate(voltage, x, 300) == 0


def test_the_weak_reset_law_has_its_closed_form():
    model = WeakReset()
    time_s, volts = 2e-7, -1.0
    speed = float(model.rate(volts, 0.0, 300.0))
    x = follow(model, [0, time_s], [volts, volts], 0.0, temperature_k=300)[-1]
    assert x == pytest.approx(np.log(1 + model.beta * speed * time_s) / model.beta, rel=1e-4)
    assert speed == pytest.approx(model.rate_s_s / (model.g_max_s - model.g_min_s), rel=1e-3)


@pytest.mark.parametrize("model", [Static(), WeakReset(), Filament()], ids=lambda m: m.name)
@given(data=st.data())
def test_a_resistance_becomes_a_state_and_comes_back(model, data):
    state = data.draw(_states(model))
    resistance = 0.1 / float(model.current_a(0.1, state))
    assert initial_state(model, resistance, 0.1) == pytest.approx(state, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["weak_reset", "filament"])
def test_a_resistance_out_of_reach_is_refused_with_the_range(name):
    with pytest.raises(InputError, match=r"initial_r_ohm: 1e\+12 ohm, expected .* to .* ohm"):
        initial_state(make_model(name), 1e12, 0.1)


def test_noise_moves_a_state_and_keeps_it_in_its_limits():
    weak, filament = WeakReset(eta_s=2e-6), Filament(sigma_gap_m=0.1e-9)
    assert weak.conductance_s(weak.perturbed(0.5, 1.0)) - weak.conductance_s(0.5) == pytest.approx(
        2e-6
    )
    assert filament.perturbed(1e-9, -2.0) == pytest.approx(0.8e-9)
    assert filament.perturbed(1.65e-9, 5.0) == filament.gap_max_m
    assert weak.perturbed(0.0, 1.0) == 0.0
    assert Static().perturbed(5e3, 1.0) == 5e3


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_subcircuit_files_hold_the_same_defaults(model):
    record = model()
    text = library_path(record).read_text().replace("\n+", " ")
    header = re.search(rf"^\.subckt {record.subcircuit} p n state (.*)$", text, re.MULTILINE)[1]
    found = {k: float(v) for k, v in (pair.split("=") for pair in header.split())}
    assert record.subcircuit_parameters().items() <= found.items()
    assert len(found) == len(record.subcircuit_parameters()) + 1  # the initial state


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_parameter_says_what_it_is(model):
    infos = parameter_table(model)
    assert [info.name for info in infos] == [field.name for field in dataclasses.fields(model)]
    for info in infos:
        assert info.low <= info.default <= info.high
        assert info.unit
        assert info.description
        assert info.source


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("filment", {}, "device.model: 'filment', expected one of static, weak_reset, filament"),
        ("filament", {"gap": 1}, "unknown parameter 'gap'"),
        ("filament", {"gap_scale_m": 0.0}, r"device.gap_scale_m: 0 m, expected 1e-11 to 1e-08 m"),
        ("filament", {"i0_a": float("nan")}, "device.i0_a: nan A"),
        ("filament", {"i0_a": True}, "device.i0_a: True"),
        ("filament", {"gap_min_m": 2e-9}, "device.gap_min_m: 2e-09 m"),
        ("weak_reset", {"g_min_s": 1.0}, "device.g_min_s: 1 S, expected below g_max_s"),
    ],
)
def test_bad_parameters_are_named(name, values, message):
    with pytest.raises(InputError, match=message):
        make_model(name, values)


def test_a_series_resistor_takes_its_share():
    model = Static()
    across = device_voltage_v(model, 1.0, 10e3, 10e3)
    assert across + 10e3 * model.current_a(across, 10e3) == pytest.approx(1.0)
    assert 0 < across < 0.5
    assert device_voltage_v(model, -1.0, 10e3, 0.0) == -1.0
