"""``rramchar measured``: inspect and synthesize."""

import json

import pytest

from rramchar.resources import resource


def test_the_command_in_the_samples_header_makes_the_sample(run_cli, tmp_path, monkeypatch):
    sample = resource("measurements", "cycling_1t1r_synthetic.csv")
    line = next(t for t in sample.read_text().splitlines() if t.startswith("# made by: rramchar "))
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_cli(*line.removeprefix("# made by: rramchar ").split())
    assert code == 0
    assert "128 devices x 100 cycles" in out
    assert (tmp_path / sample.name).read_bytes() == sample.read_bytes()


def test_inspect_guesses_the_layout_and_summarizes(run_cli):
    sample = resource("measurements", "cycling_1t1r_synthetic.csv")
    code, out, err = run_cli("measured", "inspect", sample, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document["layout"], document["devices"], document["cycles"]) == ("cycling", 128, 100)
    assert document["readings"] == 25600
    assert document["states"]["lrs"]["median_ohm"] == pytest.approx(4902, rel=0.02)
    code, out, _ = run_cli("measured", "inspect", sample)
    assert code == 0
    assert "128 devices, 100 cycles" in out


def test_inspect_reads_a_tidy_file_with_one_state(run_cli, tmp_path):
    path = tmp_path / "tidy.csv"
    path.write_text("device,cycle,state,resistance_ohm\nA,1,lrs,5e3\nA,2,lrs,6e3\n")
    document = json.loads(run_cli("measured", "inspect", path, "--json")[1])
    assert document["layout"] == "tidy"
    assert list(document["states"]) == ["lrs"]
    assert document["states"]["lrs"]["median_ohm"] == 5500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "none.csv"], "none.csv: no such file"),
        (["inspect", "."], "is a folder"),
        (["inspect", "text.txt"], "the layout cannot be told"),
        (["inspect", "text.txt", "--layout", "tydi"], "did you mean tidy?"),
        (["synthesize", "-o", "none/s.csv"], "does not exist; create it first"),
        (["synthesize", "-o", "s.csv", "--devices", "0"], "devices: 0, expected a whole number"),
        (["synthesize", "-o", "s.csv", "--seed", "-3"], "seed: -3"),
    ],
)
def test_bad_input_is_one_line(run_cli, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hello [bold]world, this is, not data\n")
    code, out, err = run_cli("measured", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1, err
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("command", ["inspect", "synthesize"])
def test_help_has_an_example(run_cli, command):
    code, out, _ = run_cli("measured", command, "--help")
    assert code == 0
    assert f"Example: rramchar measured {command}" in out
