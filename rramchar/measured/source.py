"""The bytes of a text file as people and instruments write them, brought to one form.

Compressed or not, UTF-8 with or without byte order mark, UTF-16 or UTF-32 of a Windows instrument,
lines that end with LF, CRLF or CR: what comes out is UTF-8 with LF, so that line numbers count
the same for everyone who reads on.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rramchar.errors import InputError
from rramchar.measured.faults import Faults

_BLOCK = 1 << 20
_MARKS = (  # UTF-32 before UTF-16: its little-endian mark starts with the other's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
Packed = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True)
class Source:
    """A text file in memory.

    Parameters
    ----------
    name : str
        File name for messages.
    data : bytes
        UTF-8; lines end with LF.
    """

    name: str
    data: bytes

    def lines(self) -> Iterator[tuple[int, int, str]]:
        """Yield the lines that hold data: line number from 1, offset of its first byte, text.

        Blank lines and lines that start with ``#`` are passed over.
        """
        offset, number = 0, 1
        while offset < len(self.data):
            end = self.data.find(b"\n", offset)
            end = len(self.data) if end < 0 else end
            text = self.data[offset:end].decode(errors="replace")
            if holds_data(text):
                yield number, offset, text
            offset, number = end + 1, number + 1

    def texts(self, numbers: set[int]) -> dict[int, str]:
        """Return the text of some lines by line number, from 1."""
        found, last = {}, max(numbers, default=0)
        for number, line in enumerate(io.BytesIO(self.data), start=1):
            if number in numbers:
                found[number] = line.decode(errors="replace").rstrip("\n")
            if number >= last:
                break
        return found


def holds_data(line: str) -> bool:
    """Tell whether a line is neither blank nor a ``#`` comment."""
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith("#")


def read_source(path: str | Path, faults: Faults) -> Source:
    """Read a text file, plain or packed with gzip, bzip2, xz or zip.

    Parameters
    ----------
    path : str or path
        The file. Packing and encoding are told by the content, not by the name.
    faults : Faults
        Takes note of lines with NUL bytes and of the cut end of a damaged packed file.

    Returns
    -------
    Source
        At least one line that holds data.

    Raises
    ------
    InputError
        If the file is missing, unreadable, packed and damaged, or holds no data.
    """
    path = Path(path)
    data = _recode(path, _unpack(path, _read_bytes(path), faults))
    if not data:
        raise InputError(f"{path}: the file is empty; expected a table")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in data:
        data = _blank_nul_lines(data, faults)
    source = Source(str(path), data)
    if next(source.lines(), None) is None:
        rejected = f"; {len(faults.rows)} lines were rejected" if faults.rows else ""
        raise InputError(
            f"{path}: holds no data, only blank or # lines; expected a table{rejected}"
        )
    return source


def read_start(path: str | Path, size: int) -> bytes:
    """Return the first bytes of a file as they lie on disk.

    Parameters
    ----------
    path : str or path
        The file.
    size : int
        How many. [byte]

    Returns
    -------
    bytes
        At most `size`.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file")
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name and the folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read_bytes(path: Path) -> bytes:
    read_start(path, 1)
    return path.read_bytes()


def _unpack(path: Path, data: bytes, faults: Faults) -> bytes:
    kind = next((name for magic, name in _PACKED.items() if data.startswith(magic)), "")
    if not kind:
        return data
    blocks: list[bytes] = []
    try:
        with _open_packed(path, kind, data) as stream:
            # read1 hands over what came before the damage, read would not.
            while block := stream.read1(_BLOCK):
                blocks.append(block)
    except _DAMAGE:
        return _keep_whole_lines(path, kind, b"".join(blocks), faults)
    return b"".join(blocks)


def _open_packed(path: Path, kind: str, data: bytes) -> Packed:
    stream = io.BytesIO(data)
    if kind == "gzip":
        return gzip.GzipFile(fileobj=stream)
    if kind == "bzip2":
        return bz2.BZ2File(stream)
    if kind == "xz":
        return lzma.LZMAFile(stream)
    archive = zipfile.ZipFile(stream)
    members = [item for item in archive.infolist() if not item.is_dir()]
    if len(members) != 1:
        raise InputError(f"{path}: a zip file with {len(members)} files, expected one; unpack it")
    return archive.open(members[0])  # type: ignore[return-value]


def _keep_whole_lines(path: Path, kind: str, data: bytes, faults: Faults) -> bytes:
    """Report the cut end of a damaged file, and return the lines before it."""
    whole = data[: data.rfind(b"\n") + 1]
    line = whole.count(b"\n") + 1
    how = "copy it again"
    if not whole:
        raise InputError(f"{path}, line 1: damaged {kind} file, nothing can be unpacked; {how}")
    faults.report(
        line, f"damaged {kind} file: it ends here, after {line - 1} whole lines; {how} or skip "
        "bad rows to keep those",
    )  # fmt: skip
    return whole


def _recode(path: Path, data: bytes) -> bytes:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding and b"\0" in data[:256]:
        encoding = _utf16_without_mark(data[:256])
    if encoding:
        try:
            return data.decode(encoding).encode()
        except UnicodeDecodeError as error:
            unit = 4 if encoding == "utf-32" else 2
            line = data[: error.start].decode(encoding, errors="ignore").count("\n") + 1
            raise InputError(
                f"{path}, line {line}: damaged {encoding.upper()} text at byte {error.start}, "
                f"expected {unit} bytes for each character; copy the file again"
            ) from None
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        # Degree, micro and ohm signs of Western Windows; no byte is refused by latin-1.
        return data.decode("latin-1").encode()
    return data


def _utf16_without_mark(start: bytes) -> str:
    """Tell UTF-16 from stray NUL bytes: nearly every second byte is 0."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[first::2]
        if half.count(0) > 0.9 * len(half):
            return name
    return ""


def _blank_nul_lines(data: bytes, faults: Faults) -> bytes:
    lines = data.split(b"\n")
    for i, line in enumerate(lines):
        if (at := line.find(b"\0")) >= 0:
            faults.report(
                i + 1, f"is not plain text: NUL byte at character {at + 1}, expected text; the "
                "file is damaged or is no text table",
            )  # fmt: skip
            lines[i] = b""
    return b"\n".join(lines)
