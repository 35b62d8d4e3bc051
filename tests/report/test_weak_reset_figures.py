"""The figures of the weak-RESET fits show what they are asked to."""

from rramchar.fitting.drift import fit_weak_reset_arxiv2107
from rramchar.fitting.published import published_model
from rramchar.fitting.simulate import simulate
from rramchar.fitting.weak_reset import fit_weak_reset_iedm2019
from rramchar.report.style import png_bytes
from rramchar.report.weak_reset import plot_weak_reset_arxiv2107, plot_weak_reset_iedm2019


def test_law_figure():
    frame = simulate(published_model("iedm2019"), 5, 60, 1)
    fit = fit_weak_reset_iedm2019(frame)
    figure = plot_weak_reset_iedm2019(fit, "synthetic")
    traces, increments, residuals, devices = figure.axes
    assert traces.get_title(loc="left") == "synthetic"
    assert len(traces.lines) == 10  # readings and law of each device
    law = traces.lines[1].get_ydata()
    assert (law[:-1] >= law[1:]).all()
    assert increments.get_xlabel() == "conductance before the pulse (µS)"
    assert "residuals" in residuals.get_legend().get_texts()[1].get_text()
    assert devices.get_ylabel() == "β"
    assert png_bytes(figure).startswith(b"\x89PNG")
    two = fit_weak_reset_iedm2019(frame[frame["device"] < 3])
    assert png_bytes(plot_weak_reset_iedm2019(two, "two")).startswith(b"\x89PNG")
    bare = fit_weak_reset_iedm2019(frame[["device", "pulse", "resistance_ohm"]])
    assert png_bytes(plot_weak_reset_iedm2019(bare, "no pulses")).startswith(b"\x89PNG")


def test_drift_figure():
    fit = fit_weak_reset_arxiv2107(simulate(published_model("arxiv2107"), 5, 200, 1))
    figure = plot_weak_reset_arxiv2107(fit, "synthetic")
    traces, _, autocorrelation, population = figure.axes
    assert len(traces.lines) == 10
    assert autocorrelation.get_xlabel() == "lag (pulses)"
    assert len(population.lines) == 8  # devices and distribution of four parameters
    assert png_bytes(figure).startswith(b"\x89PNG")
