"""The reads on two different processes: what holds on one holds on the other, with its supplies."""

from itertools import product

import pytest

from rramchar.technology import load_technology

CORNERS = ("tt", "ff", "ss", "fs", "sf")


@pytest.fixture(scope="module", params=["generic130", "generic180"])
def process(request):
    return load_technology(request.param)


@pytest.fixture
def read_here(read, process):
    """Return a function that reads at the process's own nominal supply; all else is default."""
    settings = {"technology": process, "vdd_v": process.vdd_nominal_v}
    return lambda *pair, **changes: read(*pair, **settings | changes)


@pytest.mark.parametrize("supply", ["nominal", "ternary"])
@pytest.mark.parametrize(
    ("r_bl_ohm", "r_blb_ohm", "outcome"),
    [(50e3, 5e3, "plus"), (5e3, 50e3, "minus"), (3e3, 4.1e3, "minus"), (400e3, 200e3, "plus")],
)
def test_plus_when_the_bit_line_has_the_higher_resistance(
    read_here, process, supply, r_bl_ohm, r_blb_ohm, outcome
):
    vdd_v = process.vdd_nominal_v if supply == "nominal" else process.vdd_ternary_v
    found = read_here(r_bl_ohm, r_blb_ohm, vdd_v=vdd_v)
    assert found.outcome == outcome
    assert found.precharge_ok


@pytest.mark.parametrize("corner", CORNERS)
def test_the_xnor_truth_table_at_every_corner(read_here, process, corner):
    for vdd_v in (process.vdd_nominal_v, process.vdd_ternary_v):
        for x, weight in product((1, -1), (1, -1)):
            pair = (50e3, 5e3) if weight == 1 else (5e3, 50e3)
            found = read_here(*pair, x=x, corner=corner, vdd_v=vdd_v)
            assert found.outcome == ("plus" if x * weight == 1 else "minus"), (x, weight, vdd_v)
            assert found.precharge_ok


def test_two_high_resistances_read_zero_at_the_ternary_supply(read_here, process):
    ternary = {
        "vdd_v": process.vdd_ternary_v, "flavour": "hvt", "sample_time_s": 20e-9,
        "c_bl_f": 100e-15, "c_q_f": 40e-15,
    }  # fmt: skip
    for pair, outcome in (((1e6, 1.5e6), "zero"), ((1e6, 5e3), "plus"), ((5e3, 1e6), "minus")):
        found = read_here(*pair, **ternary)
        assert found.outcome == outcome
        assert found.precharge_ok
    # Given time, the same pair is decided by its order.
    assert read_here(1e6, 1.5e6, **ternary | {"sample_time_s": 2e-6}).outcome == "minus"


def test_the_same_pair_falls_earlier_at_the_nominal_supply(read_here, process):
    pair = (200e3, 300e3)
    slow = read_here(*pair, vdd_v=process.vdd_ternary_v, flavour="hvt")
    fast = read_here(*pair, flavour="hvt")
    assert fast.q_fall_time_s < 0.6 * slow.q_fall_time_s


def test_a_slow_corner_is_slower(read_here):
    slow, fast = (read_here(5e3, 50e3, corner=corner) for corner in ("ss", "ff"))
    assert slow.sense_time_s > fast.sense_time_s


def test_the_thick_oxide_access_transistor(read_here, process):
    device = process.device("nmos_io")
    found = read_here(
        50e3, 5e3, access="io", access_length_m=device.minimum_length_m, wl_v=device.supply_v
    )
    assert found.outcome == "plus"
