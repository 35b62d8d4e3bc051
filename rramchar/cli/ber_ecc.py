"""``rramchar ber ecc``: single devices with error correction against pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.ber_tables import listed
from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    stdout,
    write_figure,
)
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.ber import BerRow
    from rramchar.ber.codes import Code


def ecc(
    table: Annotated[
        Path | None, typer.Argument(metavar="[TABLE]", help="BER table with 1T1R and 2T2R rows.")
    ] = None,
    ber: Annotated[
        str | None, typer.Option(help="Instead of a table: 1T1R error rates, such as 1e-3,1e-2.")
    ] = None,
    words: Annotated[str, typer.Option(help="Data bits of a word, a list.")] = "4,8,16,32,64",
    codes: Annotated[
        str, typer.Option(help="Codes: hamming, secded, bch2.")
    ] = "hamming,secded,bch2",
    sigma_ratio: Annotated[
        float, typer.Option(help="sigma of ln R_HRS over that of ln R_LRS, for the 2T2R of --ber.")
    ] = 1.0,
    where: Annotated[str, typer.Option(help="Rows of the table, such as source=counts.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.csv", help="Write the table.")
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare 1T1R with Hamming, SECDED or BCH (t = 2) with 2T2R, exactly.

    2T2R spends 2 devices on a bit, as SECDED(8, 4) does: that is the comparison
    at equal redundancy. Errors of a word are taken as independent. What a
    decoder cannot correct it leaves as it is, or turns into another word.

    Example: rramchar ber ecc ber.csv --words 4,16,64 --plot ecc.png
    """
    import pandas as pd

    from rramchar.ber.codes import make_code
    from rramchar.provenance import comment_header, provenance

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    if (table is None) == (ber is None):
        raise InputError("give either a BER table or --ber")
    chosen = [
        make_code(k, _whole(w)) for k in listed(codes, "--codes") for w in listed(words, "--words")
    ]
    if table is not None:
        cases = [_case_of(table, where)]
    else:
        cases = [_case(rate, sigma_ratio) for rate in _rates(ber or "")]
    lines = [line for case in cases for line in _lines(case, chosen)]
    if output is not None:
        facts = provenance(inputs=[table] if table else [], command="rramchar ber ecc")
        text = comment_header("rramchar error correction", facts)
        output.write_text(text + pd.DataFrame(lines).to_csv(index=False), encoding="utf-8")
    if plot is not None:
        _draw(chosen, cases if table is not None else [], sigma_ratio, plot)
    result = {"rows": lines, "sigma_ratio": sigma_ratio, "file": output, "plot": plot}
    emit(result, as_json, lambda: _show(lines, output, plot))


def _lines(case: dict[str, Any], codes: list[Code]) -> list[dict[str, Any]]:
    """Return the rows of the comparison for one 1T1R error rate."""
    from rramchar.ber.ecc import decoded_rates

    raw, low, high = case["ber_1t1r"], case["x_low"], case["x_high"]
    lines = [
        {"cell": "1t1r", "code": "none", "devices_per_bit": 1.0, "ber_1t1r": raw, "ber": raw,
         "low": low, "high": high},
        {"cell": "2t2r", "code": "none", "devices_per_bit": 2.0, "ber_1t1r": raw,
         "ber": case["ber"], "low": case["low"], "high": case["high"]},
    ]  # fmt: skip
    for code in codes:
        found = decoded_rates(code, [raw, low, high])
        lines.append(
            {
                "cell": "1t1r", "code": code.name, "devices_per_bit": code.devices_per_bit,
                "ber_1t1r": raw, "ber": found.ber[0], "low": found.ber[1], "high": found.ber[2],
                "word_error": found.word_error[0], "detected": found.detected[0],
                "miscorrected": found.miscorrected[0],
            }
        )  # fmt: skip
    return lines


def _case(rate: float, sigma_ratio: float) -> dict[str, Any]:
    from rramchar.ber.ecc import differential_ber

    pairs = float(differential_ber(rate, sigma_ratio))
    return {"ber_1t1r": rate, "x_low": rate, "x_high": rate, "ber": pairs, "low": pairs,
            "high": pairs}  # fmt: skip


def _case_of(table: Path, where: str) -> dict[str, Any]:
    """Return the 1T1R and the 2T2R rate of a table."""
    from rramchar.ber import BerTable, parse_where

    loaded, conditions = BerTable.load(table), parse_where(where)
    found: dict[str, BerRow] = {}
    for cell in ("1t1r", "2t2r"):
        if conditions.get("cell", cell) != cell:
            raise InputError(f"--where {where}: both cells are needed; leave cell out")
        both = loaded.filter(coding="binary", cell=cell, **_for_cell(conditions, cell))
        if len(both.rows) != 1:
            raise InputError(
                f"{table}: {len(both.rows)} binary {cell} rows with {where or 'no condition'}, "
                "expected one; choose with --where"
            )
        found[cell] = both.rows[0]
    one, two = found["1t1r"], found["2t2r"]
    return {"label": f"{table.name}", "ber_1t1r": one.ber, "x_low": one.ber_low,
            "x_high": one.ber_high, "ber": two.ber, "low": two.ber_low,
            "high": two.ber_high}  # fmt: skip


def _for_cell(conditions: dict[str, Any], cell: str) -> dict[str, Any]:
    # A threshold has no supply: conditions of a read hold for pairs alone.
    if cell == "2t2r":
        return {k: v for k, v in conditions.items() if k != "cell"}
    return {k: v for k, v in conditions.items() if k in ("programming", "source", "time_s")}


def _draw(codes: list[Code], points: list[dict[str, Any]], ratio: float, plot: Path) -> None:
    from rramchar.report.ber import draw_codes

    labelled = [{**point, "label": f"2T2R, {point['label']} (2)"} for point in points]
    write_figure(plot, draw_codes(codes, labelled, ratio))


def _show(lines: list[dict[str, Any]], output: Path | None, plot: Path | None) -> None:
    from rich.table import Table

    table = Table(title="Error correction: 1T1R with codes, and 2T2R")
    for heading in ("1T1R BER", "cell", "code", "devices/bit", "BER of data", "detected words",
                    "miscorrected words"):  # fmt: skip
        table.add_column(heading, justify="left" if heading in ("cell", "code") else "right")
    for line in lines:
        rates = [f"{line[k]:.2e}" if k in line else "" for k in ("detected", "miscorrected")]
        table.add_row(
            f"{line['ber_1t1r']:.2e}", line["cell"].upper(), line["code"],
            f"{line['devices_per_bit']:.3g}", f"{line['ber']:.2e}", *rates,
        )  # fmt: skip
    stdout.print(table)
    for path in (output, plot):
        if path is not None:
            stdout.print(f"written: {path}", markup=False)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"--words: {text!r}, expected whole numbers such as 8,64")
    return int(text)


def _rates(text: str) -> list[float]:
    from rramchar.units import parse_quantity

    rates = [parse_quantity(part, name="--ber") for part in listed(text, "--ber")]
    for rate in rates:
        if not 0 < rate < 0.5:
            raise InputError(f"--ber: {rate:g}, expected a rate between 0 and 0.5")
    return rates
