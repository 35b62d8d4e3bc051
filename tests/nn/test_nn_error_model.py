from __future__ import annotations

import numpy as np
import pytest

from rramchar.ber.rows import make_row
from rramchar.ber.table import BerTable
from rramchar.errors import InputError
from rramchar.nn.error_model import confusions_at, parse_error_model

TERNARY = [[90, 10, 0, 0], [3, 94, 3, 0], [0, 0, 80, 20]]
BINARY = [[99, 0, 1, 0], [0, 0, 0, 0], [2, 0, 98, 0]]


@pytest.fixture
def binary(make_network):
    return make_network(np.random.default_rng(0), (20, 10, 3), "binary")


@pytest.fixture
def ternary(make_network):
    return make_network(np.random.default_rng(0), (20, 10, 3), "ternary")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "ber.csv"
    common = {"cell": "2t2r", "source": "pcsa_map", "vdd_v": 0.6}
    BerTable.from_rows(
        [
            make_row(coding="ternary", counts=TERNARY, corner="ss", **common),
            make_row(coding="binary", counts=BINARY, corner="tt", **common),
        ]
    ).save(path)
    return str(path)


def test_binary_rate(binary):
    for model in confusions_at(binary, 0.1):
        assert model.weights()[[0, 2]].tolist() == [[0.9, 0, 0.1], [0.1, 0, 0.9]]


def test_ternary_rate_holds_in_every_layer(ternary):
    for model, layer in zip(confusions_at(ternary, 0.1), ternary.layers, strict=True):
        shares = [np.mean(layer.weights == value) for value in (1, 0, -1)]
        wrong = 1 - np.diag(model.weights())
        # single steps: a stored 0 errs twice as often as a stored +-1, whatever their shares
        assert np.dot(shares, wrong) == pytest.approx(0.1)
        assert model.weights()[0, 2] == model.weights()[2, 0] == 0


def test_a_table_row_for_all_layers(ternary, table):
    models = parse_error_model(ternary, table, "vdd_v=0.6,corner=ss")
    assert len(models) == 2
    for model in models:
        np.testing.assert_allclose(
            model.weights(), [[0.9, 0.1, 0], [0.03, 0.94, 0.03], [0, 0.2, 0.8]]
        )


def test_a_binary_row_for_a_binary_network(binary, table):
    model = parse_error_model(binary, table, "corner=tt")[0]
    np.testing.assert_allclose(model.weights()[[0, 2]], [[0.99, 0, 0.01], [0.02, 0, 0.98]])


def test_nothing_means_no_errors(binary):
    assert parse_error_model(binary, None) is None


def test_text_rate(binary):
    assert parse_error_model(binary, "1e-3")[0].weights()[0, 2] == 1e-3


@pytest.mark.parametrize(
    ("ber", "where", "words"),
    [
        (None, "corner=ss", "give --ber"),
        ("1e-3", "corner=ss", "is a rate"),
        ("1.5", None, "--ber 1.5"),
        ("-1", None, "--ber -1"),
        ("nan", None, "--ber nan"),
        ("1e-3x", None, "--ber 1e-3x: neither a number nor an existing file"),
        ("none.csv", None, "none.csv: neither"),
        ("TABLE", "vdd_v=0.7", "available vdd_v: 0.6"),
        ("TABLE", "vdd_v=0.6,coding=ternary", "network is binary"),
        ("TABLE", "vdd=0.6", "did you mean vdd_v"),
        ("TABLE", "corner=ss", "network is binary"),
    ],
)
def test_bad_texts(binary, table, ber, where, words):
    ber = table if ber == "TABLE" else ber
    with pytest.raises(InputError, match=words):
        parse_error_model(binary, ber, where)


def test_the_table_is_named_once(binary, table):
    with pytest.raises(InputError) as caught:
        parse_error_model(binary, table, "corner=ff")
    assert str(caught.value).count(table) == 1


def test_a_ternary_rate_out_of_reach(ternary):
    with pytest.raises(InputError, match="--ber 0.9"):
        parse_error_model(ternary, "0.9")


def test_a_table_of_both_codings_serves_both_kinds(binary, ternary, table):
    assert parse_error_model(ternary, table, "vdd_v=0.6")[0].weights()[0, 1] == 0.1
    assert parse_error_model(binary, table, "vdd_v=0.6")[0].weights()[0, 2] == 0.01


def test_a_binary_row_is_no_row_for_a_ternary_network(ternary, binary, table, tmp_path):
    for where, words in (("coding=binary", "coding=binary"), ("corner=tt", "corner=tt")):
        with pytest.raises(InputError, match=f"{words}.* a ternary network needs rows with coding"):
            parse_error_model(ternary, table, where)
    rows = [row for row in BerTable.load(table).rows if row.coding == "binary"]
    path = tmp_path / "binary.csv"
    BerTable.from_rows(rows).save(path)
    with pytest.raises(InputError, match="binary.csv: its rows have coding binary"):
        parse_error_model(ternary, str(path))
    assert parse_error_model(binary, str(path))[0].weights()[0, 2] == 0.01


def test_options_are_named_as_they_were_typed(binary, table):
    for arguments, start in (
        ((None, None, ["0:1e-3"]), "--layer 0:1e-3: changes"),
        ((None, "corner=tt"), "--read-where corner=tt: chooses"),
        (("1e-3", "corner=tt"), "--read-where corner=tt: goes with a table, but --read-ber 1e-3"),
    ):
        with pytest.raises(InputError, match=start):
            parse_error_model(binary, *arguments, option="--read-ber")


def test_each_layer_can_have_its_own_condition_or_rate(binary, table):
    first, second = parse_error_model(binary, "1e-3", None, ["1:0.2"])
    assert (first.weights()[0, 2], second.weights()[0, 2]) == (1e-3, 0.2)
    first, second = parse_error_model(binary, table, "vdd_v=0.6", ["0:corner=tt"])
    np.testing.assert_array_equal(first.weights(), second.weights())
    for layers, words in (
        (["2:corner=tt"], "index from 0 to 1"),
        (["corner=tt"], "expected INDEX:CONDITION"),
        (["0:corner=tt", "0:corner=ss"], "layer 0 is given twice"),
        (["0:corner=ff"], "no row with"),
    ):
        with pytest.raises(InputError, match=words):
            parse_error_model(binary, table, "vdd_v=0.6", layers)
    with pytest.raises(InputError, match="'corner=tt', expected a rate"):
        parse_error_model(binary, "1e-3", None, ["0:corner=tt"])


def test_between_two_supplies(binary, ternary, tmp_path):
    common = {"cell": "2t2r", "source": "pcsa_map", "corner": "tt"}
    rows = []
    for vdd, wrong in ((0.6, 100), (0.8, 1)):
        right = 1000 - wrong
        flips = [[right, 0, wrong, 0], [0] * 4, [wrong, 0, right, 0]]
        steps = [[right, wrong, 0, 0], [0, 1000, 0, 0], [0, 0, right, wrong]]
        rows.append(make_row(coding="binary", counts=flips, vdd_v=vdd, **common))
        rows.append(make_row(coding="ternary", counts=steps, vdd_v=vdd, **common))
    path = tmp_path / "two.csv"
    BerTable.from_rows(rows).save(path)
    model = parse_error_model(binary, str(path), "vdd_v=0.7")[0].weights()
    assert model[0, 2] == model[2, 0] == pytest.approx(0.01)  # half way in the logarithm
    mixed = parse_error_model(ternary, str(path), "vdd_v=0.65")[0].probability
    assert mixed[0, 1] == pytest.approx(0.75 * 0.1 + 0.25 * 0.001)
    assert mixed[2, 3] == mixed[0, 1]
    with pytest.raises(InputError, match="available vdd_v: 0.6, 0.8"):
        parse_error_model(binary, str(path), "vdd_v=0.9")
