"""Figures of writes: what they draw, and that an empty run is refused."""

import pandas as pd
import pytest

from rramchar.errors import InputError
from rramchar.report.writes import plot_pulses


def _pulses(operation, **columns):
    base = {
        "point": 0, "corner": "tt", "temperature_c": 27.0, "sample": 0, "pulse": [1, 2, 3],
        "operation": operation, "device": "bl", "sl_v": 1.2, "wl_v": 4.5, "width_s": 1e-7,
        "r_before_ohm": [7e3, 8e3, 9e3], "r_after_ohm": [8e3, 9e3, 10e3], "energy_j": 1e-11,
        "end_current_a": 1e-4,
    }  # fmt: skip
    return pd.DataFrame(base | columns)


def test_a_weak_reset_run_is_drawn_over_pulses_from_the_first_state():
    figure = plot_pulses(_pulses("weak_reset"))
    (axis,) = figure.axes
    line = axis.lines[0]
    assert list(line.get_xdata()) == [0, 1, 2, 3]
    assert list(line.get_ydata()) == [7e3, 8e3, 9e3, 10e3]


def test_the_figure_follows_what_is_swept():
    swept = {"wl_v": [1.2, 1.4, 1.6], "step1_wl_v": [1.2, 1.4, 1.6]}
    assert len(plot_pulses(_pulses("set", **swept)).axes) == 2
    assert plot_pulses(_pulses("set")).axes[0].get_xlabel() == "pulse"


@pytest.mark.parametrize("name", ["low_states", "high_states", "energy", "train"])
def test_an_empty_run_is_refused(name):
    with pytest.raises(InputError, match="nothing to draw"):
        plot_pulses(_pulses("weak_reset", r_after_ohm=None, energy_j=None), name)
