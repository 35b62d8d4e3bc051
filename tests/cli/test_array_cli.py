"""``rramchar array``: what it prints and writes, its exit codes, and what it refuses."""

import json
import os
import re
import subprocess

import numpy as np
import pandas as pd
import pytest

from rramchar.errors import SimulationError
from rramchar.provenance import read_comment_header


def _refused(result):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    return err


def test_a_read_of_a_random_array(run_cli, tmp_path):
    table = tmp_path / "reads.csv"
    code, out, err = run_cli(
        "array", "read", "--rows", 4, "--columns", 3, "--seed", 5, "-o", table, "--json"
    )
    assert code == 0
    assert "reading" in err
    result = json.loads(out)
    assert {name: result[name] for name in ("reads", "correct", "wrong", "failed")} == {
        "reads": 12, "correct": 12, "wrong": 0, "failed": 0,
    }  # fmt: skip
    assert 0 < result["seconds"] < 60
    assert result["seconds_per_row"] == pytest.approx(result["seconds"] / 4)
    assert result["peak_memory_bytes"] > 2**20
    assert result["output"] == str(table)
    frame = pd.read_csv(table, comment="#")
    assert list(frame.columns[:5]) == ["row", "column", "weight", "expected", "status"]
    assert len(frame) == 12
    assert frame["correct"].all()
    assert frame["sense_time_s"].max() == pytest.approx(result["sense_time_max_s"])
    facts = read_comment_header(table)
    assert facts["command"] == "rramchar array read"
    assert facts["weights"] == "random"


def test_the_same_seed_stores_the_same_weights(run_cli, tmp_path):
    weights = []
    for number, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{number}.csv"
        run_cli(
            "array", "read", "--rows", 3, "--columns", 8, "--row", 0, "--seed", seed, "-o", path
        )
        weights.append(pd.read_csv(path, comment="#")["weight"].tolist())
    assert weights[0] == weights[1] != weights[2]
    assert set(weights[0]) == {-1, 1}


def test_weights_and_inputs_from_files_and_chosen_rows(run_cli, tmp_path):
    weights = np.array([[1, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, -1]])
    np.save(tmp_path / "w.npy", weights)
    np.save(tmp_path / "x.npy", np.array([1, -1, -1]))
    table = tmp_path / "reads.csv"
    code, out, _ = run_cli(
        "array", "read", "--weights", tmp_path / "w.npy", "--amplifier", "xnor_pcsa",
        "--inputs", tmp_path / "x.npy", "--row", 3, "--row", 1, "-o", table,
    )  # fmt: skip
    assert code == 0
    assert "6 of 6 reads correct, 0 wrong, 0 failed" in out
    assert "sense time: median" in out
    frame = pd.read_csv(table, comment="#")
    assert frame["row"].tolist() == [3, 3, 3, 1, 1, 1]
    assert frame["weight"].tolist() == [*weights[3], *weights[1]]
    assert frame["x"].tolist() == [1, -1, -1, 1, -1, -1]
    assert frame["outcome"].tolist() == ["minus", "minus", "plus", "minus", "plus", "minus"]


def test_wrong_reads_are_counted_and_are_no_failure(run_cli):
    # Zeros of 100 kohm fall within 50 ns at 1.2 V: they are read as a weight.
    code, out, _ = run_cli(
        "array", "read", "--weights", "ternary", "--rows", 2, "--columns", 6, "--json"
    )
    result = json.loads(out)
    assert code == 0
    assert result["wrong"] > 0
    assert result["failed"] == 0
    assert result["wrong"] + result["correct"] == result["reads"]


def test_a_failed_row_is_exit_code_1(run_cli, monkeypatch):
    def fail(*_):
        raise SimulationError("convergence", "timestep too small")

    monkeypatch.setattr("rramchar.characterize.array_read.simulate", fail)
    code, out, _ = run_cli("array", "read", "--rows", 2, "--columns", 2, "--json")
    result = json.loads(out)
    assert code == 1
    assert (result["failed"], result["correct"], result["wrong"]) == (4, 0, 0)
    assert result["reasons"] == {"convergence": 4}
    assert result["sense_time_median_s"] is None
    code, out, _ = run_cli("array", "read", "--rows", 2, "--columns", 2)
    assert code == 1
    assert "failed: 4 with convergence" in out


def test_an_interrupted_read_says_that_nothing_was_written(run_cli, monkeypatch, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rramchar.characterize.array_read.simulate", interrupt)
    code, out, err = run_cli("array", "read", "--rows", 2, "-o", tmp_path / "reads.csv")
    assert (code, out) == (130, "")
    assert "interrupted; no result was written" in err
    assert not (tmp_path / "reads.csv").exists()


def test_an_incomplete_precharge_is_said(run_cli):
    code, out, _ = run_cli(
        "array", "read", "--rows", 2, "--columns", 2, "--precharge-time", "0.2n", "--c-q", "200f"
    )
    assert code == 0
    assert "before the precharge was complete" in out


def test_another_technology(run_cli):
    code, out, _ = run_cli(
        "array", "read", "--technology", "generic180", "--rows", 2, "--columns", 3,
        "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["correct"] == 6


def test_leakage(run_cli, tmp_path):
    code, out, _ = run_cli(
        "array", "leakage", "--rows", "1,8", "--temperatures", "27,125", "--vdd", "0.6",
        "--flavour", "hvt", "--c-q", "40f", "--r-bl", "3M", "--r-blb", "1M", "--hrs", "1M",
        "--stored", "zero", "--pattern", "along", "--precharge-time", "100n",
        "--plot", tmp_path / "leakage.png", "-o", tmp_path / "leakage.csv", "--json",
    )  # fmt: skip
    assert code == 0
    points = json.loads(out)["points"]
    assert [(p["temperature_c"], p["rows"]) for p in points] == [
        (27, 1), (27, 8), (125, 1), (125, 8),
    ]  # fmt: skip
    assert points[3]["shift"] < -0.03 < points[1]["shift"] < 0
    assert (tmp_path / "leakage.png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(tmp_path / "leakage.csv", comment="#")) == 4
    code, out, _ = run_cli("array", "leakage", "--rows", "1,2", "--temperatures", "27")
    assert code == 0
    assert "first_fall_time_s" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "0"], "rows: 0, expected a whole number from 1"),
        (["--rows", "-3"], "rows: -3"),
        (["--columns", "0"], "columns: 0"),
        (["--columns", "many"], "valid integer"),
        (["--rows", "4", "--row", "4"], "row: 4, expected a whole number from 0 to 3"),
        (["--row", "-1"], "row: -1"),
        (["--weights", "absent.npy"], "--weights: 'absent.npy' is neither random nor a file"),
        (["--weights", ""], "--weights: ''"),
        (["--seed", "-1"], "--seed"),
        (["--lrs", "200k"], "r_lrs_ohm: 200000 ohm, expected below r_hrs_ohm"),
        (["--lrs", "0"], "r_lrs_ohm: 0 ohm, expected above 0"),
        (["--hrs", "high"], "--hrs: 'high' is not a number"),
        (["--amplifier", "opamp"], "amplifier: 'opamp'"),
        (["--inputs", "x.npy"], "--inputs: given, expected none with the amplifier pcsa"),
        (["--amplifier", "xnor_pcsa", "--inputs", "x.npy"], "--inputs: 'x.npy' is neither"),
        (["--vdd", "0"], "vdd_v: 0 V"),
        (["--corner", "xx"], "corner: 'xx'"),
        (["--temperature", "-300"], "temperature_c: -300"),
        (["--c-bl-cell", "-1f"], "c_bl_cell_f: -1e-15"),
        (["--c-bl-cell", "2F"], "2F' is ambiguous"),
        (["--r-bl-cell", "0"], "r_bl_cell_ohm: 0"),
        (["--unselected", "5"], "unselected_v: 5"),
        (["--sample-time", "0"], "sample_time_s: 0"),
        (["-o", "no/such/folder.csv"], "-o no/such/folder.csv: the folder"),
        (["--technology", "sky999"], "neither a shipped technology"),
        (["--set", "length_m=0.1u"], "1e-07 m, expected 1.3e-07 m (the minimum of"),
        (["--set", "latch_n_width_m=0.1u"], "width of nmos: 1e-07 m, expected 1.5e-07 m"),
        (["--set", "foot_width_m=-1"], "foot_width_m: -1"),
        (["--set", "width=1u"], "unknown key 'width'"),
        (["--set", "length_m"], "--set 'length_m': expected NAME=VALUE"),
    ],
)
def test_slips_of_a_read(run_cli, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in _refused(run_cli("array", "read", *arguments))


@pytest.mark.parametrize(
    ("stored", "arguments", "words"),
    [
        (np.array([[2, 1]]), [], "weights: [2], expected only numbers -1, 0 and +1"),
        (np.array([1, -1]), [], "weights: 1 axes, expected two (row, column)"),
        (np.ones((3, 2)), ["--rows", "4"], "--rows: 4, expected 3, the rows of --weights"),
        (np.ones((3, 2)), ["--columns", "3"], "--columns: 3, expected 2"),
        (np.array([["a"]]), [], "weights: <U1"),
        (np.array([[None]]), [], "cannot be read as a .npy file"),
        (b"not an array", [], "cannot be read as a .npy file"),
        (b"", [], "cannot be read as a .npy file"),
    ],
)
def test_files_that_hold_no_weights(run_cli, tmp_path, stored, arguments, words):
    path = tmp_path / "w.npy"
    if isinstance(stored, bytes):
        path.write_bytes(stored)
    else:
        np.save(path, stored)
    assert words in _refused(run_cli("array", "read", "--weights", path, *arguments))


def test_an_archive_is_no_array(run_cli, tmp_path):
    np.savez(tmp_path / "w.npz", a=np.ones((2, 2)))
    err = _refused(run_cli("array", "read", "--weights", tmp_path / "w.npz"))
    assert "holds several arrays" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "1,x"], "--rows: '1,x', expected whole numbers with commas"),
        (["--rows", "0"], "rows: 0"),
        (["--temperatures", "27,hot"], "--temperature: 'hot' is not a number"),
        (["--stored", "one"], "--stored: 'one', expected weight or zero"),
        (["--pattern", "all"], "pattern: 'all'"),
        (["--plot", "no/such/figure.png"], "--plot no/such/figure.png: the folder"),
    ],
)
def test_slips_of_leakage(run_cli, arguments, words):
    assert words in _refused(run_cli("array", "leakage", *arguments))


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (["column", "--rows", "8", "--row", "7", "--r-bl", "50k", "--r-blb", "5k"], 1),
        (["array", "--rows", "3", "--columns", "4", "--row", "2", "--seed", "7"], 4),
        (["array", "--rows", "2", "--columns", "3", "--amplifier", "xnor_pcsa"], 3),
    ],
)
def test_plain_ngspice_reads_the_printed_decks_as_we_do(run_cli, tmp_path, arguments, columns):
    code, deck, _ = run_cli("netlist", *arguments)
    assert code == 0
    (tmp_path / ".spiceinit").write_text("set num_threads=1\n")
    (tmp_path / "deck.cir").write_text(deck)
    done = subprocess.run(
        ["ngspice", "-b", "deck.cir"], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    printed = dict(re.findall(r"^(\w+)\s*=\s*([-+.\deE]+)", done.stdout, re.MULTILINE))
    high = [float(printed[f"v_q{column}_sampled_v"]) > 0.6 for column in range(columns)]
    low = [float(printed[f"v_qb{column}_sampled_v"]) < 0.6 for column in range(columns)]
    assert high == low
    if arguments[0] == "column":
        assert high == [True]
        return
    table = tmp_path / "reads.csv"
    row = arguments[arguments.index("--row") :][:2] if "--row" in arguments else ["--row", "0"]
    run_cli("array", "read", *arguments[1:], *([] if row[1] != "0" else row), "-o", table)
    frame = pd.read_csv(table, comment="#")
    assert (frame["outcome"] == "plus").tolist() == high
    times = [float(printed[f"sense_time_{column}_s"]) for column in range(columns)]
    assert frame["sense_time_s"].tolist() == pytest.approx(times, rel=0.01)
