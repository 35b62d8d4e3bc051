"""Trainings of the studies: settings from text, tasks over seeds, and one training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rramchar.nn.learn.run import LearnResult, learn
from rramchar.nn.learn.settings import LearnSettings, default_learn_settings
from rramchar.nn.learn.settings_text import parse_fields
from rramchar.nn.learn.study import Context, Request, Task
from rramchar.nn.study_tasks import Row

_NOT_COMPARED = ("seconds", "dataset")


def learn_settings(
    request: Request, known: Sequence[str], start: Mapping[str, Any], own: Mapping[str, Any]
) -> LearnSettings:
    """Return the settings of a training; see `Request.learning`."""
    taken = dict.fromkeys(own, "the study sets it itself")
    if "hidden" not in taken:
        known = (*known, "hidden")
    texts = [f"{name}={text}" for name, text in request.options.items() if name not in known]
    given = parse_fields(texts, {**taken, "seed": "give --seed", "epochs": "give --epochs"}, known)
    if "hidden" in request.options:
        given["hidden"] = request.sizes("hidden", ())
    data, _ = request.data().load()
    chosen = {**start, **given, **own, "seed": request.first_seed}
    return default_learn_settings(data, **chosen).resolved()


def seed_tasks(
    request: Request,
    work: Callable[[Task, Context], list[Row]],
    columns: Mapping[str, Any],
    settings: LearnSettings,
    extra: Mapping[str, Any] | None = None,
    files: Sequence[str] = (),
) -> list[Task]:
    """Return a task per training seed.

    Parameters
    ----------
    request : Request
        Seeds and images.
    work : callable
        What the task does.
    columns : mapping
        The condition.
    settings : LearnSettings
        Of the training.
    extra : mapping, optional
        What the work needs besides, JSON-serializable; stands beside ``learn`` in the task's
        settings.
    files : sequence of str
        Files among `extra` that the result depends on.

    Returns
    -------
    list of Task
        In the order of the seeds.
    """
    used = (*(p for p in (settings.model, settings.read_model) if _is_file(p)), *files)
    return [
        Task(
            work,
            columns,
            {"learn": replace(settings, seed=seed).as_dict(), **(extra or {})},
            seed,
            request.data(),
            tuple(str(path) for path in used),
        )
        for seed in request.seed_range
    ]


def title(request: Request, settings: LearnSettings) -> str:
    """Return what was trained, for a figure's title."""
    data, _ = request.data().load()
    sizes = "-".join(str(n) for n in (data.pixels, *settings.hidden, data.classes))
    name = {"digits": "digits, 8 × 8 pixels", "mnist": "MNIST"}.get(
        request.dataset, request.dataset
    )
    cut = "" if request.images[0] is None else f", {request.images[0]:,} images"
    model = Path(settings.model).name if _is_file(settings.model) else settings.model
    return f"{name}{cut}, {sizes}, devices {model}, rule {settings.rule}"


def learned(task: Task) -> LearnResult:
    """Train the network that a task of `seed_tasks` asks for."""
    assert task.dataset is not None
    data, _ = task.dataset.load()
    return learn(data, LearnSettings.from_dict(task.settings["learn"]))


def epoch_rows(result: LearnResult) -> list[Row]:
    """Return the history without times, which no file that is compared should hold."""
    return [{k: v for k, v in row.items() if k not in _NOT_COMPARED} for row in result.history]


def _is_file(path: str | None) -> bool:
    return path is not None and path.endswith(".json")
