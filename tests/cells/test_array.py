"""What an array's cells hold, and how its columns are placed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PySpice.Spice.Netlist import Circuit

from rramchar.cells import ArrayCells, cells_of_weights, place_array
from rramchar.errors import InputError


@given(
    arrays(
        np.int8,
        array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.sampled_from([-1, 0, 1]),
    )
)
def test_plus_is_high_on_bl_and_zero_is_high_on_both(weights):
    cells = cells_of_weights(weights, r_lrs_ohm=5e3, r_hrs_ohm=1e5)
    assert (cells.rows, cells.columns) == weights.shape
    assert np.array_equal(np.sign(cells.r_bl_ohm - cells.r_blb_ohm), weights)
    assert np.all(np.maximum(cells.r_bl_ohm, cells.r_blb_ohm) == 1e5)
    assert np.all((cells.r_bl_ohm == cells.r_blb_ohm) == (weights == 0))


def test_the_record_keeps_its_own_numbers():
    given = np.array([[5e3, 1e4]])
    cells = ArrayCells(given, given * 2)
    given[0, 0] = 1.0
    assert cells.r_bl_ohm[0, 0] == 5e3
    with pytest.raises(ValueError, match="read-only"):
        cells.r_bl_ohm[0, 0] = 1.0


@pytest.mark.parametrize("xnor", [False, True])
def test_every_device_is_placed_at_its_row_and_column(xnor):
    cells = ArrayCells(1e3 * np.arange(1, 7).reshape(2, 3), 1e3 * np.arange(11, 17).reshape(2, 3))
    circuit = Circuit("array")
    place_array(circuit, cells, xnor=xnor)
    lines = [line.split() for line in str(circuit).splitlines() if line.startswith("X")]
    assert [line[0] for line in lines] == ["Xcol0", "Xcol1", "Xcol2"]
    for column, (_, *words) in enumerate(lines):
        inputs = [f"x{column}", f"xb{column}"] if xnor else []
        assert words[: words.index("column")] == [
            f"q{column}", f"qb{column}", "sen", f"vdd{column}", *inputs, "wl0", "wl1",
        ]  # fmt: skip
        values = dict(word.split("=") for word in words[words.index("column") + 1 :])
        assert {name: float(value) for name, value in values.items()} == {
            f"r_{line}{row}_ohm": resistances[row, column]
            for row in range(2)
            for line, resistances in (("bl", cells.r_bl_ohm), ("blb", cells.r_blb_ohm))
        }


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([[2]], r"weights: \[2\], expected only numbers -1, 0 and \+1"),
        ([[0.5, 1.0]], r"weights: \[0.5\]"),
        ([[math.nan]], r"weights: \[nan\]"),
        ([["1"]], "weights: <U1"),
        ([[True]], "weights: bool"),
        ([[None]], "weights: object"),
        ([1, -1], r"weights: 1 axes, expected two \(row, column\)"),
        (1, "weights: 0 axes"),
        (np.ones((1, 2, 3)), "weights: 3 axes"),
        (np.ones((0, 4)), r"weights: shape \(0, 4\), expected 1 to 4096 rows"),
        (np.ones((4, 0)), r"weights: shape \(4, 0\), expected 1 to 4096 columns"),
    ],
)
def test_weights_that_are_none(weights, words):
    with pytest.raises(InputError, match=f"^{words}"):
        cells_of_weights(weights)


@pytest.mark.parametrize("value", [0.0, -5.0, math.nan, math.inf, 1e13])
@pytest.mark.parametrize("line", ["r_bl_ohm", "r_blb_ohm"])
def test_resistances_that_are_none(line, value):
    good, bad = np.full((2, 2), 1e4), np.full((2, 2), 1e4)
    bad[1, 0] = value
    with pytest.raises(InputError, match=f"^{line}: .* expected above 0 and up to 1e"):
        ArrayCells(**({"r_bl_ohm": good, "r_blb_ohm": good} | {line: bad}))


def test_shapes_that_differ():
    with pytest.raises(InputError, match=r"^r_blb_ohm: shape \(2, 3\), expected that of r_bl_ohm"):
        ArrayCells(np.full((2, 2), 1e4), np.full((2, 3), 1e4))


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({"r_lrs_ohm": 1e5, "r_hrs_ohm": 1e4}, "r_lrs_ohm: 100000 ohm, expected below"),
        ({"r_lrs_ohm": 1e5, "r_hrs_ohm": 1e5}, "r_lrs_ohm: "),
        ({"r_lrs_ohm": -1.0}, "r_lrs_ohm: -1 ohm, expected above 0"),
        ({"r_hrs_ohm": math.nan}, "r_hrs_ohm: nan ohm"),
        ({"r_hrs_ohm": "100k"}, "r_hrs_ohm: holds <U4, expected numbers of ohm"),
    ],
)
def test_states_that_are_none(states, words):
    with pytest.raises(InputError, match=f"^{words}"):
        cells_of_weights([[1, -1]], **states)
