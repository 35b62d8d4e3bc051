"""The decision map against closed forms, and against direct simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.ber.confusion import OUTCOMES
from rramchar.ber.decision_map import (
    INVALID,
    MINUS,
    PLUS,
    UNMAPPED,
    ZERO,
    decision_map,
    latched_outcomes,
)
from rramchar.errors import InputError
from rramchar.sweep import make_plan, results, run_plan

WINDOW_S = 100e-9
PER_OHM_S = 1e-13  # the made-up amplifier's outputs fall after PER_OHM_S times the resistance
ohms = st.floats(min_value=1e3, max_value=1e7)


def made_up_reads(**changes: object) -> pd.DataFrame:
    """Return reads of an amplifier whose first fall is proportional to the lower resistance."""
    bl, blb = np.geomspace(3e3, 1e6, 12), np.geomspace(3.1e3, 9.7e5, 11)
    rows = []
    for a in bl:
        for b in blb:
            fall = PER_OHM_S * min(a, b)
            fell = fall if fall <= WINDOW_S else None
            rows.append(
                {
                    "corner": "tt", "temperature_c": 27.0, "vdd_v": 0.6, "r_bl_ohm": a,
                    "r_blb_ohm": b, "status": "ok", "precharge_ok": True,
                    "outcome": "zero" if fell is None else "plus" if a > b else "minus",
                    "q_fall_time_s": fell if a < b else None,
                    "qb_fall_time_s": fell if a > b else None,
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows)
    frame["precharge_ok"] = frame["precharge_ok"].astype("boolean")
    numbers = ["q_fall_time_s", "qb_fall_time_s"]
    frame[numbers] = frame[numbers].astype(float)
    return frame.assign(**changes)


def made_up_map(**changes: object):  # type: ignore[no-untyped-def]
    return decision_map(
        made_up_reads(**changes), corner="tt", temperature_c=27.0, vdd_v=0.6, window_s=WINDOW_S
    )


@given(st.lists(st.tuples(ohms, ohms), min_size=1, max_size=20))
def test_power_laws_are_interpolated_exactly_away_from_the_diagonal(
    pairs: list[tuple[float, float]],
) -> None:
    """Off the cells that the diagonal cuts, a power law is linear in logarithms."""
    bl, blb = (np.array(side) for side in zip(*pairs, strict=True))
    inside = (
        (np.minimum(bl, blb) > 3.2e3) & (np.maximum(bl, blb) < 9e5)
        & (np.abs(np.log(bl / blb)) > 1.2) & (np.minimum(bl, blb) < 5e5)
    )  # fmt: skip
    fall = made_up_map().fall_time(bl, blb)
    assert fall[inside] == pytest.approx(PER_OHM_S * np.minimum(bl, blb)[inside], rel=1e-9)


@given(bl=ohms, blb=ohms, time=st.floats(min_value=1e-10, max_value=WINDOW_S))
def test_sign_follows_the_resistances_and_later_samples_only_resolve_more(
    bl: float, blb: float, time: float
) -> None:
    chosen = made_up_map()
    (code,) = chosen.outcomes([bl], [blb], time)
    expected = {ZERO, PLUS if bl > blb else MINUS if bl < blb else INVALID}
    assert code in expected
    (later,) = chosen.outcomes([bl], [blb], WINDOW_S)
    assert code in (ZERO, later)


def test_resistances_outside_the_grid_take_its_edge() -> None:
    chosen = made_up_map()
    inside = chosen.fall_time([3e3, 1e6], [9.7e5, 3.1e3])
    outside = chosen.fall_time([1e3, 1e9], [1e9, 1e3])
    assert outside == pytest.approx(inside)


def test_incomplete_precharge_makes_every_read_invalid() -> None:
    chosen = made_up_map(precharge_ok=pd.array([False] * 132, dtype="boolean"))
    codes = chosen.outcomes([5e3, 5e4, 9e5], [5e4, 5e3, 8e5], 6e-9)
    assert (codes == INVALID).all()


def test_failed_points_leave_a_hole_and_never_a_decision() -> None:
    frame = made_up_reads()
    hole = (frame["r_bl_ohm"] < 4e3) & (frame["r_blb_ohm"] > 9e5)
    frame.loc[hole, ["status", "q_fall_time_s", "qb_fall_time_s"]] = ["failed", None, None]
    frame.loc[hole, "outcome"] = None
    frame.loc[hole, "precharge_ok"] = pd.NA
    chosen = decision_map(frame, corner="tt", temperature_c=27.0, vdd_v=0.6, window_s=WINDOW_S)
    codes = chosen.outcomes([3.1e3, 9e5], [9e5, 4e3], 6e-9)
    assert list(codes) == [UNMAPPED, PLUS]
    assert list(latched_outcomes(codes)) == [UNMAPPED, PLUS]


def test_latched_bit_is_output_q() -> None:
    codes = np.array([PLUS, ZERO, MINUS, INVALID, UNMAPPED], dtype=np.int8)
    assert list(latched_outcomes(codes)) == [PLUS, PLUS, MINUS, MINUS, UNMAPPED]


def test_reads_with_mismatch_are_refused() -> None:
    frame = made_up_reads()
    frame.loc[(frame["outcome"] == "plus").idxmax(), "outcome"] = "minus"
    with pytest.raises(InputError, match="without mismatch"):
        decision_map(frame, corner="tt", temperature_c=27.0, vdd_v=0.6, window_s=WINDOW_S)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"corner": "ss"}, "holds no reads at corner ss"), ({"vdd_v": 0.7}, "0.7 V")],
)
def test_conditions_that_were_not_swept(change: dict[str, object], message: str) -> None:
    where = {"corner": "tt", "temperature_c": 27.0, "vdd_v": 0.6, **change}
    with pytest.raises(InputError, match=message):
        decision_map(made_up_reads(), window_s=WINDOW_S, **where)  # type: ignore[arg-type]


def test_an_unfinished_sweep_is_refused() -> None:
    with pytest.raises(InputError, match=r"131 reads, expected the full grid of 12 x 11"):
        decision_map(
            made_up_reads().iloc[1:], corner="tt", temperature_c=27.0, vdd_v=0.6, window_s=WINDOW_S
        )


@pytest.mark.parametrize("time", [0.0, -1e-9, 2 * WINDOW_S])
def test_sampling_times_outside_the_window(time: float) -> None:
    with pytest.raises(InputError, match="sample_time_s"):
        made_up_map().outcomes([5e3], [5e4], time)


def test_map_agrees_with_direct_simulation(tmp_path: Path) -> None:
    """Random pairs, simulated one by one, at nominal supply and near threshold."""
    head = {
        "plan": {"testbench": "read"},
        "parameters": {
            "flavour": "hvt", "c_bl_f": "100f", "c_q_f": "40f", "precharge_time_s": "200n",
            "sample_time_s": "6n", "window_time_s": "100n",
        },
    }  # fmt: skip
    axes = {
        "r_bl_ohm": {"start": "3k", "stop": "1M", "num": 10, "scale": "log"},
        "r_blb_ohm": {"start": "3.1k", "stop": "970k", "num": 9, "scale": "log"},
    }
    generator = np.random.default_rng(11)
    bl, blb = np.exp(generator.uniform(np.log(3.1e3), np.log(9.7e5), size=(2, 150)))
    for vdd in (0.6, 1.2):
        grid = make_plan({**head, "axes": {"vdd_v": vdd, **axes}})
        pairs = make_plan(
            {
                **head,
                "axes": {"vdd_v": vdd},
                "list": {"r_bl_ohm": bl.tolist(), "r_blb_ohm": blb.tolist()},
            }
        )
        run_plan(grid, tmp_path / "grid")
        run_plan(pairs, tmp_path / "pairs")
        chosen = decision_map(
            results(grid, tmp_path / "grid"),
            corner="tt",
            temperature_c=27.0,
            vdd_v=vdd,
            window_s=WINDOW_S,
        )
        mapped = np.array(OUTCOMES)[chosen.outcomes(bl, blb, 6e-9)]
        simulated = results(pairs, tmp_path / "pairs")["outcome"].to_numpy()
        # Only pairs within a grid cell of a boundary may differ, and a sign is never wrong.
        assert (mapped == simulated).mean() >= 0.95
        signs = {("plus", "minus"), ("minus", "plus")}
        assert not signs & set(zip(mapped, simulated, strict=True))
