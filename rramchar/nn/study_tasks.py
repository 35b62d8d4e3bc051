"""One network of a study: train it, or take it from an earlier run; then measure it.

A task is plain data and holds all that its result depends on, so that its digest names its files:
a study that was interrupted or extended goes on with what is there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rramchar.ber.confusion import Confusion
from rramchar.errors import StoreError
from rramchar.nn.dataset import Dataset
from rramchar.nn.datasets import load_dataset
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import Errors, Progress, evaluate_many
from rramchar.nn.graph import AnyNetwork
from rramchar.nn.network_file import load_network, save_network
from rramchar.nn.settings import TrainingSettings
from rramchar.nn.tables import write_whole
from rramchar.nn.torch_train import one_torch_thread, train_vgg
from rramchar.nn.train import History, train
from rramchar.nn.vgg_settings import VggSettings
from rramchar.provenance import digest_bytes, digest_json

VERSION = 2
Row = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """A condition that networks are measured at.

    Parameters
    ----------
    columns : tuple of (str, float or str)
        What stands in the result's columns for it.
    errors : float, Confusion or None
        Error rate of the weights, how they are read, or no errors.
    """

    columns: tuple[tuple[str, float | str], ...]
    errors: float | Confusion | None

    def document(self) -> dict[str, Any]:
        """Return the condition as JSON-serializable data."""
        plain: Any = self.errors
        if isinstance(plain, Confusion):
            plain = plain.probability.tolist()
        return {"columns": dict(self.columns), "errors": plain}


@dataclass(frozen=True)
class Task:
    """A network to train and to measure.

    Parameters
    ----------
    dataset, data_dir : str, str or None
        As `rramchar.nn.datasets.load_dataset` takes them.
    train_images, test_images : int or None
        Use only the first ones; None for all.
    settings : TrainingSettings or VggSettings
        Of the training, its seed included.
    train_ber : float
        Error rate that the network is trained with. [1]
    conditions : tuple of Condition
        What it is measured at.
    draws : int
        Programmed chips for each condition.
    seed : int
        Of the chips; combined with the training seed, so that networks do not share chips.
    """

    dataset: str
    data_dir: str | None
    train_images: int | None
    test_images: int | None
    settings: TrainingSettings | VggSettings
    train_ber: float
    conditions: tuple[Condition, ...]
    draws: int
    seed: int

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """Filters of the convolutions and neurons of the hidden layers, from input to output."""
        return (*getattr(self.settings, "filters", ()), *self.settings.hidden)

    def network_key(self, data_digest: str) -> str:
        """Return the name of the trained network's file, without suffix."""
        document = {
            "version": VERSION,
            "data": data_digest,
            "settings": asdict(self.settings),
            "train_ber": self.train_ber,
        }
        return f"{self.settings.weights}_seed{self.settings.seed}_{digest_json(document)[:16]}"

    def part_key(self, data_digest: str) -> str:
        """Return the name of the result's file, without suffix."""
        document = {
            "network": self.network_key(data_digest),
            "conditions": [condition.document() for condition in self.conditions],
            "draws": self.draws,
            "seed": self.seed,
        }
        return f"{self.settings.weights}_seed{self.settings.seed}_{digest_json(document)[:16]}"

    def load_data(self) -> tuple[Dataset, str]:
        """Return the data set and its digest."""
        return load_part(self.dataset, self.data_dir, self.train_images, self.test_images)


def run_task(task: Task, folder: Path) -> list[Row]:
    """Return a task's rows, from its files where they are there.

    Parameters
    ----------
    task : Task
        What to do.
    folder : Path
        Of the study; ``networks`` and ``parts`` in it are written.

    Returns
    -------
    list of dict
        One row for each condition: what was trained, the condition's columns, and the columns of
        `rramchar.nn.evaluate.Evaluation.as_dict`.

    Raises
    ------
    InputError
        If data or settings cannot be used.
    StoreError
        If a file of the folder is damaged.
    """
    if (finished := finished_rows(task, folder)) is not None:
        return finished
    data, digest = task.load_data()
    # One thread: rounding, and so a trained network, may depend on the number of threads.
    with threadpool_limits(1):
        network = _network(task, data, folder / "networks" / f"{task.network_key(digest)}.npz")
        rows = _measure(task, data, network)
    write_json(_part(task, folder), rows)
    return rows


def finished_rows(task: Task, folder: Path) -> list[Row] | None:
    """Return the rows of a task that an earlier run has finished, else None; see `run_task`."""
    part = _part(task, folder)
    return load_rows(part) if part.is_file() else None


def _part(task: Task, folder: Path) -> Path:
    return folder / "parts" / f"{task.part_key(task.load_data()[1])}.json"


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file, all or nothing; its folder is made where it is missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: cannot be created ({error.strerror})") from None
    write_whole(path, json.dumps(document, indent=1) + "\n")


def train_network(
    data: Dataset,
    settings: TrainingSettings | VggSettings,
    train_ber: float,
    progress: Progress | None = None,
) -> tuple[AnyNetwork, History]:
    """Train with the trainer that the settings are for.

    Parameters
    ----------
    data : Dataset
        The data.
    settings : TrainingSettings or VggSettings
        Of a dense network, trained in numpy, or of a convolutional one, trained in PyTorch.
    train_ber : float
        Error rate of the weights while training. [1]
    progress : callable, optional
        Called with the number of finished steps and the number of all steps.

    Returns
    -------
    tuple of Network or Graph, and History
        As `rramchar.nn.train.train` and `rramchar.nn.torch_train.train_vgg` give them.
    """
    if isinstance(settings, VggSettings):
        return train_vgg(data, settings, progress, train_ber=train_ber)
    return train(data, settings, progress, train_ber=train_ber)


def _network(task: Task, data: Dataset, path: Path) -> AnyNetwork:
    if path.is_file():
        return load_network(path)
    convolutional = isinstance(task.settings, VggSettings)
    with one_torch_thread() if convolutional else nullcontext():
        network, _ = train_network(data, task.settings, task.train_ber)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_network(network, path)
    return network


def _measure(task: Task, data: Dataset, network: AnyNetwork) -> list[Row]:
    models = [_model(network, condition.errors) for condition in task.conditions]
    chips = int(np.random.SeedSequence([task.seed, task.settings.seed]).generate_state(1)[0])
    found = evaluate_many(
        network, data.test_images, data.test_labels, models, task.draws, seed=chips
    )
    trained = {
        "weights": task.settings.weights,
        "hidden": "-".join(str(n) for n in task.hidden_sizes),
        "pairs": network.parameters,
        "train_ber": task.train_ber,
        "train_seed": task.settings.seed,
    }
    return [
        {**trained, **dict(condition.columns), **_numbers(result.as_dict())}
        for condition, result in zip(task.conditions, found, strict=True)
    ]


def _model(network: AnyNetwork, errors: float | Confusion | None) -> Errors:
    if isinstance(errors, float):
        return confusions_at(network, errors) if errors > 0 else None
    return errors


def _numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the time, which no file that is compared should hold, and NaN, which is no JSON."""
    kept = {name: value for name, value in result.items() if name != "seconds"}
    return {name: None if value != value else value for name, value in kept.items()}


def load_rows(path: Path) -> list[Row]:
    """Return the rows that `write_json` wrote; a damaged file is a `StoreError`."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: damaged ({error}); delete it, and run the study again") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise StoreError(f"{path}: holds no rows; delete it, and run the study again")
    return rows


@functools.lru_cache(maxsize=2)
def load_part(
    name: str, folder: str | None, train_images: int | None, test_images: int | None
) -> tuple[Dataset, str]:
    """Return the first images of a data set, and the digest of what they hold."""
    data = load_dataset(name, folder).first(train_images, test_images)
    return data, digest_data(data)


def digest_data(data: Dataset) -> str:
    """Return the digest of all that a network or a result can depend on in a data set.

    Parameters
    ----------
    data : Dataset
        The data.

    Returns
    -------
    str
        Of bytes, types and shapes of the arrays, and of what the pixels mean: equal bytes of other
        rows and columns, or of another maximum, are other data.
    """
    arrays = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    return digest_json(
        {
            "arrays": [[a.dtype.str, list(a.shape), digest_bytes(a.tobytes())] for a in arrays],
            "maximum": int(data.maximum),
            "classes": int(data.classes),
            "shape": [int(length) for length in data.shape],
        }
    )
