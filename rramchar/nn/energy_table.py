"""Published energies of digital operations, and the rule that takes them to another node.

The rule is ``E ~ C V^2`` with a capacitance in proportion to the feature size (to a power that is a
parameter): ``E2 = E1 (L2 / L1)^exponent (V2 / V1)^2``. It knows nothing of leakage, of wires that
do not shrink with the transistors, of FinFETs, nor of what a designer does with a new process; so
its result is an order of magnitude with one digit, not a prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from rramchar.errors import InputError
from rramchar.tomlfile import read_toml

# Typical core supplies by feature size [m] -> [V]: our choice, within what foundries offer.
NOMINAL_SUPPLY_V = {
    180e-9: 1.8, 130e-9: 1.2, 90e-9: 1.1, 65e-9: 1.0, 45e-9: 0.9, 28e-9: 0.9, 22e-9: 0.8,
}  # fmt: skip
_KEYS = {"source", "node_m", "vdd_v", "energy_j", "estimate"}


@dataclass(frozen=True)
class Node:
    """A process by the two numbers that the scaling rule knows.

    Parameters
    ----------
    node_m : float
        Feature size. [m]
    vdd_v : float
        Supply. [V]
    """

    node_m: float
    vdd_v: float

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, unit in (("node_m", "m"), ("vdd_v", "V")):
            value = getattr(self, name)
            if not _is_positive(value):
                raise InputError(f"{name}: {value!r}, expected a finite number above 0 [{unit}]")


def node_at(node_m: float, vdd_v: float | None = None) -> Node:
    """Return a node, without a supply at the nominal one.

    Parameters
    ----------
    node_m : float
        Feature size. [m]
    vdd_v : float, optional
        Supply; by default `NOMINAL_SUPPLY_V`, straight in the logarithm of the size between
        entries. [V]

    Returns
    -------
    Node
        The node.

    Raises
    ------
    InputError
        If no supply is given and the size lies outside the table.
    """
    if vdd_v is not None:
        return Node(node_m, vdd_v)
    sizes = sorted(NOMINAL_SUPPLY_V)
    if not _is_positive(node_m) or not sizes[0] <= node_m <= sizes[-1]:
        raise InputError(
            f"node: {node_m!r} m has no nominal supply; expected {sizes[0]:g} to {sizes[-1]:g} m, "
            "or give the supply too"
        )
    supplies = [NOMINAL_SUPPLY_V[size] for size in sizes]
    return Node(node_m, float(np.interp(math.log(node_m), np.log(sizes), supplies)))


def scale_factor(origin: Node, target: Node, exponent: float = 1.0) -> float:
    """Return by how much an energy changes from one node to another.

    Parameters
    ----------
    origin, target : Node
        From and to.
    exponent : float
        Of the feature size in the capacitance; 1 for cells that shrink in both directions behind
        wires of constant capacitance per length, 0 for a capacitance that stays. [1]

    Returns
    -------
    float
        Energy at `target` over energy at `origin`; see the module. [1]

    Raises
    ------
    InputError
        If the exponent is negative or not finite.
    """
    if not math.isfinite(exponent) or exponent < 0:
        raise InputError(f"exponent: {exponent!r}, expected a finite number of at least 0")
    size, supply = target.node_m / origin.node_m, target.vdd_v / origin.vdd_v
    return float(size**exponent * supply**2)


@dataclass(frozen=True)
class Operation:
    """What one digital operation takes, where that number is from.

    Parameters
    ----------
    name : str
        For instance ``add8``.
    energy_j : float
        At its own node. [J]
    origin : Node
        Its node.
    source : str
        Publication, or how it was estimated.
    estimate : bool
        True where the number itself is not published.
    """

    name: str
    energy_j: float
    origin: Node
    source: str
    estimate: bool

    def at(self, target: Node, exponent: float = 1.0) -> float:
        """Return the energy at another node, by `scale_factor`. [J]"""
        return self.energy_j * scale_factor(self.origin, target, exponent)


@dataclass(frozen=True)
class OperationTable:
    """Operations by name.

    Parameters
    ----------
    operations : mapping of str to Operation
        All of them.
    """

    operations: Mapping[str, Operation] = field(default_factory=dict)

    def at(self, target: Node, exponent: float = 1.0) -> dict[str, float]:
        """Return the energy of each operation at a node. [J]"""
        return {name: o.at(target, exponent) for name, o in self.operations.items()}


def load_operations(path: str | Path | None = None) -> OperationTable:
    """Read a table of operation energies.

    Parameters
    ----------
    path : str or Path, optional
        A TOML file in the form of the shipped one, which is read by default. Its entries replace
        or join those of the shipped table.

    Returns
    -------
    OperationTable
        Every operation with its source.

    Raises
    ------
    InputError
        If the file cannot be read or a field cannot be used; the message names it.
    """
    with_shipped = Path(str(files("rramchar.nn") / "data" / "operation_energies.toml"))
    found: dict[str, Operation] = {}
    for file in [with_shipped] if path is None else [with_shipped, Path(path)]:
        for title, group in read_toml(file, "operation energies").items():
            place = f"operation energies {file}, [{title}]"
            found |= _read_group(place, group)
    return OperationTable(found)


def _read_group(place: str, group: Any) -> dict[str, Operation]:
    if not isinstance(group, dict):
        raise InputError(f"{place}: expected a table with the keys {', '.join(sorted(_KEYS))}")
    if unknown := set(group) - _KEYS:
        raise InputError(
            f"{place}: {sorted(unknown)[0]!r} is unknown; expected {', '.join(sorted(_KEYS))}"
        )
    energies, source = group.get("energy_j"), group.get("source")
    if not isinstance(source, str) or not source.strip():
        raise InputError(f"{place}, source: {source!r}, expected where the numbers come from")
    estimate = group.get("estimate", False)
    if not isinstance(estimate, bool):
        raise InputError(f"{place}, estimate: {estimate!r}, expected true or false")
    if not isinstance(energies, dict) or not energies:
        raise InputError(f"{place}, energy_j: expected a table of at least one NAME = energy [J]")
    try:
        origin = Node(group.get("node_m"), group.get("vdd_v"))  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{place}, {error}") from None
    for name, value in energies.items():
        if not _is_positive(value):
            raise InputError(
                f"{place}, energy_j.{name}: {value!r}, expected a finite number above 0 [J]"
            )
    return {
        name: Operation(name, float(value), origin, source, estimate)
        for name, value in energies.items()
    }


def _is_positive(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]
