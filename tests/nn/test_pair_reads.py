"""Chips drawn device by device err as a table of the same models says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rramchar.ber.confusion import Confusion
from rramchar.ber.from_models import binary_counts, ternary_counts
from rramchar.ber.states import lognormal_states
from rramchar.errors import InputError
from rramchar.fitting.read_decision import ReadCondition
from rramchar.fitting.surface import Surface
from rramchar.nn.array_layout import ArrayLayout
from rramchar.nn.chip_accuracy import chip_accuracies
from rramchar.nn.chips import HardwareErrors
from rramchar.nn.forward import predict
from rramchar.nn.pair_reads import PairReads, choose_condition

_FLAT = Surface(0, (8.0, -9.0), (15.0, 0.0), (float(np.log(1e-9)),))
# ln t = ln(R / 100 kohm) + ln 10 ns, whatever the second coordinate: R* is 100 kohm at 10 ns.
_MIDDLE, _HALF = 11.5, 3.5
_FALL = Surface(
    1,
    (_MIDDLE - _HALF, -9.0),
    (_MIDDLE + _HALF, 0.0),
    (float(np.log(1e-8) + _MIDDLE - np.log(1e5)), 0.0, _HALF),
)
CONDITION = ReadCondition(
    corner="tt", temperature_c=27.0, vdd_v=0.6, sample_time_s=1e-8, window_s=1e-7,
    precharge_ok=True, offset_ln_r=0.05, sigma_ln_r=0.4, sigma_slope=0.0, sigma_ln_fall=0.1,
    reference_ohm=1e4, fall=_FALL, sense=_FLAT, energy=_FLAT,
)  # fmt: skip
STATES = lognormal_states(5e3, 2e5, 0.15, 0.35)


@pytest.mark.parametrize("kind", ["binary", "ternary"])
@pytest.mark.parametrize("amplifiers", ["pair", "column"])
def test_error_rates_agree_with_the_counts_of_the_same_models(kind, amplifiers):
    values = [1, -1] if kind == "binary" else [1, 0, -1]
    weights = np.random.default_rng(0).choice(np.array(values, np.int8), (512, 512))
    sample_time = 1e-7 if kind == "binary" else None
    counts = ternary_counts(STATES, CONDITION, trials=100_000, seed=1, sample_time_s=sample_time)
    table = Confusion((counts if kind == "ternary" else _with_zero(binary_counts(counts)))
                      / 100_000).weights()  # fmt: skip
    reads = PairReads(STATES, CONDITION, sample_time, amplifiers, ArrayLayout(8, 32))
    seen = reads.draw(weights, kind, np.random.default_rng(7)).apply(weights)
    for stored in values:
        mine = seen[weights == stored]
        for k, value in enumerate((1, 0, -1)):
            p = table[1 - stored, k]
            # pairs on one amplifier are not independent: 8 of a column of an array count as one
            per = 1 if amplifiers == "pair" else 8
            error = np.sqrt(p * (1 - p) * (per / mine.size + 1 / 100_000))
            assert abs((mine == value).mean() - p) <= 4 * error


def _with_zero(counts):
    counts = counts.copy()
    counts[1, 1] = 100_000  # a binary network stores none
    return counts


def test_accuracy_agrees_with_that_of_the_table(make_network, make_images):
    rng = np.random.default_rng(3)
    network = make_network(rng, (60, 50, 4), "ternary")
    images = make_images(rng, 200, network)
    labels = predict(network, images)
    counts = ternary_counts(STATES, CONDITION, trials=100_000, seed=1)
    table = Confusion(counts / 100_000)
    drawn = HardwareErrors(PairReads(STATES, CONDITION, amplifiers="pair"))
    by_table = chip_accuracies(network, images, labels, HardwareErrors(table), range(60), 1)
    by_device = chip_accuracies(network, images, labels, drawn, range(60), 2)
    error = np.hypot(by_table.std(ddof=1), by_device.std(ddof=1)) / np.sqrt(60)
    assert by_table.mean() < 0.98  # there is something to compare
    assert abs(by_table.mean() - by_device.mean()) < 4 * error


def test_an_amplifier_makes_the_errors_of_its_column_together():
    states = lognormal_states(5e3, 1e4, 0.02, 0.02)
    late = dataclasses.replace(CONDITION, sigma_ln_fall=0.0)
    weights = np.ones((400, 32), np.int8)
    rng = np.random.default_rng(0)
    column = PairReads(states, late, 1e-7, "column", ArrayLayout(32, 32))
    found = column.draw(weights, "binary", rng).apply(weights)
    per_column = (found == -1).mean(axis=1)
    assert 0.01 < per_column.mean() < 0.2
    assert np.isin(per_column.round(), (0, 1)).all()
    assert ((per_column < 0.1) | (per_column > 0.9)).mean() > 0.9
    nominal = PairReads(states, late, 1e-7, "nominal").draw(weights, "binary", rng)
    assert not len(nominal.position)


def test_an_incomplete_precharge_reads_nothing():
    stale = dataclasses.replace(CONDITION, precharge_ok=False)
    weights = np.array([[1, 0, -1]], np.int8)
    for kind, expected in (("ternary", [0, 0, 0]), ("binary", [-1, -1, -1])):
        given = weights if kind == "ternary" else np.ones((1, 3), np.int8)
        change = PairReads(STATES, stale).draw(given, kind, np.random.default_rng(0))
        assert change.apply(given)[0].tolist() == expected


def test_choosing_a_condition():
    cold = dataclasses.replace(CONDITION, temperature_c=0.0)
    assert choose_condition([CONDITION], {}) is CONDITION
    assert choose_condition([CONDITION, cold], {"temperature_c": 0.0, "vdd_v": 0.6}) is cold
    with pytest.raises(InputError, match=r"2 of its 2 conditions fit.*temperature_c=0,vdd_v=0.6"):
        choose_condition([CONDITION, cold], {"corner": "tt"})
    with pytest.raises(InputError, match="0 of its 1"):
        choose_condition([CONDITION], {"corner": "ss"})
    with pytest.raises(InputError, match="condition 'cell'"):
        choose_condition([CONDITION], {"cell": "2t2r"})
    with pytest.raises(InputError, match="amplifiers: 'row'"):
        PairReads(STATES, CONDITION, amplifiers="row")
