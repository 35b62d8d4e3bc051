"""``rramchar fit``."""

import json

import pytest

from rramchar.fitting import load_model
from rramchar.resources import resource


def test_fit_writes_the_model_that_it_prints(run_cli, tmp_path):
    sample = resource("measurements", "cycling_1t1r_synthetic.csv")
    path = tmp_path / "model.json"
    code, out, err = run_cli("fit", "resistance", sample, "-o", path, "--seed", 4, "--json")
    assert (code, err) == (0, "")
    document, model = json.loads(out), load_model(path)
    assert document.pop("model_file") == str(path)
    assert document.pop("plot") is None
    assert document == model.to_dict()
    # the statistics that the sample was drawn from lie inside the intervals
    for name, true in (
        ("lrs_median_ohm", 4902),
        ("hrs_median_ohm", 91063),
        ("lrs_sigma_d2d_log10", 0.044),
        ("hrs_sigma_d2d_log10", 0.393),
        ("lrs_sigma_c2c_log10", 0.064),
        ("hrs_sigma_c2c_log10", 0.314),
    ):
        assert model.parameters[name].low < true < model.parameters[name].high, name
    assert model.provenance["seed"] == 4
    assert model.provenance["inputs"][0]["name"] == sample.name


def test_fit_for_people(run_cli):
    sample = resource("measurements", "cycling_1t1r_synthetic.csv")
    code, out, _ = run_cli("fit", "resistance", sample, "--layout", "cycling", "--resamples", 200)
    assert code == 0
    assert "hrs_median_ohm" in out
    assert "a lognormal describes the readings" in out


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("1,9e4,5e3\n2,9e4,5e3\n", [], "one reading per device, expected at least 2 cycles"),
        ("1,9e4,5e3,9e4,5e3\n", [], "readings of 1 device, expected at least 2"),
        ("1,9e4,5e3,9e4,x\n", [], "line 1, field 5 (LRS_2): 'x' is not a number"),
        ("1,9,5,9,5\n2,9,5,9,5\n", ["--resamples", "5"], "resamples: 5, expected at least 100"),
        ("1,9,5,9,5\n2,9,5,9,5\n", ["--seed", "-1"], "seed: -1"),
        ("1,9,5,9,5\n2,9,5,9,5\n", ["-o", "none/m.json"], "does not exist; create it first"),
    ],
)
def test_bad_input_is_one_line(run_cli, tmp_path, monkeypatch, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cells.csv").write_text(content)
    code, out, err = run_cli("fit", "resistance", "cells.csv", "--layout", "cycling", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1, err


def test_help_has_an_example(run_cli):
    code, out, _ = run_cli("fit", "resistance", "--help")
    assert code == 0
    assert "Example: rramchar fit resistance" in out
