"""Report sections on bit errors counted on measured files: rates, worst units, pairings, codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rramchar.ber import ErrorCount, clopper_pearson, count_1t1r, count_2t2r
from rramchar.ber.codes import make_code
from rramchar.ber.ecc import decoded_rates
from rramchar.ber.repair import Repaired, count_repaired, unit_interval, without_worst
from rramchar.fitting import FittedModel
from rramchar.measured import is_good
from rramchar.report.ber import draw_codes
from rramchar.report.folder import STATES_USE, MeasuredFile, MeasuredFolder
from rramchar.report.measured_states import NOTHING, StateFit
from rramchar.report.pages import Outcome, for_each, show_each, show_note
from rramchar.report.style import BLUE, GREY, ORANGE, new_figure, show, styled
from rramchar.report.tables import show_table

_PAIRINGS = 200
_WORDS = (4, 16, 64)
_CODES = ("hamming", "secded", "bch2")
_SHOWN = 5  # worst units in the table


@dataclass(frozen=True)
class ErrorStudy:
    """Bit errors of a file, counted in several ways.

    Parameters
    ----------
    best, median : ErrorCount
        1T1R at the threshold with the fewest errors, and half-way between the medians.
    pairs : ErrorCount
        2T2R, neighbours as pairs.
    repaired : Repaired
        2T2R, partners drawn at random.
    flagged : int
        Readings left out because they have a flag.
    seed : int
        Of bootstrap and pairings.
    """

    best: ErrorCount
    median: ErrorCount
    pairs: ErrorCount
    repaired: Repaired
    flagged: int
    seed: int


def count_errors(folder: MeasuredFolder, seed: int = 0) -> list[Outcome[ErrorStudy]]:
    """Count the bit errors of every file that holds cycles.

    Parameters
    ----------
    folder : MeasuredFolder
        What `rramchar.report.folder.open_folder` returned.
    seed : int
        Of the bootstrap over devices and of the random pairings.

    Returns
    -------
    list of Outcome
        One per file.
    """

    def count(file: MeasuredFile) -> ErrorStudy:
        good = is_good(file.readings)
        frame = file.readings[good]
        return ErrorStudy(
            best=count_1t1r(frame, "best"),
            median=count_1t1r(frame, "median"),
            pairs=count_2t2r(frame),
            repaired=count_repaired(frame, pairings=_PAIRINGS, seed=seed),
            flagged=int((~good).sum()),
            seed=seed,
        )

    return for_each(folder.used_for(STATES_USE), count)


def show_error_rates(studies: list[Outcome[ErrorStudy]]) -> Any:
    """Show 1T1R and 2T2R error rates with both kinds of interval, as figure and table."""

    def draw(file: MeasuredFile, study: ErrorStudy) -> Iterable[Any]:
        table = rate_table(study)
        yield show(
            plot_rates(table, file.title),
            f"Bit error rates of {file.title}. Thick: 95 % Clopper-Pearson interval, for "
            "independent reads; thin: 95 % interval over devices or pairs, which holds for another "
            "chip; for random pairs the middle 95 % of the pairings.",
        )
        yield show_table(_blanked(table))
        if study.flagged:
            yield show_note(f"{study.flagged:,} readings with a flag are left out.")
        if study.pairs.odd_device is not None:
            yield show_note(f"Device {study.pairs.odd_device} has no partner.")

    return show_each(studies, draw, NOTHING)


def show_worst(studies: list[Outcome[ErrorStudy]]) -> Any:
    """Show the devices and pairs that make most errors, and the rates without them."""

    def draw(file: MeasuredFile, study: ErrorStudy) -> Iterable[Any]:
        yield show_note(" ".join((_heap("devices", study.best), _heap("pairs", study.pairs))))
        yield show_table(worst_table(study))

    return show_each(studies, draw, NOTHING)


def show_pairings(studies: list[Outcome[ErrorStudy]]) -> Any:
    """Show what the choice of partners does to 2T2R."""

    def draw(file: MeasuredFile, study: ErrorStudy) -> Iterable[Any]:
        found = study.repaired
        hits = round(found.share_at_most * found.pairings)
        low, high = clopper_pearson(hits, found.pairings)
        rows = [
            ("neighbours", study.pairs.ber, study.pairs.low, study.pairs.high,
             "Clopper-Pearson, reads"),
            ("partners drawn at random, mean", found.mean, found.low, found.high,
             "middle 95 % of pairings"),
            ("share of random pairings at least as good as the neighbours", found.share_at_most,
             float(low), float(high), "Clopper-Pearson, pairings"),
        ]  # fmt: skip
        yield show_table(
            pd.DataFrame(rows, columns=["2T2R", "estimate", "low", "high", "interval"])
        )

    return show_each(studies, draw, NOTHING)


def show_codes(studies: list[Outcome[ErrorStudy]], fits: list[Outcome[StateFit]]) -> Any:
    """Show single devices with error correction against pairs."""
    models = {fit.file.name: fit.result.model for fit in fits if fit.result is not None}

    def draw(file: MeasuredFile, study: ErrorStudy) -> Iterable[Any]:
        if not study.best.errors:
            yield show_note("1T1R has no errors here; there is nothing to correct.")
            return
        yield show(
            _draw_codes(study, models.get(file.name), file.title),
            "Error rate of the data against that of single devices, exactly, for independent "
            f"errors. The circle is {file.title} with its 95 % Clopper-Pearson intervals.",
        )
        yield show_table(code_table(study))

    return show_each(studies, draw, NOTHING)


def rate_table(study: ErrorStudy) -> pd.DataFrame:
    """Return the error rates of a file with both kinds of interval.

    Parameters
    ----------
    study : ErrorStudy
        Of one file.

    Returns
    -------
    DataFrame
        Columns ``cell, errors, reads, BER``, ``low, high`` (Clopper-Pearson) and ``low over units,
        high over units``; NaN where there is no error to tell how errors spread. [1]
    """
    rows: list[dict[str, Any]] = []
    counts = (
        (f"1T1R, best threshold {_kilo(study.best)}", study.best),
        (f"1T1R, median threshold {_kilo(study.median)}", study.median),
        ("2T2R, neighbours", study.pairs),
    )
    for label, count in counts:
        ends = (float("nan"), float("nan"))
        if count.errors:
            ends = unit_interval(count.unit_errors, count.unit_trials, seed=study.seed)
        rows.append({"cell": label, "errors": f"{count.errors:,}", "reads": f"{count.trials:,}",
                     "BER": count.ber, "low": count.low, "high": count.high,
                     "low over units": ends[0], "high over units": ends[1]})  # fmt: skip
    found = study.repaired
    rows.append({"cell": f"2T2R, {found.pairings} random pairings", "errors": "", "reads": "",
                 "BER": found.mean, "low": float("nan"), "high": float("nan"),
                 "low over units": found.low, "high over units": found.high})  # fmt: skip
    return pd.DataFrame(rows)


def _blanked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the page: what is not defined is empty."""
    return table.astype(object).where(table.notna(), "")


def worst_table(study: ErrorStudy) -> pd.DataFrame:
    """Return the worst devices and pairs, and what remains without those that make half the errors.

    Parameters
    ----------
    study : ErrorStudy
        Of one file.

    Returns
    -------
    DataFrame
        Columns ``unit, errors, reads, BER, low, high`` (Clopper-Pearson). [1]
    """
    rows = []
    for cell, unit, count in (("1T1R", "device", study.best), ("2T2R", "pair", study.pairs)):
        order = np.argsort(-count.unit_errors, kind="stable")[:_SHOWN]
        for i in order[count.unit_errors[order] > 0]:
            errors, trials = int(count.unit_errors[i]), int(count.unit_trials[i])
            low, high = clopper_pearson(errors, trials)
            name = f"{cell}, {unit} {count.unit_names[i]}"
            rows.append(
                (name, f"{errors:,}", f"{trials:,}", errors / trials, float(low), float(high))
            )
        rest = without_worst(list(count.unit_names), count.unit_errors, count.unit_trials)
        if rest.left_out:
            name = f"{cell} without the worst {len(rest.left_out)}"
            counts = f"{rest.errors:,}", f"{rest.trials:,}"
            rows.append((name, *counts, rest.ber, rest.low, rest.high))
    return pd.DataFrame(rows, columns=["unit", "errors", "reads", "BER", "low", "high"])


def code_table(study: ErrorStudy) -> pd.DataFrame:
    """Return single devices with codes beside pairs, cheapest first.

    Parameters
    ----------
    study : ErrorStudy
        Of one file.

    Returns
    -------
    DataFrame
        Columns ``cell, devices per bit, BER, low, high``: the interval of the raw 1T1R rate put
        through the decoder. [1]
    """
    one, two = study.best, study.pairs
    rows = [
        ("1T1R, no code", 1.0, one.ber, one.low, one.high),
        ("2T2R", 2.0, two.ber, two.low, two.high),
    ]
    for code in _codes():
        ber = decoded_rates(code, [one.ber, one.low, one.high]).ber
        rows.append((f"1T1R, {code.name}", code.devices_per_bit, *map(float, ber)))
    frame = pd.DataFrame(rows, columns=["cell", "devices per bit", "BER", "low", "high"])
    return frame.sort_values("devices per bit", kind="stable", ignore_index=True)


@styled
def plot_rates(table: pd.DataFrame, title: str) -> Figure:
    """Draw error rates with the interval over reads and the wider one over devices or pairs.

    Parameters
    ----------
    table : DataFrame
        Of `rate_table`.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        One line for each rate, on a logarithmic axis; a rate of zero is a triangle at the upper end
        of its interval.
    """
    figure, axis = new_figure(width_in=6.4, height_in=0.9 + 0.5 * len(table))
    rates = table[["BER", "low", "high", "low over units", "high over units"]].to_numpy(dtype=float)
    seen = rates[rates > 0]
    floor = 10 ** np.floor(np.log10(seen.min())) if seen.size else 1e-6
    for place, (ber, low, high, low_units, high_units) in enumerate(rates):
        colour = ORANGE if table["cell"].iloc[place].startswith("1T1R") else BLUE
        if ber == 0:
            axis.plot(high if high > 0 else floor, place, "<", mfc="none", color=colour)
            continue
        for ends, width in (((low_units, high_units), 1.2), ((low, high), 9.0)):
            if np.isfinite(ends[0]):
                axis.plot(np.maximum(ends, floor), [place, place], color=colour, lw=width,
                          solid_capstyle="butt", alpha=0.4 if width > 2 else 1.0)  # fmt: skip
        axis.plot(ber, place, "|", color="black", ms=11, mew=1.5)
        axis.annotate(f"{ber:.2e}", (ber, place), (0, 8), textcoords="offset points", ha="center",
                      fontsize=8)  # fmt: skip
    axis.set_yticks(range(len(table)), list(table["cell"]))
    axis.set_ylim(len(table) - 0.4, -0.7)
    axis.set_xscale("log")
    ends = axis.get_xlim()
    axis.set_xlim(10 ** np.floor(np.log10(ends[0])), 10 ** np.ceil(np.log10(ends[1])))
    axis.set_xlabel("bit error rate")
    axis.plot([], [], color=GREY, lw=9, alpha=0.4, label="95 %, independent reads")
    axis.plot([], [], color=GREY, lw=1.2, label="95 % over devices, pairs, pairings")
    axis.set_title(title, loc="left")
    figure.legend(loc="outside lower right", ncols=2)
    return figure


def _draw_codes(study: ErrorStudy, model: FittedModel | None, title: str) -> Figure:
    one, two = study.best, study.pairs
    ratio = 1.0
    if model is not None:
        ratio = model.value("hrs_sigma_log10") / model.value("lrs_sigma_log10")
    points: Sequence[dict[str, Any]] = [
        {"label": "2T2R, counted (2)", "ber_1t1r": one.ber, "x_low": one.low, "x_high": one.high,
         "ber": two.ber, "low": two.low, "high": two.high}
    ]  # fmt: skip
    return draw_codes(_codes(), points if two.errors else (), ratio, title)


def _codes() -> list[Any]:
    return [make_code(kind, word) for kind in _CODES for word in _WORDS]


def _kilo(count: ErrorCount) -> str:
    return f"{(count.threshold_ohm or 0.0) / 1e3:.3g} kΩ"


def _heap(units: str, count: ErrorCount) -> str:
    found, cell = count.concentration, "1T1R" if units == "devices" else "2T2R"
    if not count.errors:
        return f"{cell}: no errors in {found.units:,} {units}."
    return (
        f"{cell}: half of the {count.errors:,} errors come from {found.units_for_half:,} of "
        f"{found.units:,} {units}; {found.units_with_errors:,} have any."
    )
