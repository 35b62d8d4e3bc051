"""Files packed with gzip, bzip2, xz or zip; a large one is unpacked to a temporary file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from rramchar.errors import InputError
from rramchar.measured.blocks import BLOCK, DiskText, MemoryText, Text, count_byte
from rramchar.measured.faults import Faults

LARGE = 8 << 20
"""A text from here on is not held in memory whole. [byte]"""

_UNIT = 1 << 16  # unpacked at a time: what a damaged file loses at most
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


def packing(start: bytes) -> str:
    """Tell how a file is packed from its first bytes; empty if it is not."""
    return next((name for magic, name in _PACKED.items() if start.startswith(magic)), "")


def unpack(path: Path, kind: str, faults: Faults) -> Text:
    """Unpack a file.

    Parameters
    ----------
    path : path
        The file.
    kind : str
        As `packing` gives.
    faults : Faults
        Takes note of the cut end of a damaged file.

    Returns
    -------
    Text
        In memory, or in a temporary file that goes with it. Of a damaged file the whole lines.

    Raises
    ------
    InputError
        If nothing can be unpacked, the archive holds several files, or the disk is full.
    """
    store = _Store(path)
    try:
        with path.open("rb") as packed, _open(path, kind, packed) as stream:
            # read1 hands over what came before the damage, read would not.
            take: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
            while block := take(_UNIT):
                store.add(block)
    except _DAMAGE:
        return _whole_lines(path, kind, store.text(), faults)
    return store.text()


def _open(path: Path, kind: str, packed: BinaryIO) -> BinaryIO:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=packed)  # type: ignore[return-value]
    if kind == "bzip2":
        return bz2.BZ2File(packed)  # type: ignore[return-value]
    if kind == "xz":
        return lzma.LZMAFile(packed)  # type: ignore[return-value]
    archive = zipfile.ZipFile(packed)
    members = [item for item in archive.infolist() if not item.is_dir()]
    if len(members) != 1:
        raise InputError(f"{path}: a zip file with {len(members)} files, expected one; unpack it")
    return archive.open(members[0])  # type: ignore[return-value]


class _Folder:
    """A temporary folder that goes when nobody has it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rramchar-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class _Store:
    """Takes bytes into memory, and into a temporary file once they are many."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks: list[bytes] = []
        self._size = 0
        self._folder: _Folder | None = None
        self._file: BinaryIO | None = None

    def add(self, block: bytes) -> None:
        self._blocks.append(block)
        self._size += len(block)
        if self._size > LARGE:
            self._write()

    def _write(self) -> None:
        try:
            if self._file is None:
                self._folder = _Folder()
                self._file = (self._folder.path / "unpacked").open("wb")
            self._file.writelines(self._blocks)
            self._file.flush()
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be unpacked to {tempfile.gettempdir()}: "
                f"{error.strerror or error}; set TMPDIR to a folder with space, or unpack it there"
            ) from None
        self._blocks.clear()

    def text(self) -> Text:
        if self._file is None:
            return MemoryText(b"".join(self._blocks))
        self._write()
        self._file.close()
        return DiskText(Path(self._file.name), self._size, kept=self._folder)


def _whole_lines(path: Path, kind: str, text: Text, faults: Faults) -> Text:
    """Report the cut end of a damaged file, and return the lines before it."""
    ends, last = 0, 0
    for start in range(0, text.size, BLOCK):
        block = text.read(start, min(start + BLOCK, text.size))
        ends += count_byte(block, "\n")
        last = max(last, start + block.rfind(b"\n") + 1) if b"\n" in block else last
    how = "copy it again"
    if not ends:
        raise InputError(f"{path}, line 1: damaged {kind} file, nothing can be unpacked; {how}")
    faults.report(
        ends + 1, f"damaged {kind} file: it ends here, after {ends} whole lines; {how} or skip "
        "bad rows to keep those",
    )  # fmt: skip
    return text.cut(last)
