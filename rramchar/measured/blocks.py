"""Text in pieces of whole lines, on disk or in memory, looked through by several threads."""

from __future__ import annotations

import codecs
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

import numpy as np

from rramchar.errors import InputError

BLOCK = 2 << 20  # nearly stays in the processor's cache while it is parsed
STEP = 1 << 16  # rows
_MOST_THREADS = 6  # beyond, the memory is what is waited for

Item = TypeVar("Item")
Result = TypeVar("Result")


class Text(Protocol):
    """Bytes of which any part can be had."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`."""

    def cut(self, stop: int, start: int = 0) -> Text:
        """Return the bytes from `start` to before `stop` as a text."""


@dataclass(frozen=True, eq=False)
class MemoryText:
    """Bytes in memory.

    Parameters
    ----------
    data : bytes
        All of them.
    """

    data: bytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`."""
        return self.data[start:stop]

    def cut(self, stop: int, start: int = 0) -> MemoryText:
        """Return the bytes from `start` to before `stop` as a text."""
        return MemoryText(self.data[start:stop])


@dataclass(frozen=True)
class DiskText:
    """Bytes of a file, read when they are asked for: a large file is never in memory whole.

    Parameters
    ----------
    path : path
        The file.
    size : int
        How many, when it was opened; what is written to it later does not count.
    begin : int
        Bytes at its start that do not belong to the text.
    changed_ns : int
        When it was written to last, at that time; 0 if that cannot change.
    kept : object
        Kept as long as the text: a temporary folder that goes with it.
    """

    path: Path
    size: int
    begin: int = 0
    changed_ns: int = 0
    kept: object = None

    def check(self) -> None:
        """Refuse a file that was replaced since it was opened; it may have grown.

        Raises
        ------
        InputError
            If it was.
        """
        if not self.changed_ns:
            return
        try:
            now = self.path.stat()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        grown = now.st_size - self.begin - self.size
        if grown < 0 or (grown == 0 and now.st_mtime_ns != self.changed_ns):
            raise InputError(f"{self.path}: was replaced while it was read; read it again")

    def cut(self, stop: int, start: int = 0) -> DiskText:
        """Return the bytes from `start` to before `stop` as a text."""
        return replace(self, size=stop - start, begin=self.begin + start)

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`.

        Raises
        ------
        InputError
            If they are not there any more.
        """
        try:
            with self.path.open("rb", buffering=0) as stream:
                stream.seek(self.begin + start)
                parts = [stream.read(stop - start)]
                while parts[-1] and sum(map(len, parts)) < stop - start:
                    parts.append(stream.read(stop - start - sum(map(len, parts))))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        data = b"".join(parts) if len(parts) > 1 else parts[0]
        if len(data) < stop - start:
            ends, had = self.begin + start + len(data), self.begin + self.size
            raise InputError(
                f"{self.path}: ends at byte {ends}, but had {had} bytes when it was opened: it was "
                "cut while it was read; read it again"
            )
        return data


@dataclass(frozen=True)
class Piece:
    """Whole lines of a text.

    Parameters
    ----------
    start, stop : int
        Offsets of the first byte and behind the last.
    line : int
        Line number of the first line, from 1.
    lines : int
        How many, blank ones and a last one without its end included.
    """

    start: int
    stop: int
    line: int
    lines: int


@dataclass(frozen=True)
class Survey:
    """What is in a text.

    Parameters
    ----------
    utf8 : bool
        Whether it is ASCII or valid UTF-8.
    lone_returns : bool
        Whether there is a CR without an LF behind it.
    nuls : bool
        Whether there is a NUL.
    last_special : int
        Offset of the last ``#`` or quotation mark; -1 without one.
    separators : int
        How often the separator is in it, that it was looked through for.
    pieces : tuple of Piece
        The text, cut at line ends; each of about `BLOCK` bytes, or one line if that is longer.
    """

    utf8: bool
    lone_returns: bool
    nuls: bool
    last_special: int
    separators: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class _Look:
    utf8: bool
    lone_returns: bool
    nuls: bool
    last_special: int
    separators: int
    ends: int
    last_end: int


def survey(text: Text, separator: str) -> Survey:
    """Look through a text.

    Parameters
    ----------
    text : Text
        On disk or in memory.
    separator : str
        What to count, one character.

    Returns
    -------
    Survey
        What is in it.
    """
    starts = range(0, text.size, BLOCK)
    looks = in_threads(lambda start: _look(text, start, separator), starts)
    pieces, begin, line, lines = [], 0, 1, 0
    for start, look in zip(starts, looks, strict=True):
        lines += look.ends
        if look.ends:
            pieces.append(Piece(begin, start + look.last_end, line, lines))
            begin, line, lines = start + look.last_end, line + lines, 0
    if begin < text.size:
        pieces.append(Piece(begin, text.size, line, 1))
    return Survey(
        utf8=all(look.utf8 for look in looks),
        lone_returns=any(look.lone_returns for look in looks),
        nuls=any(look.nuls for look in looks),
        last_special=max((look.last_special for look in looks), default=-1),
        separators=sum(look.separators for look in looks),
        pieces=tuple(pieces),
    )


def _look(text: Text, start: int, separator: str) -> _Look:
    stop = min(start + BLOCK, text.size)
    block = text.read(start, stop)
    characters = np.frombuffer(block, dtype=np.uint8)
    feeds = characters == ord("\n")
    ends, separators = int(np.count_nonzero(feeds)), count_byte(block, separator)
    # As signed numbers, bytes of other characters than ASCII are below those of #, ", CR and NUL.
    low = np.count_nonzero(characters.view(np.int8) <= ord("#"))
    known = ends + (separators if separator <= "#" else 0)
    lone, returns = False, 0
    if low > known:
        at = characters == ord("\r")
        returns = int(np.count_nonzero(at))
        # CR and LF may lie across the edge of two blocks.
        cut = at[-1] and text.read(stop, min(stop + 1, text.size)) != b"\n"
        lone = bool(cut or (at[:-1] > feeds[1:]).any())
    plain = low == known + returns
    special = -1 if plain else max(block.rfind(b"#"), block.rfind(b'"'))
    return _Look(
        utf8=plain or block.isascii() or _is_utf8(text, start, stop),
        lone_returns=lone,
        nuls=not plain and b"\0" in block,
        last_special=special if special < 0 else start + special,
        separators=separators,
        ends=ends,
        last_end=block.rfind(b"\n") + 1,
    )


def _is_utf8(text: Text, start: int, stop: int) -> bool:
    """Tell whether the characters that begin in a block are valid."""
    first = max(start - 3, 0)
    window = text.read(first, min(stop + 3, text.size))
    # The character at the start may have begun before it: up to three bytes follow the first.
    heads = (i for i in range(start - first, -1, -1) if window[i] & 0xC0 != 0x80)
    begin = next(heads, 0)
    try:
        codecs.utf_8_decode(window[begin:], "strict", stop + 3 >= text.size)
    except UnicodeDecodeError as error:
        return first + begin + error.start >= stop
    return True


def count_byte(block: bytes, character: str) -> int:
    """Return how often an ASCII character is in a block.

    Parameters
    ----------
    block : bytes
        ASCII or UTF-8.
    character : str
        One.

    Returns
    -------
    int
        Its count.
    """
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord(character)))


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do a piece of work for each item, in threads; the first error ends it.

    Parameters
    ----------
    work : callable
        Should leave Python's lock for most of its time.
    items : iterable
        What to call it with.

    Returns
    -------
    list
        The results in the order of the items.
    """
    items = list(items)
    threads = min(len(items), _MOST_THREADS, _cores())
    if threads < 2:
        return [work(item) for item in items]
    results: list[Any] = [None] * len(items)
    left: SimpleQueue[int] = SimpleQueue()
    for i in range(len(items)):
        left.put(i)
    stop = threading.Event()

    def drain() -> None:
        while not stop.is_set():
            try:
                i = left.get_nowait()
            except Empty:
                return
            results[i] = work(items[i])

    with ThreadPoolExecutor(threads, thread_name_prefix="rramchar-read") as pool:
        try:
            for done in as_completed([pool.submit(drain) for _ in range(threads)]):
                done.result()
        finally:
            stop.set()
    return results


def over_rows(work: Callable[[int, int], object], rows: int) -> None:
    """Do a piece of work for the rows of a table, in threads.

    Parameters
    ----------
    work : callable
        Takes the first row and the row behind the last of a part that stays in the processor's
        cache; should leave Python's lock for most of its time.
    rows : int
        How many there are.
    """
    in_threads(lambda start: work(start, min(start + STEP, rows)), range(0, rows, STEP))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
