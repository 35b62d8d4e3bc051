"""The column on real ngspice: its wires, its unselected cells, their leakage."""

from dataclasses import replace

import numpy as np
import pytest

from rramchar.cells import ColumnWires
from rramchar.characterize.leakage import leakage_table, read_column
from rramchar.errors import InputError
from rramchar.technology import Condition
from rramchar.testbench.array import ArrayParameters
from rramchar.testbench.column import PATTERNS, SelectedCell
from rramchar.testbench.read import ReadParameters

NOMINAL = Condition("tt", 27.0, 1.2)
# A ternary zero at a low supply: both outputs should stay high up to the sampling time.
ZERO = SelectedCell(3e6, 1e6, pattern="along", r_hrs_ohm=1e6)
TERNARY = ArrayParameters(
    read=ReadParameters(
        flavour="hvt", c_bl_f=0.0, c_sl_f=0.0, c_q_f=40e-15, precharge_time_s=100e-9,
        window_time_s=400e-9,
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "bl", "blb"),
    [
        ("lrs", 5e3, 5e3),
        ("hrs", 1e5, 1e5),
        ("against", 5e3, 1e5),
        ("along", 1e5, 5e3),
    ],
)
def test_what_the_other_cells_hold(pattern, bl, blb):
    cells = SelectedCell(5e4, 6e3, pattern=pattern, row=1).column(3)
    assert cells.r_bl_ohm.tolist() == [[bl], [5e4], [bl]]
    assert cells.r_blb_ohm.tolist() == [[blb], [6e3], [blb]]
    mirrored = SelectedCell(6e3, 5e4, pattern=pattern, row=1).column(3)
    assert mirrored.r_bl_ohm.tolist() == cells.r_blb_ohm.tolist()
    assert mirrored.r_blb_ohm.tolist() == cells.r_bl_ohm.tolist()


@pytest.mark.parametrize("row", [0, 31])
@pytest.mark.parametrize(
    ("r_bl_ohm", "r_blb_ohm", "outcome"), [(1e5, 5e3, "plus"), (5e3, 1e5, "minus")]
)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_32_rows_are_read_right_against_every_pattern(
    generic130, pattern, r_bl_ohm, r_blb_ohm, outcome, row
):
    cell = SelectedCell(r_bl_ohm, r_blb_ohm, pattern, row)
    result = read_column(generic130, NOMINAL, ArrayParameters(), cell, 32)
    assert result.outcome == outcome
    assert result.precharge_ok


@pytest.mark.parametrize("x", [1, -1])
def test_the_xnor_column(generic130, x):
    parameters = ArrayParameters(ReadParameters(amplifier="xnor_pcsa", c_bl_f=0.0, c_sl_f=0.0))
    result = read_column(generic130, NOMINAL, parameters, SelectedCell(), 8, x=x)
    assert result.outcome == {1: "plus", -1: "minus"}[x]


def test_a_column_of_32_rows_loads_more_than_its_wires(generic130, read):
    """The read testbench lumps the wires; the junctions of 31 cells come on top here."""
    lumped = read(1e5, 5e3).sense_time_s
    column = read_column(
        generic130, NOMINAL, ArrayParameters(), SelectedCell(pattern="hrs"), 32
    ).sense_time_s
    bare = read_column(
        generic130,
        NOMINAL,
        ArrayParameters(ReadParameters(), ColumnWires(1e-18, 1e-3, 1e-18, 1e-3)),
        SelectedCell(),
        1,
    ).sense_time_s
    assert bare == pytest.approx(lumped, rel=5e-3)
    assert 1.1 * lumped < column < 1.5 * lumped


def test_the_load_of_the_other_cells_shifts_the_decision(generic130):
    """Junctions behind low resistances load the line that should fall first: an offset in ln R."""

    def outcome(r_bl_ohm, pattern):
        cell = SelectedCell(r_bl_ohm, 10e3, pattern)
        return read_column(generic130, NOMINAL, ArrayParameters(), cell, 32).outcome

    assert outcome(10.7e3, "along") == "minus"
    assert outcome(13e3, "along") == "plus"
    for pattern in ("lrs", "hrs", "against"):
        assert outcome(10.7e3, pattern) == "plus"


def test_leakage_does_not_matter_to_a_binary_read_at_the_nominal_supply(generic130):
    conditions = [Condition("tt", t, 1.2) for t in (27.0, 125.0)]
    table = leakage_table(generic130, conditions, ArrayParameters(), SelectedCell(), [1, 32])
    assert table["correct"].all()
    assert table["shift"].abs().max() < 3e-3
    assert list(table["rows"]) == [1, 32, 1, 32]


def test_leakage_hastens_the_fall_of_a_ternary_zero_when_it_is_hot(generic130):
    conditions = [Condition("tt", t, 0.6) for t in (27.0, 125.0)]
    table = leakage_table(generic130, conditions, TERNARY, ZERO, [1, 8, 32], expected="zero")
    cold, hot = (part["shift"].to_numpy() for _, part in table.groupby("temperature_c"))
    assert cold[0] == pytest.approx(0, abs=1e-3)
    assert hot[0] == pytest.approx(0, abs=1e-3)
    assert np.all(np.diff(hot) < -0.05)
    assert np.all(hot[1:] < 4 * cold[1:])
    assert -0.35 < hot[2] < -0.15
    # Without leakage more rows are more capacitance, so that the output falls later.
    ideal = table["first_fall_time_no_leakage_s"].to_numpy().reshape(2, 3)
    assert np.all(np.diff(ideal) > 0)


def test_leakage_turns_a_zero_into_an_error_between_the_two_falls(generic130):
    """Sampled after the leaky fall and before the fall without leakage, the zero is lost."""
    hot = Condition("tt", 125.0, 0.6)
    parameters = replace(TERNARY, read=replace(TERNARY.read, sample_time_s=75e-9))
    (line,) = leakage_table(generic130, [hot], parameters, ZERO, [32], expected="zero").to_dict(
        "records"
    )
    assert line["first_fall_time_s"] < 75e-9 < line["first_fall_time_no_leakage_s"]
    assert not line["correct"]
    held = replace(parameters, unselected_v=-0.3)
    assert read_column(generic130, hot, held, ZERO, 32).outcome == "zero"


# What is refused, before anything is simulated.


@pytest.fixture
def no_simulation(monkeypatch):
    def never(*_):
        raise AssertionError("something was simulated")

    monkeypatch.setattr("rramchar.characterize.leakage.simulate", never)


@pytest.mark.parametrize("pattern", ["", "all", None, "lrs\n.control"])
def test_a_pattern_that_there_is_not(pattern):
    with pytest.raises(InputError, match="^pattern: .*expected one of lrs, hrs, against, along$"):
        SelectedCell(pattern=pattern)


@pytest.mark.parametrize(
    ("cell", "rows", "words"),
    [
        (SelectedCell(), [8, 0], "rows: 0, expected a whole number from 1 to 4096"),
        (SelectedCell(), [8, -4], "rows: -4"),
        (SelectedCell(row=8), [32, 8], "row: 8, expected a whole number from 0 to 7"),
        (SelectedCell(row=-1), [8], "row: -1"),
        (SelectedCell(r_bl_ohm=0.0), [8], "r_bl_ohm: 0 ohm"),
        (SelectedCell(r_lrs_ohm=-1.0), [8], "r_bl_ohm: -1 ohm"),
    ],
)
def test_columns_that_cannot_be(generic130, no_simulation, cell, rows, words):
    with pytest.raises(InputError, match=f"^{words}"):
        leakage_table(generic130, [NOMINAL], ArrayParameters(), cell, rows)


def test_a_bad_condition_is_refused_before_the_good_one_runs(generic130, no_simulation):
    with pytest.raises(InputError, match="^corner: 'xx'"):
        leakage_table(
            generic130,
            [NOMINAL, Condition("xx", 27.0, 1.2)],
            ArrayParameters(),
            SelectedCell(),
            [2],
        )


def test_the_leakage_table_is_for_the_binary_amplifier(generic130, no_simulation):
    parameters = ArrayParameters(ReadParameters(amplifier="xnor_pcsa"))
    with pytest.raises(InputError, match="^amplifier: "):
        leakage_table(generic130, [NOMINAL], parameters, SelectedCell(), [2])
