"""``rramchar ber from-spice``: error rates of random reads on ngspice."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.ber_model import PrecisionOption, TargetOption
from rramchar.cli.ber_tables import listed
from rramchar.cli.circuit_options import (
    AmplifierOption,
    ConditionText,
    CornerOption,
    SampleOption,
    SetOption,
    TechnologyOption,
    TemperatureOption,
    VddOption,
    WorkersOption,
    parse_settings,
)
from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    progress_bar,
    stderr,
    stdout,
    write_figure,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rramchar.ber import BerRow
    from rramchar.ber.from_spice import SpiceSetting
    from rramchar.ber.spice_table import Finished
    from rramchar.ber.states import States


def from_spice(
    model: Annotated[Path, typer.Argument(metavar="MODEL.json", help="Of `fit resistance`.")],
    technology: TechnologyOption = "generic130",
    amplifier: AmplifierOption = "pcsa",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
    mismatch: Annotated[
        bool, typer.Option("--mismatch/--nominal", help="Vary each transistor, or none.")
    ] = True,
    process: Annotated[bool, typer.Option("--process", help="Vary the die too.")] = False,
    count: Annotated[
        int | None,
        typer.Option(help="Plain Monte Carlo of so many reads per stored weight instead."),
    ] = None,
    ternary: Annotated[
        bool, typer.Option("--ternary", help="With --count: stored +1, 0, -1 and all outcomes.")
    ] = False,
    target: TargetOption = None,
    precision: PrecisionOption = 0.2,
    budget: Annotated[int, typer.Option(help="Most reads for each condition.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    programming: Annotated[str, typer.Option(help="A note for the table.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="BER table (CSV), written after every condition."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--fresh", help="Keep the rows of -o with the same settings, or none."
        ),
    ] = True,
    plot: PlotOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Error rates of random pairs read by random amplifiers on ngspice.

    Rare errors take line sampling: some hundred random lines through the space
    of resistances and thresholds, each followed to where its read goes wrong.
    Corner, temperature, supply and sampling time may be lists: --vdd 0.6,1.2.
    Interrupted, the same command with the same -o goes on where it stopped.

    Example: rramchar ber from-spice resistance.json --vdd 1.2 --target 1e-7 -o ber.csv
    """
    from rramchar.ber.states import states_of
    from rramchar.fitting import load_model

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    if ternary and count is None:
        raise InputError("--ternary: needs --count; rare ternary errors are not sampled by lines")
    states = states_of(load_model(model))
    cases = _settings(technology, amplifier, corner, temperature, vdd, sample_time, settings)
    cases = [
        dataclasses.replace(c, mismatch=mismatch, process=process, workers=workers) for c in cases
    ]
    request = _Request(count, ternary, precision, budget, target, seed, programming)
    jobs = [_Job(case, states, request) for case in cases]
    digests = _digests(cases, model, request)
    kept = _kept(output, digests) if resume else {}
    outcomes = _simulate(jobs, digests, kept, output, model)
    rows = [outcome.row for outcome in outcomes if outcome.row is not None]
    facts = [outcome.facts for outcome in outcomes]
    if plot is not None and rows:
        _draw(rows, plot, model.name)
    result: dict[str, Any] = facts[0] if len(facts) == 1 else {"conditions": facts}
    result |= {"model": str(model), "seed": seed, "table": output if rows else None, "plot": plot}
    emit(result, as_json, lambda: _show(rows, facts, output, plot))
    if len(rows) < len(cases):
        raise typer.Exit(1)


@dataclasses.dataclass(frozen=True)
class _Request:
    """What is asked for at every condition."""

    count: int | None
    ternary: bool
    precision: float
    budget: int
    target: float | None
    seed: int
    programming: str


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What came of one condition; no row where no interval can be stated or a read failed."""

    row: BerRow | None
    facts: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Job:
    """One condition of the table."""

    setting: SpiceSetting
    states: States
    request: _Request

    def run(self, advance: Callable[[int, int], None]) -> _Outcome:
        from rramchar.errors import SimulationError

        run = self._sample if self.request.count is None else self._count
        try:
            return run(advance)
        except SimulationError as error:
            nothing = {"ber": None, "low": None, "high": None, "simulations": None}
            return _Outcome(None, {**self._condition(), **nothing, "note": str(error)})

    def _sample(self, advance: Callable[[int, int], None]) -> _Outcome:
        from rramchar.ber import make_row
        from rramchar.ber.from_spice import sample_spice

        asked = self.request
        found = sample_spice(
            self.setting, self.states, seed=asked.seed, precision=asked.precision,
            budget=asked.budget, target=asked.target, progress=advance,
        )  # fmt: skip
        facts = {**self._condition(), "method": "line sampling", **dataclasses.asdict(found)}
        if found.low is None or found.high is None:
            return _Outcome(None, facts)
        row = make_row(
            cell="2t2r", coding="binary", source="spice", programming=asked.programming,
            ber=found.ber, ber_low=found.low, ber_high=found.high, **self._condition(),
        )  # fmt: skip
        return _Outcome(row, facts)

    def _count(self, advance: Callable[[int, int], None]) -> _Outcome:
        from rramchar.ber import make_row
        from rramchar.ber.from_spice import count_spice

        asked = self.request
        found = count_spice(
            self.setting, self.states, reads_per_weight=asked.count or 0, ternary=asked.ternary,
            seed=asked.seed, progress=advance,
        )  # fmt: skip
        row = make_row(
            cell="2t2r", coding="ternary" if asked.ternary else "binary", source="spice",
            counts=found.counts, programming=asked.programming, **self._condition(),
        )  # fmt: skip
        low, high = found.interval()
        row = dataclasses.replace(row, ber_low=low, ber_high=high)
        failed = found.failed_simulations
        facts = {
            **self._condition(), "method": "Monte Carlo", "ber": row.ber, "low": low, "high": high,
            "simulations": found.simulations, "failed_simulations": failed,
            "counts": found.counts.tolist(),
            "note": f"{failed} failed; the interval takes both outcomes" if failed else "",
        }  # fmt: skip
        return _Outcome(row, facts)

    def _condition(self) -> dict[str, Any]:
        condition = self.setting.condition
        return {
            "corner": condition.corner,
            "temperature_c": condition.temperature_c,
            "vdd_v": condition.vdd_v,
            "sample_time_s": self.setting.parameters.sample_time_s,
        }


def _digests(cases: list[SpiceSetting], model: Path, request: _Request) -> list[str]:
    from rramchar.ber.spice_table import settings_digest
    from rramchar.provenance import digest_file

    asked = dataclasses.asdict(request)
    return [settings_digest(case, model=digest_file(model), **asked) for case in cases]


def _kept(output: Path | None, digests: list[str]) -> dict[str, Finished]:
    """Return what the table holds of the conditions that are asked for."""
    from rramchar.ber.spice_table import load_finished

    found = {} if output is None else load_finished(output)
    return {digest: found[digest] for digest in digests if digest in found}


def _simulate(
    jobs: list[_Job],
    digests: list[str],
    done: dict[str, Finished],
    output: Path | None,
    model: Path,
) -> list[_Outcome]:
    """Run what is not done yet, and save the table after every condition."""
    from rramchar.ber.spice_table import Finished, save_finished

    def save() -> None:
        rows = [done[digest] for digest in digests if digest in done]
        if output is not None and rows:
            save_finished(output, rows, model, jobs[0].request.seed)

    outcomes = {
        digest: _Outcome(old.row, {**old.facts, "kept": True}) for digest, old in done.items()
    }
    done = dict(done)
    save()
    with progress_bar("reads") as bar:
        for job, digest in zip(jobs, digests, strict=True):
            if digest in done:
                continue
            task = bar.add_task(_title(job.setting), total=None)

            def advance(reads: int, total: int, task: Any = task) -> None:
                bar.update(task, completed=reads, total=total)

            try:
                outcome = outcomes[digest] = job.run(advance)
            except KeyboardInterrupt:
                bar.stop()
                stderr.print(_interrupted(len(outcomes), len(jobs), bool(done), output))
                raise typer.Exit(130) from None
            if outcome.row is None:
                continue
            done[digest] = Finished(digest, outcome.row, outcome.facts)
            save()
    return [outcomes[digest] for digest in digests]


def _interrupted(finished: int, planned: int, rows: bool, output: Path | None) -> str:
    text = f"interrupted after {finished} of {planned} conditions"
    if output is None:
        return f"{text}; nothing was written: with -o TABLE, what is finished is kept"
    if not rows:
        return f"{text}; no row was written yet"
    return f"{text}; their rows are in {output}, run the same command to go on"


def _settings(
    technology: str, amplifier: str, corner: str, temperature: str, vdd: str | None,
    sample_time: str, settings: list[str] | None,
) -> list[SpiceSetting]:  # fmt: skip
    """Return every combination of the listed conditions."""
    from rramchar.ber.from_spice import SpiceSetting
    from rramchar.sweep.plan import parse_parameters
    from rramchar.testbench import TESTBENCHES

    supplies: list[str | None] = [None] if vdd is None else [*listed(vdd, "--vdd")]
    cases = []
    for one_corner, one_temperature, supply, time in itertools.product(
        listed(corner, "--corner"), listed(temperature, "--temperature"), supplies,
        listed(sample_time, "--sample-time"),
    ):  # fmt: skip
        process, condition = ConditionText(technology, one_corner, one_temperature, supply).load()
        given = {"amplifier": amplifier, "sample_time_s": time, **parse_settings(settings)}
        parameters = parse_parameters(TESTBENCHES["read"], given)
        cases.append(SpiceSetting(process, condition, parameters))
    return cases


def _title(case: SpiceSetting) -> str:
    condition = case.condition
    return f"{condition.corner}, {condition.temperature_c:g} °C, {condition.vdd_v:g} V"


def _draw(rows: list[BerRow], plot: Path, title: str) -> None:
    from rramchar.cli.ber_tables import lines_of, widest
    from rramchar.report.ber import plot_ber_against

    found = {Path(title): rows}
    x = widest(found)
    write_figure(plot, plot_ber_against(lines_of(found, x), x, title))


def _show(
    rows: list[BerRow], facts: list[dict[str, Any]], output: Path | None, plot: Path | None
) -> None:
    from rramchar.cli.ber_tables import show_rows

    if rows:
        show_rows(rows, "Bit error rates on ngspice")
    for fact in facts:
        text = f"{fact['corner']}, {fact['temperature_c']:g} °C, {fact['vdd_v']:g} V"
        if fact["simulations"] is not None:
            text += f": {fact['simulations']:,} reads"
        if fact.get("failed_simulations"):
            text += f" ({fact['failed_simulations']:,} failed)"
        if "effective_lines" in fact:
            text += f", {fact['lines']} lines worth {fact['effective_lines']:.0f}"
        if fact.get("kept"):
            text += ", kept from the table"
        stdout.print(f"{text}; {fact['note']}" if fact["note"] else text, markup=False)
    for path in (output, plot):
        if path is not None and rows:
            stdout.print(f"written: {path}", markup=False)
