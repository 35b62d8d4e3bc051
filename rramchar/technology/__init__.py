"""CMOS processes as data; what reads their files is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rramchar.technology.model import Condition, Device, Library, Technology

if TYPE_CHECKING:
    from rramchar.technology.inventory import TechnologyReport, inspect_technology
    from rramchar.technology.load import load_technology, shipped_technologies
    from rramchar.technology.template import write_template

__all__ = [
    "Condition",
    "Device",
    "Library",
    "Technology",
    "TechnologyReport",
    "inspect_technology",
    "load_technology",
    "shipped_technologies",
    "write_template",
]

_HOMES = {
    "inventory": ("TechnologyReport", "inspect_technology"),
    "load": ("load_technology", "shipped_technologies"),
    "template": ("write_template",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rramchar.technology.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
