"""Every measured file of the real data is imported and gives its published figures."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rramchar.measured import check_frame, count_flags, import_measured, is_good

pytestmark = pytest.mark.skipif(
    not os.environ.get("RRAMCHAR_DATA"), reason="RRAMCHAR_DATA is not set: no measured chip data"
)


@cache
def _read(name):
    found = import_measured(Path(os.environ["RRAMCHAR_DATA"]) / "measured" / name)
    return found.layout, check_frame(found.frame)


LAYOUTS = {
    "cycling/cycling-4-24-20.csv": ("cycling", 153600, 256),
    "cycling/cycling-5-5-20.csv": ("cycling", 27200, 136),
    "reset_sweep/reset-sweep-sl-200ns-step-0.05-9-21-20.csv": ("radar_reset_sweep_sl", 23839, 50),
    "reset_sweep/reset-sweep-wl-200ns-step-0.05-9-21-20.csv": ("radar_reset_sweep_wl", 33613, 50),
    "set_sweep/set-sweep-wl-inner-5-31-20.csv.gz": ("radar_set_sweep", 70570, 50),
    "set_sweep/fppv-sweep-1us-4-2-21.csv": ("radar_set_pulse", 30100, 30100),
    "program_verify/sdr-4wl-eval-chip1-8-7-20.csv.gz": ("radar_program_verify", 32768, 8192),
    "program_verify/fppv-4wl-eval-chip1-8-7-20.csv.gz": ("radar_program_verify", 32772, 8193),
    "retention/readtest2bpc3-prebake.csv": ("radar_prebake", 1024, 1024),
    "retention/readtest2bpc3-postbake.csv": ("radar_postbake", 1024, 1024),
    "retention/techA-bake.tsv.gz": ("relax_bake", 163840, 16384),
    "relaxation/techB-relaxdata_10k.min.tsv.gz": ("relax_relaxation", 103705, 15961),
    "read_noise/techA-tsdata.min.tsv.gz": ("relax_read_noise", 500000, 5),
    "read_noise/target100-120.csv.gz": ("ni_read_noise", 202101, 101),
}


@pytest.mark.parametrize(("name", "expected"), LAYOUTS.items(), ids=LAYOUTS.keys())
def test_the_layout_is_guessed_and_every_line_read(name, expected):
    layout, frame = _read(name)
    assert (layout, len(frame), frame["device"].nunique()) == expected
    flags = {"not_read": 1} if "fppv-4wl" in name else {}
    assert count_flags(frame) == flags


def test_every_file_is_covered():
    root = Path(os.environ["RRAMCHAR_DATA"]) / "measured"
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == set(LAYOUTS)


def _medians(frame, column):
    return frame.groupby(frame[column].round(3))["resistance_ohm"].median()


def _sigma(frame, column, value):
    return np.log10(frame.loc[np.isclose(frame[column], value), "resistance_ohm"]).std()


@pytest.mark.parametrize(
    ("kind", "column", "medians", "sigmas"),
    [
        ("sl", "v_reset_v", {0.65: 6.08e3, 1.0: 14.45e3, 1.35: 35.0e3, 1.75: 55.7e3},
         {0.65: 0.018, 1.0: 0.237, 1.35: 0.250}),
        ("wl", "v_wl_v", {2.35: 6.61e3, 2.65: 28.9e3, 3.0: 54.1e3},
         {2.35: 0.148, 2.65: 0.302, 3.0: 0.278}),
    ],
)  # fmt: skip
def test_progressive_reset(kind, column, medians, sigmas):
    _, frame = _read(f"reset_sweep/reset-sweep-{kind}-200ns-step-0.05-9-21-20.csv")
    found = _medians(frame, column)
    for voltage, median in medians.items():
        assert found[voltage] == pytest.approx(median, rel=1e-3)
    for voltage, sigma in sigmas.items():
        assert _sigma(frame, column, voltage) == pytest.approx(sigma, abs=6e-4)
    sweeps = frame.groupby(["device", "sweep"])
    assert len(sweeps) == 500
    assert frame["sweep"].max() == 9
    early = (sweeps[column].last() < 3.99).sum()  # of 0 to 4 V: it had passed 100 kohm
    assert early == {"sl": 413, "wl": 419}[kind]
    assert (sweeps["pulse"].first() == 1).all()
    assert frame["pulse_width_s"].unique().tolist() == [2e-7]


def test_set_sweeps():
    _, frame = _read("set_sweep/set-sweep-wl-inner-5-31-20.csv.gz")
    sweeps = frame.groupby(["device", "sweep"])
    assert len(sweeps) == 1000
    assert (sweeps["resistance_ohm"].last() < 5500).sum() == 934
    found = _medians(frame, "v_wl_v")
    for voltage, median in {2.0: 162e3, 2.25: 42.5e3, 2.33: 16.3e3, 2.5: 7.19e3}.items():
        assert found[voltage] == pytest.approx(median, rel=4e-3)
    _, single = _read("set_sweep/fppv-sweep-1us-4-2-21.csv")
    found = _medians(single, "v_wl_v")
    for voltage, median in {1.5: 97.0e3, 1.75: 5.96e3, 2.0: 5.03e3, 2.5: 4.58e3}.items():
        assert found[voltage] == pytest.approx(median, rel=1.5e-3)


@pytest.mark.parametrize(
    ("scheme", "success", "top"), [("sdr", 0.998, 0.855), ("fppv", 0.999, 0.851)]
)
def test_program_verify(scheme, success, top):
    _, frame = _read(f"program_verify/{scheme}-4wl-eval-chip1-8-7-20.csv.gz")
    is_top = frame["target_high_ohm"].isna()
    assert (frame.loc[is_top, "target_low_ohm"] == 8e4).all()
    assert frame.loc[~is_top, "success"].mean() == pytest.approx(success, abs=6e-4)
    assert frame.loc[is_top, "success"].mean() == pytest.approx(top, abs=6e-4)
    assert frame["cycle"].max() == 4
    assert frame.loc[~is_good(frame), "line"].tolist() == ([] if scheme == "sdr" else [1])


@pytest.mark.parametrize(
    ("when", "medians", "sigmas"),
    [
        ("prebake", (4794, 6277, 9987, 108066), (0.017, 0.007, 0.019, 0.094)),
        ("postbake", (4799, 6305, 9799, 90599), (0.017, 0.014, 0.052, 0.172)),
    ],
)
def test_checkerboard_before_and_after_the_bake(when, medians, sigmas):
    _, frame = _read(f"retention/readtest2bpc3-{when}.csv")
    levels = frame.groupby("level")["resistance_ohm"]
    np.testing.assert_allclose(levels.median(), medians, rtol=2e-4)
    np.testing.assert_allclose(levels.agg(lambda r: np.log10(r).std()), sigmas, atol=6e-4)


def test_bake_and_relaxation_spreads():
    _, bake = _read("retention/techA-bake.tsv.gz")
    spread = {}
    for temperature, part in bake.groupby("temperature_c"):
        pair = part.assign(g=1 / part["resistance_ohm"]).groupby("device")["g"]
        spread[temperature] = (pair.last() - pair.first()).std() * 1e6
    expected = {100: 13.5, 140: 16.8, 180: 20.7, 220: 30.1, 260: 53.8}
    assert spread == pytest.approx(expected, abs=0.06)
    assert (bake["resistance_ohm"] > 1e7).sum() == 57
    _, relax = _read("relaxation/techB-relaxdata_10k.min.tsv.gz")
    change = 1e6 * (1 / relax["resistance_ohm"] - relax["conductance_initial_s"])
    spread = change.groupby(relax["nominal_time_s"]).std()
    for time, value in {0.01: 2.27, 0.1: 3.49, 1: 4.54, 100: 5.21, 1e3: 5.83, 1e4: 7.79}.items():
        assert spread[time] == pytest.approx(value, abs=6e-3)


def test_read_noise_traces():
    _, traces = _read("read_noise/techA-tsdata.min.tsv.gz")
    g = (1e6 / traces["resistance_ohm"]).groupby(traces["device"])
    np.testing.assert_allclose(g.mean(), [9.48, 85.3, 134, 185, 253], rtol=4e-3)
    np.testing.assert_allclose(g.std(), [0.86, 10.2, 2.25, 2.53, 0.52], rtol=7e-3)
    assert traces["time_s"].max() == pytest.approx((100000 - 1) / 400, rel=1e-12)
    _, reads = _read("read_noise/target100-120.csv.gz")
    first = reads.loc[reads["read"] == 0, "resistance_ohm"]
    np.testing.assert_allclose(
        np.quantile(first, [0.05, 0.5, 0.95]), [100.2e3, 106.5e3, 117.5e3], rtol=1e-3
    )
    assert reads["read"].max() == 2000
