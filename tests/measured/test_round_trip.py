"""Tidy frames written as CSV or Parquet come back exactly."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.measured import check_frame, read_measured, write_rejected, write_tidy
from rramchar.measured.faults import RejectedRow
from rramchar.measured.schema import CENSORED, FLAGS
from rramchar.provenance import read_comment_header

NUMBER = st.floats(-1e15, 1e15, allow_nan=False) | st.just(float("nan"))
NAME = (
    st.text("abcXYZ019 _-.,;\"'#µΩ", min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda text: text and not text.startswith("#"))
)


@st.composite
def tidy_frames(draw):
    rows = draw(st.integers(1, 12))

    def column(values):
        return draw(st.lists(values, min_size=rows, max_size=rows))

    flags = column(st.sampled_from(["", *FLAGS]))
    numbers = column(st.floats(1e-3, 9.9e9))
    held = [r if f in ("", *CENSORED) else np.nan for r, f in zip(numbers, flags, strict=True)]
    columns = {
        "die": pd.Series(column(NAME | st.just("")), dtype="str"),
        "device": draw(
            st.just(np.array(column(st.integers(0, 2**53 - 1)), dtype=np.int64))
            | st.just(pd.Series([f"n{name}" for name in column(NAME)], dtype="str"))
        ),
        "pulse": np.array(column(st.integers(0, 10**6)), dtype=np.int64),
        "operation": pd.Series(
            column(st.sampled_from(["FORM", "SET", "RESET", "READ", ""])), dtype="str"
        ),
        "v_reset_v": np.array(column(NUMBER)),
        "resistance_ohm": np.array(held),
        "flag": pd.Series(flags, dtype="str"),
        "line": np.array(column(st.integers(0, 10**9)), dtype=np.int64),
        "own_number": np.array(column(NUMBER)),
    }
    optional = ["die", "pulse", "operation", "v_reset_v", "line", "own_number"]
    left_out = draw(st.sets(st.sampled_from(optional)))
    return pd.DataFrame({n: c for n, c in columns.items() if n not in left_out})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@settings(deadline=None, max_examples=60)
@given(frame=tidy_frames())
def test_written_frames_come_back(tmp_path_factory, suffix, frame):
    check_frame(frame)
    path = tmp_path_factory.getbasetemp() / f"tidy{suffix}"
    write_tidy(frame, path, {"seed": 1})
    back = check_frame(read_measured(path))
    if "line" not in frame and suffix == ".csv":
        back = back.drop(columns="line")
    pd.testing.assert_frame_equal(back, frame, check_exact=True)


def test_csv_says_where_it_comes_from_and_suffixes_are_checked(tmp_path):
    frame = pd.DataFrame({"device": [1], "resistance_ohm": [5e3]})
    write_tidy(frame, tmp_path / "t.csv", {"command": "x"})
    assert read_comment_header(tmp_path / "t.csv")["command"] == "x"
    with pytest.raises(InputError, match=r"ends in .parquet or .csv"):
        write_tidy(frame, tmp_path / "t.xlsx", {})


def test_parquet_without_a_tidy_frame_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="column device is missing"):
        read_measured(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="a Parquet file, and the layout cycling"):
        read_measured(tmp_path / "a.parquet", "cycling")


def test_rejected_rows_are_written_with_their_text(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1,2,3\n")
    write_rejected(tmp_path / "r.csv", (RejectedRow(2, "odd, that"),), tmp_path / "a.csv")
    assert (tmp_path / "r.csv").read_text() == 'line,reason,text\n2,"odd, that","1,2,3"\n'
