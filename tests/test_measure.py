"""Waveforms of known closed form: crossing times, energies and outcomes must come out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.measure import (
    ReadResult,
    crossing_time,
    measure_read,
    outcome_of,
    supply_energy,
)

VDD = 1.2
TAU = 1e-9


def _uneven(stop, points, seed=0):
    """Return an uneven grid, as a solver's time points are."""
    steps = np.random.default_rng(seed).uniform(0.3, 1.7, points)
    return np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum() * stop


# Crossing times.


@pytest.mark.parametrize(("start", "slope"), [(0.0, 2.0), (3.0, -4.0), (-1.0, 0.75)])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.7])
def test_a_ramp_is_crossed_where_it_says(start, slope, level):
    time = _uneven(4.0, 37)
    expected = (level - start) / slope
    wave = start + slope * time
    if 0 < expected < 4:
        assert crossing_time(time, wave, level) == pytest.approx(expected, rel=1e-12)
    else:
        assert crossing_time(time, wave, level) is None


def test_exponentials_beat_linear_interpolation():
    errors = {"cubic": [], "linear": []}
    for seed in range(30):
        time = _uneven(4 * TAU, 14, seed)
        wave = VDD * np.exp(-time / TAU)
        for level in (0.3, 0.6, 0.9):
            exact = TAU * np.log(VDD / level)
            found = crossing_time(time, wave, level)
            linear = np.interp(-level, -wave, time)
            errors["cubic"].append(abs(found - exact))
            errors["linear"].append(abs(linear - exact))
    assert np.median(errors["cubic"]) < np.median(errors["linear"]) / 2
    assert np.mean(errors["cubic"]) < np.mean(errors["linear"]) / 2
    assert max(errors["cubic"]) < 0.03 * TAU


@pytest.mark.parametrize("points", [20, 40, 80, 160])
def test_a_sinusoid_is_located_to_third_order(points):
    time = _uneven(1.0, points)
    wave = np.sin(2 * np.pi * time)
    exact = np.arcsin(0.5) / (2 * np.pi)
    assert crossing_time(time, wave, 0.5) == pytest.approx(exact, abs=20 / points**3)


def test_either_direction_counts_and_the_first_one_after_the_start_wins():
    time = np.linspace(0, 1, 401)
    wave = np.cos(2 * np.pi * time * 2)
    quarters = [0.125, 0.375, 0.625, 0.875]  # falling, rising, falling, rising
    for i, expected in enumerate(quarters):
        after = 0.0 if i == 0 else quarters[i - 1] + 0.01
        assert crossing_time(time, wave, 0.0, after_s=after) == pytest.approx(expected, abs=1e-6)
    assert crossing_time(time, wave, 0.0, after_s=0.9) is None
    assert crossing_time(time, wave, 0.0, direction="up") == pytest.approx(0.375, abs=1e-6)
    down = crossing_time(time, wave, 0.0, direction="down", after_s=0.2)
    assert down == pytest.approx(0.625, abs=1e-6)


def test_a_start_inside_the_crossing_interval_is_honoured():
    time, wave = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 1.0])
    assert crossing_time(time, wave, 0.5, after_s=0.4) == pytest.approx(0.5, abs=0.07)
    assert crossing_time(time, wave, 0.5, after_s=0.7) is None
    assert 2 < crossing_time(time, wave, 1.8, after_s=1.99) < 3


@pytest.mark.parametrize("wave", [[0.0, 0.1, 0.2], [1.0, 0.9, 1.0], [0.5, 0.5, 0.5]])
def test_no_crossing_is_none(wave):
    assert crossing_time(np.arange(3.0), np.array(wave), 0.5) is None


@pytest.mark.parametrize(
    ("wave", "expected"),
    [
        ([0.0, 0.5, 1.0, 1.0], 1.0),  # rises through a sample that lies on the level
        ([1.0, 0.5, 0.0, 0.0], 1.0),  # falls through one
        ([0.5, 1.0, 1.0, 1.0], 0.0),  # starts on the level
        ([1.0, 1.0, 1.0, 0.5], 3.0),  # ends on it
    ],
)
def test_a_sample_exactly_on_the_level(wave, expected):
    found = crossing_time(np.arange(4.0), np.array(wave), 0.5)
    assert found == pytest.approx(expected, abs=1e-9)


def test_two_samples_are_enough():
    assert crossing_time(np.array([0.0, 2.0]), np.array([0.0, 1.0]), 0.25) == pytest.approx(0.5)


WAVES = st.lists(st.integers(-100, 100), min_size=2, max_size=20)


@given(WAVES, st.integers(-100, 100), st.integers(0, 2**32 - 1))
def test_a_crossing_lies_in_an_interval_whose_ends_differ(wave, level, seed):
    wave = np.array(wave, dtype=float)
    time = _uneven(1.0, len(wave) - 1, seed)
    found = crossing_time(time, wave, level)
    above = wave > level
    changes = np.flatnonzero(above[1:] != above[:-1])
    if len(changes) == 0:
        assert found is None
    else:
        assert time[changes[0]] <= found <= time[changes[0] + 1]


@given(
    WAVES,
    st.integers(-99, 99).map(lambda level: level + 0.5),
    st.integers(-1000, 1000),
    st.floats(1e-3, 1e3),
)
def test_shifted_time_and_scaled_waves_shift_and_keep_the_crossing(wave, level, shift, gain):
    wave = np.array(wave, dtype=float)
    time = np.arange(len(wave), dtype=float)
    found = crossing_time(time, wave, level)
    moved = crossing_time(time + shift, wave, level)
    scaled = crossing_time(time, gain * wave, gain * level)
    mirrored = crossing_time(time, -wave, -level)
    upward = crossing_time(time, wave, level, direction="up")
    downward = crossing_time(time, wave, level, direction="down")
    assert found in (upward, downward)
    assert found == min((t for t in (upward, downward) if t is not None), default=None)
    if found is None:
        assert moved is scaled is mirrored is None
    else:
        assert moved - shift == pytest.approx(found, abs=1e-9)
        assert scaled == pytest.approx(found, abs=1e-9)
        assert mirrored == pytest.approx(found, abs=1e-9)


# Energies.


def test_a_constant_current_delivers_power_times_time():
    time = _uneven(10e-9, 23)
    current = np.full_like(time, -100e-6)
    assert supply_energy(time, current, VDD, 7e-9) == pytest.approx(VDD * 100e-6 * 7e-9, rel=1e-12)
    assert supply_energy(time, current, VDD, 10e-9) == pytest.approx(VDD * 100e-6 * 10e-9)


def test_a_triangular_current_delivers_its_area():
    time = np.array([0.0, 1e-9, 3e-9, 4e-9])
    current = np.array([0.0, -1e-3, 0.0, 0.0])
    assert supply_energy(time, current, VDD, 4e-9) == pytest.approx(VDD * 1.5e-12)
    # Half-way down the falling flank: the rise, and three quarters of the fall.
    assert supply_energy(time, current, VDD, 2e-9) == pytest.approx(VDD * (0.5 + 0.75) * 1e-12)


def test_charging_a_capacitor_takes_c_v_squared():
    time = _uneven(20 * TAU, 4000)
    capacitance, resistance = 100e-15, TAU / 100e-15
    current = -VDD / resistance * np.exp(-time / TAU)
    energy = supply_energy(time, current, VDD, 20 * TAU)
    assert energy == pytest.approx(capacitance * VDD**2, rel=1e-4)


def test_a_supply_that_takes_charge_back_counts_negative():
    assert supply_energy(np.array([0.0, 1.0]), np.array([2.0, 2.0]), 3.0, 1.0) == -6.0


@given(
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=30),
    st.floats(0, 1),
    st.integers(-100, 100),
)
def test_energy_is_additive_linear_and_does_not_know_the_time_of_day(current, part, shift):
    current = np.array(current, dtype=float)
    time = np.arange(len(current), dtype=float)
    until = part * time[-1]
    energy = supply_energy(time, current, VDD, until)
    assert supply_energy(time + shift, current, VDD, until + shift) == pytest.approx(
        energy, rel=1e-9, abs=1e-6
    )
    assert supply_energy(time, -2 * current, VDD, until) == pytest.approx(-2 * energy, abs=1e-9)
    # The rest of the record, turned round in time, is what is missing to the whole.
    rest = supply_energy(time[-1] - time[::-1], current[::-1], VDD, time[-1] - until)
    whole = supply_energy(time, current, VDD, time[-1])
    assert energy + rest == pytest.approx(whole, rel=1e-9, abs=1e-6)


# Outcomes.


@pytest.mark.parametrize(
    ("q", "qb", "outcome"),
    [
        (1.2, 0.0, "plus"),
        (0.0, 1.2, "minus"),
        (1.2, 1.2, "zero"),
        (0.0, 0.0, "invalid"),
        (0.61, 0.59, "plus"),
        (0.59, 0.61, "minus"),
        (0.6, 0.6, "invalid"),  # half the supply itself is not high
        (0.6, 1.2, "minus"),
        (1.2, 0.6, "plus"),
        (-0.1, 1.3, "minus"),
    ],
)
def test_outcomes(q, qb, outcome):
    assert outcome_of(q, qb, VDD) == outcome


SWAPPED = {"plus": "minus", "minus": "plus", "zero": "zero", "invalid": "invalid"}


@given(st.floats(-0.5, 2), st.floats(-0.5, 2), st.floats(0.3, 1.8))
def test_swapped_outputs_swap_the_sign(q, qb, vdd):
    assert outcome_of(qb, q, vdd) == SWAPPED[outcome_of(q, qb, vdd)]


# Whole reads.


def _read(*, start=40e-9, fall_after=1e-9, shift=0.0, precharged=VDD, swap=False, points=8001):
    """Return a synthetic read: q falls exponentially `fall_after` the start of sensing."""
    time = np.linspace(0, 60e-9, points)
    sen = np.interp(time, [0, 50e-12, start - 25e-12, start + 25e-12], [VDD, 0, 0, VDD])
    falling = np.where(time < start, 1.0, np.exp(-(time - start) * np.log(2) / fall_after))
    q, qb = precharged * falling, np.full_like(time, precharged)
    if swap:
        q, qb = qb, q
    return (time + shift, sen, q, qb, np.full_like(time, -1e-6)), {
        "vdd_v": VDD, "sense_edge_after_s": 20e-9 + shift, "sample_time_s": 15e-9,
    }  # fmt: skip


def test_a_read_of_known_answer():
    waves, timing = _read()
    found = measure_read(*waves, **timing)
    assert found == ReadResult(
        outcome="minus",
        # VDD/2 apart, and q at VDD/2, both one half-life after the start.
        sense_time_s=pytest.approx(1e-9, rel=1e-5),
        read_energy_j=pytest.approx(VDD * 1e-6 * 55e-9, rel=1e-9),
        precharge_energy_j=pytest.approx(VDD * 1e-6 * 40e-9, rel=1e-6),
        sense_energy_j=pytest.approx(VDD * 1e-6 * 15e-9, rel=1e-6),
        q_sampled_v=pytest.approx(VDD * 2**-15, rel=1e-3),
        qb_sampled_v=pytest.approx(VDD, rel=1e-9),
        cell_peak_v=None,
        held_output_min_v=pytest.approx(VDD, rel=1e-9),
        precharge_ok=True,
        q_fall_time_s=pytest.approx(1e-9, rel=1e-5),
        qb_fall_time_s=None,
    )


def test_the_mirrored_read():
    waves, timing = _read(swap=True)
    found = measure_read(*waves, **timing)
    assert (found.outcome, found.q_fall_time_s) == ("plus", None)
    assert found.qb_fall_time_s == found.sense_time_s == pytest.approx(1e-9, rel=1e-5)


def test_a_read_that_has_not_decided_at_the_sampling_time_is_zero_and_knows_when_it_does():
    waves, timing = _read(fall_after=10e-9)
    timing["sample_time_s"] = 5e-9
    found = measure_read(*waves, **timing)
    assert found.outcome == "zero"
    assert found.sense_time_s == pytest.approx(10e-9, rel=1e-4)
    timing["sample_time_s"] = 12e-9
    assert measure_read(*waves, **timing).outcome == "minus"


def test_a_read_that_never_decides_has_no_sense_time():
    waves, timing = _read(fall_after=1.0)
    found = measure_read(*waves, **timing)
    assert (found.outcome, found.sense_time_s) == ("zero", None)
    assert found.q_fall_time_s is found.qb_fall_time_s is None


@pytest.mark.parametrize(
    ("level", "ok"), [(1.0, True), (0.905, True), (0.895, False), (0.2, False)]
)
def test_precharge_is_checked_when_sensing_starts(level, ok):
    waves, timing = _read(precharged=level * VDD)
    assert measure_read(*waves, **timing).precharge_ok is ok


def test_an_output_that_rises_out_of_a_stale_low_has_not_fallen():
    waves, timing = _read()
    time, sen, q, qb, current = waves
    stale = np.interp(time, [0, 45e-9, 46e-9, 60e-9], [0, 0, VDD, VDD])
    found = measure_read(time, sen, q, stale, current, **timing)
    assert found.precharge_ok is False
    assert found.qb_fall_time_s is None


@given(st.floats(-1e-6, 1e-6), st.floats(0.2e-9, 4e-9))
def test_a_read_does_not_know_the_time_of_day(shift, fall_after):
    still, timing = _read(fall_after=fall_after, points=2001)
    moved, moved_timing = _read(fall_after=fall_after, points=2001, shift=shift)
    one, other = measure_read(*still, **timing), measure_read(*moved, **moved_timing)
    assert one.outcome == other.outcome
    assert one.sense_time_s == pytest.approx(other.sense_time_s, rel=1e-3)
    assert one.read_energy_j == pytest.approx(other.read_energy_j, rel=1e-6)


def test_a_record_without_an_enable_edge_is_a_fault_of_the_testbench():
    waves, timing = _read()
    waves = (waves[0], np.zeros_like(waves[1]), *waves[2:])
    with pytest.raises(ValueError, match="no rising enable edge"):
        measure_read(*waves, **timing)


def test_a_record_that_ends_too_early_is_a_fault_of_the_testbench():
    waves, timing = _read()
    timing["sample_time_s"] = 30e-9
    with pytest.raises(ValueError, match="ends before the sampling time"):
        measure_read(*waves, **timing)
