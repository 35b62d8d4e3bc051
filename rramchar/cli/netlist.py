"""``rramchar netlist``: print decks that plain ``ngspice -b`` runs."""

from __future__ import annotations

from typing import Annotated

import typer

from rramchar.cli.common import stdout
from rramchar.units import parse_quantity

app = typer.Typer(
    no_args_is_help=True, help="Print a netlist that plain `ngspice -b` runs and measures."
)

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
FlavourOption = Annotated[str, typer.Option(help="Amplifier transistors: core or hvt.")]
PrechargeOption = Annotated[str, typer.Option("--precharge-time", help="Duration of precharge.")]
SampleOption = Annotated[
    str, typer.Option("--sample-time", help="Sampling time after the start of sensing.")
]


@app.command()
def pcsa(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    r_bl: RblOption = "5k",
    r_blb: RblbOption = "50k",
    c_bl: CapacitanceOption = "80f",
    c_q: OutputOption = "2f",
    flavour: FlavourOption = "core",
    precharge_time: PrechargeOption = "40n",
    sample_time: SampleOption = "50n",
) -> None:
    """Read of a 2T2R cell by a precharge sense amplifier.

    Example: rramchar netlist pcsa --vdd 1.2 --r-bl 5k --r-blb 50k > read.cir && ngspice -b read.cir
    """
    _print_read(
        "pcsa", technology, corner, temperature, vdd, r_bl, r_blb, c_bl, c_q, flavour,
        precharge_time, sample_time, None,
    )  # fmt: skip


@app.command(name="xnor_pcsa")
def xnor_pcsa(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    r_bl: RblOption = "5k",
    r_blb: RblbOption = "50k",
    x: Annotated[int, typer.Option(help="Input of the XNOR: 1 or -1.")] = 1,
    c_bl: CapacitanceOption = "80f",
    c_q: OutputOption = "2f",
    flavour: FlavourOption = "core",
    precharge_time: PrechargeOption = "40n",
    sample_time: SampleOption = "50n",
) -> None:
    """XNOR of an input with the weight of a 2T2R cell, inside the read."""
    _print_read(
        "xnor_pcsa", technology, corner, temperature, vdd, r_bl, r_blb, c_bl, c_q, flavour,
        precharge_time, sample_time, x,
    )  # fmt: skip


@app.command(name="1t1r")
def one_t_one_r(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    wl: Annotated[str | None, typer.Option("--wl", help="Word-line voltage.")] = None,
    v_bl: Annotated[str, typer.Option("--v-bl", help="Read voltage on the bit line.")] = "0.1",
    r: Annotated[str, typer.Option("--r", help="Resistance of the device.")] = "5k",
) -> None:
    """Current of a 1T1R cell at a small read voltage."""
    _print_cell("1t1r", technology, corner, temperature, wl, v_bl, r, None)


@app.command(name="2t2r")
def two_t_two_r(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    wl: Annotated[str | None, typer.Option("--wl", help="Word-line voltage.")] = None,
    v_bl: Annotated[str, typer.Option("--v-bl", help="Read voltage on both bit lines.")] = "0.1",
    r_bl: RblOption = "5k",
    r_blb: RblbOption = "50k",
) -> None:
    """Currents of both branches of a 2T2R cell at a small read voltage."""
    _print_cell("2t2r", technology, corner, temperature, wl, v_bl, r_bl, r_blb)


def _print_read(
    amplifier: str, technology: str, corner: str, temperature: str, vdd: str | None, r_bl: str,
    r_blb: str, c_bl: str, c_q: str, flavour: str, precharge_time: str, sample_time: str,
    x: int | None,
) -> None:  # fmt: skip
    from rramchar.spice import LADDERS
    from rramchar.technology import Condition, load_technology
    from rramchar.testbench import ReadParameters, ReadPoint, build_read

    process = load_technology(technology)
    parameters = ReadParameters(
        amplifier=amplifier,
        flavour=flavour,
        c_bl_f=parse_quantity(c_bl, "F", name="--c-bl"),
        c_q_f=parse_quantity(c_q, "F", name="--c-q"),
        precharge_time_s=parse_quantity(precharge_time, "s", name="--precharge-time"),
        sample_time_s=parse_quantity(sample_time, "s", name="--sample-time"),
    )
    condition = Condition(
        corner,
        parse_quantity(temperature, "C", name="--temperature"),
        process.vdd_nominal_v if vdd is None else parse_quantity(vdd, "V", name="--vdd"),
    )
    point = ReadPoint(
        parse_quantity(r_bl, "ohm", name="--r-bl"), parse_quantity(r_blb, "ohm", name="--r-blb"), x
    )
    deck = build_read(process, condition, parameters, point)
    stdout.file.write(deck.text(LADDERS["report"][0], by_hand=True))


def _print_cell(
    kind: str, technology: str, corner: str, temperature: str, wl: str | None, v_bl: str,
    r_bl: str, r_blb: str | None,
) -> None:  # fmt: skip
    from rramchar.technology import Condition, load_technology
    from rramchar.testbench.cell_current import cell_current_text

    process = load_technology(technology)
    wl_v = process.vdd_nominal_v if wl is None else parse_quantity(wl, "V", name="--wl")
    condition = Condition(
        corner, parse_quantity(temperature, "C", name="--temperature"), process.vdd_nominal_v
    )
    resistances = [parse_quantity(r_bl, "ohm", name="--r" if kind == "1t1r" else "--r-bl")]
    if r_blb is not None:
        resistances.append(parse_quantity(r_blb, "ohm", name="--r-blb"))
    stdout.file.write(
        cell_current_text(
            process,
            condition,
            tuple(resistances),
            wl_v=wl_v,
            v_bl_v=parse_quantity(v_bl, "V", name="--v-bl"),
        )
    )
