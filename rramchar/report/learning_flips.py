"""Figure of the pulses that flip a synapse against the pulses before."""

from __future__ import annotations

from matplotlib.figure import Figure

from rramchar.nn.learn.study import StudyResult
from rramchar.report.style import GREY, RED, new_figure, styled


@styled
def plot_flips(result: StudyResult) -> Figure:
    """Draw the pulses on BLb that flip a synapse against the pulses on BL before.

    Parameters
    ----------
    result : StudyResult
        Of the study ``flip-pulses``.

    Returns
    -------
    Figure
        As IEDM 2019, Fig. 9, one panel per model: single synapses, mean, and 5 to 95 %.
    """
    models = list(dict.fromkeys(result.summary["model"]))
    figure, axes = new_figure(1, len(models), width_in=4.3 * len(models) + 0.3, squeeze=False)
    single = result.rows["synapses"]
    for axis, model in zip(axes[0], models, strict=True):
        dots = single[(single["model"] == model) & (single["pulses"] < result.study.facts["limit"])]
        axis.plot(dots["before"], dots["pulses"], ".", color=GREY, ms=2.5, alpha=0.5,
                  label="single synapses")  # fmt: skip
        part = result.summary[result.summary["model"] == model].sort_values("before")
        x = part["before"]
        axis.fill_between(x, part["p5_mean"], part["p95_mean"], color=RED, alpha=0.15, lw=0,
                          label="5 to 95 %")  # fmt: skip
        axis.plot(x, part["median_mean"], "--", color=RED, lw=1, label="median")
        axis.plot(x, part["mean_mean"], "o-", color=RED, ms=4, label="mean")
        stuck = part["stuck_mean"].max()
        limit = result.study.facts["limit"]
        note = "" if stuck == 0 else f"; up to {stuck:.1%} never flip in {limit:,}"
        axis.set_title(f"{model}{note}", loc="left")
        axis.set_xlabel("weak RESETs on BL before")
        if part["p95_mean"].max() > 8 * part["median_mean"].max():  # else the tail hides the rest
            axis.set_yscale("log")
        else:
            axis.set_ylim(0, 1.5 * part["p95_mean"].max())
    axes[0, 0].set_ylabel("weak RESETs on BLb to flip it")
    axes[0, 0].legend(loc="upper left")
    figure.suptitle(result.study.title, fontsize=9)
    return figure
