"""Options that commands on circuits share, and records that turn their texts into numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.errors import InputError
from rramchar.units import parse_quantity

if TYPE_CHECKING:
    from rramchar.technology import Condition, Technology
    from rramchar.testbench import ReadParameters
    from rramchar.testbench.array import ArrayParameters

TechnologyOption = Annotated[
    str, typer.Option("--technology", "-t", help="Shipped name or path of a technology TOML file.")
]
CornerOption = Annotated[str, typer.Option(help="Process corner: tt, ff, ss, fs, sf.")]
TemperatureOption = Annotated[str, typer.Option(help="Temperature in degC.")]
VddOption = Annotated[str | None, typer.Option(help="Supply; the technology's nominal by default.")]
RblOption = Annotated[str, typer.Option("--r-bl", help="Resistance on the bit line, e.g. 5k.")]
RblbOption = Annotated[str, typer.Option("--r-blb", help="Resistance on the other line.")]
CapacitanceOption = Annotated[str, typer.Option("--c-bl", help="Bit-line capacitance, e.g. 80f.")]
OutputOption = Annotated[str, typer.Option("--c-q", help="Load on each output, e.g. 2f.")]
AmplifierOption = Annotated[str, typer.Option(help="Sense amplifier: pcsa or xnor_pcsa.")]
FlavourOption = Annotated[str, typer.Option(help="Amplifier transistors: core or hvt.")]
PrechargeOption = Annotated[str, typer.Option("--precharge-time", help="Duration of precharge.")]
SampleOption = Annotated[
    str, typer.Option("--sample-time", help="Sampling time after the start of sensing.")
]
RowOption = Annotated[int, typer.Option(help="Row that is selected; 0 is the nearest.")]
CellCapacitanceOption = Annotated[
    str, typer.Option("--c-bl-cell", help="Capacitance of each bit line per cell, e.g. 2.5f.")
]
CellResistanceOption = Annotated[
    str, typer.Option("--r-bl-cell", help="Resistance of each bit line per cell, e.g. 1.")
]
UnselectedOption = Annotated[
    str, typer.Option("--unselected", help="Voltage of the word lines that are not selected.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any parameter of the read testbench: c_bl_f=100f, flavour=hvt."),
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Worker processes; the cores of this machine by default.")
]
LrsOption = Annotated[str, typer.Option("--lrs", help="Resistance of the low state.")]
HrsOption = Annotated[str, typer.Option("--hrs", help="Resistance of the high state.")]


def parse_settings(settings: list[str] | None) -> dict[str, str]:
    """Return the names and values of ``--set NAME=VALUE``.

    Raises
    ------
    InputError
        If one of them is not of that form.
    """
    given = {}
    for text in settings or []:
        name, separator, value = text.partition("=")
        if not separator or not value:
            raise InputError(f"--set {text!r}: expected NAME=VALUE, such as c_bl_f=100f")
        given[name.strip()] = value.strip()
    return given


@dataclass(frozen=True)
class ConditionText:
    """What a user gave as technology, corner, temperature and supply."""

    technology: str
    corner: str
    temperature: str
    vdd: str | None = None

    def load(self) -> tuple[Technology, Condition]:
        """Return the technology and the condition; without a supply the nominal one."""
        from rramchar.technology import Condition, load_technology

        process = load_technology(self.technology)
        supply = self.vdd
        condition = Condition(
            self.corner,
            parse_quantity(self.temperature, "C", name="--temperature"),
            process.vdd_nominal_v if supply is None else parse_quantity(supply, "V", name="--vdd"),
        )
        return process, condition


@dataclass(frozen=True)
class ReadText:
    """What a user gave as amplifier, its loads and its timing."""

    amplifier: str
    flavour: str
    c_q: str
    precharge_time: str
    sample_time: str
    settings: list[str] | None = None
    c_bl: str = "0"

    def parameters(self, *, c_sl_f: float | None = None) -> ReadParameters:
        """Return the read's parameters; `c_sl_f` replaces the source line's capacitance. [F]"""
        from rramchar.testbench import ReadParameters

        parameters = ReadParameters(
            amplifier=self.amplifier,
            flavour=self.flavour,
            c_bl_f=parse_quantity(self.c_bl, "F", name="--c-bl"),
            c_q_f=parse_quantity(self.c_q, "F", name="--c-q"),
            precharge_time_s=parse_quantity(self.precharge_time, "s", name="--precharge-time"),
            sample_time_s=parse_quantity(self.sample_time, "s", name="--sample-time"),
        )
        if c_sl_f is not None:
            parameters = replace(parameters, c_sl_f=c_sl_f)
        return self._with_settings(parameters)

    def _with_settings(self, parameters: ReadParameters) -> ReadParameters:
        from rramchar.sweep.plan import parse_parameters
        from rramchar.testbench import TESTBENCHES

        given = parse_settings(self.settings)
        if not given:
            return parameters
        # The times are checked against one another.
        times = {"sample_time_s": self.sample_time, "precharge_time_s": self.precharge_time}
        parsed = parse_parameters(TESTBENCHES["read"], times | given)
        return replace(parameters, **{name: getattr(parsed, name) for name in given})


@dataclass(frozen=True)
class ArrayText:
    """What a user gave as read, wires and word lines of a column or array."""

    read: ReadText
    c_bl_cell: str
    r_bl_cell: str
    unselected: str

    def parameters(self) -> ArrayParameters:
        """Return the array's parameters."""
        from rramchar.cells.column import ColumnWires
        from rramchar.testbench.array import ArrayParameters

        wires = ColumnWires(
            c_bl_cell_f=parse_quantity(self.c_bl_cell, "F", name="--c-bl-cell"),
            r_bl_cell_ohm=parse_quantity(self.r_bl_cell, "ohm", name="--r-bl-cell"),
        )
        return ArrayParameters(
            read=self.read.parameters(c_sl_f=0.0),
            wires=wires,
            unselected_v=parse_quantity(self.unselected, "V", name="--unselected"),
        )
