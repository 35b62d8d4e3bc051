"""Damaged, truncated, changed and foreign files in a run directory: found, said, mended."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults import GRID, kit_plan, own_kit, start_run, stored_rows, wait_until, write_plan
from plans import plan, rows

from rramchar.errors import RramcharError, StoreError
from rramchar.sweep import load, load_plan, run_plan
from rramchar.sweep.repair import repair_run
from rramchar.sweep.store import FILE_NAME, PLAN_FILE, Store, row_digest


@pytest.fixture
def copies(finished: Path, tmp_path: Path) -> Iterator[Path]:
    """Fresh copies of the finished run, one after the other."""

    def fresh() -> Iterator[Path]:
        for number in range(1_000_000):
            yield Path(shutil.copytree(finished, tmp_path / f"copy-{number}"))

    return fresh()


def _mend(run: Path, reference: pd.DataFrame) -> int:
    """Repair a run and run its plan again; return how many points were simulated anew."""
    repair_run(run)
    again = run_plan(plan(**GRID), run, workers=1)
    assert again.ok == len(reference)
    pd.testing.assert_frame_equal(rows(load(run)), reference, check_exact=True)
    assert not list(run.glob(".repair"))
    return again.simulated


@pytest.mark.parametrize("flips", [25, pytest.param(600, marks=pytest.mark.slow)])
def test_flipped_bits_are_never_read_as_results(
    copies, reference: pd.DataFrame, flips: int
) -> None:
    """Whatever is flipped: it is found, or it changed nothing. No other error, no other row."""
    generator = np.random.default_rng(flips)
    found = 0
    for _ in range(flips):
        run = next(copies)
        path = run / FILE_NAME
        content = bytearray(path.read_bytes())
        content[generator.integers(len(content))] ^= 1 << generator.integers(8)
        path.write_bytes(content)
        try:
            frame = rows(load(run))
        except RramcharError:
            found += 1
            with pytest.raises(StoreError, match=r"results\.sqlite"):
                run_plan(plan(**GRID), run, workers=1)
            assert path.read_bytes() == content
        else:
            pd.testing.assert_frame_equal(frame, reference, check_exact=True)
        assert repair_run(run).rows >= len(reference) - 40  # a page's rows at most
        shutil.rmtree(run)
    assert found > flips / 2


def test_a_flipped_bit_in_a_number_is_found_though_sqlite_sees_nothing(copies) -> None:
    run = next(copies)
    with closing(sqlite3.connect(run / FILE_NAME, isolation_level=None)) as database:
        database.execute(
            "UPDATE results SET sense_time_s = sense_time_s * 1.001 "
            "WHERE key = (SELECT key FROM results WHERE sense_time_s IS NOT NULL LIMIT 1)"
        )
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    for look in (load, lambda folder: run_plan(plan(**GRID), folder, workers=1)):
        with pytest.raises(StoreError, match="a row of its results was changed"):
            look(run)


@pytest.mark.parametrize(
    "damage", ["many bytes", "first page", "half", "no log", "garbage", "empty"]
)
def test_a_damaged_store_is_named_left_alone_and_mended(
    copies, reference: pd.DataFrame, damage: str
) -> None:
    run = next(copies)
    path = run / FILE_NAME
    content = bytearray(path.read_bytes())
    size = len(content)
    if damage == "many bytes":
        generator = np.random.default_rng(3)
        for at in generator.integers(size, size=20):
            content[at] ^= 0xFF
    elif damage == "first page":
        content[:4096] = bytes(4096)
    elif damage == "half":
        del content[size // 2 :]
    elif damage == "no log":  # all that is in the file before the log was written back
        del content[4096:]
    elif damage == "garbage":
        content[:] = b"not a database, but long enough to be looked at" * 50
    else:
        content.clear()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"results\.sqlite.*sweep repair"):
        run_plan(plan(**GRID), run, workers=1)
    assert path.read_bytes() == content
    anew = _mend(run, reference)
    kept_some = damage in ("many bytes", "first page", "half")
    assert (anew < len(reference)) == kept_some
    assert next(run.glob("results.damaged-*.sqlite")).read_bytes() == content


def test_a_truncated_store_is_found_at_any_length(copies, reference: pd.DataFrame) -> None:
    generator = np.random.default_rng(4)
    for _ in range(10):
        run = next(copies)
        path = run / FILE_NAME
        content = path.read_bytes()
        path.write_bytes(content[: generator.integers(len(content))])
        with pytest.raises(StoreError, match=r"results\.sqlite"):
            load(run)
        assert repair_run(run).damaged
        assert set(load(run)["point"]) <= set(reference["point"])
        shutil.rmtree(run)


def _killed_with_a_log(folder: Path) -> Path:
    """Return a run that was killed with results in its write-ahead log only."""
    run = folder / "run"
    process = start_run(write_plan(folder / "plan.toml", plan(**GRID)), run)
    wait_until(lambda: stored_rows(run) > 100 or process.poll() is not None)
    process.kill()
    process.communicate()
    return run


def test_a_damaged_log_costs_only_what_was_in_it(tmp_path: Path, reference: pd.DataFrame) -> None:
    run = _killed_with_a_log(tmp_path)
    log = run / f"{FILE_NAME}-wal"
    if not log.exists():
        pytest.skip("the run was finished before it could be killed")
    content = log.read_bytes()
    generator = np.random.default_rng(6)
    for part, at in enumerate(generator.integers(len(content), size=2)):
        copy = Path(shutil.copytree(run, tmp_path / f"copy-{part}"))
        (copy / log.name).write_bytes(content[:at] + b"\xff" * 64 + content[at + 64 :])
        try:
            run_plan(plan(**GRID), copy, workers=1)
        except StoreError:
            _mend(copy, reference)
        pd.testing.assert_frame_equal(rows(load(copy)), reference, check_exact=True)


def test_repair_reads_the_log_too(tmp_path: Path, reference: pd.DataFrame) -> None:
    run = _killed_with_a_log(tmp_path)
    log = run / f"{FILE_NAME}-wal"
    if not log.exists():
        pytest.skip("the run was finished before it could be killed")
    (run / FILE_NAME).write_bytes(b"damaged")
    assert repair_run(run).rows > 50
    _mend(run, reference)


def test_repair_leaves_a_sound_run_alone(copies) -> None:
    run = next(copies)
    names = (FILE_NAME, PLAN_FILE, "log.txt")
    before = [(run / name).read_bytes() for name in names]
    summary = repair_run(run)
    assert (summary.damaged, summary.rows) == (False, 396)
    assert [(run / name).read_bytes() for name in names] == before


@pytest.mark.parametrize("damage", ["garbage", "other numbers", "gone"])
def test_a_damaged_plan_is_found_and_mended(copies, reference: pd.DataFrame, damage: str) -> None:
    run = next(copies)
    path = run / PLAN_FILE
    text = path.read_text(encoding="utf-8")
    if damage == "garbage":
        path.write_bytes(b"\x00\xff" * 100)
    elif damage == "other numbers":
        path.write_text(text.replace("0.9", "0.8"), encoding="utf-8")
    else:
        path.unlink()
    with pytest.raises(RramcharError, match=r"plan\.toml"):
        load(run)
    assert repair_run(run).plan_restored
    assert path.read_text(encoding="utf-8") == text
    pd.testing.assert_frame_equal(rows(load(run)), reference, check_exact=True)


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    run_plan(plan(), tmp_path, workers=1)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    for look in (load, repair_run, lambda folder: run_plan(plan(), folder, workers=1)):
        with pytest.raises(StoreError, match="schema version 99"):
            look(tmp_path)


def test_a_store_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """Version 1 had no digests."""
    run_plan(plan(), tmp_path, workers=1)
    before = rows(load(tmp_path))
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as database:
        for table, key in (("meta", "TEXT"), ("results", "BLOB")):
            names = [row[1:3] for row in database.execute(f"PRAGMA table_info({table})")][1:-1]
            columns = ", ".join(f"{name} {kind}" for name, kind in names)
            database.execute(f"ALTER TABLE {table} RENAME TO new")
            without = "WITHOUT ROWID" if table == "results" else ""
            database.execute(f"CREATE TABLE {table} (key {key} PRIMARY KEY, {columns}) {without}")
            chosen = ", ".join(["key", *(name for name, _ in names)])
            database.execute(f"INSERT INTO {table} SELECT {chosen} FROM new")
            database.execute("DROP TABLE new")
        database.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    with pytest.raises(StoreError, match="older version"):
        load(tmp_path)
    assert run_plan(plan(), tmp_path, workers=1).simulated == 0
    pd.testing.assert_frame_equal(rows(load(tmp_path)), before, check_exact=True)


def test_another_testbench(tmp_path: Path) -> None:
    with Store(tmp_path, {"other": "TEXT"}), pytest.raises(StoreError, match="another testbench"):
        run_plan(plan(), tmp_path, workers=1)


def test_what_is_stored_comes_back_with_a_right_digest(tmp_path: Path) -> None:
    kinds = {"a": "REAL", "b": "INTEGER", "c": "TEXT"}
    odd = [float("nan"), -0.0, float("inf"), 5e-324, 1e300, 3, True, None, np.float64(0.1)]
    with Store(tmp_path, kinds) as store:
        given = [(bytes([i]) * 16, {"status": "ok", "a": v, "b": 1, "c": "Ω\n\0"})
                 for i, v in enumerate(odd)]  # fmt: skip
        store.add(given)
        store.check()
        found = dict(store.rows())
    assert found[bytes([2]) * 16]["a"] == float("inf")
    assert found[bytes([0]) * 16]["a"] is None
    assert found[bytes([8]) * 16] | {} == {
        "status": "ok", "reason": None, "detail": None, "solver": None, "seconds": None,
        "a": 0.1, "b": 1, "c": "Ω\n\0",
    }  # fmt: skip
    assert row_digest([1, None, "a"]) == row_digest([1.0, None, "a"]) != row_digest([1, None, "b"])


def test_a_model_library_that_changed_between_runs(tmp_path: Path) -> None:
    made = kit_plan(own_kit(tmp_path))
    run = tmp_path / "run"
    run_plan(made, run, workers=1)
    before = rows(load(run))
    _change_library(tmp_path)
    # What was simulated stays readable; the change only matters to the next run.
    pd.testing.assert_frame_equal(rows(load(run)), before, check_exact=True)
    # A plan that was read before the change would mix both.
    with pytest.raises(StoreError, match="read the plan again"):
        run_plan(made, run, workers=1)
    summary = run_plan(kit_plan(tmp_path / "mine.toml"), run, workers=1)
    assert summary.simulated == 4
    assert any("model library" in note for note in summary.notes)
    after = rows(load(run))
    assert (after["sense_time_s"] != before["sense_time_s"]).all()


def test_a_model_library_that_changes_during_a_run(tmp_path: Path, reference: pd.DataFrame) -> None:
    """Nothing that may come from the new files is stored under the old ones' name."""
    kit = own_kit(tmp_path)
    run = tmp_path / "run"
    original = (tmp_path / "mine.lib").read_text(encoding="utf-8")

    def change(done: int, _total: int, _failed: int) -> None:
        if done and (tmp_path / "mine.lib").read_text(encoding="utf-8") == original:
            _change_library(tmp_path)

    with pytest.raises(StoreError, match=r"changed during the run.*mine\.lib"):
        run_plan(kit_plan(kit, **GRID), run, workers=2, progress=change)
    kept = load(run)
    assert 0 < len(kept) < 396
    (tmp_path / "mine.lib").write_text(original, encoding="utf-8")
    # With the old files back it goes on, and what was kept is what those files give.
    assert run_plan(kit_plan(kit, **GRID), run, workers=2).reused == len(kept)
    pd.testing.assert_frame_equal(rows(load(run)), reference, check_exact=True)


def test_a_library_that_is_only_touched_does_not_matter(tmp_path: Path) -> None:
    made = kit_plan(own_kit(tmp_path))
    library = tmp_path / "mine.lib"
    summary = run_plan(made, tmp_path / "run", workers=1, progress=lambda *_: library.touch())
    assert summary.ok == 4


def _change_library(folder: Path) -> None:
    library = folder / "mine.lib"
    text = library.read_text(encoding="utf-8")
    assert "vth0={0.352+dvtn}" in text
    library.write_text(text.replace("vth0={0.352+dvtn}", "vth0={0.372+dvtn}"), encoding="utf-8")


def test_an_upgraded_ngspice_is_noted(tmp_path: Path) -> None:
    run_plan(plan(), tmp_path, workers=1)
    with Store(tmp_path, plan().testbench.result_fields) as store:
        store.set_meta({"ngspice_version": 36})
    summary = run_plan(plan(vdd_v=[1.2, 0.9]), tmp_path, workers=1)
    assert any("ngspice 36" in note for note in summary.notes)
    assert "ngspice 36" in (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_the_repair_command(copies, run_cli) -> None:
    import json

    run = next(copies)
    code, out, _ = run_cli("sweep", "repair", run)
    assert code == 0
    assert "is sound: 396 rows" in out
    (run / FILE_NAME).write_bytes((run / FILE_NAME).read_bytes()[:20000])
    code, out, _ = run_cli("sweep", "repair", run, "--json")
    assert code == 0
    summary = json.loads(out)
    assert summary["damaged"]
    assert 0 < summary["rows"] < 396
    assert Path(summary["kept_aside"]).is_file()
    (run / FILE_NAME).write_bytes(b"")
    code, out, _ = run_cli("sweep", "repair", run)
    assert code == 0
    assert "0 rows kept" in out
    assert f"sweep run {run / 'plan.toml'}" in out
    (run / FILE_NAME).write_bytes(b"")
    (run / PLAN_FILE).write_bytes(b"\xff")
    code, _, err = run_cli("sweep", "repair", run)
    assert code == 2
    assert "run the plan again" in err
    code, _, err = run_cli("sweep", "repair", run / "nowhere")
    assert code == 2
    assert "is it a run directory" in err


def test_the_recorded_plan_is_the_loaded_one(copies) -> None:
    run = next(copies)
    assert load_plan(run / PLAN_FILE).document() == load(run).attrs["plan"]
