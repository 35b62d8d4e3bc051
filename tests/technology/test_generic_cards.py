"""The shipped cards on plain `ngspice -b`: their headers' numbers, their corners, their heat.

Ion: |VGS| = |VDS| = supply. Ioff: VGS = 0, |VDS| = supply. Vth: |VGS| at which |ID| is
100 nA * W / L with |VDS| = 50 mV. All devices 10 um wide, at their minimum length.
"""

import functools
import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from rramchar.resources import resource
from rramchar.technology import load_technology

WIDTH_UM = 10
CORNERS = ("tt", "ff", "ss", "fs", "sf")


@dataclass(frozen=True)
class Card:
    """A shipped card: polarity, length [um] and supply [V] of each device; what is typical."""

    name: str
    devices: dict
    ion_n_ua_um: tuple
    ion_p_ua_um: tuple
    vth_v: tuple
    vth_io_v: tuple

    @property
    def library(self):
        return resource("netlists", f"{self.name}.lib")


CARDS = {
    "generic130": Card(
        "generic130",
        {
            "n12": (1, 0.13, 1.2),
            "p12": (-1, 0.13, 1.2),
            "n12h": (1, 0.13, 1.2),
            "p12h": (-1, 0.13, 1.2),
            "n50": (1, 0.5, 5.0),
        },
        ion_n_ua_um=(400, 700),
        ion_p_ua_um=(150, 300),
        vth_v=(0.25, 0.45),
        vth_io_v=(0.6, 0.9),
    ),
    "generic180": Card(
        "generic180",
        {
            "n18": (1, 0.18, 1.8),
            "p18": (-1, 0.18, 1.8),
            "n18h": (1, 0.18, 1.8),
            "p18h": (-1, 0.18, 1.8),
            "n33": (1, 0.35, 3.3),
        },
        ion_n_ua_um=(500, 700),
        ion_p_ua_um=(180, 300),
        vth_v=(0.38, 0.52),
        vth_io_v=(0.55, 0.8),
    ),
}
EVERY_DEVICE = [(name, device) for name, card in CARDS.items() for device in card.devices]
FLAVOURS = [
    (name, core, f"{core}h")
    for name, card in CARDS.items()
    for core in card.devices
    if f"{core}h" in card.devices
]

pytestmark = pytest.mark.skipif(not shutil.which("ngspice"), reason="no ngspice program")


def _deck(card, corner, temperature_c):
    # gmin's own current would hide the leakage of the I/O device.
    lines = [
        "* device table",
        f'.lib "{card.library}" {corner}',
        f".options temp={temperature_c} reltol=1e-6 abstol=1e-18 gmin=1e-18",
        "Vsweep sweep 0 0",
    ]
    after = ["set num_threads=1", "op"]
    for name, (sign, length, supply) in card.devices.items():
        size = f"{name} w={WIDTH_UM}u l={length}u"
        for state, gate in (("on", supply), ("off", 0)):
            node = f"{name}_{state}"
            lines += [
                f"M{node} d_{node} g_{node} 0 0 {size}",
                f"Vd_{node} d_{node} 0 {sign * supply}",
                f"Vg_{node} g_{node} 0 {sign * gate}",
            ]
            after.append(f"print i(vd_{node})")
        lines += [
            f"M{name}_lin d_{name}_lin g_{name}_lin 0 0 {size}",
            f"Vd_{name}_lin d_{name}_lin 0 {sign * 0.05}",
            f"E{name}_lin g_{name}_lin 0 sweep 0 {sign}",
        ]
    after.append("dc vsweep 0 1.5 2m")
    for name, (_, length, _) in card.devices.items():
        after.append(f"let i_{name} = abs(i(vd_{name}_lin))")
        after.append(f"meas dc vth_{name} when i_{name}={1e-7 * WIDTH_UM / length:.6g}")
    return "\n".join([*lines, ".control", *after, ".endc", ".end", ""])


@functools.cache
def _measured(name, corner="tt", temperature_c=27):
    """Return Ion [A/um], Ioff [A/um] and Vth [V] of every device of a card."""
    card = CARDS[name]
    done = subprocess.run(
        ["ngspice", "-b"],
        input=_deck(card, corner, temperature_c),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = dict(re.findall(r"^(\S+)\s+=\s+([-+.\deE]+)", done.stdout, re.MULTILINE))
    assert len(found) >= 3 * len(card.devices), done.stdout[-2000:] + done.stderr[-2000:]
    return {
        name: {
            "ion": abs(float(found[f"i(vd_{name}_on)"])) / WIDTH_UM,
            "ioff": abs(float(found[f"i(vd_{name}_off)"])) / WIDTH_UM,
            "vth": float(found[f"vth_{name}"]),
        }
        for name in card.devices
    }


@pytest.mark.parametrize("name", CARDS)
def test_the_header_states_what_is_simulated(name):
    card = CARDS[name]
    rows = re.findall(
        rf"^\*\s+({'|'.join(card.devices)})\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$",
        card.library.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [row[0] for row in rows] == list(card.devices)
    for device, length_um, supply_v, ion_ua_um, ioff_na_um, vth_v in rows:
        assert (float(length_um), float(supply_v)) == card.devices[device][1:]
        measured = _measured(name)[device]
        assert float(ion_ua_um) == pytest.approx(measured["ion"] * 1e6, rel=0.01), device
        assert float(ioff_na_um) == pytest.approx(measured["ioff"] * 1e9, rel=0.01), device
        assert float(vth_v) == pytest.approx(measured["vth"], rel=0.01), device


@pytest.mark.parametrize(("name", "device"), EVERY_DEVICE)
def test_corners_are_in_order(name, device):
    # Strongest first. In a mixed corner the first letter is the NMOS, the second the PMOS.
    order = "ff fs tt sf ss" if device.startswith("n") else "ff sf tt fs ss"
    found = [_measured(name, corner)[device] for corner in order.split()]
    for stronger, weaker in zip(found, found[1:], strict=False):
        assert stronger["ion"] > weaker["ion"]
        assert stronger["ioff"] > weaker["ioff"]
        assert stronger["vth"] < weaker["vth"]
    assert found[0]["ion"] / found[-1]["ion"] < 1.6  # corners, not another process
    assert found[-1]["vth"] - found[0]["vth"] > 0.05


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize(("name", "device"), EVERY_DEVICE)
def test_heat_weakens_leaks_and_lowers_the_threshold(name, device, corner):
    cold, warm, hot = (_measured(name, corner, t)[device] for t in (-40, 27, 125))
    assert cold["vth"] > warm["vth"] > hot["vth"]
    assert cold["ioff"] < warm["ioff"] < hot["ioff"]
    assert cold["ion"] > warm["ion"] > hot["ion"]
    # 0.3 to 3 mV per kelvin.
    assert 0.3e-3 < (cold["vth"] - hot["vth"]) / 165 < 3e-3


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize(("name", "core", "high"), FLAVOURS)
def test_the_hvt_flavour_is_80_mv_higher(name, core, high, corner):
    found = _measured(name, corner)
    # The card's vth0 differs by 80 mV; the body effect of that adds a few.
    assert found[high]["vth"] - found[core]["vth"] == pytest.approx(0.080, abs=0.005)
    assert found[high]["ion"] < found[core]["ion"]
    assert found[high]["ioff"] < found[core]["ioff"] / 5


@pytest.mark.parametrize("name", CARDS)
def test_the_card_is_typical_of_its_process(name):
    card, found = CARDS[name], _measured(name)
    nmos, pmos, _, _, io = card.devices
    for device, limits in ((nmos, card.ion_n_ua_um), (pmos, card.ion_p_ua_um)):
        assert limits[0] < found[device]["ion"] * 1e6 < limits[1]
    assert card.vth_v[0] < found[nmos]["vth"] < card.vth_v[1]
    assert card.vth_io_v[0] < found[io]["vth"] < card.vth_io_v[1]
    assert found[io]["ioff"] < found[nmos]["ioff"] / 500


@pytest.mark.parametrize("name", CARDS)
def test_the_definition_has_the_global_sigma_of_the_corners(name):
    technology = load_technology(name)
    text = technology.libraries[0].path.read_text(encoding="utf-8")
    shift = {
        key: float(value)
        for key, value in re.findall(
            r"(dvt\w+)=([-\d.]+)", text.split(".lib ss")[1].splitlines()[1]
        )
    }
    for role, device in technology.devices.items():
        expected = shift["dvtio" if role.endswith("_io") else f"dvt{device.polarity}"]
        assert 3 * device.sigma_vth_global_v == pytest.approx(expected, rel=0.01)
        assert device.a_beta_m > 0
