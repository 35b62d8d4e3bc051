"""One ``[[sequence]]`` table of a programming plan: a step whose values may be axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rramchar.devices import DeviceModel
from rramchar.errors import InputError
from rramchar.testbench.program import WriteCell
from rramchar.testbench.pulses import OPERATIONS, Pulse, Step
from rramchar.units import parse_quantity

AXIS_FIELDS = ("bl_v", "sl_v", "wl_v", "width_s")
_UNITS = {"_v": "V", "_s": "s", "_ohm": "ohm"}
_SINGLE = ("edge_s", "bl_step_v", "sl_step_v", "wl_step_v", "until_below_ohm", "until_above_ohm")

Number = float | str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LinearRange(_Strict):
    """``{ start = 1.0, stop = 2.0, num = 5 }``: equally spaced values."""

    start: Number
    stop: Number
    num: Annotated[int, Field(ge=1, le=10_000)]


Axis = LinearRange | list[Number] | Number


class StepTable(_Strict):
    """A ``[[sequence]]`` table as it stands in the file."""

    operation: str
    device: str | None = None
    bl_v: Axis | None = None
    sl_v: Axis | None = None
    wl_v: Axis | None = None
    width_s: Axis | None = None
    edge_s: Number = 10e-9
    repeat: int = 1
    bl_step_v: Number = 0.0
    sl_step_v: Number = 0.0
    wl_step_v: Number = 0.0
    until_below_ohm: Number | None = None
    until_above_ohm: Number | None = None


@dataclass(frozen=True)
class Entry:
    """A step whose voltages and width may have several values, each a sequence of its own.

    Parameters
    ----------
    where : str
        How messages name it.
    operation, device : str
        Of the pulses.
    repeat : int
        Number of pulses.
    values : mapping of str to tuple of float
        One or more values of each field of `AXIS_FIELDS`. [V, s]
    single : mapping of str to float
        Further fields that are given. [s, V, ohm]
    """

    where: str
    operation: str
    device: str
    repeat: int
    values: Mapping[str, tuple[float, ...]]
    single: Mapping[str, float]

    def step(self, chosen: Mapping[str, float]) -> Step:
        """Return the step at given voltages and width.

        Raises
        ------
        InputError
            If the pulses cannot be given.
        """
        single = dict(self.single)
        try:
            pulse = Pulse(self.operation, edge_s=single.pop("edge_s"), device=self.device, **chosen)
            return Step(pulse, self.repeat, **single)
        except InputError as error:
            raise InputError(f"{self.where}: {error}") from None

    def document(self) -> dict[str, Any]:
        """Return the table as resolved."""
        axes = {name: list(v) if len(v) > 1 else v[0] for name, v in self.values.items()}
        return {
            "operation": self.operation,
            "device": self.device,
            "repeat": self.repeat,
            **axes,
            **self.single,
        }


def read_entry(where: str, table: StepTable, cell: WriteCell, model: DeviceModel) -> Entry:
    """Check a ``[[sequence]]`` table and fill in the defaults of its operation.

    Parameters
    ----------
    where : str
        How messages name it.
    table : StepTable
        The table.
    cell : WriteCell
        Gives the devices, and the voltages of a read.
    model : DeviceModel
        Gives the operations that it describes.

    Returns
    -------
    Entry
        Checked value by value; combinations are checked by `Entry.step`.

    Raises
    ------
    InputError
        Naming the table and the key.
    """
    if table.operation not in OPERATIONS:
        raise InputError(
            f"{where}: operation: {table.operation!r}, expected one of {', '.join(OPERATIONS)}"
        )
    if table.operation not in model.operations:
        raise InputError(
            f"{where}: operation: {table.operation!r}, expected one of "
            f"{', '.join(model.operations)} with the {model.name} model"
        )
    device = cell.devices[0] if table.device is None else table.device
    if device not in (*cell.devices, "both"):
        raise InputError(
            f"{where}: device: {device!r}, expected {', '.join(cell.devices)} or both in a "
            f"{cell.kind} cell"
        )
    operation = OPERATIONS[table.operation]
    defaults = {name: getattr(operation, name) for name in AXIS_FIELDS}
    if table.operation == "read":
        defaults |= {"bl_v": cell.read_v, "wl_v": cell.read_wl_v}
    values = {
        name: _values(where, name, defaults[name] if spec is None else spec)
        for name in AXIS_FIELDS
        for spec in [getattr(table, name)]
    }
    single = {
        name: _number(where, name, getattr(table, name))
        for name in _SINGLE
        if getattr(table, name) is not None
    }
    return Entry(where, table.operation, device, table.repeat, values, single)


def _number(where: str, name: str, value: Number) -> float:
    unit = next(unit for end, unit in _UNITS.items() if name.endswith(end))
    return parse_quantity(value, unit, name=f"{where}: {name}")


def _values(where: str, name: str, spec: Axis) -> tuple[float, ...]:
    if isinstance(spec, LinearRange):
        start = _number(where, f"{name}", spec.start)
        stop = _number(where, f"{name}", spec.stop)
        found = tuple(float(f"{value:.12g}") for value in np.linspace(start, stop, spec.num))
    else:
        items = spec if isinstance(spec, list) else [spec]
        found = tuple(_number(where, name, item) for item in items)
    if not found or len(set(found)) != len(found):
        raise InputError(f"{where}: {name}: {list(found)}, expected different values, at least one")
    return found
