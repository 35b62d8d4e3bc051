"""The results of a run in one SQLite file: written in transactions, safe against any interruption.

Tables: ``meta`` (what made the run), ``results`` (one row per simulated point, by the point's key).
Points are not stored: they follow from ``plan.toml``, so that 10^6 of them cost nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from rramchar.errors import StoreError

SCHEMA_VERSION = 1
FILE_NAME = "results.sqlite"
# How long a file that another program holds is waited for. [s]
_PATIENCE_S = 10.0
_COMMON = {
    "status": "TEXT NOT NULL",
    "reason": "TEXT",
    "detail": "TEXT",
    "solver": "TEXT",
    "seconds": "REAL",
}


class Store:
    """An open run directory's result file.

    Parameters
    ----------
    folder : Path
        The run directory.
    result_fields : mapping of str to str
        The testbench's result columns and their SQLite types.
    read_only : bool
        True to look without creating, locking or changing anything.

    Raises
    ------
    StoreError
        If the file is damaged, was made by a newer version or for another testbench, does not
        exist (read only), or cannot be written.
    """

    def __init__(
        self, folder: Path, result_fields: Mapping[str, str], *, read_only: bool = False
    ) -> None:
        self.path = folder / FILE_NAME
        self.columns = [*_COMMON, *result_fields]
        if read_only and not self.path.is_file():
            raise StoreError(f"{folder}: no {FILE_NAME} here; is it a run directory?")
        try:
            if read_only:
                self._db = sqlite3.connect(f"file:{_uri(self.path)}?mode=ro", uri=True)
            else:
                self._db = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE_S)
                self._use_write_ahead_log()
                self._create(result_fields)
            self._check()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def _create(self, result_fields: Mapping[str, str]) -> None:
        fields = {**_COMMON, **result_fields}
        columns = ", ".join(f"{name} {kind}" for name, kind in fields.items())
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT)")
        self._db.execute(
            f"CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, {columns}) WITHOUT ROWID"
        )
        self._db.execute(
            "INSERT OR IGNORE INTO meta VALUES ('schema_version', ?)", [json.dumps(SCHEMA_VERSION)]
        )
        self._db.execute("COMMIT")

    def _use_write_ahead_log(self) -> None:
        # SQLite does not wait by itself when someone reads the file at this very moment.
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _check(self) -> None:
        version = self.meta().get("schema_version")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path}: schema version {version}, this rramchar reads {SCHEMA_VERSION}; "
                "use the version of rramchar that made it, or another --out"
            )
        found = [row[1] for row in self._db.execute("PRAGMA table_info(results)")][1:]
        if found != self.columns:
            raise StoreError(
                f"{self.path}: holds results of another testbench (columns {', '.join(found)}); "
                "choose another --out"
            )

    def _damaged(self, error: Exception) -> StoreError:
        if "locked" in str(error):
            return StoreError(
                f"{self.path}: in use by another program; close it and run the same command again"
            )
        if "unable to open" in str(error) or "readonly" in str(error):
            return StoreError(f"{self.path}: cannot be opened for writing: {error}")
        return StoreError(
            f"{self.path}: damaged or not a result file ({error}); move it away and run again"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def meta(self) -> dict[str, Any]:
        """Return everything that is recorded about the run."""
        return {k: json.loads(v) for k, v in self._db.execute("SELECT key, value FROM meta")}

    def set_meta(self, facts: Mapping[str, Any]) -> None:
        """Record facts about the run; existing keys are replaced."""
        rows = [(key, json.dumps(value)) for key, value in facts.items()]
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def add(self, rows: Iterable[tuple[bytes, Mapping[str, Any]]]) -> None:
        """Write results in one transaction.

        Parameters
        ----------
        rows : iterable of (bytes, mapping)
            Point key and its columns; missing columns become NULL.

        Raises
        ------
        StoreError
            If the disk is full or the file was damaged meanwhile; nothing of the batch is kept.
        """
        marks = ", ".join("?" * (len(self.columns) + 1))
        values = [(key, *(row.get(column) for column in self.columns)) for key, row in rows]
        with self._transaction():
            self._db.executemany(f"INSERT OR REPLACE INTO results VALUES ({marks})", values)

    def keys(self, *, status: str | None = None) -> set[bytes]:
        """Return the keys of all stored points, or of those with a status."""
        query, arguments = "SELECT key FROM results", []
        if status is not None:
            query, arguments = query + " WHERE status = ?", [status]
        return {row[0] for row in self._db.execute(query, arguments)}

    def rows(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Iterate over stored results: point key and columns."""
        try:
            for key, *values in self._db.execute("SELECT * FROM results"):
                yield key, dict(zip(self.columns, values, strict=True))
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if "full" in str(error):
                raise StoreError(
                    f"{self.path}: the disk is full; free some space and run the same command again"
                ) from None
            raise self._damaged(error) from None


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run directory for this process alone; the lock dies with the process.

    Parameters
    ----------
    folder : Path
        The run directory; it must exist.

    Raises
    ------
    StoreError
        If another process holds it.
    """
    path = folder / ".lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"{folder}: another process (pid {owner}) is running a sweep here; wait for it, "
                "or choose another --out"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _uri(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.resolve()))
