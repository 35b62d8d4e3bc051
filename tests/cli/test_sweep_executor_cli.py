from __future__ import annotations

import json
import sys

import pytest
import tomli_w

PLAN = {
    "plan": {"testbench": "read"},
    "parameters": {"c_bl_f": "30f", "precharge_time_s": "10n", "sample_time_s": "5n"},
    "axes": {"r_bl_ohm": ["5k", "80k"], "r_blb_ohm": ["6k", "96k"]},
}


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(tomli_w.dumps(PLAN), encoding="utf-8")
    return path


def test_a_cluster_on_this_machine(run_cli, plan, tmp_path) -> None:
    pytest.importorskip("distributed")
    code, out, err = run_cli(
        "sweep", "run", plan, "--out", tmp_path / "run",
        "--executor", "dask", "--workers", 1, "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["ok"] == 4
    assert "1 dask worker at work" in err
    assert "distributed" not in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scheduler", "tcp://a:1"], "--scheduler tcp://a:1: expected together with --executor"),
        (["--executor", "dask", "--scheduler", "a"], "no dask scheduler answers there"),
        (["--executor", "dask", "--scheduler", "tcp://a:1", "--workers", "2"], "expected none"),
        (["--executor", "dask", "--workers", "0"], "workers: 0, expected at least 1"),
        (["--executor", "ray"], "'ray' is not one of"),
    ],
)
def test_options_that_cannot_be_used(run_cli, plan, tmp_path, options, message) -> None:
    if "dask" in options:
        pytest.importorskip("distributed")
    code, out, err = run_cli("sweep", "run", plan, "--out", tmp_path / "run", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_without_dask(run_cli, plan, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = run_cli("sweep", "run", plan, "--out", tmp_path / "run", "--executor", "dask")
    assert code == 2
    assert "pip install 'rramchar[dask]'" in err
    assert not (tmp_path / "run").exists()
