from __future__ import annotations

import json

import pandas as pd
import pytest

TERNARY = ["--set", "flavour=hvt", "--set", "c_bl_f=100f", "--set", "c_q_f=40f",
           "--set", "precharge_time_s=200n"]  # fmt: skip


def test_map(run_cli, tmp_path) -> None:
    table, figure = tmp_path / "map.csv", tmp_path / "map.png"
    code, out, err = run_cli(
        "map", "--vdd", "0.6", "--sample-time", "6n", *TERNARY, "--resolution", "0.1",
        "-o", str(table), "--plot", str(figure), "--json",
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    assert result["resolution_decade"] == 0.1
    assert 8e3 < result["r_star_ohm"] < 15e3
    assert 0 < result["simulations"] < result["grid_simulations"]
    frame = pd.read_csv(table, comment="#")
    columns = ["r_blb_ohm", "minus_below_r_bl_ohm", "plus_above_r_bl_ohm"]
    assert list(frame.columns) == [*columns, "corner", "temperature_c", "vdd_v", "sample_time_s"]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_maps_over_lists_of_conditions(run_cli, tmp_path) -> None:
    table = tmp_path / "maps.csv"
    code, out, err = run_cli(
        "map", "--vdd", "0.6,1.2", "--corner", "tt,ff", "--sample-time", "6n", *TERNARY,
        "--resolution", "0.2", "-o", str(table), "--plot", str(tmp_path / "maps.png"), "--json",
    )  # fmt: skip
    assert code == 0, err
    stars = {(m["corner"], m["vdd_v"]): m["r_star_ohm"] for m in json.loads(out)["maps"]}
    assert len(stars) == 4
    assert stars["tt", 0.6] < stars["tt", 1.2]
    assert stars["tt", 0.6] < stars["ff", 0.6]
    frame = pd.read_csv(table, comment="#")
    assert frame.groupby(["corner", "vdd_v"]).size().nunique() == 1


def test_offset(run_cli, tmp_path) -> None:
    samples = tmp_path / "samples.csv"
    code, out, err = run_cli(
        "offset", "--samples", "10", "--sample-time", "10n", "--seed", "3", "-o", str(samples),
        "--plot", str(tmp_path / "offset.png"), "--json",
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    assert 0.03 < result["sigma_ln_r_sensitivity"] < 0.3
    assert result["sigma_ln_r_mc_low"] < result["sigma_ln_r_mc"] < result["sigma_ln_r_mc_high"]
    frame = pd.read_csv(samples, comment="#")
    assert frame["offset_ln_r"].std() == pytest.approx(result["sigma_ln_r_mc"], rel=1e-4)


def test_offset_of_an_even_design_claims_no_interval(run_cli, tmp_path) -> None:
    base = ["offset", "--samples", "8", "--sample-time", "10n", "--sampling"]
    figure = tmp_path / "offset.png"
    code, out, err = run_cli(*base, "sobol", "--plot", str(figure), "--json")
    assert code == 0, err
    result = json.loads(out)
    assert (result["sampling"], result["samples"]) == ("sobol", 8)
    assert result["sigma_ln_r_mc_low"] is None
    assert result["sigma_ln_r_mc_high"] is None
    assert figure.read_bytes().startswith(b"\x89PNG")
    code, out, err = run_cli(*base, "lhs")
    assert code == 0, err
    assert "one lhs design has no interval" in out
    assert f"{result['sigma_ln_r_mc']:.4f}" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["map", "--set", "flavor=hvt"], "unknown key 'flavor'"),
        (["map", "--set", "flavour"], "expected NAME=VALUE"),
        (["map", "--vdd", "9"], "vdd_v: 9 V"),
        (["map", "--low", "1M", "--high", "3k"], "range of resistances"),
        (["map", "--resolution", "0"], "resolution"),
        (["map", "--vdd", "0.6,0.6"], "without repetition"),
        (["map", "--corner", ","], "without repetition"),
        (["map", "--amplifier", "pcsaa"], "amplifier: 'pcsaa'"),
        (["map", "-o", "no/such/folder/map.csv"], "does not exist"),
        (["offset", "--samples", "1"], "samples: 1"),
        (["offset", "--seed", "-1"], "--seed: -1"),
        (["offset", "--sampling", "halton"], "sampling: 'halton', expected random, lhs, sobol"),
        (["offset", "--sampling", "lhs", "--samples", "9000000"], "at most 2,500,000"),
        (["offset", "--corner", "xx"], "corner: 'xx'"),
    ],
)
def test_bad_input_is_one_line(run_cli, arguments, message) -> None:
    code, out, err = run_cli(*arguments)
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert message in line
    assert out == ""
