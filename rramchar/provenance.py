"""Who, what and when made a file: digests, versions, and commented file headers."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rramchar import __version__

_PACKAGES = ("PySpice", "numpy", "scipy", "pandas")


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_json(document: Any) -> str:
    """Return the SHA-256 of a JSON-like document, independent of the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return digest_bytes(text.encode())


def provenance(*, inputs: Iterable[str | Path] = (), **facts: Any) -> dict[str, Any]:
    """Describe how a file came about.

    Parameters
    ----------
    inputs : iterable of path
        Files that the result was made from; name and SHA-256 are recorded, never the folder.
    **facts
        Anything else worth keeping, such as ``seed=1`` or ``command="rramchar ber count"``.

    Returns
    -------
    dict
        JSON-serializable: ``rramchar``, ``python``, package versions, ``created`` (UTC, ISO 8601),
        ``inputs`` and the given facts.
    """
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "rramchar": __version__,
        "python": platform.python_version(),
        "packages": versions,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": [{"name": Path(p).name, "sha256": digest_file(p)} for p in inputs],
        **facts,
    }


def comment_header(title: str, facts: Mapping[str, Any]) -> str:
    """Return a header of ``# key: value`` lines to stand above a CSV table.

    Parameters
    ----------
    title : str
        First line of the header.
    facts : mapping
        Values are written as JSON, one line each, so that a reader can parse them back.

    Returns
    -------
    str
        Lines that start with ``#`` and end with a line feed.
    """
    lines = [f"# {title}"]
    lines += [f"# {key}: {json.dumps(value, allow_nan=False)}" for key, value in facts.items()]
    return "\n".join(lines) + "\n"


def read_comment_header(path: str | Path) -> dict[str, Any]:
    """Read back the facts that `comment_header` wrote at the top of a file.

    Parameters
    ----------
    path : str or path
        A text file whose first lines may start with ``#``.

    Returns
    -------
    dict
        Key to value; lines that are not ``# key: JSON`` are passed over.
    """
    facts: dict[str, Any] = {}
    with Path(path).open(encoding="utf-8") as stream:
        for line in stream:
            if not line.startswith("#"):
                break
            key, separator, value = line[1:].strip().partition(": ")
            if separator:
                try:
                    facts[key] = json.loads(value)
                except json.JSONDecodeError:
                    continue
    return facts
