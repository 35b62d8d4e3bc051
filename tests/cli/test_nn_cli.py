from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from rramchar.ber.rows import make_row
from rramchar.ber.table import BerTable
from rramchar.cli.main import main
from rramchar.nn.network import DenseLayer, InputEncoding, Network
from rramchar.nn.network_file import load_network, save_network


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
def network(tmp_path_factory):
    """A small binary network trained once through the command line."""
    path = tmp_path_factory.mktemp("nn") / "net.npz"
    command = [sys.executable, "-c", "from rramchar.cli.main import main; main()", "nn", "train"]
    command += ["--dataset", "digits", "--epochs", "10", "--seed", "4", "-o", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return path, json.loads(done.stdout)


def _fails(result, *words):
    """One line on stderr, nothing on stdout, exit code 2, every word in the message."""
    code, out, err = result
    lines = [line for line in err.splitlines() if line.strip() and "━" not in line]
    assert code == 2
    assert out == ""
    assert len(lines) == 1, err
    assert lines[0].startswith("error:")
    for word in words:
        assert word in lines[0]


def test_train(network):
    path, result = network
    assert result["test_accuracy"] > 0.93
    assert result["train_accuracy"] > 0.95
    assert result["epochs"] == len(result["history"]["loss"]) == 10
    assert result["network"] == str(path)
    assert result["seconds"] > 0
    assert load_network(path).metadata["test_accuracy"] == result["test_accuracy"]


def test_train_ternary_with_two_hidden_layers(run, tmp_path):
    path = tmp_path / "t.npz"
    code, out, _ = run(
        *("train", "--dataset", "digits", "--weights", "ternary", "--hidden", "40", "--hidden"),
        *("30", "--input", "sign", "--epochs", "2", "--seed", "1", "-o", path),
    )
    assert code == 0
    assert "ternary network 64-40-30-10 on digits: test accuracy" in out
    assert f"written to {path}" in out
    loaded = load_network(path)
    assert (loaded.sizes, loaded.kind) == ((64, 40, 30, 10), "ternary")
    assert loaded.encoding == InputEncoding("sign", 16, 8)


def test_show(run, network):
    path, _ = network
    code, out, err = run("show", path, "--json")
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert (result["sizes"], result["weights"]) == ([64, 256, 10], "binary")
    assert result["parameters"] == 64 * 256 + 2560
    assert result["layers"][1]["threshold_min"] is None
    code, out, _ = run("show", path)
    assert "binary network 64-256-10" in out
    assert "dataset: digits" in out


def test_evaluate_rate(run, network):
    path, trained = network
    arguments = ("evaluate", path, "--dataset", "digits", "--ber", "3e-2", "--draws", "5")
    code, out, _ = run(*arguments, "--seed", "2", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["accuracy_clean"] == trained["test_accuracy"]
    assert result["accuracy_low"] < result["accuracy_mean"] < result["accuracy_high"]
    assert result["accuracy_mean"] == pytest.approx(np.mean(result["accuracy"]))
    assert result["accuracy_std"] == pytest.approx(np.std(result["accuracy"], ddof=1))
    assert (result["draws"], result["images"]) == (5, 359)
    again = json.loads(run(*arguments, "--seed", "2", "--json")[1])
    assert again["accuracy"] == result["accuracy"]
    _, out, _ = run(*arguments)
    assert "without errors" in out
    assert "over 5 chips" in out


def test_evaluate_without_errors_and_with_one_draw(run, network):
    path, trained = network
    result = json.loads(run("evaluate", path, "--dataset", "digits", "--json")[1])
    assert result["accuracy_mean"] == trained["test_accuracy"]
    one = ("evaluate", path, "--dataset", "digits", "--ber", "0.1", "--draws", "1", "--json")
    assert json.loads(run(*one)[1])["accuracy_std"] is None


def test_evaluate_table(run, network, tmp_path):
    path, _ = network
    table = tmp_path / "ber.csv"
    common = {"cell": "2t2r", "coding": "binary", "source": "pcsa_map", "vdd_v": 0.6}
    right = [[10, 0, 0, 0], [0, 0, 0, 0], [0, 0, 10, 0]]
    wrong = [[5, 0, 5, 0], [0, 0, 0, 0], [5, 0, 5, 0]]
    BerTable.from_rows(
        [
            make_row(counts=right, corner="tt", **common),
            make_row(counts=wrong, corner="ss", **common),
        ]
    ).save(table)
    start = ("evaluate", path, "--dataset", "digits", "--draws", "2", "--json", "--ber", table)
    good = json.loads(run(*start, "--where", "vdd_v=0.6,corner=tt")[1])
    assert good["accuracy"] == [good["accuracy_clean"]] * 2
    bad = json.loads(run(*start, "--where", "vdd_v=0.6,corner=ss")[1])
    assert bad["accuracy_mean"] < 0.3
    assert bad["where"] == "vdd_v=0.6,corner=ss"
    _fails(run(*start, "--where", "corner=ff"), "no row with corner=ff", "ss, tt", str(table))


def test_curve(run, network, tmp_path):
    path, _ = network
    output = tmp_path / "curve.csv"
    arguments = ("curve", path, "--dataset", "digits", "--rates", "1e-3:1e-1:3", "--draws", "4")
    code, out, _ = run(*arguments, "-o", output, "--json")
    points = json.loads(out)["points"]
    assert code == 0
    lines = output.read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [float(row["ber"]) for row in rows] == [1e-3, 1e-2, 1e-1]
    assert [float(r["accuracy_mean"]) for r in rows] == [p["accuracy_mean"] for p in points]
    assert lines[0].startswith("# ")
    assert any("sha256" in line for line in lines)
    _, out, _ = run(*arguments, "-o", output)
    assert f"written to {output}" in out


@pytest.mark.parametrize("command", [(), ("train",), ("evaluate",), ("curve",), ("show",)])
def test_help(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert not command or "Example: rramchar nn" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dataset", "digitz"), ("'digitz' is unknown", "digits, ecg, fashion, mnist")),
        (("--dataset", "mnist"), ("--data", "RRAMCHAR_DATA")),
        (("--dataset", "mnist", "--data", "nowhere"), ("nowhere", "does not exist")),
        (("--dataset", "digits", "--weights", "tenary"), ("weights: 'tenary'", "ternary")),
        (("--dataset", "digits", "--hidden", "0"), ("hidden: 0",)),
        (("--dataset", "digits", "--epochs", "-1"), ("epochs: -1",)),
        (("--dataset", "digits", "--input", "rgb"), ("'rgb'", "uint8, sign")),
        (("--dataset", "digits", "--seed", "-1"), ("seed: -1",)),
        (("--dataset", "digits", "--learning-rate", "nan"), ("learning_rate: nan",)),
    ],
)
def test_train_refuses(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.delenv("RRAMCHAR_DATA", raising=False)
    _fails(run("train", *arguments, "-o", tmp_path / "n.npz"), *words)
    assert not list(tmp_path.iterdir())


def test_outputs_are_checked_before_any_work(run, tmp_path, network):
    start = ("train", "--dataset", "digits", "--epochs", "100000")
    _fails(run(*start, "-o", tmp_path / "no" / "n.npz"), "--output", "does not exist")
    _fails(run(*start, "-o", tmp_path), "is a folder")
    start = ("curve", network[0], "--dataset", "digits", "--draws", "1000000")
    _fails(run(*start, "-o", tmp_path / "no" / "c.csv"), "--output", "does not exist")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ber", "1.5"), ("--ber 1.5", "0 to 1")),
        (("--ber", "low"), ("--ber low", "neither a number nor an existing file")),
        (("--ber", "1e-3", "--where", "corner=ss"), ("--where corner=ss", "is a rate")),
        (("--where", "corner=ss"), ("give --ber",)),
        (("--ber", "1e-3", "--draws", "0"), ("draws: 0",)),
        (("--ber", "1e-3", "--seed", "-2"), ("seed: -2",)),
    ],
)
def test_evaluate_refuses(run, network, arguments, words):
    _fails(run("evaluate", network[0], "--dataset", "digits", *arguments), *words)


def test_curve_refuses_bad_rates(run, network, tmp_path):
    start = ("curve", network[0], "--dataset", "digits", "-o", tmp_path / "c.csv", "--rates")
    _fails(run(*start, "1e-5:1e-1"), "--rates", "start:stop:number")
    assert not list(tmp_path.iterdir())


def test_a_network_that_is_none(run, tmp_path):
    _fails(run("show", tmp_path / "none.npz"), "no such file", "nn train")
    (tmp_path / "text.npz").write_text("hello")
    _fails(run("evaluate", tmp_path / "text.npz", "--dataset", "digits"), "not an .npz archive")


def test_a_data_set_of_another_size(run, tmp_path):
    path = tmp_path / "big.npz"
    layer = DenseLayer(np.ones((10, 784), np.int8))
    encoding = InputEncoding("uint8", 255)
    save_network(
        Network((layer,), encoding, np.ones(10), np.zeros(10), metadata={"dataset": "mnist"}), path
    )
    for command in (("evaluate", path), ("curve", path, "-o", tmp_path / "c.csv")):
        _fails(
            run(*command, "--dataset", "digits"),
            *("--dataset digits: images of 64 pixels", f"{path} takes 784", "use mnist"),
        )


def test_mnist_through_the_environment(run, tmp_path):
    if not os.environ.get("RRAMCHAR_DATA"):
        pytest.skip("RRAMCHAR_DATA is not set: it gives the folder that holds mnist/*.gz")
    path = tmp_path / "m.npz"
    start = ("train", "--dataset", "mnist", "--hidden", "32", "--epochs", "1", "-o", path)
    assert json.loads(run(*start, "--json")[1])["test_accuracy"] > 0.8
    start = ("evaluate", path, "--dataset", "mnist", "--ber", "1e-3", "--draws", "2")
    code, out, _ = run(*start, "--json")
    assert code == 0
    assert json.loads(out)["images"] == 10000


def test_libraries_stay_out_until_they_are_needed():
    """Listing the commands must not wait for numpy, and networks must not load a simulator."""
    code = (
        "import sys, rramchar.cli.nn; assert 'numpy' not in sys.modules;"
        "import rramchar.nn.train, rramchar.nn.curve;"
        "assert not {'PySpice', 'sklearn'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
