"""Write the TOML file of a new technology, to be filled in."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from rramchar.errors import InputError
from rramchar.technology.load import locate_technology


def write_template(path: str | Path, *, like: str | None = None) -> Path:
    """Write a commented technology file that loads once its paths and names are filled in.

    Parameters
    ----------
    path : str or Path
        File to write, ending in ``.toml``; its name becomes the technology's.
    like : str, optional
        Shipped technology, or another TOML file, to start from instead of the empty template.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the file exists, does not end in ``.toml``, or cannot be written; or if there is no
        technology ``like``.
    """
    path = Path(path)
    if path.suffix != ".toml":
        raise InputError(f"{path}: expected a file name that ends in .toml")
    if like is None:
        source = files("rramchar.technology") / "template.toml"
        text = source.read_text(encoding="utf-8")
    else:
        text = locate_technology(like).read_text(encoding="utf-8")
        text = f"# Started from {locate_technology(like).stem}.\n{text}"
    text = re.sub(r'^name = ".*"', f'name = "{_name(path)}"', text, count=1, flags=re.MULTILINE)
    text = text.replace("THIS_FILE", path.name if path.name.isprintable() else "FILE", 1)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(f"{path}: exists and is not overwritten; give another name") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _name(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", path.stem, flags=re.ASCII)[:64]
    return name if re.match(r"[A-Za-z_]", name) else f"t_{name}"
