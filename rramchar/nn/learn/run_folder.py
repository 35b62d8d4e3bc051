"""A run in a folder: saved after every epoch, gone on with when it is asked for again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.errors import StoreError
from rramchar.nn.dataset import Dataset
from rramchar.nn.learn.counters import counter_histogram, summarize_counters
from rramchar.nn.learn.folder import make_folder
from rramchar.nn.learn.run import LearnResult, Progress, learn, network
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.state import LearnState
from rramchar.nn.learn.state_file import load_state, save_state
from rramchar.nn.network_file import save_network
from rramchar.nn.study_tasks import digest_data, write_json
from rramchar.nn.tables import write_frame
from rramchar.provenance import provenance


@dataclass(frozen=True, eq=False)
class FolderRun:
    """What stands in the folder of a finished run.

    Parameters
    ----------
    result : LearnResult
        With the history of all epochs, those of earlier calls included.
    document : dict
        As in ``result.json``: ``test_accuracy``, ``history``, ``pulses_per_device`` and
        ``sets_per_device`` (means over devices), ``seconds``, ``counters`` and ``settings``.
    files : dict of str to Path
        The files written.
    found : int
        Epochs that earlier calls had finished.
    """

    result: LearnResult
    document: dict[str, Any]
    files: dict[str, Path]
    found: int


def run_in_folder(
    dataset: Dataset, settings: LearnSettings, folder: str | Path, progress: Progress | None = None
) -> FolderRun:
    """Learn in a folder, from the epoch on that an earlier call finished.

    Parameters
    ----------
    dataset : Dataset
        What to learn.
    settings : LearnSettings
        ``epochs`` counts from the start; where the schedule is constant, a larger number continues
        a finished run.
    folder : str or path
        Made if missing. ``state.npz``, ``history.csv``, ``counters.csv``, ``result.json``, and
        ``network.npz`` for binary synapses, are written to it.
    progress : callable, optional
        Called with the number of finished steps and the number of all that were left.

    Returns
    -------
    FolderRun
        The same as that of an uninterrupted run, but for ``seconds``.

    Raises
    ------
    InputError
        If settings and data do not fit each other.
    StoreError
        If the folder holds a run with other settings or data, or cannot be written.
    """
    path = Path(folder) / "state.npz"
    data = digest_data(dataset)
    state = _earlier(path, settings, dataset, data) if path.is_file() else None
    if state is None:
        state = LearnState.new(settings, dataset)
    state.check_dataset(dataset)
    folder, found = make_folder(folder), state.epoch  # what cannot be learned leaves no folder
    facts = {"dataset": dataset.name, "data_digest": data}
    learn(
        dataset,
        settings,
        epochs=max(0, settings.epochs - state.epoch),
        progress=progress,
        epoch_done=lambda reached: save_state(reached, path, facts),
        state=state,
    )
    result = LearnResult(state.history[: settings.epochs], state)
    return _write(result, folder, dataset, found)


def _earlier(path: Path, settings: LearnSettings, dataset: Dataset, data: str) -> LearnState:
    state, facts = load_state(path)
    if facts.get("data_digest") != data:
        raise StoreError(
            f"{path}: learned other data ({facts.get('dataset')}) than {dataset.name} as it is "
            "now; choose another folder"
        )
    before, now = state.settings.as_dict(), settings.resolved().as_dict()
    for name in before:
        free = name == "epochs" and now["schedule"] == "constant"
        if before[name] != now[name] and not free:
            raise StoreError(
                f"{path}: was learned with {name} {before[name]}, not {now[name]}; choose another "
                "folder, or the same settings to go on"
            )
    if state.epoch > settings.epochs:
        raise StoreError(
            f"{path}: has learned {state.epoch} epochs, more than the {settings.epochs} asked for; "
            "choose another folder, or at least as many epochs"
        )
    state.settings = replace(state.settings, epochs=settings.epochs)
    return state


def _write(result: LearnResult, folder: Path, dataset: Dataset, found: int) -> FolderRun:
    state = result.state
    facts = provenance(dataset=dataset.name, settings=state.settings.as_dict())
    facts["packages"] = {k: v for k, v in facts["packages"].items() if k != "PySpice"}
    counters = summarize_counters(state)
    document = {
        "test_accuracy": result.test_accuracy,
        "history": result.history,
        "pulses_per_device": counters["weak_resets"]["mean"],
        "sets_per_device": counters["sets"]["mean"],
        "seconds": sum(row["seconds"] for row in result.history),
        "dataset": dataset.name,
        "sizes": list(state.sizes),
        "settings": state.settings.as_dict(),
        "counters": counters,
    }
    files = {name: folder / f"{name}.csv" for name in ("history", "counters")}
    write_frame(files["history"], pd.DataFrame(result.history), "learning history", facts)
    histogram = pd.DataFrame(counter_histogram(state))
    write_frame(files["counters"], histogram, "devices by pulses", facts)
    files["result"] = folder / "result.json"
    write_json(files["result"], {**document, "provenance": facts})
    files["state"] = folder / "state.npz"
    if state.settings.synapse == "bnn":
        files["network"] = folder / "network.npz"
        made = network(state, {"dataset": dataset.name, "provenance": facts})
        save_network(made, files["network"])
    return FolderRun(result, document, files, found)
