"""``rramchar ber from-model``: error rates of fitted models."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    progress_bar,
    stdout,
    write_figure,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rramchar.ber import BerRow
    from rramchar.ber.from_models import Age
    from rramchar.fitting.read_decision import ReadCondition

TargetOption = Annotated[
    float | None,
    typer.Option(help="Rate to be resolved: sampling may end once the interval lies below it."),
]
PrecisionOption = Annotated[
    float, typer.Option(help="Half width of the 95 % interval, as a share of the rate.")
]


def from_model(
    model: Annotated[Path, typer.Argument(metavar="MODEL.json", help="Of `fit resistance`.")],
    read_model: Annotated[
        Path | None,
        typer.Option("--read-model", metavar="READ.json", help="Of `fit read-model`."),
    ] = None,
    offset: Annotated[float, typer.Option(help="Mean offset of the amplifier in ln R.")] = 0.0,
    sigma: Annotated[float, typer.Option(help="Sigma of the amplifier's offset in ln R.")] = 0.0,
    retention: Annotated[
        Path | None, typer.Option(metavar="RETENTION.json", help="Of `fit retention`.")
    ] = None,
    time: Annotated[
        str, typer.Option(help="Times after programming with --retention, a list such as 1,3600.")
    ] = "",
    bake: Annotated[str, typer.Option(help="Temperature during that time, in degC.")] = "27",
    threshold: Annotated[str, typer.Option(help="1T1R: best, median, or ohm such as 8k.")] = "best",
    target: TargetOption = None,
    precision: PrecisionOption = 0.2,
    budget: Annotated[int, typer.Option(help="Most evaluations with --target.")] = 5000,
    trials: Annotated[
        int, typer.Option(help="Ternary reads drawn of each stored weight, with --read-model.")
    ] = 200_000,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    programming: Annotated[str, typer.Option(help="A note for the table.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a BER table (CSV) here.")
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Error rates of fitted resistances, read ideally or by a fitted amplifier.

    Closed form for lognormal states, quadrature for others; the interval is
    that of the model's parameters. With --target the rate is estimated by line
    sampling instead, as `ber from-spice` does it on ngspice, and the interval
    is that of the sampling. With --read-model there is a row for each of its
    conditions, and ternary reads are drawn too; with --retention and --time a
    row for each time after programming.

    Example: rramchar ber from-model resistance.json --sigma 0.1 --target 1e-7 --json
    """
    from rramchar.ber import BerTable, make_row
    from rramchar.ber.from_models import rate_1t1r, threshold_of
    from rramchar.ber.states import states_of
    from rramchar.fitting import load_model
    from rramchar.fitting.read_decision import read_conditions
    from rramchar.provenance import provenance
    from rramchar.units import parse_quantity

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    level: float | str = threshold
    if threshold not in ("best", "median"):
        level = parse_quantity(threshold, "ohm", name="--threshold (best, median or ohm)")
    if read_model is not None and (offset or sigma):
        raise InputError("--offset and --sigma: the read model holds them; leave them or it out")
    fitted = load_model(model)
    states = states_of(fitted)
    conditions: list[ReadCondition | None] = [None]
    if read_model is not None:
        conditions = list(read_conditions(load_model(read_model)))
    single = rate_1t1r(fitted, level, seed=seed)
    rows = [
        make_row(cell="1t1r", coding="binary", source="model", programming=programming,
                 ber=single.ber, ber_low=single.low, ber_high=single.high)
    ]  # fmt: skip
    facts = []
    ages = _ages(retention, time, bake)
    for time_s, age in ages.items():
        if time_s is not None:
            aged = rate_1t1r(fitted, level, seed=seed, age=age)
            rows.append(
                make_row(cell="1t1r", coding="binary", source="model", programming=programming,
                         ber=aged.ber, ber_low=aged.low, ber_high=aged.high, time_s=time_s)
            )  # fmt: skip
    jobs = [
        _Job(fitted, condition, offset, sigma, seed, programming, trials, time_s, age)
        for condition in conditions
        for time_s, age in ages.items()
    ]
    for job in _watched(jobs):
        found, fact = job.run(target, precision, budget)
        rows += found
        facts.append(fact)
    if output is not None:
        inputs = [model, *([read_model] if read_model else [])]
        command = f"rramchar ber from-model {model.name}"
        BerTable.from_rows(rows).save(output, provenance(inputs=inputs, command=command, seed=seed))
    if plot is not None:
        _draw(rows, plot, model.name)
    one = {**dataclasses.asdict(single), "threshold_ohm": threshold_of(states, level)}
    result: dict[str, Any] = facts[0] if len(facts) == 1 else {"conditions": facts}
    result |= {"ber_1t1r": one, "model": str(model), "table": output, "plot": plot}
    emit(result, as_json, lambda: _show(rows, facts, output, plot))
    if any(fact["low"] is None for fact in facts):
        raise typer.Exit(1)


def _ages(retention: Path | None, time: str, bake: str) -> dict[float | None, Age]:
    """Return the times to be looked at, and what turns fresh states into those of a time."""
    from rramchar.ber.aging import aged_states
    from rramchar.ber.from_models import fresh
    from rramchar.cli.ber_tables import listed
    from rramchar.fitting import load_model
    from rramchar.units import parse_quantity

    if (retention is None) != (not time):
        raise InputError("--retention and --time go together; give both or neither")
    ages: dict[float | None, Age] = {None: fresh}
    if retention is not None:
        law, temperature = load_model(retention), parse_quantity(bake, "C", name="--bake")
        for text in listed(time, "--time"):
            at = parse_quantity(text, "s", name="--time")
            ages[at] = lambda states, at=at: aged_states(states, law, at, temperature)  # type: ignore[misc]
    return ages


def _watched(jobs: list[_Job]) -> Iterator[_Job]:
    """Yield the jobs, with a progress bar where there are several."""
    if len(jobs) == 1:
        yield from jobs
        return
    with progress_bar("conditions") as bar:
        task = bar.add_task("2T2R", total=len(jobs))
        for job in jobs:
            yield job
            bar.advance(task)


@dataclasses.dataclass(frozen=True)
class _Job:
    """One condition of the table."""

    model: Any
    condition: ReadCondition | None
    offset: float
    sigma: float
    seed: int
    programming: str
    trials: int
    time_s: float | None
    age: Age

    def run(
        self, target: float | None, precision: float, budget: int
    ) -> tuple[list[BerRow], dict[str, Any]]:
        from rramchar.ber.analytic import has_closed_form
        from rramchar.ber.from_models import amplifier_offset, rate_2t2r, sample_2t2r
        from rramchar.ber.states import states_of

        states = self.age(states_of(self.model))
        shift, spread = self.offset, self.sigma
        if self.condition is not None:
            shift, spread = amplifier_offset(self.condition, states)
        exact = rate_2t2r(
            self.model, offset_ln_r=shift, sigma_ln_r=spread, seed=self.seed, age=self.age
        )
        fact: dict[str, Any] = {**self._columns(), "offset_ln_r": shift, "sigma_ln_r": spread}
        if target is None:
            method = "closed form" if has_closed_form(states) else "quadrature"
            fact |= {"method": method, "interval": "parameters", "simulations": 0}
            fact |= dataclasses.asdict(exact)
        else:
            found = sample_2t2r(
                states, offset_ln_r=shift, sigma_ln_r=spread, seed=self.seed, target=target,
                precision=precision, budget=budget,
            )  # fmt: skip
            fact |= {"method": "line sampling", "interval": "sampling", "exact": exact.ber}
            fact |= {"parameters_low": exact.low, "parameters_high": exact.high, "target": target}
            fact |= dataclasses.asdict(found)
        rows = []
        if fact["low"] is not None:
            rows.append(self._row(ber=fact["ber"], ber_low=fact["low"], ber_high=fact["high"]))
        if self.condition is not None:
            rows.append(self._ternary())
        return rows, fact

    def _columns(self) -> dict[str, Any]:
        from rramchar.ber.from_models import condition_columns

        return {**condition_columns(self.condition), "time_s": self.time_s}

    def _row(self, **rate: Any) -> BerRow:
        from rramchar.ber import make_row

        columns = {**self._columns(), "programming": self.programming}
        return make_row(cell="2t2r", coding="binary", source="model", **columns, **rate)

    def _ternary(self) -> BerRow:
        from rramchar.ber import make_row
        from rramchar.ber.from_models import ternary_counts
        from rramchar.ber.states import states_of

        assert self.condition is not None
        counts = ternary_counts(
            self.age(states_of(self.model)), self.condition, trials=self.trials, seed=self.seed
        )
        columns = {**self._columns(), "programming": self.programming}
        return make_row(cell="2t2r", coding="ternary", source="model", counts=counts, **columns)


def _draw(rows: list[BerRow], plot: Path, title: str) -> None:
    from rramchar.cli.ber_tables import lines_of, widest
    from rramchar.report.ber import plot_ber_against

    x = widest({Path(title): rows})
    # A threshold has no supply: single devices have no place on such an axis.
    shown = [row for row in rows if x == "cell" or getattr(row, x) is not None]
    write_figure(plot, plot_ber_against(lines_of({Path(title): shown}, x), x, title))


def _show(
    rows: list[BerRow], facts: list[dict[str, Any]], output: Path | None, plot: Path | None
) -> None:
    from rramchar.cli.ber_tables import show_rows

    show_rows(rows, "Bit error rates of the model")
    for fact in facts:
        stdout.print(f"2T2R: {fact['method']}; the interval is that of the {fact['interval']}")
        if fact.get("note"):
            stdout.print(f"2T2R: {fact['note']}")
    for path in (output, plot):
        if path is not None:
            stdout.print(f"written: {path}", markup=False)
