"""SPICE-backed characterization of resistive-memory neural-network hardware."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Only where it is asked for: looking it up takes a worker process longer than ngspice to load.
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("rramchar")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
