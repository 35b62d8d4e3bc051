"""Amplifiers that read synapses."""

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.fitting.read_decision import ReadCondition
from rramchar.fitting.surface import Surface
from rramchar.nn.learn.read_check import ModelReader, OffsetReader, build_reader
from rramchar.nn.learn.settings import LearnSettings

FLAT = Surface(0, (8.0, -9.0), (15.0, 0.0), (float(np.log(1e-9)),))
FIELDS: dict[str, object] = {
    "corner": "tt", "temperature_c": 27.0, "vdd_v": 1.2, "sample_time_s": 1e-8, "window_s": 1e-7,
    "precharge_ok": True, "offset_ln_r": 0.05, "sigma_ln_r": 0.4, "sigma_slope": 0.0,
    "sigma_ln_fall": 0.1, "reference_ohm": 1e4, "fall": FLAT, "sense": FLAT, "energy": FLAT,
}  # fmt: skip
CONDITION = ReadCondition(**FIELDS)
COUNT = 20_000


def pair(difference):
    """Return ln G of both devices; R_BL is higher by `difference` in ln R."""
    blb = np.full(COUNT, -9.0, np.float32)
    return blb - np.float32(difference), blb


def test_a_higher_resistance_on_bl_is_plus():
    reader = OffsetReader(COUNT, 0.0, 0.0, np.random.default_rng(0))
    assert (reader.read(*pair(0.01), slice(None)) == 1).all()
    assert (reader.read(*pair(-0.01), slice(None)) == -1).all()


def test_equal_devices_read_as_each_amplifier_prefers():
    reader = OffsetReader(COUNT, 0.0, 0.0, np.random.default_rng(0))
    first = reader.read(*pair(0.0), slice(None))
    assert abs(first.mean()) < 5 / np.sqrt(COUNT)
    np.testing.assert_array_equal(first, reader.read(*pair(0.0), slice(None)))


def test_offset_and_noise_flip_the_expected_share():
    from scipy.special import ndtr

    reader = OffsetReader(COUNT, 0.3, 0.4, np.random.default_rng(0))
    bl, blb = pair(0.2)
    still, noisy = reader.read(bl, blb, slice(None)), reader.read(bl, blb, slice(None), noise=True)
    for seen, sigma in ((still, 0.3), (noisy, 0.5)):
        p = ndtr(0.2 / sigma)
        assert abs((seen > 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / COUNT)
    np.testing.assert_array_equal(still, reader.read(bl, blb, slice(None)))
    assert (noisy != reader.read(bl, blb, slice(None), noise=True)).any()
    at = np.array([5, 17, 800])
    np.testing.assert_array_equal(reader.read(bl[at], blb[at], at), still[at])


def test_amplifiers_of_a_read_model_keep_their_mismatch():
    from scipy.special import ndtr

    reader = ModelReader(COUNT, CONDITION, np.random.default_rng(0))
    bl, blb = pair(0.3)
    seen = reader.read(bl, blb, slice(None))
    p = ndtr((0.3 - 0.05) / 0.4)
    assert abs((seen > 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / COUNT)
    at = np.arange(0, COUNT, 7)
    np.testing.assert_array_equal(reader.read(bl[at], blb[at], at), seen[at])


def test_an_amplifier_without_known_mismatch_is_nominal():
    reader = ModelReader(
        COUNT, ReadCondition(**{**FIELDS, "sigma_ln_r": None}), np.random.default_rng(0)
    )
    assert (reader.read(*pair(0.06), slice(None)) == 1).all()
    assert (reader.read(*pair(0.04), slice(None)) == -1).all()


def test_another_model_is_refused(tmp_path):
    from rramchar.fitting.model import save_model
    from rramchar.fitting.published import published_model

    save_model(published_model("iedm2019"), tmp_path / "m.json")
    settings = LearnSettings(read_model=str(tmp_path / "m.json"))
    with pytest.raises(InputError, match="expected 'read_model'"):
        build_reader(settings, 5, np.random.default_rng(0))
