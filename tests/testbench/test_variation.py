from __future__ import annotations

import math

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.sweep import make_plan
from rramchar.technology import load_technology
from rramchar.testbench import ReadParameters
from rramchar.testbench.read import read_transistors
from rramchar.testbench.sampling import SAMPLINGS
from rramchar.testbench.variation import Variation, shift_alteration, spreads_of

TECHNOLOGY = load_technology("generic130")
every_sampling = pytest.mark.parametrize("sampling", SAMPLINGS)


def spreads(**parameters):  # type: ignore[no-untyped-def]
    return spreads_of(TECHNOLOGY, read_transistors(ReadParameters(**parameters)))


def test_every_transistor_of_the_circuit_varies_once() -> None:
    assert len(spreads()) == 9
    xnor = spreads(amplifier="xnor_pcsa")
    assert len(xnor) == 13
    assert len({spread.placed.label for spread in xnor}) == 13


def test_local_sigma_follows_pelgrom() -> None:
    small, large = spreads(latch_n_width_m=0.6e-6), spreads(latch_n_width_m=2.4e-6)
    latch = [s for s in small if s.placed.label == "xamp.latch_nq"][0]
    wide = [s for s in large if s.placed.label == "xamp.latch_nq"][0]
    assert latch.sigma_vth_v == pytest.approx(3.5e-9 / math.sqrt(0.6e-6 * 0.13e-6))
    assert wide.sigma_vth_v == pytest.approx(latch.sigma_vth_v / 2)


def test_random_samples_are_those_of_the_first_release() -> None:
    """Runs that were made before there were other designs go on with the same transistors."""
    found = Variation(7, spreads(), process=True).alterations(11)
    generator = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(11,)))
    local = generator.standard_normal((9, 2))
    die = dict(zip(["nmos", "pmos"], generator.standard_normal(2), strict=True))
    for spread, (z_vth, z_beta) in zip(spreads(), local, strict=True):
        shift = spread.sigma_vth_v * z_vth
        shift += spread.sigma_vth_global_v * die[spread.placed.transistor.role]
        assert found[spread.placed.shift_parameter] == -spread.sign * shift
        width = spread.placed.transistor.width_m * (1 + spread.sigma_beta * z_beta)
        assert found[spread.placed.width_parameter] == width


@pytest.mark.parametrize("sampling", ["lhs", "sobol"])
def test_dimensions_are_thresholds_then_roles_then_betas(sampling: str) -> None:
    variation = Variation(3, spreads(access="io"), False, True, sampling, 16)
    assert variation.roles == ("nmos", "nmos_io", "pmos")
    z = variation.design.normals(5)
    assert len(z) == 9 + 3 + 9
    die = variation.alterations(5)
    local = Variation(3, spreads(access="io"), True, False, sampling, 16).alterations(5)
    for k, spread in enumerate(variation.spreads):
        transistor, name = spread.placed.transistor, spread.placed.shift_parameter
        z_die = z[9 + variation.roles.index(transistor.role)]
        assert die[name] == pytest.approx(-spread.sign * spread.sigma_vth_global_v * z_die)
        assert local[name] == pytest.approx(-spread.sign * spread.sigma_vth_v * z[k])
        width = transistor.width_m * (1 + spread.sigma_beta * z[12 + k])
        assert local[spread.placed.width_parameter] == pytest.approx(width)


def test_samples_are_reproducible_independent_and_of_the_stated_spread() -> None:
    variation = Variation(7, spreads())
    values = [variation.alterations(k) for k in range(2000)]
    assert values[11] == Variation(7, spreads()).alterations(11)
    assert values[11] != Variation(8, spreads()).alterations(11)
    name = "@v.xamp.vmm_latch_nq[dc]"
    drawn = np.array([value[name] for value in values])
    sigma = next(s.sigma_vth_v for s in spreads() if s.placed.shift_parameter == name)
    # 5 standard errors of a standard deviation from 2000 normals.
    assert drawn.std() == pytest.approx(sigma, rel=5 / math.sqrt(2 * 2000))
    assert abs(drawn.mean()) < 5 * sigma / math.sqrt(2000)
    other = np.array([value["@v.xamp.vmm_latch_nqb[dc]"] for value in values])
    assert abs(np.corrcoef(drawn, other)[0, 1]) < 5 / math.sqrt(2000)


@every_sampling
def test_process_moves_all_devices_of_a_role_together(sampling: str) -> None:
    die = Variation(3, spreads(), False, True, sampling, 16).alterations(0)
    nmos = {die[f"@v.xamp.vmm_{name}[dc]"] for name in ("latch_nq", "latch_nqb", "foot")}
    assert len(nmos) == 1
    assert nmos.pop() != 0


@every_sampling
def test_switching_one_source_off_leaves_the_other_unchanged(sampling: str) -> None:
    both, local, die = (
        Variation(3, spreads(), mismatch, process, sampling, 16).alterations(5)
        for mismatch, process in ((True, True), (True, False), (False, True))
    )
    for name, value in die.items():
        assert both[name] == pytest.approx(local[name] + value, abs=1e-15)


def test_a_weaker_transistor_is_weaker_whatever_its_polarity() -> None:
    """The gate source lowers an NMOS gate and raises a PMOS gate."""
    by_label = {spread.placed.label: spread for spread in spreads()}
    assert list(shift_alteration(by_label["xamp.latch_nq"], 0.01).values()) == [-0.01]
    assert list(shift_alteration(by_label["xamp.latch_pq"], 0.01).values()) == [0.01]


def _plan(**monte_carlo: object):  # type: ignore[no-untyped-def]
    return make_plan(
        {
            "plan": {"testbench": "read", "seed": 4},
            "parameters": {"c_bl_f": "30f", "sample_time_s": "5n", "precharge_time_s": "10n"},
            "axes": {"vdd_v": [0.9, 1.2], "r_bl_ohm": ["9k", "12k"], "r_blb_ohm": "10k"},
            "monte_carlo": {"samples": 12, **monte_carlo},
        }
    )


def test_mismatch_sources_at_zero_change_nothing_but_a_little_time() -> None:
    """Nominal reads, with and without the gate-series sources, agree."""
    from rramchar.spice.session import process_session, simulate
    from rramchar.technology import Condition
    from rramchar.testbench import ReadPoint, build_read
    from rramchar.testbench.read import read_result

    condition, parameters = Condition("tt", 27.0, 1.2), ReadParameters()
    times = []
    for mismatch in (False, True):
        deck = build_read(TECHNOLOGY, condition, parameters, ReadPoint(5e3, 5e4), mismatch=mismatch)
        waves, _ = simulate(process_session(), deck, {}, "report")
        times.append(read_result(waves, condition, parameters).sense_time_s)
    assert times[1] == pytest.approx(times[0], rel=2e-3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"samples": 0}, "monte_carlo.samples"),
        ({"sample": 5}, "unknown key 'monte_carlo.sample'"),
        ({"mismatch": False}, "nothing would vary"),
    ],
)
def test_bad_monte_carlo(spec: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _plan(**spec)


def test_tolerance_axis() -> None:
    made = make_plan(
        {
            "plan": {"testbench": "read"},
            "axes": {
                "vdd_v": {"nominal": "0.6V", "tolerance": 0.1},
                "r_bl_ohm": "5k",
                "r_blb_ohm": "50k",
            },
        }
    )
    assert made.axes["vdd_v"] == pytest.approx((0.54, 0.6, 0.66))
