"""Figures and tables of the learning studies show what their frames hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rramchar.nn.learn.study import Request, Study, StudyResult, Table, Task
from rramchar.nn.learn.study_statistics import summarize
from rramchar.report.learning import plot_learning_run
from rramchar.report.learning_axes import (
    plot_imperfections,
    plot_noise,
    plot_nonlinearity,
    plot_retention,
)
from rramchar.report.learning_page import open_page


def _work(task, context):
    raise AssertionError("nothing is run here")


def result(
    name: str,
    rows: pd.DataFrame,
    keys: tuple[str, ...],
    measured: tuple[str, ...] = ("test_accuracy",),
) -> StudyResult:
    table = Table("accuracy", keys, measured)
    study = Study(name, (Task(_work, {}, {}),), (table,), "a title")
    return StudyResult(study, {"accuracy": rows}, {"accuracy": summarize(rows, table)})


def test_a_run_shows_its_epochs_and_all_its_devices():
    history = [
        {"epoch": e, "train_accuracy": 0.9, "test_accuracy": 0.8 + 0.01 * e} for e in range(1, 6)
    ]
    conductance = np.concatenate([np.zeros(300), np.ones(100), [1.3]])
    left, right = plot_learning_run(history, conductance, "title").axes
    test = next(line for line in left.lines if line.get_label() == "test images")
    assert test.get_ydata() == pytest.approx([81, 82, 83, 84, 85])
    (histogram,) = right.patches
    assert histogram.get_data().values.sum() == pytest.approx(100)
    assert "401" in right.get_ylabel()


def test_noise_draws_a_line_and_a_band_for_each_kind_of_weight():
    rows = pd.DataFrame(
        [
            {"weights": w, "ratio": r, "seed": s, "test_accuracy": 0.9 - 0.02 * r + 0.001 * s}
            for w in ("bnn", "analog")
            for r in (0.0, 0.25, 4.0)
            for s in (1, 2)
        ]
    )
    (axis,) = plot_noise(result("noise", rows, ("weights", "ratio"))).axes
    assert [t.get_text() for t in axis.get_xticklabels()] == ["0", "0.25", "4"]
    labels = [t.get_text() for t in axis.get_legend().get_texts()]
    assert labels == ["BNN, with the check", "analog, weak RESET only", "default of the devices"]
    assert "bands: 95 % interval of 2 seeds" in axis.figure.get_suptitle()
    assert axis.lines[0].get_ydata() == pytest.approx([90.15, 89.65, 82.15])
    assert len(axis.collections) == 2


def test_nonlinearity_puts_every_number_in_its_cell():
    rows = pd.DataFrame(
        [
            {
                "weights": w, "set": "full" if b is None else "progressive", "beta": a,
                "beta_set": b, "seed": 1, "test_accuracy": 0.5 + 0.01 * a + 0.001 * (b or 0),
            }
            for w in ("bnn", "analog")
            for a in (0.0, 3.0)
            for b in (None, 1.0, 6.0)
        ]
    )  # fmt: skip
    keys = ("weights", "set", "beta", "beta_set")
    figure = plot_nonlinearity(result("nonlinearity", rows, keys))
    left = figure.axes[0]
    places = {t.get_position(): t.get_text() for t in left.texts}
    assert places[(1, 2)] == "53.0"  # beta 3, no progressive SET: the top row
    assert places[(0, 1)] == "50.6"
    assert [t.get_text() for t in left.get_yticklabels()] == ["1", "6", "none"]


def test_imperfections_show_single_seeds_beside_their_mean():
    cases = ("ideal", "pink", "rtn", "d2d", "all")
    rows = pd.DataFrame(
        [
            {"imperfections": name, "seed": s, "test_accuracy": 0.9 - 0.01 * k + 0.001 * s}
            for k, name in enumerate(cases)
            for s in (1, 2, 3)
        ]
    )
    (axis,) = plot_imperfections(result("imperfections", rows, ("imperfections",))).axes
    dots = [line for line in axis.lines if len(line.get_xdata()) == 3]
    assert len(dots) == 5
    assert dots[3].get_ydata() == pytest.approx([87.1, 87.2, 87.3])


def test_retention_says_what_its_lines_and_its_grey_are():
    rows = pd.DataFrame(
        [
            {"weights": w, "time_s": t, "seed": s, "test_accuracy": 0.9 - 0.01 * s, "changed": 0.0}
            for w in ("bnn", "analog")
            for t in (0.0, 1.0, 1e4, 1e6)
            for s in (1, 2)
        ]
    )
    made = result("retention", rows, ("weights", "time_s"), ("test_accuracy", "changed"))
    facts = {"measured_until_s": 1e4, "law": "law of published relaxation data"}
    figure = plot_retention(replace(made, study=replace(made.study, facts=facts)))
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [
        "BNN as trained", "analog", "beyond the data of the law", "right after training",
    ]  # fmt: skip
    assert "law: published relaxation data\nbands: 95 %" in figure.get_suptitle()


def test_the_page_names_commands_without_folders_of_this_machine(tmp_path):
    page = open_page("mnist", str(tmp_path / "secret"), "short", str(tmp_path))
    command = page.command("noise")
    assert "secret" not in command
    assert command.startswith("rramchar learn study noise --dataset mnist --data DIR --seeds 3")
    assert set(page.studies()["study"]) >= {"training", "retention"}
    assert page.request == Request("mnist", str(tmp_path / "secret"), 3, length="short")
