"""Figure of a process: drain current over gate voltage, per device and corner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rramchar.report.style import CORNER_COLOURS, GREY, RED, new_figure, styled
from rramchar.testbench.device_check import DeviceCheck
from rramchar.testbench.device_verdict import THRESHOLD_CURRENT_A

_PANELS_PER_ROW = 3
_FLOOR_A_PER_UM = 1e-16


@styled
def plot_device_check(checks: Sequence[DeviceCheck], title: str = "") -> Figure:
    """Draw what the devices of a process do, one panel per device, one colour per corner.

    Parameters
    ----------
    checks : sequence of DeviceCheck
        As `rramchar.testbench.device_check.check_devices` returns them.
    title : str
        Above the panels.

    Returns
    -------
    Figure
        |ID| / W on a logarithmic axis over |VGS|: solid at |VDS| = supply, dashed at 50 mV. A dot
        marks the threshold. A device with a problem says so in its panel.
    """
    names = list(dict.fromkeys(check.name for check in checks))
    columns = min(_PANELS_PER_ROW, max(1, len(names)))
    rows = max(1, -(-len(names) // columns))
    figure, axes = new_figure(
        rows, columns, width_in=3.1 * columns, height_in=2.6 * rows + 0.5, squeeze=False
    )
    for axis, name in zip(axes.flat, names, strict=False):
        _draw_device(axis, [check for check in checks if check.name == name])
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    for row in axes:
        row[0].set_ylabel("$|I_D|/W$ (A/µm)")
    _legend(figure, axes.flat[0])
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def _draw_device(axis: Axes, checks: Sequence[DeviceCheck]) -> None:
    first = checks[0]
    for check in checks:
        colour = CORNER_COLOURS.get(check.corner, GREY)
        for current, style in ((check.saturation_a_per_um, "-"), (check.linear_a_per_um, "--")):
            if current is not None and check.gate_v is not None:
                shown = np.maximum(current, _FLOOR_A_PER_UM)
                label = check.corner if style == "-" else None
                width = 1.2 if style == "-" else 0.9
                axis.plot(check.gate_v, shown, style, color=colour, lw=width, label=label)
        if check.vth_v is not None:
            level = THRESHOLD_CURRENT_A / (check.length_m * 1e6)
            axis.plot(check.vth_v, level, "o", color=colour, ms=3.5, mec="white", mew=0.5, zorder=3)
    axis.set_yscale("log")
    axis.set_ylim(_FLOOR_A_PER_UM / 2, 5e-3)
    axis.set_yticks([1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
    axis.minorticks_off()
    axis.set_xlim(0, first.supply_v)
    axis.set_xlabel("$|V_{GS}|$ (V)")
    size = f"{first.width_m * 1e6:g}/{first.length_m * 1e6:g} µm"
    axis.set_title(f"{first.name}  ({first.model}, {size}, {first.supply_v:g} V)", loc="left",
                   fontsize=8)  # fmt: skip
    wrong = [check.corner for check in checks if check.problem]
    if wrong:
        text = f"problem in {', '.join(wrong)}"
        axis.text(0.97, 0.05, text, color=RED, transform=axis.transAxes, ha="right", fontsize=8)


def _legend(figure: Figure, axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    for style, label in (("-", "$|V_{DS}|$ = supply"), ("--", "$|V_{DS}|$ = 50 mV")):
        (line,) = axis.plot([], [], style, color=GREY)
        by_label[label] = line
    (dot,) = axis.plot([], [], "o", color=GREY, ms=3.5)
    by_label["$V_{th}$"] = dot
    figure.legend(
        list(by_label.values()), list(by_label), loc="outside lower center",
        ncols=min(len(by_label), 8), fontsize=8,
    )  # fmt: skip
