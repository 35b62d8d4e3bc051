"""EasyEXPERT records, aihwkit's two columns, CrossSim's ramps: on the shipped synthetic samples."""

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.measured import check_frame, guess_layout, import_measured, read_measured
from rramchar.resources import resource

RECORD = """
SetupTitle, {title}
PrimitiveTest, I/V Sweep
MetaData, TestRecord.TestTarget, {device}
MetaData, TestRecord.IterationIndex, {cycle}
Dimension1, 2, 2
DataName, {names}
DataValue, {first}
DataValue, 0.2, 2e-5, 1
"""


def _record(**changes):
    usual = {"title": "Reset then read", "device": "D1", "cycle": "3", "names": "V, I, Time",
             "first": "0.1, 1e-5, 0"}  # fmt: skip
    return RECORD.format(**{**usual, **changes})


def test_easyexpert_sample():
    path = resource("measurements", "easyexpert_synthetic.csv")
    assert guess_layout(path) == "easyexpert"
    frame = check_frame(read_measured(path))
    assert frame["device"].unique().tolist() == ["A1-07"]
    assert frame["cycle"].unique().tolist() == [1, 2]
    assert frame["sweep"].tolist() == [i // 6 for i in range(24)]
    assert frame["pulse"].tolist() == [1, 2, 3, 4, 5, 6] * 4
    assert frame["operation"].unique().tolist() == ["SET", "READ"]
    first = frame[frame["sweep"] == 0]
    assert first["flag"].tolist() == ["open", "", "", "", "below", "below"]
    np.testing.assert_allclose(first["resistance_ohm"].iloc[1:4], 9e4, rtol=1e-5)
    assert first["compliance_a"].eq(1e-4).all()


def test_easyexpert_records_without_target_keep_the_one_before(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text(_record() + _record(device="", cycle="4") + _record(device="D2"))
    frame = check_frame(read_measured(path))
    assert frame["device"].tolist() == ["D1"] * 4 + ["D2"] * 2
    assert frame["sweep"].tolist() == [0, 0, 1, 1, 0, 0]
    assert frame["cycle"].tolist() == [3, 3, 4, 4, 3, 3]
    assert frame["operation"].unique().tolist() == ["RESET"]
    assert frame["resistance_ohm"].tolist() == pytest.approx([1e4] * 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_record(first="0.1, 1e-5"), "line 8: 2 values, expected 3 as in DataName"),
        (_record(first="0.1, over, 0"), "line 8, column I: 'over' is not a number"),
        (_record() + "Remark, x\n", "line 10: starts with 'Remark', expected a line that starts"),
        ("DataName, V, I\n" + _record(), "line 1: DataName before the first SetupTitle"),
    ],
)
def test_easyexpert_faults_name_their_line_and_can_be_skipped(tmp_path, text, message):
    path = tmp_path / "records.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_measured(path, "easyexpert")
    found = import_measured(path, "easyexpert", skip_bad_rows=True)
    assert len(found.rejected) == 1
    assert len(found.frame) >= 1


def test_easyexpert_needs_a_resistance_or_current_and_voltage(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text(_record(names="Cp, Freq, D"))
    with pytest.raises(InputError, match="line 2: record 'Reset then read' has the columns Cp, "):
        read_measured(path)
    path.write_text("SetupTitle, empty\n")
    with pytest.raises(InputError, match="holds no DataValue line"):
        read_measured(path)


def test_aihwkit_up_and_down():
    path = resource("measurements", "aihwkit_synthetic.csv")
    assert guess_layout(path) == "aihwkit"
    frame = check_frame(read_measured(path))
    assert frame["operation"].tolist() == ["SET"] * 20 + ["RESET"] * 20
    assert frame["pulse"].tolist() == [*range(1, 21)] * 2
    resistances = frame["resistance_ohm"].to_numpy().reshape(2, 20)
    assert (np.diff(resistances[0]) < 0).all()
    assert (np.diff(resistances[1]) > 0).all()
    assert 1 / resistances[0, 0] == pytest.approx(2.0575e-5, rel=1e-3)


def test_aihwkit_refuses_normalized_weights(tmp_path):
    path = tmp_path / "fit.csv"
    path.write_text("-0.84,0.77\n-0.7,0.5\n")
    with pytest.raises(InputError, match="values from -0.84 to 0.77, expected conductances"):
        read_measured(path)


@pytest.mark.parametrize("operation", ["set", "reset"])
def test_crosssim_ramps_are_columns_of_currents(operation):
    path = resource("measurements", f"crosssim_{operation}_synthetic.csv")
    assert guess_layout(path) == "crosssim"
    frame = check_frame(read_measured(path))
    assert frame["sweep"].tolist() == [i // 20 for i in range(60)]
    assert frame["operation"].unique().tolist() == [operation.upper()]
    first = float(path.read_text().splitlines()[2].split(",")[1])
    assert frame["resistance_ohm"].iloc[20] == pytest.approx(0.1 / first, rel=1e-12)


def test_crosssim_ramps_may_differ_in_length_but_need_their_name(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("a,b\n1e-6,2e-6\n2e-6,\n,\n3e-6,\n")
    frame = check_frame(read_measured(path, "crosssim"))
    assert frame["sweep"].tolist() == [0, 0, 0, 0, 1]
    assert frame["flag"].tolist() == ["", "", "not_read", "", ""]
    path.rename(tmp_path / "ramps.csv")
    with pytest.raises(InputError, match="tells neither SET nor RESET"):
        read_measured(tmp_path / "ramps.csv", "crosssim")
