"""A foreign kit, spelled as foundry kits are: subcircuit devices, sizes in micrometres.

The kit's devices are generic130's models in another dress, so its reads must agree with those of
generic130.
"""

import shutil

import pytest
import tomli_w

from rramchar.cells import Pcsa, build_pcsa
from rramchar.errors import InputError
from rramchar.resources import resource
from rramchar.technology import load_technology

# As generic130 calls its devices, and as the kits do.
DEVICES = {"nmos": "n12", "pmos": "p12", "nmos_io": "n50"}
WRAPPER = """\
.subckt kit_{model} d g s b w=1 l=1 ad=0 as=0 pd=0 ps=0
m1 d g s b {model} w='w*1e-6' l='l*1e-6' ad='ad*1e-12' as='as*1e-12' pd='pd*1e-6' ps='ps*1e-6'
.ends kit_{model}
"""
CORNERS = {"tt": "TYP", "ss": "SLOW", "ff": "FAST"}


def _write_kit(folder, *, name, devices, **fields):
    shutil.copy(resource("netlists", "generic130.lib"), folder)
    wrappers = "".join(WRAPPER.format(model=model) for model in DEVICES.values())
    (folder / "kit.lib").write_text(
        "".join(
            f".lib {section}\n.lib 'generic130.lib' {corner}\n{wrappers}.endl {section}\n"
            for corner, section in CORNERS.items()
        )
    )
    document = {
        "name": name,
        "corners": CORNERS,
        "supply": {"nominal_v": 1.2, "maximum_v": 1.6},
        "libraries": [{"path": "kit.lib", "section": "{corner}"}],
        "sizes": {"unit_m": 1e-6, "diffusion_length_m": 0.34e-6},
        "devices": {
            role: {
                "model": model,
                "polarity": "n" if role.startswith("n") else "p",
                "minimum_width_m": 0.15e-6,
                "minimum_length_m": 0.5e-6 if role == "nmos_io" else 0.13e-6,
                "subcircuit": subcircuit,
            }
            for role, (model, subcircuit) in devices.items()
        },
        **fields,
    }
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(document))
    return load_technology(path)


@pytest.fixture(scope="module")
def subcircuit_kit(tmp_path_factory):
    """Return a kit of X devices whose w and l are numbers of micrometres."""
    devices = {role: (f"kit_{model}", True) for role, model in DEVICES.items()}
    return _write_kit(tmp_path_factory.mktemp("kit"), name="subcircuit_kit", devices=devices)


@pytest.fixture(scope="module")
def scaled_kit(tmp_path_factory):
    """Return a kit of M devices in micrometres, with ngspice's ``scale`` option."""
    devices = {role: (model, False) for role, model in DEVICES.items()}
    return _write_kit(
        tmp_path_factory.mktemp("kit"), name="scaled_kit", devices=devices,
        options={"scale": "1e-6"},
    )  # fmt: skip


@pytest.mark.parametrize("kit", ["subcircuit_kit", "scaled_kit"])
@pytest.mark.parametrize(
    ("r_bl_ohm", "r_blb_ohm", "outcome", "settings"),
    [
        (5e3, 50e3, "minus", {}),
        (50e3, 5e3, "plus", {}),
        (30e3, 10e3, "plus", {"vdd_v": 0.6}),
        (10e3, 30e3, "minus", {"corner": "ss", "temperature_c": 60.0}),
        (5e3, 50e3, "plus", {"x": -1}),
        (50e3, 5e3, "plus", {"access": "io", "access_length_m": 0.5e-6, "wl_v": 2.5}),
    ],
)
def test_reads_agree_with_the_same_models_plainly_spelled(
    request, read, kit, r_bl_ohm, r_blb_ohm, outcome, settings
):
    technology = request.getfixturevalue(kit)
    found = read(r_bl_ohm, r_blb_ohm, technology=technology, accuracy="report", **settings)
    plain = read(r_bl_ohm, r_blb_ohm, accuracy="report", **settings)
    assert found.outcome == plain.outcome == outcome
    assert found.sense_time_s == pytest.approx(plain.sense_time_s, rel=0.01)
    assert found.read_energy_j == pytest.approx(plain.read_energy_j, rel=0.01)
    assert found.precharge_ok


def test_a_subcircuit_device_is_an_x_in_the_kits_own_units(subcircuit_kit):
    text = str(build_pcsa(subcircuit_kit, Pcsa(latch_n_width_m=2e-6)))
    (line,) = [line for line in text.splitlines() if line.startswith("Xlatch_nq ")]
    name, *nodes, model = line.split()[:6]
    assert (name, nodes, model) == ("Xlatch_nq", ["q", "qb", "bl", "0"], "kit_n12")
    sizes = dict(item.split("=") for item in line.split()[6:])
    assert {key: float(value) for key, value in sizes.items()} == pytest.approx(
        {"w": 2, "l": 0.13, "ad": 0.68, "as": 0.68, "pd": 4.68, "ps": 4.68}
    )


def test_a_kit_without_the_flavour_says_so(read, subcircuit_kit):
    with pytest.raises(InputError, match="subcircuit_kit: no device 'pmos_hvt'; it has nmos, pmos"):
        read(5e3, 50e3, technology=subcircuit_kit, flavour="hvt")
