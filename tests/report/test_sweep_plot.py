"""Which figure a sweep gets, what is refused, and that failed points stay visible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rramchar.errors import InputError
from rramchar.report.columns import column_title, column_unit, value_text
from rramchar.report.style import png_bytes
from rramchar.report.sweep_plot import caption, plot_sweep
from rramchar.report.sweep_view import choose_view, select_rows


def results(samples: int = 1, **swept: list[Any]) -> pd.DataFrame:
    """Return results of a made-up read sweep: every combination of the axes, and samples."""
    axes: dict[str, list[Any]] = {
        "corner": ["tt"], "temperature_c": [27.0], "vdd_v": [1.2],
        "r_bl_ohm": [5e3], "r_blb_ohm": [5e4], **swept,
    }  # fmt: skip
    grid = pd.MultiIndex.from_product([*axes.values(), range(samples)], names=[*axes, "sample"])
    frame = grid.to_frame(index=False)
    frame.insert(0, "point", range(len(frame)))
    frame.insert(6, "x", pd.array([None] * len(frame), dtype="Int64"))
    time = 1e-14 * frame[["r_bl_ohm", "r_blb_ohm"]].min(axis=1) / frame["vdd_v"]
    outcome = np.where(frame["r_bl_ohm"] > frame["r_blb_ohm"], "plus", "minus")
    return frame.assign(
        status="ok",
        reason=None,
        outcome=outcome,
        sense_time_s=time * (1 + 0.01 * frame["sample"]),
        precharge_ok=pd.array([True] * len(frame), dtype="boolean"),
        seconds=0.01,
        detail=None,
    )


def fail(frame: pd.DataFrame, chosen: Any) -> pd.DataFrame:
    failed = frame.copy()
    failed.loc[chosen, ["status", "reason"]] = ["failed", "convergence"]
    failed.loc[chosen, ["outcome", "sense_time_s"]] = [None, np.nan]
    return failed


SUPPLIES = [0.6, 0.9, 1.2]
LOW, HIGH = [3e3, 3e4, 3e5], [4e3, 4e4, 4e5]


@pytest.mark.parametrize(
    ("frame", "columns", "kind"),
    [
        (results(vdd_v=SUPPLIES), {"x": "vdd_v", "y": "sense_time_s"}, "line"),
        (results(5, vdd_v=SUPPLIES), {"x": "vdd_v", "y": "sense_time_s"}, "box"),
        (results(5, vdd_v=[*np.linspace(0.6, 1.2, 13)]), {"x": "vdd_v", "y": "seconds"}, "line"),
        (results(5), {"x": "sense_time_s"}, "histogram"),
        (results(5), {"y": "sense_time_s"}, "histogram"),
        (results(5, vdd_v=SUPPLIES), {"x": "vdd_v", "y": "outcome"}, "fraction"),
        (results(5, vdd_v=SUPPLIES), {"x": "seconds", "y": "sense_time_s"}, "scatter"),
        (results(r_bl_ohm=LOW, r_blb_ohm=HIGH), {"z": "sense_time_s"}, "heatmap"),
        (results(r_bl_ohm=LOW, r_blb_ohm=HIGH), {"x": "r_blb_ohm", "z": "outcome"}, "heatmap"),
        (results(corner=["tt", "ss"]), {"x": "corner", "y": "sense_time_s"}, "line"),
    ],
)
def test_the_kind_follows_from_the_data(
    frame: pd.DataFrame, columns: dict[str, str], kind: str
) -> None:
    view = choose_view(frame, **columns)
    assert view.kind == kind
    assert png_bytes(plot_sweep(view)).startswith(b"\x89PNG")


def test_lines_join_the_values_of_each_hue() -> None:
    frame = results(vdd_v=SUPPLIES, r_bl_ohm=[5e3, 8e3])
    frame = frame.sample(frac=1, random_state=1)  # the order of the rows must not matter
    figure = plot_sweep(choose_view(frame, x="vdd_v", y="sense_time_s", hue="r_bl_ohm"))
    curves = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert set(curves) == {"5 kΩ", "8 kΩ"}
    assert list(curves["8 kΩ"].get_xdata()) == SUPPLIES
    assert curves["8 kΩ"].get_ydata() == pytest.approx([8e-11 / v for v in SUPPLIES])
    assert figure.axes[0].get_ylabel() == "sense time (ps)"
    assert figure.axes[0].get_xlabel() == "supply (V)"


def test_a_band_spans_the_percentiles_of_the_samples() -> None:
    frame = results(101, vdd_v=SUPPLIES)
    figure = plot_sweep(choose_view(frame, x="vdd_v", y="sense_time_s", kind="line"))
    (band,) = figure.axes[0].collections
    at_nominal = band.get_paths()[0].vertices
    heights = at_nominal[np.isclose(at_nominal[:, 0], 1.2), 1]
    middle = 5e-11 / 1.2
    assert (heights.min(), heights.max()) == pytest.approx((1.05 * middle, 1.95 * middle))
    (line,) = figure.axes[0].get_lines()
    assert line.get_ydata()[-1] == pytest.approx(1.5 * middle)


def test_failed_and_undecided_points_are_marked_and_counted() -> None:
    frame = fail(results(vdd_v=SUPPLIES, corner=["tt", "ss"]), [0])
    frame.loc[1, "sense_time_s"] = np.nan
    frame.attrs["missing"] = 7
    view = choose_view(frame, x="vdd_v", y="sense_time_s", hue="corner")
    counted = {"points": 6, "drawn": 4, "failed": 1, "no_value": 1, "missing": 7}
    assert view.counts() == counted
    figure = plot_sweep(view)
    marks = {line.get_marker(): list(line.get_xdata()) for line in figure.axes[0].get_lines()}
    assert marks["x"] == [0.6]
    assert marks["^"] == [0.9]
    text = figure.get_supxlabel()
    assert text == caption(view)
    for part in ("4 of 6 points drawn", "1 failed", "1 without a value", "7 of the run not"):
        assert part in text
    labels = [entry.get_text() for entry in figure.legends[0].get_texts()]
    assert labels == ["tt", "ss", "failed", "no value"]


def test_a_heat_map_puts_values_and_failures_in_their_cells() -> None:
    frame = results(r_bl_ohm=LOW, r_blb_ohm=HIGH)
    bad = (frame["r_bl_ohm"] == 3e5) & (frame["r_blb_ohm"] == 4e3)
    view = choose_view(fail(frame, bad), x="r_bl_ohm", y="r_blb_ohm", z="sense_time_s")
    assert (view.logx, view.logy) == (True, True)
    axis = plot_sweep(view).axes[0]
    mesh = axis.collections[1]
    values = np.ma.asarray(mesh.get_array()).reshape(3, 3)
    assert values[1, 0] == pytest.approx(3e-11 / 1.2)  # rows are R_BLb, columns R_BL
    assert values[2, 1] == pytest.approx(3e-10 / 1.2)
    assert values.mask.nonzero() == (np.array([0]), np.array([2]))
    (cross,) = axis.get_lines()
    assert (list(cross.get_xdata()), list(cross.get_ydata())) == ([3e5], [4e3])


def test_fractions_add_up_and_name_the_failures() -> None:
    frame = results(10, vdd_v=[0.6, 1.2])
    frame.loc[frame["sample"] < 3, "outcome"] = "zero"
    frame = fail(frame, (frame["sample"] == 9) & (frame["vdd_v"] == 0.6))
    axis = plot_sweep(choose_view(frame, x="vdd_v", y="outcome")).axes[0]
    shares = {
        bars.get_label(): {
            round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in bars
        }
        for bars in axis.containers
    }
    assert shares["zero"] == pytest.approx({0: 30, 1: 30})
    assert shares["minus"] == pytest.approx({0: 60, 1: 70})
    assert shares["failed"] == pytest.approx({0: 10, 1: 0})


def test_a_hue_of_a_heat_map_becomes_panels() -> None:
    frame = results(r_bl_ohm=LOW, r_blb_ohm=HIGH, vdd_v=[0.6, 1.2])
    view = choose_view(frame, x="r_bl_ohm", y="r_blb_ohm", z="outcome", hue="vdd_v")
    figure = plot_sweep(view)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["supply 0.6 V", "supply 1.2 V"]


def test_axes_that_vary_are_not_mixed_unasked() -> None:
    frame = results(vdd_v=SUPPLIES, corner=["tt", "ss"], r_bl_ohm=LOW)
    with pytest.raises(InputError) as refused:
        choose_view(frame, x="vdd_v", y="sense_time_s", hue="corner")
    message = str(refused.value)
    assert "r_bl_ohm (3 values)" in message
    assert "corner" not in message.partition("fix them")[0]
    # Every way that the message names is a way out.
    fixed = message.partition("--where ")[2].partition(",")[0]
    choose_view(select_rows(frame, fixed), x="vdd_v", y="sense_time_s", hue="corner")
    choose_view(frame, x="vdd_v", y="sense_time_s", hue="corner", panel="r_bl_ohm")
    view = choose_view(frame, x="vdd_v", y="sense_time_s", hue="corner", over=["r_bl_ohm"])
    assert view.spread


def test_a_list_of_pairs_is_no_grid() -> None:
    """Resistances that go together: one tells the other, so nothing is mixed."""
    frame = results(r_bl_ohm=LOW, r_blb_ohm=HIGH)
    pairs = frame[frame["r_blb_ohm"] / frame["r_bl_ohm"] == HIGH[0] / LOW[0]]
    assert len(pairs) == 3
    assert choose_view(pairs, x="r_bl_ohm", y="sense_time_s").kind == "line"
    with pytest.raises(InputError, match="vary too"):
        choose_view(frame, x="r_bl_ohm", y="sense_time_s")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "vdd", "y": "sense_time_s"}, "--x 'vdd'.*did you mean vdd_v"),
        ({"x": "vdd_v"}, "give a quantity as --y too: .*sense_time_s"),
        ({}, "--y: give the quantity"),
        ({"x": "vdd_v", "y": "corner"}, "both axes; name the quantity with --z"),
        ({"x": "vdd_v", "y": "outcome", "kind": "box"}, "outcome is a text"),
        ({"x": "vdd_v", "y": "sense_time_s", "kind": "histogram"}, "--kind histogram"),
        ({"x": "vdd_v", "y": "sense_time_s", "kind": "pie"}, "expected one of line, box"),
        ({"x": "vdd_v", "y": "sense_time_s", "over": ["outcome"]}, "--over outcome"),
        ({"x": "corner", "y": "sense_time_s", "logx": True}, "--logx: corner holds texts"),
        ({"x": "vdd_v", "y": "sense_time_s", "hue": "point"}, "--hue point: has 36 values"),
        ({"kind": "heatmap"}, "needs --z"),
        ({"z": "outcome", "x": "vdd_v", "y": "seconds"}, "needs two axes"),
    ],
)
def test_what_cannot_be_drawn(options: dict[str, Any], message: str) -> None:
    frame = results(vdd_v=SUPPLIES, r_bl_ohm=LOW, r_blb_ohm=[4e3, 5e4], corner=["tt", "ss"])
    with pytest.raises(InputError, match=message):
        choose_view(frame, **options)


def test_a_run_without_results_is_said() -> None:
    with pytest.raises(InputError, match="no point was simulated yet"):
        choose_view(results().iloc[:0], x="vdd_v", y="sense_time_s")


def test_rows_are_chosen_by_text() -> None:
    frame = results(vdd_v=SUPPLIES, r_bl_ohm=LOW, corner=["tt", "ss"])
    frame.attrs["missing"] = 3
    chosen = select_rows(frame, "corner=ss, r_bl_ohm=3k|300 kohm, vdd_v=600mV")
    assert set(chosen["corner"]) == {"ss"}
    assert list(chosen["r_bl_ohm"]) == [3e3, 3e5]
    assert chosen.attrs["missing"] == 3
    assert len(select_rows(frame, "")) == len(frame)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vdd_v=0.7", "no row has it; vdd_v is 0.6, 0.9, 1.2"),
        ("corner=ff", "no row has it; corner is tt"),
        ("vdd=0.6", "did you mean vdd_v"),
        ("vdd_v", "expected column=value"),
        ("vdd_v=high", "not a number"),
    ],
)
def test_rows_that_cannot_be_chosen(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        select_rows(results(vdd_v=SUPPLIES), text)


@pytest.mark.parametrize(
    ("name", "value", "unit", "title", "text"),
    [
        ("vdd_v", 0.6, "V", "supply", "0.6 V"),
        ("sense_time_s", 1e-9, "s", "sense time", "1 ns"),
        ("r_bl_ohm", 999.0, "Ω", "$R_{BL}$", "999 Ω"),
        ("read_energy_j", 2.5e-14, "J", "read energy", "25 fJ"),
        ("temperature_c", -40.0, "°C", "temperature", "-40 °C"),
        ("sample", 3, "", "sample", "3"),
        ("status", "ok", "", "status", "ok"),
        ("sense_time_s", 0.0, "s", "sense time", "0 s"),
    ],
)
def test_columns_are_named_with_their_units(
    name: str, value: Any, unit: str, title: str, text: str
) -> None:
    assert (column_unit(name), column_title(name)) == (unit, title)
    assert value_text(name, value) == text
