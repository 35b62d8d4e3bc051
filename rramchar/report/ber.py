"""Figures of BER tables: rates against a condition, confusion, and error correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from rramchar.ber.codes import Code
from rramchar.ber.confusion import OUTCOMES, STORED
from rramchar.ber.ecc import decoded_rates, differential_ber
from rramchar.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    new_figure,
    square_panels,
    styled,
)

_COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, "#000000", GREY)
_DASHES = ("-", "--", "-.", ":", (0, (1, 3)))
_AXES = {
    "vdd_v": ("supply (V)", 1.0),
    "temperature_c": ("temperature (°C)", 1.0),
    "sample_time_s": ("sampling time (ns)", 1e9),
    "time_s": ("time after programming (s)", 1.0),
}
_SIGNS = {"plus": "+1", "zero": "0", "minus": "−1", "invalid": "invalid"}


@styled
def plot_ber_against(lines: Mapping[str, pd.DataFrame], x: str, title: str = "") -> Figure:
    """Draw error rates with their intervals against a condition.

    Parameters
    ----------
    lines : mapping of str to DataFrame
        Label of each line to rows with column `x`, ``ber``, ``ber_low``, ``ber_high``. [1]
    x : str
        A condition column; text columns give one place for each value.
    title : str
        Shown above.

    Returns
    -------
    Figure
        Logarithmic error rate. A rate of zero is an open triangle at its upper limit.
    """
    # One legend entry to a line: beside the axes where there are many.
    many = len(lines) > 4
    figure, axis = new_figure(width_in=7.2 if many else 5.6, height_in=3.6)
    places = _places(lines, x)
    for k, (label, rows) in enumerate(lines.items()):
        colour = _COLOURS[k % len(_COLOURS)]
        ordered = rows.assign(place=[places(v) for v in rows[x]]).sort_values("place")
        seen = ordered[ordered["ber"] > 0]
        low = np.maximum(seen["ber_low"], seen["ber"] * 1e-3)
        error = [seen["ber"] - low, seen["ber_high"] - seen["ber"]]
        joined = "-" if x in _AXES else ""
        axis.errorbar(
            seen["place"], seen["ber"], yerr=error, marker="o", ms=3.5, capsize=2.5, lw=1.2,
            ls=joined, color=colour, label=label,
        )  # fmt: skip
        none = ordered[ordered["ber"] == 0]
        axis.plot(none["place"], none["ber_high"], "v", mfc="none", color=colour,
                  label=None if len(seen) else label)  # fmt: skip
    axis.set_yscale("log")
    axis.set_ylabel("bit error rate")
    low, high = axis.get_ylim()  # whole decades, so that at least two are labelled
    axis.set_ylim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    axis.yaxis.set_major_locator(LogLocator(numticks=12))
    axis.yaxis.set_minor_formatter(NullFormatter())
    if x in _AXES:
        axis.set_xlabel(_AXES[x][0])
        if _spans_decades(lines, x):
            axis.set_xscale("log")
    else:
        names = _names(lines, x)
        axis.set_xticks(range(len(names)), [name or "(empty)" for name in names])
        axis.set_xlim(-0.5, len(names) - 0.5)
        axis.set_xlabel(x)
    axis.set_title(title, loc="left")
    if len(lines) > 1 or next(iter(lines), ""):
        beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
        axis.legend(**(beside if many else {"loc": "best"}))
    return figure


@styled
def plot_confusion(panels: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draw ternary confusions as heat maps.

    Parameters
    ----------
    panels : mapping of str to array, shape (3, 4)
        Title to the probability of each outcome (plus, zero, minus, invalid) for each stored weight
        (plus, zero, minus). [1]

    Returns
    -------
    Figure
        Shade is the logarithm of the probability; the number stands in each field.
    """
    figure, axes = square_panels(len(panels))
    for axis, (title, probability) in zip(axes, panels.items(), strict=True):
        shade = np.log10(np.maximum(probability, 1e-6))
        axis.imshow(shade, cmap="Blues", vmin=-6, vmax=1.2, aspect="equal")
        for (row, column), value in np.ndenumerate(probability):
            text = "0" if value == 0 else f"{value:.4f}" if value >= 0.01 else f"{value:.1e}"
            colour = "white" if value > 0.05 else "black"
            axis.annotate(text, (column, row), ha="center", va="center", fontsize=8, color=colour)
        axis.set_xticks(range(4), [_SIGNS[name] for name in OUTCOMES])
        axis.set_yticks(range(3), [_SIGNS[name] for name in STORED])
        axis.set_xlabel("read")
        axis.set_ylabel("stored")
        axis.set_title(title, loc="left", fontsize=8)
        axis.grid(False)
    return figure


@styled
def plot_ecc(
    curves: Mapping[str, NDArray[np.float64]],
    ber_1t1r: NDArray[np.float64],
    points: Sequence[Mapping[str, Any]] = (),
    title: str = "",
) -> Figure:
    """Draw error rates after decoding against that of single devices, beside 2T2R.

    Parameters
    ----------
    curves : mapping of str to array, shape (rates,)
        Label, with its devices per bit, to the error rate of the data. Codes of one kind (what
        stands before the bracket) share a colour; what starts with ``2T2R`` is black. [1]
    ber_1t1r : array, shape (rates,)
        Error rate of single devices, before decoding. [1]
    points : sequence of mapping
        Measured or simulated pairs of rates: ``label``, ``ber_1t1r`` and ``ber``, each with
        ``low`` and ``high`` (``x_low``, ``x_high``). [1]
    title : str
        Shown above.

    Returns
    -------
    Figure
        Both axes logarithmic.
    """
    figure, axis = new_figure(width_in=7.4, height_in=4.2)
    axis.loglog(ber_1t1r, ber_1t1r, color=GREY, lw=1, ls="--", label="1T1R, no code (1)")
    kinds: dict[str, int] = {}
    for label, ber in curves.items():
        kind = label.split("(")[0]
        if label.startswith("2T2R"):
            axis.loglog(ber_1t1r, ber, color="black", lw=2.4, label=label, zorder=4)
            continue
        place = kinds[kind] = kinds.get(kind, -1) + 1
        colour = _COLOURS[list(kinds).index(kind) % len(_COLOURS)]
        axis.loglog(
            ber_1t1r, ber, color=colour, lw=1.3, ls=_DASHES[place % len(_DASHES)], label=label
        )
    for marker, point in zip("osD^v", points, strict=False):
        axis.errorbar(
            point["ber_1t1r"], point["ber"],
            xerr=[[point["ber_1t1r"] - point["x_low"]], [point["x_high"] - point["ber_1t1r"]]],
            yerr=[[point["ber"] - point["low"]], [point["high"] - point["ber"]]],
            marker=marker, ms=6, color="black", mfc="white", capsize=3, lw=1, ls="",
            label=point["label"], zorder=5,
        )  # fmt: skip
    axis.set_xlabel("bit error rate of single devices (1T1R)")
    axis.set_ylabel("bit error rate of the data")
    axis.set_ylim(max(float(min(c.min() for c in curves.values())), 1e-16) / 3, 0.5)
    axis.set_title(title, loc="left")
    axis.legend(
        title="(devices per bit)", loc="upper left", bbox_to_anchor=(1.01, 1.0), alignment="left"
    )
    return figure


def draw_codes(
    codes: Sequence[Code],
    points: Sequence[Mapping[str, Any]] = (),
    sigma_ratio: float = 1.0,
    title: str = "",
) -> Figure:
    """Draw what codes leave of the errors of single devices, beside pairs of lognormal states.

    Parameters
    ----------
    codes : sequence of Code
        From `rramchar.ber.codes.make_code`.
    points, title
        As for `plot_ecc`.
    sigma_ratio : float
        sigma of ln R_HRS over that of ln R_LRS, for the pairs. [1]

    Returns
    -------
    Figure
        Error rates of single devices from 1e-4, or a third of the lowest point, to 0.1.
    """
    low = min([1e-4, *(p["ber_1t1r"] / 3 for p in points if p["ber_1t1r"] > 0)])
    rates = np.geomspace(low, 0.1, 121)
    curves = {f"{c.name} ({c.devices_per_bit:.3g})": decoded_rates(c, rates).ber for c in codes}
    curves["2T2R, lognormal states (2)"] = differential_ber(rates, sigma_ratio)
    return plot_ecc(curves, rates, points, title)


def _names(lines: Mapping[str, pd.DataFrame], x: str) -> list[Any]:
    return list(dict.fromkeys(value for rows in lines.values() for value in rows[x]))


def _places(lines: Mapping[str, pd.DataFrame], x: str) -> Any:
    if x in _AXES:
        return lambda value: value * _AXES[x][1]
    return _names(lines, x).index


def _spans_decades(lines: Mapping[str, pd.DataFrame], x: str) -> bool:
    values = np.array([v for rows in lines.values() for v in rows[x]], dtype=float)
    return x.endswith("time_s") and values.min() > 0 and values.max() > 30 * values.min()
