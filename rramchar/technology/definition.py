"""What may stand in a technology's TOML file: names, types and ranges, checked by pydantic."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

# Names that may reach a netlist: nothing that could end a word or start a new line.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
Spelling = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=128)]
SectionName = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9_]|\{corner\})+$", max_length=128)
]
OptionValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]+$", max_length=64)]


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


Number = Annotated[float, BeforeValidator(_no_truth_value), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Role = Literal["nmos", "pmos", "nmos_hvt", "pmos_hvt", "nmos_io", "pmos_io"]

# The run sets these itself, or they stay in force for every later circuit of the process.
_NOT_FOR_A_KIT = {
    "temp": "the temperature is that of the condition",
    "method": "the accuracy of the run sets it",
    "reltol": "the accuracy of the run sets it",
    "chgtol": "the accuracy of the run sets it",
    "trtol": "the accuracy of the run sets it",
    "interp": "it would stay in force for every later circuit",
    "cshunt": "it would stay in force for every later circuit",
}
_NGBEHAVIOR = re.compile(r"(hs|ps|lt|ki|eg|s3|xs|ll|ma|mc|va|a){1,4}")
_GEOMETRY = ("ad", "as", "pd", "ps")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class SupplyTable(_Strict):
    """Table ``supply``: core supplies. [V]"""

    nominal_v: Positive
    maximum_v: Positive
    ternary_v: Positive | None = None

    @model_validator(mode="after")
    def _in_order(self) -> SupplyTable:
        for name in ("nominal_v", "ternary_v"):
            value = getattr(self, name)
            if value is not None and value > self.maximum_v:
                raise ValueError(f"{name} of {value:g} is above maximum_v")
        return self


class LibraryTable(_Strict):
    """One table of the list ``libraries``: a model file."""

    path: str
    section: SectionName | None = None
    corners: dict[Name, Spelling] = {}


class SizesTable(_Strict):
    """Table ``sizes``: how widths and lengths are written."""

    width_parameter: Name = "w"
    length_parameter: Name = "l"
    unit_m: Positive = 1.0
    diffusion_length_m: Positive | None = None


class DeviceTable(_Strict):
    """One table of ``devices``: a transistor."""

    model: Name
    polarity: Literal["n", "p"]
    minimum_width_m: Positive
    minimum_length_m: Positive
    a_vt_v_m: NotNegative = 0.0
    a_beta_m: NotNegative = 0.0
    sigma_vth_global_v: NotNegative = 0.0
    supply_v: Positive | None = None
    subcircuit: bool = False
    parameters: dict[Name, Number] = {}

    @model_validator(mode="after")
    def _units(self) -> DeviceTable:
        for name in ("minimum_width_m", "minimum_length_m"):
            if getattr(self, name) > 1e-3:
                raise ValueError(
                    f"{name} of {getattr(self, name):g} is above 1 mm; it is a number of metres, "
                    "whatever sizes.unit_m is"
                )
        return self


class DefinitionFile(_Strict):
    """The whole file."""

    name: Name
    description: str = ""
    corners: Annotated[dict[Name, Spelling], Field(min_length=1)]
    supply: SupplyTable
    libraries: Annotated[list[LibraryTable], Field(min_length=1)]
    sizes: SizesTable = SizesTable()
    devices: Annotated[dict[Role, DeviceTable], Field(min_length=1)]
    options: dict[Name, OptionValue] = {}
    parameters: dict[Name, Number] = {}

    @field_validator("options")
    @classmethod
    def _options(cls, options: dict[str, str]) -> dict[str, str]:
        for name, value in options.items():
            if why := _NOT_FOR_A_KIT.get(name.lower()):
                raise ValueError(f"{name} cannot be set here: {why}")
            if name == "ngbehavior" and not _NGBEHAVIOR.fullmatch(value):
                raise ValueError(f"ngbehavior: {value!r}, expected letters such as hsa or psa")
            if name == "ng_nomodcheck" and value != "true":
                raise ValueError(f'ng_nomodcheck: {value!r}, expected "true", or leave it out')
        return options

    @model_validator(mode="after")
    def _consistent(self) -> DefinitionFile:
        for index, library in enumerate(self.libraries):
            if unknown := set(library.corners) - set(self.corners):
                raise ValueError(
                    f"libraries.{index}.corners: {min(unknown)!r} is no corner; expected one of "
                    f"{', '.join(self.corners)}"
                )
        sizes = {self.sizes.width_parameter, self.sizes.length_parameter}
        if self.sizes.diffusion_length_m is not None:
            sizes |= set(_GEOMETRY)
        taken = {name.lower() for name in sizes}
        for role, device in self.devices.items():
            if twice := [name for name in device.parameters if name.lower() in taken]:
                raise ValueError(
                    f"devices.{role}.parameters: {twice[0]!r} is written from the size of every "
                    "transistor; leave it out"
                )
        return self


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
    field = ".".join(str(part) for part in first["loc"])
    if not field.isprintable():  # a key of the user's own: the message stays one line
        field = field.encode("unicode_escape").decode()
    kind = first["type"]
    if kind == "extra_forbidden":
        text = f"unknown key {field!r}; check its spelling"
    elif kind == "missing":
        text = f"key {field!r} is missing"
    else:
        message = first["msg"].removeprefix("Value error, ")
        given = first.get("input")
        # A check of several fields together has named its values itself.
        text = message if isinstance(given, dict) and field == "" else f"{field}: {message}"
        if not isinstance(given, dict):
            text += f" (got {given!r})"
    return text + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")
