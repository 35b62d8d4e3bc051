"""Points simulated again with their waveforms, and raw files that ngspice itself reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plans import document

from rramchar.errors import InputError, SimulationError
from rramchar.spice.library import find_program
from rramchar.sweep import load, make_plan, read_raw, run_plan, waveforms
from rramchar.sweep.rawfile import write_raw
from rramchar.sweep.rerun import rerun, write_waveforms
from rramchar.sweep.store import Store

needs_ngspice = pytest.mark.skipif(find_program() is None, reason="no ngspice program")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples at two supplies; at 900 degC all fail."""
    folder = tmp_path_factory.mktemp("run")
    described = document(temperature_c=[27, 900])
    described["monte_carlo"] = {"samples": 2}
    run_plan(make_plan(described), folder, workers=2)
    return folder


def test_the_same_numbers_in_any_order(run: Path) -> None:
    frame = load(run).set_index("point")
    points = [*frame.index[frame["status"] == "ok"]][::-2]
    assert len(points) == 4
    again = list(rerun(run, points, workers=2))
    assert sorted(item.point for item in again) == sorted(points)
    for item in again:
        assert item.differs == ()
        row = frame.loc[item.point]
        assert item.row["read_energy_j"] == row["read_energy_j"]
        assert item.waves["v(q)"][-1] == pytest.approx(row["q_sampled_v"], abs=5e-3)
        assert item.condition.vdd_v == row["vdd_v"]


def test_a_stored_value_that_is_not_reproduced_is_named(run: Path, tmp_path: Path) -> None:
    made = make_plan(document(r_bl_ohm=["5k"], r_blb_ohm=["50k"]))
    run_plan(made, tmp_path, workers=1)
    with Store(tmp_path, made.testbench.result_fields) as store:
        ((key, row),) = store.rows()
        store.add([(key, row | {"sense_time_s": row["sense_time_s"] * (1 + 1e-12)})])
    (item,) = rerun(tmp_path, [0])
    assert item.differs == ("sense_time_s",)


def test_arrays_of_one_point(run: Path) -> None:
    waves = waveforms(run, 0)
    assert {"time", "v(sen)", "v(q)", "v(qb)", "i(vdd)"} <= set(waves)
    assert len({len(wave) for wave in waves.values()}) == 1
    assert np.all(np.diff(waves["time"]) > 0)


def test_a_failed_point_says_why(run: Path) -> None:
    frame = load(run)
    failed = int(frame["point"][frame["status"] == "failed"].iloc[0])
    with pytest.raises(SimulationError, match="convergence: .+"):
        waveforms(run, failed)
    (item,) = rerun(run, [failed])
    assert (item.row["status"], item.waves, item.differs) == ("failed", {}, ())
    with pytest.raises(InputError, match="has no waveforms"):
        write_waveforms(run, item)


def test_a_point_that_is_not_there(run: Path) -> None:
    with pytest.raises(InputError, match="point 999: not in the plan"):
        list(rerun(run, [0, 999]))


@needs_ngspice
def test_ngspice_reads_the_file_and_gives_the_same_back(run: Path, tmp_path: Path) -> None:
    (item,) = rerun(run, [5])
    path = write_waveforms(run, item, tmp_path / "made" / "here")
    assert path.name == "point-000005.raw"
    (tmp_path / "load.cir").write_text(
        f"* load\n.control\nload {path}\nprint v(q)[7] length(v(q))\n"
        "set filetype=binary\nwrite back.raw\n.endc\n.end\n"
    )
    done = subprocess.run(
        ["ngspice", "-b", "load.cir"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    printed = dict(
        line.split(" = ") for line in done.stdout.splitlines() if line.startswith(("v(q)", "len"))
    )
    assert float(printed["v(q)[7]"]) == pytest.approx(item.waves["v(q)"][7], rel=1e-5)
    assert float(printed["length(v(q))"]) == len(item.waves["time"])
    back = read_raw(tmp_path / "back.raw")
    assert set(back) == set(item.waves)
    for name, wave in item.waves.items():
        np.testing.assert_array_equal(back[name], wave)


names = st.lists(st.sampled_from(["v(q)", "i(vdd)", "v(xcell.xbl.mid)"]), unique=True)


@given(names, st.integers(0, 20), st.data())
def test_raw_files_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], length: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("raw") / "a.raw"
    values = arrays(np.float64, length)
    waves = {name: data.draw(values) for name in ["time", *names]}
    write_raw(path, waves, title="a\nBinary:\n title")
    back = read_raw(path)
    assert list(back) == list(waves)
    for name, wave in waves.items():
        np.testing.assert_array_equal(back[name], wave)


def test_raw_files_that_cannot_be_used(tmp_path: Path) -> None:
    good = tmp_path / "good.raw"
    write_raw(good, {"time": np.arange(3.0), "v(q)": np.zeros(3)}, title="t")
    content = good.read_bytes()
    cases = {
        "no 'Binary:' line": content.replace(b"Binary:", b"Values:"),
        "cut short: 40 bytes of data, expected 48": content[:-8],
        "expected real numbers": content.replace(b"Flags: real", b"Flags: complex"),
        "lists 2 variables, its header says 3": content.replace(b"bles: 2", b"bles: 3"),
        "expected a whole number": content.replace(b"Points: 3", b"Points: many"),
        "no list of variables": content.replace(b"Variables:\n", b"Vectors:\n"),
    }
    for message, damaged in cases.items():
        path = tmp_path / "bad.raw"
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=message):
            read_raw(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_raw(tmp_path / "none.raw")
    with pytest.raises(InputError, match="cannot be written"):
        write_raw(tmp_path / "no" / "a.raw", {"time": np.zeros(1)}, title="t")
