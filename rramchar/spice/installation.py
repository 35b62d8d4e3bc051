"""What simulator is installed: library, version, program; asked of a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rramchar.errors import MissingToolError
from rramchar.spice.library import find_library, find_program, install_hint

# Versions that the session is written for; others are tried, and named.
OLDEST, NEWEST = 36, 46
_PROBE = (
    "import json; from rramchar.spice.session import Session; print(json.dumps(Session().version))"
)


@dataclass(frozen=True)
class Installation:
    """The simulator that this machine has.

    Parameters
    ----------
    ok : bool
        True if circuits can be simulated.
    library : str or None
        Path of libngspice.
    ngspice_version : int or None
        Its major version.
    program : str or None
        Path of the ``ngspice`` program, which only decks run by hand need.
    pyspice_version : str or None
        Version of PySpice.
    problems : tuple of str
        What is missing or untested, each with what to do about it.
    """

    ok: bool
    library: str | None
    ngspice_version: int | None
    program: str | None
    pyspice_version: str | None
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as JSON-serializable data."""
        return asdict(self)


def inspect_installation() -> Installation:
    """Look for ngspice and PySpice, and start ngspice once in a process of its own.

    Returns
    -------
    Installation
        What was found; nothing is raised for what is missing.
    """
    problems = []
    library: str | None = None
    found: int | None = None
    try:
        library = str(find_library())
        found = _probe_version()
    except MissingToolError as error:
        problems.append(str(error))
    if found is not None and not OLDEST <= found <= NEWEST:
        problems.append(f"ngspice {found} is untested; {OLDEST} to {NEWEST} are known to work")
    program = find_program()
    if program is None:
        problems.append(
            f"the ngspice program is missing; only decks run by hand need it; {install_hint()}"
        )
    try:
        pyspice: str | None = version("PySpice")
    except PackageNotFoundError:
        pyspice = None
        problems.append("PySpice is missing; install it with: pip install PySpice")
    return Installation(
        ok=found is not None and pyspice is not None,
        library=library,
        ngspice_version=found,
        program=str(program) if program else None,
        pyspice_version=pyspice,
        problems=tuple(problems),
    )


def _probe_version() -> int:
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False
        )
        return int(json.loads(answer.stdout))
    except subprocess.TimeoutExpired:
        raise MissingToolError("libngspice did not start within 60 s") from None
    except ValueError:
        words = answer.stderr.strip().splitlines() or ["it printed nothing"]
        raise MissingToolError(
            f"libngspice does not start: {words[-1]}; {install_hint()}"
        ) from None
