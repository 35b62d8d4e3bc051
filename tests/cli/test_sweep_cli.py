from __future__ import annotations

import json

import pandas as pd
import pytest

PLAN = """
[plan]
testbench = "read"

[parameters]
c_bl_f = "30f"
precharge_time_s = "10n"
sample_time_s = "5n"

[axes]
vdd_v = [0.9, 1.2]
temperature_c = {temperatures}
r_bl_ohm = ["5k", "20k", "80k"]
r_blb_ohm = ["6k", "24k", "96k"]
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace("{temperatures}", "27"), encoding="utf-8")
    return path


@pytest.fixture
def run(run_cli, plan, tmp_path):
    code, _, err = run_cli("sweep", "run", plan, "--out", tmp_path / "run")
    assert code == 0, err
    return tmp_path / "run"


def test_run_prints_one_document(run_cli, plan, tmp_path) -> None:
    code, out, _ = run_cli(
        "sweep", "run", plan, "--out", tmp_path / "run", "--workers", 1, "--json"
    )
    assert code == 0
    summary = json.loads(out)
    assert (summary["points"], summary["ok"], summary["failed"]) == (18, 18, 0)
    assert summary["run"] == str(tmp_path / "run")


def test_an_axis_from_the_command_line(run_cli, plan, run) -> None:
    code, out, _ = run_cli(
        "sweep", "run", plan, "--out", run, "--axis", "vdd_v=1.0,1.2",
        "--json",
    )  # fmt: skip
    assert code == 0
    summary = json.loads(out)
    assert (summary["simulated"], summary["reused"]) == (9, 9)


def test_export(run_cli, run, tmp_path) -> None:
    code, out, _ = run_cli(
        "sweep", "export", run, "--to", "csv", "-o", tmp_path / "a.csv", "--json"
    )
    assert code == 0
    assert json.loads(out)["rows"] == 18
    frame = pd.read_csv(tmp_path / "a.csv", comment="#")
    assert list(frame["point"]) == list(range(18))
    assert set(frame["outcome"]) == {"plus", "minus"}


def test_show_and_pictures(run_cli, run, tmp_path) -> None:
    code, out, _ = run_cli("sweep", "show", run, "--json")
    assert code == 0
    assert json.loads(out)["outcomes"] == {"plus": 6, "minus": 12}
    for command in (
        ["sweep", "map", run, "-o", tmp_path / "map.png", "--sample-time", "1n"],
        ["report", "reads", run, "-o", tmp_path / "reads.png"],
    ):
        code, _, err = run_cli(*command)
        assert code == 0, err
    for name in ("map.png", "reads.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_failed_points_give_exit_code_1_and_are_told(run_cli, tmp_path) -> None:
    path = tmp_path / "hot.toml"
    path.write_text(PLAN.replace("{temperatures}", "[27, 900]"), encoding="utf-8")
    code, out, _ = run_cli("sweep", "run", path, "--out", tmp_path / "hot")
    assert code == 1
    assert "18 failed (18 convergence)" in out
    code, out, _ = run_cli("sweep", "show", tmp_path / "hot")
    assert code == 0
    assert "convergence" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.toml", "--out", "r"], "nowhere.toml: does not exist"),
        (["run", "{plan}", "--out", "{plan}/r"], "cannot be used as a run directory"),
        (["run", "{plan}", "--out", "{tmp}/r", "--axis", "vdd_v"], "expected NAME=VALUES"),
        (["run", "{plan}", "--out", "{tmp}/r", "--axis", "vdd=1"], "unknown axis 'vdd'"),
        (["run", "{plan}", "--out", "{tmp}/r", "--workers", "0"], "workers: 0"),
        (["show", "{tmp}"], "is it a run directory"),
        (["export", "{tmp}", "-o", "{tmp}/a.csv"], "is it a run directory"),
        (["map", "{tmp}", "-o", "{tmp}/no/a.png"], "does not exist"),
        (["rum"], "No such command 'rum'"),
    ],
)
def test_bad_input_is_one_line(run_cli, plan, tmp_path, arguments, message) -> None:
    filled = [
        text.replace("{plan}", str(plan)).replace("{tmp}", str(tmp_path)) for text in arguments
    ]
    code, out, err = run_cli("sweep", *filled)
    assert code == 2
    assert out == ""
    assert err.strip().startswith("error:")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_picture_of_what_was_not_swept(run_cli, run, tmp_path) -> None:
    for command in ("sweep", "map"), ("report", "reads"):
        code, _, err = run_cli(*command, run, "-o", tmp_path / "a.png", "--corner", "ss")
        assert code == 2
        assert "corner ss" in err


def test_a_map_of_reads_that_are_no_grid(run_cli, plan, tmp_path) -> None:
    run = tmp_path / "one"
    one = ("--axis", "r_bl_ohm=5k", "--axis", "r_blb_ohm=6k")
    assert run_cli("sweep", "run", plan, "--out", run, *one)[0] == 0
    code, _, err = run_cli("report", "reads", run, "-o", tmp_path / "a.png")
    assert code == 2
    assert "2 reads of 1 R_BL and 1 R_BLb" in err
    assert "sweep plot" in err


def test_a_notebook_becomes_a_page(run_cli, tmp_path) -> None:
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell('who = "nobody"')
    cell.metadata["tags"] = ["parameters"]
    book.cells = [cell, nbformat.v4.new_code_cell('print("made for", who)')]
    source = tmp_path / "source.ipynb"
    nbformat.write(book, source)
    page = tmp_path / "page.html"
    code, out, err = run_cli(
        "report", "notebook", source, "--set", "who=<somebody>", "-o", page, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["output"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert "made for &lt;somebody&gt;" in text
    assert "print(" not in text


def test_a_failing_notebook_is_told_in_one_line(run_cli, tmp_path) -> None:
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(book, tmp_path / "bad.ipynb")
    code, _, err = run_cli("report", "notebook", tmp_path / "bad.ipynb", "-o", tmp_path / "x.html")
    assert code == 2
    assert "ZeroDivisionError" in err
    assert not (tmp_path / "x.html").exists()
