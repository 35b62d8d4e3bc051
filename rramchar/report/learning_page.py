"""The studies of learning as a page: run each, draw it, and put it beside what was published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.nn.learn.study import STUDIES, Request, StudyResult, entry
from rramchar.nn.learn.study_run import findings, plan_study, plot_study, run_study
from rramchar.report.style import show

_VERDICTS = {True: "agrees", False: "does not come out", None: "no verdict"}


@dataclass(frozen=True)
class LearningPage:
    """The studies of one request in one folder.

    Parameters
    ----------
    request : Request
        Data, seeds, length.
    folder : Path
        Where parts and tables are kept, so that a page is made again in seconds.
    workers : int
        Processes.
    """

    request: Request
    folder: Path
    workers: int

    def run(self, name: str) -> StudyResult:
        """Run a study, or what of it the folder lacks."""
        return run_study(plan_study(name, self.request), self.folder, workers=self.workers)

    def figure(self, result: StudyResult) -> Any:
        """Return a study's figure with a caption, as HTML."""
        about = entry(result.study.name)
        return show(plot_study(result), f"{about.about} To compare with: {about.source}.")

    def table(self, result: StudyResult) -> pd.DataFrame:
        """Return what was published beside what was found, with interval and command."""
        return pd.DataFrame(
            [
                {
                    "what the paper says": one.published,
                    "what we get": one.found,
                    "95 % interval": one.interval or "none",
                    "verdict": _VERDICTS[one.agrees],
                    "command": self.command(result.study.name),
                }
                for one in findings(result)
            ]
        )

    def command(self, name: str) -> str:
        """Return the command that makes a study's tables and figure."""
        data = " --data DIR" if self.request.data_dir else ""
        return (
            f"rramchar learn study {name} --dataset {Path(self.request.dataset).name}{data} "
            f"--seeds {self.request.seeds} --length {self.request.length} --out RUN"
        )

    def studies(self) -> pd.DataFrame:
        """Return all studies that there are, with their sources."""
        rows = [
            {"study": n, "what it does": e.about, "source": e.source} for n, e in STUDIES.items()
        ]
        return pd.DataFrame(rows)


def open_page(
    dataset: str, data_dir: str, length: str, folder: str, *, seeds: int = 3, workers: int = 1
) -> LearningPage:
    """Return the page of a notebook's parameters.

    Parameters
    ----------
    dataset, data_dir : str
        As `rramchar.nn.datasets.load_dataset` takes them; no folder is an empty text.
    length : str
        ``trial``, ``short`` or ``full``.
    folder : str
        Where parts and tables go.
    seeds, workers : int
        Training seeds of each condition; processes.

    Returns
    -------
    LearningPage
        Nothing is run yet.
    """
    request = Request(dataset, data_dir or None, int(seeds), length=length)
    return LearningPage(request, Path(folder), int(workers))
