"""Read a technology from its TOML file: a shipped name, or a user's own process."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from rramchar.errors import InputError
from rramchar.provenance import digest_file, digest_json
from rramchar.resources import resource
from rramchar.technology.model import Device, Library, Technology

# Names that may reach a netlist: nothing that could end a word or start a new line.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
SectionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_{}]+$", max_length=128)]
OptionValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]+$", max_length=64)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# Control characters, every kind of line end, quotes, and what ngspice may take for its own.
_UNSAFE_IN_PATH = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'`;${}]")
_SHIPPED = "shipped:"
_SHIPPED_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class _Supply(_Strict):
    nominal_v: Positive
    maximum_v: Positive

    @model_validator(mode="after")
    def _in_order(self) -> _Supply:
        if self.nominal_v > self.maximum_v:
            raise ValueError(f"nominal_v of {self.nominal_v:g} is above maximum_v")
        return self


class _Library(_Strict):
    path: str
    section: SectionName | None = None


class _Sizes(_Strict):
    width_parameter: Name = "w"
    length_parameter: Name = "l"
    unit_m: Positive = 1.0
    diffusion_length_m: Positive | None = None


class _Device(_Strict):
    model: Name
    polarity: Literal["n", "p"]
    minimum_width_m: Positive
    minimum_length_m: Positive
    a_vt_v_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    subcircuit: bool = False


class _File(_Strict):
    name: Name
    description: str = ""
    corners: Annotated[dict[Name, SectionName], Field(min_length=1)]
    supply: _Supply
    libraries: Annotated[list[_Library], Field(min_length=1)]
    sizes: _Sizes = _Sizes()
    devices: Annotated[
        dict[Literal["nmos", "pmos", "nmos_hvt", "pmos_hvt", "nmos_io"], _Device],
        Field(min_length=1),
    ]
    options: dict[Name, OptionValue] = {}


def shipped_technologies() -> list[str]:
    """Return the names of the technologies that come with rramchar."""
    folder = files("rramchar.technology") / "data"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_technology(name_or_path: str | Path) -> Technology:
    """Read a technology and check that its model files are there.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped name (see `shipped_technologies`) or the path of a TOML file. Library paths in
        the file may use environment variables such as ``$PDK_ROOT``; a relative path starts at the
        file's own folder.

    Returns
    -------
    Technology
        The process, with a digest over its definition and all its model files.

    Raises
    ------
    InputError
        If the file is missing, is not valid TOML, has an unknown or wrong field, or names a model
        file or section that does not exist.
    """
    path = _locate(name_or_path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        content = _File.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {explain_validation(error)}") from None
    libraries = tuple(
        Library(_library_path(item, path), item.section) for item in content.libraries
    )
    digests = _check_libraries(libraries, content.corners, path)
    return Technology(
        name=content.name,
        description=content.description,
        libraries=libraries,
        corners=content.corners,
        devices={
            role: Device(role=role, **device.model_dump())
            for role, device in content.devices.items()
        },
        vdd_nominal_v=content.supply.nominal_v,
        vdd_max_v=content.supply.maximum_v,
        width_parameter=content.sizes.width_parameter,
        length_parameter=content.sizes.length_parameter,
        size_unit_m=content.sizes.unit_m,
        diffusion_length_m=content.sizes.diffusion_length_m,
        options=content.options,
        digest=digest_json([document, digests]),
    )


def explain_validation(error: ValidationError) -> str:
    """Say in one line what pydantic found wrong first: field, value, expectation.

    Parameters
    ----------
    error : pydantic.ValidationError
        What a model's validation raised.

    Returns
    -------
    str
        One line without a trailing full stop.
    """
    errors = error.errors()
    first = errors[0]
    field = ".".join(str(part) for part in first["loc"]) or "document"
    if not field.isprintable():  # a key of the user's own: the message stays one line
        field = field.encode("unicode_escape").decode()
    kind = first["type"]
    if kind == "extra_forbidden":
        text = f"unknown key {field!r}; check its spelling"
    elif kind == "missing":
        text = f"key {field!r} is missing"
    else:
        message = first["msg"].removeprefix("Value error, ")
        text = f"{field}: {message} (got {first.get('input')!r})"
    return text + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


def _locate(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if text in shipped_technologies():
        return Path(str(files("rramchar.technology") / "data" / f"{text}.toml"))
    path = Path(text)
    if path.suffix == ".toml":
        if path.is_file():
            return path.resolve()
        raise InputError(f"technology: {text} does not exist")
    raise InputError(
        f"technology: {text!r} is neither a shipped technology "
        f"({', '.join(shipped_technologies())}) nor a .toml file"
    )


def _library_path(item: _Library, source: Path) -> Path:
    text = item.path
    if text.startswith(_SHIPPED):
        name = text.removeprefix(_SHIPPED)
        if not _SHIPPED_NAME.fullmatch(name):
            raise InputError(
                f"{source}: libraries.path: {text!r}, expected {_SHIPPED} and a file name"
            )
        try:
            path, folder = resource("netlists", name), ""
        except InputError as error:
            raise InputError(f"{source}: libraries.path: {error}") from None
    else:
        expanded = os.path.expandvars(text)
        if missing := re.search(r"\$\{?(\w+)", expanded):
            raise InputError(
                f"{source}: libraries.path: {text!r} needs the environment variable "
                f"{missing.group(1)}, which is not set"
            )
        path, folder = source.parent / expanded, expanded
    # The folder of the definition, or of this installation, reaches the netlist as well.
    plain = str(path).removesuffix(folder) + folder.replace("{corner}", "")
    if unsafe := _UNSAFE_IN_PATH.search(plain):
        raise InputError(
            f"{source}: libraries.path: {str(path)!r} holds {unsafe.group()!r}, which a netlist "
            "cannot carry; move the file to a plainer path"
        )
    if item.section is not None and (space := re.search(r"\s", plain)):
        raise InputError(
            f"{source}: libraries.path: {str(path)!r} holds {space.group()!r}, and ngspice's .lib "
            "takes no white space in a path; move or link the folder to a path without"
        )
    return path


def _check_libraries(
    libraries: tuple[Library, ...], corners: dict[str, str], source: Path
) -> dict[str, str]:
    digests: dict[str, str] = {}
    for index, library in enumerate(libraries):
        for corner, spelling in corners.items():
            path = Path(str(library.path).replace("{corner}", spelling))
            if not path.is_file():
                raise InputError(f"{source}: model library {path} does not exist")
            name = f"{index} {path.name}"  # two folders may hold files of one name
            digests[name] = digests.get(name) or digest_file(path)
            if library.section is not None:
                section = library.section.replace("{corner}", spelling)
                pattern = rf"^\s*\.lib\s+{re.escape(section)}\s*$"
                text = path.read_text(encoding="utf-8", errors="replace")
                if not re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
                    raise InputError(
                        f"{source}: model library {path} has no section {section!r} "
                        f"(for corner {corner})"
                    )
    return digests
