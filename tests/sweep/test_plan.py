from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from plans import document, plan

from rramchar.errors import InputError
from rramchar.sweep import load_plan, make_plan
from rramchar.sweep.axes import parse_axis_text
from rramchar.sweep.layout import groups, iterate

values = st.lists(
    st.floats(min_value=0.3, max_value=1.6).map(lambda v: round(v, 3)),
    min_size=1,
    max_size=4,
    unique=True,
)
ohms = st.lists(st.integers(1_000, 10_000_000), min_size=1, max_size=4, unique=True)


def test_defaults_fill_the_axes_that_are_not_swept() -> None:
    made = plan()
    assert made.axes["corner"] == ("tt",)
    assert made.axes["temperature_c"] == (27.0,)
    assert made.axes["vdd_v"] == (1.2,)
    assert len(made) == 4


def test_ranges_and_prefixes() -> None:
    made = plan(
        vdd_v={"start": "0.5V", "stop": 1.2, "num": 8},
        r_bl_ohm={"start": "3k", "stop": "1M", "num": 3, "scale": "log"},
    )
    assert made.axes["vdd_v"] == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2))
    assert made.axes["r_bl_ohm"] == pytest.approx((3e3, math.sqrt(3e9), 1e6))


@given(supplies=values, bl=ohms, blb=ohms)
def test_layout_visits_every_point_once_in_plan_order(
    supplies: list[float], bl: list[int], blb: list[int]
) -> None:
    """Whatever the order of the axes, indices count the plan's own nested loops."""
    document_ = {
        "plan": {"testbench": "read"},
        "axes": {"r_bl_ohm": bl, "vdd_v": supplies, "r_blb_ohm": blb},
    }
    points = sorted(iterate(make_plan(document_)), key=lambda point: point.index)
    expected = [(a, v, b) for a in bl for v in supplies for b in blb]
    assert [p.index for p in points] == list(range(len(expected)))
    assert [
        (p.values["r_bl_ohm"], p.values["vdd_v"], p.values["r_blb_ohm"]) for p in points
    ] == expected
    assert len({p.key for p in points}) == len(points)


def test_list_rows_vary_fastest_and_go_together() -> None:
    made = make_plan(
        {
            "plan": {"testbench": "read"},
            "axes": {"vdd_v": [0.6, 1.2]},
            "list": {"r_bl_ohm": ["5k", "70k"], "r_blb_ohm": ["50k", "6k"]},
        }
    )
    points = sorted(iterate(made), key=lambda point: point.index)
    assert [(p.values["vdd_v"], p.values["r_bl_ohm"], p.values["r_blb_ohm"]) for p in points] == [
        (0.6, 5e3, 50e3),
        (0.6, 70e3, 6e3),
        (1.2, 5e3, 50e3),
        (1.2, 70e3, 6e3),
    ]


def test_groups_share_one_condition() -> None:
    made = plan(vdd_v=[0.6, 1.2], corner=["tt", "ss"])
    seen = [(group.condition, len(list(group.points))) for group in groups(made)]
    assert len({condition for condition, _ in seen}) == 4
    assert {count for _, count in seen} == {4}


def test_keys_depend_on_everything_that_determines_a_result() -> None:
    def keys(**changes: object) -> set[bytes]:
        base = document()
        for name, value in changes.items():
            section, _, key = name.partition("__")
            base[section][key] = value
        return {point.key for point in iterate(make_plan(base))}

    base = keys()
    assert base == keys()
    for change in (
        {"parameters__c_bl_f": "31f"},
        {"parameters__sample_time_s": "6n"},
        {"plan__accuracy": "report"},
        {"axes__vdd_v": 1.1},
        {"axes__temperature_c": 28},
        {"axes__corner": ["ff"]},
    ):
        assert not base & keys(**change), change
    # The seed and the time limit say nothing about a nominal read.
    assert base == keys(plan__seed=7, plan__point_timeout_s=3)


def test_resolved_plan_reads_back_as_the_same_plan(tmp_path: Path) -> None:
    made = plan(vdd_v={"start": 0.5, "stop": 1.2, "num": 5})
    path = tmp_path / "plan.toml"
    path.write_text(tomli_w.dumps(made.document()), encoding="utf-8")
    again = load_plan(path)
    assert again.document() == made.document()
    assert [p.key for p in iterate(again)] == [p.key for p in iterate(made)]


def test_command_line_overrides_replace_an_axis(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(tomli_w.dumps(document()), encoding="utf-8")
    made = load_plan(path, {"vdd_v": "0.6,1.2V", "r_bl_ohm": "3k:300k:3:log"})
    assert made.axes["vdd_v"] == (0.6, 1.2)
    assert made.axes["r_bl_ohm"] == pytest.approx((3e3, 3e4, 3e5))


@pytest.mark.parametrize("text", ["1:2", "1:2:x", "1:2:3:log:4"])
def test_bad_axis_text(text: str) -> None:
    with pytest.raises(InputError, match="start:stop:num"):
        parse_axis_text("vdd_v", text)


PAIR = "r_bl_ohm = '5k'\nr_blb_ohm = '50k'\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("[plan]\ntestbench = 'raed'", r"plan.testbench.*'raed'"),
        ("[plan]\ntestbench = 'read'\nsede = 1", "unknown key 'plan.sede'"),
        ("[plan]\ntestbench = 'read'\n[axis]\nvdd_v = 1", "unknown key 'axis'"),
        ("[plan]\ntestbench = 'read'\nseed = -1", "plan.seed"),
        ("[plan]\ntestbench = 'read'\npoint_timeout_s = 0", "plan.point_timeout_s"),
        ("[plan]\ntestbench = 'read'\ntechnology = 'generic13'", "'generic13' is neither"),
        ("[plan]\ntestbench = 'read'\n[parameters]\nc_blf = 1", "unknown key 'c_blf'"),
        ("[plan]\ntestbench = 'read'\n[parameters]\nc_bl_f = '80x'", "parameters.c_bl_f"),
        ("[plan]\ntestbench = 'read'\n[parameters]\nc_bl_f = -1e-15", "c_bl_f.*at least 0"),
        (
            "[plan]\ntestbench = 'read'\n[parameters]\nlength_m = '10n'\n[axes]\n" + PAIR,
            "length of .*1.3e-07 m",
        ),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd = 1.2", "unknown axis 'vdd'"),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd_v = []", "axes.vdd_v: an empty list"),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd_v = [1.2, '1.2V']", "a value stands twice"),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd_v = [3.3]", "vdd_v: 3.3 V"),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd_v = ['10k']\n", "vdd_v: 10000 V"),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd_v = ['1ohm']", "is in ohm, expected V"),
        (
            "[plan]\ntestbench = 'read'\n[axes]\n" + PAIR + "corner = ['tt', 'xx']",
            "corner: 'xx'",
        ),
        ("[plan]\ntestbench = 'read'\n[axes]\ntemperature_c = -300", "absolute zero"),
        ("[plan]\ntestbench = 'read'\n[axes]\nr_blb_ohm = 1\nr_bl_ohm = [0]", "r_bl_ohm: 0 ohm"),
        ("[plan]\ntestbench = 'read'\n[axes]\nr_blb_ohm = 1\nr_bl_ohm = [-5]", "r_bl_ohm: -5 ohm"),
        ("[plan]\ntestbench = 'read'\n[axes]\nr_bl_ohm = ['five']", "'five' is not a number"),
        ("[plan]\ntestbench = 'read'\n[axes]\nr_bl_ohm = [nan]", "not finite"),
        ("[plan]\ntestbench = 'read'\n[axes]\nvdd_v = 1.2", "axes.r_bl_ohm: the read testbench"),
        (
            "[plan]\ntestbench = 'read'\n[axes]\n"
            "r_bl_ohm = { start = 0, stop = 1, num = 3, scale = 'log' }",
            "a log range needs",
        ),
        (
            "[plan]\ntestbench = 'read'\n[axes]\nr_bl_ohm = 5e3\nr_blb_ohm = 5e4\nx = [1]",
            "x: 1, expected .* nothing with pcsa",
        ),
        (
            "[plan]\ntestbench = 'read'\n[list]\nr_bl_ohm = [1e3]\nr_blb_ohm = [1e3, 2e3]",
            "lists of one length",
        ),
        (
            "[plan]\ntestbench = 'read'\n[axes]\nr_bl_ohm = 1e3\n"
            "[list]\nr_bl_ohm = [1e3]\nr_blb_ohm = [2e3]",
            "stands in both",
        ),
        ("[plan", "not valid TOML"),
    ],
)
def test_bad_plans_get_one_clear_line(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(change, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_plan(path)
    assert "broken.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: does not exist"):
        load_plan(tmp_path / "nowhere.toml")


def test_plans_are_lazy() -> None:
    """A plan of 10^8 points is made at once; only its first points are laid out."""
    big = plan(
        r_bl_ohm={"start": 1e3, "stop": 1e6, "num": 10_000},
        r_blb_ohm={"start": 1.5e3, "stop": 1.5e6, "num": 10_000},
    )
    assert len(big) == 10**8
    points = iterate(big)
    assert [next(points).index for _ in range(3)] == [0, 1, 2]


def test_shipped_demo_plans_hold_no_pair_of_equal_resistances() -> None:
    from rramchar.demo.reads import demo_plan

    for name in ("reads", "xnor"):
        axes = demo_plan(name).axes
        assert not set(axes["r_bl_ohm"]) & set(axes["r_blb_ohm"])


def test_resolved_plan_is_valid_toml() -> None:
    text = tomli_w.dumps(plan().document())
    assert tomllib.loads(text)["plan"]["testbench"] == "read"
