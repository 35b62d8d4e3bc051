"""The bytes of a text file as people and instruments write them, brought to one form.

Compressed or not, UTF-8 with or without byte order mark, UTF-16 or UTF-32 of a Windows instrument,
lines that end with LF, CRLF or CR: what comes out is UTF-8 with LF or CRLF, so that line numbers
count the same for everyone who reads on. A large file that is so already stays on disk.
"""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rramchar.errors import InputError
from rramchar.measured.blocks import (
    BLOCK,
    DiskText,
    MemoryText,
    Piece,
    Survey,
    Text,
    count_byte,
    survey,
)
from rramchar.measured.faults import Faults
from rramchar.measured.grid import guess_separator
from rramchar.measured.packed import LARGE, packing, unpack

_START = 256  # bytes that tell packing and encoding
_MARKS = (  # UTF-32 before UTF-16: its little-endian mark starts with the other's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, eq=False)
class Source:
    """A text file.

    Parameters
    ----------
    name : str
        File name for messages.
    text : Text
        UTF-8; lines end with LF or CRLF.
    survey : Survey
        What is in it.
    separator : str
        Which is counted in the survey.
    """

    name: str
    text: Text
    survey: Survey
    separator: str

    def pieces(self, line: int = 1, offset: int = 0) -> tuple[Piece, ...]:
        """Return the text from a line on, in pieces of whole lines.

        Parameters
        ----------
        line, offset : int
            Line number, from 1, and the offset of its first byte.

        Returns
        -------
        tuple of Piece
            The first may be shorter than the others.
        """
        rest = [piece for piece in self.survey.pieces if piece.stop > offset]
        if rest and rest[0].start < offset:
            first = rest[0]
            rest[0] = Piece(offset, first.stop, line, first.lines - (line - first.line))
        return tuple(rest)

    def read(self, piece: Piece) -> bytes:
        """Return the bytes of a piece; refuse a file in which it is another one by now."""
        block = self.text.read(piece.start, piece.stop)
        if count_byte(block, "\n") + (not block.endswith(b"\n")) != piece.lines:
            raise InputError(f"{self.name}: was replaced while it was read; read it again")
        return block

    def check(self) -> None:
        """Refuse a file that was replaced since it was opened."""
        if isinstance(self.text, DiskText):
            self.text.check()

    def count(self, separator: str, offset: int) -> int:
        """Return how often a separator is in the text from an offset on."""
        here = separator == self.separator
        found = self.survey if here else survey(self.text, separator)
        return found.separators - count_byte(self.text.read(0, offset), separator)

    def lines(self) -> Iterator[tuple[int, int, str]]:
        """Yield the lines that hold data: line number from 1, offset of its first byte, text.

        Blank lines and lines that start with ``#`` are passed over.
        """
        for piece in self.survey.pieces:
            block, offset, number = self.read(piece), 0, piece.line
            while offset < len(block):
                end = block.find(b"\n", offset)
                end = len(block) if end < 0 else end
                text = block[offset:end].decode(errors="replace").rstrip("\r")
                if holds_data(text):
                    yield number, piece.start + offset, text
                offset, number = end + 1, number + 1

    def texts(self, numbers: set[int]) -> dict[int, str]:
        """Return the text of some lines by line number, from 1."""
        found: dict[int, str] = {}
        order = sorted(numbers)
        for piece in self.survey.pieces:
            first = bisect_left(order, piece.line)
            behind = bisect_left(order, piece.line + piece.lines)
            if first < behind:
                lines = self.read(piece).decode(errors="replace").split("\n")
                at = {number: lines[number - piece.line] for number in order[first:behind]}
                found |= {number: line.rstrip("\r") for number, line in at.items()}
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
    kind = packing(read_start(path, _START))
    about = path.stat()
    disk = DiskText(path, about.st_size, changed_ns=about.st_mtime_ns)
    text = unpack(path, kind, faults) if kind else disk
    start = text.read(0, min(text.size, _START))
    separator, found = "", None
    if text.size > LARGE and not _encoding(start):
        text = text.cut(text.size, len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
        separator, found = _survey(text)
    if found is None or not found.utf8 or found.lone_returns or found.nuls:
        text = MemoryText(_plain(path, text.read(0, text.size), faults))
        separator, found = _survey(text)
    source = Source(str(path), text, found, separator)
    if next(source.lines(), None) is None:
        rejected = f"; {len(faults.rows)} lines were rejected" if faults.rows else ""
        raise InputError(
            f"{path}: holds no data, only blank or # lines; expected a table{rejected}"
        )
    return source


def _survey(text: Text) -> tuple[str, Survey]:
    """Look through a text for the separator that its first line of data seems to have."""
    lines = text.read(0, min(text.size, BLOCK)).decode(errors="replace").split("\n")
    separator = guess_separator(next(filter(holds_data, lines), ""))
    return separator, survey(text, separator)


def _plain(path: Path, written: bytes, faults: Faults) -> bytes:
    """Return the UTF-8 text of a file, its lines ended with LF."""
    data = _recode(path, written)
    if not data:
        raise InputError(f"{path}: the file is empty; expected a table")
    if b"\r" in data:
        # Some editors mix them, so that CRLF is brought to LF as well.
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _blank_nul_lines(data, faults) if b"\0" in data else data


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
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is no plain file but a pipe or device; save it to a file first")
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name and the folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _encoding(start: bytes) -> str:
    """Tell UTF-16 and UTF-32, with or without their mark; empty for anything else."""
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "")
    return _utf16_without_mark(start) if not encoding and b"\0" in start else encoding


def _recode(path: Path, data: bytes) -> bytes:
    encoding = _encoding(data[:_START])
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
