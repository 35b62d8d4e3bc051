"""``rramchar fit weak-reset`` and ``fit simulate``, from file to file."""

import json

import pandas as pd
import pytest

from rramchar.fitting import load_model
from rramchar.resources import resource


def test_from_published_numbers_to_a_fit_and_back(run_cli, tmp_path):
    pulses, model, again = tmp_path / "p.csv", tmp_path / "m.json", tmp_path / "again.parquet"
    code, out, err = run_cli(
        "fit", "simulate", "iedm2019", "--devices", 12, "--pulses", 150, "--seed", 3, "-o", pulses,
        "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert json.loads(out)["readings"] == 12 * 151
    assert "synthetic" in pulses.read_text().splitlines()[1]
    figure, table = tmp_path / "f.png", tmp_path / "devices.csv"
    code, out, err = run_cli(
        "fit", "weak-reset", pulses, "--model", "iedm2019", "-o", model, "--json", "--plot", figure,
        "--per-device", table,
    )  # fmt: skip
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["converged"] is True
    for name in ("C", "beta", "eta", "Gmin", "Gmax"):
        entry = document["parameters"][name]
        assert entry["low"] <= entry["value"] <= entry["high"], name
        assert entry["unit"]
    assert {"C", "beta", "eta", "Gmax"} <= set(document["population"])
    assert load_model(model).to_dict()["parameters"] == document["parameters"]
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert table.read_text().startswith("# rramchar weak-RESET parameters of each device\n")
    assert len(pd.read_csv(table, comment="#")) == 12
    code, _, _ = run_cli("fit", "simulate", model, "--devices", 4, "--pulses", 9, "-o", again)
    assert code == 0
    assert len(pd.read_parquet(again)) == 40


@pytest.mark.parametrize("name", ["weak_reset", "relaxation", "read_noise"])
def test_a_shipped_sample_is_what_its_header_says(run_cli, tmp_path, name):
    sample = resource("measurements", f"{name}_synthetic.csv")
    made_by = next(line for line in sample.read_text().splitlines() if "made_by" in line)
    words = json.loads(made_by.split(": ", 1)[1]).split()[1:]
    words[-1] = tmp_path / words[-1]
    assert run_cli(*words)[0] == 0
    assert words[-1].read_bytes() == sample.read_bytes()
    assert "synthetic" in sample.read_text().split("\n")[1]


def test_the_shipped_weak_reset_sample_is_fitted(run_cli):
    code, out, err = run_cli(
        "fit", "weak-reset", resource("measurements", "weak_reset_synthetic.csv")
    )
    assert code == 0
    assert "C_pulse" in out
    assert "from device to device" in out
    assert err == ""  # no bar for so few readings, and no empty line in its place


def test_a_missing_column_is_one_line(run_cli, tmp_path):
    file = tmp_path / "cells.csv"
    file.write_text("device,resistance_ohm\na,1000\nb,2000\n")
    for fit in ("weak-reset", "resistance", "set-law", "read-noise", "retention", "reset-law"):
        code, out, err = run_cli("fit", fit, file)
        assert (code, out) == (2, ""), fit
        assert err.startswith(f"error: {file}"), err
        assert err.count("\n") == 1, err


def test_an_interrupted_fit_says_so(run_cli, tmp_path, monkeypatch):
    def ctrl_c(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("rramchar.fitting.weak_reset.fit_weak_reset_iedm2019", ctrl_c)
    sample, model = resource("measurements", "weak_reset_synthetic.csv"), tmp_path / "m.json"
    code, out, err = run_cli("fit", "weak-reset", sample, "-o", model)
    assert (code, out, err) == (130, "", "interrupted; nothing was written\n")
    assert not model.exists()


def test_the_other_model(run_cli, tmp_path):
    pulses = tmp_path / "p.csv"
    run_cli("fit", "simulate", "arxiv2107", "--devices", 8, "--pulses", 300, "-o", pulses)
    code, out, err = run_cli(
        "fit", "weak-reset", pulses, "--model", "arxiv2107", "--plot", tmp_path / "f.png", "--json"
    )
    assert code == 0, err
    document = json.loads(out)
    assert {"alpha", "p_up", "m1_scale"} <= set(document["parameters"])
    assert {"m1", "t_star", "c1", "m2", "R0"} <= set(document["population"])


def test_what_is_undetermined_is_said_and_exit_codes(run_cli, tmp_path):
    pulses = tmp_path / "p.csv"
    run_cli("fit", "simulate", "iedm2019", "--devices", 8, "--pulses", 15, "-o", pulses)
    code, _, err = run_cli("fit", "weak-reset", pulses, "--json")
    assert code == 0
    assert "the data do not determine Gmin, beta" in err
    code, _, err = run_cli("fit", "weak-reset", pulses, "--g-min", "20uS")
    assert (code, err) == (0, "")
    frame = pd.read_csv(pulses, comment="#").assign(resistance_ohm=7000.0)
    frame.to_csv(pulses, index=False)
    code, out, err = run_cli("fit", "weak-reset", pulses, "--json")
    assert code == 1
    assert "did not converge" in err
    assert json.loads(out)["converged"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "iedm2020"], "--model iedm2020: expected iedm2019 or arxiv2107"),
        (["--model", "arxiv2107", "--g-min", "1uS"], "--g-min: only for --model iedm2019"),
        (["--v-ref", "1.2S"], "--v-ref: '1.2S' is in S, expected V"),
        (["--per-device", "none/d.csv"], "does not exist; create it first"),
        (["--voltage", "v_wl_v"], "column v_wl_v is missing"),
    ],
)
def test_bad_options_are_one_line(run_cli, tmp_path, arguments, message):
    pulses = tmp_path / "p.csv"
    pulses.write_text("device,pulse,resistance_ohm\n1,0,7e3\n1,1,7.1e3\n")
    code, out, err = run_cli("fit", "weak-reset", pulses, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1, err


def test_simulate_refuses(run_cli, tmp_path):
    for words, message in (
        (["none.json", "-o", tmp_path / "a.csv"], "no such file"),
        (["iedm2019", "-o", tmp_path / "a.txt"], "ends in .parquet or .csv"),
        (["iedm2019", "-o", tmp_path / "a.csv", "--devices", 0], "devices: 0"),
    ):
        code, _, err = run_cli("fit", "simulate", *words)
        assert code == 2
        assert message in err


@pytest.mark.parametrize("command", ["weak-reset", "simulate"])
def test_help_has_an_example(run_cli, command):
    code, out, _ = run_cli("fit", command, "--help")
    assert code == 0
    assert f"Example: rramchar fit {command}" in out
