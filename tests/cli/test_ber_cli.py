"""``rramchar ber``: what it prints, what it writes, and how it refuses."""

import json
import os
from pathlib import Path

import pytest

from rramchar.ber import BerTable
from rramchar.resources import resource


@pytest.fixture
def sample():
    return resource("measurements", "cycling_1t1r_synthetic.csv")


def _refused(result):
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    return err


def test_counts_as_json(run_cli, sample):
    code, out, err = run_cli("ber", "count", sample, "--layout", "cycling", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    one, two = document["ber_1t1r"], document["ber_2t2r"]
    assert {"errors", "trials", "ber", "low", "high", "threshold_ohm"} <= set(one)
    assert (one["trials"], two["trials"]) == (25600, 12800)
    assert one["ber"] == one["errors"] / one["trials"]
    assert two["low"] < two["ber"] < two["high"]
    assert 5e3 < one["threshold_ohm"] < 9e4


def test_counts_for_people_and_a_table_that_can_be_shown(run_cli, sample, tmp_path):
    path = tmp_path / "ber.csv"
    code, out, _ = run_cli("ber", "count", sample, "-o", path, "--programming", "200 uA, 2.5 V")
    assert code == 0
    assert "1T1R" in out
    assert f"table written to {path}" in out
    table = BerTable.load(path)
    assert [row.cell for row in table.rows] == ["1t1r", "2t2r"]
    assert table.rows[0].programming == "200 uA, 2.5 V"
    code, out, _ = run_cli("ber", "show", path)
    assert code == 0
    assert f"{table.rows[1].errors:,}" in out
    code, out, _ = run_cli("ber", "show", path, "--where", "cell=2t2r", "--json")
    document = json.loads(out)
    assert [row["errors"] for row in document["rows"]] == [table.rows[1].errors]
    assert document["rows"][0]["vdd_v"] is None
    assert document["provenance"]["inputs"][0]["name"] == sample.name


def test_thresholds(run_cli, sample):
    found = {}
    for threshold in ("best", "median", "8k"):
        _, out, _ = run_cli("ber", "count", sample, "--threshold", threshold, "--json")
        found[threshold] = json.loads(out)["ber_1t1r"]
    assert found["8k"]["threshold_ohm"] == 8000
    assert found["best"]["errors"] <= min(f["errors"] for f in found.values())


def test_odd_devices_are_named(run_cli, tmp_path):
    path = tmp_path / "three.csv"
    path.write_text("a,9e4,5e3\nb,9e4,5e3\nc,9e4,5e3\n")
    _, out, _ = run_cli("ber", "count", path)
    assert "device c has no partner" in out
    assert "no errors in 1 pairs" in out
    _, out, _ = run_cli("ber", "count", path, "--json")
    assert json.loads(out)["ber_2t2r"]["odd_device"] == "c"


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, [], "no such file"),
        ("1,0,5e3\n", [], "line 1, field 2 (HRS_1): '0'"),
        ("1,-5,5e3\n", [], "'-5' is not usable"),
        ("1,9e4,five\n", [], "'five' is not a number"),
        ("1,9e4,5e3\n", [], "only 1 device"),
        ("1,9e4,5e3\n2,9e4,5e3\n", ["--layout", "wide"], "known: tidy, cycling"),
        ("1,9e4,5e3\n2,9e4,5e3\n", ["--threshold", "low"], "--threshold"),
        ("1,9e4,5e3\n2,9e4,5e3\n", ["--threshold", "0"], "threshold: 0.0"),
        ("1,9e4,5e3\n2,9e4,5e3\n", ["-o", "/nowhere/b.csv"], "does not exist; create it"),
        ("device,cycle,state,ohm\n1,1,lrs,5e3\n", [], "column resistance_ohm is missing"),
    ],
)
def test_bad_input_is_one_line(run_cli, tmp_path, content, arguments, message):
    path = tmp_path / "cells.csv"
    if content is not None:
        path.write_text(content)
    assert message in _refused(run_cli("ber", "count", path, *arguments))


def test_bad_tables_and_conditions_are_one_line(run_cli, sample, tmp_path):
    assert "column cell is missing" in _refused(run_cli("ber", "show", sample))
    path = tmp_path / "ber.csv"
    run_cli("ber", "count", sample, "-o", path)
    assert "available vdd_v: (empty)" in _refused(
        run_cli("ber", "show", path, "--where", "vdd_v=1")
    )
    assert "did you mean vdd_v" in _refused(run_cli("ber", "show", path, "--where", "vdd=1"))


@pytest.mark.parametrize("command", [["count"], ["show"], []])
def test_help_has_an_example(run_cli, command):
    code, out, _ = run_cli("ber", *command, "--help")
    assert code == 0
    assert "Example: rramchar ber" in out or not command


def test_measured_chip(run_cli):
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured chip data")
    path = Path(root) / "measured" / "cycling" / "cycling-4-24-20.csv"
    document = json.loads(run_cli("ber", "count", path, "--layout", "cycling", "--json")[1])
    assert document["ber_1t1r"]["errors"] == 2734
    assert document["ber_2t2r"]["errors"] == 140
