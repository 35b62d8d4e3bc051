"""Bit errors counted on measured resistances, and the pairs behind them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rramchar.ber import (
    best_threshold,
    complementary_pairs,
    confusion_counts,
    count_1t1r,
    count_2t2r,
    ternary_pairs,
    to_matrices,
)
from rramchar.errors import InputError
from rramchar.measured import cycling_frame, draw_cycling, read_cycling

# few distinct values, so that ties happen
levels = st.integers(1, 12).map(float)
readings = st.lists(levels, min_size=1, max_size=12).map(np.array)
wides = hnp.arrays(float, st.tuples(st.integers(2, 6), st.sampled_from([2, 4, 6])), elements=levels)


def _frame(wide):
    return cycling_frame(np.arange(len(wide)), np.asarray(wide, dtype=float))


def _errors(threshold, lrs, hrs):
    return int((lrs > threshold).sum() + (hrs <= threshold).sum())


@settings(deadline=None)
@given(readings, readings)
def test_no_threshold_is_better_than_the_best(lrs, hrs):
    tried = np.concatenate([np.arange(0, 13), np.arange(0, 13) + 0.5])
    fewest = min(_errors(t, lrs, hrs) for t in tried)
    assert _errors(best_threshold(lrs, hrs), lrs, hrs) == fewest


@pytest.mark.parametrize(
    ("lrs", "hrs", "expected"),
    [
        ([1, 2], [4, 8], 3.0),  # the middle of the gap
        ([1, 3, 5], [2, 4, 6], 1.5),  # equally good above 1, 3 and 5: the lowest
        ([5], [1], 1.0 - 1e-15),  # all HRS is one error, all LRS too: below the lowest
        ([5, 6], [1], 6.0),  # all LRS: the highest reading
    ],
)
def test_ties_and_ends(lrs, hrs, expected):
    found = best_threshold(np.array(lrs, dtype=float), np.array(hrs, dtype=float))
    assert found == pytest.approx(expected, abs=1e-14)


@settings(deadline=None)
@given(wides)
def test_counts_equal_a_slow_loop(wide):
    frame = _frame(wide)
    for threshold in (3.0, 6.5):
        found = count_1t1r(frame, threshold)
        assert found.errors == _errors(threshold, wide[:, 1::2].ravel(), wide[:, 0::2].ravel())
        assert found.trials == wide.size
    errors = trials = 0
    for a in range(0, len(wide) - 1, 2):
        for c in range(0, wide.shape[1], 2):
            for high, low in ((a, a + 1), (a + 1, a)):
                errors += wide[high, c] <= wide[low, c + 1]
                trials += 1
    found = count_2t2r(frame)
    assert (found.errors, found.trials) == (errors, trials)
    assert found.odd_device == (len(wide) - 1 if len(wide) % 2 else None)
    assert found.ber == errors / trials
    assert found.low <= found.ber <= found.high


@settings(deadline=None)
@given(wides, st.integers(-20, 20))
def test_scaling_all_resistances_changes_no_count(wide, power):
    frame, scaled = _frame(wide), _frame(wide * 2.0**power)
    for count in (count_1t1r, count_2t2r):
        a, b = count(frame), count(scaled)
        assert (a.errors, a.trials, a.concentration) == (b.errors, b.trials, b.concentration)
    expected = count_1t1r(frame).threshold_ohm * 2.0**power
    assert count_1t1r(scaled).threshold_ohm == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(wides)
def test_confusions_and_concentrations_add_up(wide):
    frame = _frame(wide)
    for found in (count_1t1r(frame), count_2t2r(frame)):
        assert found.confusion.sum() == found.trials
        assert found.confusion[0, 2] + found.confusion[2, 0] == found.errors
        spread = found.concentration
        assert sum(errors for _, errors in spread.worst) <= found.errors
        assert spread.units_for_half <= spread.units_with_errors <= spread.units
        assert (spread.units_with_errors == 0) == (found.errors == 0)


def test_order_of_rows_does_not_matter_within_a_device():
    frame = draw_cycling(6, 20, 3)
    mixed = frame.sample(frac=1, random_state=1).sort_values("device", kind="stable")
    assert count_2t2r(mixed).errors == count_2t2r(frame).errors
    assert count_1t1r(mixed).threshold_ohm == count_1t1r(frame).threshold_ohm


def test_errors_concentrated_in_one_pair_are_reported():
    wide = np.tile([9e4, 5e3], (8, 10))
    wide[2, 1::2] = 2e5  # device 2 is stuck high
    found = count_2t2r(_frame(wide))
    assert (found.errors, found.trials) == (10, 80)
    assert found.concentration.worst == (("2/3", 10),)
    assert (found.concentration.units_with_errors, found.concentration.units_for_half) == (1, 1)
    # HRS of 3 on BLb against the stuck LRS of 2 on BL: a stored -1 is read as +1
    assert found.confusion[2, 0] == 10
    assert count_1t1r(_frame(wide)).concentration.worst == (("2", 10),)


def test_missing_readings_are_skipped_and_counted():
    frame = draw_cycling(4, 5, 1)
    cut = frame.drop(frame.index[(frame["device"] == 1) & (frame["cycle"] == 2)])
    found = count_2t2r(cut)
    assert (found.trials, found.skipped) == (2 * 2 * 5 - 2, 2)
    assert len(complementary_pairs(cut).stored) == 18


def test_thresholds_are_chosen_by_name_or_value():
    frame = draw_cycling(20, 20, 1)
    lrs, hrs = (frame.loc[frame["state"] == s, "resistance_ohm"].median() for s in ("lrs", "hrs"))
    assert count_1t1r(frame, "median").threshold_ohm == pytest.approx(np.sqrt(lrs * hrs))
    assert count_1t1r(frame, 7e3).threshold_ohm == 7e3
    assert count_1t1r(frame).errors <= count_1t1r(frame, "median").errors
    for wrong in (0, -1, float("nan"), "lowest"):
        with pytest.raises(InputError, match="threshold"):
            count_1t1r(frame, wrong)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (draw_cycling(1, 3, 1), "only 1 device"),
        (draw_cycling(4, 3, 1).query("state == 'lrs'"), "no hrs readings"),
        (pd.DataFrame(), "column device is missing"),
    ],
)
def test_data_without_pairs_are_refused(frame, message):
    with pytest.raises(InputError, match=message):
        count_2t2r(frame)


def test_one_state_has_no_threshold():
    with pytest.raises(InputError, match="found only one state"):
        count_1t1r(draw_cycling(4, 3, 1).query("state == 'lrs'"))


def test_pairs_follow_the_polarity():
    wide = [[90, 5, 80, 6], [70, 3, 60, 4], [1, 1, 1, 1]]  # the third has no partner
    pairs = ternary_pairs(_frame(wide))
    assert pairs.stored.tolist() == [1, 1, 0, 0, -1, -1]
    assert pairs.r_bl_ohm.tolist() == [90, 80, 90, 80, 5, 6]
    assert pairs.r_blb_ohm.tolist() == [3, 4, 70, 60, 70, 60]
    binary = complementary_pairs(_frame(wide))
    assert binary.stored.tolist() == [1, 1, -1, -1]
    assert binary.r_bl_ohm.tolist() == [90, 80, 5, 6]
    # what is stored as +1 has R_BL above R_BLb
    stored, r_bl, r_blb = complementary_pairs(draw_cycling(40, 30, 1))
    assert ((r_bl > r_blb) == (stored == 1)).mean() > 0.95


@settings(deadline=None)
@given(wides)
def test_reading_pairs_by_comparison_gives_the_2t2r_errors(wide):
    stored, r_bl, r_blb = complementary_pairs(_frame(wide))
    wrong = np.where(stored == 1, r_bl <= r_blb, r_blb <= r_bl)
    assert wrong.sum() == count_2t2r(_frame(wide)).errors


def test_matrices_keep_the_order_of_the_file():
    frame = pd.DataFrame(
        {
            "device": ["B", "B", "A"],
            "cycle": [5, 2, 2],
            "state": ["lrs", "hrs", "lrs"],
            "resistance_ohm": [5.0, 9.0, 6.0],
        }
    )
    found = to_matrices(frame)
    assert found.devices == ("B", "A")
    assert found.cycles.tolist() == [2, 5]
    np.testing.assert_array_equal(found.lrs_ohm, [[np.nan, 5], [6, np.nan]])
    np.testing.assert_array_equal(found.hrs_ohm, [[9, np.nan], [np.nan, np.nan]])


names = ("plus", "zero", "minus", "invalid")


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 0, -1]), st.integers(0, 3)), max_size=40))
def test_confusion_counts_equal_a_slow_loop(reads):
    expected = np.zeros((3, 4), dtype=int)
    for weight, code in reads:
        expected[{1: 0, 0: 1, -1: 2}[weight], code] += 1
    stored, codes = [w for w, _ in reads], np.array([c for _, c in reads], dtype=int)
    assert (confusion_counts(stored, codes) == expected).all()
    if reads:
        assert (confusion_counts(stored, [names[c] for c in codes]) == expected).all()
        as_objects = np.array([names[c] for c in codes], dtype=object)
        assert (confusion_counts(np.array(stored, dtype=np.int8), as_objects) == expected).all()


@pytest.mark.parametrize(
    ("stored", "outcomes", "message"),
    [
        ([1, 0], ["plus"], "expected two lists of the same length"),
        ([2], ["plus"], "stored weight 2"),
        ([1], ["failed"], "outcome 'failed'"),
        ([1], np.array([None], dtype=object), "leave out failed simulations"),
        ([1], [4], "outcome '4'"),
        (["plus"], ["plus"], "stored weight 'plus'"),
    ],
)
def test_impossible_reads_are_refused(stored, outcomes, message):
    with pytest.raises(InputError, match=message):
        confusion_counts(stored, outcomes)


@pytest.mark.parametrize(
    ("name", "one", "threshold", "two", "worst"),
    [
        ("cycling-4-24-20.csv", (2734, 153600), 8078, (140, 76800), 39),
        ("cycling-5-5-20.csv", (765, 27200), 9158, (90, 13600), 73),
    ],
)
def test_measured_chips(name, one, threshold, two, worst):
    root = os.environ.get("RRAMCHAR_DATA")
    if not root:
        pytest.skip("RRAMCHAR_DATA is not set: no measured chip data")
    frame = read_cycling(Path(root) / "measured" / "cycling" / name)
    single, pair = count_1t1r(frame), count_2t2r(frame)
    assert (single.errors, single.trials) == one
    assert round(single.threshold_ohm) == threshold
    assert (pair.errors, pair.trials) == two
    assert pair.concentration.worst[0][1] == worst
