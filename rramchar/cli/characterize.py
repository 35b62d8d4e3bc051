"""``rramchar map`` and ``rramchar offset``: boundaries found by bisection on the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from rramchar.characterize.outcome_map import OutcomeMap
    from rramchar.testbench import ReadParameters


def outcome_map(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="MAP.csv", help="Write the boundaries.")
    ] = None,
    plot: PlotOption = None,
    technology: TechnologyOption = "generic130",
    amplifier: AmplifierOption = "pcsa",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
    low: Annotated[str, typer.Option(help="Lowest resistance.")] = "3k",
    high: Annotated[str, typer.Option(help="Highest resistance.")] = "1M",
    resolution: Annotated[float, typer.Option(help="Of the boundaries, in decades.")] = 0.01,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trace which pairs of resistances read +1, 0 and -1, by bisection on ngspice.

    Corner, temperature, supply and sampling time may be lists: --vdd 0.5,0.6 --corner tt,ss. R* is
    the lower resistance of a pair of ratio 3 at which the read changes from +-1 to 0.

    Example: rramchar map --vdd 0.6 --sample-time 6n --set flavour=hvt --set c_bl_f=100f -o map.csv
    """
    import pandas as pd

    from rramchar.characterize.outcome_map import trace_outcome_map
    from rramchar.characterize.reader import Reader
    from rramchar.provenance import comment_header, provenance
    from rramchar.report.characterize import plot_boundaries
    from rramchar.units import parse_quantity

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    low_ohm = parse_quantity(low, "ohm", name="--low")
    high_ohm = parse_quantity(high, "ohm", name="--high")
    cases = [
        (ConditionText(technology, one_corner, one_temperature, one_vdd).load(),
         _parameters(amplifier, one_time, settings))
        for one_corner in _listed(corner, "--corner")
        for one_temperature in _listed(temperature, "--temperature")
        for one_vdd in (_listed(vdd, "--vdd") if vdd is not None else [None])
        for one_time in _listed(sample_time, "--sample-time")
    ]  # fmt: skip
    maps: dict[str, OutcomeMap] = {}
    facts: list[dict[str, Any]] = []
    with progress_bar("rows") as bar:
        for (process, condition), parameters in cases:
            title = (
                f"{condition.corner}, {condition.temperature_c:g} °C, {condition.vdd_v:g} V, "
                f"sampled at {parameters.sample_time_s * 1e9:g} ns"
            )
            task = bar.add_task(title, total=None)
            with Reader(process, condition, parameters, workers=workers) as reader:
                found = trace_outcome_map(
                    reader,
                    low_ohm=low_ohm,
                    high_ohm=high_ohm,
                    resolution_decade=resolution,
                    progress=lambda done, total, task=task: bar.update(  # type: ignore[misc]
                        task, completed=done, total=total
                    ),
                )
            maps[title] = found
            facts.append(
                {
                    "technology": process.name,
                    "amplifier": amplifier,
                    "corner": condition.corner,
                    "temperature_c": condition.temperature_c,
                    "vdd_v": condition.vdd_v,
                    "sample_time_s": parameters.sample_time_s,
                    "r_star_ohm": found.r_star_ohm,
                    "resolution_decade": found.resolution_decade,
                    "simulations": found.simulations,
                    "grid_simulations": found.grid_simulations,
                }
            )
    if output is not None:
        keys = ("corner", "temperature_c", "vdd_v", "sample_time_s")
        tables = [
            found.frame().assign(**{key: fact[key] for key in keys})
            for found, fact in zip(maps.values(), facts, strict=True)
        ]
        header = comment_header("rramchar outcome map", {"maps": facts, "provenance": provenance()})
        output.write_text(header + pd.concat(tables).to_csv(index=False), encoding="utf-8")
    if plot is not None:
        write_figure(plot, plot_boundaries(maps))
    result = facts[0] if len(facts) == 1 else {"maps": facts}

    def show() -> None:
        for title, found in maps.items():
            star = "not in range" if found.r_star_ohm is None else f"{found.r_star_ohm:,.0f} ohm"
            stdout.print(
                f"{title}: R* {star}; {found.simulations} simulations, where a grid of the same "
                f"resolution takes {found.grid_simulations:,}"
            )
        for path in (output, plot):
            if path is not None:
                stdout.print(f"written: {path}", markup=False)

    emit({**result, "output": output, "plot": plot}, as_json, show)


def _listed(text: str, option: str) -> list[str]:
    """Split a list of values that stands in one option."""
    values = [part.strip() for part in text.split(",") if part.strip()]
    if not values or len(set(values)) != len(values):
        raise InputError(f"{option}: {text!r}, expected values without repetition, such as a,b")
    return values


def offset(
    technology: TechnologyOption = "generic130",
    amplifier: AmplifierOption = "pcsa",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
    r: Annotated[str, typer.Option("--r", help="Geometric mean of the two resistances.")] = "10k",
    samples: Annotated[int, typer.Option(help="Monte Carlo samples.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
    sampling: Annotated[
        str, typer.Option(help="How samples are drawn: random, lhs (Latin hypercube) or sobol.")
    ] = "random",
    process_variation: Annotated[
        bool, typer.Option("--process", help="Vary the die too, not only each transistor.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the offset of each sample (CSV).")
    ] = None,
    plot: PlotOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Input-referred offset in ln(R_BL / R_BLb): Monte Carlo beside a sensitivity analysis.

    With --sampling sobol (best with 64, 128, 256, ... samples) or lhs, sigma and mean are closer to
    the truth for the same number of simulations, but come without an interval: one such design does
    not tell its own error; try other seeds.

    Example: rramchar offset --vdd 1.2 --samples 200 --seed 1 --plot offset.png
    """
    from rramchar.characterize.offset import find_offset
    from rramchar.characterize.reader import Reader
    from rramchar.provenance import comment_header, provenance
    from rramchar.report.characterize import plot_offset
    from rramchar.testbench.read import read_transistors
    from rramchar.testbench.variation import Variation, spreads_of
    from rramchar.units import parse_quantity

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    if seed < 0:
        raise InputError(f"--seed: {seed}, expected a whole number from 0")
    technology_, condition = ConditionText(technology, corner, temperature, vdd).load()
    parameters = _parameters(amplifier, sample_time, settings)
    spreads = spreads_of(technology_, read_transistors(parameters))
    if not any(spread.sigma_vth_v > 0 for spread in spreads):
        raise InputError(f"technology {technology_.name}: gives no a_vt_v_m, so nothing varies")
    variation = Variation(
        seed,
        spreads,
        mismatch=True,
        process=process_variation,
        sampling=sampling,
        samples=samples,
    )
    with (
        progress_bar("steps") as bar,
        Reader(technology_, condition, parameters, variation=variation, workers=workers) as reader,
    ):
        tasks: dict[str, int] = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"{name:<12}", total=total)
            bar.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]

        found = find_offset(
            reader,
            spreads,
            samples=samples,
            r_ohm=parse_quantity(r, "ohm", name="--r"),
            progress=advance,
        )
    result = {
        "technology": technology_.name,
        "corner": corner,
        "temperature_c": condition.temperature_c,
        "vdd_v": condition.vdd_v,
        "sigma_ln_r_mc": found.sigma_ln_r_mc,
        "sigma_ln_r_mc_low": found.sigma_low,
        "sigma_ln_r_mc_high": found.sigma_high,
        "mean_ln_r_mc": found.mean_ln_r_mc,
        "sigma_ln_r_sensitivity": found.sigma_ln_r_sensitivity,
        "sensitivity_per_v": found.sensitivity_per_v,
        "samples": samples,
        "sampling": sampling,
        "seed": seed,
        "simulations": found.simulations,
    }
    if output is not None:
        header = comment_header("rramchar offset", {**result, "provenance": provenance()})
        lines = "\n".join(f"{k},{value:.6g}" for k, value in enumerate(found.offsets_ln_r))
        output.write_text(f"{header}sample,offset_ln_r\n{lines}\n", encoding="utf-8")
    if plot is not None:
        write_figure(
            plot, plot_offset(found, f"{technology_.name}, {condition.vdd_v:g} V, {corner}")
        )

    def show() -> None:
        interval = (
            f"one {sampling} design has no interval"
            if found.sigma_low is None
            else f"95 % {found.sigma_low:.4f} to {found.sigma_high:.4f}"
        )
        stdout.print(
            f"sigma of ln(R_BL/R_BLb): {found.sigma_ln_r_mc:.4f} ({interval}) from {samples} "
            f"{sampling} samples, {found.sigma_ln_r_sensitivity:.4f} from sensitivities; "
            f"{found.simulations} simulations"
        )
        for label, value in sorted(found.sensitivity_per_v.items(), key=lambda item: -abs(item[1])):
            stdout.print(f"  {label:<22} {value:+8.2f} per V")

    emit({**result, "output": output, "plot": plot}, as_json, show)


def _parameters(amplifier: str, sample_time: str, settings: list[str] | None) -> ReadParameters:
    from rramchar.sweep.plan import parse_parameters
    from rramchar.testbench import TESTBENCHES

    given = {"amplifier": amplifier, "sample_time_s": sample_time, **parse_settings(settings)}
    return parse_parameters(TESTBENCHES["read"], given)
