"""Find the shared library of ngspice, or say exactly how to install it."""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import sys
from pathlib import Path

from rramchar.errors import MissingToolError

ENVIRONMENT_VARIABLE = "NGSPICE_LIBRARY_PATH"
_FOLDERS = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    f"/usr/lib/{platform.machine()}-linux-gnu",
    "/opt/homebrew/lib",
    "/opt/local/lib",
)


def find_library() -> Path:
    """Return the path of libngspice.

    The environment variable ``NGSPICE_LIBRARY_PATH`` comes first, then the active conda
    environment, the linker's own search, and the usual folders.

    Returns
    -------
    Path
        The shared library.

    Raises
    ------
    MissingToolError
        If there is none; the message says how to install it on this machine.
    """
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        if Path(named).is_file():
            return Path(named)
        raise MissingToolError(f"{ENVIRONMENT_VARIABLE}: {named} does not exist")
    folders = [
        Path(prefix) / "lib" for prefix in (os.environ.get("CONDA_PREFIX"), sys.prefix) if prefix
    ]
    for folder in (*folders, *map(Path, _FOLDERS)):
        for pattern in (
            "libngspice.so",
            "libngspice.so.*",
            "libngspice.dylib",
            "libngspice.*.dylib",
        ):
            if found := sorted(folder.glob(pattern)):
                return found[0]
    if (name := ctypes.util.find_library("ngspice")) is not None:
        return Path(name)  # a bare name: the loader knows the folder
    raise MissingToolError(f"the shared library of ngspice is not installed; {install_hint()}")


def find_program() -> Path | None:
    """Return the path of the ``ngspice`` program, or None; only hand-run decks need it."""
    found = shutil.which("ngspice")
    return Path(found) if found else None


def install_hint() -> str:
    """Say which command installs ngspice's shared library on this machine."""
    if shutil.which("apt-get"):
        return "install it with: sudo apt-get install libngspice0 ngspice"
    if shutil.which("brew"):
        return "install it with: brew install libngspice"
    for conda in ("mamba", "conda", "micromamba"):
        if shutil.which(conda):
            return f"install it with: {conda} install -c conda-forge ngspice-lib"
    return (
        "install libngspice with your package manager (Debian/Ubuntu: libngspice0; Fedora: "
        "libngspice; Homebrew: libngspice; conda-forge: ngspice-lib), or set "
        f"{ENVIRONMENT_VARIABLE} to the library file"
    )
