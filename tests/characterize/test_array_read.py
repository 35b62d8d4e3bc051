"""Reads of a memory array on real ngspice, against what is stored in it."""

from dataclasses import replace

import numpy as np
import pytest

from rramchar.cells import ArrayCells, ColumnWires, cells_of_weights
from rramchar.characterize.array_read import (
    expected_outcomes,
    outcome_matrix,
    read_frame,
    read_rows,
)
from rramchar.errors import InputError, SimulationError
from rramchar.spice.session import process_session, simulate
from rramchar.technology import Condition
from rramchar.testbench.array import (
    ArrayParameters,
    array_results,
    build_array_read,
    cell_alterations,
    row_alterations,
)
from rramchar.testbench.read import ReadParameters

NOMINAL = Condition("tt", 27.0, 1.2)


def _parameters(**read):
    return ArrayParameters(read=ReadParameters(**{"c_bl_f": 0.0, "c_sl_f": 0.0} | read))


def _weights(rows, columns, levels=(-1, 1), seed=3):
    return np.random.default_rng(seed).choice(levels, (rows, columns))


# Decisions.


def test_an_8_x_8_array_gives_back_every_weight(generic130):
    weights = _weights(8, 8)
    done = []
    reads = read_rows(
        generic130, NOMINAL, _parameters(), cells_of_weights(weights),
        progress=lambda *counts: done.append(counts),
    )  # fmt: skip
    assert done == [(count, 8, 0) for count in range(9)]
    assert [read.row for read in reads] == list(range(8))
    assert np.array_equal(outcome_matrix(reads, 8), expected_outcomes(weights))
    frame = read_frame(reads, weights)
    assert len(frame) == 64
    assert frame["correct"].all()
    assert frame["precharge_ok"].all()
    assert frame["sense_time_s"].between(0.15e-9, 0.25e-9).all()
    assert frame["read_energy_j"].between(50e-15, 150e-15).all()
    assert "x" not in frame


def test_an_xnor_array_gives_the_product_of_input_and_weight(generic130):
    weights = _weights(4, 6)
    inputs = (1, -1, -1, 1, 1, -1)
    reads = read_rows(
        generic130, NOMINAL, _parameters(amplifier="xnor_pcsa"), cells_of_weights(weights),
        inputs=inputs, rows=[3, 0],
    )  # fmt: skip
    frame = read_frame(reads, weights, inputs)
    assert frame["correct"].all()
    assert list(frame["row"].unique()) == [3, 0]
    products = weights[[3, 0]] * np.asarray(inputs)
    words = np.where(products == 1, "plus", "minus")
    assert np.array_equal(outcome_matrix(reads, 6), words)


def test_a_ternary_array_at_a_low_supply_tells_zeros(generic130):
    weights = _weights(3, 6, levels=(-1, 0, 1))
    assert set(weights.flat) == {-1, 0, 1}
    reads = read_rows(
        generic130, Condition("tt", 27.0, 0.6), _parameters(flavour="hvt", c_q_f=40e-15),
        cells_of_weights(weights, r_hrs_ohm=1e6),
    )  # fmt: skip
    assert read_frame(reads, weights)["correct"].all()


@pytest.mark.slow
@pytest.mark.parametrize("amplifier", ["pcsa", "xnor_pcsa"])
def test_the_whole_kilobit_array(generic130, amplifier):
    weights = _weights(32, 32)
    inputs = None if amplifier == "pcsa" else [int(x) for x in _weights(1, 32, seed=4)[0]]
    reads = read_rows(
        generic130, NOMINAL, _parameters(amplifier=amplifier), cells_of_weights(weights),
        inputs=inputs,
    )  # fmt: skip
    frame = read_frame(reads, weights, inputs)
    assert len(frame) == 1024
    assert frame["correct"].all()


# The circuit.


def test_an_array_of_one_cell_is_the_read_testbench(generic130, read):
    """Without wire to speak of, and with the same lumped capacitances."""
    wires = ColumnWires(c_bl_cell_f=0, c_sl_cell_f=0, r_bl_cell_ohm=1e-3, r_sl_cell_ohm=1e-3)
    parameters = ArrayParameters(ReadParameters(), wires)
    cells = ArrayCells(np.array([[50e3]]), np.array([[5e3]]))
    (found,) = read_rows(generic130, NOMINAL, parameters, cells)[0].results
    alone = read(50e3, 5e3)
    assert found.outcome == alone.outcome == "plus"
    assert found.sense_time_s == pytest.approx(alone.sense_time_s, rel=2e-3)
    assert found.read_energy_j == pytest.approx(alone.read_energy_j, rel=2e-3)


def test_the_order_of_the_rows_does_not_change_a_bit(generic130):
    cells = cells_of_weights(_weights(4, 2))
    forth = read_rows(generic130, NOMINAL, _parameters(), cells)
    back = read_rows(generic130, NOMINAL, _parameters(), cells, rows=[3, 2, 1, 0])
    assert [read.results for read in back[::-1]] == [read.results for read in forth]


def test_altering_a_row_or_the_cells_is_the_same_as_building_them(generic130):
    first, second = cells_of_weights(_weights(3, 2)), cells_of_weights(_weights(3, 2, seed=8))
    parameters, session = _parameters(), process_session()
    deck = build_array_read(generic130, NOMINAL, parameters, first)
    altered = cell_alterations(second) | row_alterations(NOMINAL, parameters, 3, 2)
    waves, _ = simulate(session, deck, altered, "sweep")
    changed = array_results(waves, NOMINAL, parameters, 2)
    session.unload()
    built = build_array_read(generic130, NOMINAL, parameters, second, row=2)
    waves, _ = simulate(session, built, {}, "sweep")
    for one, other in zip(changed, array_results(waves, NOMINAL, parameters, 2), strict=True):
        assert one.outcome == other.outcome
        assert one.sense_time_s == pytest.approx(other.sense_time_s, rel=1e-6)


def test_columns_do_not_disturb_one_another(generic130):
    weights = _weights(4, 5)
    together = read_rows(generic130, NOMINAL, _parameters(), cells_of_weights(weights), rows=[1])
    for column in range(5):
        alone = read_rows(
            generic130, NOMINAL, _parameters(), cells_of_weights(weights[:, [column]]), rows=[1]
        )
        assert together[0].results[column].sense_time_s == pytest.approx(
            alone[0].results[0].sense_time_s, rel=0.03
        )


def test_a_resistive_line_makes_the_far_row_slower(generic130):
    cells = cells_of_weights(np.ones((8, 1), dtype=int))
    parameters = replace(_parameters(), wires=ColumnWires(r_bl_cell_ohm=400.0))
    near, far = read_rows(generic130, NOMINAL, parameters, cells, rows=[0, 7])
    assert far.results[0].sense_time_s > 1.1 * near.results[0].sense_time_s


def test_energies_are_each_columns_own(generic130):
    """A column's energy does not depend on how many others there are."""
    ones = np.ones((2, 3), dtype=int)
    for columns in (1, 3):
        reads = read_rows(
            generic130, NOMINAL, _parameters(), cells_of_weights(ones[:, :columns]), rows=[0]
        )
        for result in reads[0].results:
            assert result.read_energy_j == pytest.approx(37e-15, rel=0.15)


# Failures.


def test_a_row_that_cannot_be_solved_has_no_outcome(generic130, monkeypatch):
    weights = _weights(3, 2)

    def fail(session, deck, alterations, accuracy):
        if alterations["@vwl1[dc]"]:
            raise SimulationError("convergence", "timestep too small")
        return simulate(session, deck, alterations, accuracy)

    monkeypatch.setattr("rramchar.characterize.array_read.simulate", fail)
    reads = read_rows(generic130, NOMINAL, _parameters(), cells_of_weights(weights))
    frame = read_frame(reads, weights)
    failed = frame[frame["status"] == "failed"]
    assert list(failed["row"]) == [1, 1]
    assert set(failed["reason"]) == {"convergence"}
    assert failed["outcome"].isna().all()
    assert failed["sense_time_s"].isna().all()
    assert not failed["correct"].any()
    assert frame[frame["status"] == "ok"]["correct"].all()
    assert list(outcome_matrix(reads, 2)[1]) == ["", ""]


# What is refused, before anything is simulated.


@pytest.fixture
def no_simulation(monkeypatch):
    def never(*_):
        raise AssertionError("something was simulated")

    monkeypatch.setattr("rramchar.characterize.array_read.simulate", never)


@pytest.mark.parametrize("rows", [[-1], [4], [0, 99], [1.5], ["1"], [None], [True]])
def test_rows_that_there_are_not(generic130, no_simulation, rows):
    with pytest.raises(InputError, match=r"^row: .*, expected a whole number from 0 to 3$"):
        read_rows(generic130, NOMINAL, _parameters(), cells_of_weights(_weights(4, 2)), rows=rows)


def test_no_rows(generic130, no_simulation):
    with pytest.raises(InputError, match="^rows: none given"):
        read_rows(generic130, NOMINAL, _parameters(), cells_of_weights(_weights(4, 2)), rows=[])


@pytest.mark.parametrize(
    ("amplifier", "inputs", "words"),
    [
        ("pcsa", [1, 1], "inputs: given, expected none with the amplifier pcsa"),
        ("xnor_pcsa", None, r"inputs: shape \(0,\), expected \(2,\), one per column"),
        ("xnor_pcsa", [1], r"inputs: shape \(1,\)"),
        ("xnor_pcsa", [[1, 1]], r"inputs: shape \(1, 2\)"),
        ("xnor_pcsa", [1, 0], r"inputs: expected only \+1 and -1"),
        ("xnor_pcsa", ["1", "-1"], r"inputs: expected only"),
        ("xnor_pcsa", [True, True], r"inputs: expected only"),
    ],
)
def test_inputs_that_are_none(generic130, no_simulation, amplifier, inputs, words):
    with pytest.raises(InputError, match=f"^{words}"):
        read_rows(
            generic130, NOMINAL, _parameters(amplifier=amplifier),
            cells_of_weights(_weights(4, 2)), inputs=inputs,
        )  # fmt: skip


@pytest.mark.parametrize("value", [2.5, -3, float("nan"), "0", None, True])
def test_unselected_word_lines_at_no_voltage(value):
    with pytest.raises(InputError, match="^unselected_v: .*, expected a number of volt"):
        ArrayParameters(unselected_v=value)


@pytest.mark.parametrize(
    ("condition", "read", "words"),
    [
        (("xx", 27.0, 1.2), {}, "corner: 'xx'"),
        (("tt", -274.0, 1.2), {}, "temperature_c: "),
        (("tt", 27.0, 0.0), {}, "vdd_v: "),
        (("tt", 27.0, 1.2), {"latch_n_width_m": 1e-7}, "width of nmos: 1e-07 m"),
        (("tt", 27.0, 1.2), {"access_length_m": 1e-7}, "length of nmos: 1e-07 m"),
    ],
)
def test_conditions_and_sizes_that_cannot_be(generic130, no_simulation, condition, read, words):
    with pytest.raises(InputError, match=f"^{words}"):
        read_rows(generic130, Condition(*condition), _parameters(**read), cells_of_weights([[1]]))


def test_an_array_too_large_to_mean_it(generic130, no_simulation):
    cells = cells_of_weights(np.ones((512, 256), dtype=int))
    with pytest.raises(InputError, match="^array: 512 x 256 cells, expected up to 65536$"):
        read_rows(generic130, NOMINAL, _parameters(), cells)


def test_the_access_transistor_is_the_cells(generic130):
    deck = build_array_read(
        generic130, NOMINAL, _parameters(access="io", access_length_m=0.5e-6),
        cells_of_weights([[1]]),
    )  # fmt: skip
    assert "Maccess mid wl sl 0 n50 " in deck.circuit
