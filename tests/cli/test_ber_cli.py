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
        ("1,9e4,five\n", [], "line 1"),
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


@pytest.mark.parametrize(
    "command",
    [["count"], ["show"], ["plot"], ["compare"], ["from-model"], ["from-spice"], ["ecc"], []],
)
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


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A resistance model whose 2T2R error rate is near 1e-7."""
    from rramchar.fitting import FittedModel, Parameter, save_model

    values = {"lrs": (5e3, 0.05, 0.07), "hrs": (9e4, 0.15, 0.18)}
    parameters, population = {}, {}
    for state, (median, d2d, c2c) in values.items():
        total = (d2d**2 + c2c**2) ** 0.5
        population[state] = {"distribution": "lognormal"}
        parameters |= {
            f"{state}_median_ohm": Parameter(median, median * 0.98, median * 1.02, "ohm"),
            f"{state}_sigma_d2d_log10": Parameter(d2d, d2d * 0.95, d2d * 1.05, "decade"),
            f"{state}_sigma_c2c_log10": Parameter(c2c, c2c * 0.98, c2c * 1.02, "decade"),
            f"{state}_sigma_log10": Parameter(total, total * 0.97, total * 1.03, "decade"),
        }
    path = tmp_path_factory.mktemp("model") / "resistance.json"
    save_model(FittedModel("resistance_lognormal", parameters, population), path)
    return path


def test_a_model_gives_a_rate_with_the_interval_of_its_parameters(run_cli, model, tmp_path):
    table = tmp_path / "ber.csv"
    code, out, err = run_cli("ber", "from-model", model, "--sigma", "0.1", "-o", table, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["method"], found["simulations"]) == ("closed form", 0)
    assert found["low"] < found["ber"] < found["high"]
    rows = BerTable.load(table).rows
    assert [(row.cell, row.source, row.trials) for row in rows] == [
        ("1t1r", "model", 0),
        ("2t2r", "model", 0),
    ]
    assert rows[1].ber == pytest.approx(found["ber"])
    assert rows[1].confusion().probability[0, 2] == rows[1].ber


def test_a_target_switches_to_sampling(run_cli, model):
    code, out, _ = run_cli(
        "ber", "from-model", model, "--sigma", "0.1", "--target", "1e-7", "--json"
    )
    found = json.loads(out)
    assert code == 0
    assert found["low"] <= found["exact"] <= found["high"]
    assert (found["high"] - found["low"]) / 2 <= 0.2 * found["ber"]
    assert 0 < found["simulations"] <= 5000


def test_spice_gives_a_row_per_condition(run_cli, model, tmp_path):
    table, figure = tmp_path / "ber.csv", tmp_path / "ber.png"
    code, out, _ = run_cli(
        "ber", "from-spice", model, "--vdd", "1.0,1.2", "--nominal", "--count", "20",
        "--sample-time", "10n", "--set", "precharge_time_s=20n", "-o", table, "--plot", figure,
        "--json",
    )  # fmt: skip
    assert code == 0
    assert [c["simulations"] for c in json.loads(out)["conditions"]] == [40, 40]
    assert [row.vdd_v for row in BerTable.load(table).rows] == [1.0, 1.2]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_codes_against_pairs(run_cli, sample, tmp_path):
    table, figure, rows = (tmp_path / name for name in ("ber.csv", "ecc.png", "ecc.csv"))
    run_cli("ber", "count", sample, "-o", table)
    code, out, _ = run_cli(
        "ber", "ecc", table, "--words", "4,64", "--plot", figure, "-o", rows, "--json"
    )
    assert code == 0
    found = {(row["cell"], row["code"]): row for row in json.loads(out)["rows"]}
    assert found["1t1r", "secded(8, 4)"]["devices_per_bit"] == 2
    assert found["1t1r", "secded(72, 64)"]["ber"] < found["1t1r", "none"]["ber"]
    assert found["2t2r", "none"]["low"] < found["2t2r", "none"]["ber"]
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert rows.read_text().startswith("# rramchar error correction")
    code, out, _ = run_cli("ber", "ecc", "--ber", "1e-3", "--codes", "secded", "--json")
    assert json.loads(out)["rows"][1]["ber"] == pytest.approx(6.2e-6, rel=0.01)


def test_tables_are_drawn_and_compared(run_cli, sample, tmp_path):
    first, second, figure = (tmp_path / name for name in ("a.csv", "b.csv", "ber.png"))
    run_cli("ber", "count", sample, "-o", first, "--r-star", "30k")
    run_cli("ber", "count", sample, "-o", second, "--threshold", "median")
    code, out, _ = run_cli("ber", "plot", first, second, "-o", figure, "--json")
    assert (code, json.loads(out)["x"]) == (0, "cell")
    assert figure.read_bytes().startswith(b"\x89PNG")
    code, _, _ = run_cli("ber", "plot", first, "--confusion", "-o", figure)
    assert code == 0
    code, out, _ = run_cli("ber", "compare", first, second, "--json")
    found = json.loads(out)
    assert [row["verdict"] for row in found["shared"]] == ["higher", "not told apart"]
    assert len(found["only_a"]) == 1
    code, out, _ = run_cli("ber", "show", first, second, "--json")
    assert len(json.loads(out)["tables"]) == 2


def test_counts_say_what_correlation_and_the_worst_do(run_cli, sample):
    document = json.loads(run_cli("ber", "count", sample, "--json", "--r-star", "30k")[1])
    two = document["ber_2t2r"]
    assert two["low_over_pairs"] <= two["low"]
    assert two["high"] <= two["high_over_pairs"]
    assert two["repaired"]["low"] < two["repaired"]["high"]
    assert two["without_worst"]["ber"] < two["ber"]
    both = two["orientations"]
    assert both["plus"]["errors"] + both["minus"]["errors"] == two["errors"]
    assert set(document["ber_1t1r"]["thresholds"]) == {"best", "median"}
    assert document["ternary"]["coding"] == "ternary"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["from-model", "none.json"], "no such file"),
        (["from-spice", "MODEL", "--ternary"], "needs --count"),
        (["from-spice", "MODEL", "--vdd", "1.2,1.2"], "without repetition"),
        (["from-model", "MODEL", "--target", "2"], "target: 2"),
        (["from-model", "MODEL", "--read-model", "MODEL"], "expected 'read_model'"),
        (["ecc"], "give either a BER table or --ber"),
        (["ecc", "--ber", "0.7"], "between 0 and 0.5"),
        (["ecc", "--ber", "1e-3", "--codes", "turbo"], "code: 'turbo'"),
        (["ecc", "--ber", "1e-3", "--words", "x"], "--words: 'x'"),
    ],
)
def test_bad_input_of_the_other_commands_is_one_line(run_cli, model, arguments, message):
    filled = [str(model) if a == "MODEL" else a for a in arguments]
    assert message in _refused(run_cli("ber", *filled))


def test_time_after_programming(run_cli, model, tmp_path):
    """A spread of the conductance that grows with time makes errors more frequent."""
    import numpy as np
    import pandas as pd

    from rramchar.fitting import save_model
    from rramchar.fitting.retention import fit_retention

    rng = np.random.default_rng(1)
    first = rng.uniform(5e-6, 250e-6, 600)
    parts = []
    for time_s, sigma in ((0.0, 0.0), (1.0, 2e-6), (100.0, 3e-6), (1e4, 4e-6)):
        g = np.maximum(first + sigma * rng.standard_normal(600), 1e-7)
        parts.append(pd.DataFrame({"device": np.arange(600), "time_s": time_s,
                                   "resistance_ohm": 1 / g}))  # fmt: skip
    law, table = tmp_path / "retention.json", tmp_path / "ber.csv"
    save_model(fit_retention(pd.concat(parts, ignore_index=True), ranges=0, resamples=100), law)
    code, _, _ = run_cli(
        "ber", "from-model", model, "--retention", law, "--time", "1,10k", "-o", table
    )
    assert code == 0
    rows = BerTable.load(table).filter(cell="2t2r").rows
    assert [row.time_s for row in rows] == [None, 1.0, 1e4]
    assert rows[0].ber < rows[1].ber < rows[2].ber
    assert "go together" in _refused(run_cli("ber", "from-model", model, "--time", "1"))


def test_a_file_without_cycles_is_named(run_cli, tmp_path):
    file = tmp_path / "cells.csv"
    file.write_text("device,resistance_ohm\na,1000\nb,2000\n")
    code, out, err = run_cli("ber", "count", file)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {file}: column cycle is missing")
    assert err.count("\n") == 1
