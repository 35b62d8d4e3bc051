"""The device check on real ngspice: right numbers for right files, right words for wrong ones."""

import re

import numpy as np
import pytest
import tomli_w

from rramchar.errors import InputError
from rramchar.resources import resource
from rramchar.technology import load_technology
from rramchar.testbench.device_check import check_devices
from rramchar.testbench.device_verdict import judge_corners, judge_on, threshold_v


def _document(**changes):
    """Return a technology of two devices on generic130's card, with what is wrong about it."""
    sizes = {"minimum_width_m": 0.15e-6, "minimum_length_m": 0.13e-6}
    document = {
        "name": "mine",
        "corners": {"tt": "tt", "ff": "ff", "ss": "ss"},
        "supply": {"nominal_v": 1.2, "maximum_v": 1.6},
        "libraries": [{"path": "shipped:generic130.lib", "section": "{corner}"}],
        "devices": {
            "nmos": {"model": "n12", "polarity": "n", **sizes},
            "pmos": {"model": "p12", "polarity": "p", **sizes},
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    return document


@pytest.fixture
def check(tmp_path):
    """Return a function that checks a changed technology: device and corner to result."""

    def run(only=None, files=None, **changes):
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text)
        path = tmp_path / "mine.toml"
        path.write_text(tomli_w.dumps(_document(**changes)))
        found = check_devices(load_technology(path), corners=only)
        return {(item.name, item.corner): item for item in found}

    return run


# A right file.


@pytest.mark.parametrize("name", ["generic130", "generic180"])
def test_the_shipped_cards_as_their_headers_state(name):
    technology = load_technology(name)
    header = resource("netlists", f"{name}.lib").read_text(encoding="utf-8")
    for found in check_devices(technology, corners=["tt"], width_m=10e-6):
        row = re.search(rf"^\*\s+{found.model}\s+(.+)$", header, re.MULTILINE)[1].split()
        length_um, supply_v, ion_ua_um, ioff_na_um, vth_v = map(float, row)
        assert found.problem is None
        assert (found.length_m, found.supply_v) == (pytest.approx(length_um * 1e-6), supply_v)
        assert found.ion_a_per_um * 1e6 == pytest.approx(ion_ua_um, rel=0.01)
        assert found.vth_v == pytest.approx(vth_v, rel=0.01)
        # The check adds sources and drains of the drawn size, whose junctions leak a little.
        assert found.ioff_a_per_um * 1e9 == pytest.approx(ioff_na_um, rel=0.01, abs=1e-7)
        # Oxide capacitance and overlaps: 3.9 eps0 / tox is 3 to 14 fF/um2.
        assert 2.5e-15 < found.gate_capacitance_f_per_um2 < 20e-15


def test_every_device_at_every_corner_with_its_curves(generic130):
    found = check_devices(generic130)
    assert [(c.corner, c.name) for c in found] == [
        (corner, role) for corner in generic130.corners for role in generic130.devices
    ]
    assert not [c.problem for c in found if c.problem]
    for item in found:
        assert item.gate_v[0] == 0
        assert item.gate_v[-1] == pytest.approx(item.supply_v)
        assert np.all(np.diff(item.saturation_a_per_um) > 0)
        assert item.saturation_a_per_um[-1] == item.ion_a_per_um
        assert np.all(item.linear_a_per_um < item.saturation_a_per_um)
        assert "gate_v" not in item.as_dict()
    vth = {(c.name, c.corner): c.vth_v for c in found}
    for role in generic130.devices:
        assert vth[role, "ff"] < vth[role, "tt"] < vth[role, "ss"]


def test_heat_is_simulated(generic130):
    cold, hot = (check_devices(generic130, corners=["tt"], temperature_c=t)[0] for t in (-40, 125))
    assert cold.vth_v > hot.vth_v
    assert cold.ioff_a_per_um < hot.ioff_a_per_um


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"corners": ["xx"]}, "'xx' is not a corner"),
        ({"temperature_c": -300.0}, "absolute zero"),
        ({"width_m": 1.0}, "width of nmos"),
    ],
)
def test_what_cannot_be_checked(generic130, settings, words):
    with pytest.raises(InputError, match=words):
        check_devices(generic130, **settings)


# Wrong files.


def test_a_wrong_polarity(check):
    found = check(devices__nmos__polarity="p", only=["tt"])
    assert 'opposite polarity; set polarity = "n"' in found["nmos", "tt"].problem
    assert found["nmos", "tt"].vth_v is None
    assert found["nmos", "tt"].ion_a_per_um is None
    assert found["pmos", "tt"].problem is None


def test_micrometres_taken_for_metres(check):
    # w = 1 means a metre to the card: 1e12 times the area at the same W/L.
    found = check(sizes__unit_m=1e-6, only=["tt"])
    for item in found.values():
        assert "sizes.unit_m" in item.problem


def test_metres_where_the_kit_wants_micrometres(check):
    wrapper = (
        ".lib tt\n.lib 'generic130.lib' tt\n"
        ".subckt nfet d g s b w=1 l=1\nm1 d g s b n12 w='w*1e-6' l='l*1e-6'\n.ends nfet\n"
        ".endl tt\n"
    )
    card = resource("netlists", "generic130.lib").read_text(encoding="utf-8")
    found = check(
        files={"kit.lib": wrapper, "generic130.lib": card},
        corners__tt="tt",
        libraries=[{"path": "kit.lib", "section": "tt"}],
        devices__nmos__model="nfet",
        devices__nmos__subcircuit=True,
        only=["tt"],
    )
    assert "sizes.unit_m" in found["nmos", "tt"].problem
    assert found["pmos", "tt"].problem is None


@pytest.mark.parametrize(
    ("vto", "words"), [(-0.5, "conducts at VGS = 0"), (3.0, "does not conduct")]
)
def test_a_device_that_is_always_on_or_always_off(check, vto, words):
    card = f".model n12 nmos level=1 vto={vto} kp=3e-4\n.model p12 pmos level=1 vto=-0.4 kp=1e-4\n"
    found = check(files={"m.inc": card}, libraries=[{"path": "m.inc"}], only=["tt"])
    assert words in found["nmos", "tt"].problem
    assert "section" in found["nmos", "tt"].problem
    assert found["pmos", "tt"].vth_v == pytest.approx(0.4, abs=0.05)


def test_a_section_too_many(check):
    found = check(corners={"tt": "tt", "ff": "ss", "ss": "ff"})
    assert "weaker in corner ff than in" in found["nmos", "ff"].problem
    assert "sections" in found["nmos", "ff"].problem


def test_one_section_for_all_corners(check):
    found = check(libraries=[{"path": "shipped:generic130.lib", "section": "tt"}])
    assert all("the same in every corner" in item.problem for item in found.values())


def test_an_instance_parameter_that_the_model_has_not(check):
    # One device is at fault; the other one is simulated all the same.
    found = check(devices__nmos__parameters={"nonsense": 1}, only=["tt"])
    assert found["nmos", "tt"].problem.startswith("cannot be simulated (bad_netlist: ")
    assert "nonsense" in found["nmos", "tt"].problem
    assert found["pmos", "tt"].problem is None
    assert found["pmos", "tt"].ion_a_per_um > 1e-4


# The judgement alone.


def test_a_threshold_is_interpolated_in_the_logarithm():
    gate = np.linspace(0, 1, 11)
    current = 1e-12 * 10 ** (gate / 0.1)  # 100 mV per decade
    assert threshold_v(gate, current, 3e-8) == pytest.approx(0.1 * np.log10(3e4))
    assert threshold_v(gate, current, 1e-15) is None
    assert threshold_v(gate, current, 1.0) is None
    assert threshold_v(gate, -current, 3e-8) is None


def test_mixed_corners_count_by_the_devices_own_letter():
    ion = {"tt": 5.0, "ff": 6.0, "ss": 4.0, "fs": 5.5, "sf": 4.5}
    assert judge_corners("n", ion) is None
    assert "weaker" in judge_corners("p", ion)
    assert judge_corners("n", {"hot": 1.0, "cold": 2.0}) is None
    assert judge_corners("n", {"tt": 1.0}) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((5e-4, 1e-10, 1e-14), None),
        ((5e-4, 1e-10, None), None),
        ((5e-4, 1e-10, 1e-3), "gate capacitance"),
        ((1e-8, 1e-12, None), "hardly conducts"),
        ((5.0, 1e-12, None), "conducts too much"),
        ((5e-4, 1e-4, None), "conducts at VGS = 0"),
    ],
)
def test_implausible_numbers(values, words):
    found = judge_on(*values)
    assert found is None if words is None else words in found
