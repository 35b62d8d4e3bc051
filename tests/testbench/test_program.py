"""The program testbench on real ngspice: what pulses do to cells, and that they are checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.devices import Filament, Static, WeakReset
from rramchar.devices.model import initial_state
from rramchar.errors import InputError
from rramchar.spice.session import process_session, simulate
from rramchar.technology import Condition
from rramchar.testbench.program import (
    WriteCell,
    build_program,
    program_alterations,
    program_result,
)
from rramchar.testbench.pulses import OPERATIONS, Pulse, Step, corners


@pytest.fixture(scope="module")
def give(generic130):
    """Return a function that gives one pulse to a cell: results by device."""

    def pulse_result(pulse, *, start_ohm, kind="1t1r", model=None, corner="tt", temperature_c=27.0,
                     step=1.0):  # fmt: skip
        cell, model = WriteCell(kind), model or Filament()
        condition = Condition(corner, temperature_c, 1.2)
        deck = build_program(
            generic130, condition, cell, model, width_s=pulse.width_s, edge_s=pulse.edge_s
        )
        object.__setattr__(deck, "max_step_s", deck.max_step_s * step)
        states = {name: initial_state(model, start_ohm, cell.read_v) for name in cell.devices}
        waves, _ = simulate(
            process_session(), deck, program_alterations(cell, model, pulse, states), "write"
        )
        return program_result(waves, cell, model, pulse)

    return pulse_result


def _set(wl_v, **changes):
    return Pulse("set", 2.0, 0.0, wl_v, 1e-6, **changes)


def _reset(sl_v, width_s=1e-6, **changes):
    return Pulse("reset", 0.0, sl_v, 4.5, width_s, **changes)


def _read_ohm(model, result):
    return 0.1 / float(model.current_a(0.1, result.state))


def test_the_word_line_sets_compliance_and_low_state(give):
    results = [give(_set(wl_v), start_ohm=200e3)["bl"] for wl_v in (1.2, 1.4, 1.6, 1.8, 2.0)]
    resistances = [_read_ohm(Filament(), result) for result in results]
    currents = [result.end_current_a for result in results]
    assert resistances == sorted(resistances, reverse=True)
    assert currents == sorted(currents)
    assert 2e3 < resistances[-1] < resistances[0] < 50e3
    assert 1e-5 < currents[0] < currents[-1] < 5e-4


def test_a_stronger_or_longer_reset_gives_a_higher_state(give):
    model = Filament()
    by_voltage = [
        _read_ohm(model, give(_reset(v), start_ohm=8e3)["bl"]) for v in (0.8, 1.2, 1.6, 2.0)
    ]
    by_width = [
        _read_ohm(model, give(_reset(1.0, w), start_ohm=8e3)["bl"]) for w in (1e-7, 1e-6, 1e-5)
    ]
    assert by_voltage == sorted(by_voltage)
    assert by_width == sorted(by_width)
    assert by_voltage[-1] > 10 * 8e3


def test_the_state_does_not_depend_on_the_time_step(give):
    for pulse, start in ((_set(1.6), 200e3), (_reset(1.2), 8e3)):
        whole, half = (give(pulse, start_ohm=start, step=s)["bl"] for s in (1.0, 0.5))
        assert half.state == pytest.approx(whole.state, rel=0.01)
        assert half.energy_j == pytest.approx(whole.energy_j, rel=0.01)


@pytest.mark.parametrize("corner", ["ff", "ss"])
@pytest.mark.parametrize("temperature_c", [-40.0, 125.0])
def test_corners_and_temperatures_write_too(give, corner, temperature_c):
    at = {"corner": corner, "temperature_c": temperature_c}
    model = Filament()
    assert _read_ohm(model, give(_set(2.0), start_ohm=200e3, **at)["bl"]) < 10e3
    assert _read_ohm(model, give(_reset(1.6), start_ohm=8e3, **at)["bl"]) > 100e3


def test_energy_of_a_static_device_is_that_of_its_current(give):
    result = give(_reset(1.0), start_ohm=50e3, model=Static(v0_v=100.0))["bl"]
    # 1 V on 50 kohm and some ohm of transistor, for 1 us at half height.
    assert result.energy_j == pytest.approx(1.0 * result.end_current_a * 1e-6, rel=0.02)
    assert result.end_current_a == pytest.approx(1 / 51e3, rel=0.05)
    assert result.resistance_ohm == pytest.approx(50e3, rel=1e-3)
    assert result.peak_current_a >= result.end_current_a


def test_the_other_device_of_a_2t2r_cell_stays_as_it_is(give):
    for pulse, start in (
        (_set(1.6, device="bl"), 100e3),
        (_reset(1.6, device="blb"), 8e3),
    ):
        results = give(pulse, start_ohm=start, kind="2t2r")
        other = "blb" if pulse.device == "bl" else "bl"
        before = initial_state(Filament(), start, 0.1)
        assert results[other].state == pytest.approx(before, rel=1e-3)
        assert abs(results[pulse.device].state - before) > 0.1e-9
        assert abs(results[other].energy_j) < 0.01 * results[pulse.device].energy_j


def test_both_devices_are_written_alike(give):
    results = give(_set(1.6, device="both"), start_ohm=100e3, kind="2t2r")
    assert results["bl"].state == pytest.approx(results["blb"].state, rel=1e-6)


def test_reading_disturbs_nothing_that_could_be_measured(give):
    read = WriteCell().read_pulse(1e-6, 1e-8)
    before = initial_state(Filament(), 20e3, 0.1)
    assert give(read, start_ohm=20e3)["bl"].state == pytest.approx(before, rel=1e-4)
    weak = give(read, start_ohm=10e3, model=WeakReset())["bl"]
    assert weak.resistance_ohm == pytest.approx(10e3, rel=1e-3)


PULSE = {"operation": "set", "bl_v": 2.0, "sl_v": 0.0, "wl_v": 1.4, "width_s": 1e-6}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operation": "erase"}, "operation: 'erase', expected one of form, set, reset"),
        ({"width_s": -1e-6}, "width_s: -1e-06, expected a number above 0"),
        ({"width_s": 0.0}, "width_s: 0.0, expected a number above 0"),
        ({"width_s": 1e-8}, "width_s: 1e-08 s, expected at least twice edge_s"),
        ({"width_s": 100.0}, "width_s: 100 s, expected up to 10 s"),
        ({"wl_v": float("nan")}, "wl_v: nan"),
        ({"bl_v": 200.0}, "bl_v: 200 V, expected 0 to 10 V"),
        ({"sl_v": 2.5}, "expected bl_v above sl_v: that is the polarity of a set"),
        ({"operation": "reset"}, "expected bl_v below sl_v: that is the polarity of a reset"),
        ({"device": "left"}, "device: 'left', expected one of bl, blb, both"),
    ],
)
def test_pulses_that_cannot_be_given_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Pulse(**(PULSE | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"repeat": 0}, "repeat: 0, expected 1 to 100000"),
        ({"repeat": 100, "wl_step_v": 0.1}, "wl_v: 11.3 V, expected 0 to 10 V"),
        ({"repeat": 30, "bl_step_v": -0.1}, "bl_v: -0.9"),
        ({"until_below_ohm": 0.0}, "until_below_ohm: 0.0, expected a number above 0"),
        ({"until_below_ohm": 1.0, "until_above_ohm": 2.0}, "keep one of them"),
    ],
)
def test_staircases_that_cannot_be_given_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Step(Pulse(**PULSE), **changes)


@given(st.integers(0, 20))
def test_a_staircase_rises_in_even_steps(index):
    step = Step(Pulse(**PULSE), repeat=21, wl_step_v=0.1)
    assert step.at(index).wl_v == pytest.approx(1.4 + 0.1 * index)
    assert step.at(index).bl_v == 2.0


@given(st.floats(1e-9, 1.0), st.floats(1e-12, 0.4e-9))
def test_a_pulse_has_its_width_at_half_height(width_s, edge_s):
    times, heights = corners(width_s, edge_s)
    rise, fall = (times[1] + times[2]) / 2, (times[3] + times[4]) / 2
    assert fall - rise == pytest.approx(width_s)
    assert len(heights["line"]) == len(heights["word"]) == len(times)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_defaults_of_every_operation_are_a_pulse(operation):
    Pulse(operation.name, operation.bl_v, operation.sl_v, operation.wl_v, operation.width_s)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "3t3r"}, "kind: '3t3r', expected one of 1t1r, 2t2r"),
        ({"read_v": 1.0}, "read_v: 1 V, expected up to 0.3 V"),
        ({"c_cell_f": 0.0}, "c_cell_f: 0.0, expected a number above 0"),
    ],
)
def test_cells_that_cannot_be_read_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        WriteCell(**changes)
