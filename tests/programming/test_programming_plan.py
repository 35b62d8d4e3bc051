"""Programming plans: defaults, axes, and every slip named before anything is simulated."""

import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rramchar.errors import InputError, RramcharError
from rramchar.programming import load_program_plan, make_program_plan
from rramchar.testbench.program import build_program

PLAN = {
    "plan": {"testbench": "program"},
    "device": {"model": "filament"},
    "sequence": [{"operation": "set"}],
}


def _with(**tables):
    document = copy.deepcopy(PLAN)
    for name, table in tables.items():
        document[name] = table if isinstance(table, list) else {**document.get(name, {}), **table}
    return document


def test_a_short_plan_gets_defaults_that_it_writes_out():
    plan = make_program_plan(PLAN)
    document = plan.document()
    assert len(plan) == 1
    assert document["cell"]["kind"] == "1t1r"
    assert document["sequence"][0]["wl_v"] == 1.8
    assert make_program_plan(document).document() == document


def test_axes_multiply_and_samples_vary_fastest():
    plan = make_program_plan(
        _with(
            plan={"samples": 2},
            axes={"corner": ["tt", "ss"], "temperature_c": [0, "60"]},
            sequence=[
                {"operation": "set", "wl_v": {"start": "1.2V", "stop": 1.6, "num": 3}},
                {"operation": "reset", "width_s": ["100n", "1u"]},
            ],
        )
    )
    points = list(plan.points())
    assert len(points) == len(plan) == 2 * 2 * 3 * 2 * 2
    assert plan.axes == {"step1_wl_v": (1.2, 1.4, 1.6), "step2_width_s": (1e-7, 1e-6)}
    assert [p.index for p in points] == list(range(len(points)))
    assert len({p.key for p in points}) == len(points)
    assert len({p.entropy for p in points}) == len(points)
    assert [p.sample for p in points[:4]] == [0, 1, 0, 1]
    assert points[-1].condition.corner == "ss"
    assert points[-1].steps[0].pulse.wl_v == 1.6


def test_keys_follow_what_determines_the_result():
    def keys(**changes):
        return [p.key for p in make_program_plan(_with(**changes)).points()]

    base = keys()
    assert keys(plan={"pulse_timeout_s": 7.0}) == base
    for changes in (
        {"plan": {"seed": 2}},
        {"plan": {"cycles": 2}},
        {"device": {"gamma0": 15.0}},
        {"cell": {"initial_r_bl_ohm": "20k"}},
        {"cell": {"access_width_m": "3u"}},
        {"axes": {"temperature_c": 60}},
        {"sequence": [{"operation": "set", "wl_v": 1.7}]},
    ):
        assert keys(**changes) != base


BAD = [
    ({"plan": {"testbench": "read"}}, "plan.testbench"),
    ({"plan": {"tecnology": "generic130"}}, "plan.tecnology"),
    ({"plan": {"technology": "generic13"}}, "generic13"),
    ({"plan": {"seed": -1}}, "plan.seed"),
    ({"cell": {"kind": "3t3r"}}, "cell.kind: '3t3r', expected one of 1t1r, 2t2r"),
    ({"cell": {"initial_r_bl_ohm": 0}}, "cell.initial_r_bl_ohm: 0 ohm, expected a resistance"),
    ({"cell": {"initial_r_bl_ohm": "1G"}}, "cell.initial_r_bl_ohm: 1e.09 ohm, expected .* to"),
    ({"cell": {"initial_r_blb_ohm": "5k"}}, "a 1t1r cell has no such device; remove it"),
    ({"cell": {"access_length_m": "0.13u"}}, "length of nmos_io: 1.3e-07 m, expected 5e-07 m"),
    ({"device": {"model": "memristor"}}, "device.model: 'memristor', expected one of"),
    ({"device": {"gama0": 15}}, "device: unknown parameter 'gama0'"),
    ({"device": {"i0_a": "300u", "v0_v": "3A"}}, "device.v0_v: '3A' is in A, expected V"),
    ({"axes": {"corner": ["tt", "tx"]}}, "corner: 'tx' is not a corner of generic130"),
    ({"axes": {"temperature_c": -300}}, "temperature_c: -300 degC, expected above absolute zero"),
    ({"axes": {"temperature_c": [27, 27]}}, "axes.temperature_c: .27.0, 27.0., expected different"),
    ({"axes": {"vdd_v": 1.2}}, "axes.vdd_v"),
    ({"sequence": []}, "sequence"),
    ({"sequence": [{"operation": "erase"}]}, "sequence 1: operation: 'erase', expected one of"),
    ({"sequence": [{"operation": "set", "width": 1}]}, "sequence.0.width"),
    ({"sequence": [{"operation": "set", "width_s": "-1u"}]}, "sequence 1: width_s: -1e-06"),
    ({"sequence": [{"operation": "set", "wl_v": []}]}, "sequence 1: wl_v: .., expected different"),
    ({"sequence": [{"operation": "set", "wl_v": "2A"}]}, "sequence 1: wl_v: '2A' is in A"),
    ({"sequence": [{"operation": "set", "device": "blb"}]}, "sequence 1: device: 'blb'"),
    ({"sequence": [{"operation": "set", "repeat": 0}]}, "sequence 1: repeat: 0"),
    ({"sequence": [{"operation": "set", "sl_v": [0, 3]}]}, "that is the polarity of a set"),
    ({"sequence": [{"operation": "set", "until_below_ohm": "0"}]}, "until_below_ohm: 0"),
    ({"sequence": [{"operation": "reset", "bl_v": 2}]}, "that is the polarity of a reset"),
    ({"device": {"model": "weak_reset"}}, "'set', expected one of reset, weak_reset, read with"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_slips_are_named_in_one_line(changes, message):
    if "model" in changes.get("device", {}):
        changes = {**changes, "cell": {"initial_r_bl_ohm": "10k"}}
    with pytest.raises(InputError, match=message) as caught:
        make_program_plan(_with(**changes))
    assert "\n" not in str(caught.value)


def _deck_lines(document):
    plan = make_program_plan(document)
    deck = build_program(
        plan.technology, next(plan.points()).condition, plan.cell, plan.model,
        width_s=1e-6, edge_s=1e-8,
    )  # fmt: skip
    return len(deck.circuit.splitlines())


@given(st.text(max_size=40) | st.from_regex(r"[0-9.]+[munpfk]?[Vs]?", fullmatch=True))
def test_no_text_of_a_plan_reaches_a_netlist(text):
    for changes in (
        {"sequence": [{"operation": "set", "wl_v": text}]},
        {"sequence": [{"operation": text}]},
        {"device": {"model": text}},
        {"device": {text: 1.0}},
        {"axes": {"corner": text}},
        {"cell": {"access_width_m": text}},
    ):
        with contextlib.suppress(RramcharError):
            assert _deck_lines(_with(**changes)) == _deck_lines(PLAN)


def test_a_technology_without_thick_oxide_is_refused(tmp_path):
    from rramchar.resources import resource

    library = resource("netlists", "generic130.lib")
    (tmp_path / "thin.toml").write_text(f"""
name = "thin"
corners = {{ tt = "tt" }}
[supply]
nominal_v = 1.2
maximum_v = 1.32
[[libraries]]
path = "{library}"
section = "{{corner}}"
[devices]
nmos = {{ model = "n12", polarity = "n", minimum_width_m = 0.15e-6, minimum_length_m = 0.13e-6 }}
""")
    with pytest.raises(InputError, match="technology thin: no device 'nmos_io', the thick-oxide"):
        make_program_plan(_with(plan={"technology": "thin.toml"}), folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "does not exist"), ("[plan", "not valid TOML"), ("\xff", "cannot be read|not valid")],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path, text, message):
    path = tmp_path / "plan.toml"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=message):
        load_program_plan(path)
