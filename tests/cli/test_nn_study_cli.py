"""``nn evaluate`` with every kind of error, ``nn train`` of several networks, ``nn study``."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys

import numpy as np
import pytest

from rramchar.ber.rows import make_row
from rramchar.ber.table import BerTable
from rramchar.cli.main import main
from rramchar.fitting import FittedModel, Parameter, fit_resistance_lognormal, save_model
from rramchar.measured import read_measured
from rramchar.nn.network_file import load_network
from rramchar.provenance import read_comment_header
from rramchar.resources import resource


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs ``rramchar nn ...``: exit code, stdout, stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rramchar", "nn", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return call


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two small networks trained through the command line, and what the command said."""
    folder = tmp_path_factory.mktemp("nets")
    arguments = ["train", "--dataset", "digits", "--epochs", "3", "--hidden", "32", "--seeds", "2"]
    arguments += ["--seed", "5", "-o", f"{folder}/net.npz", "--history", f"{folder}/history.csv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rramchar", "nn", *arguments, "--json"])
        out = io.StringIO()
        with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as caught:
            main()
    assert not caught.value.code
    return folder, json.loads(out.getvalue())


def _rows(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_several_networks_with_their_history(trained):
    folder, result = trained
    accuracies = [one["test_accuracy"] for one in result["networks"]]
    assert result["test_accuracy"] == pytest.approx(sum(accuracies) / 2)
    assert result["test_accuracy_low"] < result["test_accuracy"] < result["test_accuracy_high"]
    assert sorted(p.name for p in folder.glob("*.npz")) == ["net_seed5.npz", "net_seed6.npz"]
    assert load_network(folder / "net_seed6.npz").metadata["settings"]["seed"] == 6
    rows = _rows(folder / "history.csv")
    assert [(r["seed"], r["epoch"]) for r in rows] == [(s, e) for s in "56" for e in "123"]
    assert float(rows[5]["loss"]) == result["networks"][1]["history"]["loss"][2]


@pytest.fixture
def net(trained):
    return trained[0] / "net_seed5.npz"


def test_an_interval_as_narrow_as_asked(run, net, tmp_path):
    output, plot = tmp_path / "chips.csv", tmp_path / "chips.png"
    start = ("evaluate", net, "--dataset", "digits", "--ber", "5e-2", "--interval", "1")
    code, out, _ = run(*start, "-o", output, "--plot", plot, "--json")
    result = json.loads(out)
    assert code == 0
    assert result["interval_reached"]
    assert (result["accuracy_high"] - result["accuracy_low"]) / 2 <= 0.01 + 1e-12
    assert result["draws"] == len(result["accuracy"]) >= 20
    rows = _rows(output)
    assert [float(row["accuracy"]) for row in rows] == result["accuracy"]
    assert f"# accuracy_mean: {result['accuracy_mean']!r}" in output.read_text()
    assert plot.read_bytes().startswith(b"\x89PNG")
    p = result["percentiles"]
    assert p["p5"] <= p["p50"] <= p["p95"]
    code, out, err = run(*start[:-1], "0.01", "--limit", "25", "--json")
    assert code == 1
    assert "25 chips are not enough" in err
    short = json.loads(out)
    assert not short["interval_reached"]
    assert short["accuracy"][:20] == result["accuracy"][:20]  # the same chips


def test_three_kinds_of_errors(run, net):
    start = ("evaluate", net, "--dataset", "digits", "--draws", "6", "--json")
    kinds = {
        "programming": ("--ber", "2e-2"),
        "stuck": ("--bad", "2e-2", "--bad-spread", "row=1,column=0.5,die=0.5", "--array", "16x16"),
        "weak": ("--bad", "4e-2", "--bad-reads", "0.5", "--images-per-read", "100"),
        "read": ("--read-ber", "2e-2"),
    }
    found = {name: json.loads(run(*start, *more)[1]) for name, more in kinds.items()}
    for name, result in found.items():
        assert result["accuracy_mean"] < result["accuracy_clean"], name
        assert result["accuracy_std"] > 0
    assert found["weak"]["errors"] == {"bad": 0.04, "bad_reads": 0.5, "images_per_read": 100}
    every = [part for more in kinds.values() for part in more]
    for option in ("--bad", "--array", "--bad-reads"):  # once each
        while every.count(option) > 1:
            at = every.index(option)
            del every[at : at + 2]
    both = json.loads(run(*start, *every)[1])
    assert both["accuracy_mean"] < min(r["accuracy_mean"] for r in found.values())
    _, out, _ = run(*start[:-1], *kinds["stuck"])
    assert "with --bad 0.02 --bad-spread row=1,column=0.5,die=0.5" in out


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A fitted resistance model and a read model of one condition."""
    folder = tmp_path_factory.mktemp("models")
    sample = resource("measurements", "cycling_1t1r_synthetic.csv")
    save_model(
        fit_resistance_lognormal(read_measured(sample), resamples=100), folder / "resistance.json"
    )
    flat = {"degree": 0, "low": [8.0, -9.0], "high": [15.0, 0.0], "coefficients": [-21.0]}
    condition = {
        "key": "a", "corner": "tt", "temperature_c": 27.0, "vdd_v": 1.2, "sample_time_s": 1e-8,
        "window_s": 1e-7, "precharge_ok": True, "reference_ohm": 1e4, "fall": flat, "sense": flat,
        "energy": flat,
    }  # fmt: skip
    parameters = {"a_offset_ln_r": 0.0, "a_sigma_ln_r": 0.6}
    known = {name: Parameter(value, value, value, "1") for name, value in parameters.items()}
    model = FittedModel("read_model", known, population={"conditions": [condition]})
    save_model(model, folder / "read.json")
    return folder / "resistance.json", folder / "read.json"


def test_errors_of_drawn_devices(run, net, models):
    resistance, read_model = models
    start = ("evaluate", net, "--dataset", "digits", "--resistance", resistance)
    given = (*start, "--read-model", read_model, "--draws", "5")
    result = json.loads(run(*given, "--where", "vdd_v=1.2,corner=tt", "--json")[1])
    assert result["accuracy_mean"] < result["accuracy_clean"]
    ideal = json.loads(run(*given, "--amplifiers", "nominal", "--json")[1])
    assert ideal["accuracy_mean"] > result["accuracy_mean"]
    _fails(run(*start), "--resistance and --read-model go together")
    _fails(run(*given, "--where", "vdd_v=0.6"), "0 of its 1 conditions fit", "vdd_v=1.2")
    _fails(run(*given, "--ber", "1e-3"), "give one of them")
    _fails(run(*given, "--layer", "0:corner=tt"), "--layer: goes with --ber")
    _fails(run(*given, "--amplifiers", "row"), "amplifiers: 'row'")


def _fails(result, *words):
    code, out, err = result
    assert (code, out) == (2, "")
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ber", "1e-3", "--draws", "5", "--interval", "1"), ("--draws 5 and --interval 1",)),
        (("--ber", "1e-3", "--interval", "0"), ("half-width 0 percentage points",)),
        (("--ber", "1e-3", "--interval", "1", "--limit", "2"), ("at most 2",)),
        (("--bad", "2"), ("share: 2",)),
        (("--bad", "0.1", "--bad-spread", "cell=1"), ("--bad-spread 'cell=1'",)),
        (("--bad", "0.1", "--array", "big"), ("array 'big'",)),
        (("--bad-reads", "0.1"), ("need --bad",)),
        (("--images-per-read", "5"), ("nothing is drawn anew",)),
        (("--read-ber", "x.csv"), ("--read-ber x.csv: neither a number",)),
        (("--ber", "1e-3", "--layer", "7:1e-2"), ("from 0 to 1",)),
        (("--layer", "0:1e-2"), ("give --ber",)),
        (("--ber", "1e-3", "-o", "no/such/file.csv"), ("--output no/such/file.csv", "no/such")),
        (("--ber", "1e-3", "--plot", "no/such/file.png"), ("--plot no/such/file.png",)),
        (("--ber", "1e-3", "--plot", "x.pdf"), ("--plot x.pdf", "ends in .png")),
        (("--ber", "1e-3", "--amplifiers", "foo"), ("--amplifiers foo: goes with --resistance",)),
        (("--ber", "1e-3", "--array", "foo"), ("--array foo: goes with",)),
        (("--bad", "0.1", "--bad-spread", "row=1,row=2"), ("row=1,row=2: row is given twice",)),
        (("--layer", "0:1e-2"), ("--layer 0:1e-2",)),
    ],
)
def test_evaluate_refuses(run, net, arguments, words):
    _fails(run("evaluate", net, "--dataset", "digits", *arguments), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ber", "1e-3", "--draws", "0"), "draws: 0"),
        (("--ber", "1e-3", "--interval", "0"), "half-width 0"),
        (("--ber", "1e-3", "--seed", "-1"), "seed: -1"),
        (("--seed", "-1"), "seed: -1"),
    ],
)
def test_numbers_are_refused_before_the_error_free_pass(run, net, monkeypatch, arguments, words):
    def work(*arguments):
        raise AssertionError("the images were worked through")

    monkeypatch.setattr("rramchar.nn.chip_accuracy.clean_accuracy", work)
    _fails(run("evaluate", net, "--dataset", "digits", *arguments), words)


def test_few_equal_chips_have_an_interval(run, net):
    start = ("evaluate", net, "--dataset", "digits", "--json")
    found = json.loads(run(*start, "--ber", "1e-9", "--draws", "2")[1])
    assert found["accuracy"] == [found["accuracy_clean"]] * 2
    assert found["accuracy_low"] < found["accuracy_mean"] < found["accuracy_high"]
    for sure in (("--ber", "0"), ("--bad", "0"), ("--read-ber", "0"),
                 ("--bad", "0.1", "--bad-reads", "0")):  # fmt: skip
        exact = json.loads(run(*start, *sure, "--draws", "2")[1])
        assert exact["accuracy_low"] == exact["accuracy_mean"] == exact["accuracy_high"]
    code, out, err = run(*start, "--ber", "1e-9", "--interval", "1e-3", "--limit", "40")
    assert (code, json.loads(out)["draws"]) == (1, 40)
    assert "40 chips are not enough" in err


def _inputs(path):
    return [entry["name"] for entry in read_comment_header(path)["inputs"]]


def test_result_files_name_what_the_errors_come_from(run, net, models, tmp_path):
    table, output, data = tmp_path / "ber.csv", tmp_path / "out.csv", tmp_path / "own.npz"
    counts = [[95, 0, 5, 0], [0] * 4, [5, 0, 95, 0]]
    BerTable.from_rows([make_row(cell="2t2r", coding="binary", source="counts", counts=counts)]
                       ).save(table)  # fmt: skip
    images = np.random.default_rng(0).integers(0, 17, (20, 8, 8)).astype(np.uint8)
    np.savez(data, images=images, labels=np.arange(20) % 2)
    start = ("evaluate", net, "--draws", "2", "-o", output, "--dataset", "digits")
    assert run(*start, "--ber", table, "--read-ber", "1e-3")[0] == 0
    assert _inputs(output) == ["net_seed5.npz", "ber.csv"]
    assert run(*start, "--ber", "1e-3", "--read-ber", table)[0] == 0
    assert _inputs(output) == ["net_seed5.npz", "ber.csv"]
    assert run(*start, "--resistance", models[0], "--read-model", models[1])[0] == 0
    assert _inputs(output) == ["net_seed5.npz", "resistance.json", "read.json"]
    assert (
        run("curve", net, "--dataset", data, "--rates", "0.1", "--draws", "2", "-o", output)[0] == 0
    )
    assert _inputs(output) == ["net_seed5.npz", "own.npz"]


def test_figures_of_one_chip_and_of_none(run, net, tmp_path):
    start = ("evaluate", net, "--dataset", "digits", "--plot", tmp_path / "x.png")
    for more in (("--ber", "1e-2", "--draws", "1"), ()):
        assert run(*start, *more)[0] == 0
        assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


_QUICK = ("--dataset", "digits", "--epochs", "1", "--seeds", "2", "--draws", "2", "--workers", "1")
_TINY = (*_QUICK, "--train-images", "300")


def test_study_matrix(run, tmp_path):
    out, plot = tmp_path / "study", tmp_path / "matrix.png"
    arguments = ("study", "matrix", *_TINY, "--hidden", "16", "--train-rates", "0", "--out", out)
    code, text, _ = run(*arguments, "--rates", "0,1e-1", "--plot", plot, "--json")
    result = json.loads(text)
    assert (code, result["networks"], len(result["summary"])) == (0, 4, 4)
    assert plot.stat().st_size > 5000
    rows = _rows(out / "matrix_summary.csv")
    assert [float(r["accuracy_mean"]) for r in rows] == [
        r["accuracy_mean"] for r in result["summary"]
    ]
    _, text, _ = run(*arguments, "--rates", "0,1e-1")
    assert "matrix study" in text
    assert f"written: {out / 'matrix_summary.csv'}" in text


def test_study_cells(run, tmp_path):
    plot = tmp_path / "cells.png"
    arguments = ("study", "cells", *_TINY, "--sizes", "8,16", "--out", tmp_path / "s")
    code, text, _ = run(*arguments, "--plot", plot, "--json")
    assert code == 0
    assert {row["pairs"] for row in json.loads(text)["summary"]} == {592, 1184}
    assert plot.is_file()
    _fails(run(*arguments[:-4], "--sizes", "8,x", "--out", tmp_path), "--sizes '8,x'")
    _fails(run(*arguments[:-4], "--sizes", "8,0", "--out", tmp_path), "--sizes '8,0'")
    _fails(run(*arguments[:-4], "--seeds", "0", "--out", tmp_path), "--seeds 0")


def test_study_of_one_network_without_errors(run, tmp_path):
    arguments = ("study", "cells", *_TINY, "--sizes", "8,8", "--seeds", "1", "--out", tmp_path)
    code, out, _ = run(*arguments, "--rates", "0,0.1,1e-1")
    assert code == 0
    assert "nan" not in out
    assert out.count(" - ") == 2
    rows = _rows(tmp_path / "cells_summary.csv")
    assert [(row["networks"], row["ber"]) for row in rows] == [("1", "0.0"), ("1", "0.1")] * 2
    assert rows[0]["accuracy_low"] == ""


def test_study_table_tells_the_gain_at_each_supply(run, tmp_path):
    path = tmp_path / "ber.csv"
    rows = []
    for vdd_v, wrong in ((0.6, 20), (0.9, 0), (1.2, 0)):
        where = {"cell": "2t2r", "source": "pcsa_map", "vdd_v": vdd_v}
        right = 100 - wrong
        flips = [[right, 0, wrong, 0], [0] * 4, [wrong, 0, right, 0]]
        steps = [[right, wrong, 0, 0], [0, 100, 0, 0], [0, 0, right, wrong]]
        rows.append(make_row(coding="binary", counts=flips, **where))
        rows.append(make_row(coding="ternary", counts=steps, **where))
    BerTable.from_rows(rows).save(path)
    arguments = ("study", "table", path, *_TINY, "--hidden", "8", "--out", tmp_path / "s")
    code, out, _ = run(*arguments)
    assert code == 0
    for vdd_v in ("0.6", "0.9", "1.2"):
        assert f"trained at 0, vdd_v {vdd_v}: " in out
    gain = _rows(tmp_path / "s" / "table_gain.csv")
    assert [row["binary_networks"] for row in gain] == ["2"] * 3


def test_study_table(run, tmp_path):
    table, plot = tmp_path / "ber.csv", tmp_path / "reset.png"
    rows = []
    for k in range(3):
        wrong = 45 - 20 * k
        counts = [[100 - wrong, 0, wrong, 0], [0] * 4, [wrong, 0, 100 - wrong, 0]]
        note = f"reset_v={1.5 + k / 2}V"
        rows.append(make_row(cell="2t2r", coding="binary", source="counts", counts=counts,
                             programming=note))  # fmt: skip
    BerTable.from_rows(rows).save(table)
    arguments = ("study", "table", table, *_TINY, "--hidden", "16", "--weights", "binary")
    arguments += ("--against", "reset_v", "--out", tmp_path / "s")
    code, text, _ = run(*arguments, "--plot", plot, "--json")
    assert code == 0
    summary = json.loads(text)["summary"]
    assert [row["reset_v"] for row in summary] == [1.5, 2.0, 2.5]
    assert summary[0]["accuracy_mean"] < summary[2]["accuracy_mean"]
    assert plot.is_file()
    _fails(run(*arguments[:-4], "--against", "energy_j", "--out", tmp_path), "an axis is one of")


@pytest.mark.parametrize("command", [(), ("matrix",), ("cells",), ("table",)])
def test_help(run, command):
    code, out, _ = run("study", *command, "--help")
    assert code == 0
    assert not command or "Example: rramchar nn study" in out
