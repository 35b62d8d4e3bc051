"""A BER table that is filled condition by condition, and goes on after an interruption.

The header of the file keeps, for every row, the facts of its sampling and a digest of all that
determines them. A row whose digest is asked for again need not be simulated again: the same
settings and seed give the same reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rramchar.ber.from_spice import SpiceSetting
from rramchar.ber.rows import BerRow
from rramchar.ber.table import BerTable
from rramchar.errors import InputError
from rramchar.provenance import digest_json, provenance, read_comment_header
from rramchar.sweep.site import describe_site

_COMMAND = "rramchar ber from-spice"


@dataclass(frozen=True)
class Finished:
    """A condition that was simulated to its end.

    Parameters
    ----------
    digest : str
        Of its settings, see `settings_digest`.
    row : BerRow
        Its row of the table.
    facts : mapping
        How the row came about, JSON-serializable: method, reads, what failed.
    """

    digest: str
    row: BerRow
    facts: Mapping[str, Any]


def settings_digest(setting: SpiceSetting, **request: Any) -> str:
    """Return a digest of everything that determines the row of a condition.

    Parameters
    ----------
    setting : SpiceSetting
        Circuit and condition; its number of workers does not count.
    **request
        What else does, JSON-serializable: the digest of the resistance model, seed, precision.

    Returns
    -------
    str
        64 hexadecimal digits; the versions of rramchar and ngspice enter.
    """
    site = describe_site()
    return digest_json(
        {
            "rramchar": site["rramchar"],
            "ngspice": site["ngspice"],
            "technology": setting.technology.digest,
            "condition": asdict(setting.condition),
            "parameters": asdict(setting.parameters),
            "mismatch": setting.mismatch,
            "process": setting.process,
            **request,
        }
    )


def load_finished(path: Path) -> dict[str, Finished]:
    """Return the finished conditions of a table by their digest.

    Parameters
    ----------
    path : Path
        Written by `save_finished`.

    Returns
    -------
    dict
        Empty where there is no file, or another kind of file. A row that is not what was written
        (edited by hand) is left out.
    """
    if not path.is_file():
        return {}
    try:
        rows = BerTable.load(path).rows
        header = read_comment_header(path)
    except (InputError, UnicodeDecodeError):
        return {}
    entries = header.get("conditions")
    if header.get("command") != _COMMAND or not isinstance(entries, list):
        return {}
    if len(entries) != len(rows):
        return {}
    found = {}
    for entry, row in zip(entries, rows, strict=True):
        if isinstance(entry, dict) and entry.get("row") == digest_json(row.flat()):
            digest = str(entry.get("settings"))
            found[digest] = Finished(digest, row, dict(entry.get("facts") or {}))
    return found


def save_finished(path: Path, finished: Iterable[Finished], model: Path, seed: int) -> None:
    """Write a table of finished conditions; the file is replaced whole or not at all.

    Parameters
    ----------
    path : Path
        The table.
    finished : iterable of Finished
        At least one.
    model : Path
        The resistance model, for the header.
    seed : int
        Of the draws, for the header.
    """
    done = list(finished)
    entries = [
        {"settings": f.digest, "row": digest_json(f.row.flat()), "facts": dict(f.facts)}
        for f in done
    ]
    facts = provenance(inputs=[model], command=_COMMAND, seed=seed, conditions=entries)
    BerTable.from_rows([f.row for f in done]).save(path, facts)
