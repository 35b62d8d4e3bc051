"""Convolutional networks on the command line: trained by PyTorch, shown, evaluated, studied."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys

import pytest

from rramchar.ber.rows import make_row
from rramchar.ber.table import BerTable
from rramchar.cli.main import main
from rramchar.nn.graph import Graph
from rramchar.nn.network_file import load_network

pytest.importorskip("torch", reason="torch is not installed (extra torch)")

DIGITS = ("--dataset", "digits")


def _call(*arguments):
    """Run ``rramchar nn ...``; return exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rramchar", "nn", *map(str, arguments)])
        streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with streams[0], streams[1], pytest.raises(SystemExit) as caught:
            main()
    return caught.value.code or 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Threads of torch wait for each other where the cores are busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two small networks, and what the command said."""
    folder = tmp_path_factory.mktemp("conv")
    code, out, _ = _call(
        *("train", *DIGITS, "--trainer", "torch", "--filters", 6, "--filters", 6, "--hidden", 20),
        *("--weights", "ternary", "--epochs", 3, "--learning-rate", "1e-2", "--mirror"),
        *("--train-ber", "1e-2", "--seeds", 2, "--history", folder / "history.csv"),
        *("-o", folder / "net.npz", "--json"),
    )
    assert code == 0
    return folder, json.loads(out)


@pytest.fixture
def net(trained):
    return trained[0] / "net_seed1.npz"


@pytest.fixture
def table(tmp_path):
    """Right reads at tt; at ss every second weight reads as its neighbour."""
    common = {"cell": "2t2r", "coding": "ternary", "source": "pcsa_map", "vdd_v": 0.6}
    right = [[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 10, 0]]
    wrong = [[5, 5, 0, 0], [0, 5, 5, 0], [0, 0, 5, 5]]
    path = tmp_path / "ber.csv"
    rows = [make_row(counts=c, corner=k, **common) for c, k in ((right, "tt"), (wrong, "ss"))]
    BerTable.from_rows(rows).save(path)
    return path


def test_train(trained):
    folder, result = trained
    assert [one["sizes"] for one in result["networks"]] == [[64, 6, 6, 20, 10]] * 2
    assert result["test_accuracy_low"] < result["test_accuracy"] < result["test_accuracy_high"]
    loaded = load_network(folder / "net_seed1.npz")
    assert isinstance(loaded, Graph)
    assert loaded.metadata["train_ber"] == 1e-2
    assert loaded.metadata["settings"]["mirror"]
    assert loaded.parameters == result["networks"][1]["parameters"]
    lines = (folder / "history.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [(row["seed"], row["epoch"]) for row in rows] == [(s, e) for s in "01" for e in "123"]
    assert float(rows[2]["loss"]) < float(rows[0]["loss"])


def test_show(net):
    shown = json.loads(_call("show", net, "--json")[1])
    first, second, third, last = shown["layers"]
    assert (first["type"], first["kernel"], first["inputs"]) == ("conv", [3, 3], 9)
    assert all(layer["threshold_max"] is not None for layer in (first, second, third))
    assert (last["type"], last["inputs"], last["threshold_min"]) == ("dense", 20, None)
    assert shown["shape"] == [1, 8, 8]
    assert shown["nodes"][0]["shape_out"] == [6, 8, 8]
    text = _call("show", net)[1]
    assert "layer 1, conv 3 x 3: 54 to 6, 324 weights" in text
    assert "order: conv 6 x 8 x 8, threshold 6 x 8 x 8" in text


def test_evaluate_on_a_table(trained, net, table, tmp_path):
    plot, chips = tmp_path / "chips.png", tmp_path / "chips.csv"
    start = ("evaluate", net, *DIGITS, "--ber", table, "--draws", 4, "--json")
    good = json.loads(_call(*start, "--where", "vdd_v=0.6,corner=tt")[1])
    assert good["accuracy_clean"] == trained[1]["networks"][1]["test_accuracy"]
    assert good["accuracy"] == [good["accuracy_clean"]] * 4
    code, out, _ = _call(*start, "--where", "vdd_v=0.6,corner=ss", "-o", chips, "--plot", plot)
    bad = json.loads(out)
    assert code == 0
    assert bad["accuracy_mean"] < good["accuracy_mean"] - 0.2
    assert bad["accuracy_low"] < bad["accuracy_mean"] < bad["accuracy_high"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    lines = [line for line in chips.read_text().splitlines() if not line.startswith("#")]
    assert [float(row["accuracy"]) for row in csv.DictReader(lines)] == bad["accuracy"]
    # Errors of the last layer alone cost less than those of all layers.
    one = json.loads(_call(*start, "--where", "vdd_v=0.6,corner=tt", "--layer", "3:corner=ss")[1])
    assert bad["accuracy_mean"] < one["accuracy_mean"] < good["accuracy_mean"]
    code, _, err = _call(*start, "--where", "vdd_v=0.6,corner=tt", "--layer", "4:corner=ss")
    assert (code, "from 0 to 3" in err) == (2, True)


def test_curve(net, tmp_path):
    output = tmp_path / "curve.csv"
    start = ("curve", net, *DIGITS, "--rates", "1e-4:2e-1:3", "--draws", 4, "-o", output, "--json")
    points = json.loads(_call(*start)[1])["points"]
    assert points[0]["accuracy_mean"] > points[2]["accuracy_mean"]
    single = ("evaluate", net, *DIGITS, "--ber", points[2]["ber"], "--draws", 4, "--json")
    assert json.loads(_call(*single)[1])["accuracy_mean"] == points[2]["accuracy_mean"]
    assert output.read_text().count("\n0.") == 3


def test_study_of_cells(tmp_path):
    arguments = ("study", "cells", *DIGITS, "--trainer", "torch", "--sizes", "2,4", "--rates", "0")
    arguments += ("--seeds", 2, "--epochs", 1, "--train-images", 300, "--test-images", 100)
    code, out, _ = _call(*arguments, "--workers", 1, "--out", tmp_path, "--json")
    result = json.loads(out)
    assert code == 0
    # (1 * 2 + 2 * 2 + 2 * 4 + 4 * 4) kernels of 9, and 4 channels of 2 x 2 to 10 classes
    assert [row["pairs"] for row in result["summary"]][:2] == [30 * 9 + 160, 116 * 9 + 320]
    assert {row["hidden"] for row in result["summary"]} == {"2-2-4-4", "4-4-8-8"}
    assert all(row["images"] == 100 for row in result["summary"])
    assert [g["binary_networks"] for g in result["gain"]] == [2, 2]
    assert (tmp_path / "cells_gain.csv").is_file()
    text = _call(*arguments, "--workers", 1, "--out", tmp_path)[1]
    assert "ternary over binary, 430 pairs" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--trainer", "tensor"), ("--trainer 'tensor'", "numpy, torch")),
        (("--filters", "8"), ("--filters: goes with --trainer torch",)),
        (("--mirror",), ("--mirror: goes with --trainer torch",)),
        (("--device", "cuda"), ("--device: goes with --trainer torch",)),
        (("--trainer", "torch", "--filters", "8"), ("even number of convolutions",)),
        (("--trainer", "torch", "--input", "sign"), ("--input sign", "uint8")),
        (("--trainer", "torch", "--device", "abacus"), ("device: 'abacus'",)),
        (("--trainer", "torch", "--train-ber", "0.7"), ("train_ber: 0.7", "below 0.5")),
    ],
)
def test_train_refuses(arguments, words, tmp_path):
    code, out, err = _call("train", *DIGITS, "--epochs", 1, *arguments, "-o", tmp_path / "n.npz")
    assert (code, out) == (2, "")
    for word in words:
        assert word in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [("train", "-o", "n.npz"), ("study", "cells", "--out", "s"), ("study", "matrix", "--out", "s")],
)
def test_without_torch(command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.chdir(tmp_path)
    code, out, err = _call(*command, *DIGITS, "--trainer", "torch")
    assert (code, out) == (2, "")
    assert "PyTorch is not installed" in err
    assert "pip install 'rramchar[torch]'" in err
    assert not list(tmp_path.iterdir())
