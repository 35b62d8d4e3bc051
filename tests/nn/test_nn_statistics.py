from __future__ import annotations

import pytest
from scipy.stats import t as student

from rramchar.errors import InputError
from rramchar.nn.statistics import student_t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 19, 100, 999, 1000, 1001, 100_000])
@pytest.mark.parametrize("probability", [0.025, 0.6, 0.975, 0.9995])
def test_equals_scipy(probability, freedom):
    expected = student.ppf(probability, freedom)
    assert student_t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("arguments", [(0.0, 3), (1.0, 3), (float("nan"), 3), (0.9, 0)])
def test_bad_arguments(arguments):
    with pytest.raises(InputError):
        student_t_quantile(*arguments)
