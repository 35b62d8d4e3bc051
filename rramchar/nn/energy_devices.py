"""Energies of a read, a SET and a weak RESET, as a small JSON file: the bridge from SPICE to `nn`.

``rramchar energies`` measures them on the testbenches and writes such a file; one from the built-in
130 nm process is shipped. A file of one's own, from a chip or another simulator, has the same form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from rramchar.errors import InputError
from rramchar.nn.energy_table import Node
from rramchar.nn.tables import write_whole

FORMAT = "rramchar device energies"
VERSION = 1
OPERATIONS = ("read", "set", "weak_reset")


@dataclass(frozen=True)
class DeviceEnergy:
    """What one operation on the array takes.

    Parameters
    ----------
    energy_j : float
        Mean over the cases simulated or measured. [J]
    low_j, high_j : float
        The smallest and the largest of them. [J]
    how : str
        The cases, in words.
    """

    energy_j: float
    low_j: float
    high_j: float
    how: str

    def __post_init__(self) -> None:
        """Check the fields."""
        values = (self.low_j, self.energy_j, self.high_j)
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        if not numbers or not 0 < self.low_j <= self.energy_j <= self.high_j < float("inf"):
            raise InputError(
                f"energy_j, low_j, high_j: {self.energy_j!r}, {self.low_j!r}, {self.high_j!r}; "
                "expected numbers above 0 with low_j <= energy_j <= high_j [J]"
            )
        if not isinstance(self.how, str) or not self.how.strip():
            raise InputError(f"how: {self.how!r}, expected the cases in words")

    @classmethod
    def of(cls, energies_j: Sequence[float], how: str) -> DeviceEnergy:
        """Return mean, smallest and largest of the energies of some cases. [J]"""
        if not energies_j:
            raise InputError("energies_j: none given, expected at least one case")
        mean = sum(energies_j) / len(energies_j)
        # Rounding must not put the mean of equal numbers outside them.
        return cls(mean, min(*energies_j, mean), max(*energies_j, mean), how)


@dataclass(frozen=True)
class DeviceEnergies:
    """Energies of the operations on a 2T2R array, and the process they belong to.

    Parameters
    ----------
    node : Node
        Feature size, and the supply of the reads.
    read : DeviceEnergy
        One read of a pair: precharge and sensing.
    set : DeviceEnergy
        One full SET of one device, its transistor included.
    weak_reset : DeviceEnergy
        One weak RESET pulse on one device, its transistor included.
    provenance : mapping
        How the numbers came about.
    """

    node: Node
    read: DeviceEnergy
    set: DeviceEnergy
    weak_reset: DeviceEnergy
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write the file; an existing one is replaced whole or not at all."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "node_m": self.node.node_m,
            "vdd_v": self.node.vdd_v,
            "operations": {name: vars(getattr(self, name)) for name in OPERATIONS},
            "provenance": dict(self.provenance),
        }
        write_whole(Path(path), json.dumps(document, indent=1) + "\n")


def load_device_energies(path: str | Path | None = None) -> DeviceEnergies:
    """Read a file of device energies.

    Parameters
    ----------
    path : str or Path, optional
        The file; the shipped one of the built-in 130 nm process by default.

    Returns
    -------
    DeviceEnergies
        Checked.

    Raises
    ------
    InputError
        If the file is missing or a field cannot be used; the message names file and field.
    """
    file = Path(
        str(files("rramchar.nn") / "data" / "device_energies.json" if path is None else path)
    )
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"device energies {file}: does not exist; write one with `rramchar energies -o FILE`"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"device energies {file}: cannot be read as JSON: {error}") from None
    try:
        return _read(document)
    except InputError as error:
        raise InputError(f"device energies {file}: {error}") from None


def _read(document: Any) -> DeviceEnergies:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f'holds something else; expected JSON with "format": "{FORMAT}"')
    if document.get("version") != VERSION:
        raise InputError(
            f"version: {document.get('version')!r}, expected {VERSION}; update rramchar to read it"
        )
    operations = document.get("operations")
    if not isinstance(operations, dict):
        raise InputError(f"operations: expected a table of {', '.join(OPERATIONS)}")
    found = {}
    for name in OPERATIONS:
        entry = operations.get(name)
        fields = ("energy_j", "low_j", "high_j", "how")
        if not isinstance(entry, dict) or set(entry) != set(fields):
            raise InputError(f"operations.{name}: expected the fields {', '.join(fields)}")
        try:
            found[name] = DeviceEnergy(**entry)
        except InputError as error:
            raise InputError(f"operations.{name}.{error}") from None
    node = Node(document.get("node_m"), document.get("vdd_v"))  # type: ignore[arg-type]
    return DeviceEnergies(node=node, provenance=document.get("provenance", {}), **found)
