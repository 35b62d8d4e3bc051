"""Synthetic cycling data, and the sample that ships with the project."""

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.measured import (
    StateSpread,
    draw_cycling,
    read_cycling,
    state_values,
    write_synthetic_cycling,
)
from rramchar.measured.synthetic import CLIP_OHM
from rramchar.resources import resource

SAMPLE = "cycling_1t1r_synthetic.csv"


def test_shipped_sample_is_made_again_byte_for_byte(tmp_path):
    write_synthetic_cycling(tmp_path / SAMPLE, devices=128, cycles=100, seed=1)
    shipped = resource("measurements", SAMPLE).read_bytes()
    assert (tmp_path / SAMPLE).read_bytes() == shipped
    assert len(shipped) < 250_000
    assert shipped.startswith(b"# SYNTHETIC")


def test_file_holds_the_drawn_readings_to_four_digits(tmp_path):
    write_synthetic_cycling(tmp_path / "s.csv", devices=5, cycles=4, seed=3)
    drawn, read = draw_cycling(5, 4, 3), read_cycling(tmp_path / "s.csv")
    assert read["device"].tolist() == drawn["device"].tolist()
    np.testing.assert_allclose(read["resistance_ohm"], drawn["resistance_ohm"], rtol=6e-4)


def test_statistics_of_many_readings():
    frame = draw_cycling(2000, 20, 5)
    for state, median, total in (("lrs", 4902, 0.0777), ("hrs", 91063, 0.503)):
        logs = np.log10(state_values(frame, state))
        # 2000 devices: the median is uncertain by about sigma * 1.25 / sqrt(2000)
        assert abs(np.median(logs) - np.log10(median)) < 5 * total * 1.25 / 2000**0.5
        assert logs.std() == pytest.approx(total, rel=0.06)


def test_same_seed_same_readings_other_seed_others():
    assert draw_cycling(3, 4, 1).equals(draw_cycling(3, 4, 1))
    assert not draw_cycling(3, 4, 1).equals(draw_cycling(3, 4, 2))


def test_readings_are_clipped():
    wide = StateSpread(median_ohm=91063, sigma_d2d_log10=2.0, sigma_c2c_log10=1.0)
    values = state_values(draw_cycling(50, 20, 1, hrs=wide), "hrs")
    assert (values.min(), values.max()) == CLIP_OHM


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_impossible_sizes_are_refused(numbers):
    with pytest.raises(InputError, match="expected a whole number from"):
        draw_cycling(*numbers)


def test_impossible_spreads_are_refused():
    with pytest.raises(InputError, match="median_ohm: -1"):
        StateSpread(-1, 0.1, 0.1)
    with pytest.raises(InputError, match="sigma_c2c_log10: nan"):
        StateSpread(5e3, 0.1, float("nan"))
