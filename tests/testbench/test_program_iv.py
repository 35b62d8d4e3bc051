"""Quasi-static loops on real ngspice."""

import numpy as np
import pytest

from rramchar.devices import Filament, Static
from rramchar.errors import InputError
from rramchar.spice.session import process_session, simulate
from rramchar.technology import Condition
from rramchar.testbench.iv import Loop, build_iv, iv_result
from rramchar.testbench.program import WriteCell


@pytest.fixture(scope="module")
def loop_of(generic130):
    def result(model=None, temperature_c=27.0, **changes):
        model, cell, loop = model or Filament(), WriteCell(), Loop(**changes)
        condition = Condition("tt", temperature_c, 1.2)
        deck, start = build_iv(generic130, condition, cell, model, loop)
        waves, _ = simulate(process_session(), deck, start, "write")
        return iv_result(waves, cell, model, loop)

    return result


def test_a_loop_sets_and_resets_and_shows_hysteresis(loop_of):
    loop = loop_of()
    assert 0.3 < loop.set_at_v < 1.2
    assert 0.3 < loop.reset_at_v < 1.2
    assert loop.resistance_ohm.min() < 10e3
    assert loop.resistance_ohm[-1] > 100e3
    # At the same voltage the way back carries far more current than the way up.
    top = np.argmax(loop.applied_v)
    up = np.interp(0.3, loop.applied_v[:top], loop.current_a[:top])
    back = np.interp(-0.3, -loop.applied_v[top : top * 2], loop.current_a[top : top * 2])
    assert back > 20 * up


def test_compliance_limits_the_loop(loop_of):
    low, high = (loop_of(wl_set_v=v).current_a.max() for v in (1.4, 1.8))
    assert low < 0.6 * high


def test_heat_and_slowness_lower_the_switching_voltages(loop_of):
    assert loop_of(temperature_c=125.0).set_at_v < loop_of().set_at_v - 0.05
    assert loop_of(ramp_time_s=1.0).set_at_v < loop_of().set_at_v - 0.1


def test_a_static_device_has_no_switching_voltage(loop_of):
    loop = loop_of(model=Static(), initial_r_ohm=20e3)
    assert (loop.set_at_v, loop.reset_at_v) == (None, None)
    assert np.ptp(loop.resistance_ohm) < 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ramp_time_s": -1.0}, "ramp_time_s: -1.0, expected a number above 0"),
        ({"ramp_time_s": 1e-9}, "ramp_time_s: 1e-09 s"),
        ({"initial_r_ohm": 0.0}, "initial_r_ohm: 0.0, expected a number above 0"),
        ({"set_v": 50.0}, "set_v: 50 V, expected up to 10 V"),
    ],
)
def test_loops_that_cannot_be_swept_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Loop(**changes)


def test_a_loop_needs_one_device(generic130):
    with pytest.raises(InputError, match="kind: '2t2r', expected 1t1r"):
        build_iv(generic130, Condition("tt", 27.0, 1.2), WriteCell("2t2r"), Filament(), Loop())
