from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn import evaluate as module
from rramchar.nn.error_model import confusions_at
from rramchar.nn.evaluate import Evaluation, draw_generator, evaluate, evaluate_many
from rramchar.nn.forward import accuracy, predict
from rramchar.nn.inject import inject_network

MODEL = Confusion.binary_symmetric(0.1)


@pytest.fixture(scope="module")
def case(make_network, make_images):
    """A random network with images labelled by the network itself, a few of them wrongly."""
    rng = np.random.default_rng(4)
    network = make_network(rng, (40, 60, 5))
    images = make_images(rng, 300, network)
    labels = predict(network, images)
    labels[:30] = (labels[:30] + 1) % 5
    return network, images, labels


def test_each_draw_is_one_chip_run_in_full(case):
    network, images, labels = case
    result = evaluate(network, images, labels, MODEL, draws=6, seed=9)
    for k in range(6):
        chip = inject_network(network, MODEL, draw_generator(9, k))
        assert result.accuracy[k] == accuracy(chip, images, labels)
    assert result.clean == accuracy(network, images, labels) == 0.9
    assert (result.draws, result.images) == (6, 300)
    assert result.accuracy.std() > 0


def test_more_draws_leave_the_first_ones_as_they_are(case):
    few = evaluate(*case, MODEL, draws=3, seed=1).accuracy
    many = evaluate(*case, MODEL, draws=8, seed=1).accuracy
    np.testing.assert_array_equal(many[:3], few)
    assert (evaluate(*case, MODEL, draws=8, seed=2).accuracy != many).any()


def test_blocks_of_images_change_nothing(case, monkeypatch):
    whole = evaluate(*case, MODEL, draws=4)
    monkeypatch.setattr(module, "MEMORY_BYTES", 70 * module.bytes_per_image(case[0]))
    calls = []
    parts = evaluate(
        *case, MODEL, draws=4, progress=lambda done, total: calls.append((done, total))
    )
    np.testing.assert_array_equal(parts.accuracy, whole.accuracy)
    assert parts.clean == whole.clean
    assert calls == [(i, 25) for i in range(1, 26)]  # 5 blocks of a clean pass and 4 draws


def test_several_models_at_once_equal_each_alone(case):
    models = [confusions_at(case[0], 0.01), None, MODEL]
    together = evaluate_many(*case, models, draws=4, seed=3)
    for model, result in zip(models, together, strict=True):
        alone = evaluate(*case, model, draws=4, seed=3)
        np.testing.assert_array_equal(result.accuracy, alone.accuracy)


def test_without_errors(case):
    result = evaluate(*case, None)
    assert result.accuracy.tolist() == [result.clean] == [0.9]


def test_statistics():
    values = np.array([0.95, 0.97, 0.96, 0.99])
    result = Evaluation(values, 0.98, 1000, 0.1)
    assert result.mean == pytest.approx(0.9675)
    assert result.std == pytest.approx(np.std(values, ddof=1))
    spread = np.sqrt(np.var(values, ddof=1) + 1e-6 / 12)  # of the chips and of whole images
    low, high = student.interval(0.95, 3, loc=0.9675, scale=spread / 2)
    assert result.interval == pytest.approx((low, min(high, 1.0)))
    assert result.as_dict()["accuracy_low"] == result.interval[0]


def test_the_interval_stays_within_0_and_1():
    assert Evaluation(np.array([0.5, 1.0]), 1.0, 10, 0.1).interval == (0.0, 1.0)


def test_equal_chips_are_an_interval_and_errors_of_probability_0_are_not(case):
    low, high = Evaluation(np.full(2, 0.9), 0.9, 300, 0.1).interval
    assert low < 0.9 - 1 / 300
    assert high > 0.9 + 1 / 300
    assert evaluate(*case, confusions_at(case[0], 0.0), draws=3).interval == (0.9, 0.9)
    assert evaluate(*case, confusions_at(case[0], 1e-9), draws=3).interval[0] < 0.9


def test_a_seed_is_refused_before_any_work(case):
    with pytest.raises(InputError, match="seed: -1"):
        evaluate(*case, None, seed=-1)


def test_one_draw_has_no_spread():
    result = Evaluation(np.array([0.5]), 1.0, 10, 0.1)
    assert math.isnan(result.std)
    assert all(math.isnan(end) for end in result.interval)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"draws": 0}, "draws: 0"),
        ({"draws": 2.5}, "draws: 2.5"),
        ({"draws": 10**9}, "draws: 1000000000, expected at most"),
        ({"seed": -1}, "seed: -1"),
        ({"seed": "a"}, "seed: 'a'"),
        ({"confusion": [MODEL] * 5}, "5 given"),
        ({"labels": np.zeros(3, int)}, "labels"),
        ({"images": np.zeros((300, 41), np.uint8)}, "images"),
    ],
)
def test_bad_arguments(case, changed, words):
    network, images, labels = case
    fields = {"images": images, "labels": labels, "confusion": MODEL, "draws": 2, **changed}
    with pytest.raises(InputError, match=words):
        evaluate(network, **fields)
