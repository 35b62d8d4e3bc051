"""``rramchar energies``: measure what a read, a SET and a weak RESET take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from rramchar.cli.common import JsonOption, check_writable, emit, late_progress, stdout

if TYPE_CHECKING:
    from rramchar.nn.energy_devices import DeviceEnergies


def energies(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="ENERGIES.json", help="Write the energies here."),
    ],
    technology: TechnologyOption = "generic130",
    amplifier: AmplifierOption = "xnor_pcsa",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    sample_time: SampleOption = "10n",
    settings: SetOption = None,
    lrs: Annotated[str, typer.Option(help="Lower resistance of the pair that is read.")] = "7k",
    hrs: Annotated[str, typer.Option(help="Higher resistance of it.")] = "20k",
    set_from: Annotated[
        str, typer.Option(help="Resistances that a device is SET from, a list.")
    ] = "10k,20k,50k",
    weak_voltage: Annotated[str, typer.Option(help="Source line of the weak RESET.")] = "1.2",
    weak_width: Annotated[str, typer.Option(help="Width of the weak RESET.")] = "100n",
    weak_pulses: Annotated[int, typer.Option(help="Weak RESETs in a row.")] = 20,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the energy of a read, a SET and a weak RESET on ngspice.

    The file is what [bold]rramchar learn study energy --set energies=FILE[/] takes.
    Reads are those of the read testbench; pulses act on one device and its
    thick-oxide transistor.

    Example: rramchar energies -o energies.json --vdd 1.2 --set c_bl_f=80f
    """
    from rramchar.characterize.energies import EnergyCases, measure_energies
    from rramchar.errors import InputError
    from rramchar.nn.energy_devices import DeviceEnergies, DeviceEnergy
    from rramchar.nn.energy_table import Node
    from rramchar.provenance import provenance
    from rramchar.sweep.plan import parse_parameters
    from rramchar.testbench import TESTBENCHES

    check_writable(output, option="--output")
    process, condition = ConditionText(technology, corner, temperature, vdd).load()
    given = {"amplifier": amplifier, "sample_time_s": sample_time, **parse_settings(settings)}
    parameters = parse_parameters(TESTBENCHES["read"], given)
    low_ohm, high_ohm = _positive(lrs, "ohm", "--lrs"), _positive(hrs, "ohm", "--hrs")
    if low_ohm >= high_ohm:
        raise InputError(f"--lrs {lrs}: expected below --hrs {hrs}")
    if weak_pulses < 1:
        raise InputError(f"--weak-pulses {weak_pulses}: expected at least 1")
    cases = EnergyCases(
        r_low_ohm=low_ohm,
        r_high_ohm=high_ohm,
        set_from_ohm=tuple(_positive(part, "ohm", "--set-from") for part in set_from.split(",")),
        weak_sl_v=_positive(weak_voltage, "V", "--weak-voltage"),
        weak_width_s=_positive(weak_width, "s", "--weak-width"),
        weak_pulses=weak_pulses,
    )
    # A plan resolves a relative path from its own folder; an absolute one means the same anywhere.
    name = str(Path(technology).resolve()) if technology.endswith(".toml") else technology
    with late_progress("groups") as report:
        measured = measure_energies(
            name,
            process,
            condition,
            parameters,
            cases,
            workers=workers,
            progress=report,
        )
    facts = provenance(
        command="rramchar energies",
        technology=process.name,
        corner=condition.corner,
        temperature_c=condition.temperature_c,
        cases=vars(cases),
        read_parameters=vars(parameters),
    )
    found = DeviceEnergies(
        node=Node(process.device("nmos").minimum_length_m, condition.vdd_v),
        provenance=facts,
        **{name: DeviceEnergy.of(case.energies_j, case.how) for name, case in measured.items()},
    )
    found.save(output)
    document = {name: vars(getattr(found, name)) for name in measured}
    emit({**vars(found.node), **document, "output": output}, as_json, lambda: _show(found, output))


def _positive(text: str, unit: str, option: str) -> float:
    from rramchar.errors import InputError
    from rramchar.units import parse_quantity

    value = parse_quantity(text.strip(), unit, name=option)
    if value <= 0:
        raise InputError(f"{option} {text.strip()}: expected a number above 0 [{unit}]")
    return value


def _show(found: DeviceEnergies, output: Path) -> None:
    from rramchar.units import format_quantity

    for name in ("read", "set", "weak_reset"):
        energy = getattr(found, name)
        low, mean, high = (
            format_quantity(value, "J", digits=3)
            for value in (energy.low_j, energy.energy_j, energy.high_j)
        )
        title = name.replace("_", " ")
        stdout.print(f"{title}: {mean} ({low} to {high}); {energy.how}", markup=False)
    stdout.print(f"written: {output}", markup=False)
