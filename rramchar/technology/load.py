"""Read a technology from its TOML file: a shipped name, or a user's own process."""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rramchar.errors import InputError
from rramchar.provenance import digest_json
from rramchar.technology.definition import DefinitionFile, explain_validation
from rramchar.technology.model import Device, Library, Technology
from rramchar.technology.modelfiles import ModelFiles, collect_model_files
from rramchar.technology.paths import library_path

__all__ = [
    "explain_validation",
    "load_technology",
    "locate_technology",
    "read_definition",
    "shipped_technologies",
]


def shipped_technologies() -> list[str]:
    """Return the names of the technologies that come with rramchar."""
    folder = files("rramchar.technology") / "data"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_technology(name_or_path: str | Path, *, check_files: bool = True) -> Technology:
    """Read a technology and check that its model files are there and define its devices.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped name (see `shipped_technologies`) or the path of a TOML file. Library paths in
        the file may use environment variables such as ``$PDK_ROOT``; a relative path starts at the
        file's own folder.
    check_files : bool
        False to leave the model files alone: for reading results, where nothing is simulated and
        the kit may be on another machine. The digest is then empty.

    Returns
    -------
    Technology
        The process, with a digest over its definition and all its model files, those included
        that a model file takes in.

    Raises
    ------
    InputError
        If the file is missing, is not valid TOML, has an unknown or wrong field, or names a model
        file, section or device that does not exist.
    """
    path = locate_technology(name_or_path)
    document, content = read_definition(path)
    libraries = tuple(
        Library(
            library_path(item.path, path, quoted=item.section is None)
            if check_files
            else Path(item.path),
            item.section,
            tuple(item.corners.items()),
        )
        for item in content.libraries
    )
    digest = ""
    if check_files:
        model_files = _check_libraries(libraries, content.corners, path)
        _check_devices(content, model_files, path)
        digest = digest_json([document, model_files.digests])
    sizes, supply = content.sizes, content.supply
    return Technology(
        name=content.name,
        description=content.description,
        libraries=libraries,
        corners=content.corners,
        devices={
            role: Device(
                role=role, **device.model_dump() | {"parameters": tuple(device.parameters.items())}
            )
            for role, device in content.devices.items()
        },
        vdd_nominal_v=supply.nominal_v,
        vdd_max_v=supply.maximum_v,
        vdd_ternary_v=supply.ternary_v,
        width_parameter=sizes.width_parameter,
        length_parameter=sizes.length_parameter,
        size_unit_m=sizes.unit_m,
        diffusion_length_m=sizes.diffusion_length_m,
        options=content.options,
        parameters=content.parameters,
        digest=digest,
    )


def read_definition(path: Path) -> tuple[dict[str, Any], DefinitionFile]:
    """Read a technology's TOML file without looking at its model files.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    document : dict
        As TOML has it.
    content : DefinitionFile
        The same, checked, with defaults.

    Raises
    ------
    InputError
        If it cannot be read or a field cannot be used.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        return document, DefinitionFile.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {explain_validation(error)}") from None


def locate_technology(name_or_path: str | Path) -> Path:
    """Return the TOML file of a shipped name or a path.

    Raises
    ------
    InputError
        If it is neither.
    """
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


def _check_libraries(
    libraries: tuple[Library, ...], corners: dict[str, str], source: Path
) -> ModelFiles:
    used = [
        (corner, *lib.at(corner, word)) for lib in libraries for corner, word in corners.items()
    ]
    for _, path, _ in used:
        if not path.is_file():
            raise InputError(f"{source}: model library {path} does not exist")
    model_files = collect_model_files(path for _, path, _ in used)
    sections = {file.path.resolve(): file.sections for file in model_files.files}
    for corner, path, section in used:
        present = sections[path.resolve()]
        if section is not None and section.lower() not in present:
            raise InputError(
                f"{source}: model library {path} has no section {section!r} (for corner "
                f"{corner}); it has {', '.join(sorted(present)[:12]) or 'none'}"
            )
    return model_files


def _check_devices(content: DefinitionFile, model_files: ModelFiles, source: Path) -> None:
    models, subcircuits = model_files.models, model_files.subcircuits
    for role, device in content.devices.items():
        name = device.model.lower()
        expected, other = (subcircuits, models) if device.subcircuit else (models, subcircuits)
        if name in expected:
            continue
        where = f"{source}: devices.{role}.model: {device.model!r}"
        if name in other:
            kind, word = ("model", "false") if device.subcircuit else ("subcircuit", "true")
            raise InputError(f"{where} is a {kind}; set subcircuit = {word}")
        if model_files.complete:
            near = difflib.get_close_matches(name, expected, n=3) or sorted(expected)[:3]
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise InputError(
                f"{where} is defined in none of the {len(model_files.files)} model files{hint}"
            )
