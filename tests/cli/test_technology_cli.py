"""``rramchar technology``: what can be used here, for people and for scripts."""

import json

import pytest

DEVICE_KEYS = {"technology", "name", "corner", "vth_v", "ion_a_per_um", "ioff_a_per_um", "problem"}
KEYS = {"name", "ok", "problem", "description", "corners", "devices", "libraries", "vdd_nominal_v"}


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    for name in ("NGSPICE_LIBRARY_PATH", "PDK_ROOT", "SKY130_FD_PR"):
        monkeypatch.delenv(name, raising=False)


def test_everything_that_is_shipped_as_one_json_document(run_cli):
    code, out, err = run_cli("technology", "check", "--json")
    document = json.loads(out)
    assert err == ""
    assert (code, document["ok"]) == (0, True)
    simulator = document["simulator"]
    assert simulator["ok"] is True
    assert simulator["ngspice_version"] >= 36
    by_name = {report["name"]: report for report in document["technologies"]}
    assert all(set(report) >= KEYS for report in by_name.values())
    built_in = by_name["generic130"]
    assert built_in["ok"] is True
    assert built_in["corners"] == ["tt", "ff", "ss", "fs", "sf"]
    assert {device["role"] for device in built_in["devices"]} >= {"nmos", "pmos", "nmos_io"}
    assert built_in["devices"][0]["minimum_length_m"] == pytest.approx(0.13e-6)
    # A kit that is not here is reported, and counts only when it is asked for.
    assert by_name["sky130"]["ok"] is False
    assert by_name["sky130"]["needs"] == ["PDK_ROOT"]
    assert by_name["sky130_fd_pr"]["needs"] == ["SKY130_FD_PR"]
    devices = document["devices"]
    assert all(set(device) >= DEVICE_KEYS for device in devices)
    assert {device["technology"] for device in devices} == {"generic130", "generic180"}
    assert len([d for d in devices if d["technology"] == "generic130"]) == 25


def test_one_technology(run_cli):
    code, out, _ = run_cli("technology", "check", "generic130", "--temperature", "60", "--json")
    document = json.loads(out)
    assert (code, document["ok"]) == (0, True)
    assert [report["name"] for report in document["technologies"]] == ["generic130"]
    found = {(d["name"], d["corner"]): d for d in document["devices"]}
    assert found["nmos", "ff"]["vth_v"] < found["nmos", "ss"]["vth_v"]
    assert found["nmos_io", "tt"]["supply_v"] == 5.0
    assert found["nmos", "tt"]["ion_a_per_um"] == pytest.approx(500e-6, rel=0.1)


def test_without_simulation(run_cli):
    code, out, _ = run_cli("technology", "check", "generic130", "--no-simulate", "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["devices"]) == (0, True, [])


@pytest.mark.parametrize(
    ("name", "variable"), [("sky130", "PDK_ROOT"), ("sky130_fd_pr", "SKY130_FD_PR")]
)
def test_a_kit_that_is_asked_for_has_to_be_here(run_cli, name, variable):
    code, out, _ = run_cli("technology", "check", name)
    assert code == 2
    assert f"missing technology {name}" in out
    assert f"needs the environment variable {variable}, which is not set" in out


def test_a_wrong_polarity_is_named_and_exits_2(run_cli, tmp_path):
    run_cli("technology", "new", tmp_path / "mine.toml", "--like", "generic130")
    path = tmp_path / "mine.toml"
    path.write_text(path.read_text().replace('polarity = "n"', 'polarity = "p"', 1))
    code, out, _ = run_cli("technology", "check", path, "--json")
    document = json.loads(out)
    assert (code, document["ok"]) == (2, False)
    wrong = {d["name"] for d in document["devices"] if d["problem"]}
    assert wrong == {"nmos"}
    code, out, _ = run_cli("technology", "check", path)
    assert code == 2
    assert "  -> nmos (tt, ff, ss, fs, sf): conducts with the opposite polarity; set" in out


def test_a_figure(run_cli, tmp_path):
    figure = tmp_path / "check.png"
    code, out, _ = run_cli("technology", "check", "generic180", "--plot", figure)
    assert code == 0
    assert f"figure: {figure}" in out
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plot", "a.png"], "--plot: needs the NAME"),
        (["generic130", "--no-simulate", "--plot", "a.png"], "--plot: needs the NAME"),
        (["generic130", "--plot", "no/such/a.png"], "does not exist; create it first"),
        (["generic130", "--temperature", "-300"], "absolute zero"),
        (["generic130", "--temperature", "warm"], "--temperature"),
    ],
)
def test_bad_arguments(run_cli, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, _, err = run_cli("technology", "check", *arguments)
    assert code == 2
    assert words in err
    assert not list(tmp_path.iterdir())


def test_list(run_cli):
    code, out, _ = run_cli("technology", "list")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["generic180"].endswith("(ready)")
    assert lines["sky130"].endswith("(needs PDK_ROOT)")
    code, out, _ = run_cli("technology", "list", "--json")
    assert [item["name"] for item in json.loads(out)["technologies"]] == list(lines)


def test_new(run_cli, tmp_path):
    path = tmp_path / "mine.toml"
    code, out, _ = run_cli("technology", "new", path)
    assert code == 0
    assert f"rramchar technology check {path}" in out
    assert "FILL_IN" in path.read_text()
    code, _, err = run_cli("technology", "new", path)
    assert code == 2
    assert "exists and is not overwritten" in err
    code, out, _ = run_cli(
        "technology", "new", tmp_path / "b.toml", "--like", "generic180", "--json"
    )
    assert json.loads(out) == {"file": str(tmp_path / "b.toml"), "like": "generic180"}
    assert run_cli("technology", "check", tmp_path / "b.toml", "--no-simulate")[0] == 0


def test_for_people(run_cli):
    code, out, err = run_cli("technology", "check", "generic130")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("ok      ngspice ")
    assert any(line.startswith("ok      PySpice 1.") for line in lines)
    assert any(line.startswith("ok      technology generic130  ") for line in lines)
    assert not any(line.startswith("missing technology") for line in lines)
    assert any("Ion [uA/um]" in line for line in lines)
    assert len([line for line in lines if line.startswith("nmos_hvt ")]) == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sky999", "'sky999' is neither a shipped technology (generic130"),
        ("absent.toml", "absent.toml does not exist"),
        ("", "neither a shipped technology"),
    ],
)
def test_a_technology_that_is_not_there(run_cli, tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    if name:
        code, out, _ = run_cli("technology", "check", name)
        assert code == 2
        assert "missing technology" in out
        assert words in out
        code, out, _ = run_cli("technology", "check", name, "--json")
        (report,) = json.loads(out)["technologies"]
        assert (code, report["ok"]) == (2, False)
        assert words in report["problem"]
    else:
        code, out, _ = run_cli("technology", "check", name, "--json")
        assert words in json.loads(out)["technologies"][0]["problem"]
        assert code == 2


def test_a_definition_with_a_fault_is_named_with_its_field(run_cli, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ncorner = 1\n')
    code, out, _ = run_cli("technology", "check", path, "--json")
    (report,) = json.loads(out)["technologies"]
    assert code == 2
    assert report["problem"].startswith(f"{path}: ")
    assert "corner" in report["problem"]


@pytest.mark.parametrize("name", ["[/red].toml", "[bold]x.toml", "[/]", "a\\[b"])
def test_brackets_in_a_name_are_no_markup(run_cli, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_cli("technology", "check", name)
    assert code == 2
    assert f"missing technology {name}" in out


def test_brackets_in_a_description_are_no_markup(run_cli, tmp_path):
    (tmp_path / "models.inc").write_text(".model n nmos level=1 vto=0.4 kp=3e-4 tox=3e-9\n")
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\ndescription = "a [/weird] process"\ncorners = { tt = "tt" }\n'
        'supply = { nominal_v = 1.0, maximum_v = 1.2 }\nlibraries = [{ path = "models.inc" }]\n'
        '[devices]\nnmos = { model = "n", polarity = "n", minimum_width_m = 1e-7, '
        "minimum_length_m = 1e-7 }\n"
    )
    code, out, _ = run_cli("technology", "check", path)
    assert code == 0
    assert "a [/weird] process; corners tt" in out


def test_without_ngspice_it_says_what_to_do(run_cli, monkeypatch, tmp_path):
    monkeypatch.setenv("NGSPICE_LIBRARY_PATH", str(tmp_path / "absent.so"))
    code, out, _ = run_cli("technology", "check", "generic130")
    assert code == 2
    assert out.startswith("missing ngspice -")
    assert f"  -> NGSPICE_LIBRARY_PATH: {tmp_path / 'absent.so'} does not exist" in out
    code, out, _ = run_cli("technology", "check", "generic130", "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["simulator"]["ok"]) == (2, False, False)
