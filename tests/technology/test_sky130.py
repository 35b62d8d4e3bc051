"""The shipped definitions of the open PDK sky130, on a small kit of the same layout."""

import shutil

import pytest
from sky130_mock import CORNERS, PREFIX, write_bare, write_installed

from rramchar.errors import InputError
from rramchar.technology import inspect_technology, load_technology
from rramchar.testbench.device_check import check_devices


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    write_installed(folder / "pdk")
    write_bare(folder / "bare")
    return folder


@pytest.fixture(autouse=True)
def variables(kit, monkeypatch):
    monkeypatch.setenv("PDK_ROOT", str(kit / "pdk"))
    monkeypatch.setenv("SKY130_FD_PR", str(kit / "bare"))


@pytest.mark.parametrize("name", ["sky130", "sky130_fd_pr"])
def test_what_the_definition_says(name):
    technology = load_technology(name)
    assert technology.vdd_nominal_v == 1.8
    assert 0.8 <= technology.vdd_ternary_v <= 0.9
    assert technology.device("nmos").model == f"{PREFIX}nfet_01v8"
    assert technology.device_supply_v("nmos_io") == 5.0
    assert all(device.subcircuit for device in technology.devices.values())


def test_the_bare_library_is_taken_in_in_order(kit):
    lines = load_technology("sky130_fd_pr").library_lines("sf")
    files = [line.split("/")[-1].strip('"') for line in lines if line.startswith(".include")]
    assert files == [
        "lod.spice",
        f"{PREFIX}nfet_01v8__mismatch.corner.spice",
        f"{PREFIX}nfet_01v8__sf.pm3.spice",
        f"{PREFIX}pfet_01v8__mismatch.corner.spice",
        f"{PREFIX}pfet_01v8__sf.corner.spice",
        f"{PREFIX}nfet_g5v0d10v5__mismatch.corner.spice",
        f"{PREFIX}nfet_g5v0d10v5__sf.corner.spice",
    ]
    assert lines[0] == ".param mc_mm_switch=0"


@pytest.fixture(scope="module")
def checked(kit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PDK_ROOT", str(kit / "pdk"))
        patch.setenv("SKY130_FD_PR", str(kit / "bare"))
        return {n: check_devices(load_technology(n)) for n in ("sky130", "sky130_fd_pr")}


def test_its_devices_work_and_are_the_same_in_both_layouts(checked):
    installed, bare = checked["sky130"], checked["sky130_fd_pr"]
    assert len(installed) == 3 * len(CORNERS)
    for one, other in zip(installed, bare, strict=True):
        assert one.problem is None
        assert other.problem is None
        assert (one.name, one.corner) == (other.name, other.corner)
        assert one.vth_v == pytest.approx(other.vth_v, rel=1e-6)
        assert one.ion_a_per_um == pytest.approx(other.ion_a_per_um, rel=1e-6)
    nmos = next(c for c in installed if c.name == "nmos")
    assert 500e-6 < nmos.ion_a_per_um < 900e-6
    assert nmos.length_m == 0.15e-6


@pytest.mark.parametrize("name", ["sky130", "sky130_fd_pr"])
@pytest.mark.parametrize("vdd_v", [1.8, 1.2])
def test_it_reads(read, name, vdd_v):
    technology = load_technology(name)
    for pair, outcome in (((50e3, 5e3), "plus"), ((5e3, 50e3), "minus")):
        found = read(*pair, technology=technology, vdd_v=vdd_v)
        assert found.outcome == outcome
        assert found.precharge_ok


def test_simulator_settings_of_one_kit_do_not_reach_the_next(read, generic130):
    before = read(5e3, 50e3)
    read(5e3, 50e3, technology=load_technology("sky130"), vdd_v=1.8)
    after = read(5e3, 50e3)
    assert before == after


def test_the_digest_covers_files_three_levels_down(kit, tmp_path, monkeypatch):
    shutil.copytree(kit / "pdk", tmp_path / "pdk")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "pdk"))
    first = load_technology("sky130").digest
    (deep,) = (tmp_path / "pdk").rglob(f"{PREFIX}pfet_01v8__fs.pm3.spice")
    deep.write_text(deep.read_text() + "* changed\n")
    assert load_technology("sky130").digest != first


def test_a_folder_with_white_space_is_read_by_ngspice(read, kit, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(kit / "pdk", tmp_path / "open source" / "pdk root")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "open source" / "pdk root"))
    found = read(5e3, 50e3, technology=load_technology("sky130"), vdd_v=1.8)
    assert found.outcome == "minus"


@pytest.mark.parametrize(
    ("name", "variable"), [("sky130", "PDK_ROOT"), ("sky130_fd_pr", "SKY130_FD_PR")]
)
def test_without_the_kit_it_says_what_to_set(monkeypatch, tmp_path, name, variable):
    monkeypatch.delenv(variable)
    with pytest.raises(InputError, match=f"variable {variable}, which is not set"):
        load_technology(name)
    report = inspect_technology(name)
    assert (report.ok, report.needs) == (False, [variable])
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(InputError, match="does not exist"):
        load_technology(name)
