"""The figure of the device check: what is drawn where."""

from __future__ import annotations

import numpy as np
import pytest

from rramchar.report.style import png_bytes
from rramchar.report.technology import plot_device_check
from rramchar.testbench.device_check import DeviceCheck


def _check(name: str, corner: str, **changes: object) -> DeviceCheck:
    gate = np.linspace(0, 1.2, 13)
    current = 1e-12 * 10 ** (gate / 0.15)
    values: dict = {
        "vth_v": 0.4, "gate_v": gate, "linear_a_per_um": current / 10,
        "saturation_a_per_um": current,
    } | changes  # fmt: skip
    return DeviceCheck(name, f"m_{name}", "n", corner, 1e-6, 0.13e-6, 1.2, **values)


def test_a_panel_per_device_and_a_curve_per_corner_and_bias() -> None:
    checks = [_check(n, c) for c in ("tt", "ff") for n in ("nmos", "pmos", "nmos_hvt", "nmos_io")]
    figure = plot_device_check(checks, "mine, 27 °C")
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title(loc="left").split()[0] for axis in shown] == [
        "nmos", "pmos", "nmos_hvt", "nmos_io",
    ]  # fmt: skip
    assert shown[1].get_yscale() == "log"
    assert shown[1].get_xlim() == (0, 1.2)
    curves = [line for line in shown[1].lines if len(line.get_xdata()) == 13]
    assert len(curves) == 4
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:2] == ["tt", "ff"]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_any_number_of_devices(count: int) -> None:
    checks = [_check(f"d{i}", "typical") for i in range(count)]
    assert png_bytes(plot_device_check(checks)).startswith(b"\x89PNG")


def test_a_device_without_curves_says_that_it_has_a_problem() -> None:
    nothing = {"vth_v": None, "gate_v": None, "linear_a_per_um": None, "saturation_a_per_um": None}
    bad = _check("nmos", "ss", problem="cannot be simulated", **nothing)
    figure = plot_device_check([_check("nmos", "tt"), bad])
    assert "problem in ss" in [text.get_text() for text in figure.axes[0].texts]
