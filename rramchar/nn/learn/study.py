"""Studies of learning on the chip: what a study is, and where each is registered.

How a study registers: add one line to `STUDIES`,

    "noise": Entry(about, source, "module:plan", "module:find", "module:plot")

with the import paths of three functions, imported only when the study runs:

- ``plan(request: Request) -> Study`` lists its tasks. A `Task` holds a function of a module,
  ``work(task, context) -> list of Row``, the columns of its condition, its seed, and settings as
  plain data. Tasks run in parallel, and each is kept in the folder under a digest of all that it
  depends on. A row names the table it belongs to (``"table"``); each `Table` of the study says
  which columns tell conditions apart and which are measured, so that seeds are summarized. A study
  without data or seeds is one task with ``dataset=None``.
- ``find(result: StudyResult) -> list of Finding`` answers the published statement with numbers.
- ``plot(result: StudyResult) -> Figure`` stands in `rramchar.report`.

Options of one study only are read with `Request.numbers` and `Request.text` and given on the
command line as ``--set NAME=VALUE``; other names given so are fields of `LearnSettings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.errors import InputError
from rramchar.nn.learn.study_request import DataChoice, Request
from rramchar.nn.study_tasks import Row
from rramchar.provenance import digest_file, digest_json

__all__ = [
    "STUDIES", "Context", "DataChoice", "Entry", "Finding", "Request", "Study", "StudyResult",
    "Table", "Task", "entry", "resolve",
]  # fmt: skip
VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A study that can be asked for by name.

    Parameters
    ----------
    about : str
        What it does, in one line.
    source : str
        The publication and figure that it answers.
    plan, find, plot : str
        ``module:function``; see the module.
    """

    about: str
    source: str
    plan: str
    find: str
    plot: str


IEDM = "Hirtzlin et al., IEDM 2019"


def _paths(module: str, suffix: str, figure: str) -> tuple[str, str, str]:
    """Return where a study of this package is planned, answered and drawn."""
    here = f"rramchar.nn.learn.{module}"
    return f"{here}:plan{suffix}", f"{here}:find{suffix}", f"rramchar.report.{figure}"


STUDIES: dict[str, Entry] = {
    "training": Entry(
        "Training curves and conductance histograms, without and with the post-RESET check.",
        f"{IEDM}, Figs. 12, 13",
        *_paths("study_training", "", "learning:plot_training"),
    ),
    "noise": Entry(
        "Accuracy against the noise of the pulses, binary and analog weights.",
        f"{IEDM}, Fig. 14",
        *_paths("study_axes", "_noise", "learning_axes:plot_noise"),
    ),
    "retraining": Entry(
        "Changed tasks learned one after another without resetting devices, at several noises.",
        f"{IEDM}, Fig. 15",
        *_paths("study_retraining", "", "learning_axes:plot_retraining"),
    ),
    "nonlinearity": Entry(
        "Accuracy against the non-linearity of RESET and SET and their asymmetry.",
        f"{IEDM}, Fig. 16",
        *_paths("study_axes", "_nonlinearity", "learning_axes:plot_nonlinearity"),
    ),
    "imperfections": Entry(
        "Device imperfections switched on one by one and all together.",
        "Majumdar et al., arXiv:2107.06064",
        *_paths("study_imperfections", "", "learning_axes:plot_imperfections"),
    ),
    "flip-pulses": Entry(
        "Pulses on BLb that flip a synapse, against pulses on BL before.",
        f"{IEDM}, Fig. 9",
        *_paths("study_flips", "", "learning_flips:plot_flips"),
    ),
    "metaplastic": Entry(
        "Permuted tasks one after another: metaplastic weights, 8-bit in FeRAM, read from OxRAM.",
        "Laborieux et al., Nat. Commun. 12, 2549 (2021)",
        *_paths("metaplastic_study", "", "metaplastic:plot_metaplastic"),
    ),
    "energy": Entry(
        "Energy per recognition and per training against accuracy, beside an 8-bit accelerator.",
        f"{IEDM}, Fig. 17",
        *_paths("energy_study", "", "energy:plot_energy"),
    ),
    "retention": Entry(
        "Accuracy over time after training, by a fitted law of relaxation.",
        "nothing published for learned networks",
        *_paths("study_retention", "", "learning_axes:plot_retention"),
    ),
}


@dataclass(frozen=True)
class Task:
    """A piece of a study that is done whole, by one process.

    Parameters
    ----------
    work : callable
        ``work(task, context) -> list of Row``; a function of a module.
    columns : mapping of str to value
        The condition; stands in each of its rows.
    settings : mapping
        What the work needs to know, JSON-serializable.
    seed : int
        Stands in each row.
    dataset : DataChoice or None
        The images; None where none are needed.
    files : tuple of str
        Files that the result depends on; their content is part of the digest.
    """

    work: Callable[[Task, Context], list[Row]]
    columns: Mapping[str, Any]
    settings: Mapping[str, Any]
    seed: int = 0
    dataset: DataChoice | None = None
    files: tuple[str, ...] = ()

    def key(self) -> str:
        """Return the name of the result's file, without suffix."""
        work = f"{self.work.__module__}.{self.work.__qualname__}"
        document = {
            "version": VERSION,
            "work": work,
            "columns": dict(self.columns),
            "settings": {k: v for k, v in self.settings.items() if v not in self.files},
            "seed": self.seed,
            "data": None if self.dataset is None else self.dataset.load()[1],
            "files": [digest_file(path) for path in self.files],
        }
        return f"{self.work.__module__.rsplit('.', 1)[-1]}_{digest_json(document)[:20]}"


@dataclass(frozen=True)
class Context:
    """Where a task works.

    Parameters
    ----------
    folder : Path
        Of the study; work may keep files of its own in it.
    """

    folder: Path


@dataclass(frozen=True)
class Table:
    """A table that a study makes.

    Parameters
    ----------
    name : str
        Names its files.
    keys : tuple of str
        Columns that tell conditions apart.
    measured : tuple of str
        Columns that are summarized over seeds; a table without any has no summary. Those with
        ``accuracy`` in their name are shares: their intervals stay within 0 to 1.
    """

    name: str
    keys: tuple[str, ...]
    measured: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A study with its tasks.

    Parameters
    ----------
    name : str
        A key of `STUDIES`.
    tasks : tuple of Task
        All of them.
    tables : tuple of Table
        The first is the one that is printed.
    title : str
        Data set and model, for the figure.
    facts : mapping
        Goes into the headers of the tables and to the figure; JSON-serializable.
    """

    name: str
    tasks: tuple[Task, ...]
    tables: tuple[Table, ...]
    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found.

    Parameters
    ----------
    study : Study
        What was done.
    rows : dict of str to DataFrame
        Table name to all rows, with ``seed``.
    summaries : dict of str to DataFrame
        Table name to a row per condition: its keys, ``seeds``, and ``NAME_mean``, ``NAME_std``,
        ``NAME_low``, ``NAME_high`` of each measured column (95 % t interval over seeds).
    """

    study: Study
    rows: dict[str, pd.DataFrame]
    summaries: dict[str, pd.DataFrame]

    @property
    def summary(self) -> pd.DataFrame:
        """The summary of the first table."""
        return self.summaries[self.study.tables[0].name]


@dataclass(frozen=True)
class Finding:
    """A published statement beside what was found.

    Parameters
    ----------
    published : str
        What the publication says, in our words.
    found : str
        What we get, with numbers.
    interval : str
        95 % interval of what we get, or of a difference; empty for none.
    agrees : bool or None
        Whether it comes out; None where the data decide neither way.
    """

    published: str
    found: str
    interval: str
    agrees: bool | None


def entry(name: str) -> Entry:
    """Return a registered study.

    Raises
    ------
    InputError
        If there is none of this name; the message lists them.
    """
    if name not in STUDIES:
        raise InputError(f"study {name!r}: expected one of {', '.join(STUDIES)}")
    return STUDIES[name]


def resolve(path: str) -> Callable[..., Any]:
    """Return the function at ``module:function``."""
    module, _, function = path.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
