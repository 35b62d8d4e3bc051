"""Large files are taken in pieces, by several threads: the same comes out as line by line."""

import errno
import gzip
import os
import re
import warnings

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.measured import blocks, fields, import_measured, packed, read_measured, source

HEADER = "device,lot,cycle,operation,resistance_ohm,v_reset_v"
_NUMBER = st.sampled_from(
    ["5e3", "81000.5", "", "NA", "1e10", "0", "-3", " 7000 ", "x", "inf", "5e"]
)
_ROW = st.tuples(
    st.sampled_from(
        ["3", "1.10", "A7", "07", "TRUE", "", '"B,1"', '"C""2"', 'D"', '"E', "#4", '"1"2', '"5" ']
    ),
    st.sampled_from(["L1", "", "NA", "1.50", " L2 ", '"L 3"', "true"]),
    st.sampled_from(["1", "2.0", "1.5", "", "-1", "900", "9007199254740993"]),
    st.sampled_from(["SET", "reset", "READ", "", "SEt "]),
    _NUMBER,
    st.sampled_from(["1", "2", "0.5", ""]),
).map(",".join)
_LINE = st.one_of(
    *[_ROW] * 6,
    st.sampled_from(
        ["3,L1,1,SET,5e3,2"] * 4 + ["", "  ", "# note", "1,2", "1,2,3,4,5,6,7", ",,,,,", HEADER]
    ),
)
_GOOD = st.lists(
    st.sampled_from(["A7,1.50,1,SET,5e3,1", "A7,2,2,RESET,81000.5,2", "1.10,1.5,3,READ,NA,3"]),
    min_size=1,
    max_size=20,
)
_ONE_ODD = st.tuples(_GOOD, _LINE, st.integers(0, 20)).map(
    lambda parts: [*parts[0][: parts[2]], parts[1], *parts[0][parts[2] :]]
)
_ENDED = st.lists(  # every line with a separator at its end, or nearly every
    st.tuples(st.sampled_from(["A7,L,1,SET,5e3,1"]), st.sampled_from([","] * 9 + ["", ",6"])).map(
        "".join
    ),
    min_size=1,
    max_size=12,
)
_TEXT = st.tuples(
    st.one_of(_GOOD, _ONE_ODD, _ENDED, st.lists(_LINE, min_size=1, max_size=40)),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(",,\t;"),
).map(lambda parts: parts[1].join([HEADER, *parts[0]]).replace(",", parts[3]) + parts[1] * parts[2])


def outcome(path):
    """Return what is read from a file and what is rejected, or the message of the refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read = import_measured(path, "tidy", skip_bad_rows=True)
        except InputError as error:
            return str(error)
    return read.frame.to_dict("list"), read.frame.dtypes.to_dict(), read.rejected


def first_error(path):
    try:
        return len(read_measured(path, "tidy"))
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("where", ["memory", "disk", "packed"])
@settings(max_examples=200)
@given(text=_TEXT)
@example(text=f"{HEADER}\nA7,L1,1,SET,5e3,1\n#7,L1,1,SET,5e3,1\n")
@example(text=f'{HEADER}\nA7,L1,1,SET,5e3,1\n"7,L1",1,SET,5e3,1\n')
def test_pieces_give_what_single_lines_give(tmp_path_factory, where, text):
    path = tmp_path_factory.mktemp("pieces") / "file.csv"
    path.write_bytes(gzip.compress(text.encode()) if where == "packed" else text.encode())
    with pytest.MonkeyPatch.context() as line_by_line:
        line_by_line.setattr(fields, "parse_block", lambda *args: None)
        expected, expected_error = outcome(path), first_error(path)
    with pytest.MonkeyPatch.context() as in_pieces:
        in_pieces.setattr(blocks, "BLOCK", 64)
        for module in (source, packed):
            in_pieces.setattr(module, "LARGE", 1 << 40 if where == "memory" else 0)
        found, found_error = outcome(path), first_error(path)
    assert repr(found) == repr(expected)
    assert found_error == expected_error


_BYTES = [b"\r", b"\n", b"\r\n", b"a", b",", b"#", b'"', b"\0", b"\xb5", b"\xf0\x9f"]
_BYTES += [character.encode() for character in "µΩ\U0001f600"]


@given(
    data=st.lists(st.sampled_from(_BYTES), max_size=30).map(b"".join),
    block=st.integers(1, 7),
)
def test_a_survey_says_what_is_in_a_text(data, block):
    with pytest.MonkeyPatch.context() as small:
        small.setattr(blocks, "BLOCK", block)
        found = blocks.survey(blocks.MemoryText(data), ",")
    try:
        data.decode()
        valid = True
    except UnicodeDecodeError:
        valid = False
    assert found.utf8 == valid
    assert found.lone_returns == bool(re.search(rb"\r(?!\n)", data))
    assert found.nuls == (b"\0" in data)
    assert found.last_special == max(data.rfind(b"#"), data.rfind(b'"'))
    assert found.separators == data.count(b",")
    lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
    assert b"".join(data[piece.start : piece.stop] for piece in found.pieces) == data
    assert sum(piece.lines for piece in found.pieces) == len(lines)
    for piece in found.pieces:
        here = lines[piece.line - 1 : piece.line - 1 + piece.lines]
        assert b"".join(here) == data[piece.start : piece.stop]


def test_a_column_that_changes_its_kind_late_is_read_as_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LARGE", 0)
    monkeypatch.setattr(blocks, "BLOCK", 1 << 14)
    lines = [f"{i % 50}.10,{i},5000.5" for i in range(5000)] + ["A1,5000,5e3"]
    path = tmp_path / "late.csv"
    path.write_text("\n".join(["device,cycle,resistance_ohm", *lines]) + "\n")
    frame = read_measured(path)
    assert frame["device"].tolist() == [line.split(",")[0] for line in lines]
    assert frame["cycle"].dtype == "int64"


def test_byte_order_mark_of_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LARGE", 0)
    path = tmp_path / "marked.csv"
    path.write_bytes("device,resistance_ohm\r\n1,5e3\r\n2,8e4\r\n".encode("utf-8-sig"))
    assert read_measured(path)["resistance_ohm"].tolist() == [5e3, 8e4]


def test_a_file_that_is_cut_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_bytes(b"device,resistance_ohm\n1,5e3\n")
    text = blocks.DiskText(path, path.stat().st_size)
    path.write_bytes(b"device")
    with pytest.raises(InputError, match=r"ends at byte 6, but had 28 bytes .* read it again"):
        text.read(0, text.size)


def test_no_room_to_unpack_is_told(tmp_path, monkeypatch):
    def full(**options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packed, "LARGE", 0)
    monkeypatch.setattr(packed.tempfile, "mkdtemp", full)
    path = tmp_path / "packed.csv.gz"
    path.write_bytes(gzip.compress(b"device,resistance_ohm\n1,5e3\n"))
    with pytest.raises(InputError, match="No space left on device; set TMPDIR"):
        read_measured(path)


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_text("device,resistance_ohm\n1,5e3\n")
    read = source.Source.lines

    def replaced(self):
        os.utime(path, ns=(1, 1))
        return read(self)

    monkeypatch.setattr(source, "LARGE", 0)
    monkeypatch.setattr(source.Source, "lines", replaced)
    with pytest.raises(InputError, match="was replaced while it was read"):
        read_measured(path)


def test_a_log_may_grow_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_text("device,resistance_ohm\n1,5e3\n")
    check = source.Source.check

    def grown(self):
        path.write_text("device,resistance_ohm\n1,5e3\n2,6e3\n")
        check(self)

    monkeypatch.setattr(source, "LARGE", 0)
    monkeypatch.setattr(source.Source, "check", grown)
    assert read_measured(path)["device"].tolist() == [1]


def test_threads_keep_the_order_and_the_first_error_ends_them(monkeypatch):
    monkeypatch.setattr(blocks, "_cores", lambda: 4)
    assert blocks.in_threads(lambda i: i * i, range(100)) == [i * i for i in range(100)]
    done = []

    def work(i):
        if i == 3:
            raise ValueError("the third")
        done.append(i)

    with pytest.raises(ValueError, match="the third"):
        blocks.in_threads(work, range(100_000))
    assert len(done) < 100_000


def test_pipes_are_refused(tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with pytest.raises(InputError, match="no plain file but a pipe"):
        read_measured(path)


def test_numbers_are_the_nearest_floats(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LARGE", 0)
    texts = ["0.1000000000000000055511151231257827", "8.41e21", "5e-324", "9007199254740993.0",
             "2.2250738585072011e-308", "123456789.123456789e-5"]  # fmt: skip
    path = tmp_path / "exact.csv"
    path.write_text("device,resistance_ohm,v_read_v\n" + "".join(f"1,5e3,{t}\n" for t in texts))
    assert read_measured(path)["v_read_v"].tolist() == [float(text) for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("A1,7", "2 fields, expected 3"),
        ("A1,7,5e3,5e3", "4 fields, expected 3"),
        ("A1,7,5k", "'5k' is not a number"),
        ("A1,7.5,5e3", "'7.5', expected a whole number"),
        ('"A1,7,5e3', "a quoted field does not end"),
    ],
)
def test_the_bad_line_of_a_large_file_is_named_and_can_be_skipped(tmp_path, bad, message):
    rows, at = 2_000_000, 1_500_000
    lines = [f"A{i % 64},{i},{5000 + i / 8}" for i in range(rows)]
    path = tmp_path / "large.csv"
    path.write_text("\n".join(["device,cycle,resistance_ohm", *lines]) + "\n")
    good = read_measured(path)
    assert good["cycle"].tolist() == list(range(rows))
    assert good["resistance_ohm"].tolist() == [5000 + i / 8 for i in range(rows)]
    lines[at] = bad
    path.write_text("\n".join(["device,cycle,resistance_ohm", *lines]) + "\n")
    with pytest.raises(InputError, match=f"line {at + 2}\\D.*{re.escape(message)}"):
        read_measured(path)
    read = import_measured(path, skip_bad_rows=True)
    assert [row.line for row in read.rejected] == [at + 2]
    expected = good.drop(index=at).reset_index(drop=True)
    pd.testing.assert_frame_equal(read.frame, expected)
