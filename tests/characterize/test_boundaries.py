"""Outcome maps and offsets on the real ngspice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rramchar.characterize.offset import find_offset
from rramchar.characterize.outcome_map import trace_outcome_map
from rramchar.characterize.reader import Query, Reader
from rramchar.errors import InputError, SimulationError
from rramchar.technology import Condition, load_technology
from rramchar.testbench import ReadParameters, ReadPoint
from rramchar.testbench.read import read_transistors
from rramchar.testbench.variation import Variation, shift_alteration, spreads_of

TERNARY = ReadParameters(
    flavour="hvt", c_bl_f=100e-15, c_q_f=40e-15, precharge_time_s=200e-9, sample_time_s=6e-9
)
FAST = ReadParameters(c_bl_f=30e-15, precharge_time_s=20e-9, sample_time_s=10e-9)
TECHNOLOGY = load_technology("generic130")


def reader(vdd_v: float, parameters: ReadParameters, **more) -> Reader:  # type: ignore[no-untyped-def]
    return Reader(TECHNOLOGY, Condition("tt", 27.0, vdd_v), parameters, **more)


@pytest.fixture(scope="module")
def traced():
    with reader(0.6, TERNARY) as ask:
        return trace_outcome_map(ask, resolution_decade=0.04)


def test_the_boundary_is_traced_in_a_fraction_of_the_grid(traced) -> None:
    assert traced.simulations < traced.grid_simulations / 5


def test_both_sides_of_the_boundary_read_as_it_says(traced) -> None:
    """Step off the boundary by its resolution, to either side, and simulate."""
    step = 10**traced.resolution_decade
    rows = [k for k in range(0, len(traced.r_blb_ohm), 9) if 0 < traced.minus_below_ohm[k] < np.inf]
    assert len(rows) >= 4
    queries, expected = [], []
    for k in rows:
        blb, edge = float(traced.r_blb_ohm[k]), float(traced.minus_below_ohm[k])
        queries += [Query(ReadPoint(edge / step, blb)), Query(ReadPoint(edge * step, blb))]
        expected += [True, False]
    with reader(0.6, TERNARY) as ask:
        found = [row["outcome"] == "minus" for row in ask.read(queries)]
    assert found == expected


def test_the_map_is_its_own_mirror_image(traced) -> None:
    """Swapping the two lines swaps the signs: the plus boundary is the minus one, transposed."""
    rows, minus = np.log10(traced.r_blb_ohm), traced.minus_below_ohm
    plus = traced.plus_above_ohm
    finite = np.isfinite(plus) & (plus > 0)
    # Where the boundary is steep in neither coordinate: R_BLb of 10 to 20 kohm.
    chosen = np.flatnonzero((rows > 4.0) & (rows < 4.3) & (minus > 10 ** rows[0]))
    assert len(chosen) >= 4
    mirrored = np.interp(np.log10(minus[chosen]), rows[finite], np.log10(plus[finite]))
    assert np.abs(mirrored - rows[chosen]).max() < 3 * traced.resolution_decade


def test_r_star_follows_the_sampling_time_and_not_only_the_supply() -> None:
    found = {}
    for vdd, time in ((0.6, 6e-9), (0.6, 12e-9), (1.2, 6e-9)):
        with reader(vdd, replace(TERNARY, sample_time_s=time)) as ask:
            found[vdd, time] = trace_outcome_map(ask, resolution_decade=0.2).r_star_ohm
    assert found[0.6, 6e-9] < found[0.6, 12e-9]
    assert found[0.6, 6e-9] < found[1.2, 6e-9] / 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_ohm": 1e6, "high_ohm": 3e3}, "range of resistances"),
        ({"low_ohm": 0.0}, "range of resistances"),
        ({"resolution_decade": 0.0}, "resolution"),
        ({"resolution_decade": 5.0}, "resolution"),
    ],
)
def test_bad_maps(options: dict[str, float], message: str) -> None:
    with reader(0.6, TERNARY) as ask, pytest.raises(InputError, match=message):
        trace_outcome_map(ask, **options)


def test_a_boundary_does_not_rest_on_a_failed_point() -> None:
    hot = Reader(TECHNOLOGY, Condition("tt", 900.0, 1.2), FAST)
    with hot as ask, pytest.raises(SimulationError, match="R_BL = 5000"):
        ask.read([Query(ReadPoint(5e3, 5e4))])


def test_threshold_shifts_are_not_left_behind() -> None:
    """A shifted latch flips the decision of a near pair; the next query is nominal again."""
    spreads = spreads_of(TECHNOLOGY, read_transistors(FAST))
    latch = next(s for s in spreads if s.placed.label == "xamp.latch_nq")
    near = ReadPoint(1.0e4, 1.1e4)
    queries = [
        Query(near),
        Query(near, shifts=shift_alteration(latch, 0.08)),
        Query(near),
        Query(near, sample=3),
        Query(near),
    ]
    with reader(1.2, FAST, variation=Variation(1, spreads), workers=1) as ask:
        rows = ask.read(queries)
    assert [row["outcome"] for row in rows[:3]] == ["minus", "plus", "minus"]
    for k in (2, 4):
        assert rows[k]["sense_time_s"] == rows[0]["sense_time_s"]
    assert rows[3]["sense_time_s"] != rows[0]["sense_time_s"]


def test_sensitivity_and_monte_carlo_agree() -> None:
    spreads = spreads_of(TECHNOLOGY, read_transistors(FAST))
    with reader(1.2, FAST, variation=Variation(1, spreads)) as ask:
        found = find_offset(ask, spreads, samples=60)
    assert found.sigma_low < found.sigma_ln_r_sensitivity < found.sigma_high
    assert abs(found.mean_ln_r_mc) < 4 * found.sigma_ln_r_mc / np.sqrt(60)
    per_v = found.sensitivity_per_v
    # The latch's NMOS dominate, and mirrored transistors do the opposite.
    assert per_v["xamp.latch_nqb"] == pytest.approx(-per_v["xamp.latch_nq"], rel=0.05)
    assert 3 < per_v["xamp.latch_nqb"] < 12
    assert per_v["xamp.latch_nqb"] == max(per_v.values())
    assert abs(per_v["xamp.foot"]) < 0.3


def test_offset_needs_samples() -> None:
    spreads = spreads_of(TECHNOLOGY, read_transistors(FAST))
    with (
        reader(1.2, FAST, variation=Variation(1, spreads)) as ask,
        pytest.raises(InputError, match="samples: 1"),
    ):
        find_offset(ask, spreads, samples=1)
