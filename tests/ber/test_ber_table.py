"""The BER table: rows that agree with themselves, files, selection and look-up."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.ber import BerTable, Confusion, clopper_pearson, make_row, parse_where
from rramchar.ber.rows import COLUMNS
from rramchar.errors import InputError
from rramchar.provenance import read_comment_header

DIAGONAL = [[90, 0, 0, 0], [0, 80, 0, 0], [0, 0, 90, 0]]


def _counts(errors, trials=1000):
    return [[trials - errors, 0, errors, 0], [0, 0, 0, 0], [0, 0, trials, 0]]


def _row(vdd=1.2, errors=10, **changes):
    fields = {"cell": "2t2r", "coding": "binary", "source": "pcsa_map", "corner": "tt"}
    return make_row(**{**fields, "counts": np.array(_counts(errors)), "vdd_v": vdd, **changes})


def test_rates_follow_from_counts():
    counts = np.array([[90, 5, 2, 3], [1, 77, 2, 0], [0, 4, 96, 0]])
    row = make_row(cell="2t2r", coding="ternary", source="pcsa_map", counts=counts)
    assert (row.trials, row.errors) == (280, 17)
    assert row.ber == 17 / 280
    low, high = clopper_pearson(17, 280)
    assert (row.ber_low, row.ber_high) == (low, high)
    np.testing.assert_allclose(row.confusion().probability[0], [0.9, 0.05, 0.02, 0.03])
    assert row.flat()["plus_invalid"] == 3
    assert row.flat()["minus_zero"] == 4


def test_binary_rows_read_a_zero_rightly_and_analytic_rows_are_symmetric():
    probability = _row(errors=100).confusion().probability
    np.testing.assert_allclose(probability, [[0.9, 0, 0.1, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    row = make_row(
        cell="2t2r", coding="binary", source="analytic", ber=0.01, ber_low=0.0, ber_high=0.02
    )
    expected = Confusion.binary_symmetric(0.01).probability
    np.testing.assert_array_equal(row.confusion().probability, expected)


def test_a_weight_that_was_never_read_has_no_confusion():
    counts = np.array([[90, 0, 0, 0], [0, 0, 0, 0], [0, 0, 90, 0]])
    row = make_row(cell="2t2r", coding="ternary", source="pcsa_map", counts=counts)
    with pytest.raises(InputError, match="no reads of a stored zero"):
        row.confusion()


finite = st.floats(-1e3, 1e3)
text = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=8)
cells = st.integers(0, 10**9)
ternary_rows = st.builds(
    lambda counts, **fields: make_row(
        cell="2t2r",
        coding="ternary",
        source="pcsa_map",
        counts=np.array(counts).reshape(3, 4) + np.eye(3, 4, dtype=int),
        **fields,
    ),
    counts=st.lists(cells, min_size=12, max_size=12),
    programming=text,
    corner=st.sampled_from(["", "tt", "ss"]),
    temperature_c=st.none() | finite,
    vdd_v=st.none() | finite,
    sample_time_s=st.none() | st.floats(1e-12, 1),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ternary_rows, min_size=1, max_size=4))
def test_saved_tables_come_back_equal(tmp_path_factory, rows):
    unique = {tuple(row.flat()[k] for k in COLUMNS[:9]): row for row in rows}
    table = BerTable.from_rows(unique.values())
    path = Path(tmp_path_factory.mktemp("table")) / "ber.csv"
    table.save(path, {"seed": 3})
    assert BerTable.load(path) == table
    assert read_comment_header(path) == {"seed": 3}
    assert [p.name for p in path.parent.iterdir()] == ["ber.csv"]  # no half file left


def test_frame_has_the_columns_of_the_file_and_numbers_as_numbers():
    frame = BerTable.from_rows([_row(), _row(vdd=None)]).frame
    assert tuple(frame.columns) == COLUMNS
    assert frame["vdd_v"].isna().tolist() == [False, True]
    assert frame["plus_minus"].tolist() == [10, 10]
    assert frame["trials"].dtype == np.int64


def test_a_condition_stands_once():
    with pytest.raises(InputError, match="two rows for cell=2t2r, .*vdd_v=1.2"):
        BerTable.from_rows([_row(), _row(errors=3)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "1t2r"}, "column cell: '1t2r', expected 1t1r or 2t2r"),
        ({"source": "guess"}, "column source: 'guess'"),
        ({"polarity": "lrs_is_plus"}, "column polarity"),
        ({"cell": "1t1r", "coding": "ternary"}, "expected cell 2t2r"),
        ({"corner": "t t"}, "column corner: 't t'"),
        ({"programming": "a\nb"}, "expected one line of text"),
        ({"vdd": math.inf}, "column vdd_v: inf"),
        ({"source": "analytic"}, "'analytic' with counts"),
        ({"counts": None}, "'pcsa_map' without counts"),
        ({"ber": 0.1}, "give only one of them"),
        ({"counts": np.zeros((3, 4), dtype=int)}, "all counts are 0"),
        ({"counts": np.ones((2, 4), dtype=int)}, "expected whole numbers of shape"),
        ({"counts": np.ones((3, 4))}, "expected whole numbers of shape"),
        ({"counts": np.ones((3, 4), dtype=int)}, "'binary' with reads of a stored zero"),
        ({"counts": np.array(_counts(-1))}, "count plus_minus: -1"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        _row(**changes)


def test_analytic_rows_need_an_estimate_inside_its_interval():
    fields = {"cell": "2t2r", "coding": "binary", "source": "analytic"}
    with pytest.raises(InputError, match="needs ber, ber_low and ber_high"):
        make_row(**fields, ber=0.1)
    with pytest.raises(InputError, match="lies outside"):
        make_row(**fields, ber=0.1, ber_low=0.2, ber_high=0.3)
    with pytest.raises(InputError, match="column ber_high: 1.5"):
        make_row(**fields, ber=0.1, ber_low=0.0, ber_high=1.5)


def _saved(tmp_path):
    path = tmp_path / "ber.csv"
    BerTable.from_rows([_row(), _row(vdd=0.6, errors=50)]).save(path)
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cell,coding", "coding", "line 2: column cell is missing"),
        ("minus_invalid", "minus_invalid,extra", "line 2: column 'extra' is unknown"),
        ("1.2,,,2000", "1.2,,,2000,7", "line 3: 28 fields, expected 27"),
        ("1.2,,,2000", "high,,,2000", "line 3, column vdd_v: 'high', expected a number"),
        ("1.2,,,2000", "nan,,,2000", "line 3, column vdd_v: 'nan', expected a number"),
        ("1.2,,,2000,10", "1.2,,,2000,ten", "line 3, column errors: 'ten'"),
        ("1.2,,,2000,10", "1.2,,,2000,11", "line 3, column errors: 11, expected 10"),
        ("1.2,,,2000,10", "1.2,,,2001,10", "line 3, column trials: 2001, expected 2000"),
        (",0.005,", ",0.0051,", "line 3, column ber: 0.0051, expected errors / trials"),
        ("2t2r,", "2T2R,", "line 3, column cell: '2T2R'"),
        (",990,0,10,", ",1010,0,-10,", "line 3, column plus_minus: -10"),
        (",0.6,", ",1.2,", "two rows for"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path, old, new, message):
    path = _saved(tmp_path)
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        BerTable.load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_missing_empty_and_unwritable_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        BerTable.load(tmp_path / "none.csv")
    path = _saved(tmp_path)
    path.write_text("\n".join(path.read_text().split("\n")[:2]))
    with pytest.raises(InputError, match="no rows below it"):
        BerTable.load(path)
    with pytest.raises(InputError, match="cannot be written"):
        BerTable.from_rows([_row()]).save(tmp_path / "none" / "b.csv")


def test_select_finds_one_row_or_says_what_there_is():
    table = BerTable.from_rows(
        [_row(vdd, e, corner=c) for c, e in (("tt", 5), ("ss", 50)) for vdd in (0.6, 1.2)]
    )
    assert table.select(vdd_v=0.1 * 6, corner="ss").errors == 50  # 0.1 * 6 is not quite 0.6
    assert len(table.filter(corner="ss").rows) == 2
    assert table.confusion(vdd_v=1.2, corner="tt").probability[0, 2] == 0.005
    with pytest.raises(
        InputError, match="no row with vdd_v=0.7, corner=ss; available vdd_v: 0.6, 1.2"
    ):
        table.select(vdd_v=0.7, corner="ss")
    with pytest.raises(
        InputError,
        match="no row with vdd_v=0.7, corner=xx; available vdd_v: 0.6, 1.2; corner: ss, tt",
    ):
        table.select(vdd_v=0.7, corner="xx")
    with pytest.raises(
        InputError, match="2 rows with vdd_v=0.6, expected one; choose corner: ss, tt"
    ):
        table.select(vdd_v=0.6)
    with pytest.raises(InputError, match="column 'vdd' is unknown.*did you mean vdd_v"):
        table.select(vdd=0.6)


def test_select_reaches_empty_fields():
    table = BerTable.from_rows([_row(vdd=None, corner=""), _row()])
    assert table.select(vdd_v=None).corner == ""
    assert table.select(corner="").vdd_v is None
    with pytest.raises(InputError, match=r"available vdd_v: \(empty\), 1.2"):
        table.select(vdd_v=0.6)


def _supplies(*pairs):
    return BerTable.from_rows(
        make_row(
            cell="2t2r",
            coding="binary",
            source="pcsa_map",
            counts=np.array(_counts(errors)),
            vdd_v=vdd,
        )
        for vdd, errors in pairs
    )


def test_look_up_is_straight_in_log_ber_between_neighbours():
    table = _supplies((0.6, 400), (0.8, 4), (1.0, 1))
    found = table.look_up(0.7)
    assert found.ber == pytest.approx(math.sqrt(0.2 * 0.002))
    assert found.low < found.ber < found.high
    assert (found.method, found.between_v) == ("log", (0.6, 0.8))
    exact = table.look_up(0.8)
    assert (exact.ber, exact.method) == (0.002, "exact")
    with pytest.raises(InputError, match="lies outside 0.6 ... 1 V"):
        table.look_up(0.5)
    assert table.look_up(1.2, extrapolate=True).ber == pytest.approx(0.0005**2 / 0.002)
    assert table.look_up(0.5, extrapolate=True).ber == 1.0  # 0.2 * 10 would be 2
    with pytest.raises(InputError, match="vdd_v: nan"):
        table.look_up(math.nan)


def test_rows_without_errors_are_not_taken_for_certain():
    table = _supplies((0.6, 40), (0.8, 0), (1.0, 0))
    between = table.look_up(0.7)
    assert (between.ber, between.method) == (pytest.approx(0.01), "linear")
    clean = table.look_up(0.9)
    assert clean.ber == clean.low == 0
    assert clean.high == pytest.approx(float(clopper_pearson(0, 2000)[1]))
    with pytest.raises(InputError, match="has no errors to extrapolate from"):
        table.look_up(1.1, extrapolate=True)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=5),
    st.floats(0, 1),
)
def test_look_up_stays_between_its_neighbours(errors, share):
    table = _supplies(*[(0.5 + 0.1 * i, e) for i, e in enumerate(errors)])
    vdd = 0.5 + share * 0.1 * (len(errors) - 1)
    if not 0.5 <= vdd <= table.rows[-1].vdd_v:
        vdd = 0.5
    found = table.look_up(vdd)
    ends = [row for row in table.rows if row.vdd_v in found.between_v]
    for name, field in (("ber", "ber"), ("low", "ber_low"), ("high", "ber_high")):
        values = [getattr(row, field) for row in ends]
        assert min(values) * (1 - 1e-9) <= getattr(found, name) <= max(values) * (1 + 1e-9)
    assert found.low <= found.ber <= found.high


def test_look_up_needs_one_row_for_each_supply():
    table = BerTable.from_rows([_row(0.6), _row(0.6, corner="ss"), _row(0.8), _row(None)])
    with pytest.raises(InputError, match="choose corner: ss, tt"):
        table.look_up(0.7)
    assert table.look_up(0.7, corner="tt").method == "log"
    with pytest.raises(InputError, match="available corner: ss, tt"):
        table.look_up(0.7, corner="ff")
    with pytest.raises(InputError, match="lies outside 0.6 ... 0.6 V.*only one supply"):
        table.look_up(0.7, corner="ss", extrapolate=True)
    with pytest.raises(InputError, match="have no vdd_v"):
        BerTable.from_rows([_row(None)]).look_up(0.7)


def test_conditions_are_typed():
    assert parse_where("vdd_v=600mV, corner=ss,temperature_c=-40") == {
        "vdd_v": 0.6,
        "corner": "ss",
        "temperature_c": -40.0,
    }
    assert parse_where("") == {}
    assert parse_where("vdd_v=,corner=") == {"vdd_v": None, "corner": ""}
    assert parse_where("sample_time_s=50n")["sample_time_s"] == pytest.approx(5e-8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vdd_v", "expected column=value"),
        ("vdd=0.6", "did you mean vdd_v"),
        ("ber=0.1", "column 'ber' is unknown"),
        ("vdd_v=low", "vdd_v: 'low' is not a number"),
        ("vdd_v=0.6A", "is in A, expected V"),
        ("cell=3t3r", "expected 1t1r or 2t2r"),
        ("corner=ss,corner=tt", "corner is given twice"),
    ],
)
def test_conditions_that_cannot_be_used_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_where(text)
