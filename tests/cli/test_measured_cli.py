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
    columns = {column["name"]: column for column in document["columns"]}
    assert columns["resistance_ohm"]["unit"] == "ohm"
    assert (columns["resistance_ohm"]["lowest"], columns["resistance_ohm"]["highest"]) == (5e3, 6e3)
    assert columns["device"]["values"] == ["A"]


def test_import_with_an_own_layout_flags_and_reads_back(run_cli, tmp_path):
    data = resource("measurements", "reset_pulses_synthetic.csv")
    layout = resource("measurements", "reset_pulses_synthetic.toml")
    for suffix in ("parquet", "csv"):
        output = tmp_path / f"tidy.{suffix}"
        code, out, _ = run_cli(
            "measured", "import", data, "--layout", layout, "-o", output, "--json"
        )
        document = json.loads(out)
        assert (code, document["readings"], document["flags"]) == (0, 104, {"open": 1})
        assert (document["rejected"], document["rejected_file"]) == (0, None)
        inspected = json.loads(run_cli("measured", "inspect", output, "--json")[1])
        assert (inspected["layout"], inspected["readings"], inspected["good"]) == ("tidy", 104, 103)
    code, out, _ = run_cli("measured", "import", data, "--layout", layout, "-o", output)
    assert "flagged readings: 1 open" in out


def test_bad_rows_are_refused_or_written_beside_the_output(run_cli, tmp_path):
    path, output = tmp_path / "cells.csv", tmp_path / "tidy.csv"
    path.write_text("device,resistance_ohm\n1,5e3\n1,much\n2,6e3\n3\n")
    code, out, err = run_cli("measured", "import", path, "-o", output)
    assert (code, out) == (2, "")
    assert "line 3, column resistance_ohm: 'much' is not a number" in err
    assert not output.exists()
    code, out, _ = run_cli("measured", "import", path, "-o", output, "--skip-bad-rows", "--json")
    document = json.loads(out)
    assert (code, document["readings"], document["rejected"]) == (0, 2, 2)
    rejected = tmp_path / "cells.csv.rejected.csv"
    assert document["rejected_file"] == str(rejected)
    lines = rejected.read_text().splitlines()
    assert lines[0] == "line,reason,text"
    assert lines[1].startswith("3,column resistance_ohm: 'much' is not a number")
    assert lines[2].startswith('5,"1 field, expected 2')
    assert [row["line"] for row in document["rejected_rows"]] == [3, 5]
    assert (
        "rejected rows: 2; first: line 3"
        in run_cli("measured", "inspect", path, "--skip-bad-rows")[1]
    )


def test_layouts_lists_readers_and_shipped_files(run_cli):
    names = [
        entry["name"]
        for entry in json.loads(run_cli("measured", "layouts", "--json")[1])["layouts"]
    ]
    assert {"tidy", "cycling", "easyexpert", "aihwkit", "crosssim", "radar_set_sweep"} <= set(names)
    assert "relax_bake" in run_cli("measured", "layouts")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "none.csv"], "none.csv: no such file"),
        (["inspect", "."], "is a folder"),
        (["inspect", "text.txt"], "the layout cannot be told"),
        (["inspect", "text.txt", "--layout", "tydi"], "did you mean tidy?"),
        (["import", "text.txt", "-o", "s.xlsx"], "s.xlsx: expected a name that ends in .parquet"),
        (["import", "text.txt", "-o", "none/s.csv"], "does not exist; create it first"),
        (["import", "text.txt", "-o", "s.csv", "--layout", "x.toml"], "layout x.toml: does not"),
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


@pytest.mark.parametrize("command", ["inspect", "import", "layouts", "synthesize"])
def test_help_has_an_example(run_cli, command):
    code, out, _ = run_cli("measured", command, "--help")
    assert code == 0
    assert f"Example: rramchar measured {command}" in out
