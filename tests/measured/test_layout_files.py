"""Layouts as TOML files: shipped ones, a user's own, and what is refused in them."""

import numpy as np
import pandas as pd
import pytest

from rramchar.errors import InputError
from rramchar.measured import (
    blocks,
    check_frame,
    guess_layout,
    import_measured,
    layout_names,
    read_measured,
)
from rramchar.measured.layout_file import (
    NewSweepTable,
    load_layout,
    make_layout,
    shipped_layouts,
)
from rramchar.measured.numbering import number_sweeps, sweep_starts
from rramchar.measured.schema import FLAGS
from rramchar.measured.units import unit_scale
from rramchar.resources import resource

MINIMAL = {"title": "t", "columns": {"device": {"field": 1}, "resistance_ohm": {"field": 2}}}


def _read(tmp_path, text, layout):
    (tmp_path / "data.csv").write_text(text)
    (tmp_path / "map.toml").write_text(layout)
    return check_frame(read_measured(tmp_path / "data.csv", tmp_path / "map.toml"))


def test_every_shipped_layout_loads_and_is_listed():
    assert len(shipped_layouts()) >= 11
    assert set(shipped_layouts()) < set(layout_names())
    assert all(layout.file.names for layout in shipped_layouts().values())


def test_the_shipped_example_of_an_own_layout():
    layout = resource("measurements", "reset_pulses_synthetic.toml")
    data = resource("measurements", "reset_pulses_synthetic.csv")
    frame = check_frame(read_measured(data, layout))
    assert (len(frame), frame["device"].nunique(), frame["flag"].eq("open").sum()) == (104, 4, 1)
    assert frame["sweep"].tolist()[:26] == [0] * 13 + [1] * 13
    assert frame["pulse"].tolist()[:26] == [*range(1, 14)] * 2
    assert frame["pulse_width_s"].eq(2e-7).all()
    assert frame["resistance_before_ohm"].iloc[0] == 5000.0


HEADER_MAP = """
title = "own"
[file]
header = true
separator = "semicolon"
decimal = ","
[columns]
device = { field = "Cell" }
resistance_ohm = { field = "G", unit = "uS", missing = [-1] }
v_reset_v = { field = "Vsl", absolute = true }
temperature_c = { field = "T", unit = "K" }
time_s = { field = "t", unit = "ms" }
[extra]
note = { field = "note" }
[fixed]
lot = "L1"
operation = "RESET"
v_read_v = 0.1
[numbering]
count = "pulse"
"""


def test_header_names_units_decimal_commas_and_fixed_values(tmp_path):
    text = "t;Cell;G;Vsl;T;note\n0,5;A;100,5;-1,2;300,15;x\n1,0;A;-1;-1,3;300,15;y\n2;B;0;0;300;z\n"
    frame = _read(tmp_path, text, HEADER_MAP)
    np.testing.assert_allclose(frame["resistance_ohm"].iloc[0], 1 / 100.5e-6, rtol=1e-15)
    assert frame["flag"].tolist() == ["", "not_read", "open"]
    assert frame["v_reset_v"].tolist() == [1.2, 1.3, 0.0]
    np.testing.assert_allclose(frame["temperature_c"], [27, 27, 26.85])
    assert frame["time_s"].tolist() == [5e-4, 1e-3, 2e-3]
    assert frame["pulse"].tolist() == [1, 2, 1]
    assert frame["lot"].unique().tolist() == ["L1"]
    assert frame["note"].tolist() == ["x", "y", "z"]


def test_two_columns_of_one_field_do_not_change_each_other(tmp_path):
    layout = """
title = "one field twice"
[file]
header = true
[columns]
device = { field = "cell" }
resistance_ohm = { field = "R" }
v_reset_v = { field = "V", unit = "mV" }
v_wl_v = { field = "V" }
[extra]
again = { field = "R", scale = 2.0 }
"""
    frame = _read(tmp_path, "cell,R,V\n1,5000,1.5\n2,7000.5,2\n", layout)
    assert frame["v_reset_v"].tolist() == [0.0015, 0.002]
    assert frame["v_wl_v"].tolist() == [1.5, 2.0]
    assert frame["resistance_ohm"].tolist() == [5000.0, 7000.5]
    assert frame["again"].tolist() == [10000.0, 14001.0]


def test_an_address_may_also_be_a_name(tmp_path):
    layout = """
title = "address as device and lot"
[columns]
device = { field = 1 }
lot = { field = 1 }
resistance_ohm = { field = 2 }
[extra]
raw = { field = 2 }
"""
    (tmp_path / "data.csv").write_text("7,5000\n\n8,x\n9,6000\n")
    (tmp_path / "map.toml").write_text(layout)
    read = import_measured(tmp_path / "data.csv", tmp_path / "map.toml", skip_bad_rows=True)
    assert read.frame["lot"].tolist() == ["7", "9"]
    assert read.frame["raw"].tolist() == [5000.0, 6000.0]
    read.frame.loc[0, "raw"] = 1.0
    assert read.frame["resistance_ohm"].tolist() == [5000.0, 6000.0]
    assert [row.line for row in read.rejected] == [3]


def test_blank_lines_of_tabs_are_passed_over(tmp_path):
    layout = "title = 't'\n[columns]\nresistance_ohm = { field = 2 }\n"
    layout += "[numbering]\ndevice_from_line = true\n"
    frame = _read(tmp_path, "a\t5000\tx\nb\t6000\ty\n\t\t\nc\t7000\tz\n", layout)
    assert frame["resistance_ohm"].tolist() == [5000.0, 6000.0, 7000.0]


def test_resistance_from_current(tmp_path):
    layout = (
        'title = "i"\n[columns]\ndevice = { field = 1 }\ncurrent_a = { field = 2, unit = "uA" }'
    )
    layout += "\n[fixed]\nv_read_v = 0.2\n"
    frame = _read(tmp_path, "1,20\n1,0\n1,-3\n", layout)
    assert frame["resistance_ohm"].iloc[0] == pytest.approx(1e4, rel=1e-15)
    assert frame["flag"].tolist() == ["", "open", "negative"]
    assert frame["current_a"].tolist() == [2e-5, 0, -3e-6]


def test_flags_compare_what_is_written_and_censored_readings_keep_their_number(tmp_path):
    layout = """
title = "limits"
[columns]
device = { field = 1 }
resistance_ohm = { field = 2, unit = "kohm" }
[extra]
status = { field = 3 }
[[flags]]
at_least = 500
flag = "above"
[[flags]]
column = "status"
equals = 8
flag = "below"
"""
    frame = _read(tmp_path, "1,4.5,0\n1,500,0\n1,3.1,8\n", layout)
    assert frame["flag"].tolist() == ["", "above", "below"]
    assert frame["resistance_ohm"].tolist() == [4500, 5e5, 3100]


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_sweeps_are_numbered_alike_in_parts_of_any_length(monkeypatch, step):
    monkeypatch.setattr(blocks, "STEP", step)
    rng = np.random.default_rng(step)
    device = pd.Series(np.repeat(np.arange(9) % 4, rng.integers(1, 12, size=9)))
    swept = pd.Series(rng.integers(0, 4, size=len(device)).astype(float))
    rule = NewSweepTable(column="v_reset_v", when="drops")
    sweep, pulse = number_sweeps(device, sweep_starts(device, swept, rule))
    last, expected = {}, []
    for i, address in enumerate(device):
        turned = i == 0 or address != device[i - 1] or swept[i] < swept[i - 1]
        last[address] = last.get(address, -1) + turned
        expected.append((last[address], 1 if turned else expected[-1][1] + 1))
    assert [*zip(sweep.tolist(), pulse.tolist(), strict=True)] == expected


def test_sweeps_start_at_a_turn_or_another_device(tmp_path):
    layout = """
title = "sweeps"
[columns]
device = { field = 1 }
v_reset_v = { field = 2 }
resistance_ohm = { field = 3 }
[numbering]
new_sweep = { column = "v_reset_v", when = "WHEN" }
"""
    text = "".join(f"{d},{v},5e3\n" for d, v in [(1, 1), (1, 2), (1, 2), (1, 1), (2, 3), (1, 4)])
    drops = _read(tmp_path, text, layout.replace("WHEN", "drops"))
    assert drops["sweep"].tolist() == [0, 0, 0, 1, 0, 2]
    assert drops["pulse"].tolist() == [1, 2, 3, 1, 1, 1]
    rises = _read(tmp_path, text, layout.replace("WHEN", "rises"))
    assert rises["sweep"].tolist() == [0, 1, 1, 1, 0, 2]


WIDE = """
title = "traces"
[columns]
device = { field = 2 }
[extra]
range = { field = 1 }
[readings]
first_field = 3
unit = "uS"
count = "read"
count_from = 0
interval_s = 0.5
"""


def test_many_readings_in_a_line(tmp_path):
    frame = _read(tmp_path, "7,A,100,200\n8,B,50,0\n", WIDE)
    np.testing.assert_allclose(frame["resistance_ohm"], [1e4, 5e3, 2e4, np.nan])
    assert frame["device"].tolist() == ["A", "A", "B", "B"]
    assert frame["time_s"].tolist() == [0, 0.5, 0, 0.5]
    assert frame["read"].tolist() == [0, 1, 0, 1]
    assert frame["range"].tolist() == [7, 7, 8, 8]


REFUSED = [
    ({"colums": {}}, "unknown key 'colums'"),
    ({"file": {"seperator": "tab"}}, "unknown key 'file.seperator'"),
    ({"columns": {"devise": {"field": 1}}}, "columns.devise: is no tidy column; did you mean dev"),
    ({"columns": {"line": {"field": 1}}}, "columns.line: is no tidy column"),
    ({"columns": {"device": {"field": 1}}}, "columns.resistance_ohm is missing"),
    ({"columns": {"resistance_ohm": {"field": 1}}}, "columns.device is missing"),
    ({"columns": {"device": {"field": "Cell"}}}, "'Cell' is a name, and the file has no header"),
    ({"columns": {"device": {"field": 0}}}, "expected a position from 1"),
    ({"fixed": {"v_read_v": "high"}}, "fixed.v_read_v: 'high', expected a number in SI units"),
    ({"fixed": {"operation": "ERASE"}}, "fixed.operation: 'ERASE', expected one of FORM"),
    ({"fixed": {"flag": "open"}}, "fixed.flag: 'open', expected the table flags"),
    ({"flags": [{"flag": "high", "equals": 1}]}, "flags.0.flag"),
    ({"flags": [{"flag": "open"}]}, "expected one of equals, at_least and at_most"),
    ({"flags": [{"flag": "open", "equals": 1, "column": "x"}]}, "flags.column: 'x' is none of"),
    ({"numbering": {"new_sweep": {"column": "v_wl_v", "when": "drops"}}}, "'v_wl_v' is none of"),
    ({"extra": {"cycle": {"field": 3}}}, "extra.cycle: is a tidy column"),
    ({"extra": {"x y": {"field": 3}}}, "extra.x y"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_wrong_layouts_are_refused_with_the_key(change, message):
    with pytest.raises(InputError) as caught:
        make_layout({**MINIMAL, **change}, "layout map.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("layout map.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "unit"),
    [("time_s", "m"), ("resistance_ohm", "k"), ("v_read_v", "A"), ("temperature_c", "F"),
     ("resistance_before_ohm", "A"), ("cycle", "s")],
)  # fmt: skip
def test_units_that_do_not_fit_are_refused(column, unit):
    with pytest.raises(InputError, match=f"{column}: unit '{unit}', expected"):
        unit_scale(column, unit)


def test_the_layout_must_fit_the_file(tmp_path):
    (tmp_path / "map.toml").write_text('title = "t"\n[columns]\ndevice = { field = 1 }\n')
    with pytest.raises(InputError, match="columns.resistance_ohm is missing"):
        load_layout(tmp_path / "map.toml")
    with pytest.raises(InputError, match=r"layout .*nothing.toml: does not exist"):
        _ = read_measured(resource("measurements", "reset_pulses_synthetic.csv"), "nothing.toml")
    layout = resource("measurements", "reset_pulses_synthetic.toml").read_text()
    with pytest.raises(InputError, match="line 1: 3 fields, expected 6 as in the layout"):
        _read(tmp_path, "1;2;3\n", layout)
    with pytest.raises(InputError, match="takes v_wl_v from field 4; is it the right layout"):
        _read(tmp_path, "1;2;3\n", layout.replace("fields = 6\n", ""))
    with pytest.raises(InputError, match="column 'Cell' for device is not in the header; .*'cell'"):
        _read(tmp_path, "cell;G;Vsl;T;t;note\n1;1;1;1;1;1\n", HEADER_MAP)


def test_a_file_that_fits_no_layout_says_which_have_as_many_fields(tmp_path):
    (tmp_path / "log.csv").write_text("1450\t200\t0.5\t3.5\t5863\t5888\n")
    with pytest.raises(InputError, match="radar_reset_sweep_sl, .* have as many fields"):
        guess_layout(tmp_path / "log.csv")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_can_be_set_by_a_rule(tmp_path, flag):
    layout = f"""
title = "flag"
columns = {{ device = {{ field = 1 }}, resistance_ohm = {{ field = 2 }} }}
flags = [{{ flag = "{flag}", equals = 7 }}]
"""
    assert _read(tmp_path, "1,7\n1,8\n", layout)["flag"].tolist() == [flag, ""]
