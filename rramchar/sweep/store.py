"""The results of a run in one SQLite file: written in transactions, safe against any interruption.

Tables: ``meta`` (what made the run), ``results`` (one row per simulated point, by the point's key).
Points are not stored: they follow from ``plan.toml``, so that 10^6 of them cost nothing. Every row
carries a digest of itself: SQLite would not notice a flipped bit in a number, and what is read out
of a damaged file (see `rramchar.sweep.repair`) can be told from garbage.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from rramchar.errors import StoreError

SCHEMA_VERSION = 2
FILE_NAME = "results.sqlite"
PLAN_FILE = "plan.toml"
LOCK_FILE = ".lock"
DIGEST_BYTES = 8
# How long a file that another program holds is waited for. [s]
_PATIENCE_S = 10.0
COMMON_FIELDS = {
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
        True to look without creating, locking or changing anything; `check` is then left to the
        caller.

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
        self._kinds = {**COMMON_FIELDS, **result_fields}
        self.columns = list(self._kinds)
        if read_only and not self.path.is_file():
            raise StoreError(f"{folder}: no {FILE_NAME} here; is it a run directory?")
        try:
            self._db = self._look() if read_only else self._open()
            self._check_schema()
            if not read_only:
                self.check()
        except (sqlite3.DatabaseError, StoreError) as error:
            if hasattr(self, "_db"):
                self._db.close()
            raise error if isinstance(error, StoreError) else self._damaged(error) from None

    def _look(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path.resolve()))}?mode=ro"
        database = sqlite3.connect(address, uri=True)
        try:
            database.execute("SELECT count(*) FROM sqlite_schema")
        except sqlite3.OperationalError:
            # Where nothing may be written, SQLite cannot make the file that its readers share. Only
            # a file without an unfinished log may be read without it.
            database.close()
            if self.path.with_name(f"{FILE_NAME}-wal").exists():
                raise
            database = sqlite3.connect(f"{address}&immutable=1", uri=True)
        return database

    def _open(self) -> sqlite3.Connection:
        started = self.path.with_name(PLAN_FILE).exists() and self.path.exists()
        if started and not self.path.stat().st_size:
            raise sqlite3.DatabaseError("it is empty")
        self._db = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE_S)
        self._use_write_ahead_log()
        tables = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if started and not tables:
            # Or what was lost would be simulated again without a word.
            raise sqlite3.DatabaseError(f"its tables are gone although {PLAN_FILE} lies beside it")
        if not tables:
            with self._transaction():
                self._create()
        elif self._version() == 1:
            with self._transaction():
                self._upgrade()
        # Each transaction is whole whatever happens; a power cut may take back the last ones.
        self._db.execute("PRAGMA synchronous=NORMAL")
        return self._db

    def _create(self) -> None:
        columns = ", ".join(f"{name} {kind}" for name, kind in self._kinds.items())
        self._db.execute(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT, digest BLOB) WITHOUT ROWID"
        )
        self._db.execute(
            f"CREATE TABLE results (key BLOB PRIMARY KEY, {columns}, digest BLOB) WITHOUT ROWID"
        )
        self._insert_meta({"schema_version": SCHEMA_VERSION, "columns": self._kinds})

    def _upgrade(self) -> None:
        """Bring a file of version 1, whose rows had no digest, up to date."""
        self._db.create_function("row_digest", -1, lambda *values: row_digest(values))
        columns = {"meta": "key, value", "results": ", ".join(["key", *self.columns])}
        for table, names in columns.items():
            self._db.execute(f"CREATE TEMP TABLE old_{table} AS SELECT {names} FROM {table}")
            self._db.execute(f"DROP TABLE {table}")
        self._create()
        for table, names in (
            ("meta", "key, value"),
            ("results", ", ".join(["key", *self.columns])),
        ):
            self._db.execute(
                f"INSERT OR IGNORE INTO {table} SELECT {names}, row_digest({names}) "
                f"FROM old_{table}"
            )

    def _use_write_ahead_log(self) -> None:
        # SQLite does not wait by itself when someone reads the file at this very moment.
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _version(self) -> Any:
        query = "SELECT value FROM meta WHERE key = 'schema_version'"
        return json.loads((self._db.execute(query).fetchone() or ["null"])[0])

    def _check_schema(self) -> None:
        try:
            version = self._version()
        except ValueError as error:
            raise sqlite3.DatabaseError(f"its schema version cannot be read: {error}") from None
        if version == 1:
            raise StoreError(
                f"{self.path}: made by an older version of rramchar; run its plan into "
                f"{self.path.parent} once more, which brings it up to date and keeps its results"
            )
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path}: schema version {version}, this rramchar reads {SCHEMA_VERSION}; "
                "use the version of rramchar that made it, or another --out"
            )
        found = [row[1] for row in self._db.execute("PRAGMA table_info(results)")][1:-1]
        if found != self.columns:
            raise StoreError(
                f"{self.path}: damaged, or holds results of another testbench (columns "
                f"{', '.join(found)}); choose another --out, or try {self._remedy()}"
            )

    def _remedy(self) -> str:
        return f"`rramchar sweep repair {self.path.parent}`"

    def _damaged(self, error: Exception) -> StoreError:
        text = str(error)
        if "locked" in text:
            return StoreError(
                f"{self.path}: in use by another program; close it and run the same command again"
            )
        if "unable to open" in text or "readonly" in text:
            return StoreError(f"{self.path}: cannot be opened for writing: {text}")
        if "full" in text or "disk I/O" in text:
            return StoreError(
                f"{self.path}: cannot be written ({text}): the disk is full, a quota or limit is "
                "reached, or the disk fails; what was finished is kept; free some space and run "
                "the same command again"
            )
        return StoreError(
            f"{self.path}: damaged or not a result file ({text}); {self._remedy()} keeps the rows "
            "that can still be read"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def check(self) -> None:
        """Read the whole file and see that it is sound and every row is as it was written.

        Raises
        ------
        StoreError
            If anything is damaged.
        """
        try:
            found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(" ".join(found.split()))
            for table in ("meta", "results"):
                for *values, digest in self._db.execute(f"SELECT * FROM {table}"):
                    if row_digest(values) != digest:
                        raise sqlite3.DatabaseError(f"a row of its {table} was changed")
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def meta(self) -> dict[str, Any]:
        """Return everything that is recorded about the run."""
        facts = {}
        try:
            for key, value, digest in self._db.execute("SELECT key, value, digest FROM meta"):
                if row_digest((key, value)) != digest:
                    raise sqlite3.DatabaseError(f"its record of {key!r} was changed")
                facts[key] = json.loads(value)
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None
        return facts

    def set_meta(self, facts: Mapping[str, Any]) -> None:
        """Record facts about the run; existing keys are replaced."""
        with self._transaction():
            self._insert_meta(facts)

    def _insert_meta(self, facts: Mapping[str, Any]) -> None:
        rows = [(key, json.dumps(value)) for key, value in facts.items()]
        self._db.executemany(
            "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)",
            [(*row, row_digest(row)) for row in rows],
        )

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
        marks = ", ".join("?" * (len(self.columns) + 2))
        values = [(key, *(_plain(row.get(column)) for column in self.columns)) for key, row in rows]
        with self._transaction():
            self._db.executemany(
                f"INSERT OR REPLACE INTO results VALUES ({marks})",
                [(*row, row_digest(row)) for row in values],
            )

    def keys(self, *, status: str | None = None) -> set[bytes]:
        """Return the keys of all stored points, or of those with a status."""
        query, arguments = "SELECT key FROM results", []
        if status is not None:
            query, arguments = query + " WHERE status = ?", [status]
        return {row[0] for row in self._db.execute(query, arguments)}

    def reasons(self) -> dict[bytes, str | None]:
        """Return the key of every stored point with its reason of failure, None where it is ok."""
        return dict(self._db.execute("SELECT key, reason FROM results"))

    def rows(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Iterate over stored results: point key and columns."""
        try:
            for key, *values, _ in self._db.execute("SELECT * FROM results"):
                yield key, dict(zip(self.columns, values, strict=True))
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._damaged(error) from None
            raise


def row_digest(values: Sequence[Any]) -> bytes:
    """Return the digest that a row carries.

    Parameters
    ----------
    values : sequence of (str, bytes, int, float or None)
        Its columns. A whole number counts as a float: SQLite stores the one for the other.

    Returns
    -------
    bytes
        `DIGEST_BYTES` of them.
    """
    same = [float(value) if isinstance(value, int) else value for value in values]
    return hashlib.blake2b(ascii(same).encode(), digest_size=DIGEST_BYTES).digest()


def _plain(value: Any) -> Any:
    """Return a value as SQLite will give it back: it knows no NaN and no negative zero."""
    if isinstance(value, float):
        return None if math.isnan(value) else float(value) + 0.0
    return value


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
        If another process holds it, or nothing can be written there.
    """
    path = folder / LOCK_FILE
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"{folder}: another process (pid {owner}) is running a sweep here; wait for it, "
                "or choose another --out"
            ) from None
        try:
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written: {error.strerror}; free some space and run the same "
                "command again"
            ) from None
        yield
    finally:
        os.close(handle)
