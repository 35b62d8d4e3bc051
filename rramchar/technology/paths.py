"""Where a kit's model files lie: environment variables, shipped files, white space in folders."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from rramchar.errors import InputError
from rramchar.resources import resource

SHIPPED = "shipped:"
_SHIPPED_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"\$\{?(\w+)")
# Control characters, every kind of line end, quotes, and what ngspice may take for its own.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'`;${}]")


class UnsetVariableError(InputError):
    """A library path needs an environment variable that is not set.

    Parameters
    ----------
    message : str
        The whole message.
    variable : str
        Name of the variable.
    """

    def __init__(self, message: str, variable: str) -> None:
        super().__init__(message)
        self.variable = variable


def variables_in(text: str) -> list[str]:
    """Return the names of the environment variables in a library path."""
    return _VARIABLE.findall(text)


def library_path(text: str, source: Path, *, quoted: bool) -> Path:
    """Turn the path in a technology file into one that a netlist can carry.

    Parameters
    ----------
    text : str
        As written: ``shipped:NAME``, or a path with environment variables and ``{corner}``.
    source : Path
        The technology file; a relative path starts at its folder.
    quoted : bool
        True for an ``.include``, whose quoted path may hold white space. A ``.lib`` ends its path
        at white space, quoted or not; a folder with some is reached through a symbolic link.

    Returns
    -------
    Path
        Absolute, or relative as ``source`` is.

    Raises
    ------
    InputError
        If a variable is not set or the path holds what a netlist cannot carry.
    """
    where = f"{source}: libraries.path"
    if text.startswith(SHIPPED):
        name = text.removeprefix(SHIPPED)
        if not _SHIPPED_NAME.fullmatch(name):
            raise InputError(f"{where}: {text!r}, expected {SHIPPED} and a file name")
        try:
            path, written = resource("netlists", name), ""
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    else:
        written = os.path.expandvars(text)
        if missing := _VARIABLE.search(written):
            raise UnsetVariableError(
                f"{where}: {text!r} needs the environment variable {missing[1]}, which is not set",
                missing[1],
            )
        path = source.parent / written
    # The folder of the definition, or of this installation, reaches the netlist as well.
    plain = str(path).removesuffix(written) + written.replace("{corner}", "")
    if unsafe := _UNSAFE.search(plain):
        raise InputError(
            f"{where}: {str(path)!r} holds {unsafe.group()!r}, which a netlist cannot carry; move "
            "the file to a plainer path"
        )
    return path if quoted else _without_white_space(path, where)


def _without_white_space(path: Path, where: str) -> Path:
    spaced = [index for index, part in enumerate(path.parts) if re.search(r"\s", part)]
    if not spaced:
        return path
    folder = Path(*path.parts[: spaced[-1] + 1])
    rest = path.parts[spaced[-1] + 1 :]
    if not rest or "{corner}" in str(folder):
        raise InputError(
            f"{where}: {str(path)!r} holds white space, and ngspice's .lib takes none in the name "
            "of a file; rename it"
        )
    if not folder.is_dir():
        return path  # the message that it does not exist names the path as it was given
    return _link(folder, where) / Path(*rest)


def _link(folder: Path, where: str) -> Path:
    """Return a symbolic link to a folder, made once per user, at a path without white space."""
    target = folder.resolve()
    name = hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    for home in _link_homes():
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            if home.stat().st_uid != os.getuid():  # of somebody else, in a shared folder
                continue
            _drop_dangling(home)
            link = home / name
            if not link.is_symlink():
                fresh = Path(tempfile.mkdtemp(dir=home)) / name
                fresh.symlink_to(target, target_is_directory=True)
                fresh.replace(link)
                fresh.parent.rmdir()
            return link
        except OSError:
            continue
    raise InputError(
        f"{where}: {str(folder)!r} holds white space, which ngspice's .lib does not take, and no "
        "link to it could be made; move or link the folder to a path without"
    )


def _link_homes() -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    temporary = Path(tempfile.gettempdir())
    homes = [cache / "rramchar" / "links", temporary / f"rramchar-links-{os.getuid()}"]
    return [
        home for home in homes if not re.search(r"\s", str(home)) and not _UNSAFE.search(str(home))
    ]


def _drop_dangling(home: Path) -> None:
    for link in home.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
