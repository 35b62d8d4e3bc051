"""What must be the same on every machine that simulates points of one run.

A machine describes itself in plain data, so that different versions of rramchar can compare, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rramchar import __version__
from rramchar.errors import InputError, MissingToolError
from rramchar.provenance import digest_file, digest_json
from rramchar.resources import resource
from rramchar.spice.installation import inspect_installation
from rramchar.spice.library import find_library
from rramchar.technology.modelfiles import collect_model_files

Site = dict[str, Any]

_MODEL_FILE = re.compile(r'^\.(?:lib|include) "([^"]+)"', re.M)
_SHIPPED = "generic130.lib"


def describe_site() -> Site:
    """Describe this machine's rramchar and ngspice.

    Returns
    -------
    dict
        ``rramchar``, the version; ``ngspice``, the SHA-256 of its library; ``shipped``, the folder
        of the model files that come with rramchar.

    Raises
    ------
    MissingToolError
        If ngspice's library is not installed.
    """
    library = find_library()
    # Where only the loader knows the file, its version must do.
    ngspice = digest_file(library) if library.is_file() else ngspice_version()
    return {"rramchar": __version__, "ngspice": ngspice, "shipped": str(_shipped_folder())}


def model_file_digests(circuit: str) -> dict[str, str]:
    """Return the model files that a circuit names, each with a digest of all that it takes in.

    Parameters
    ----------
    circuit : str
        Netlist lines.

    Returns
    -------
    dict of str to str
        Path to SHA-256 over the file and the files that it takes in itself; empty where there is
        no such file.
    """
    digests = {}
    for name in dict.fromkeys(_MODEL_FILE.findall(circuit)):
        found = collect_model_files([Path(name)]).digests
        digests[name] = digest_json(found) if found else ""
    return digests


def localize(circuit: str, shipped: str) -> str:
    """Let a circuit from another machine name this one's own copies of the shipped model files.

    Parameters
    ----------
    circuit : str
        Netlist lines.
    shipped : str
        Folder of the shipped files on the other machine.

    Returns
    -------
    str
        The same lines; model files of the user's own keep their paths.
    """
    return circuit.replace(f'"{shipped}/', f'"{_shipped_folder()}/')


def site_difference(site: Site) -> str:
    """Say how this machine differs from the one that plans the run, and how to mend it.

    Parameters
    ----------
    site : dict
        The other machine's `describe_site`.

    Returns
    -------
    str
        Empty if it does not differ.
    """
    if site["rramchar"] != __version__:
        return (
            f"it has rramchar {__version__}, the run is planned with {site['rramchar']}; install "
            "the same version on both"
        )
    try:
        own = describe_site()
    except MissingToolError as error:
        return str(error)
    if site["ngspice"] != own["ngspice"]:
        return (
            f"its ngspice library {find_library()} ({ngspice_version()}) is not the one of the "
            "machine that plans the run; install the same package on both, or set "
            "NGSPICE_LIBRARY_PATH to a library that both have"
        )
    return ""


def model_file_difference(expected: Mapping[str, str], circuit: str) -> str:
    """Say which model file differs from the other machine's, and how to mend it.

    Parameters
    ----------
    expected : mapping of str to str
        The other machine's `model_file_digests`.
    circuit : str
        The same circuit, as `localize` gives it here.

    Returns
    -------
    str
        Empty if none does.
    """
    try:
        found = model_file_digests(circuit)
    except InputError as error:
        return str(error)
    for digest, (path, own) in zip(expected.values(), found.items(), strict=True):
        if not own:
            return (
                f"the model file {path} is not there; put the kit into the same folder on every "
                "machine, such as one that they share"
            )
        if own != digest:
            return (
                f"the model file {path}, or one that it takes in, differs from the one on the "
                "machine that plans the run; copy the kit from there"
            )
    return ""


def ngspice_version() -> str:
    """Return the version of this machine's ngspice, for a message."""
    return f"ngspice {inspect_installation().ngspice_version or '?'}"


def _shipped_folder() -> Path:
    return resource("netlists", _SHIPPED).parent
