"""What of a technology can be used here: a shipped one, or a user's file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rramchar.errors import InputError
from rramchar.technology.load import load_technology, locate_technology, read_definition
from rramchar.technology.model import Technology
from rramchar.technology.paths import variables_in


@dataclass(frozen=True)
class TechnologyReport:
    """Whether a technology can be used, and what it holds or lacks.

    Parameters
    ----------
    name : str
        As it was asked for.
    ok : bool
        True if definition and model files are in order.
    problem : str or None
        What is wrong and how to mend it.
    needs : list of str
        Environment variables that lead to its model files; empty where it brings them along.
    description : str
        What the process is.
    corners : list of str
        Its corners.
    devices : list of dict
        ``role``, ``model``, minimum sizes, supply.
    libraries : list of str
        Its model files.
    vdd_nominal_v, vdd_ternary_v : float or None
        Nominal core supply, and the one for ternary reads. [V]
    """

    name: str
    ok: bool
    problem: str | None = None
    needs: list[str] = field(default_factory=list)
    description: str = ""
    corners: list[str] = field(default_factory=list)
    devices: list[dict[str, Any]] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    vdd_nominal_v: float | None = None
    vdd_ternary_v: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serializable data."""
        return asdict(self)


def inspect_technology(name_or_path: str | Path) -> TechnologyReport:
    """Check a technology's definition and files, without simulating.

    Parameters
    ----------
    name_or_path : str or Path
        Shipped name or TOML file.

    Returns
    -------
    TechnologyReport
        ``ok`` is False, with the reason, where `load_technology` would raise.
    """
    name, needs, description = str(name_or_path), [], ""
    try:
        _, content = read_definition(locate_technology(name_or_path))
        description = content.description
        needs = sorted({v for item in content.libraries for v in variables_in(item.path)})
        technology = load_technology(name_or_path)
    except InputError as error:
        return TechnologyReport(
            name=name, ok=False, problem=str(error), needs=needs, description=description
        )
    return _report(technology, needs)


def _report(technology: Technology, needs: list[str]) -> TechnologyReport:
    return TechnologyReport(
        name=technology.name,
        ok=True,
        needs=needs,
        description=technology.description,
        corners=list(technology.corners),
        devices=[
            {
                "role": device.role,
                "model": device.model,
                "minimum_width_m": device.minimum_width_m,
                "minimum_length_m": device.minimum_length_m,
                "supply_v": technology.device_supply_v(device.role),
            }
            for device in technology.devices.values()
        ],
        libraries=[str(library.path) for library in technology.libraries],
        vdd_nominal_v=technology.vdd_nominal_v,
        vdd_ternary_v=technology.vdd_ternary_v,
    )
