"""The wide cycling layout: what is read, and what is refused with which words."""

import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.measured import check_frame, cycling_frame, read_cycling
from rramchar.measured.cycling import CYCLING
from rramchar.measured.wide import reading_name

GOOD = "200.000\t9e4\t5000\t8e4\t5100\r\n201.000\t7e4\t4900\t6e4\t4800\r\n"


def test_readings_addresses_states_and_lines(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_bytes(("# a comment\r\n\r\n" + GOOD).encode())
    frame = read_cycling(path)
    assert frame["device"].tolist() == [200] * 4 + [201] * 4
    assert frame["cycle"].tolist() == [1, 1, 2, 2] * 2
    assert frame["state"].tolist() == ["hrs", "lrs"] * 4
    assert frame["operation"].tolist() == ["RESET", "SET"] * 4
    assert frame["resistance_ohm"].tolist() == [9e4, 5000, 8e4, 5100, 7e4, 4900, 6e4, 4800]
    assert frame["line"].tolist() == [3] * 4 + [4] * 4
    assert check_frame(frame) is frame


@pytest.mark.parametrize("separator", ["\t", ",", ";", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("trailing", ["", "\t"])
def test_separators_and_line_ends_do_not_matter(tmp_path, separator, end, trailing):
    text = GOOD.replace("\r\n", f"{trailing}\r\n").replace("\t", separator).replace("\r\n", end)
    path = tmp_path / "cells.csv"
    path.write_bytes(text.encode())
    assert read_cycling(path)["resistance_ohm"].tolist()[-2:] == [6e4, 4800]


def test_gzip_is_recognized_by_content(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_bytes(gzip.compress(GOOD.encode()))
    assert len(read_cycling(path)) == 8


def test_addresses_may_be_names(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("A1,9e4,5000\nB7,8e4,5100\n")
    assert read_cycling(path)["device"].unique().tolist() == ["A1", "B7"]


BAD = [
    ("", "the file is empty"),
    ("# only a comment\n\n", "holds no data"),
    ("1,9e4\n", "line 1: 2 fields (separator comma), expected an address and then pairs"),
    ("1\n", "line 1: 1 field (separator comma)"),
    ("1,9e4,5e3,8e4\n", "line 1: 4 fields"),
    ("1,9e4,5e3\n2,9e4,5e3,8e4,5e3\n", "line 2: 5 fields, expected 3 as in line 1"),
    ("# c\n1,9e4,5e3\n2,9e4\n", "line 3: 2 fields, expected 3 as in line 2"),
    ("1,9e4,5e3\n2,open,5e3\n", "line 2, field 2 (HRS_1): 'open' is not a number"),
    ("1,9e4,1_000\n", "field 3 (LRS_1): '1_000' is not a number"),
    ("1,9e4,\n2,9e4,5e3\n", "line 1: 2 fields"),
    ("1;9e4;5e3\n2;9e4;4871,5\n", "write a decimal point, not a comma"),
    ("addr,hrs,lrs\n1,9e4,5e3\n", "has no header line: put # before it"),
    ("200,9e4,5e3\n200.000,9e4,5e3\n", "line 2, field 1 (address): '200.000' is already in line 1"),
    (",9e4,5e3\n", "line 1, field 1 (address): empty"),
    ("1,9e4,5e3\n1,9e4,5\0e3\n", "line 2: is not plain text: NUL byte at character 8"),
    ('1,9e4,5e3\n2,"9e4,5e3\n', "line 2: a quoted field does not end"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files_are_refused_with_place_and_value(tmp_path, text, message):
    path = tmp_path / "cells.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_cycling(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_file_folder_and_damaged_gzip(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_cycling(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_cycling(tmp_path)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(GOOD.encode())[:-12])
    with pytest.raises(InputError, match="damaged gzip"):
        read_cycling(tmp_path / "cut.gz")


def test_reading_names_count_from_the_address():
    names = [reading_name(field, CYCLING.readings) for field in (2, 3, 4)]
    assert names == ["HRS_1", "LRS_1", "HRS_2"]


def test_what_is_no_resistance_becomes_a_flag(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("1,9e4,5e3,0,-5,,nan,inf,1e10,9.9e9,9.91e37\n")
    frame = check_frame(read_cycling(path))
    flags = ["", "", "zero", "negative", "not_read", "not_read", "open", "open", "", "not_read"]
    assert frame["flag"].tolist() == flags
    assert frame["resistance_ohm"].notna().tolist() == [not flag for flag in flags]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(1e-3, 9.99e9), min_size=4, max_size=4), min_size=1, max_size=6).map(
        np.array
    )
)
def test_written_matrix_comes_back_exactly(tmp_path_factory, wide):
    path = Path(tmp_path_factory.mktemp("wide")) / "cells.tsv"
    lines = ["\t".join([str(i), *map(repr, row.tolist())]) for i, row in enumerate(wide)]
    path.write_text("\n".join(lines))
    expected = cycling_frame(np.arange(len(wide)), wide)
    columns = ["device", "cycle", "operation", "state", "resistance_ohm"]
    assert read_cycling(path)[columns].equals(expected[columns])


def test_real_files_are_read_quickly():
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured chip data")
    folder = Path(root) / "measured" / "cycling"
    start = time.perf_counter()
    frame = read_cycling(folder / "cycling-4-24-20.csv")
    assert time.perf_counter() - start < 1.5  # 0.05 s on an idle machine
    assert (frame["device"].nunique(), frame["cycle"].nunique(), len(frame)) == (256, 300, 153600)
    devices = read_cycling(folder / "cycling-5-5-20.csv")["device"].unique().tolist()
    assert devices == [*range(600, 728), *range(500, 508)]  # in the order of the file


def test_names_like_decimals_are_not_repeated_addresses(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("1.1,9e4,5e3\n1.10,8e4,6e3\n007,8e4,6e3\n7,8e4,6e3\n")
    assert read_cycling(path)["device"].unique().tolist() == ["1.1", "1.10", "007", "7"]
