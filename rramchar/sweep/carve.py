"""Read rows out of a damaged SQLite file, page by page, without its tree.

Only rows that carry their own digest are taken (see `rramchar.sweep.store.row_digest`), so that
nothing damaged, and nothing that merely looks like a row, can come out. The file format is that of
https://sqlite.org/fileformat2.html, sections 1.5, 1.6, 2.1 and 4.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rramchar.sweep.store import DIGEST_BYTES, row_digest

_DEFAULT_PAGE_BYTES = 4096
_PAGE_SIZES = tuple(2**power for power in range(9, 17))
_LOG_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
# Page types of a table without row numbers, with the size of the page's header.
_INTERIOR, _LEAF = 0x02, 0x0A
_HEADER_BYTES = {_INTERIOR: 12, _LEAF: 8}
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Row = tuple[Any, ...]


def carve(path: Path) -> Iterator[Row]:
    """Return every whole row of a result file that can still be found.

    Parameters
    ----------
    path : Path
        The SQLite file; its write-ahead log beside it is read too. Either may be truncated.

    Yields
    ------
    tuple
        The columns of a row, without its digest; rows that were replaced may come too, before the
        newer ones.
    """
    content = path.read_bytes() if path.is_file() else b""
    log_path = path.with_name(f"{path.name}-wal")
    log = log_path.read_bytes() if log_path.is_file() else b""
    size = _page_bytes(content, log)
    pages = {i // size + 1: content[i : i + size] for i in range(0, len(content), size)}
    stale, current = _frames(log, size)
    newest = pages | dict(current)
    for page in [*(page for _, page in stale), *pages.values(), *(page for _, page in current)]:
        yield from _rows_of_page(page.ljust(size, b"\0"), size, (newest, pages))


def _frames(log: bytes, size: int) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """Return number and content of the pages in a log: left over from its last use, and new."""
    stale: list[tuple[int, bytes]] = []
    current: list[tuple[int, bytes]] = []
    step = size + _FRAME_HEADER_BYTES
    for at in range(_LOG_HEADER_BYTES, len(log) - _FRAME_HEADER_BYTES, step):
        number = int.from_bytes(log[at : at + 4], "big")
        page = log[at + _FRAME_HEADER_BYTES : at + step]
        same_use = log[at + 8 : at + 16] == log[16:24]  # the salts
        (current if same_use else stale).append((number, page))
    return stale, current


def _page_bytes(content: bytes, log: bytes) -> int:
    stored = int.from_bytes(content[16:18], "big")
    for size in (65536 if stored == 1 else stored, int.from_bytes(log[8:12], "big")):
        if size in _PAGE_SIZES:
            return size
    return _DEFAULT_PAGE_BYTES


def _rows_of_page(page: bytes, size: int, sources: tuple[dict[int, bytes], ...]) -> Iterator[Row]:
    header = _HEADER_BYTES.get(page[0])
    if header is None:
        return
    cells = min(int.from_bytes(page[3:5], "big"), (size - header) // 2)
    for i in range(cells):
        at = int.from_bytes(page[header + 2 * i : header + 2 * i + 2], "big")
        if page[0] == _INTERIOR:
            at += 4  # past the number of the page to its left
        for source in sources:
            try:
                row = _row(_payload(page, at, size, source))
            except (IndexError, ValueError, struct.error):  # no row there
                continue
            if row is not None:
                yield row
                break


def _payload(page: bytes, at: int, size: int, source: dict[int, bytes]) -> bytes:
    """Return a cell's record, with what of it lies on other pages."""
    length, at = _varint(page, at)
    most = (size - 12) * 64 // 255 - 23
    least = (size - 12) * 32 // 255 - 23
    if length <= most:
        return page[at : at + length]
    local = least + (length - least) % (size - 4)
    local = local if local <= most else least
    parts = [page[at : at + local]]
    following = int.from_bytes(page[at + local : at + local + 4], "big")
    left = length - local
    seen: set[int] = set()
    while left > 0 and following in source and following not in seen:
        seen.add(following)
        more = source[following]
        parts.append(more[4 : 4 + min(left, size - 4)])
        left -= size - 4
        following = int.from_bytes(more[:4], "big")
    return b"".join(parts)


def _row(record: bytes) -> Row | None:
    """Return the columns of a record, or None unless its last one is the digest of the others."""
    end, at = _varint(record, 0)
    kinds = []
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    values = []
    for kind in kinds:
        value, at = _value(record, at, kind)
        values.append(value)
    *columns, digest = values or [None]
    whole = isinstance(digest, bytes) and len(digest) == DIGEST_BYTES
    return tuple(columns) if whole and row_digest(columns) == digest else None


def _value(record: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind == 0:
        return None, at
    if kind in _INTEGER_BYTES:
        end = at + _INTEGER_BYTES[kind]
        return int.from_bytes(record[at:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack(">d", record[at : at + 8])[0], at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise ValueError(f"serial type {kind}")
    end = at + (kind - 12) // 2
    if end > len(record):
        raise ValueError("the record is cut short")
    content = record[at:end]
    return (content.decode() if kind % 2 else content), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where it ends."""
    value = 0
    for i in range(8):
        byte = data[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    return value << 8 | data[at + 8], at + 9
