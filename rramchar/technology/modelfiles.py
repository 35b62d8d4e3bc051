"""What a kit's model files hold: sections, devices, and the files that they take in themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rramchar.errors import InputError
from rramchar.provenance import digest_bytes

_CARD = re.compile(rb"^[ \t]*\.(include|inc|lib|model|subckt)[ \t]+([^\r\n]*)", re.I | re.M)
_WORD = re.compile(r"'[^']*'|\"[^\"]*\"|\S+")


@dataclass(frozen=True)
class ModelFile:
    """What one model file holds, as far as a netlist depends on it.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Digest of its content.
    sections : frozenset of str
        Names of its ``.lib`` sections, in lower case.
    models, subcircuits : frozenset of str
        Names that it defines, in lower case; a binned model without its bin number.
    references : tuple of Path
        Files that it takes in by ``.include`` or ``.lib``.
    """

    path: Path
    sha256: str
    sections: frozenset[str]
    models: frozenset[str]
    subcircuits: frozenset[str]
    references: tuple[Path, ...]


@dataclass(frozen=True)
class ModelFiles:
    """Model files with all the files that they take in, each once, in the order met.

    Parameters
    ----------
    files : tuple of ModelFile
        The files.
    complete : bool
        False if a file that is taken in somewhere was not found; it may belong to a section that
        is not in use.
    """

    files: tuple[ModelFile, ...]
    complete: bool

    @property
    def digests(self) -> list[list[str]]:
        """Name and SHA-256 of every file; folders are left out, they differ between machines."""
        return [[file.path.name, file.sha256] for file in self.files]

    @property
    def models(self) -> frozenset[str]:
        """All ``.model`` names, in lower case."""
        return frozenset().union(*(file.models for file in self.files))

    @property
    def subcircuits(self) -> frozenset[str]:
        """All ``.subckt`` names, in lower case."""
        return frozenset().union(*(file.subcircuits for file in self.files))


def collect_model_files(roots: Iterable[Path]) -> ModelFiles:
    """Read model files and everything that they take in.

    Parameters
    ----------
    roots : iterable of Path
        Existing files that a netlist names.

    Returns
    -------
    ModelFiles
        Sections are not told apart: a file counts if any of its sections takes it in.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    found: dict[Path, ModelFile] = {}
    complete = True
    waiting = list(roots)[::-1]
    while waiting:
        path = waiting.pop()
        key = path.resolve()
        if key in found:
            continue
        if not path.is_file():
            complete = False
            continue
        found[key] = read_model_file(path)
        waiting += reversed(found[key].references)
    return ModelFiles(tuple(found.values()), complete)


def read_model_file(path: Path) -> ModelFile:
    """Read what one model file holds.

    Parameters
    ----------
    path : Path
        The file; any encoding.

    Returns
    -------
    ModelFile
        Its sections, devices and references.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"model library {path} cannot be read: {error.strerror}") from None
    sections, references = [], []
    names: dict[str, list[str]] = {"model": [], "subckt": []}
    for match in _CARD.finditer(content):
        card = match[1].decode("ascii").lower()
        words = _words(match[2].decode("utf-8", errors="replace"))
        if not words:
            continue
        if card in names:
            names[card].append(words[0].lower())
        elif card == "lib" and len(words) == 1:
            sections.append(words[0].lower())
        else:
            references.append(_referenced(words[0], path))
    return ModelFile(
        path=path,
        sha256=digest_bytes(content),
        sections=frozenset(sections),
        models=frozenset(name.partition(".")[0] for name in names["model"]),
        subcircuits=frozenset(names["subckt"]),
        references=tuple(references),
    )


def _words(text: str) -> list[str]:
    words = []
    for word in _WORD.findall(text.partition(";")[0]):
        if word == "$":  # the rest of the line is a comment
            break
        words.append(word.strip("'\""))
    return words


def _referenced(text: str, source: Path) -> Path:
    return source.parent / os.path.expanduser(os.path.expandvars(text))
