"""Files as instruments and bad disks leave them: the same numbers, or one clear line."""

import bz2
import gzip
import lzma
import zipfile
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.measured import check_frame, import_measured, read_measured

ROWS = [(1 + i // 20, 1 + i % 20 // 2, ("SET", "RESET")[i % 2], 5000.25 + i) for i in range(800)]
HEADER = "device,cycle,operation,resistance_ohm"
LINES = [HEADER, *(",".join(map(str, row)) for row in ROWS)]
GOOD = ("\n".join(LINES) + "\n").encode()
WRONG_LINE = 731


def _with_line(text):
    lines = list(LINES)
    lines[WRONG_LINE - 1] = text
    return ("\n".join(lines) + "\n").encode()


def _zip(data):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("cells.csv", data)
    return stream.getvalue()


def _write(tmp_path, data, name="cells.csv"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


SAME = {
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16 of Windows": GOOD.decode().replace("\n", "\r\n").encode("utf-16"),
    "utf-16 big-endian without mark": GOOD.decode().encode("utf-16-be"),
    "utf-32": GOOD.decode().encode("utf-32"),
    "crlf": GOOD.replace(b"\n", b"\r\n"),
    "cr": GOOD.replace(b"\n", b"\r"),
    "no end of the last line": GOOD[:-1],
    "tab": GOOD.replace(b",", b"\t"),
    "semicolon": GOOD.replace(b",", b";"),
    "spaces": GOOD.replace(b",", b" , "),
    "trailing separators": GOOD.replace(b"\n", b",\n"),
    "quotes": b"\n".join(b'"' + line.replace(b",", b'","') + b'"' for line in GOOD.split()),
    "plus signs": GOOD.replace(b",500", b",+500"),
    "gzip": gzip.compress(GOOD),
    "bzip2": bz2.compress(GOOD),
    "xz": lzma.compress(GOOD),
    "zip": _zip(GOOD),
    "latin-1 comment": "# at 25 \u00b0C, 5 k\u03a9\n".encode("cp1253") + GOOD,
}


@pytest.mark.parametrize("data", SAME.values(), ids=SAME.keys())
def test_the_same_numbers_however_it_is_written(tmp_path, data):
    frame = check_frame(read_measured(_write(tmp_path, data)))
    assert frame["resistance_ohm"].tolist() == [row[3] for row in ROWS]
    assert frame["device"].tolist() == [row[0] for row in ROWS]
    assert frame["state"].tolist() == ["hrs" if row[2] == "RESET" else "lrs" for row in ROWS]


@pytest.mark.parametrize("between", ["", "   ", "\t", "# half time"])
def test_lines_are_counted_through_blank_lines_and_comments(tmp_path, between):
    lines = [*LINES[:400], between, between, *LINES[400:]]
    frame = read_measured(_write(tmp_path, "\n".join(lines).encode()))
    assert frame["line"].tolist() == [*range(2, 401), *range(403, 804)]


REFUSED = {
    "a field less": ("19,5,SET", "3 fields, expected 4 as in the header, line 1"),
    "a field more": ("19,5,SET,5e3,7", "5 fields, expected 4 as in the header, line 1"),
    "text for a number": ("19,5,SET,fail", "column resistance_ohm: 'fail' is not a number"),
    "another separator": ("19;5;SET;5e3", "separated by semicolon, expected comma"),
    "decimal comma": ("19,5,SET,5,3e3", "5 fields, expected 4"),
    "header again": (HEADER, "column resistance_ohm: 'resistance_ohm' is not a number"),
    "half a number": ("19,5,SET,5_000", "'5_000' is not a number"),
    "open quote": ('19,5,"SET,5e3', "a quoted field does not end"),
    "unknown word": ("19,5,ERASE,5e3", "column operation: 'ERASE', expected FORM, SET, RESET"),
    "no cycle": ("19,,SET,5e3", "column cycle: empty, expected a whole number from 0"),
    "half a cycle": ("19,5.5,SET,5e3", "column cycle: '5.5', expected a whole number from 0"),
    "NUL": ("19,5,SET,5\0e3", "NUL byte at character 11"),
    "a very long line": ("x" * 3_000_000, "1 field, expected 4"),
    "a very long number": ("19,5,SET," + "z" * 200_000, "zzz...' is not a number"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_the_bad_line_is_named_and_can_be_skipped(tmp_path, text, message):
    path = _write(tmp_path, _with_line(text))
    with pytest.raises(InputError) as caught:
        read_measured(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}, line {WRONG_LINE}")
    assert len(str(caught.value)) < 500
    found = import_measured(path, skip_bad_rows=True)
    assert [row.line for row in found.rejected] == [WRONG_LINE]
    good = [row[3] for i, row in enumerate(ROWS) if i != WRONG_LINE - 2]
    assert check_frame(found.frame)["resistance_ohm"].tolist() == good


def test_the_first_bad_line_comes_first_whatever_the_column(tmp_path):
    lines = [HEADER, "1,1,SET,5e3", "1,1,ERASE,5e3", "1,x,SET,5e3", ",1,SET,5e3"]
    path = _write(tmp_path, "\n".join(lines).encode())
    assert [r.line for r in import_measured(path, skip_bad_rows=True).rejected] == [3, 4, 5]
    semantic = _write(tmp_path, "\n".join([*lines[:3], lines[4]]).encode())
    with pytest.raises(InputError, match="line 3, column operation"):
        read_measured(semantic)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_cut_packed_files_keep_their_whole_lines_if_asked(tmp_path, pack):
    noise = b"".join(b"# %d\n" % (i * 7919 % 10007) for i in range(9000))
    packed = pack(GOOD + noise)
    path = _write(tmp_path, packed[: len(packed) // 2])
    if pack is bz2.compress:  # one block: nothing of a cut block can be unpacked
        with pytest.raises(InputError, match="line 1: damaged bzip2 file, nothing"):
            read_measured(path)
        return
    with pytest.raises(InputError, match=r"line \d+: damaged \w+ file: it ends here, after"):
        read_measured(path)
    found = import_measured(path, skip_bad_rows=True)
    assert found.frame["resistance_ohm"].tolist() == [row[3] for row in ROWS[: len(found.frame)]]
    assert len(found.rejected) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n# x\n", "holds no data"),
        (HEADER.encode(), "a header line but no readings"),
        (HEADER.encode() + b"\nx\n", "line 2: 1 field, expected 4"),
        (GOOD.decode().encode("utf-16")[:1001], "damaged UTF-16 text at byte"),
        (b"\x1f\x8b" + b"nonsense" * 9, "line 1: damaged gzip file"),
        (b"PK\x03\x04 no zip", "line 1: damaged zip file"),
        (b"PAR1 no parquet", "damaged Parquet file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "line 3: is not plain text"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, data, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as caught:
        read_measured(_write(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_when_no_row_is_left_the_reason_is_told(tmp_path):
    path = _write(tmp_path, (HEADER + "\n1,1,ERASE,5\n1,1,ERASE,6\n").encode())
    with pytest.raises(InputError, match="no row can be used; line 2, column operation: 'ERASE'"):
        import_measured(path, skip_bad_rows=True)


SMALL = "\n".join(LINES[:12]) + "\n"


@st.composite
def mutilations(draw):
    """A good file with a piece cut out, doubled, or replaced by something else."""
    start = draw(st.integers(0, len(SMALL) - 1))
    length = draw(st.integers(0, 40))
    junk = draw(
        st.sampled_from(["", "\0", ";", ",", '"', "x", "\n", "\r", "\t", "\ufffd", "1e", "."])
    )
    return SMALL[:start] + junk + SMALL[start + length :]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(mutilations())
def test_any_mutilation_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "mutilated.csv"
    path.write_bytes(text.encode())
    try:
        frame, refusal = read_measured(path, "tidy"), ""
    except InputError as error:
        frame, refusal = None, str(error)
    if frame is None:
        assert "\n" not in refusal
        assert refusal.startswith(str(path))
        return
    check_frame(frame)
    # Lines that were left alone give their own numbers, wherever they are now.
    written = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for row in frame.to_dict("records"):
        line = written[row["line"] - 1]
        if line in OWN_NUMBERS and set(HEADER.split(",")) <= set(frame):
            device, *others = (row[name] for name in HEADER.split(","))
            # One odd address makes all of them names.
            assert (int(device), *others) == OWN_NUMBERS[line]


OWN_NUMBERS = dict(zip(SMALL.splitlines()[1:], ROWS, strict=False))
