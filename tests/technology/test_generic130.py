"""The built-in 130 nm card on plain `ngspice -b`: its header's numbers, its corners, its heat.

Ion: |VGS| = |VDS| = supply. Ioff: VGS = 0, |VDS| = supply. Vth: |VGS| at which |ID| is
100 nA * W / L with |VDS| = 50 mV. All devices 10 um wide, at their minimum length.
"""

import functools
import re
import shutil
import subprocess

import pytest

from rramchar.resources import resource

WIDTH_UM = 10
# Polarity, length [um] and supply [V] of each device.
DEVICES = {
    "n12": (1, 0.13, 1.2),
    "p12": (-1, 0.13, 1.2),
    "n12h": (1, 0.13, 1.2),
    "p12h": (-1, 0.13, 1.2),
    "n50": (1, 0.5, 5.0),
}
LIBRARY = resource("netlists", "generic130.lib")

pytestmark = pytest.mark.skipif(not shutil.which("ngspice"), reason="no ngspice program")


def _deck(corner, temperature_c):
    # gmin's own current would hide the leakage of the I/O device.
    lines = [
        "* device table",
        f'.lib "{LIBRARY}" {corner}',
        f".options temp={temperature_c} reltol=1e-6 abstol=1e-18 gmin=1e-18",
        "Vsweep sweep 0 0",
    ]
    after = ["set num_threads=1", "op"]
    for name, (sign, length, supply) in DEVICES.items():
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
    for name, (_, length, _) in DEVICES.items():
        after.append(f"let i_{name} = abs(i(vd_{name}_lin))")
        after.append(f"meas dc vth_{name} when i_{name}={1e-7 * WIDTH_UM / length:.6g}")
    return "\n".join([*lines, ".control", *after, ".endc", ".end", ""])


@functools.cache
def _measured(corner="tt", temperature_c=27):
    """Return Ion [A/um], Ioff [A/um] and Vth [V] of every device."""
    done = subprocess.run(
        ["ngspice", "-b"],
        input=_deck(corner, temperature_c),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = dict(re.findall(r"^(\S+)\s+=\s+([-+.\deE]+)", done.stdout, re.MULTILINE))
    assert len(found) >= 3 * len(DEVICES), done.stdout[-2000:] + done.stderr[-2000:]
    return {
        name: {
            "ion": abs(float(found[f"i(vd_{name}_on)"])) / WIDTH_UM,
            "ioff": abs(float(found[f"i(vd_{name}_off)"])) / WIDTH_UM,
            "vth": float(found[f"vth_{name}"]),
        }
        for name in DEVICES
    }


def test_the_header_states_what_is_simulated():
    rows = re.findall(
        r"^\*\s+(n12|p12|n12h|p12h|n50)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$",
        LIBRARY.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [row[0] for row in rows] == list(DEVICES)
    for name, length_um, supply_v, ion_ua_um, ioff_na_um, vth_v in rows:
        assert (float(length_um), float(supply_v)) == DEVICES[name][1:]
        measured = _measured()[name]
        assert float(ion_ua_um) == pytest.approx(measured["ion"] * 1e6, rel=0.01), name
        assert float(ioff_na_um) == pytest.approx(measured["ioff"] * 1e9, rel=0.01), name
        assert float(vth_v) == pytest.approx(measured["vth"], rel=0.01), name


@pytest.mark.parametrize(
    ("device", "order"),
    [
        # Strongest first. In a mixed corner the first letter is the NMOS, the second the PMOS.
        ("n12", "ff fs tt sf ss"),
        ("n12h", "ff fs tt sf ss"),
        ("n50", "ff fs tt sf ss"),
        ("p12", "ff sf tt fs ss"),
        ("p12h", "ff sf tt fs ss"),
    ],
)
def test_corners_are_in_order(device, order):
    found = [_measured(corner)[device] for corner in order.split()]
    for stronger, weaker in zip(found, found[1:], strict=False):
        assert stronger["ion"] > weaker["ion"]
        assert stronger["ioff"] > weaker["ioff"]
        assert stronger["vth"] < weaker["vth"]
    assert found[0]["ion"] / found[-1]["ion"] < 1.6  # corners, not another process
    assert found[-1]["vth"] - found[0]["vth"] > 0.05


@pytest.mark.parametrize("corner", ["tt", "ff", "ss", "fs", "sf"])
@pytest.mark.parametrize("device", list(DEVICES))
def test_heat_weakens_leaks_and_lowers_the_threshold(device, corner):
    cold, warm, hot = (_measured(corner, t)[device] for t in (-40, 27, 125))
    assert cold["vth"] > warm["vth"] > hot["vth"]
    assert cold["ioff"] < warm["ioff"] < hot["ioff"]
    assert cold["ion"] > warm["ion"] > hot["ion"]
    # 0.3 to 3 mV per kelvin.
    assert 0.3e-3 < (cold["vth"] - hot["vth"]) / 165 < 3e-3


@pytest.mark.parametrize("corner", ["tt", "ff", "ss", "fs", "sf"])
@pytest.mark.parametrize(("core", "high"), [("n12", "n12h"), ("p12", "p12h")])
def test_the_hvt_flavour_is_80_mv_higher(core, high, corner):
    found = _measured(corner)
    # The card's vth0 differs by 80 mV; the body effect of that adds a few.
    assert found[high]["vth"] - found[core]["vth"] == pytest.approx(0.080, abs=0.005)
    assert found[high]["ion"] < found[core]["ion"]
    assert found[high]["ioff"] < found[core]["ioff"] / 5


def test_the_card_is_of_a_130_nm_process():
    found = _measured()
    assert 400e-6 < found["n12"]["ion"] < 700e-6
    assert 150e-6 < found["p12"]["ion"] < 300e-6
    assert 0.25 < found["n12"]["vth"] < 0.45
    assert 0.6 < found["n50"]["vth"] < 0.9
    assert found["n50"]["ioff"] < found["n12"]["ioff"] / 1000
