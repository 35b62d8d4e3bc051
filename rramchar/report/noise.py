"""Figure of fitted read noise: spectra with their power laws, and one trace with its levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rramchar.fitting import FittedModel
from rramchar.fitting.rtn import decode
from rramchar.fitting.spectrum import fit_spectrum
from rramchar.measured.schema import is_good
from rramchar.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, new_figure, styled

_MOST = 6  # spectra in the figure
_SHOWN = 2000  # reads of the trace in the figure
_COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)


@styled
def plot_read_noise(model: FittedModel, frame: pd.DataFrame, title: str) -> Figure:
    """Draw spectra and a trace.

    Parameters
    ----------
    model : FittedModel
        Made by `rramchar.fitting.read_noise.fit_read_noise`.
    frame : DataFrame
        The readings that were fitted.
    title : str
        Says where the data come from.

    Returns
    -------
    Figure
        Left: relative power spectra of up to six devices, spread over all, with the fitted law in
        its band. Right: residuals of those spectra. Below: part of one trace, with the reads that
        the hidden Markov model decodes as the upper level; slopes of all devices.
    """
    figure, axes = new_figure(2, 2, width_in=8.4, height_in=5.6)
    rows, timed = model.population["devices"], model.population["timed"]
    good = frame[is_good(frame)]
    traces = dict(iter(good.groupby(good["device"].astype(str), sort=False)["resistance_ohm"]))
    picks = np.unique(np.round(np.linspace(0, len(rows) - 1, min(_MOST, len(rows)))).astype(int))
    for colour, row in zip(_COLOURS, (rows[i] for i in picks), strict=False):
        g = 1.0 / traces[row["device"]].to_numpy(dtype=float)
        spectrum = fit_spectrum(g / g.mean() - 1, row["rate_hz"], tuple(row["band_hz"]))
        f, density = spectrum.frequency_hz, spectrum.density
        axes[0, 0].loglog(f, density, color=colour, lw=0.5, alpha=0.5)
        inside = (f >= spectrum.low_hz) & (f <= spectrum.high_hz)
        axes[0, 0].loglog(
            f[inside], spectrum.law(f[inside]), color=colour, lw=1.6,
            label=f"{row['device']}: slope {spectrum.slope.value:.2f}",
        )  # fmt: skip
        ratio = density[inside] / spectrum.law(f[inside])
        slot = np.floor(6 * np.log2(f[inside] / f[inside][0])).astype(int)
        means = pd.Series(ratio).groupby(slot).mean()
        places = pd.Series(f[inside]).groupby(slot).mean()
        axes[0, 1].semilogx(places, means, "o-", color=colour, ms=2.5, lw=0.8)
    unit = "Hz" if timed else "1/read"
    axes[0, 0].set(xlabel=f"frequency ({unit})", ylabel=f"S(G) / mean² (1/{unit})")
    axes[0, 0].set_title(title, loc="left")
    axes[0, 0].legend(title="device", loc="upper right")
    axes[0, 1].axhline(1, color="black", lw=0.8)
    axes[0, 1].set(xlabel=f"frequency ({unit})", ylabel="spectrum / fitted law")
    axes[0, 1].set_title("residuals, means over 1/6 octave", loc="left")
    row = next((r for r in rows if r["rtn"]), rows[0])
    _draw_trace(axes[1, 0], row, traces[row["device"]].to_numpy(dtype=float), timed)
    slopes = [r["spectrum_slope"] for r in rows]
    if len(rows) > 10:
        axes[1, 1].hist(slopes, bins=min(30, len(rows) // 4), color=BLUE)
        axes[1, 1].set(xlabel="slope of the spectrum", ylabel="devices")
    else:
        error = [
            [r["spectrum_slope"] - r["spectrum_slope_low"] for r in rows],
            [r["spectrum_slope_high"] - r["spectrum_slope"] for r in rows],
        ]
        place = np.arange(len(rows))
        axes[1, 1].errorbar(place, slopes, yerr=error, fmt="o", color=BLUE, capsize=3, ms=4)
        axes[1, 1].set_xticks(place, [r["device"] for r in rows])
        axes[1, 1].set(xlabel="device", ylabel="slope of the spectrum")
    axes[1, 1].set_title("slopes (95 % intervals where drawn)", loc="left")
    return figure


def _draw_trace(
    axis: Axes, row: dict[str, Any], resistance_ohm: NDArray[np.float64], timed: bool
) -> None:
    g = 1.0 / resistance_ohm
    count = min(_SHOWN, len(g))
    start, high = 0, np.zeros(len(g), dtype=bool)
    if row["rtn"]:  # the stretch with the most jumps
        high = decode(g / row["mean_siemens"] - 1, row["rtn_levels"]) > 0.5
        jumps = np.concatenate([[0], np.cumsum(high[1:] != high[:-1])])
        start = int(np.argmax(jumps[count - 1 :] - jumps[: len(g) - count + 1]))
    shown = slice(start, start + count)
    x = np.arange(start, start + count) / (row["rate_hz"] if timed else 1.0)
    axis.plot(x, g[shown] * 1e6, color=GREY, lw=0.7)
    upper = np.where(high[shown], g[shown] * 1e6, np.nan)
    axis.plot(x, upper, ".", color=RED, ms=2)
    axis.set(xlabel="time (s)" if timed else "read", ylabel="G (µS)")
    name = "no telegraph noise detected"
    if row["rtn"]:
        name = "red: decoded as the upper level"
    axis.set_title(f"device {row['device']}, {name}", loc="left")
