"""The main job from end to end, as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rramchar.ber import BerTable
from rramchar.demo.files import DemoFiles
from rramchar.demo.results import open_results
from rramchar.errors import InputError

FIGURES = 10


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoFiles, dict[str, object]]:
    folder = tmp_path_factory.mktemp("demo")
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return DemoFiles(folder), json.loads(done.stdout)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rramchar.cli.main", "demo", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_read_was_simulated(finished: tuple[DemoFiles, dict[str, object]]) -> None:
    files, summary = finished
    assert (summary["points"], summary["failed"]) == (10880, 0)
    reads = pd.read_csv(files.reads, comment="#")
    assert len(reads) == 5 * 3 * 8 * 10 * 9
    assert reads["sense_time_s"].dropna().between(1e-11, 1.001e-7).all()
    assert reads["read_energy_j"].between(1e-15, 1e-12).all()
    assert reads["precharge_ok"].all()


def test_xnor_truth_table_holds_at_every_corner(
    finished: tuple[DemoFiles, dict[str, object]],
) -> None:
    table = open_results(finished[0].folder).xnor_table()
    assert len(table) == 4
    assert (table["reads"] == 10).all()
    assert (table["right"] == table["reads"]).all()
    assert (table["product"] == table["input"] * table["stored weight"]).all()


def test_ber_table_has_a_row_for_every_condition(
    finished: tuple[DemoFiles, dict[str, object]],
) -> None:
    frame = BerTable.load(finished[0].ber_table).frame
    mapped = frame[frame["source"] == "pcsa_map"]
    assert len(mapped) == 2 * 5 * 3 * 8
    assert (mapped.groupby("coding")["trials"].nunique() == 1).all()
    counted = frame[frame["source"] == "counts"].set_index("cell")
    assert counted.loc["2t2r", "ber"] < counted.loc["1t1r", "ber"]
    assert ((frame["ber_low"] <= frame["ber"]) & (frame["ber"] <= frame["ber_high"])).all()


def test_low_supply_makes_room_for_the_third_state(
    finished: tuple[DemoFiles, dict[str, object]],
) -> None:
    """The point of the ternary read: at 0.6 V pairs of HRS read 0 far more often than at 1.2 V."""
    table = BerTable.load(finished[0].ber_table)
    where = {"source": "pcsa_map", "coding": "ternary", "corner": "tt", "temperature_c": 27.0}
    low = table.confusion(vdd_v=0.6, **where).probability[1, 1]
    nominal = table.confusion(vdd_v=1.2, **where).probability[1, 1]
    assert low > 0.85
    assert nominal < 0.5


def test_networks_learned_and_lose_accuracy_with_errors(
    finished: tuple[DemoFiles, dict[str, object]],
) -> None:
    for curve in open_results(finished[0].folder).accuracy_against_ber().values():
        assert (curve["accuracy_clean"] > 0.95).all()
        accuracies = curve.sort_values("ber")["accuracy_mean"].to_numpy()
        assert accuracies[0] > 0.95
        assert accuracies[-1] < accuracies[0] - 0.05
        assert (np.diff(accuracies) < 0.005).all()


def test_decision_map_was_checked_against_simulation(
    finished: tuple[DemoFiles, dict[str, object]],
) -> None:
    check = json.loads(finished[0].map_check.read_text(encoding="utf-8"))
    assert check["failed"] == 0
    assert check["agree"] >= 0.97 * check["pairs"]


def test_report_is_one_self_contained_page(finished: tuple[DemoFiles, dict[str, object]]) -> None:
    page = finished[0].report.read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == FIGURES
    assert page.count("<figcaption>") == FIGURES
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page)
    assert "<script" not in page
    assert "synthetic" in page
    assert "Traceback" not in page


def test_second_run_repeats_nothing(finished: tuple[DemoFiles, dict[str, object]]) -> None:
    files, first = finished
    before = {p: p.read_bytes() for p in sorted(files.folder.rglob("*.csv"))}
    again = run(files.folder)
    summary = json.loads(again.stdout)
    assert summary["simulated"] == 0
    assert summary["stages_done"] == []
    assert summary["seconds"] < 0.3 * float(str(first["seconds"]))
    assert {p: p.read_bytes() for p in sorted(files.folder.rglob("*.csv"))} == before


def test_results_of_no_demo_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished demo"):
        open_results(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(tmp_path / "file" / "demo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "cannot be created" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_killed_at_random_and_run_again_gives_the_same_results(
    finished: tuple[DemoFiles, dict[str, object]], tmp_path: Path
) -> None:
    """SIGKILL the demo at random moments of its whole length, then let it end."""
    files, first = finished
    generator = np.random.default_rng(8)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-m", "rramchar.cli.main", "demo", str(tmp_path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=generator.uniform(1, float(str(first["seconds"]))))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert run(tmp_path).returncode == 0
    for name in ("ber.csv", "sampling.csv", "accuracy_ber.csv", "accuracy_supply.csv"):
        # Provenance headers differ: they say when the file was made.
        mine, theirs = (
            pd.read_csv(folder / name, comment="#") for folder in (tmp_path, files.folder)
        )
        pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    reads = [
        pd.read_csv(folder / "reads.csv", comment="#").drop(columns="seconds")
        for folder in (tmp_path, files.folder)
    ]
    pd.testing.assert_frame_equal(*reads, check_exact=True)
