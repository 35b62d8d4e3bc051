"""``rramchar netlist``: print decks that plain ``ngspice -b`` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.array_inputs import (
    ArrayContents,
    ColumnsOption,
    InputsOption,
    RowsOption,
    SeedOption,
    WeightsOption,
)
from rramchar.cli.circuit_options import (
    AmplifierOption,
    ArrayText,
    CapacitanceOption,
    CellCapacitanceOption,
    CellResistanceOption,
    ConditionText,
    CornerOption,
    FlavourOption,
    HrsOption,
    LrsOption,
    OutputOption,
    PrechargeOption,
    RblbOption,
    RblOption,
    ReadText,
    RowOption,
    SampleOption,
    SetOption,
    TechnologyOption,
    TemperatureOption,
    UnselectedOption,
    VddOption,
)
from rramchar.cli.common import stdout
from rramchar.units import parse_quantity

if TYPE_CHECKING:
    from rramchar.spice.deck import Deck

app = typer.Typer(
    no_args_is_help=True, help="Print a netlist that plain `ngspice -b` runs and measures."
)
WlOption = Annotated[str | None, typer.Option("--wl", help="Word-line voltage.")]
_KILOBIT = 32


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
    settings: SetOption = None,
) -> None:
    """Read of a 2T2R cell by a precharge sense amplifier.

    Example: rramchar netlist pcsa --vdd 1.2 --r-bl 5k --r-blb 50k > read.cir && ngspice -b read.cir
    """
    place = ConditionText(technology, corner, temperature, vdd)
    read = ReadText("pcsa", flavour, c_q, precharge_time, sample_time, settings, c_bl)
    _print_read(place, read, r_bl, r_blb)


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
    settings: SetOption = None,
) -> None:
    """XNOR of an input with the weight of a 2T2R cell, inside the read."""
    place = ConditionText(technology, corner, temperature, vdd)
    read = ReadText("xnor_pcsa", flavour, c_q, precharge_time, sample_time, settings, c_bl)
    _print_read(place, read, r_bl, r_blb, x)


@app.command(name="1t1r")
def one_t_one_r(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    wl: WlOption = None,
    v_bl: Annotated[str, typer.Option("--v-bl", help="Read voltage on the bit line.")] = "0.1",
    r: Annotated[str, typer.Option("--r", help="Resistance of the device.")] = "5k",
) -> None:
    """Current of a 1T1R cell at a small read voltage."""
    _print_cell(ConditionText(technology, corner, temperature), wl, v_bl, {"--r": r})


@app.command(name="2t2r")
def two_t_two_r(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    wl: WlOption = None,
    v_bl: Annotated[str, typer.Option("--v-bl", help="Read voltage on both bit lines.")] = "0.1",
    r_bl: RblOption = "5k",
    r_blb: RblbOption = "50k",
) -> None:
    """Currents of both branches of a 2T2R cell at a small read voltage."""
    place = ConditionText(technology, corner, temperature)
    _print_cell(place, wl, v_bl, {"--r-bl": r_bl, "--r-blb": r_blb})


@app.command()
def column(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    rows: Annotated[int, typer.Option(help="Rows of the column.")] = _KILOBIT,
    row: RowOption = 0,
    r_bl: RblOption = "5k",
    r_blb: RblbOption = "50k",
    pattern: Annotated[
        str, typer.Option(help="What the other cells hold: lrs, hrs, against, along.")
    ] = "against",
    lrs: LrsOption = "5k",
    hrs: HrsOption = "100k",
    amplifier: AmplifierOption = "pcsa",
    x: Annotated[int | None, typer.Option(help="Input of xnor_pcsa: 1 or -1.")] = None,
    flavour: FlavourOption = "core",
    c_bl_cell: CellCapacitanceOption = "2.5f",
    r_bl_cell: CellResistanceOption = "1",
    c_q: OutputOption = "2f",
    unselected: UnselectedOption = "0",
    precharge_time: PrechargeOption = "40n",
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
) -> None:
    """Read of one cell of a column: wires, unselected cells and one sense amplifier.

    Example: rramchar netlist column --rows 32 --row 31 > column.cir && ngspice -b column.cir
    """
    from rramchar.testbench.array import build_array_read
    from rramchar.testbench.column import SelectedCell

    process, condition = ConditionText(technology, corner, temperature, vdd).load()
    read = ReadText(amplifier, flavour, c_q, precharge_time, sample_time, settings)
    parameters = ArrayText(read, c_bl_cell, r_bl_cell, unselected).parameters()
    cell = SelectedCell(
        parse_quantity(r_bl, "ohm", name="--r-bl"),
        parse_quantity(r_blb, "ohm", name="--r-blb"),
        pattern,
        row,
        parse_quantity(lrs, "ohm", name="--lrs"),
        parse_quantity(hrs, "ohm", name="--hrs"),
    )
    inputs = None if x is None else [x]
    _print_deck(
        build_array_read(process, condition, parameters, cell.column(rows), row=row, inputs=inputs)
    )


@app.command()
def array(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    rows: RowsOption = None,
    columns: ColumnsOption = None,
    row: RowOption = 0,
    weights: WeightsOption = "random",
    seed: SeedOption = 1,
    lrs: LrsOption = "5k",
    hrs: HrsOption = "100k",
    amplifier: AmplifierOption = "pcsa",
    inputs: InputsOption = "random",
    flavour: FlavourOption = "core",
    c_bl_cell: CellCapacitanceOption = "2.5f",
    r_bl_cell: CellResistanceOption = "1",
    c_q: OutputOption = "2f",
    unselected: UnselectedOption = "0",
    precharge_time: PrechargeOption = "40n",
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
) -> None:
    """Read of one row of an array of 2T2R cells by one amplifier per column; 32 x 32 by default.

    Example: rramchar netlist array --rows 8 --columns 8 --row 3 > array.cir && ngspice -b array.cir
    """
    from rramchar.testbench.array import build_array_read

    process, condition = ConditionText(technology, corner, temperature, vdd).load()
    read = ReadText(amplifier, flavour, c_q, precharge_time, sample_time, settings)
    parameters = ArrayText(read, c_bl_cell, r_bl_cell, unselected).parameters()
    contents = ArrayContents(weights, inputs, seed, rows, columns, lrs, hrs)
    _, cells, x = contents.load(amplifier, _KILOBIT)
    _print_deck(build_array_read(process, condition, parameters, cells, row=row, inputs=x))


def _print_deck(deck: Deck) -> None:
    from rramchar.spice import LADDERS

    stdout.file.write(deck.text(LADDERS["report"][0], by_hand=True))


def _print_read(
    place: ConditionText, read: ReadText, r_bl: str, r_blb: str, x: int | None = None
) -> None:
    from rramchar.testbench import ReadPoint, build_read

    process, condition = place.load()
    point = ReadPoint(
        parse_quantity(r_bl, "ohm", name="--r-bl"), parse_quantity(r_blb, "ohm", name="--r-blb"), x
    )
    _print_deck(build_read(process, condition, read.parameters(), point))


def _print_cell(
    place: ConditionText, wl: str | None, v_bl: str, resistances: dict[str, str]
) -> None:
    from rramchar.testbench.cell_current import cell_current_text

    process, condition = place.load()
    text = cell_current_text(
        process,
        condition,
        tuple(parse_quantity(r, "ohm", name=option) for option, r in resistances.items()),
        wl_v=process.vdd_nominal_v if wl is None else parse_quantity(wl, "V", name="--wl"),
        v_bl_v=parse_quantity(v_bl, "V", name="--v-bl"),
    )
    stdout.file.write(text)
