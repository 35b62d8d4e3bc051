"""Metaplastic binary weights on a sequence of tasks, hidden weights in 8-bit FeRAM.

Rule: Laborieux et al., Nat. Commun. 12, 2549 (2021); chip: Martemucci et al., MEMRISYS 2023. The
tasks are the images with their pixels in another order for each task.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rramchar.ber.confusion import Confusion
from rramchar.ber.table import BerTable
from rramchar.ber.where import parse_where
from rramchar.errors import InputError
from rramchar.nn.error_model import confusion_for, of_kind
from rramchar.nn.learn.metaplastic import MetaplasticSettings, learn_sequence
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_retraining import changed
from rramchar.nn.learn.study_statistics import chosen, difference, holds, points
from rramchar.nn.settings import TrainingSettings, default_settings
from rramchar.nn.study_tasks import Row

_OPTIONS = (
    "ms", "tasks", "hidden", "learning_rate", "init_std", "full_scale", "memories", "ber", "where",
)  # fmt: skip
# How hidden weights are kept: memory, rounding, batch normalization, whether reads err.
MEMORIES: dict[str, tuple[str, str, str, bool]] = {
    "float32": ("float", "stochastic", "task", False),
    "8-bit, stochastic": ("feram", "stochastic", "task", False),
    "8-bit, nearest": ("feram", "nearest", "task", False),
    "8-bit, OxRAM misread": ("feram", "stochastic", "task", True),
    "float32, shared norm": ("float", "stochastic", "shared", False),
}
_KEYS = ("memory", "m")
_WEAR = ("writes", "writes_most", "flips", "flips_most", "saturated")
_DEFAULT_BER = 1e-2


def plan(request: Request) -> Study:
    """Plan sequences of tasks for several strengths of metaplasticity and kinds of memory.

    Parameters
    ----------
    request : Request
        Options ``ms`` (strengths [1]), ``tasks`` (their number), ``hidden``, ``learning_rate``,
        ``init_std``, ``full_scale`` (see `MetaplasticSettings`), ``memories`` (keys of `MEMORIES`,
        separated by ``;``), ``ber`` (a rate, or a BER table with ``where``, of the OxRAM reads).

    Returns
    -------
    Study
        Tables ``sequence`` (`memory`, `m`), mean accuracy of all tasks at the end, and wear;
        ``tasks`` (with `learned`, `task`): each task after each.

    Raises
    ------
    InputError
        If an option is unknown or cannot be used.
    """
    for name, text in request.options.items():
        if name not in _OPTIONS:
            raise InputError(f"--set {name}={text}: this study takes {', '.join(_OPTIONS)}")
    training = _training(request)
    count = request.whole_number("tasks", request.by_length(2, 4, 6), least=2)
    ms = request.numbers("ms", (0.0, 12.0, 25.0) if request.small else (0.0, 1.35, 4.0), least=0)
    full_scale = request.number("full_scale", 2.0)
    shared = {"training": vars(training), "tasks": count, "full_scale": full_scale}
    shared["read"] = _read(request)
    tasks = []
    for memory in (
        part.strip() for part in request.text("memories", ";".join(MEMORIES)).split(";")
    ):
        if memory not in MEMORIES:
            raise InputError(f"--set memories={memory}: expected some of {'; '.join(MEMORIES)}")
        for m in ms:
            document = {**shared, "m": m, "memory": memory}
            _settings(document, request.first_seed)  # refused here, before anything runs
            tasks += [
                Task(work, {"memory": memory, "m": m}, document, seed, request.data())
                for seed in request.seed_range
            ]
    tables = (
        Table("sequence", _KEYS, ("test_accuracy", "own_accuracy", *_WEAR)),
        Table("tasks", (*_KEYS, "learned", "task"), ("test_accuracy",)),
    )
    return Study("metaplastic", tuple(tasks), tables, _title(request, training, count))


def _training(request: Request) -> TrainingSettings:
    epochs = request.by_length(2, 30, 60) if request.small else request.by_length(1, 5, 20)
    return default_settings(
        request.data().load()[0],
        hidden=request.sizes("hidden", (512,)),
        epochs=request.epochs or epochs,
        learning_rate=request.number("learning_rate", 5e-3),
        init_std=request.number("init_std", 0.1),
        seed=request.first_seed,
    )


def _settings(document: Mapping[str, Any], seed: int) -> MetaplasticSettings:
    """Return the settings that a task's plain data stand for."""
    memory, rounding, batch_norm, misread = MEMORIES[document["memory"]]
    return MetaplasticSettings(
        TrainingSettings(**{**document["training"], "seed": seed}),
        m=document["m"],
        memory=memory,
        rounding=rounding,
        full_scale=document["full_scale"],
        batch_norm=batch_norm,
        read=Confusion(np.asarray(document["read"])) if misread else None,
    )


def _title(request: Request, training: TrainingSettings, count: int) -> str:
    data, _ = request.data().load()
    sizes = "-".join(str(n) for n in (data.pixels, *training.hidden, data.classes))
    name = {"digits": "digits, 8 × 8 pixels", "mnist": "MNIST"}.get(data.name, data.name)
    return f"{name}, {sizes}, {count} permuted tasks of {training.epochs} epochs"


def _read(request: Request) -> list[list[float]]:
    """Return the confusion of the OxRAM reads as plain data: a rate's, or a table row's."""
    text = request.text("ber", f"{_DEFAULT_BER:g}")
    try:
        confusion = Confusion.binary_symmetric(float(text))
    except ValueError:
        if not Path(text).is_file():
            raise InputError(
                f"--set ber={text}: neither a rate such as 1e-3 nor an existing BER table"
            ) from None
        table = BerTable.load(text)
        where = of_kind(table, parse_where(request.text("where", "")), "binary")
        confusion = confusion_for(table, where)
    found: list[list[float]] = confusion.probability.tolist()
    return found


def work(task: Task, context: Context) -> list[Row]:
    """Learn the tasks of one seed, whose permutations are its own."""
    assert task.dataset is not None
    data, _ = task.dataset.load()
    settings = _settings(task.settings, task.seed)
    datasets = [changed(data, "pixels", k, task.seed) for k in range(task.settings["tasks"])]
    result = learn_sequence(datasets, settings)
    ends = [row for row in result.rows if row["epoch"] == settings.training.epochs]
    last = len(datasets) - 1
    final = [row["test_accuracy"] for row in ends if row["learned"] == last]
    own = [row["test_accuracy"] for row in ends if row["learned"] == row["task"]]
    wear = {name: result.wear[-1][name] for name in _WEAR}
    head: dict[str, Any] = {
        "table": "sequence",
        "test_accuracy": sum(final) / len(final),
        "own_accuracy": sum(own) / len(own),
        **wear,
    }
    return [head, *({"table": "tasks", **row} for row in ends)]


def find(result: StudyResult) -> list[Finding]:
    """Say whether metaplasticity keeps earlier tasks, also with 8 bits, and what that costs."""
    rows = result.rows["sequence"]
    found = []
    for memory in dict.fromkeys(rows["memory"]):
        mine = rows[rows["memory"] == memory]
        best = _best(mine)
        if best is None:
            continue
        means = mine.groupby("m")["test_accuracy"].mean()
        gain = difference(mine, "test_accuracy", {"m": best}, {"m": 0.0})
        cost = difference(mine, "own_accuracy", {"m": best}, {"m": 0.0})
        found.append(
            Finding(
                "Metaplasticity (m > 0) keeps earlier tasks that are lost without (m = 0)"
                + ("." if memory == "float32" else f": here {memory}."),
                f"mean over all tasks {means[best]:.1%} at m = {best:g}, {means[0.0]:.1%} at "
                f"m = 0: {points(gain)[0]}; a task just learned: {points(cost)[0]}",
                points(gain)[1],
                holds(gain[1], gain[2]),
            )
        )
    return [*found, *_rounding(rows)]


def _best(rows: pd.DataFrame) -> float | None:
    """Return the m above 0 that remembers most; None without one, or without m = 0 beside it."""
    means = rows.groupby("m")["test_accuracy"].mean()
    above = means[means.index > 0]
    if above.empty or 0.0 not in means.index:
        return None
    return float(above.index[int(above.to_numpy().argmax())])


def _rounding(rows: pd.DataFrame) -> list[Finding]:
    names = "8-bit, stochastic", "8-bit, nearest"
    mine = rows[rows["memory"].isin(names)]
    best = _best(mine[mine["memory"] == names[0]])
    if best is None or set(mine["memory"]) != set(names):
        return []
    learning, frozen = ({"memory": name, "m": 0.0} for name in names)
    slow = difference(mine, "own_accuracy", learning, frozen)
    control = difference(mine, "test_accuracy", {"memory": names[0], "m": best}, frozen)
    writes = [chosen(mine, where)["writes"].mean() for where in (learning, frozen)]
    return [
        Finding(
            "Not in the paper: rounding updates of 8 bits to the nearest freezes the learning.",
            f"a task just learned, stochastic minus nearest, m = 0: {points(slow)[0]}; FeRAM "
            f"writes per weight {writes[0]:.3g} and {writes[1]:.3g}",
            points(slow)[1],
            holds(slow[1], slow[2]),
        ),
        Finding(
            "Not in the paper: metaplasticity does better than weights that are all but frozen, "
            "where only the normalizations learn.",
            f"mean over all tasks, stochastic at m = {best:g} minus nearest at m = 0: "
            f"{points(control)[0]}",
            points(control)[1],
            holds(control[1], control[2]),
        ),
    ]
