"""The subcircuits on real ngspice, held against the numpy equations along whole pulse trains."""

import dataclasses

import numpy as np
import pytest
from PySpice.Spice.Netlist import Circuit

from rramchar.devices import Filament, Static, WeakReset
from rramchar.devices.integrate import follow
from rramchar.devices.model import library_path
from rramchar.spice.deck import Deck
from rramchar.spice.session import process_session, simulate

EDGE_S = 10e-9


def _train(pulses, rest_s=50e-9):
    """Corners of a train of (height, width): times [s], heights [V], index after each pulse."""
    times, volts, ends = [0.0], [0.0], []
    for height, width_s in pulses:
        for step_s, value in ((EDGE_S, height), (width_s, height), (EDGE_S, 0.0), (rest_s, 0.0)):
            times.append(times[-1] + step_s)
            volts.append(value)
        ends.append(len(times) - 1)
    return np.array(times), np.array(volts), ends


def _spice(model, times_s, volts_v, state, *, temperature_c, series_ohm, step_s, accuracy="write"):
    circuit = Circuit("device under a pulse train")
    circuit.raw_spice = f'.include "{library_path(model)}"\n'
    circuit.PieceWiseLinearVoltageSource(
        "drive",
        "drive",
        "0",
        values=list(zip(map(float, times_s), map(float, volts_v), strict=True)),
    )
    circuit.R("series", "drive", "p", series_ohm)
    circuit.C("node", "p", "0", 5e-15)  # without it an abrupt SET has no solution in finite steps
    circuit.X("dut", model.subcircuit, "p", "0", "state", **model.subcircuit_parameters())
    deck = Deck(str(circuit), temperature_c, float(times_s[-1]), step_s,
                ("v(state)", "v(p)", "i(vdrive)"))  # fmt: skip
    start = {"@v.xdut.vinit[dc]": state / model.state_unit}
    waves, _ = simulate(process_session(), deck, start, accuracy)
    return waves


def _state_at(waves, times_s, model):
    return np.interp(times_s, waves["time"], waves["v(state)"]) * model.state_unit


FILAMENT_TRAIN = [(1.6, 1e-6), (-2.4, 1e-6), (1.3, 200e-9), (-2.0, 2e-6), (-2.8, 300e-9),
                  (0.1, 1e-6), (1.8, 1e-6), (-2.2, 1e-6)]  # fmt: skip


@pytest.mark.parametrize("temperature_c", [-40.0, 27.0, 125.0])
def test_filament_matches_its_equations_over_a_train(temperature_c):
    model, start, series = Filament(), 1.2e-9, 5e3
    times, volts, ends = _train(FILAMENT_TRAIN)
    expected = follow(
        model, times, volts, start, temperature_k=temperature_c + 273.15, series_ohm=series
    )[ends]
    waves = _spice(model, times, volts, start, temperature_c=temperature_c, series_ohm=series,
                   step_s=10e-9)  # fmt: skip
    assert _state_at(waves, times[ends], model) == pytest.approx(expected, rel=0.01)
    assert np.ptp(expected) > 0.5e-9  # the train did write


def test_weak_reset_matches_its_equations_over_a_train():
    model, start = WeakReset(), 0.05
    times, volts, ends = _train([(-1.1, 100e-9)] * 12 + [(1.0, 100e-9)] + [(-1.3, 300e-9)] * 4)
    expected = follow(model, times, volts, start, temperature_k=300, series_ohm=1e3)[ends]
    waves = _spice(model, times, volts, start, temperature_c=27.0, series_ohm=1e3, step_s=5e-9)
    assert _state_at(waves, times[ends], model) == pytest.approx(expected, rel=0.01)
    assert expected[-1] > 0.7


@pytest.mark.parametrize(
    ("model", "start", "pulses"),
    [
        (Filament(), 1.2e-9, FILAMENT_TRAIN),
        (WeakReset(), 0.0, [(-1.2, 200e-9)] * 6),
    ],
    ids=["filament", "weak_reset"],
)
def test_half_the_timestep_moves_the_state_by_less_than_one_percent(model, start, pulses):
    times, volts, ends = _train(pulses)
    whole, half = (
        _state_at(
            _spice(model, times, volts, start, temperature_c=27.0, series_ohm=5e3, step_s=step_s),
            times[ends], model,
        )
        for step_s in (20e-9, 10e-9)
    )  # fmt: skip
    assert half == pytest.approx(whole, rel=0.01)


@pytest.mark.parametrize(
    ("model", "state"), [(Static(), 7e3), (WeakReset(), 0.4), (Filament(), 0.8e-9)],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_currents_are_those_of_numpy(model, state):
    # Slow motion switched off, so that only the current is compared.
    if isinstance(model, Filament):
        model = dataclasses.replace(model, velocity_m_s=0.0)
    if isinstance(model, WeakReset):
        model = dataclasses.replace(model, rate_s_s=0.0)
    times, volts = np.array([0, 1e-6, 3e-6]), np.array([0.0, 1.0, -1.0])
    waves = _spice(model, times, volts, state, temperature_c=27.0, series_ohm=1.0, step_s=20e-9)
    expected = model.current_a(waves["v(p)"], state)
    assert -waves["i(vdrive)"] == pytest.approx(expected, rel=1e-3, abs=1e-8)  # charging of node p


def test_a_state_does_not_leak_at_rest():
    model = Filament()
    waves = _spice(model, [0, 0.5, 1.0], [0, 0, 0], 0.3e-9, temperature_c=27.0, series_ohm=1e3,
                   step_s=0.02)  # fmt: skip
    assert waves["v(state)"][-1] == pytest.approx(0.3, rel=1e-6)
