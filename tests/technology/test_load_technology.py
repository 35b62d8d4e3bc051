"""Technology files: what loads, and the one clear line for each thing that can be wrong."""

import os
import re
import shutil
import string
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.technology import (
    Condition,
    inspect_technology,
    load_technology,
    shipped_technologies,
)

MODEL = ".model nch nmos level=1"
LIBRARY_TEXT = """\
.lib typical
.model nch nmos level=1
.endl typical
.lib slow
.model nch nmos level=1 vto=0.9
.endl slow
"""


def _document():
    return {
        "name": "mine",
        "description": "a process of my own",
        "corners": {"tt": "typical", "ss": "slow"},
        "supply": {"nominal_v": 1.0, "maximum_v": 1.3},
        "libraries": [{"path": "models.lib", "section": "{corner}"}],
        "devices": {
            "nmos": {
                "model": "nch",
                "polarity": "n",
                "minimum_width_m": 1e-7,
                "minimum_length_m": 5e-8,
            }
        },
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # where links are kept
    (tmp_path / "models.lib").write_text(LIBRARY_TEXT)
    return tmp_path


def _write(folder, document):
    path = folder / "mine.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


def _refusal(path):
    with pytest.raises(InputError) as raised:
        load_technology(path)
    message = str(raised.value)
    assert len(message.splitlines()) == 1, message
    return message


# What loads.


def test_every_shipped_technology_is_known():
    assert "generic130" in shipped_technologies()
    assert shipped_technologies() == sorted(shipped_technologies())


def test_the_built_in_technology(generic130):
    assert generic130.name == "generic130"
    assert list(generic130.corners) == ["tt", "ff", "ss", "fs", "sf"]
    assert generic130.vdd_nominal_v == 1.2
    assert {d.polarity for r, d in generic130.devices.items() if r.startswith("n")} == {"n"}
    assert {d.polarity for r, d in generic130.devices.items() if r.startswith("p")} == {"p"}
    for corner in generic130.corners:
        (line,) = generic130.library_lines(corner)
        found = re.fullmatch(r'\.lib "(.+)" (\w+)', line)
        assert found[2] == corner
        assert Path(found[1]).is_file()
    assert re.fullmatch("[0-9a-f]{64}", generic130.digest)


def test_a_users_own_process(folder):
    technology = load_technology(_write(folder, _document()))
    assert technology.library_lines("ss") == [f'.lib "{folder}/models.lib" slow']
    device = technology.device("nmos")
    assert (device.role, device.model, device.subcircuit, device.a_vt_v_m) == (
        "nmos", "nch", False, 0.0,
    )  # fmt: skip
    assert (technology.width_parameter, technology.size_unit_m) == ("w", 1.0)


def test_a_relative_path_starts_at_the_files_own_folder(folder, monkeypatch):
    (folder / "kit").mkdir()
    (folder / "kit" / "models.lib").write_text(LIBRARY_TEXT)
    path = _write(folder, _document() | {"libraries": [{"path": "kit/models.lib"}]})
    monkeypatch.chdir(folder.parent)
    for spelling in (path, str(path), os.path.relpath(path)):
        lines = load_technology(spelling).library_lines("tt")
        assert lines == [f'.include "{folder}/kit/models.lib"']


@pytest.mark.parametrize("spelling", ["$PDK_ROOT/models.lib", "${PDK_ROOT}/models.lib"])
def test_pdk_root_is_expanded(folder, monkeypatch, spelling):
    monkeypatch.setenv("PDK_ROOT", str(folder))
    document = _document()
    document["libraries"][0]["path"] = spelling
    (folder / "elsewhere").mkdir()
    technology = load_technology(_write(folder / "elsewhere", document))
    assert technology.library_lines("tt") == [f'.lib "{folder}/models.lib" typical']


def test_a_file_for_every_corner(folder):
    for section in ("typical", "slow"):
        (folder / f"models_{section}.spice").write_text(".model nch nmos level=1\n")
    document = _document() | {"libraries": [{"path": "models_{corner}.spice"}]}
    technology = load_technology(_write(folder, document))
    assert technology.library_lines("ss") == [f'.include "{folder}/models_slow.spice"']
    (folder / "models_slow.spice").unlink()
    assert "models_slow.spice does not exist" in _refusal(folder / "mine.toml")


def test_the_digest_knows_definition_and_models(folder):
    path = _write(folder, _document())
    first = load_technology(path).digest
    assert load_technology(path).digest == first
    (folder / "models.lib").write_text(LIBRARY_TEXT + "* a comment\n")
    second = load_technology(path).digest
    _write(folder, _document() | {"options": {"scale": "1e-6"}})
    third = load_technology(path).digest
    assert len({first, second, third}) == 3


def test_a_technology_cannot_be_changed(generic130):
    with pytest.raises(FrozenInstanceError):
        generic130.name = "other"
    with pytest.raises(TypeError):
        generic130.corners["tt"] = "x"


# What does not.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"suply": {}}, "unknown key 'suply'"),
        ({"supply": {"nominal_v": 1.0}}, "key 'supply.maximum_v' is missing"),
        ({"supply": {"nominal_v": 1.0, "maximum_v": 1.3, "min": 1}}, "unknown key 'supply.min'"),
        ({"supply": {"nominal_v": -1.0, "maximum_v": 1.3}}, "supply.nominal_v: "),
        ({"supply": {"nominal_v": "high", "maximum_v": 1.3}}, "supply.nominal_v: "),
        ({"supply": {"nominal_v": float("nan"), "maximum_v": 1.3}}, "supply.nominal_v: "),
        ({"supply": {"nominal_v": float("inf"), "maximum_v": 1.3}}, "supply.nominal_v: "),
        ({"supply": {"nominal_v": 1.5, "maximum_v": 1.3}}, "supply: "),
        ({"supply": 1.2}, "supply: "),
        ({"name": "my process"}, "name: "),
        ({"name": ""}, "name: "),
        ({"name": 5}, "name: "),
        ({"corners": {}}, "corners: "),
        ({"corners": {"tt": "typical tt"}}, "corners.tt: "),
        ({"corners": {"t t": "typical"}}, "corners.t t"),
        ({"corners": {"tt": "typical", "ff": "fast"}}, "has no section 'fast' (for corner ff)"),
        ({"libraries": []}, "libraries: "),
        ({"libraries": [{"section": "tt"}]}, "key 'libraries.0.path' is missing"),
        ({"libraries": [{"path": "gone.lib"}]}, "gone.lib does not exist"),
        ({"libraries": [{"path": "."}]}, "does not exist"),
        ({"libraries": [{"path": "models.lib", "section": "{korner}"}]}, "libraries.0.section: "),
        ({"corners": {"tt": "{corner}"}}, "corners.tt: "),
        ({"libraries": [{"path": "models.lib", "corner": "tt"}]}, "unknown key"),
        ({"libraries": [{"path": "$NO_SUCH_KIT/m.lib"}]}, "variable NO_SUCH_KIT, which is not set"),
        ({"libraries": [{"path": "${NO_SUCH_KIT}/m.lib"}]}, "NO_SUCH_KIT, which is not set"),
        ({"libraries": [{"path": 'a"b.lib'}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": "a'b.lib"}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": "a;b.lib"}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": "a`id`.lib"}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": "a$.lib"}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": "a{b}.lib"}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": 'm.lib"\n.control\nshell id\n.endc'}]}, "a netlist cannot carry"),
        ({"libraries": [{"path": "a b.lib", "section": "tt"}]}, "white space"),
        ({"libraries": [{"path": "models.lib", "corners": {"xx": "tt"}}]}, "'xx' is no corner"),
        ({"libraries": [{"path": "models.lib", "corners": {"tt": "a b"}}]}, "libraries.0.corners"),
        ({"libraries": [{"path": "shipped:gone.lib"}]}, "not part of this installation"),
        ({"libraries": [{"path": "shipped:../pyproject.toml"}]}, "expected shipped: and a file"),
        ({"libraries": [{"path": "shipped:"}]}, "expected shipped: and a file"),
        ({"devices": {}}, "devices: "),
        ({"devices": {"nmoss": _document()["devices"]["nmos"]}}, "devices.nmoss"),
        ({"devices": {"nmos": {"model": "nch"}}}, "is missing"),
        ({"sizes": {"unit_m": 0}}, "sizes.unit_m: "),
        ({"sizes": {"width": "w"}}, "unknown key 'sizes.width'"),
        ({"sizes": {"width_parameter": "w=1 l"}}, "sizes.width_parameter: "),
        ({"options": {"scale": "1e-6\n.control"}}, "options.scale: "),
        ({"options": {"a b": "1"}}, "options.a b"),
        ({"options": {"scale": 1e-6}}, "options.scale: "),
        ({"options": {"temp": "50"}}, "temp cannot be set here: the temperature is that of the"),
        ({"options": {"reltol": "1e-2"}}, "reltol cannot be set here: the accuracy of the run"),
        ({"options": {"INTERP": "1"}}, "INTERP cannot be set here: it would stay in force"),
        ({"options": {"ngbehavior": "fast"}}, "ngbehavior: 'fast', expected letters such as hsa"),
        ({"options": {"ng_nomodcheck": "no"}}, "ng_nomodcheck: 'no', expected \"true\""),
        ({"parameters": {"a b": 1}}, "parameters.a b"),
        ({"parameters": {"mc": "1\n.control"}}, "parameters.mc: "),
        ({"parameters": {"mc": float("nan")}}, "parameters.mc: "),
        ({"parameters": {"mc": True}}, "parameters.mc: expected a number"),
        ({"supply": {"nominal_v": 1.0, "maximum_v": 1.3, "ternary_v": 1.4}}, "ternary_v of 1.4"),
    ],
)
def test_a_bad_file_is_one_clear_line(folder, monkeypatch, change, words):
    monkeypatch.delenv("NO_SUCH_KIT", raising=False)
    path = _write(folder, _document() | change)
    message = _refusal(path)
    assert message.startswith(f"{path}: ")
    assert words in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "nch w=1"),
        ("model", "nch\n.control"),
        ("polarity", "nmos"),
        ("minimum_width_m", 0),
        ("minimum_length_m", -1e-7),
        ("a_vt_v_m", -1e-9),
        ("a_vt_v_m", float("inf")),
        ("subcircuit", "perhaps"),
        ("colour", "red"),
        ("a_beta_m", -1e-9),
        ("sigma_vth_global_v", float("nan")),
        ("supply_v", 0),
        ("parameters", {"nf": "1 m=2"}),
        ("parameters", {"n f": 1}),
    ],
)
def test_a_bad_device_names_its_field(folder, field, value):
    document = _document()
    document["devices"]["nmos"][field] = value
    assert f"devices.nmos.{field}" in _refusal(_write(folder, document))


@pytest.mark.parametrize("field", ["name", "corners", "supply", "libraries", "devices"])
def test_a_missing_key_is_named(folder, field):
    document = _document()
    del document[field]
    assert f"key '{field}' is missing" in _refusal(_write(folder, document))


def test_more_than_one_fault_is_counted(folder):
    document = _document() | {"one": 1, "two": 2, "three": 3}
    assert "(and 2 more)" in _refusal(_write(folder, document))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name = ", "not valid TOML"),
        (b"name = 'a'\nname = 'b'\n", "not valid TOML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "key 'name' is missing"),
    ],
)
def test_a_file_that_is_no_toml(folder, content, words):
    path = folder / "mine.toml"
    path.write_bytes(content)
    assert words in _refusal(path)


def test_a_name_that_is_no_technology(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "generic13" in _refusal("generic13")
    assert "generic130" in _refusal("generic13")  # says what there is
    assert "absent.toml does not exist" in _refusal("absent.toml")
    (tmp_path / "folder.toml").mkdir()
    assert "does not exist" in _refusal("folder.toml")
    assert "neither a shipped technology" in _refusal("")
    assert "neither a shipped technology" in _refusal("generic130\n.control")


@pytest.mark.parametrize("name", ['quo"te', "apo'strophe", "new\nline", "do$llar", "br{corner}ace"])
def test_the_folder_of_the_file_reaches_the_netlist_too(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "models.lib").write_text(LIBRARY_TEXT)
    with pytest.raises(InputError, match="a netlist cannot carry"):
        load_technology(_write(tmp_path / name, _document()))


def test_white_space_in_the_folder_is_reached_by_a_link(tmp_path, monkeypatch):
    # ngspice's .lib ends the path at a space, quoted or not; .include does not.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "my kits" / "1 0"
    folder.mkdir(parents=True)
    (folder / "models.lib").write_text(LIBRARY_TEXT)
    path = _write(folder, _document())
    (first,) = load_technology(path).library_lines("tt")
    (again,) = load_technology(path).library_lines("tt")
    assert first == again
    found = Path(re.fullmatch(r'\.lib "(\S+)" typical', first)[1])
    assert found.samefile(folder / "models.lib")
    assert found.is_relative_to(tmp_path / "cache" / "rramchar" / "links")
    technology = load_technology(
        _write(folder, _document() | {"libraries": [{"path": "models.lib"}]})
    )
    assert technology.library_lines("tt") == [f'.include "{folder}/models.lib"']


def test_links_to_what_is_gone_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("kit one", "kit two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "models.lib").write_text(LIBRARY_TEXT)
        load_technology(_write(tmp_path / name, _document()))
        shutil.rmtree(tmp_path / name)
    links = tmp_path / "cache" / "rramchar" / "links"
    (left,) = links.iterdir()
    assert left.is_symlink()
    assert str(left.readlink()).endswith("kit two")


def test_white_space_where_no_link_helps(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no temp"))
    folder = tmp_path / "my kits"
    folder.mkdir()
    (folder / "models.lib").write_text(LIBRARY_TEXT)
    assert "move or link the folder to a path without" in _refusal(_write(folder, _document()))


# What the model files hold.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "nchh"}, "'nchh' is defined in none of the 1 model files; did you mean nch?"),
        ({"model": "other"}, "is defined in none of the 1 model files; did you mean nch?"),
        ({"subcircuit": True}, "'nch' is a model; set subcircuit = false"),
        ({"minimum_width_m": 0.42}, "minimum_width_m of 0.42 is above 1 mm; it is a number of m"),
        ({"parameters": {"W": 1}}, "'W' is written from the size of every transistor"),
    ],
)
def test_a_device_that_the_model_files_do_not_have(folder, change, words):
    document = _document()
    document["devices"]["nmos"] |= change
    message = _refusal(_write(folder, document))
    assert "devices.nmos" in message
    assert words in message


def test_a_subcircuit_has_to_be_called_one(folder):
    (folder / "models.lib").write_text(LIBRARY_TEXT.replace(".model nch nmos", ".subckt NCH d g"))
    path = _write(folder, _document())
    assert "'nch' is a subcircuit; set subcircuit = true" in _refusal(path)
    document = _document()
    document["devices"]["nmos"]["subcircuit"] = True
    assert load_technology(_write(folder, document)).device("nmos").subcircuit


def test_the_sections_that_there_are_are_named(folder):
    message = _refusal(_write(folder, _document() | {"corners": {"tt": "nominal"}}))
    assert message.endswith("has no section 'nominal' (for corner tt); it has slow, typical")


def test_files_that_a_model_file_takes_in_count(folder):
    (folder / "deep").mkdir()
    (folder / "models.lib").write_text(
        ".lib typical\n.include 'deep/a.inc' ; and more\n.endl\n"
        ".lib slow\n.LIB deep/b.lib s\n.endl\n"
    )
    (folder / "deep" / "a.inc").write_text('.inc "c.inc" $ next\n')
    (folder / "deep" / "b.lib").write_text(".lib s $ the only one\n.inc c.inc\n.endl s\n")
    (folder / "deep" / "c.inc").write_text(".model NCH.1 nmos level=1\n")
    path = _write(folder, _document())
    first = load_technology(path).digest
    assert load_technology(path).digest == first
    for name in ("a.inc", "b.lib", "c.inc"):
        file = folder / "deep" / name
        kept = file.read_text()
        file.write_text(kept + "* changed\n")
        assert load_technology(path).digest != first, name
        file.write_text(kept)
    assert load_technology(path).digest == first


def test_a_file_taken_in_that_is_not_there_may_belong_to_an_unused_section(folder):
    (folder / "models.lib").write_text(
        LIBRARY_TEXT.replace("nch", "x") + ".lib extra\n.include gone.inc\n.endl extra\n"
    )
    load_technology(_write(folder, _document()))  # the device may be defined there: ngspice knows


def test_files_that_take_in_each_other(folder):
    (folder / "models.lib").write_text(LIBRARY_TEXT + ".include other.inc\n")
    (folder / "other.inc").write_text(".include models.lib\n")
    load_technology(_write(folder, _document()))


# What else a kit may need.


def test_several_libraries_in_order_with_their_own_spellings(folder):
    (folder / "io_ss.inc").write_text("* slow\n")
    (folder / "io_nom.inc").write_text("* typical\n")
    document = _document() | {
        "parameters": {"mc_mm_switch": 0, "sigma": 1.5e-3},
        "libraries": [
            {"path": "io_{corner}.inc", "corners": {"tt": "nom", "ss": "ss"}},
            {"path": "models.lib", "section": "{corner}"},
        ],
    }
    technology = load_technology(_write(folder, document))
    assert technology.library_lines("tt") == [
        ".param mc_mm_switch=0",
        ".param sigma=0.0015",
        f'.include "{folder}/io_nom.inc"',
        f'.lib "{folder}/models.lib" typical',
    ]
    assert technology.library_lines("ss")[2:] == [
        f'.include "{folder}/io_ss.inc"',
        f'.lib "{folder}/models.lib" slow',
    ]


def test_variation_supplies_and_fixed_parameters_of_a_device(folder):
    document = _document()
    document["supply"]["ternary_v"] = 0.5
    document["devices"]["nmos"] |= {
        "a_beta_m": 1e-8, "sigma_vth_global_v": 0.01, "parameters": {"nf": 1, "m": 2},
    }  # fmt: skip
    document["devices"]["nmos_io"] = document["devices"]["nmos"] | {"supply_v": 3.3}
    technology = load_technology(_write(folder, document))
    device = technology.device("nmos")
    assert (device.a_beta_m, device.sigma_vth_global_v) == (1e-8, 0.01)
    assert device.parameters == (("nf", 1), ("m", 2))
    assert technology.vdd_ternary_v == 0.5
    assert technology.device_supply_v("nmos") == 1.0
    assert technology.device_supply_v("nmos_io") == 3.3
    assert {device: 1}  # hashable


def test_without_its_files_a_technology_is_good_for_reading_results(folder, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KIT", raising=False)
    document = _document() | {"libraries": [{"path": "$NO_SUCH_KIT/x.lib", "section": "tt"}]}
    path = _write(folder, document)
    technology = load_technology(path, check_files=False)
    assert (technology.vdd_nominal_v, technology.digest) == (1.0, "")
    Condition("ss", 27, 1.0).check(technology)
    _refusal(path)


# Hostile text: refused, or harmless.

HOSTILE = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["tt\n.control\nshell id\n.endc", "nch w=1", 'x" tt\n', "a b", "a'b", "a\r\n.end",
         "{corner}", "$(id)", "`id`", "tt\u2028.control", "tt\x85.control", "..", "a;b", "a#b"]
    ),
    st.text(string.ascii_letters + " \n\r\t\"'.{}$;`/", max_size=20),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_no_accepted_technology_carries_hostile_text(folder, data):
    document = _document()
    place = data.draw(
        st.sampled_from(["name", "corner", "section", "path", "library section", "model", "option",
                         "option value", "width", "library corner", "instance parameter",
                         "parameter", "setting"])
    )  # fmt: skip
    text = data.draw(HOSTILE)
    device = document["devices"]["nmos"]
    match place:
        case "name":
            document["name"] = text
        case "corner":
            document["corners"] = {text: "typical"}
        case "section":
            document["corners"] = {"tt": text}
            # The file has that section, whatever it is called.
            (folder / "models.lib").write_text(f".lib {text}\n{MODEL}\n.endl\n", encoding="utf-8")
        case "path":
            document["libraries"] = [{"path": text}]
        case "library section":
            document["libraries"][0]["section"] = text
            (folder / "models.lib").write_text(f".lib {text}\n{MODEL}\n.endl\n", encoding="utf-8")
        case "model":
            device["model"] = text
            (folder / "models.lib").write_text(
                LIBRARY_TEXT.replace("nch", text), encoding="utf-8", errors="replace"
            )
        case "option":
            document["options"] = {text: "1"}
        case "option value":
            document["options"] = {"scale": text}
        case "library corner":
            document["libraries"][0]["corners"] = {"tt": text}
            (folder / "models.lib").write_text(f".lib {text}\n{MODEL}\n.endl\n", encoding="utf-8")
        case "instance parameter":
            device["parameters"] = {text: 1}
        case "parameter":
            document["parameters"] = {text: 1}
        case "setting":
            document["options"] = {"ngbehavior": text}
        case "width":
            document["sizes"] = {"width_parameter": text}
    path = _write(folder, document)
    report = inspect_technology(path)
    (folder / "models.lib").write_text(LIBRARY_TEXT)
    if not report.ok:
        assert len(report.problem.splitlines()) == 1
        assert report.problem.startswith(f"{path}: ")
        return
    words = re.compile(r"[A-Za-z0-9_.+-]+")
    for corner, section in zip(report.corners, document["corners"].values(), strict=True):
        assert words.fullmatch(corner)
        assert words.fullmatch(section.replace("{", "").replace("}", ""))
    for library in report.libraries:
        assert not re.search(r"[\x00-\x1f\x85\u2028\"'`;$]", library)
    if place not in ("corner", "section", "path", "library section", "library corner"):
        assert words.fullmatch(text)


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x0b", "\x1c"])
def test_no_kind_of_line_end_reaches_a_netlist(folder, character):
    # Python splits lines at these too, and so does what hands the deck to the simulator.
    name = f"models{character}.lib"
    (folder / name).write_text(LIBRARY_TEXT)
    path = _write(folder, _document() | {"libraries": [{"path": name}]})
    assert "a netlist cannot carry" in _refusal(path)


# Conditions.


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (("xx", 27, 1.2), "corner: 'xx' is not a corner of generic130; expected one of tt, ff"),
        (("TT", 27, 1.2), "corner: 'TT'"),
        (("tt\n.control", 27, 1.2), "corner: "),
        (("tt", -273.15, 1.2), "temperature_c: "),
        (("tt", 1001, 1.2), "temperature_c: "),
        (("tt", float("nan"), 1.2), "temperature_c: "),
        (("tt", 27, 0), "vdd_v: "),
        (("tt", 27, -1.2), "vdd_v: "),
        (("tt", 27, 1.61), "vdd_v: 1.61 V, expected above 0 and up to 1.6 V"),
        (("tt", 27, 1200), "vdd_v: "),
        (("tt", 27, "1.2"), "vdd_v: '1.2', expected a number"),
        (("tt", None, 1.2), "temperature_c: None, expected a number"),
        (("tt", True, 1.2), "temperature_c: True, expected a number"),
        (("tt", 27, float("nan")), "vdd_v: "),
    ],
)
def test_bad_conditions(generic130, condition, words):
    with pytest.raises(InputError) as raised:
        Condition(*condition).check(generic130)
    assert str(raised.value).startswith(words)
    assert len(str(raised.value).splitlines()) == 1


def test_conditions_are_keys():
    assert {Condition("tt", 27, 1.2): 1}[Condition("tt", 27.0, 1.2)] == 1
    assert Condition("tt", 27, 1.2) != Condition("tt", 27, 1.1)
    assert sorted([Condition("tt", 60, 1.2), Condition("tt", 0, 1.2)])[0].temperature_c == 0


def test_an_absent_device_says_what_there_is(folder):
    technology = load_technology(_write(folder, _document()))
    with pytest.raises(InputError, match="technology mine: no device 'pmos'; it has nmos"):
        technology.device("pmos")
