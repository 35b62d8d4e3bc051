"""``rramchar learn run``."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rramchar.nn.learn.state_file import load_state


def learn(run_cli, *arguments):
    code, out, err = run_cli("learn", "run", *arguments, "--json")
    return code, json.loads(out) if code == 0 else None, err


FAST = ("--dataset", "digits", "--hidden", "20", "--epochs", "3")


def test_run_gives_what_scripts_ask_for(run_cli, tmp_path):
    code, found, _ = learn(
        run_cli, *FAST, "--out", tmp_path / "run", "--plot", tmp_path / "run.png"
    )
    assert code == 0
    assert len(found["history"]) == 3
    assert found["test_accuracy"] == found["history"][-1]["test_accuracy"]
    pairs = 64 * 20 + 20 * 10
    sent = sum(row["pulses"] for row in found["history"])
    assert found["pulses_per_device"] == pytest.approx((sent + pairs) / (2 * pairs))
    sets = sum(row["sets"] for row in found["history"])
    assert found["sets_per_device"] == pytest.approx((sets + 2 * pairs) / (2 * pairs))
    assert found["seconds"] > 0
    assert (tmp_path / "run.png").stat().st_size > 10_000
    assert all(Path(path).stat().st_size > 0 for path in found["files"].values())


def test_the_network_of_a_run_can_be_evaluated(run_cli, tmp_path):
    _, found, _ = learn(run_cli, *FAST, "--out", tmp_path)
    code, out, _ = run_cli(
        "nn", "evaluate", tmp_path / "network.npz", "--dataset", "digits", "--json"
    )
    assert code == 0
    assert json.loads(out)["accuracy_clean"] == pytest.approx(found["test_accuracy"], abs=0.006)


def test_a_run_goes_on_where_it_stands(run_cli, tmp_path):
    constant = ("--set", "schedule=constant")
    _, whole, _ = learn(run_cli, *FAST, *constant, "--out", tmp_path / "whole")
    _, _, _ = learn(run_cli, *FAST[:-1], "1", *constant, "--out", tmp_path / "parts")
    _, parts, _ = learn(run_cli, *FAST, *constant, "--out", tmp_path / "parts")
    keep = ("loss", "test_accuracy", "pulses", "sets", "flips")
    for one, other in zip(whole["history"], parts["history"], strict=True):
        assert [one[k] for k in keep] == [other[k] for k in keep]
    first, second = (load_state(tmp_path / name / "state.npz")[0] for name in ("whole", "parts"))
    for a, b in zip(first.layers, second.layers, strict=True):
        np.testing.assert_array_equal(a.synapses.weights, b.synapses.weights)


def test_without_a_data_set_the_digits_are_learned_and_said_so(run_cli, tmp_path, monkeypatch):
    monkeypatch.delenv("RRAMCHAR_DATA", raising=False)
    code, out, err = run_cli("learn", "run", "--hidden", 8, "--epochs", 1, "--out", tmp_path)
    assert code == 0
    assert "digits" in err
    assert "on digits" in out
    assert "with the check" in out
    assert "endurance" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "oxram"), "model: 'oxram'"),
        (("--model", "missing.json"), "missing.json: no such file"),
        (("--rule", "sgd"), "rule: 'sgd'"),
        (("--synapse", "analog", "--check"), "no bit to check"),
        (("--set", "seed=3"), "--set seed=3: expected NAME=VALUE"),
        (("--set", "seed=3"), "seed: give --seed"),
        (("--set", "plse=0.1"), "did you mean pulse?"),
        (("--set", "tau=abc"), "tau"),
        (("--epochs", "0"), "epochs: 0"),
        (("--plot", "nowhere/figure.png"), "folder nowhere does not exist"),
    ],
)
def test_bad_input_is_one_line(run_cli, tmp_path, arguments, message):
    code, out, err = run_cli(
        "learn", "run", "--dataset", "digits", "--out", tmp_path / "run", *arguments
    )
    assert code == 2
    assert message in " ".join(err.split())
    assert len(err.splitlines()) == 1  # no progress bar, no notice
    assert not (tmp_path / "run").exists()


def test_a_damaged_state_says_how_to_mend_it(run_cli, tmp_path):
    (tmp_path / "state.npz").write_bytes(b"PK")
    code, _, err = run_cli("learn", "run", *FAST, "--out", tmp_path)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "state.npz: damaged" in err
    assert "delete it to start again" in err


def test_a_finished_run_says_that_nothing_was_left(run_cli, tmp_path):
    learn(run_cli, *FAST, "--out", tmp_path)
    code, out, err = run_cli("learn", "run", *FAST, "--out", tmp_path)
    assert code == 0
    assert "found a run of 3 epochs in the folder; nothing was left to do" in out
    assert err == ""


def test_an_interrupt_keeps_epochs_and_says_so(tmp_path):
    command = (sys.executable, "-m", "rramchar.cli.main", "learn", "run", "--dataset", "digits")
    state = tmp_path / "state.npz"
    process = subprocess.Popen(
        [*command, "--hidden", "64", "--epochs", "500", "--out", tmp_path],
        stderr=subprocess.PIPE, text=True, preexec_fn=_default_signals,
    )  # fmt: skip
    while not state.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"finished epochs are kept in {tmp_path}; run the same command to go on" in err
    assert "Traceback" not in err
    assert 1 <= load_state(state)[0].epoch < 500


def _default_signals():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # not that of a job in the background


def test_a_folder_of_another_run_is_refused(run_cli, tmp_path):
    learn(run_cli, *FAST, "--out", tmp_path)
    code, _, err = run_cli("learn", "run", *FAST, "--no-check", "--out", tmp_path)
    assert code == 2
    assert "was learned with check True, not False" in " ".join(err.split())
