"""``rramchar technology check``: what can be used here, for people and for scripts."""

import json

import pytest

KEYS = {"name", "ok", "problem", "description", "corners", "devices", "libraries", "vdd_nominal_v"}


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.delenv("NGSPICE_LIBRARY_PATH", raising=False)


def test_everything_that_is_shipped_as_one_json_document(run_cli):
    code, out, err = run_cli("technology", "check", "--json")
    document = json.loads(out)
    assert err == ""
    assert document["ok"] is (code == 0)
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


def test_one_technology(run_cli):
    code, out, _ = run_cli("technology", "check", "generic130", "--json")
    document = json.loads(out)
    assert (code, document["ok"]) == (0, True)
    assert [report["name"] for report in document["technologies"]] == ["generic130"]


def test_for_people(run_cli):
    code, out, err = run_cli("technology", "check", "generic130")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("ok      ngspice ")
    assert any(line.startswith("ok      PySpice 1.") for line in lines)
    assert any(line.startswith("ok      technology generic130  ") for line in lines)
    assert not any(line.startswith("missing technology") for line in lines)


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
    (tmp_path / "models.inc").write_text("* none\n")
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
