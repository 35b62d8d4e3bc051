"""Pulses that flip a synapse, relaxation of learned devices, and changed tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.errors import InputError
from rramchar.fitting.model import save_model
from rramchar.fitting.published import published_model
from rramchar.nn.datasets import load_dataset
from rramchar.nn.learn.devices_build import build_devices, device_model
from rramchar.nn.learn.retention import put_siemens, relax, relaxation_model, siemens
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.study import Context, Request, Study, StudyResult
from rramchar.nn.learn.study_flips import find, flip_pulses
from rramchar.nn.learn.study_retention import plan, work
from rramchar.nn.learn.study_retraining import changed


def devices(model: str, count: int, **fields):
    chosen = LearnSettings(model=model, **fields).resolved()
    return build_devices(chosen, device_model(chosen), count, np.random.default_rng(0))


def test_without_noise_equal_devices_flip_one_pulse_later_or_at_once():
    chosen = LearnSettings(eta=0.0, beta=3.0, seed=1).resolved()
    pulses, minus = flip_pulses(chosen, [1, 3, 10], 50)
    assert not minus.any()
    for k, before in enumerate((1, 3, 10)):
        # at equality the amplifier's infinitesimal offset decides, so some need one more
        assert set(pulses[k]) == {before, before + 1}


def test_pulses_that_flip_nothing_are_said_and_give_no_verdict():
    rows = pd.DataFrame({"model": "x", "before": [1, 90], "median": [2.0, np.nan], "seed": 1})
    (found,) = find(StudyResult(Study("flip-pulses", (), (), ""), {"flips": rows}, {}))
    assert "after 90 pulses some seed has no flip at all" in found.found
    assert found.agrees is None


def test_linear_pulses_flip_as_many_as_came_before():
    chosen = LearnSettings(model="ideal", seed=2).resolved()
    pulses, _ = flip_pulses(chosen, [2, 7], 20)
    assert set(pulses[0]) <= {2, 3}
    assert set(pulses[1]) <= {7, 8}


def test_a_fitted_file_gives_what_its_model_gives(tmp_path):
    path = tmp_path / "chip.json"
    save_model(published_model("arxiv2107"), path)
    found = [
        flip_pulses(LearnSettings(model=model, seed=3).resolved(), [1, 20], 100)
        for model in ("arxiv2107", str(path))
    ]
    assert (found[0][0] == found[1][0]).all()
    assert found[0][1].any()  # devices differ, so some synapses are -1 from the start


@pytest.mark.parametrize("model", ["iedm2019", "arxiv2107"])
def test_conductance_put_back_is_what_was_there(model):
    array = devices(model, 30)
    array.weak_reset(np.arange(10))
    before = array.log_conductance().copy()
    put_siemens(array, siemens(array))
    assert array.log_conductance() == pytest.approx(before, abs=1e-5)


def test_ideal_devices_cannot_relax():
    with pytest.raises(InputError, match="no conductance in siemens"):
        put_siemens(devices("ideal", 3), np.ones(3))


def test_relaxation_has_mean_and_spread_of_the_law():
    law = relaxation_model()
    start = np.full(40_000, 100e-6)
    times = (0.1, 10.0, 1e4)
    for time, g in zip(times, relax(start, law, times, np.random.default_rng(0)), strict=True):
        decades = np.log10(time)
        mean = law.value("shift_1s_siemens") + law.value("shift_per_decade_siemens") * decades
        sigma = law.value("sigma_1s_siemens") + law.value("sigma_per_decade_siemens") * decades
        assert (g - start).mean() == pytest.approx(mean, abs=5 * sigma / 200)
        assert (g - start).std() == pytest.approx(sigma, rel=0.02)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=5))
def test_times_have_to_rise(times):
    rising = sorted(set(times))
    start = np.full(4, 50e-6)
    rng = np.random.default_rng(0)
    assert len(list(relax(start, relaxation_model(), rising, rng))) == len(rising)
    if times != rising:
        with pytest.raises(InputError, match="rising"):
            list(relax(start, relaxation_model(), times, rng))


def test_another_kind_of_model_is_no_law_of_relaxation(tmp_path):
    path = tmp_path / "chip.json"
    save_model(published_model("iedm2019"), path)
    with pytest.raises(InputError, match=r"chip\.json.*retention"):
        relaxation_model(str(path))


def test_strengthened_bits_are_read_before_they_relax(tmp_path):
    law = relaxation_model()
    still = {name: replace(p, value=0.0, low=0.0, high=0.0) for name, p in law.parameters.items()}
    save_model(replace(law, parameters=still), tmp_path / "still.json")
    request = Request(
        seeds=1, length="trial", epochs=1,
        options={
            "model": "arxiv2107", "hidden": "16", "weights": "bnn_strengthened", "strengthen": "3",
            "times": "1,10", "retention": str(tmp_path / "still.json"),
        },
    )  # fmt: skip
    (task,) = plan(request).tasks
    rows = work(task, Context(tmp_path))
    # 1/f noise of the further pulses turns some bits; devices that stay as they are, turn none.
    assert len({row["test_accuracy"] for row in rows}) == 1
    assert [row["changed"] for row in rows] == [0.0, 0.0, 0.0]


def test_changed_tasks_hold_the_same_images():
    data = load_dataset("digits")
    assert changed(data, "pixels", 0, 1) is data
    moved = changed(data, "pixels", 2, 1)
    assert (np.sort(moved.test_images, axis=1) == np.sort(data.test_images, axis=1)).all()
    assert (moved.test_images != data.test_images).any()
    assert (changed(data, "pixels", 2, 1).train_images == moved.train_images).all()
    named = changed(data, "labels", 1, 1)
    assert (named.train_images == data.train_images).all()
    pairs = set(zip(data.train_labels.tolist(), named.train_labels.tolist(), strict=True))
    assert len(pairs) == data.classes
