from __future__ import annotations

import pandas as pd
import pytest

from rramchar.report.sampling import plot_sampling_errors


def test_sizes_that_are_no_power_of_two_stand_beside_the_line() -> None:
    errors = pd.DataFrame(
        [
            (sampling, samples, error / samples, error / samples**0.5)
            for sampling, error in (("random", 3.0), ("lhs", 2.0), ("sobol", 1.0))
            for samples in (128, 32, 100, 64)
        ],
        columns=["sampling", "samples", "mean_error", "sigma_error"],
    )
    mean, sigma = plot_sampling_errors(errors).axes
    labels = [text.get_text() for text in mean.get_legend().get_texts()]
    assert labels == ["random", "Latin hypercube", "Sobol", "no power of two"]
    line, beside = sigma.lines[:2]
    assert list(line.get_xdata()) == [32, 64, 128]
    assert list(beside.get_xdata()) == [100]
    assert beside.get_ydata()[0] == pytest.approx(100 * 3 / 10)
    assert [tick.get_text() for tick in mean.get_xticklabels()] == ["32", "64", "128"]
