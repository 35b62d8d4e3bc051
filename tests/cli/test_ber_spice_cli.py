"""``rramchar ber from-spice``: finished conditions are kept, interrupted runs go on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from rramchar.ber import BerTable
from rramchar.fitting import FittedModel, Parameter, save_model

FAST = ("--nominal", "--sample-time", "10n", "--set", "precharge_time_s=20n")


@pytest.fixture
def model(tmp_path):
    parameters, population = {}, {}
    for state, median, sigma in (("lrs", 5e3, 0.1), ("hrs", 1.2e4, 0.15)):
        population[state] = {"distribution": "lognormal"}
        parameters |= {
            f"{state}_median_ohm": Parameter(median, median * 0.98, median * 1.02, "ohm"),
            f"{state}_sigma_d2d_log10": Parameter(sigma, sigma * 0.9, sigma * 1.1, "decade"),
            f"{state}_sigma_c2c_log10": Parameter(0.01, 0.009, 0.011, "decade"),
            f"{state}_sigma_log10": Parameter(sigma, sigma * 0.9, sigma * 1.1, "decade"),
        }
    path = tmp_path / "model.json"
    save_model(FittedModel("resistance_lognormal", parameters, population), path)
    return path


def _run(run_cli, model, table, vdd, *more):
    code, out, _ = run_cli(
        "ber", "from-spice", model, "--vdd", vdd, *FAST, "--count", "12", "-o", table, "--json",
        *more,
    )  # fmt: skip
    document = json.loads(out)
    return code, document.get("conditions", [document])


def test_rows_with_the_same_settings_are_kept(run_cli, model, tmp_path):
    whole, table = tmp_path / "whole.csv", tmp_path / "ber.csv"
    _, undisturbed = _run(run_cli, model, whole, "1.0,1.2")
    _run(run_cli, model, table, "1.2")
    code, found = _run(run_cli, model, table, "1.0,1.2")
    assert code == 0
    assert [fact.pop("kept", False) for fact in found] == [False, True]
    assert found == undisturbed
    assert BerTable.load(table) == BerTable.load(whole)
    _, again = _run(run_cli, model, table, "1.0,1.2", "--seed", "1")
    assert not any(fact.get("kept") for fact in again)
    _, fresh = _run(run_cli, model, table, "1.0,1.2", "--seed", "1", "--fresh")
    assert fresh == again


def test_edited_rows_and_other_files_are_not_taken_for_results(run_cli, model, tmp_path):
    table = tmp_path / "ber.csv"
    table.write_text("not,a,table\n1,2,3\n")
    _, found = _run(run_cli, model, table, "1.2")
    assert "kept" not in found[0]
    text = table.read_text()
    head, row = text.rsplit("\n", 2)[:2]
    assert ",1.2," in row
    table.write_text(f"{head}\n{row.replace('spice,', 'spice,edited')}\n")
    _, found = _run(run_cli, model, table, "1.2")
    assert "kept" not in found[0]


def test_a_condition_that_cannot_be_solved_leaves_the_others(run_cli, model, tmp_path):
    code, found = _run(run_cli, model, tmp_path / "ber.csv", "1.2", "--temperature", "900,27")
    assert code == 1
    assert found[0]["ber"] is None
    assert "convergence" in found[0]["note"]
    assert [row.temperature_c for row in BerTable.load(tmp_path / "ber.csv").rows] == [27.0]


def test_interrupted_it_says_what_is_kept(model, tmp_path):
    table = tmp_path / "ber.csv"
    command = [
        sys.executable, "-m", "rramchar.cli.main", "ber", "from-spice", str(model),
        "--vdd", "1.0,1.2", *FAST, "--count", "40", "-o", str(table), "--workers", "1",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    end = time.monotonic() + 120
    while not table.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted after 1 of 2 conditions" in errors
    assert "run the same command to go on" in errors
    assert [row.vdd_v for row in BerTable.load(table).rows] == [1.0]
