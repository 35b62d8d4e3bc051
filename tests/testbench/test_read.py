"""The read on real ngspice: its physics, its accuracy, and what it refuses."""

import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.spice.deck import LADDERS, Solver
from rramchar.spice.session import process_session
from rramchar.technology import Condition
from rramchar.testbench import TESTBENCHES
from rramchar.testbench.read import (
    ReadParameters,
    ReadPoint,
    build_read,
    read_alterations,
    read_result,
)

CORNERS = ("tt", "ff", "ss", "fs", "sf")
# Resistances at least a factor e**0.3 apart: nearer pairs are decided by the solver's last digits.
RESOLVED = 0.3


# Decisions.


@pytest.mark.parametrize("vdd_v", [1.2, 0.6])
@pytest.mark.parametrize(
    ("r_bl_ohm", "r_blb_ohm", "outcome"),
    [
        (50e3, 5e3, "plus"),
        (5e3, 50e3, "minus"),
        (300e3, 30e3, "plus"),
        (3e3, 4.1e3, "minus"),
        (1e6, 3e3, "plus"),
        (400e3, 500e3, "minus"),
    ],
)
def test_plus_when_the_bit_line_has_the_higher_resistance(
    read, r_bl_ohm, r_blb_ohm, outcome, vdd_v
):
    found = read(r_bl_ohm, r_blb_ohm, vdd_v=vdd_v)
    assert found.outcome == outcome
    assert found.precharge_ok
    # The output of the less resistive branch falls, the other one stays.
    falls = found.qb_fall_time_s if outcome == "plus" else found.q_fall_time_s
    stays = found.q_fall_time_s if outcome == "plus" else found.qb_fall_time_s
    assert stays is None
    assert 0 < falls < found.sense_time_s < 50e-9


SWAPPED = {"plus": "minus", "minus": "plus", "zero": "zero", "invalid": "invalid"}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    r_ohm=st.floats(3e3, 3e5),
    ratio=st.floats(RESOLVED, 4).map(math.exp),
    vdd_v=st.sampled_from([0.6, 1.2]),
    corner=st.sampled_from(CORNERS),
)
def test_swapped_lines_swap_the_sign_and_keep_time_and_energy(read, r_ohm, ratio, vdd_v, corner):
    one = read(r_ohm, r_ohm * ratio, vdd_v=vdd_v, corner=corner)
    other = read(r_ohm * ratio, r_ohm, vdd_v=vdd_v, corner=corner)
    assert one.outcome == SWAPPED[other.outcome]
    assert one.outcome in ("minus", "zero")
    assert one.precharge_ok
    assert other.precharge_ok
    # The read before, in which q was low, breaks the symmetry a little.
    if one.sense_time_s is not None:
        assert one.sense_time_s == pytest.approx(other.sense_time_s, rel=0.02)
    assert one.read_energy_j == pytest.approx(other.read_energy_j, rel=0.01)


@pytest.mark.parametrize(("corner", "vdd_v"), list(product(CORNERS, (0.6, 1.2))))
@pytest.mark.parametrize("temperature_c", [0.0, 60.0])
def test_the_xnor_truth_table(read, corner, vdd_v, temperature_c):
    for x, weight in product((1, -1), (1, -1)):
        pair = (50e3, 5e3) if weight == 1 else (5e3, 50e3)
        found = read(*pair, x=x, corner=corner, vdd_v=vdd_v, temperature_c=temperature_c)
        assert found.outcome == ("plus" if x * weight == 1 else "minus"), (x, weight)
        assert found.precharge_ok


@pytest.mark.parametrize("corner", CORNERS)
def test_no_wrong_decision_at_any_corner(read, corner):
    for vdd_v, temperature_c in product((0.6, 1.2), (0.0, 60.0)):
        found = read(50e3, 5e3, corner=corner, vdd_v=vdd_v, temperature_c=temperature_c)
        assert found.outcome == "plus"


# Times and energies.


@pytest.mark.parametrize("vdd_v", [1.2, 0.6])
@pytest.mark.parametrize("x", [None, 1, -1])
def test_sensing_takes_longer_the_higher_the_lower_resistance(read, vdd_v, x):
    lower = (3e3, 6e3, 12e3, 25e3, 50e3, 100e3, 200e3)
    times = [read(r, 10 * r, vdd_v=vdd_v, x=x).sense_time_s for r in lower]
    assert all(later > earlier for earlier, later in pairwise(times))
    # Above tens of kilohm the discharge is an RC: twice the resistance, at most twice the time.
    assert 1.3 < times[-1] / times[-2] < 2.0


def test_sensing_takes_longer_the_slower_the_process_and_the_lower_the_supply(read):
    def time(**condition):
        return read(5e3, 50e3, **condition).sense_time_s

    assert time(corner="ff") < time(corner="tt") < time(corner="ss")
    assert time(vdd_v=1.2) < time(vdd_v=0.9) < time(vdd_v=0.6)
    assert time(c_bl_f=30e-15) < time(c_bl_f=80e-15) < time(c_bl_f=200e-15)
    assert time(flavour="core", vdd_v=0.6) < time(flavour="hvt", vdd_v=0.6)


def test_energy_is_that_of_the_capacitances(read):
    def energy(**settings):
        return read(5e3, 50e3, **settings).read_energy_j

    for vdd_v in (1.2, 0.9):
        # Both bit lines are charged to VDD less the threshold, raised by the body effect, of the
        # latch's NMOS. The supply gives that charge at VDD.
        slope = (energy(vdd_v=vdd_v, c_bl_f=180e-15) - energy(vdd_v=vdd_v, c_bl_f=80e-15)) / 100e-15
        assert 0.35 < vdd_v - slope / (2 * vdd_v) < 0.55
    # The outputs swing over the whole supply; a read charges the one that had fallen, once.
    slope = (energy(c_q_f=42e-15) - energy(c_q_f=2e-15)) / 40e-15
    assert slope == pytest.approx(1.2**2, rel=0.1)


@pytest.mark.parametrize("vdd_v", [0.6, 0.9, 1.2])
def test_energy_is_positive_and_falls_with_the_supply(read, vdd_v):
    for pair in ((5e3, 50e3), (1e6, 500e3)):
        found = read(*pair, vdd_v=vdd_v).read_energy_j
        assert 0 < found < read(*pair, vdd_v=vdd_v + 0.1).read_energy_j < 1e-12


@pytest.mark.parametrize(
    ("r_bl_ohm", "r_blb_ohm", "settings", "sense_time_s", "read_energy_j"),
    [
        # Figures from an independent trial of the same circuit with a similar card.
        (5e3, 50e3, {"c_bl_f": 30e-15}, 0.178e-9, 94e-15),
        (10e3, 30e3, {"c_bl_f": 30e-15}, 0.262e-9, None),
        (5e3, 50e3, {"c_bl_f": 30e-15, "x": 1}, None, 96e-15),
        (5e3, 50e3, {"c_bl_f": 80e-15}, None, 178e-15),
        (5e3, 1e6, {"c_bl_f": 30e-15}, 0.18e-9, None),
    ],
)
def test_times_and_energies_are_those_of_the_trial_within_15_percent(
    read, r_bl_ohm, r_blb_ohm, settings, sense_time_s, read_energy_j
):
    found = read(r_bl_ohm, r_blb_ohm, accuracy="report", **settings)
    if sense_time_s is not None:
        assert found.sense_time_s == pytest.approx(sense_time_s, rel=0.15)
    if read_energy_j is not None:
        assert found.read_energy_j == pytest.approx(read_energy_j, rel=0.15)


# The ternary read.

TERNARY = {"flavour": "hvt", "c_bl_f": 100e-15, "c_q_f": 40e-15}


def test_two_high_resistances_read_zero_early_and_a_sign_later(read):
    early = read(2e6, 1e6, vdd_v=0.6, sample_time_s=20e-9, window_time_s=400e-9, **TERNARY)
    assert early.outcome == "zero"
    assert early.precharge_ok
    assert 20e-9 < early.qb_fall_time_s < early.sense_time_s < 400e-9
    late = read(2e6, 1e6, vdd_v=0.6, sample_time_s=400e-9, **TERNARY)
    assert late.outcome == "plus"
    assert late.sense_time_s == pytest.approx(early.sense_time_s, rel=0.02)


def test_the_default_ternary_settings_tell_three_states(read):
    for pair, outcome in (((1e6, 5e3), "plus"), ((5e3, 1e6), "minus"), ((1e6, 1.5e6), "zero")):
        assert read(*pair, vdd_v=0.6, sample_time_s=20e-9, **TERNARY).outcome == outcome


def test_a_longer_window_does_not_change_what_is_sampled(read):
    short = read(30e3, 10e3, sample_time_s=20e-9, accuracy="report")
    long = read(30e3, 10e3, sample_time_s=20e-9, window_time_s=60e-9, accuracy="report")
    assert (long.outcome, long.precharge_ok) == (short.outcome, short.precharge_ok)
    assert long.sense_time_s == pytest.approx(short.sense_time_s, rel=0.01)
    assert long.read_energy_j == pytest.approx(short.read_energy_j, rel=0.01)


# Precharge.


def test_a_precharge_that_is_too_short_is_said_so(read):
    slow = {"c_q_f": 500e-15, "vdd_v": 0.6}
    found = read(50e3, 5e3, precharge_time_s=0.2e-9, **slow)
    assert found.precharge_ok is False
    assert read(50e3, 5e3, precharge_time_s=100e-9, **slow).precharge_ok is True


def test_the_stale_value_that_precharge_ok_guards_against(read):
    # The read before left q low; without a precharge it still is, whatever the cell holds.
    found = read(50e3, 5e3, precharge_time_s=0.11e-9, c_q_f=2e-12)
    assert found.precharge_ok is False
    assert found.outcome == "minus"  # the cell says plus


# Accuracy.


@pytest.mark.parametrize(("vdd_v", "c_bl_f"), list(product((1.2, 0.6), (30e-15, 80e-15))))
def test_the_solver_options_agree_with_a_fine_reference(generic130, vdd_v, c_bl_f):
    session, condition = process_session(), Condition("tt", 27.0, vdd_v)
    parameters = ReadParameters(c_bl_f=c_bl_f)
    for r_bl_ohm, r_blb_ohm in (
        (5e3, 50e3), (10e3, 15e3), (30e3, 300e3), (300e3, 100e3), (1e6, 3e5), (4.1e3, 3e3),
    ):  # fmt: skip
        assert abs(math.log(r_bl_ohm / r_blb_ohm)) >= RESOLVED
        deck = build_read(generic130, condition, parameters, ReadPoint(r_bl_ohm, r_blb_ohm))
        fine = Solver(
            "fine",
            {"method": "trap", "reltol": "1e-5", "chgtol": "1e-18"},
            20e-12 / deck.max_step_s,
        )
        found = []
        for solver in (fine, LADDERS["sweep"][0], LADDERS["report"][0]):
            session.load(deck, solver)
            found.append(read_result(session.run(deck, deck.save), condition, parameters))
        reference = found[0]
        for result in found[1:]:
            assert result.outcome == reference.outcome
            assert result.sense_time_s == pytest.approx(reference.sense_time_s, rel=0.01)
            assert result.read_energy_j == pytest.approx(reference.read_energy_j, rel=0.005)


@pytest.mark.parametrize(("vdd_v", "near"), [(1.2, 1.001), (0.6, 1.01)])
def test_a_read_near_balance_is_delicate_and_the_fine_solver_resolves_it(generic130, vdd_v, near):
    session, condition = process_session(), Condition("tt", 27.0, vdd_v)
    parameters = ReadParameters(c_bl_f=30e-15)
    bench = TESTBENCHES["read"]
    for ratio, delicate in ((near, True), (1 / near, True), (3.0, False)):
        deck = build_read(generic130, condition, parameters, ReadPoint(20e3, 20e3 / ratio))
        reference = Solver(
            "reference",
            {"method": "trap", "reltol": "1e-6", "chgtol": "1e-19"},
            4e-12 / deck.max_step_s,
        )
        found = []
        for solver in (reference, LADDERS["sweep"][0], LADDERS["fine"][0]):
            session.load(deck, solver)
            found.append(bench.result(session.run(deck, deck.save), condition, parameters))
        assert bench.is_delicate(found[1], condition) is delicate
        assert found[1]["outcome"] == found[2]["outcome"] == ("plus" if ratio > 1 else "minus")
        assert found[2]["sense_time_s"] == pytest.approx(found[0]["sense_time_s"], rel=0.01)


def test_an_altered_deck_gives_what_a_deck_of_that_point_gives(generic130):
    session, condition = process_session(), Condition("tt", 27.0, 1.2)
    parameters = ReadParameters(amplifier="xnor_pcsa")
    first, second = ReadPoint(5e3, 50e3, 1), ReadPoint(20e3, 7e3, -1)
    solver = LADDERS["sweep"][0]

    built = build_read(generic130, condition, parameters, second)
    session.load(built, solver)
    direct = session.run(built, built.save)
    shared = build_read(generic130, condition, parameters, first)
    session.load(shared, solver)
    session.run(shared, shared.save)
    session.alter(read_alterations(condition, parameters, second))
    altered = session.run(shared, shared.save)
    for name, wave in direct.items():
        np.testing.assert_allclose(altered[name], wave, rtol=1e-9, atol=1e-12)


@pytest.mark.skipif(not shutil.which("ngspice"), reason="no ngspice program")
@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["pcsa"], {}),
        (
            ["pcsa", "--vdd", "0.6", "--r-bl", "30k", "--r-blb", "10k"],
            {"vdd_v": 0.6, "r": (30e3, 10e3)},
        ),
        (
            ["pcsa", "--corner", "ss", "--temperature", "60"],
            {"corner": "ss", "temperature_c": 60.0},
        ),
        (["pcsa", "--c-bl", "30f", "--c-q", "5f"], {"c_bl_f": 30e-15, "c_q_f": 5e-15}),
        (["xnor_pcsa", "--x", "-1"], {"x": -1}),
    ],
)  # fmt: skip
def test_plain_ngspice_measures_the_printed_deck_as_we_do(
    run_cli, read_waves, tmp_path, arguments, settings
):
    code, deck, _ = run_cli("netlist", *arguments)
    assert code == 0
    (tmp_path / ".spiceinit").write_text("set num_threads=1\n")
    (tmp_path / "read.cir").write_text(deck)
    done = subprocess.run(
        ["ngspice", "-b", "read.cir"], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    printed = dict(re.findall(r"^(\w+)\s*=\s*([-+.\deE]+)", done.stdout, re.MULTILINE))

    settings = dict(settings)
    pair = settings.pop("r", (5e3, 50e3))
    waves, condition, parameters = read_waves(*pair, accuracy="report", **settings)
    ours = read_result(waves, condition, parameters)
    assert float(printed["sense_time_s"]) == pytest.approx(ours.sense_time_s, rel=0.01)
    high = {"plus": "v_q_sampled_v", "minus": "v_qb_sampled_v"}[ours.outcome]
    low = {"minus": "v_q_sampled_v", "plus": "v_qb_sampled_v"}[ours.outcome]
    assert float(printed[high]) == pytest.approx(condition.vdd_v, rel=0.01)
    assert abs(float(printed[low])) < 0.01 * condition.vdd_v


# What is refused.


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"amplifier": "opamp"}, "amplifier: 'opamp', expected one of pcsa, xnor_pcsa"),
        ({"flavour": "lvt"}, "flavour: 'lvt'"),
        ({"access": "thick"}, "access: 'thick'"),
        ({"sample_time_s": 0}, "sample_time_s: 0, expected a number above 0"),
        ({"sample_time_s": -1e-9}, "sample_time_s: "),
        ({"sample_time_s": math.nan}, "sample_time_s: nan"),
        ({"sample_time_s": "50n"}, "sample_time_s: '50n'"),
        ({"edge_time_s": 0}, "edge_time_s: "),
        ({"precharge_time_s": math.inf}, "precharge_time_s: inf"),
        ({"precharge_time_s": 0.09e-9}, "precharge_time_s: 9e-11 s, expected at least twice"),
        ({"window_time_s": 10e-9}, "window_time_s: 1e-08 s, expected at least the sampling time"),
        ({"window_time_s": math.nan}, "window_time_s: nan"),
        ({"window_time_s": math.inf}, "window_time_s: inf"),
        ({"c_bl_f": -1e-15}, "c_bl_f: "),
        ({"c_sl_f": math.nan}, "c_sl_f: nan"),
        ({"c_q_f": "2f"}, "c_q_f: '2f'"),
        ({"wl_v": -0.1}, "wl_v: "),
        ({"wl_v": math.inf}, "wl_v: inf"),
        ({"length_m": 0}, "length_m: 0"),
        ({"foot_width_m": math.nan}, "foot_width_m: nan"),
        ({"access_width_m": True}, "access_width_m: True"),
    ],
)
def test_bad_parameters(fields, words):
    with pytest.raises(InputError) as raised:
        ReadParameters(**fields)
    assert str(raised.value).startswith(words)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("line", ["r_bl_ohm", "r_blb_ohm"])
@pytest.mark.parametrize("value", [0, -5, math.nan, math.inf, -math.inf, 1e13, "5k", None, True])
def test_bad_resistances(generic130, line, value):
    point = replace(ReadPoint(5e3, 50e3), **{line: value})
    with pytest.raises(InputError, match=f"^{line}: .*expected"):
        build_read(generic130, Condition("tt", 27, 1.2), ReadParameters(), point)


@pytest.mark.parametrize(
    ("amplifier", "x"),
    [("pcsa", 1), ("pcsa", -1), ("xnor_pcsa", None), ("xnor_pcsa", 0), ("xnor_pcsa", 2),
     ("xnor_pcsa", 0.5), ("xnor_pcsa", math.nan), ("xnor_pcsa", "1")],
)  # fmt: skip
def test_bad_inputs_of_the_xnor(amplifier, x):
    with pytest.raises(InputError, match="^x: .*expected .1 or -1 with xnor_pcsa"):
        ReadPoint(5e3, 50e3, x).check(ReadParameters(amplifier=amplifier))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (("xx", 27, 1.2), "corner: 'xx'"),
        (("tt", -300, 1.2), "temperature_c: "),
        (("tt", 27, 1.7), "vdd_v: 1.7 V"),
        (("tt", 27, 0), "vdd_v: 0 V"),
    ],
)
def test_bad_conditions_are_refused_before_anything_runs(generic130, condition, words):
    with pytest.raises(InputError, match=f"^{words}"):
        build_read(generic130, Condition(*condition), ReadParameters(), ReadPoint(5e3, 50e3))


def test_sizes_are_checked_against_the_process(generic130):
    with pytest.raises(InputError, match="width of nmos: 1e-07 m"):
        build_read(
            generic130, Condition("tt", 27, 1.2), ReadParameters(latch_n_width_m=1e-7),
            ReadPoint(5e3, 50e3),
        )  # fmt: skip


def test_a_sweep_that_names_no_resistance_is_told_so():
    with pytest.raises(InputError, match=r"^axes\.r_blb_ohm: the read testbench needs"):
        TESTBENCHES["read"].point({"r_bl_ohm": 5e3}, ReadParameters())


def test_result_columns_are_those_of_a_result(read):
    assert set(TESTBENCHES["read"].result_fields) == set(vars(read(5e3, 50e3)))
