"""A sweep as plain data: read from TOML, checked, and written back as resolved."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from rramchar.errors import InputError
from rramchar.sweep.axes import (
    CONDITION_AXES,
    AxisRange,
    AxisTolerance,
    AxisValue,
    StrictModel,
    axis_values,
    parse_axis_text,
    unit_of,
)
from rramchar.technology import Condition, Technology, load_technology
from rramchar.technology.load import explain_validation
from rramchar.testbench import TESTBENCHES, ReadTestbench
from rramchar.testbench.variation import Variation, spreads_of
from rramchar.tomlfile import read_toml
from rramchar.units import parse_quantity


class _Head(StrictModel):
    testbench: Literal["read"]
    technology: str = "generic130"
    seed: Annotated[int, Field(ge=0)] = 1
    accuracy: Literal["sweep", "report"] = "sweep"
    point_timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0


class _MonteCarlo(StrictModel):
    samples: Annotated[int, Field(ge=1, le=10_000_000)]
    mismatch: bool = True
    process: bool = False
    sampling: Literal["random", "lhs", "sobol"] = "random"


class _File(StrictModel):
    plan: _Head
    parameters: dict[str, Any] = {}
    axes: dict[str, AxisRange | AxisTolerance | list[float | str] | float | str] = {}
    monte_carlo: _MonteCarlo | None = None
    rows: Annotated[dict[str, list[float | str]], Field(alias="list")] = {}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A sweep of one testbench: every combination of its axes, with every row of its list.

    Parameters
    ----------
    testbench : ReadTestbench
        What is simulated.
    technology : Technology
        The process.
    technology_name : str
        How the plan names it: a shipped name, or the path of a TOML file.
    seed : int
        Seed of everything random.
    accuracy : str
        Ladder of solver options: ``sweep`` or ``report``.
    point_timeout_s : float
        Longest time that one point may take. [s]
    parameters : record
        Of the testbench.
    axes : mapping of str to tuple
        Values of every axis; the last one varies fastest. Axes that the plan does not sweep hold
        one value.
    rows : tuple of mapping
        Values that go together, such as measured pairs of resistances; they vary faster than any
        axis. One empty row where the plan has no list.
    samples : int or None
        Monte Carlo samples of every point, the fastest of all; None for a nominal sweep.
    variation : Variation or None
        How the transistors vary from sample to sample.
    """

    testbench: ReadTestbench
    technology: Technology
    technology_name: str
    seed: int
    accuracy: str
    point_timeout_s: float
    parameters: Any
    axes: Mapping[str, tuple[AxisValue, ...]]
    rows: tuple[Mapping[str, AxisValue], ...] = ({},)
    samples: int | None = None
    variation: Variation | None = None

    def __len__(self) -> int:
        """Return the number of points."""
        lengths = [len(values) for values in self.axes.values()]
        return math.prod(lengths) * len(self.rows) * (self.samples or 1)

    def document(self) -> dict[str, Any]:
        """Return the plan as resolved: every default and every axis value written out."""
        document: dict[str, Any] = {
            "plan": {
                "testbench": self.testbench.name,
                "technology": self.technology_name,
                "seed": self.seed,
                "accuracy": self.accuracy,
                "point_timeout_s": self.point_timeout_s,
            },
            "parameters": {
                k: v for k, v in dataclasses.asdict(self.parameters).items() if v is not None
            },
            "axes": {name: list(values) for name, values in self.axes.items() if values != (None,)},
        }
        if self.rows[0]:
            document["list"] = {name: [row[name] for row in self.rows] for name in self.rows[0]}
        if self.variation is not None:
            document["monte_carlo"] = {
                "samples": self.samples,
                "mismatch": self.variation.mismatch,
                "process": self.variation.process,
                "sampling": self.variation.sampling,
            }
        return document


def load_plan(
    path: str | Path, overrides: Mapping[str, str] | None = None, *, check_files: bool = True
) -> Plan:
    """Read a plan from a TOML file and check it completely.

    Parameters
    ----------
    path : str or Path
        The file.
    overrides : mapping of str to str, optional
        Axis name to values that replace the file's, as text: ``"0.6,1.2"`` or ``"0.5:1.2:8"``
        (linear) or ``"3k:1M:10:log"``.
    check_files : bool
        False where nothing will be simulated, as for reading the results of a run: the
        technology's model files need not be there.

    Returns
    -------
    Plan
        Ready to be run.

    Raises
    ------
    InputError
        If the file is missing or anything in it cannot be used; the message names file and key.
    """
    path = Path(path)
    document = read_toml(path, "plan")
    if overrides:
        axes = document.setdefault("axes", {})
        axes |= {name: parse_axis_text(name, text) for name, text in overrides.items()}
    try:
        return make_plan(document, folder=path.parent, check_files=check_files)
    except InputError as error:
        raise InputError(f"plan {path}: {error}") from None


def make_plan(
    document: Mapping[str, Any], *, folder: Path | None = None, check_files: bool = True
) -> Plan:
    """Check a plan given as nested dictionaries, as TOML would read it.

    Parameters
    ----------
    document : mapping
        Keys ``plan``, ``parameters``, ``axes`` (see the design of the plan file in the docs).
    folder : Path, optional
        Where a relative technology path starts; the current folder by default.
    check_files : bool
        False where nothing will be simulated (see `load_plan`).

    Returns
    -------
    Plan
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
    testbench = TESTBENCHES[head.testbench]
    name = head.technology
    if name.endswith(".toml"):
        name = str(((folder or Path()) / name).resolve())
    technology = load_technology(name, check_files=check_files)
    parameters = parse_parameters(testbench, content.parameters)
    plan = Plan(
        testbench=testbench,
        technology=technology,
        technology_name=name,
        seed=head.seed,
        accuracy=head.accuracy,
        point_timeout_s=head.point_timeout_s,
        parameters=parameters,
        axes=_axes(testbench, technology, content.axes, skip=set(content.rows)),
        rows=_rows(testbench, content.rows),
        samples=content.monte_carlo.samples if content.monte_carlo else None,
        variation=_variation(testbench, technology, parameters, head.seed, content.monte_carlo),
    )
    _check_points(plan)
    return plan


def parse_parameters(testbench: ReadTestbench, given: Mapping[str, Any]) -> Any:
    """Return a testbench's parameter record from names and values that may be texts with units.

    Parameters
    ----------
    testbench : ReadTestbench
        The testbench.
    given : mapping
        Field name to value; the rest keep their defaults.

    Returns
    -------
    record
        Of the testbench's own type.

    Raises
    ------
    InputError
        On an unknown name or a value that cannot be used.
    """
    fields = {field.name: field for field in dataclasses.fields(testbench.parameters_type)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in fields:
            raise InputError(
                f"parameters: unknown key {name!r}; the {testbench.name} testbench has "
                f"{', '.join(fields)}"
            )
        if unit_of(name):
            values[name] = parse_quantity(value, unit_of(name), name=f"parameters.{name}")
        else:
            values[name] = value
    return testbench.parameters_type(**values)


def _variation(
    testbench: ReadTestbench,
    technology: Technology,
    parameters: Any,
    seed: int,
    spec: _MonteCarlo | None,
) -> Variation | None:
    if spec is None:
        return None
    if not (spec.mismatch or spec.process):
        raise InputError("monte_carlo: mismatch and process are both off; nothing would vary")
    spreads = spreads_of(technology, testbench.transistors(parameters))
    for wanted, name in ((spec.mismatch, "sigma_vth_v"), (spec.process, "sigma_vth_global_v")):
        if wanted and not any(getattr(spread, name) > 0 for spread in spreads):
            coefficient = "a_vt_v_m" if name == "sigma_vth_v" else "sigma_vth_global_v"
            raise InputError(
                f"monte_carlo: technology {technology.name} gives no {coefficient} for the devices "
                "of this circuit, so nothing would vary; add it to the technology file"
            )
    return Variation(
        seed,
        spreads,
        mismatch=spec.mismatch,
        process=spec.process,
        sampling=spec.sampling,
        samples=spec.samples,
    )


def read_parameters(document: Mapping[str, Any]) -> Any:
    """Return the parameter record of a resolved plan's document."""
    testbench = TESTBENCHES[document["plan"]["testbench"]]
    return parse_parameters(testbench, document["parameters"])


def _axes(
    testbench: ReadTestbench, technology: Technology, given: Mapping[str, Any], skip: set[str]
) -> dict[str, tuple[AxisValue, ...]]:
    known = (*CONDITION_AXES, *testbench.point_fields)
    for name in skip & set(given):
        raise InputError(f"{name} stands in both [axes] and [list]; keep one of them")
    for name in given:
        if name not in known:
            raise InputError(f"axes: unknown axis {name!r}; expected one of {', '.join(known)}")
    fixed: dict[str, tuple[AxisValue, ...]] = {
        "corner": (next(iter(technology.corners)),),
        "temperature_c": (27.0,),
        "vdd_v": (technology.vdd_nominal_v,),
    }
    swept = {name: axis_values(name, spec) for name, spec in given.items()}
    missing = {n: fixed.get(n, (None,)) for n in known if n not in swept and n not in skip}
    return missing | swept


def _rows(
    testbench: ReadTestbench, given: Mapping[str, list[float | str]]
) -> tuple[Mapping[str, AxisValue], ...]:
    if not given:
        return ({},)
    for name in given:
        if name not in testbench.point_fields:
            raise InputError(
                f"list: unknown name {name!r}; expected one of {', '.join(testbench.point_fields)}"
            )
    lengths = {name: len(values) for name, values in given.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise InputError(f"list: expected lists of one length above 0, got {lengths}")
    columns = {
        name: [parse_quantity(v, unit_of(name), name=f"list.{name}") for v in values]
        for name, values in given.items()
    }
    return tuple(
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    )


def _check_points(plan: Plan) -> None:
    """Check every value of every axis and every row once, before anything is simulated."""
    first = {name: values[0] for name, values in plan.axes.items()} | dict(plan.rows[0])
    variants = [first | {name: v} for name, values in plan.axes.items() for v in values]
    for values in [*variants, *(first | dict(row) for row in plan.rows)]:
        condition_of(values).check(plan.technology)
        plan.testbench.point(values, plan.parameters)
    # Builds a deck once, so that sizes are checked against the technology too.
    point = plan.testbench.point(first, plan.parameters)
    plan.testbench.deck(plan.technology, condition_of(first), plan.parameters, point)


def condition_of(values: Mapping[str, AxisValue]) -> Condition:
    """Return the condition among a point's axis values."""
    return Condition(
        corner=str(values["corner"]),
        temperature_c=float(values["temperature_c"]),  # type: ignore[arg-type]
        vdd_v=float(values["vdd_v"]),  # type: ignore[arg-type]
    )
