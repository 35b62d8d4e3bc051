"""The column's subcircuits: ladders of one section per row, and what is refused."""

import math

import pytest

from rramchar.cells import ColumnWires, build_column, build_column_row
from rramchar.cells.column import resistance_name
from rramchar.errors import InputError


def _elements(subcircuit):
    """Return each element's nodes and values as text, by name."""
    lines = [line.split() for line in str(subcircuit).splitlines() if not line.startswith(".")]
    return {name: words for name, *words in filter(None, lines)}


def test_a_row_is_a_cell_with_its_piece_of_the_lines():
    found = _elements(build_column_row(ColumnWires(2e-15, 1.5, 1e-15, 0.5)))
    assert found == {
        "Rbl": ["bl_in", "bl", "1.5"],
        "Cbl": ["bl", "0", "2e-15"],
        "Rblb": ["blb_in", "blb", "1.5"],
        "Cblb": ["blb", "0", "2e-15"],
        "Rsl": ["sl_in", "sl", "0.5"],
        "Csl": ["sl", "0", "1e-15"],
        "Xcell": ["bl", "blb", "wl", "sl", "two_t_two_r", "r_bl_ohm={r_bl_ohm}",
                  "r_blb_ohm={r_blb_ohm}"],
    }  # fmt: skip


def test_without_capacitance_there_is_none():
    found = _elements(build_column_row(ColumnWires(c_bl_cell_f=0, c_sl_cell_f=0)))
    assert not [name for name in found if name.startswith("C")]


@pytest.mark.parametrize("rows", [1, 3, 32])
def test_a_column_is_a_chain_with_one_word_line_per_row(rows):
    column = build_column(rows)
    header = next(line for line in str(column).splitlines() if line.startswith(".subckt"))
    words = header.split()[2:]
    assert words[:4] == ["q", "qb", "sen", "vdd"]
    assert words[4 : 4 + rows] == [f"wl{row}" for row in range(rows)]
    found = _elements(column)
    assert found.pop("Xamp") == ["q", "qb", "bl", "blb", "sl", "sen", "vdd", "pcsa"]
    near = ["bl", "blb", "sl"]
    for row in range(rows):
        far = [f"bl{row}", f"blb{row}", f"sl{row}"]
        assert found.pop(f"Xrow{row}") == [
            *near, *far, f"wl{row}", "column_row",
            f"r_bl_ohm={{r_bl{row}_ohm}}", f"r_blb_ohm={{r_blb{row}_ohm}}",
        ]  # fmt: skip
        near = far
    assert not found


def test_the_xnor_column_has_inputs_and_the_lines_ends_their_capacitances():
    found = _elements(build_column(2, "xnor_pcsa", c_bl_end_f=5e-15, c_sl_end_f=1e-15))
    assert found["Xamp"] == ["q", "qb", "bl", "blb", "sl", "sen", "x", "xb", "vdd", "xnor_pcsa"]
    assert found["Cbl"] == ["bl", "0", "5e-15"]
    assert found["Cblb"] == ["blb", "0", "5e-15"]
    assert found["Csl"] == ["sl", "0", "1e-15"]


def test_the_defaults_are_those_of_the_read_testbench_at_32_rows():
    from rramchar.testbench import ReadParameters

    wires, read = ColumnWires(), ReadParameters()
    assert 32 * wires.c_bl_cell_f == pytest.approx(read.c_bl_f)
    assert 32 * wires.c_sl_cell_f == pytest.approx(read.c_sl_f)


def test_the_name_of_a_resistance():
    assert resistance_name(5, 3, "blb") == "@r.xcol5.xrow3.xcell.xblb.rrram[resistance]"


@pytest.mark.parametrize("rows", [0, -1, 4097, 2.0, "4", None, True, math.nan])
def test_rows_that_are_no_count(rows):
    with pytest.raises(InputError, match=r"^rows: .*, expected a whole number from 1 to 4096$"):
        build_column(rows)


@pytest.mark.parametrize("amplifier", ["opamp", "", None, "pcsa\n.control"])
def test_an_amplifier_that_there_is_not(amplifier):
    with pytest.raises(InputError, match="^amplifier: .*expected one of pcsa, xnor_pcsa$"):
        build_column(2, amplifier)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("c_bl_cell_f", -1e-15),
        ("c_sl_cell_f", math.nan),
        ("c_bl_cell_f", "2f"),
        ("r_bl_cell_ohm", 0),
        ("r_bl_cell_ohm", -1),
        ("r_sl_cell_ohm", math.inf),
        ("r_sl_cell_ohm", True),
    ],
)
def test_wires_that_are_none(field, value):
    with pytest.raises(InputError, match=f"^{field}: .*expected a number"):
        ColumnWires(**{field: value})
