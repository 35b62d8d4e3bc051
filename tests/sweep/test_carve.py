"""Rows read out of a file's pages: all of a sound file, only right ones of a damaged one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.sweep.carve import carve
from rramchar.sweep.store import FILE_NAME, Store

KINDS = {"a": "REAL", "b": "INTEGER", "c": "TEXT"}

rows_of_all_sizes = st.dictionaries(
    st.binary(min_size=16, max_size=16),
    st.fixed_dictionaries(
        {
            "a": st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-3, 3)),
            "b": st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53)),
            # Long texts lie on pages of their own.
            "c": st.one_of(st.none(), st.text(max_size=20), st.text("aΩ", min_size=900).map(
                lambda text: text * 9)),
        }
    ),
    max_size=40,
)  # fmt: skip


def _write(folder: Path, rows: dict[bytes, dict[str, Any]]) -> dict[bytes, tuple[Any, ...]]:
    with Store(folder, KINDS) as store:
        store.add((key, {"status": "ok", **row}) for key, row in rows.items())
        return {key: tuple(row.values()) for key, row in store.rows()}


def _carved(path: Path) -> dict[bytes, tuple[Any, ...]]:
    return {key: tuple(values) for key, *values in carve(path) if isinstance(key, bytes)}


@settings(max_examples=40, deadline=None)
@given(rows_of_all_sizes)
def test_every_row_of_a_sound_file(rows: dict[bytes, dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = _write(Path(folder), rows)
        assert _carved(Path(folder) / FILE_NAME) == written


@settings(max_examples=60, deadline=None)
@given(
    rows_of_all_sizes,
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=99))),
    st.floats(0.3, 1),
)
def test_nothing_wrong_comes_out_of_a_damaged_file(
    rows: dict[bytes, dict[str, Any]], damages: list[tuple[float, bytes]], left: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = _write(Path(folder), rows)
        path = Path(folder) / FILE_NAME
        content = bytearray(path.read_bytes())
        for where, what in damages:
            at = int(where * len(content))
            content[at : at + len(what)] = what[: len(content) - at]
        path.write_bytes(content[: int(left * len(content))])
        assert _carved(path).items() <= written.items()


def test_rows_that_are_in_the_log_only(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with Store(tmp_path, KINDS) as store:
        store.add([(b"k" * 16, {"status": "ok", "a": 1.5, "c": "x" * 9000})])
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):
            shutil.copy(tmp_path / name, copy / name)
    assert _carved(copy / FILE_NAME)[b"k" * 16][5:] == (1.5, None, "x" * 9000)
    (copy / FILE_NAME).write_bytes(b"")
    assert _carved(copy / FILE_NAME)[b"k" * 16][5:] == (1.5, None, "x" * 9000)


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert list(carve(tmp_path / FILE_NAME)) == []
