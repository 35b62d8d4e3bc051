"""``rramchar program``, ``iv`` and ``devices``: results, figures, exit codes, bad input."""

import json

import pandas as pd
import pytest

PLAN = """
[plan]
testbench = "program"
[device]
model = "filament"
[[sequence]]
operation = "set"
wl_v = [1.4, 1.8]
[[sequence]]
operation = "reset"
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def _refused(result):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    return err


def test_a_plan_gives_rows_and_a_figure_and_is_not_repeated(run_cli, plan, tmp_path):
    run, figure = tmp_path / "run", tmp_path / "low.png"
    code, out, _ = run_cli(
        "program", plan, "--out", run, "--workers", 1, "--plot", figure, "--json"
    )
    assert code == 0
    result = json.loads(out)
    assert (result["points"], result["ok"], result["simulated"]) == (2, 2, 2)
    assert len(result["rows"]) == 4
    assert {"pulse", "operation", "r_after_ohm", "energy_j"} <= result["rows"][0].keys()
    assert [row["operation"] for row in result["rows"]] == ["set", "reset"] * 2
    assert figure.read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(run / "pulses.csv", comment="#")
    assert table["r_after_ohm"].tolist() == [row["r_after_ohm"] for row in result["rows"]]
    for name in ("high_states", "energy", "train"):
        code, out, _ = run_cli("program", plan, "-o", run, "--figure", name, "--plot", figure)
        assert code == 0
        assert "0 simulated now, 2 found finished" in out


def test_a_failed_sequence_gives_exit_code_one(run_cli, plan, tmp_path):
    plan.write_text(PLAN.replace("[device]", "pulse_timeout_s = 1e-5\n[device]"))
    code, out, _ = run_cli("program", plan, "--out", tmp_path / "run", "--workers", 1)
    assert code == 1
    assert "0 of 2 sequences ok, 2 failed (2 timeout)" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("wl_v = [1.4, 1.8]", 'width_s = "-1u"', "sequence 1: width_s: -1e-06"),
        ('operation = "set"', 'operation = "sett"', "operation: 'sett', expected one of"),
        ("filament", "filamint", "device.model: 'filamint'"),
        ("[device]", "[device]\ngamma = 1", "unknown parameter 'gamma'"),
        ("[device]", "[axes]\ntemperature_c = -400\n[device]", "absolute zero"),
        ("[device]", '[axes]\ncorner = "xx"\n[device]', "'xx' is not a corner of generic130"),
    ],
)
def test_bad_plans_give_one_line_and_leave_nothing(run_cli, plan, tmp_path, old, new, message):
    plan.write_text(PLAN.replace(old, new, 1))
    err = _refused(run_cli("program", plan, "--out", tmp_path / "run"))
    assert message in err
    assert not (tmp_path / "run").exists()


def test_a_figure_that_is_not_known_is_refused_first(run_cli, plan, tmp_path):
    err = _refused(run_cli("program", plan, "--out", tmp_path / "run", "--figure", "nice"))
    assert "--figure 'nice': expected one of low_states" in err


def test_a_loop_is_written_and_drawn(run_cli, tmp_path):
    table, figure = tmp_path / "loop.csv", tmp_path / "loop.png"
    code, out, _ = run_cli(
        "iv", "--temperature", "27", "--temperature", "125", "-o", table, "--plot", figure, "--json"
    )
    assert code == 0
    cold, hot = json.loads(out)["loops"]
    assert hot["set_at_v"] < cold["set_at_v"]
    assert cold["r_high_ohm"] > 10 * cold["r_low_ohm"]
    frame = pd.read_csv(table, comment="#")
    assert list(frame) == ["temperature_c", "time_s", "applied_v", "device_v", "current_a",
                           "resistance_ohm"]  # fmt: skip
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_loop_without_switching_says_so(run_cli):
    code, out, _ = run_cli("iv", "--model", "static", "--initial-r", "20k", "--set", "v0_v=1")
    assert code == 0
    assert "SET at no voltage, RESET at no voltage" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "gamma0"], "expected NAME=VALUE"),
        (["--set", "gamma=1"], "unknown parameter 'gamma'"),
        (["--ramp-time", "-1m"], "ramp_time_s: -0.001"),
        (["--temperature", "-300"], "absolute zero"),
        (["--initial-r", "0"], "initial_r_ohm: 0.0"),
        (["--corner", "xx"], "'xx' is not a corner"),
        (["-o", "/nowhere/loop.csv"], "does not exist"),
    ],
)
def test_bad_loops_give_one_line(run_cli, arguments, message):
    assert message in _refused(run_cli("iv", *arguments))


def test_the_models_are_listed(run_cli):
    code, out, _ = run_cli("devices", "--json")
    assert code == 0
    models = json.loads(out)["devices"]
    assert set(models) == {"static", "weak_reset", "filament"}
    assert {"name", "default", "unit", "low", "high", "description", "source"} == set(
        models["filament"][0]
    )
    code, out, _ = run_cli("devices")
    assert code == 0
    assert "gap_scale_m" in out
