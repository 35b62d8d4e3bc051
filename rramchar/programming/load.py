"""Read a programming plan from TOML and check it completely, before anything is simulated."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rramchar.devices import MODELS, DeviceModel, make_model
from rramchar.devices.model import initial_state
from rramchar.errors import InputError
from rramchar.programming.entries import Number, StepTable, read_entry
from rramchar.programming.plan import ProgramPlan
from rramchar.technology import Condition, Technology, load_technology
from rramchar.technology.load import explain_validation
from rramchar.testbench.program import WriteCell, build_program
from rramchar.tomlfile import read_toml
from rramchar.units import parse_quantity

MOST_SEQUENCES = 100_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Head(_Strict):
    testbench: Literal["program"]
    technology: str = "generic130"
    seed: Annotated[int, Field(ge=0)] = 1
    samples: Annotated[int, Field(ge=1, le=MOST_SEQUENCES)] = 1
    cycles: Annotated[int, Field(ge=1, le=100_000)] = 1
    accuracy: Literal["sweep", "report"] = "sweep"
    pulse_timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0


class _Cell(_Strict):
    kind: str = "1t1r"
    access_width_m: Number = 2.0e-6
    access_length_m: Number = 0.5e-6
    c_cell_f: Number = 5e-15
    read_v: Number = 0.1
    read_wl_v: Number = 2.5
    initial_r_bl_ohm: Number | None = None
    initial_r_blb_ohm: Number | None = None


class _Axes(_Strict):
    corner: list[str] | str | None = None
    temperature_c: list[Number] | Number = 27.0


class _File(_Strict):
    plan: _Head
    cell: _Cell = _Cell()
    device: dict[str, Any] = {}
    axes: _Axes = _Axes()
    sequence: Annotated[list[StepTable], Field(min_length=1, max_length=1000)]


def load_program_plan(path: str | Path) -> ProgramPlan:
    """Read a plan from a TOML file and check it completely.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ProgramPlan
        Ready to be run.

    Raises
    ------
    InputError
        If the file is missing or anything in it cannot be used; the message names file and key.
    """
    path = Path(path)
    document = read_toml(path, "plan")
    try:
        return make_program_plan(document, folder=path.parent)
    except InputError as error:
        raise InputError(f"plan {path}: {error}") from None


def make_program_plan(document: Mapping[str, Any], *, folder: Path | None = None) -> ProgramPlan:
    """Check a plan given as nested dictionaries, as TOML would read it.

    Parameters
    ----------
    document : mapping
        Tables ``plan``, ``cell``, ``device``, ``axes`` and the list ``sequence``.
    folder : Path, optional
        Where a relative technology path starts; the current folder by default.

    Returns
    -------
    ProgramPlan
        Ready to be run.

    Raises
    ------
    InputError
        If anything in it cannot be used.
    """
    try:
        content = _File.model_validate(document)
    except ValidationError as error:
        raise InputError(explain_validation(error)) from None
    head = content.plan
    name = head.technology
    if name.endswith(".toml"):
        name = str(((folder or Path()) / name).resolve())
    technology = load_technology(name)
    cell = _cell(content.cell)
    model = _model(content.device)
    plan = ProgramPlan(
        technology=technology,
        technology_name=name,
        seed=head.seed,
        samples=head.samples,
        cycles=head.cycles,
        accuracy=head.accuracy,
        pulse_timeout_s=head.pulse_timeout_s,
        cell=cell,
        model=model,
        initial_r_ohm=_initial(content.cell, cell, model),
        corners=_corners(content.axes, technology),
        temperatures_c=_temperatures(content.axes),
        entries=tuple(
            read_entry(f"sequence {number}", table, cell, model)
            for number, table in enumerate(content.sequence, 1)
        ),
    )
    _check_points(plan)
    return plan


def _cell(table: _Cell) -> WriteCell:
    units = {"access_width_m": "m", "access_length_m": "m", "c_cell_f": "F", "read_v": "V",
             "read_wl_v": "V"}  # fmt: skip
    numbers = {
        name: parse_quantity(getattr(table, name), unit, name=f"cell.{name}")
        for name, unit in units.items()
    }
    try:
        return WriteCell(kind=table.kind, **numbers)
    except InputError as error:
        raise InputError(f"cell.{error}") from None


def _model(table: Mapping[str, Any]) -> DeviceModel:
    values = dict(table)
    name = values.pop("model", "filament")
    if name in MODELS:
        units = {f.name: f.metadata["unit"] for f in dataclasses.fields(MODELS[name])}
        # eV, K/W and S/s are no units that a text may carry; 1 is none.
        plain = {key: unit if unit in ("m", "V", "A", "S") else "" for key, unit in units.items()}
        values = {
            key: parse_quantity(value, plain[key], name=f"device.{key}") if key in plain else value
            for key, value in values.items()
        }
    return make_model(name, values)


def _initial(table: _Cell, cell: WriteCell, model: DeviceModel) -> dict[str, float]:
    initial: dict[str, float] = {}
    for device in ("bl", "blb"):
        key = f"initial_r_{device}_ohm"
        given = getattr(table, key)
        if device not in cell.devices:
            if given is not None:
                raise InputError(f"cell.{key}: a {cell.kind} cell has no such device; remove it")
            continue
        value = 10e3 if given is None else parse_quantity(given, "ohm", name=f"cell.{key}")
        if value <= 0:
            raise InputError(f"cell.{key}: {value:g} ohm, expected a resistance above 0")
        try:
            initial_state(model, value, cell.read_v)
        except InputError as error:
            raise InputError(f"cell.{key}: {str(error).partition(': ')[2]}") from None
        initial[device] = value
    return initial


def _corners(axes: _Axes, technology: Technology) -> tuple[str, ...]:
    given = next(iter(technology.corners)) if axes.corner is None else axes.corner
    return _distinct("corner", (given,) if isinstance(given, str) else tuple(given))


def _temperatures(axes: _Axes) -> tuple[float, ...]:
    given = axes.temperature_c if isinstance(axes.temperature_c, list) else [axes.temperature_c]
    values = tuple(parse_quantity(item, "C", name="axes.temperature_c") for item in given)
    return _distinct("temperature_c", values)


def _distinct(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values or len(set(values)) != len(values):
        raise InputError(f"axes.{name}: {list(values)}, expected different values, at least one")
    return values


def _check_points(plan: ProgramPlan) -> None:
    """Check every condition and every pulse once, before anything is simulated."""
    if len(plan) > MOST_SEQUENCES:
        raise InputError(
            f"the plan has {len(plan)} sequences, expected up to {MOST_SEQUENCES}; split it"
        )
    for corner, temperature_c in itertools.product(plan.corners, plan.temperatures_c):
        Condition(corner, temperature_c, plan.technology.vdd_nominal_v).check(plan.technology)
    names = list(plan.axes)
    for chosen in itertools.product(*plan.axes.values()):
        plan.steps(dict(zip(names, chosen, strict=True)))
    # Builds a deck once, so that sizes and devices are checked against the technology too.
    first = plan.steps({})[0].pulse
    condition = Condition(plan.corners[0], plan.temperatures_c[0], plan.technology.vdd_nominal_v)
    build_program(
        plan.technology, condition, plan.cell, plan.model,
        width_s=first.width_s, edge_s=first.edge_s,
    )  # fmt: skip
