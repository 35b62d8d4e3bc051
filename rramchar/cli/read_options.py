"""Options that every command on a read shares, and what they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.units import parse_quantity

if TYPE_CHECKING:
    from rramchar.technology import Condition, Technology
    from rramchar.testbench import ReadParameters

TechnologyOption = Annotated[
    str, typer.Option("--technology", "-t", help="Shipped name or path of a technology TOML file.")
]
AmplifierOption = Annotated[str, typer.Option(help="pcsa or xnor_pcsa (read with input +1).")]
CornerOption = Annotated[str, typer.Option(help="Process corner.")]
TemperatureOption = Annotated[str, typer.Option(help="Temperature in degC.")]
VddOption = Annotated[str | None, typer.Option(help="Supply; the technology's nominal by default.")]
SampleTimeOption = Annotated[
    str, typer.Option("--sample-time", help="Sampling time after the start of sensing.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any parameter of the read testbench: c_bl_f=100f, flavour=hvt."),
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Worker processes; the cores of this machine by default.")
]


def parse_read(
    technology: str,
    amplifier: str,
    corner: str,
    temperature: str,
    vdd: str | None,
    sample_time: str,
    settings: list[str] | None,
) -> tuple[Technology, Condition, ReadParameters]:
    """Turn the shared options into records.

    Parameters
    ----------
    technology, amplifier, corner, temperature, vdd, sample_time : str
        As given on the command line.
    settings : list of str or None
        ``NAME=VALUE`` for other parameters of the read testbench.

    Returns
    -------
    technology, condition, parameters
        Checked records.

    Raises
    ------
    InputError
        If an option cannot be used.
    """
    from rramchar.errors import InputError
    from rramchar.sweep.plan import parse_parameters
    from rramchar.technology import Condition, load_technology
    from rramchar.testbench import TESTBENCHES

    given: dict[str, str] = {"amplifier": amplifier, "sample_time_s": sample_time}
    for text in settings or []:
        name, separator, value = text.partition("=")
        if not separator or not value:
            raise InputError(f"--set {text!r}: expected NAME=VALUE, such as c_bl_f=100f")
        given[name.strip()] = value.strip()
    process = load_technology(technology)
    condition = Condition(
        corner,
        parse_quantity(temperature, "C", name="--temperature"),
        process.vdd_nominal_v if vdd is None else parse_quantity(vdd, "V", name="--vdd"),
    )
    condition.check(process)
    return process, condition, parse_parameters(TESTBENCHES["read"], given)
