"""SPICE-backed characterization of resistive-memory neural-network hardware."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("rramchar")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
