"""What a benchmark was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe_machine(*packages: str) -> dict[str, str]:
    """Describe the machine and the versions that matter.

    Parameters
    ----------
    *packages : str
        Python packages beside numpy whose versions are stated.

    Returns
    -------
    dict of str to str
        Processor, cores, memory, Python, packages, ngspice.
    """
    found = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "python": platform.python_version(),
    }
    for package in ("numpy", *packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {"ngspice": _ngspice()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def _ngspice() -> str:
    from rramchar.errors import MissingToolError
    from rramchar.spice.session import process_session

    try:
        return str(process_session().version)
    except MissingToolError:
        return "not installed"
