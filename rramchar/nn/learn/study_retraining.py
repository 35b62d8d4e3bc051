"""Changed tasks one after another without resetting devices (IEDM 2019, Fig. 15).

The paper does not say how its tasks vary. Here the pixels of all images are permuted, differently
for each task (`change=pixels`), or the classes are (`change=labels`). A permuted task is as hard as
the first one for a dense network, so that a lower accuracy comes from the devices.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rramchar.errors import InputError
from rramchar.nn.dataset import Dataset
from rramchar.nn.learn.run import learn
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.study import Context, Finding, Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_runs import epoch_rows, seed_tasks, title
from rramchar.nn.learn.study_statistics import difference, holds, percent, points
from rramchar.nn.study_tasks import Row

CHANGES = ("pixels", "labels")
_OPTIONS = ("ratios", "stages", "change")
_SMALL_LOSS = 0.01


def plan(request: Request) -> Study:
    """Plan sequences of tasks at several noises.

    Parameters
    ----------
    request : Request
        Options ``ratios`` (noise of a pulse over its mean fall at Gmax [1]), ``stages`` (tasks in a
        row), ``change`` (``pixels`` or ``labels``).

    Returns
    -------
    Study
        Tables ``stages`` (`ratio`, `stage`), how each ended, and ``epochs`` (`ratio`, `stage`,
        `epoch`).
    """
    epochs = request.by_length(2, 15, 40) if request.small else request.by_length(1, 2, 10)
    ratios = request.numbers("ratios", (0.0, 0.25, 1.0), least=0)
    stages = request.whole_number("stages", request.by_length(2, 4, 10), least=2)
    change = request.text("change", CHANGES[0])
    if change not in CHANGES:
        raise InputError(f"--set change={change}: expected one of {', '.join(CHANGES)}")
    tasks = []
    for ratio in ratios:
        base = request.learning(epochs=epochs, known=_OPTIONS, defaults={"schedule": "constant"})
        if base.pulse is None or base.eta is None:
            raise InputError(
                f"--set model={request.model}: this study varies the noise of iedm2019; leave the "
                "model out"
            )
        settings = replace(base, eta=ratio * base.pulse)
        extra = {"stages": stages, "change": change}
        tasks += seed_tasks(request, work, {"ratio": ratio}, settings, extra)
    tables = (
        Table("stages", ("ratio", "stage"), ("test_accuracy", "loss", "flips", "sets")),
        Table("epochs", ("ratio", "stage", "epoch"), ("test_accuracy", "loss")),
    )
    return Study("retraining", tuple(tasks), tables, title(request, settings), extra)


def changed(data: Dataset, change: str, stage: int, seed: int) -> Dataset:
    """Return the data set of a stage; stage 0 is the data set itself.

    Parameters
    ----------
    data : Dataset
        The first task.
    change : str
        ``pixels``: all images get their pixels in another order. ``labels``: the classes change
        places.
    stage : int
        From 0.
    seed : int
        Of the order.

    Returns
    -------
    Dataset
        As many images.
    """
    if stage == 0:
        return data
    rng = np.random.default_rng(np.random.SeedSequence([seed, stage]))
    if change == "labels":
        order = rng.permutation(data.classes)
        return replace(
            data, train_labels=order[data.train_labels], test_labels=order[data.test_labels]
        )
    order = rng.permutation(data.pixels)
    images = (data.train_images[:, order], data.test_images[:, order])
    return replace(data, train_images=images[0], test_images=images[1], shape=())


def work(task: Task, context: Context) -> list[Row]:
    """Learn the tasks one after another on the same devices."""
    assert task.dataset is not None
    data, _ = task.dataset.load()
    settings = LearnSettings.from_dict(task.settings["learn"])
    state, rows = None, []
    for stage in range(task.settings["stages"]):
        part = changed(data, task.settings["change"], stage, task.seed)
        result = learn(part, settings, epochs=settings.epochs, state=state)
        state, epochs = result.state, epoch_rows(result)
        rows += [{"table": "epochs", "stage": stage, **epoch} for epoch in epochs]
        total = {name: sum(epoch[name] for epoch in epochs) for name in ("flips", "sets")}
        rows.append({"table": "stages", "stage": stage, **epochs[-1], **total})
    return rows


def find(result: StudyResult) -> list[Finding]:
    """Say whether tasks are learned again and again, and whether noise helps."""
    rows, summary = result.rows["stages"], result.summary
    last, ratios = int(rows["stage"].max()), sorted(set(rows["ratio"]))
    found = []
    for ratio in ratios:
        mine = rows[rows["ratio"] == ratio]
        gap = difference(mine, "test_accuracy", {"stage": last}, {"stage": 0})
        row = summary[(summary["ratio"] == ratio) & (summary["stage"] == last)].iloc[0]
        found.append(
            Finding(
                "Changed tasks are learned on the same devices, without resetting them (Fig. 15).",
                f"η = {ratio:g} c: task {last + 1} {percent(row, 'test_accuracy')[0]}, against the "
                f"first {points(gap)[0]}",
                points(gap)[1],
                holds(gap[1], gap[2], least=-_SMALL_LOSS),
            )
        )
    means = rows[rows["stage"] > 0].groupby(["ratio", "seed"])["test_accuracy"].mean()
    later = means.to_frame().reset_index()
    for ratio in ratios[1:]:
        gain = difference(later, "test_accuracy", {"ratio": ratio}, {"ratio": ratios[0]})
        found.append(
            Finding(
                "Learning again is more effective where the noise is stronger (Fig. 15).",
                f"later tasks, η = {ratio:g} c against η = {ratios[0]:g}: {points(gain)[0]}",
                points(gain)[1],
                holds(gain[1], gain[2]),
            )
        )
    return found
