"""The tidy layout, the check of tidy frames, and the guess of a layout."""

import pandas as pd
import pytest

from rramchar.errors import InputError
from rramchar.measured import (
    check_frame,
    check_states,
    count_flags,
    guess_layout,
    is_censored,
    is_good,
    read_measured,
    read_tidy,
    state_values,
)

HEADER = "device,cycle,state,resistance_ohm\n"


def _write(tmp_path, text):
    path = tmp_path / "tidy.csv"
    path.write_text(text)
    return path


def test_reads_states_derives_operations_and_keeps_further_columns(tmp_path):
    text = "# top\n\n" + "cycle,device,state,vdd_v,who,resistance_ohm\n1,A1,HRS,1.2,me,9.1e4\n"
    frame = read_tidy(_write(tmp_path, text + "1,A1,lrs,1.1,you,4870\n"))
    assert frame["device"].tolist() == ["A1", "A1"]
    assert frame["state"].tolist() == ["hrs", "lrs"]
    assert frame["operation"].tolist() == ["RESET", "SET"]
    assert frame["resistance_ohm"].tolist() == [91000.0, 4870.0]
    assert frame["line"].tolist() == [4, 5]
    assert frame["vdd_v"].tolist() == [1.2, 1.1]
    assert frame["who"].tolist() == ["me", "you"]


def test_state_follows_from_operation(tmp_path):
    text = "device;cycle;operation;resistance_ohm\n7;1.000;reset;90000\n7;1;Set;5000\n"
    frame = read_tidy(_write(tmp_path, text))
    assert frame["state"].tolist() == ["hrs", "lrs"]
    assert frame["device"].tolist() == [7, 7]


BAD = [
    ("cycle,state,resistance_ohm\n1,lrs,5e3\n", "column device is missing"),
    ("device,cycle,state,resistance\n1,1,lrs,5e3\n", "is 'resistance' meant? rename it"),
    ("device,device,cycle,state,resistance_ohm\n", "'device' comes twice"),
    (HEADER, "a header line but no readings"),
    (HEADER + "1,1,lrs\n", "line 2: 3 fields, expected 4"),
    (HEADER + "1,1,lrs,5e3\n\n1,2,low,5e3\n", "line 4, column state: 'low', expected lrs or hrs"),
    (HEADER + "1,1,lrs,5k\n", "line 2, column resistance_ohm: '5k' is not a number"),
    (HEADER + "1,one,lrs,5e3\n", "line 2, column cycle: 'one' is not a number"),
    (HEADER + "1,1,lrs,5e3\n1,-1,lrs,5e3\n", "line 3, column cycle: '-1'"),
    (HEADER + "1,1.5,lrs,5e3\n", "line 2, column cycle: '1.5'"),
    (HEADER + ",1,lrs,5e3\n", "line 2, column device: empty"),
    (
        "device,cycle,operation,state,resistance_ohm\n1,1,SET,hrs,5e3\n",
        "line 2, column state: 'hrs' after SET, expected 'lrs'",
    ),
    (
        "device,cycle,operation,resistance_ohm\n1,1,FROM,5e3\n",
        "line 2, column operation: 'FROM', expected FORM, SET, RESET or READ",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files_are_refused_with_place_and_value(tmp_path, text, message):
    path = _write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_tidy(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def _frame(**changes):
    columns = {
        "device": [1, 1],
        "cycle": [1, 1],
        "state": ["lrs", "hrs"],
        "resistance_ohm": [5e3, 9e4],
    }
    return pd.DataFrame({**columns, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": ["lrs", "HRS"]}, "row 1, column state: 'HRS'"),
        ({"resistance_ohm": [5e3, float("nan")]}, "row 1, column resistance_ohm: nan"),
        ({"resistance_ohm": ["5e3", "9e4"]}, "column resistance_ohm holds"),
        ({"flag": ["", "odd"]}, "row 1, column flag: 'odd', expected above, below"),
        ({"flag": ["", "open"]}, "row 1, column resistance_ohm: 90000 with the flag 'open'"),
        ({"cycle": [1.0, 2.5]}, "column cycle holds float64, expected whole numbers"),
        ({"pulse": [1, -1]}, "row 1, column pulse: -1"),
        ({"device": [1, None]}, "row 1, column device: empty"),
        ({"operation": ["SET", "SET"]}, "row 1, column state: 'hrs' after SET"),
    ],
)
def test_frames_made_by_hand_are_checked(changes, message):
    with pytest.raises(InputError) as caught:
        check_frame(_frame(**changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": ["lrs", "lrs"]}, "row 1, column device: a second lrs reading of device 1"),
        ({"state": ["lrs", ""]}, "row 1, column state: '', expected lrs or hrs"),
        ({"flag": ["", "above"]}, "row 1, column flag: 'above', and 1 of 2 readings are flagged"),
    ],
)
def test_statistics_of_states_need_one_good_reading_each(changes, message):
    assert check_states(_frame()) is not None
    with pytest.raises(InputError) as caught:
        check_states(_frame(**changes))
    assert message in str(caught.value)
    assert check_frame(_frame(**changes)) is not None


def test_censored_and_good_readings_are_told_apart():
    frame = check_frame(_frame(flag=["", "above"]))
    assert is_good(frame).tolist() == [True, False]
    assert is_censored(frame).tolist() == [False, True]
    assert count_flags(frame) == {"above": 1}
    assert state_values(frame, "hrs").size == 0


def test_sentinels_and_own_flags(tmp_path):
    text = "device,resistance_ohm,flag\n1,0,\n1,-4,\n1,,\n1,1e10,above\n1,7e3,OPEN\n1,5e3,\n"
    frame = check_frame(read_tidy(_write(tmp_path, text)))
    assert frame["flag"].tolist() == ["zero", "negative", "not_read", "above", "open", ""]
    assert frame["resistance_ohm"].dropna().tolist() == [1e10, 5e3]


def test_state_is_not_made_up_within_a_pulse_sequence(tmp_path):
    text = "device,cycle,pulse,operation,resistance_ohm\n1,1,1,RESET,5e3\n"
    assert "state" not in read_tidy(_write(tmp_path, text))


def test_addresses_like_decimals_stay_names(tmp_path):
    frame = read_tidy(_write(tmp_path, "device,resistance_ohm\n1,5e3\n1.1,5e3\n1.10,6e3\n"))
    assert frame["device"].tolist() == ["1", "1.1", "1.10"]


def test_empty_frames_and_missing_columns_are_refused():
    with pytest.raises(InputError, match="holds no readings"):
        check_frame(_frame().iloc[:0])
    with pytest.raises(InputError, match="column cycle is missing"):
        check_states(_frame().drop(columns="cycle"))
    with pytest.raises(InputError, match="column device is missing"):
        check_frame(_frame().drop(columns="device"))


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        (HEADER + "1,1,lrs,5e3\n", "tidy"),
        ("# c\n200.000\t9e4\t5e3\n", "cycling"),
        ("A1,9e4,5e3\n", "cycling"),
        ("device,cycle,status,ohm\n1,1,lrs,5e3\n", "tidy"),
    ],
)
def test_layout_is_told_from_the_first_line(tmp_path, text, layout):
    assert guess_layout(_write(tmp_path, text)) == layout


def test_unknown_layouts_name_the_known_ones(tmp_path):
    path = _write(tmp_path, HEADER + "1,1,lrs,5e3\n")
    with pytest.raises(InputError, match="known: tidy, cycling, .* did you mean cycling"):
        read_measured(path, "cyclin")
    with pytest.raises(InputError, match="the layout cannot be told"):
        read_measured(_write(tmp_path, "Setup, xyz, abc\n"))
    assert len(read_measured(_write(tmp_path, HEADER + "1,1,lrs,5e3\n"))) == 1
