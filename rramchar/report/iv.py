"""Figure of quasi-static current-voltage loops."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from rramchar.report.style import new_figure, styled
from rramchar.report.writes import shades
from rramchar.testbench.iv import LoopResult

# Where the branches of a loop are numbered: ramp, part of it, offset in points.
_NUMBERED = ((0, 0.25, (0, 8)), (1, 0.8, (-10, 4)), (2, 0.15, (10, -4)), (3, 0.3, (0, 8)))


@styled
def plot_loops(loops: Mapping[str, LoopResult]) -> Figure:
    """Draw quasi-static current-voltage loops.

    Parameters
    ----------
    loops : mapping of str to LoopResult
        Label to loop.

    Returns
    -------
    Figure
        Current through the device over the voltage on the cell: left linear, right its magnitude
        on a log axis. Numbers give the order of the branches.
    """
    figure, (left, right) = new_figure(1, 2)
    colours = shades(len(loops))
    for (label, loop), colour in zip(loops.items(), colours, strict=True):
        left.plot(loop.applied_v, loop.current_a * 1e6, color=colour, label=label, lw=1.3)
        magnitude = np.abs(loop.current_a) * 1e6
        # Half a nanoampere: below it the charging of the cell's node shows.
        shown = np.where((np.abs(loop.applied_v) > 0.02) & (magnitude > 5e-4), magnitude, np.nan)
        right.semilogy(loop.applied_v, shown, color=colour, lw=1.3)
    first = next(iter(loops.values()))
    for number, (ramp, part, offset) in enumerate(_NUMBERED, 1):
        i = int(np.searchsorted(first.time_s, (ramp + part) / 4 * first.time_s[-1]))
        left.annotate(str(number), (first.applied_v[i], first.current_a[i] * 1e6), xytext=offset,
                      textcoords="offset points", ha="center", va="center")  # fmt: skip
    left.set(xlabel="$V_{BL} - V_{SL}$ (V)", ylabel="current (µA)")
    right.set(xlabel="$V_{BL} - V_{SL}$ (V)", ylabel="magnitude of current (µA)")
    left.legend(loc="upper left")
    return figure
