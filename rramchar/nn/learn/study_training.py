"""Training curves and conductance histograms without and with the check (IEDM 2019, Figs. 12, 13).

The pulse is so strong, and so often sent until the end, that devices reach the end of their range
during the training: without the check nothing brings them back.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rramchar.nn.learn.counters import normalized_conductance
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_runs import epoch_rows, learned, seed_tasks, title
from rramchar.nn.learn.study_statistics import chosen, difference, holds, interval, percent, points
from rramchar.nn.study_tasks import Row

STRONG_PULSE = 0.1
_BINS = 40
# Of the normalised conductance; what lies outside counts in the first or last bin.
_RANGE = {"iedm2019": (0.0, 1.0), "ideal": (-4.0, 1.0)}
_STABLE = 0.003  # share of the images: three tenths of a point
_LOSS = 0.03
_FEWEST_EPOCHS = 10  # that can tell whether the accuracy stays


def plan(request: Request) -> Study:
    """Plan trainings without and with the check.

    Parameters
    ----------
    request : Request
        Without options, a pulse ten times as strong as the default, and a constant schedule.

    Returns
    -------
    Study
        Tables ``epochs`` (`check`, `epoch`) and ``conductances`` (`check`, `conductance`).
    """
    epochs = request.by_length(3, 200, 600) if request.small else request.by_length(2, 12, 50)
    defaults = {"schedule": "constant", **({"pulse": STRONG_PULSE} if request.has_pulse else {})}
    tasks = []
    for check in (False, True):
        settings = request.learning(epochs=epochs, defaults=defaults, check=check)
        tasks += seed_tasks(request, work, {"check": check}, settings)
    measured = ("test_accuracy", "train_accuracy", "loss", "pulses", "flips", "sets")
    tables = (
        Table("epochs", ("check", "epoch"), measured),
        Table("conductances", ("check", "conductance"), ("share",)),
    )
    return Study("training", tuple(tasks), tables, title(request, settings))


def work(task: Task, context: Context) -> list[Row]:
    """Train a network; return its epochs and the histogram of its conductances."""
    result = learned(task)
    rows: list[Row] = [{"table": "epochs", **epoch} for epoch in epoch_rows(result)]
    low, high = _RANGE.get(result.settings.model, (0.0, 1.25))
    values = np.clip(normalized_conductance(result.state), low, high)
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    for middle, count in zip(middles, counts / counts.sum(), strict=True):
        rows.append({"table": "conductances", "conductance": float(middle), "share": float(count)})
    return rows


def find(result: StudyResult) -> list[Finding]:
    """Say whether accuracy is reached, kept with the check, and lost without it."""
    rows, summary = result.rows["epochs"], result.summary
    last = int(rows["epoch"].max())
    with_check = chosen(summary, {"check": True}).reset_index(drop=True)
    best = int(with_check["test_accuracy_mean"].to_numpy(float).argmax())
    top = with_check.to_dict("records")[best]
    text, span = percent(top, "test_accuracy")
    found = [
        Finding(
            "With the check about 98 % is reached on MNIST (Fig. 13a).",
            f"{text} at best, epoch {top['epoch']:.0f} of {last}",
            span,
            None,
        )
    ]
    worst = float((top["test_accuracy_mean"] - with_check["test_accuracy_mean"].iloc[best:]).max())
    drop = late_drop(rows[rows["check"]])
    found.append(
        Finding(
            "With the check the accuracy stays (Fig. 13a).",
            f"last tenth of the epochs against the best tenth: {points(drop)[0]}; no later epoch "
            f"mean more than {100 * worst:.2f} points below the best",
            points(drop)[1],
            holds(drop[1], drop[2], least=-_STABLE) if last >= _FEWEST_EPOCHS else None,
        )
    )
    end = difference(
        rows, "test_accuracy", {"check": True, "epoch": last}, {"check": False, "epoch": last}
    )
    words, span = points(end)
    found.append(
        Finding(
            "Without the check the accuracy drops once devices saturate (Fig. 12a).",
            f"with minus without the check after {last} epochs: {words}",
            span,
            holds(end[1], end[2], least=_LOSS),
        )
    )
    return [*found, _saturation(result)]


def late_drop(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Return the accuracy of the last tenth of the epochs minus that of the best tenth.

    Parameters
    ----------
    rows : DataFrame
        ``seed``, ``epoch``, ``test_accuracy`` [1].

    Returns
    -------
    tuple of float
        Mean over seeds and 95 % interval. Means over a tenth of the epochs, for the best of many
        single epochs is best by chance. The best tenth is that of the mean over seeds. [1]
    """
    wide = rows.pivot(index="epoch", columns="seed", values="test_accuracy")
    smooth = wide.rolling(max(1, len(wide) // 10)).mean().dropna().to_numpy(float)
    gaps = smooth[-1] - smooth[smooth.mean(axis=1).argmax()]
    return (float(gaps.mean()), *interval(gaps))


def _saturation(result: StudyResult) -> Finding:
    """Say how many devices end in the lowest tenth of the range."""
    rows = result.rows["conductances"]
    sums = rows[rows["conductance"] < 0.1].groupby(["check", "seed"])["share"].sum()
    low = sums.to_frame().reset_index()
    gap = difference(low, "share", {"check": False}, {"check": True})
    shares = low.groupby("check")["share"].mean()
    return Finding(
        "Without the check conductances pile up at the low end, with it they spread (Figs. 12b, "
        "13b).",
        f"devices in the lowest tenth of the range: {shares[False]:.1%} without, "
        f"{shares[True]:.1%} with the check",
        points(gap)[1],
        holds(gap[1], gap[2]),
    )
