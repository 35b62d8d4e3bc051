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
    stdout,
    write_figure,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rramchar.ber import BerRow
    from rramchar.ber.from_spice import SpiceSetting
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
    plot: PlotOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Error rates of random pairs read by random amplifiers on ngspice.

    Rare errors take line sampling: some hundred random lines through the space
    of resistances and thresholds, each followed to where its read goes wrong.
    Corner, temperature, supply and sampling time may be lists: --vdd 0.6,1.2.

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
    rows: list[BerRow] = []
    facts: list[dict[str, Any]] = []
    with progress_bar("reads") as bar:
        for case in cases:
            task = bar.add_task(_title(case), total=None)
            job = _Job(case, states, seed, programming)

            def advance(done: int, total: int, task: Any = task) -> None:
                bar.update(task, completed=done, total=total)

            row: BerRow | None
            if count is not None:
                row, fact = job.count(count, ternary, advance)
            else:
                row, fact = job.sample(precision, budget, target, advance)
            facts.append(fact)
            if row is not None:
                rows.append(row)
                if output is not None:
                    _save(rows, output, model, seed)
    if plot is not None and rows:
        _draw(rows, plot, model.name)
    result: dict[str, Any] = facts[0] if len(facts) == 1 else {"conditions": facts}
    result |= {"model": str(model), "seed": seed, "table": output if rows else None, "plot": plot}
    emit(result, as_json, lambda: _show(rows, facts, output, plot))
    if len(rows) < len(cases):
        raise typer.Exit(1)


@dataclasses.dataclass(frozen=True)
class _Job:
    """One condition of the table."""

    setting: SpiceSetting
    states: States
    seed: int
    programming: str

    def sample(
        self,
        precision: float,
        budget: int,
        target: float | None,
        advance: Callable[[int, int], None],
    ) -> tuple[BerRow | None, dict[str, Any]]:
        from rramchar.ber import make_row
        from rramchar.ber.from_spice import sample_spice

        found = sample_spice(
            self.setting, self.states, seed=self.seed, precision=precision, budget=budget,
            target=target, progress=advance,
        )  # fmt: skip
        fact = {**self._condition(), "method": "line sampling", **dataclasses.asdict(found)}
        if found.low is None or found.high is None:
            return None, fact
        row = make_row(
            cell="2t2r", coding="binary", source="spice", programming=self.programming,
            ber=found.ber, ber_low=found.low, ber_high=found.high, **self._condition(),
        )  # fmt: skip
        return row, fact

    def count(
        self, reads: int, ternary: bool, advance: Callable[[int, int], None]
    ) -> tuple[BerRow, dict[str, Any]]:
        from rramchar.ber import make_row
        from rramchar.ber.from_spice import count_spice

        counts = count_spice(
            self.setting, self.states, reads_per_weight=reads, ternary=ternary, seed=self.seed,
            progress=advance,
        )  # fmt: skip
        row = make_row(
            cell="2t2r", coding="ternary" if ternary else "binary", source="spice", counts=counts,
            programming=self.programming, **self._condition(),
        )  # fmt: skip
        fact = {
            **self._condition(), "method": "Monte Carlo", "ber": row.ber, "low": row.ber_low,
            "high": row.ber_high, "simulations": row.trials, "counts": counts, "note": "",
        }  # fmt: skip
        return row, fact

    def _condition(self) -> dict[str, Any]:
        condition = self.setting.condition
        return {
            "corner": condition.corner,
            "temperature_c": condition.temperature_c,
            "vdd_v": condition.vdd_v,
            "sample_time_s": self.setting.parameters.sample_time_s,
        }


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


def _save(rows: list[BerRow], output: Path, model: Path, seed: int) -> None:
    from rramchar.ber import BerTable
    from rramchar.provenance import provenance

    facts = provenance(inputs=[model], command="rramchar ber from-spice", seed=seed)
    BerTable.from_rows(rows).save(output, facts)


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
        text += f": {fact['simulations']:,} reads"
        if "effective_lines" in fact:
            text += f", {fact['lines']} lines worth {fact['effective_lines']:.0f}"
        stdout.print(f"{text}; {fact['note']}" if fact["note"] else text)
    for path in (output, plot):
        if path is not None and rows:
            stdout.print(f"written: {path}", markup=False)
