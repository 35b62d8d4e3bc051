"""``rramchar sweep show, plot, reproduce, waveforms`` as a user runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tomli_w

from rramchar.sweep import make_plan, read_raw, run_plan


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 points, half of them too hot to be solved."""
    folder = tmp_path_factory.mktemp("run")
    document = {
        "plan": {"testbench": "read"},
        "parameters": {"c_bl_f": "30f", "precharge_time_s": "5n", "sample_time_s": "5n"},
        "axes": {
            "temperature_c": [27, 900], "vdd_v": [0.6, 0.9, 1.2],
            "r_bl_ohm": ["5k", "20k"], "r_blb_ohm": ["60k"],
        },
    }  # fmt: skip
    run_plan(make_plan(document), folder, workers=1)
    (folder.parent / "plan.toml").write_text(tomli_w.dumps(document))
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_show_as_json_has_stable_keys(run_cli, run) -> None:
    code, out, _ = run_cli("sweep", "show", run, "--json")
    assert code == 0
    shown = json.loads(out)
    wanted = {
        "run", "testbench", "technology", "accuracy", "points", "done", "ok", "failed", "missing",
        "reasons", "failures", "outcomes", "precharge_not_ok", "solvers", "seconds_total",
        "seconds_mean", "seconds_longest", "ngspice_version", "technology_digest", "rramchar",
        "started", "finished", "starts", "notes", "running",
    }  # fmt: skip
    assert wanted <= set(shown)
    assert (shown["points"], shown["ok"], shown["failed"], shown["missing"]) == (12, 6, 6, 0)
    assert shown["reasons"] == {"convergence": 6}
    assert shown["running"] is None
    assert set(shown["failures"][0]) == {"reason", "points", "point", "values", "detail"}


def test_show_for_people(run_cli, run) -> None:
    code, out, _ = run_cli("sweep", "show", run)
    assert code == 0
    assert "12: 6 ok, 6 failed, 0 not simulated (100.0% done)" in out
    assert "convergence" in out
    assert "temperature_c=900" in out
    code, _, err = run_cli("sweep", "show", run, "--watch", "--json")
    assert code == 2
    assert "choose one" in err
    # Nothing works on it, so that watching ends at once.
    code, out, _ = run_cli("sweep", "show", run, "--watch")
    assert code == 0
    assert "12: 6 ok" in out


def test_plot_says_what_it_drew(run_cli, run, tmp_path) -> None:
    picture = tmp_path / "a.png"
    arguments = ["--x", "vdd_v", "--y", "sense_time_s", "--hue", "r_bl_ohm"]
    code, _, err = run_cli("sweep", "plot", run, *arguments, "-o", picture)
    assert code == 2
    assert "temperature_c (2 values) vary too" in err
    assert not picture.exists()
    code, out, err = run_cli(
        "sweep", "plot", run, *arguments, "--panel", "temperature_c", "-o", picture, "--json"
    )
    assert code == 0, err
    drawn = json.loads(out)
    assert (drawn["kind"], drawn["points"], drawn["failed"]) == ("line", 12, 6)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_reproduce_prints_or_writes_a_deck(run_cli, run, tmp_path) -> None:
    code, out, _ = run_cli("sweep", "reproduce", run, 11)
    assert code == 0
    assert out.startswith(".title")
    assert "\n* status: failed, convergence\n" in out
    deck = tmp_path / "point.cir"
    code, told, _ = run_cli("sweep", "reproduce", run, 11, "-o", deck)
    assert code == 0
    assert deck.read_text() == out
    assert "ngspice -b" in told
    code, told, _ = run_cli("sweep", "reproduce", run, 0, "-o", deck, "--json")
    assert code == 0
    found = json.loads(told)
    assert (found["point"], found["status"], found["output"]) == (0, "ok", str(deck))
    assert found["vdd_v"] == 0.6


def test_waveforms_are_written_and_drawn(run_cli, run, tmp_path) -> None:
    picture = tmp_path / "waves.png"
    code, out, err = run_cli("sweep", "waveforms", run, 3, 0, "--plot", picture, "--json")
    assert code == 0, err
    written = json.loads(out)
    assert [item["point"] for item in written["points"]] == [3, 0]
    assert all(item["differs"] == [] for item in written["points"])
    waves = read_raw(run / "waveforms" / "point-000003.raw")
    assert len(waves["v(q)"]) == written["points"][0]["samples"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_waveforms_of_a_failed_point(run_cli, run, tmp_path) -> None:
    code, out, _ = run_cli("sweep", "waveforms", run, 0, 11, "--out", tmp_path / "w")
    assert code == 1
    assert "the same as the run stored" in out
    assert "point 11: failed (convergence" in out
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["point-000000.raw"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "{tmp}"], "is it a run directory"),
        (["plot", "{run}", "--x", "vdd", "--y", "seconds", "-o", "{tmp}/a.png"], "vdd_v"),
        (["plot", "{run}", "--x", "vdd_v", "-o", "{tmp}/no/a.png"], "does not exist"),
        (["reproduce", "{run}", "12"], "point 12: not in the plan; expected 0 to 11"),
        (["reproduce", "{tmp}", "0"], "is it a run directory"),
        (["reproduce", "{run}", "first"], "valid integer"),
        (["waveforms", "{run}", "0", "99"], "point 99: not in the plan"),
        (["waveforms", "{run}", "0", "--plot", "{tmp}/no/a.png"], "does not exist"),
        (["waveforms", "{run}", *map(str, range(13)), "--plot", "{tmp}/a.png"], "at most 12"),
    ],
)
def test_bad_input_is_one_line(run_cli, run, tmp_path, arguments, message) -> None:
    places = {"{run}": str(run), "{tmp}": str(tmp_path)}
    filled = []
    for text in arguments:
        for mark, place in places.items():
            text = text.replace(mark, place)
        filled.append(text)
    code, out, err = run_cli("sweep", *filled)
    assert code == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1
