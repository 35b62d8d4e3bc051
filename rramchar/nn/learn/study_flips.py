"""Pulses on BLb that flip a synapse, against pulses on BL before (IEDM 2019, Fig. 9).

Fresh synapses get n weak RESETs on BL, which makes them +1, and then weak RESETs on BLb until they
read -1. Synapses that read -1 after the pulses on BL, because their devices differ or by noise, are
counted apart. No network is trained: these are the devices and the read that learning uses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.learn.devices_build import build_devices, device_model
from rramchar.nn.learn.read_check import build_reader
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_runs import seed_tasks
from rramchar.nn.learn.study_statistics import chosen, holds, interval
from rramchar.nn.study_tasks import Row

LIMIT = 5000
"""Most pulses on BLb. [pulse]"""
_PUBLISHED = "The more pulses BL had, the more BLb takes; single synapses scatter widely (Fig. 9)."
_SHOWN = 40  # synapses of each seed that the figure shows one by one
_MODELS = "iedm2019,arxiv2107"
_BEFORE = (1, 2, 5, 10, 20, 30, 40, 60, 80, 100)


def plan(request: Request) -> Study:
    """Plan the pulses.

    Parameters
    ----------
    request : Request
        Options ``models`` (names and files of fitted models, ``a,b``) and ``before`` (pulses on
        BL). The published measurement has 36,800 synapses.

    Returns
    -------
    Study
        Tables ``flips`` (`model`, `before`) and ``synapses``, some of them one by one.
    """
    options = ("models", "before")
    before = request.whole_numbers("before", _BEFORE, least=0)
    if len(before) < 2:
        raise InputError(f"--set before={before[0]}: expected at least two numbers of pulses")
    synapses = request.by_length(200, 2000, 12000)
    tasks = []
    for name in request.text("models", _MODELS).split(","):
        settings = request.learning(epochs=1, known=options, model=name.strip())
        device_model(settings)  # refuses a file that cannot be used before anything runs
        extra = {"before": list(before), "synapses": synapses}
        label = name.strip().rsplit("/", 1)[-1]
        for task in seed_tasks(request, work, {"model": label}, settings, extra):
            tasks.append(replace(task, dataset=None))
    tables = (
        Table("flips", ("model", "before"), ("mean", "median", "p5", "p95", "minus", "stuck")),
        Table("synapses", ("model", "before"), ()),
    )
    title = f"{synapses:,} synapses for each number of pulses and seed"
    return Study("flip-pulses", tuple(tasks), tables, title, {"limit": LIMIT})


def work(task: Task, context: Context) -> list[Row]:
    """Pulse the synapses of one seed."""
    settings = LearnSettings.from_dict(task.settings["learn"])
    before, count = task.settings["before"], int(task.settings["synapses"])
    pulses, minus = flip_pulses(settings, before, count)
    rows: list[Row] = []
    for k, n in enumerate(before):
        line = {"before": n, **_describe(pulses[k], minus[k])}
        rows.append({"table": "flips", **line})
        shown = pulses[k][~minus[k]][:_SHOWN]
        rows += [{"table": "synapses", "before": n, "pulses": int(p)} for p in shown]
    return rows


def flip_pulses(
    settings: LearnSettings, before: list[int], count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return how many pulses on BLb flip synapses after pulses on BL.

    Parameters
    ----------
    settings : LearnSettings
        Resolved; its devices, amplifiers and seed.
    before : list of int
        Pulses on BL.
    count : int
        Synapses for each.

    Returns
    -------
    pulses : array of int, shape (before, count)
        Pulses on BLb until the read is -1; `LIMIT` where it never was. [1]
    minus : array of bool, shape (before, count)
        Synapses that read -1 before any pulse on BLb.
    """
    total = len(before) * count
    streams = np.random.SeedSequence(settings.seed).spawn(3)
    left, right, amplifiers = (np.random.default_rng(s) for s in streams)
    model = device_model(settings)
    bl = build_devices(settings, model, total, left)
    blb = build_devices(settings, model, total, right)
    reader = build_reader(settings, total, amplifiers)
    given = np.repeat(before, count)
    for done in range(max(before)):
        bl.weak_reset(np.flatnonzero(given > done))
    every = np.arange(total)

    def plus(at: NDArray[np.intp]) -> NDArray[np.bool_]:
        pair = bl.log_conductance(at), blb.log_conductance(at)
        return np.asarray(reader.read(*pair, at, noise=True) > 0)

    minus = ~plus(every)
    pulses = np.zeros(total, dtype=np.int64)
    waiting = every[~minus]
    for _ in range(LIMIT):
        if not len(waiting):
            break
        blb.weak_reset(waiting)
        pulses[waiting] += 1
        waiting = waiting[plus(waiting)]
    shape = (len(before), count)
    return pulses.reshape(shape), minus.reshape(shape)


def _describe(pulses: NDArray[np.int64], minus: NDArray[np.bool_]) -> dict[str, float]:
    """Return statistics over synapses that were +1 and flipped, and the shares of the others."""
    mine = pulses[~minus]
    flipped = mine[mine < LIMIT]
    if not len(flipped):
        nothing = dict.fromkeys(("mean", "median", "p5", "p95"), float("nan"))
        return {**nothing, "minus": float(minus.mean()), "stuck": 1.0 if len(mine) else 0.0}
    p5, median, p95 = np.percentile(flipped, (5, 50, 95))
    return {
        "mean": float(flipped.mean()),
        "median": float(median),
        "p5": float(p5),
        "p95": float(p95),
        "minus": float(minus.mean()),
        "stuck": float((mine >= LIMIT).mean()),
    }


def find(result: StudyResult) -> list[Finding]:
    """Say how the pulses to flip grow with the pulses before, for each model."""
    rows = result.rows["flips"]
    found = []
    for model in dict.fromkeys(rows["model"]):
        mine = chosen(rows, {"model": model})
        unflipped = mine[mine["median"].isna()]
        if len(unflipped):
            said = f"{model}: after {unflipped['before'].min()} pulses some seed has no flip at all"
            found.append(Finding(_PUBLISHED, f"{said}, with up to {LIMIT:,} pulses", "", None))
            continue
        slopes = [
            float(np.polyfit(part["before"], part["median"].astype(float), 1)[0])
            for _, part in mine.groupby("seed")
        ]
        low, high = interval(slopes)
        ends = mine[mine["before"].isin([mine["before"].min(), mine["before"].max()])]
        first, last = ends.groupby("before")["median"].mean()
        span = "" if np.isnan(low) else f"slope {low:.2f} ... {high:.2f}"
        spread = chosen(result.summary, {"model": model}).iloc[-1]
        found.append(
            Finding(
                _PUBLISHED,
                f"{model}: median {first:.0f} pulses after {mine['before'].min()}, {last:.0f} "
                f"after {mine['before'].max()} (5 to 95 % of synapses there: "
                f"{spread['p5_mean']:.0f} to {spread['p95_mean']:.0f}); "
                f"slope {np.mean(slopes):.2f}",
                span,
                None if np.isnan(low) else holds(low, high),
            )
        )
    return found
