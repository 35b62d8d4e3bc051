from __future__ import annotations

import csv

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.curve import COLUMNS, ber_curve, parse_rates, write_curve
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import evaluate
from rramchar.nn.forward import predict
from rramchar.provenance import read_comment_header


def test_rates():
    assert parse_rates("1e-5:1e-1:5") == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert parse_rates("1e-1:1e-2:2") == [0.1, 0.01]
    assert parse_rates("0, 1e-3,1") == [0.0, 0.001, 1.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "start:stop:number"),
        ("a", "start:stop:number"),
        ("1e-5:1e-1", "start:stop:number"),
        ("1e-5:1e-1:x", "start:stop:number"),
        ("1e-5:1e-1:8:2", "start:stop:number"),
        ("1e-5:1e-1:1", "expected 2 to 1000"),
        ("1e-5:1e-1:1000000000", "expected 2 to 1000"),
        ("0:1e-1:3", "0 cannot be an end"),
        ("1e-5:2:3", "from 0 to 1"),
        ("1e-5,-1", "from 0 to 1"),
        ("nan", "from 0 to 1"),
        ("nan:0.1:3", "from 0 to 1"),
    ],
)
def test_bad_rates(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_rates(text, name="--rates")
    assert str(caught.value).startswith("--rates")


@pytest.fixture(scope="module")
def points(make_network, make_images):
    rng = np.random.default_rng(4)
    network = make_network(rng, (40, 60, 5), "ternary")
    images = make_images(rng, 200, network)
    labels = predict(network, images)
    return (network, images, labels), ber_curve(network, images, labels, [0.0, 0.01, 0.3], 5, 7)


def test_each_rate_is_an_evaluation(points):
    case, curve = points
    assert [point["ber"] for point in curve] == [0.0, 0.01, 0.3]
    assert curve[0]["accuracy_mean"] == curve[0]["accuracy_clean"] == 1.0
    assert curve[0]["accuracy_mean"] > curve[1]["accuracy_mean"] > curve[2]["accuracy_mean"]
    for point in curve:
        alone = evaluate(*case, confusions_at(case[0], point["ber"]), 5, 7).as_dict()
        assert {k: v for k, v in alone.items() if k != "seconds"} == {
            k: v for k, v in point.items() if k not in ("seconds", "ber")
        }


def test_file(points, tmp_path):
    path = tmp_path / "curve.csv"
    write_curve(path, points[1], {"seed": 7})
    assert read_comment_header(path) == {"seed": 7}
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == COLUMNS
    for row, point in zip(rows, points[1], strict=True):
        assert {name: float(row[name]) for name in COLUMNS} == {n: point[n] for n in COLUMNS}
    assert [p.name for p in tmp_path.iterdir()] == ["curve.csv"]


def test_one_draw_leaves_the_spread_empty(points, tmp_path):
    case, _ = points
    path = tmp_path / "curve.csv"
    write_curve(path, ber_curve(*case, [0.01], 1), {})
    assert path.read_text().splitlines()[-1].split(",")[2:5] == ["", "", ""]


def test_unwritable_place(points, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_curve(tmp_path / "no" / "curve.csv", points[1], {})


def test_no_rates(points):
    with pytest.raises(InputError, match="rates"):
        ber_curve(*points[0], [])
