"""Figure of how Monte Carlo estimates converge with the number of samples."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from rramchar.report.style import BLUE, GREY, ORANGE, new_figure, styled

_LOOKS = {
    "random": (GREY, "o", "random"),
    "lhs": (ORANGE, "s", "Latin hypercube"),
    "sobol": (BLUE, "^", "Sobol"),
}


@styled
def plot_sampling_errors(errors: pd.DataFrame) -> Figure:
    """Draw the errors of an estimated mean and sigma against the number of samples.

    Parameters
    ----------
    errors : DataFrame
        Columns ``sampling`` (``random``, ``lhs``, ``sobol``), ``samples``, ``mean_error`` and
        ``sigma_error``: root mean square over seeds, relative to the true sigma. [1]

    Returns
    -------
    Figure
        Left: mean. Right: sigma. Open markers are sizes that are no power of two.
    """
    figure, axes = new_figure(1, 2)
    panels = {"mean_error": "error of the mean", "sigma_error": "error of sigma"}
    for axis, (column, title) in zip(axes, panels.items(), strict=True):
        for sampling, part in errors.groupby("sampling", sort=False):
            colour, marker, label = _LOOKS[str(sampling)]
            ordered = part.sort_values("samples")
            x, y = ordered["samples"].to_numpy(dtype=int), 100 * ordered[column].to_numpy()
            whole = (x & (x - 1)) == 0
            axis.loglog(x[whole], y[whole], color=colour, marker=marker, ms=4, label=label)
            axis.loglog(x[~whole], y[~whole], marker, mec=colour, mfc="white", ms=4)
        sizes = sorted(errors["samples"].unique())
        ticks = [n for n in sizes if n & (n - 1) == 0]
        axis.set_xticks(ticks, [str(n) for n in ticks])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel("samples")
        axis.set_ylabel("rms error (% of the true σ)")
        axis.set_title(title, loc="left")
    axes[0].plot([], [], "o", mec="black", mfc="white", ms=4, label="no power of two")
    axes[0].legend(loc="lower left")
    return figure
