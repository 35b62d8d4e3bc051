"""A point of a run as a deck for plain ``ngspice -b``, without rramchar."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rramchar.errors import InputError
from rramchar.spice.deck import LADDERS, Solver
from rramchar.sweep.altered import write_alterations
from rramchar.sweep.layout import Point
from rramchar.sweep.lookup import (
    StoredResults,
    alterations_of,
    described,
    open_run_to_simulate,
    point_at,
    solver_of,
)
from rramchar.sweep.plan import Plan

_LINE = 90


@dataclass(frozen=True)
class Reproduction:
    """A deck that makes one point of a run.

    Parameters
    ----------
    point : int
        Number of the point.
    values : dict
        Its axis values, and the sample where there are several.
    row : dict
        Its stored columns: ``status``, ``reason``, ``detail`` and results.
    solver : str
        Name of the solver options in the deck.
    why : str
        Why these.
    text : str
        The deck.
    """

    point: int
    values: dict[str, Any]
    row: dict[str, Any]
    solver: str
    why: str
    text: str


def reproducing_deck(folder: str | Path, point: int) -> Reproduction:
    """Return a complete deck of one simulated point of a run, failed or not.

    Parameters
    ----------
    folder : str or Path
        Run directory.
    point : int
        Number in the column ``point``.

    Returns
    -------
    Reproduction
        Its text holds the point's own values: resistances, inputs, shifted thresholds and widths.
        Comments tell what the run stored; ``.meas`` lines measure the sense time again.

    Raises
    ------
    StoreError
        If the directory holds no run, or the technology's files have changed since.
    InputError
        If the plan has no such point, it was not simulated yet, or the technology's files are not
        there.

    Notes
    -----
    A read that ngspice solved comes out the same to the step control: all nodes are saved here, and
    the values are read from text.
    """
    folder = Path(folder)
    plan = open_run_to_simulate(folder)
    condition, planned = point_at(plan, point)
    with StoredResults(folder, plan) as store:
        row = store.row(planned.key)
        version = store.meta().get("ngspice_version")
    if row is None:
        raise InputError(f"{folder}: point {point} was not simulated yet; resume the run first")
    solver, why = _solver(plan, row)
    deck = plan.testbench.deck(
        plan.technology,
        condition,
        plan.parameters,
        planned.record,
        mismatch=plan.variation is not None,
    )
    alterations = alterations_of(plan, condition, planned)
    unit = plan.technology.size_unit_m
    deck = replace(deck, circuit=write_alterations(deck.circuit, alterations, size_unit_m=unit))
    title, rest = deck.text(solver, by_hand=True).split("\n", 1)
    facts = _facts(folder, plan, planned, row, version)
    facts.append(f"solver options: {solver.name}, {why}")
    text = "\n".join([title, *comment_lines(facts), rest])
    return Reproduction(point, described(planned), row, solver.name, why, text)


def comment_lines(facts: list[str]) -> list[str]:
    """Return texts as comment lines of a netlist, harmless whatever they hold.

    Parameters
    ----------
    facts : list of str
        One or more lines each, of any characters.

    Returns
    -------
    list of str
        Lines that begin with ``* `` and hold printable ASCII without backslashes: a line feed would
        start an element, a backslash at the end of a line would take in the next one.
    """
    lines = []
    for fact in facts:
        plain = re.sub(r"[^ -~]+", " ", fact).replace("\\", "/")
        lines += textwrap.wrap(
            plain, _LINE, initial_indent="* ", subsequent_indent="*   ", break_on_hyphens=False
        )
    return lines


def _solver(plan: Plan, row: dict[str, Any]) -> tuple[Solver, str]:
    """Return the solver options that made a row, and in what way they did."""
    if (found := solver_of(plan, row)) is not None:
        return found, "which solved the point"
    ladder = LADDERS[plan.accuracy]
    if row["status"] == "ok":
        return ladder[0], f"for this rramchar has no {row['solver']}, which solved the point"
    if row["reason"] == "convergence":
        names = ", ".join(solver.name for solver in ladder)
        return ladder[-1], f"the last that was tried of {names}"
    return ladder[0], "the first that was tried"


def _facts(
    folder: Path, plan: Plan, point: Point, row: dict[str, Any], version: int | None
) -> list[str]:
    values = ", ".join(f"{name} = {_text(value)}" for name, value in described(point).items())
    status = row["status"] if row["status"] == "ok" else f"{row['status']}, {row['reason']}"
    facts = [
        f"point {point.index} of the run {folder.resolve().name}; run it with: ngspice -b FILE",
        values,
        f"technology {plan.technology.name}, digest {plan.technology.digest[:16]}; "
        f"simulated by ngspice {version or 'of unknown version'}",
        f"status: {status}",
    ]
    if row["detail"]:
        facts.append(f"ngspice's last words: {row['detail']}")
    results = {name: row[name] for name in plan.testbench.result_fields if row[name] is not None}
    if results:
        stored = ", ".join(f"{name} = {_text(value)}" for name, value in results.items())
        facts.append(f"stored: {stored}")
    return facts


def _text(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
