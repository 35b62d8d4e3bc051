"""Figures say what they should: axes, scales, what is drawn where."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from rramchar.report.accuracy import plot_accuracy_against_ber, plot_accuracy_against_supply
from rramchar.report.reads import plot_sense_time_map, plot_supply_dependence, plot_waveforms
from rramchar.report.statistics import (
    plot_ber_bars,
    plot_error_against_supply,
    plot_resistance_quantiles,
    plot_sampling_window,
)
from rramchar.report.style import png_bytes


def reads() -> pd.DataFrame:
    grid = [(v, a, b) for v in (0.6, 1.2) for a in (3e3, 3e4, 3e5) for b in (4e3, 4e4, 4e5)]
    frame = pd.DataFrame(grid, columns=["vdd_v", "r_bl_ohm", "r_blb_ohm"])
    time = 1e-14 * frame[["r_bl_ohm", "r_blb_ohm"]].min(axis=1) / frame["vdd_v"]
    return frame.assign(
        corner="tt", status="ok", sense_time_s=time, read_energy_j=1e-13 * frame["vdd_v"] ** 2
    )


def test_waveforms_are_drawn_from_the_start_of_sensing() -> None:
    time = np.linspace(0, 20e-9, 50)
    waves = {name: np.full(50, 0.5) for name in ("sen", "q", "qb", "bl", "blb")}
    read = {
        "title": "a read", "vdd_v": 0.6, "sense_start_s": 10e-9, "sample_time_s": 6e-9,
        "time": time, **waves,
    }  # fmt: skip
    figure = plot_waveforms([read, read, read])
    axis = figure.axes[0]
    assert len(figure.axes) == 4
    assert axis.get_title(loc="left") == "a read"
    curves = {line.get_label(): line for line in axis.get_lines()}
    assert {"SEN", "Q", "QB", "BL", "BLB"} <= set(curves)
    assert curves["Q"].get_xdata()[0] == pytest.approx(-10)


def test_sense_time_map_has_a_panel_per_supply_and_log_axes() -> None:
    figure = plot_sense_time_map(reads(), [1.2, 0.6])
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles[:2] == ["VDD = 1.2 V", "VDD = 0.6 V"]
    assert figure.axes[0].get_xscale() == "log"
    (mesh,) = figure.axes[0].collections
    # Rows are R_BLb, columns R_BL: the value at (R_BL, R_BLb) = (300k, 4k) is set by 4 kohm.
    assert np.asarray(mesh.get_array()).reshape(3, 3)[0, 2] == pytest.approx(
        1e-14 * 4e3 / 1.2 * 1e9
    )


def test_supply_dependence_uses_clear_pairs_only() -> None:
    figure = plot_supply_dependence(reads())
    (line,) = figure.axes[0].get_lines()
    clear = [3e3, 3e3, 4e3, 4e3]  # lower resistance of the pairs with one below 10k and ratio >= 3
    assert line.get_ydata() == pytest.approx([1e-5 * np.median(clear) / v for v in (0.6, 1.2)])


def test_zero_errors_are_drawn_at_the_upper_limit() -> None:
    bars = [
        {"label": "some", "ber": 1e-2, "low": 5e-3, "high": 2e-2},
        {"label": "none", "ber": 0.0, "low": 0.0, "high": 1e-3},
    ]
    axis = plot_ber_bars(bars).axes[0]
    assert len(axis.patches) == 1
    marker = axis.get_lines()[-1]
    assert marker.get_ydata()[0] == 1e-3
    assert axis.get_ylim()[0] < 1e-3


def test_quantile_plot_draws_the_fit_through_its_median() -> None:
    z = np.linspace(-3, 3, 99)
    points = {"lrs": (3.7 + 0.1 * z, z), "hrs": (5 + 0.5 * z, z)}
    fits = {"lrs": (10**3.7, 0.1), "hrs": (1e5, 0.5)}
    axis = plot_resistance_quantiles(points, fits, "synthetic").axes[0]
    line = axis.get_lines()[1]
    x, y = np.log10(line.get_xdata()), line.get_ydata()
    assert np.interp(0, y, x) == pytest.approx(3.7)
    assert "synthetic" in axis.get_title(loc="left")


def test_rates_of_zero_stay_out_of_a_log_scale() -> None:
    table = pd.DataFrame(
        {"corner": "tt", "vdd_v": [0.6, 0.9, 1.2], "ber": [1e-2, 0.0, 1e-3],
         "ber_low": [5e-3, 0.0, 5e-4], "ber_high": [2e-2, 1e-4, 2e-3]}
    )  # fmt: skip
    axis = plot_error_against_supply({"binary": table}).axes[0]
    assert list(axis.get_lines()[0].get_xdata()) == [0.6, 1.2]


def test_accuracy_in_percent() -> None:
    curve = pd.DataFrame(
        {"ber": [1e-3, 1e-1], "accuracy_mean": [0.97, 0.8], "accuracy_std": [0.01, 0.02],
         "accuracy_clean": 0.98}
    )  # fmt: skip
    axis = plot_accuracy_against_ber({"binary": curve, "ternary": curve}).axes[0]
    assert axis.get_lines()[0].get_ydata() == pytest.approx([97, 80])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["BNN", "TNN"]


def test_supply_band_spans_the_corners() -> None:
    curve = pd.DataFrame(
        [("tt", 0.6, 0.9), ("ss", 0.6, 0.5), ("ff", 0.6, 0.95), ("tt", 1.2, 0.9), ("ss", 1.2, 0.8),
         ("ff", 1.2, 0.9)],
        columns=["corner", "vdd_v", "accuracy_mean"],
    ).assign(accuracy_std=0.01)  # fmt: skip
    axis = plot_accuracy_against_supply({"ternary": curve}).axes[0]
    heights = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((50, 95))


def test_sampling_window_marks_the_sampling_time() -> None:
    curve = pd.DataFrame({"sample_time_s": [1e-9, 1e-8], "error": [0.5, 0.1]})
    axis = plot_sampling_window({0.6: curve}, 6e-9).axes[0]
    assert axis.get_lines()[-1].get_xdata()[0] == pytest.approx(6)


def test_drawing_leaves_the_users_style_alone() -> None:
    before = dict(mpl.rcParams)
    data = png_bytes(plot_supply_dependence(reads()))
    assert data.startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before
