"""A layout as a TOML file: which field is which column, in which unit, and what a sentinel means.

The files of the shipped layouts lie in the folder ``maps``; a user's own file has the same keys.
"""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rramchar.errors import InputError
from rramchar.measured.schema import SCHEMA, VOCABULARY
from rramchar.measured.units import UnitScale, unit_scale
from rramchar.technology.definition import explain_validation
from rramchar.tomlfile import read_toml

ExtraName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
SEPARATOR_NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " "}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileTable(_Strict):
    """Table ``file``: how the text is written, and which file names the layout is for."""

    names: tuple[str, ...] = ()
    header: bool = False
    separator: Literal["tab", "comma", "semicolon", "space"] | None = None
    decimal: Literal[".", ","] = "."
    fields: int | None = Field(default=None, ge=1)


class ColumnTable(_Strict):
    """One column: where it comes from, and how its values become SI units."""

    field: int | str
    unit: str = ""
    scale: Finite = 1.0
    offset: Finite = 0.0
    absolute: bool = False
    missing: tuple[Finite, ...] = ()

    @model_validator(mode="after")
    def _field_counts_from_one(self) -> ColumnTable:
        if isinstance(self.field, bool) or (isinstance(self.field, int) and self.field < 1):
            raise ValueError("field: expected a position from 1, or a name in the header line")
        if self.scale == 0:
            raise ValueError("scale: expected a number other than 0")
        return self


class FlagTable(_Strict):
    """One rule for a sentinel; the value is compared as it is written in the file."""

    flag: Literal["above", "below", "open", "negative", "zero", "not_read"]
    column: str = "resistance_ohm"
    equals: Finite | None = None
    at_least: Finite | None = None
    at_most: Finite | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> FlagTable:
        given = [x for x in (self.equals, self.at_least, self.at_most) if x is not None]
        if len(given) != 1:
            raise ValueError("expected one of equals, at_least and at_most")
        return self


class NewSweepTable(_Strict):
    """A new sweep starts at a new device, or where a column does this."""

    column: str
    when: Literal["drops", "rises", "changes"]


class CheckerboardTable(_Strict):
    """Levels written as a checkerboard: ``level = (i + i // columns) mod levels`` of line i."""

    columns: int = Field(ge=1)
    levels: int = Field(ge=2)


class NumberingTable(_Strict):
    """Table ``numbering``: what follows from the order of the lines."""

    device_from_line: bool = False
    count: Literal["cycle", "pulse", "sweep"] | None = None
    new_sweep: NewSweepTable | None = None
    checkerboard: CheckerboardTable | None = None


class ReadingsTable(_Strict):
    """Table ``readings``: many readings in one line, from a field to the end of the line."""

    first_field: int = Field(ge=1)
    unit: str = "ohm"
    count: ExtraName = "cycle"
    count_from: int = Field(default=1, ge=0)
    operations: tuple[Literal["FORM", "SET", "RESET", "READ"], ...] = ()
    interval_s: Finite | None = Field(default=None, gt=0)


class Layout(_Strict):
    """A whole layout file."""

    title: str
    file: FileTable = FileTable()
    columns: dict[str, ColumnTable] = {}
    extra: dict[ExtraName, ColumnTable] = {}
    fixed: dict[str, Finite | str] = {}
    flags: tuple[FlagTable, ...] = ()
    numbering: NumberingTable = NumberingTable()
    readings: ReadingsTable | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Layout:
        for table, names in (("columns", self.columns), ("fixed", self.fixed)):
            for name in names:
                _check_name(table, name)
        for name in self.extra:
            if name in SCHEMA:
                raise ValueError(f"extra.{name}: is a tidy column; move it to the table columns")
        for name, rule in {**self.columns, **self.extra}.items():
            self._check_field(name, rule)
        for name, value in self.fixed.items():
            _check_fixed(name, value)
        for name in {rule.column for rule in self.flags}:
            self._check_known("flags.column", name)
        if self.numbering.new_sweep:
            self._check_known("numbering.new_sweep.column", self.numbering.new_sweep.column)
        self._check_complete()
        return self

    def scale_of(self, name: str) -> UnitScale:
        """Return how the numbers of a column become SI units."""
        rule = self.columns[name] if name in self.columns else self.extra[name]
        return unit_scale(name, rule.unit)

    def _check_field(self, name: str, rule: ColumnTable) -> None:
        try:
            self.scale_of(name)
        except InputError as error:
            raise ValueError(str(error)) from None
        if isinstance(rule.field, str) and not self.file.header:
            raise ValueError(
                f"columns.{name}.field: {rule.field!r} is a name, and the file has no header line; "
                "expected a position from 1, or header = true in the table file"
            )

    def _check_known(self, where: str, name: str) -> None:
        known = {*self.columns, *self.extra}
        if self.readings:
            known.add("resistance_ohm")
        if name not in known:
            raise ValueError(f"{where}: {name!r} is none of the columns {', '.join(sorted(known))}")

    def _check_complete(self) -> None:
        if "device" not in {*self.columns, *self.fixed} and not self.numbering.device_from_line:
            raise ValueError(
                "columns.device is missing; or set device_from_line = true in the table numbering"
            )
        if self.readings is None:
            has_current = "current_a" in self.columns
            has_voltage = "v_read_v" in {*self.columns, *self.fixed}
            if "resistance_ohm" not in self.columns and not (has_current and has_voltage):
                raise ValueError(
                    "columns.resistance_ohm is missing; or give current_a and v_read_v; or the "
                    "table readings"
                )
        elif self.file.header:
            raise ValueError("file.header: not with the table readings; put # before the header")


def shipped_layouts() -> dict[str, Layout]:
    """Return the layouts that ship as TOML files, by name."""
    folder = files("rramchar.measured") / "maps"
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".toml"))
    return {name.removesuffix(".toml"): load_layout(Path(str(folder / name))) for name in names}


def load_layout(path: Path) -> Layout:
    """Read a layout from its TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Layout
        Checked.

    Raises
    ------
    InputError
        If the file is missing, is not valid TOML, or holds an unknown key or a wrong value.
    """
    return make_layout(read_toml(path, "layout"), f"layout {path}")


def make_layout(document: dict[str, Any], source: str) -> Layout:
    """Make a layout from nested tables.

    Parameters
    ----------
    document : dict
        As in a layout file.
    source : str
        For messages.

    Returns
    -------
    Layout
        Checked.

    Raises
    ------
    InputError
        If a key is unknown or a value wrong.
    """
    try:
        return Layout.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{source}: {explain_validation(error)}") from None


def _check_name(table: str, name: str) -> None:
    if name in SCHEMA and name != "line":
        return
    close = difflib.get_close_matches(name, SCHEMA, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]}?" if close else "; other columns go to the table extra"
    raise ValueError(f"{table}.{name}: is no tidy column{hint}")


def _check_fixed(name: str, value: float | str) -> None:
    kind = SCHEMA[name].kind
    if kind in ("number", "count") and isinstance(value, str):
        raise ValueError(f"fixed.{name}: {value!r}, expected a number in SI units")
    if kind == "count" and (float(value) < 0 or float(value) != int(value)):
        raise ValueError(f"fixed.{name}: {value!r}, expected a whole number from 0")
    words = VOCABULARY.get(name, ())
    if name == "flag" or (words and value not in words):
        expected = f"one of {', '.join(words)}" if name != "flag" else "the table flags instead"
        raise ValueError(f"fixed.{name}: {value!r}, expected {expected}")
