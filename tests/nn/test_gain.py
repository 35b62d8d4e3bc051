from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from rramchar.nn.gain import COLUMNS, ternary_gain


def _rows(kind, accuracies, ber=0.0):
    return [
        {"weights": kind, "hidden": "16", "pairs": 1184, "train_ber": 0.0, "ber": ber,
         "train_seed": k, "accuracy_mean": value}
        for k, value in enumerate(accuracies)
    ]  # fmt: skip


def test_interval_is_that_of_welch():
    rng = np.random.default_rng(3)
    binary, ternary = rng.normal(0.90, 0.02, 4), rng.normal(0.93, 0.005, 6)
    found = ternary_gain(pd.DataFrame(_rows("binary", binary) + _rows("ternary", ternary)))
    expected = ttest_ind(ternary, binary, equal_var=False).confidence_interval(0.95)
    assert len(found) == 1
    assert found["gain"][0] == pytest.approx(ternary.mean() - binary.mean())
    assert (found["gain_low"][0], found["gain_high"][0]) == pytest.approx(
        (expected.low, expected.high)
    )
    assert (found["binary_networks"][0], found["ternary_networks"][0]) == (4, 6)


def test_conditions_are_compared_one_by_one():
    rows = _rows("binary", [0.9, 0.9]) + _rows("ternary", [0.8, 0.8])
    rows += _rows("binary", [0.7, 0.7], ber=0.1) + _rows("ternary", [0.75, 0.75], ber=0.1)
    found = ternary_gain(pd.DataFrame(rows))
    assert found["ber"].tolist() == [0.0, 0.1]
    assert found["gain"].tolist() == pytest.approx([-0.1, 0.05])
    assert found["gain_low"].tolist() == found["gain"].tolist()  # no spread, no width


def test_each_network_counts_once_at_each_condition_of_a_table():
    """At one supply the kinds have error rates of their own, and several supplies one rate."""
    rng = np.random.default_rng(5)
    rows, accuracies = [], {}
    for kind, rates in (("binary", (0.02, 0.0, 0.0)), ("ternary", (0.04, 0.01, 0.0))):
        for vdd_v, ber in zip((0.8, 1.0, 1.2), rates, strict=True):
            values = accuracies[kind, vdd_v] = rng.normal(0.9, 0.01, 3)
            rows += [{**row, "vdd_v": vdd_v, "corner": "tt"} for row in _rows(kind, values, ber)]
    found = ternary_gain(pd.DataFrame(rows))
    assert list(found.columns[:5]) == ["hidden", "pairs", "train_ber", "vdd_v", "corner"]
    assert "ber" not in found
    assert found["vdd_v"].tolist() == [0.8, 1.0, 1.2]
    assert found["binary_networks"].tolist() == found["ternary_networks"].tolist() == [3] * 3
    for row in found.to_dict("records"):
        first, second = accuracies["ternary", row["vdd_v"]], accuracies["binary", row["vdd_v"]]
        ends = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
        assert (row["gain_low"], row["gain_high"]) == pytest.approx((ends.low, ends.high))


@pytest.mark.parametrize(
    "rows",
    [
        _rows("binary", [0.9, 0.8]),
        _rows("binary", [0.9, 0.8]) + _rows("ternary", [0.9]),
        [{"weights": "binary", "vdd_v": 0.6, "accuracy_mean": 0.9}],
    ],
)
def test_nothing_to_compare(rows):
    found = ternary_gain(pd.DataFrame(rows))
    assert found.empty
    assert tuple(found.columns[:4]) == COLUMNS
