"""Figures of accuracy show what the studies found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rramchar.report.accuracy import (
    plot_accuracy_against,
    plot_accuracy_against_cells,
    plot_chips,
    plot_train_test_matrix,
)
from rramchar.report.accuracy_tables import accuracy_table, gain_table
from rramchar.report.style import png_bytes


def _summary(**columns):
    frame = pd.DataFrame(columns)
    mean = np.linspace(0.9, 0.7, len(frame))
    return frame.assign(
        accuracy_mean=mean, accuracy_low=mean - 0.02, accuracy_high=mean + 0.01, accuracy_clean=0.95
    )


def test_chips_are_drawn_as_their_distribution():
    accuracy = np.array([0.9, 0.8, 0.85, 0.95])
    figure = plot_chips(accuracy, 0.97, (0.85, 0.9))
    steps, ticks, mean, clean = figure.axes[0].get_lines()
    assert steps.get_xdata().tolist() == pytest.approx([80, 85, 90, 95])
    assert steps.get_ydata().tolist() == [25, 50, 75, 100]
    assert ticks.get_xdata().tolist() == pytest.approx([80, 85, 90, 95])
    assert mean.get_xdata()[0] == pytest.approx(87.5)
    assert clean.get_xdata()[0] == pytest.approx(97)


@pytest.mark.parametrize(
    ("accuracy", "labels", "places"),
    [
        ([0.9], ["1 chip", "without errors"], [90, 97]),
        ([], ["without errors"], [97]),
    ],
)
def test_one_chip_and_none_are_drawn_as_what_they_are(accuracy, labels, places):
    figure = plot_chips(np.array(accuracy), 0.97, (np.nan, np.nan))
    (axis,) = figure.axes
    assert axis.get_legend_handles_labels()[1] == labels
    lines = [line for line in axis.get_lines() if line.get_label() in labels]
    assert [line.get_xdata()[0] for line in lines] == pytest.approx(places)
    assert axis.get_xlim() == pytest.approx((min(places) - 1, max(places) + 1))
    assert not axis.get_ylabel()
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_a_mean_without_interval_says_so():
    axis = plot_chips(np.array([0.9, 0.8]), 0.97, (np.nan, np.nan)).axes[0]
    assert axis.get_legend_handles_labels()[1] == ["2 chips", "mean", "without errors"]


def test_matrix_writes_every_cell_and_frames_the_best():
    grid = [(w, t, b) for w in ("binary", "ternary") for t in (0.0, 0.04) for b in (0, 1e-4, 0.1)]
    frame = _summary(
        **dict(zip(("weights", "train_ber", "ber"), zip(*grid, strict=True), strict=True))
    )
    frame.loc[(frame.train_ber == 0.04) & (frame.ber == 0.1), "accuracy_mean"] = 0.99
    figure = plot_train_test_matrix(frame)
    panels = figure.axes[:2]
    assert [axis.get_title(loc="left") for axis in panels] == ["BNN", "TNN"]
    texts = [text.get_text() for text in panels[0].texts]
    assert texts[0] == "90.0\n±1.5"
    assert len(texts) == 6
    assert [t.get_text() for t in panels[0].get_xticklabels()] == ["0", "1e-4", "0.1"]
    frames = [(round(p.get_x() + 0.46), round(p.get_y() + 0.45)) for p in panels[0].patches]
    assert frames == [(0, 0), (1, 0), (2, 1)]


def test_error_rates_are_logarithmic_and_zero_is_the_clean_line():
    frame = _summary(weights=["binary"] * 3, ber=[0.0, 1e-4, 1e-1])
    axis = plot_accuracy_against(frame, "ber").axes[0]
    assert axis.get_xscale() == "log"
    clean, points = axis.get_lines()[:2]
    assert clean.get_ydata()[0] == pytest.approx(95)
    assert points.get_xdata().tolist() == [1e-4, 1e-1]
    assert axis.get_xlabel() == "error rate of the weights"


def test_bars_are_the_interval():
    frame = _summary(weights=["ternary"] * 2, vdd_v=[0.6, 1.2])
    axis = plot_accuracy_against(frame, "vdd_v").axes[0]
    assert axis.get_xscale() == "linear"
    assert axis.get_xlabel() == "supply (V)"
    (bars,) = axis.collections
    ends = bars.get_segments()[0][:, 1]
    assert ends.tolist() == pytest.approx([88, 91])


def test_many_series_get_a_panel_for_each_kind():
    rows = [
        (w, c, v) for w in ("binary", "ternary") for c in ("tt", "ff", "ss") for v in (0.6, 1.2)
    ]
    frame = _summary(
        **dict(zip(("weights", "corner", "vdd_v"), zip(*rows, strict=True), strict=True))
    )
    figure = plot_accuracy_against(frame, "vdd_v", "corner")
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["BNN", "TNN"]
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert labels == ["tt", "ff", "ss"]


def test_units_of_the_axes():
    frame = _summary(weights=["binary"] * 2, energy_j=[1e-9, 2e-9])
    axis = plot_accuracy_against(frame, "energy_j").axes[0]
    assert axis.get_xlabel() == "programming energy (nJ)"
    assert axis.get_lines()[0].get_xdata().tolist() == pytest.approx([1, 2])


def test_cells_name_their_error_rate():
    rows = [(w, p, b) for w in ("binary", "ternary") for p in (1000, 4000) for b in (0.0, 0.01)]
    frame = _summary(**dict(zip(("weights", "pairs", "ber"), zip(*rows, strict=True), strict=True)))
    axis = plot_accuracy_against_cells(frame).axes[0]
    _, labels = axis.get_legend_handles_labels()
    assert labels == ["BNN, no errors", "BNN, error rate 0.01", "TNN, no errors",
                      "TNN, error rate 0.01"]  # fmt: skip
    assert axis.get_xscale() == "log"


@pytest.mark.parametrize(
    ("energies", "label", "drawn"),
    [
        ([2e-9, 5e-9], "programming energy (nJ)", [2, 5]),
        ([3.3e-11, 9.2e-11], "programming energy (pJ)", [33, 92]),
    ],
)
def test_energies_have_a_unit_of_their_size(energies, label, drawn):
    frame = _summary(weights=["binary"] * 2, energy_j=energies)
    axis = plot_accuracy_against(frame, "energy_j").axes[0]
    assert axis.get_xlabel() == label
    assert axis.get_lines()[0].get_xdata().tolist() == pytest.approx(drawn)


def test_tables_give_every_accuracy_its_interval():
    frame = _summary(
        weights=["binary", "ternary", "ternary"], hidden=["32"] * 3, train_ber=[0, 0, 0],
        ber=[0.0, 0.0, 0.1], pairs=[2368] * 3, networks=[3, 3, 3], images=[359] * 3,
    )  # fmt: skip
    table = accuracy_table(frame)
    assert table["weights"].tolist() == ["binary", "ternary"]
    assert table["test accuracy without errors"].tolist() == [
        "90.00 % (88.00 to 91.00)", "80.00 % (78.00 to 81.00)"
    ]  # fmt: skip
    alone = accuracy_table(frame.assign(accuracy_low=np.nan, accuracy_high=np.nan))
    assert alone["test accuracy without errors"][0] == "90.00 %"
    gain = pd.DataFrame(
        {"pairs": [2368], "ber": [0.01], "gain": [0.02], "gain_low": [-0.001], "gain_high": [0.04]}
    )
    assert gain_table(gain).iloc[0].tolist() == ["2,368", "0.01", "+2.00 points (-0.10 to +4.00)"]
    along = gain.drop(columns="ber").assign(vdd_v=0.6, corner="tt", binary_networks=3)
    assert list(gain_table(along)) == ["2T2R pairs", "vdd_v", "corner", "ternary over binary"]
