"""CMOS processes as data."""

from rramchar.technology.inventory import TechnologyReport, inspect_technology
from rramchar.technology.load import load_technology, shipped_technologies
from rramchar.technology.model import Condition, Device, Library, Technology
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
