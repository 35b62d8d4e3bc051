"""Metaplastic hidden weights: the published rule, 8-bit cells, and what is remembered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn.datasets import load_dataset
from rramchar.nn.learn.metaplastic import MetaplasticDense, MetaplasticSettings, learn_sequence
from rramchar.nn.learn.metaplastic_memory import (
    HIGHEST,
    LOWEST,
    FeramWeights,
    FloatWeights,
    damping,
)
from rramchar.nn.learn.study_retraining import changed
from rramchar.nn.model import LatentDense
from rramchar.nn.settings import TrainingSettings

changes = arrays(np.float32, (6, 9), elements=st.floats(-3, 3, width=32))


def feram(start, m=1.35, full_scale=1.0, rounding="stochastic", seed=0):
    return FeramWeights(start.copy(), m, full_scale, rounding, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def tasks(digits):
    return [changed(digits, "pixels", k, 5) for k in range(3)]


def train(**fields):
    return TrainingSettings(**{"hidden": (256,), "epochs": 20, "seed": 1} | fields)


class TestRule:
    def test_damping_is_the_published_function(self):
        magnitude = np.linspace(0, 3, 7)
        np.testing.assert_allclose(damping(magnitude, 1.35), 1 - np.tanh(1.35 * magnitude) ** 2)

    @given(changes, changes)
    def test_only_updates_that_shrink_are_damped(self, start, change):
        m = 1.35
        weights = FloatWeights(start.copy(), m)
        weights.add(change.reshape(-1).copy())
        shrinks = np.signbit(start) != np.signbit(change)
        factor = np.where(shrinks, 1 - np.tanh(m * np.abs(start.astype(float))) ** 2, 1.0)
        np.testing.assert_allclose(weights.values(), start + factor * change, atol=2e-6)

    def test_without_metaplasticity_the_layer_is_the_plain_one_bit_for_bit(self):
        settings = MetaplasticSettings(train(), m=0.0, memory="float")
        rng = np.random.default_rng
        plain = LatentDense(20, 7, "binary", 0.1, rng(3))
        ours = MetaplasticDense(20, 7, settings, rng(3), rng(4))
        batches = rng(5).standard_normal((30, 16, 20)).astype(np.float32)
        errors = rng(6).standard_normal((30, 16, 7)).astype(np.float32)
        for values, error in zip(batches, errors, strict=True):
            outputs = [layer.forward(values) for layer in (plain, ours)]
            np.testing.assert_array_equal(*outputs)
            below = [layer.backward(error.copy(), 5e-3, wanted=True) for layer in (plain, ours)]
            np.testing.assert_array_equal(*below)
        np.testing.assert_array_equal(plain.latent, ours.hidden.values())
        np.testing.assert_array_equal(plain.weights, ours.weights)
        assert ours.hidden.flips.any()  # or nothing was compared

    def test_a_small_m_makes_a_difference(self):
        start = np.full((1, 1), 0.5, dtype=np.float32)
        values = []
        for m in (0.0, 0.1):
            weights = FloatWeights(start.copy(), m)
            weights.add(np.full(1, -0.25, dtype=np.float32))
            values.append(float(weights.values()[0, 0]))
        assert values[0] == 0.25
        assert values[1] > 0.25


class TestFeram:
    @given(changes, st.lists(changes, min_size=1, max_size=6), st.sampled_from([0.0, 1.35]))
    def test_integers_saturate_and_never_wrap(self, start, several, m):
        weights = feram(start, m)
        for change in several:
            before = weights.q.astype(int)
            weights.add(change.reshape(-1).copy())
            moved = weights.q.astype(int) - before
            assert weights.q.min() >= LOWEST
            assert weights.q.max() <= HIGHEST
            # Rounding moves at most one step the other way, which only a wrap would exceed.
            assert (moved * np.sign(change) >= -1).all()
        assert (np.abs(weights.values()) <= 1.0).all()

    @given(changes, st.lists(changes, min_size=1, max_size=6))
    def test_counters_count_changes_and_nothing_else(self, start, several):
        weights = feram(start)
        writes, flips = np.zeros((6, 9), int), np.zeros((6, 9), int)
        signs = np.empty((6, 9), dtype=np.float32)
        for change in several:
            before = weights.q.copy()
            weights.binary(signs)
            old = signs.copy()
            weights.add(change.reshape(-1).copy())
            weights.binary(signs)
            writes += weights.q != before
            flips += signs != old
        np.testing.assert_array_equal(weights.writes, writes)
        np.testing.assert_array_equal(weights.flips, flips)
        assert (weights.flips <= weights.writes).all()

    @given(changes)
    def test_no_change_writes_nothing(self, start):
        weights = feram(start)
        weights.add(np.zeros(start.size, dtype=np.float32))
        assert not weights.writes.any()

    @given(changes)
    def test_both_signs_have_equal_magnitudes(self, start):
        weights = feram(start)
        signs = np.empty(start.shape, dtype=np.float32)
        weights.binary(signs)
        np.testing.assert_array_equal(np.sign(weights.values()), signs)
        assert set(np.unique(signs)) <= {-1.0, 1.0}
        top = [float(feram(np.full((1, 1), s, np.float32)).values()[0, 0]) for s in (-9, 9)]
        assert top[0] == -top[1]

    def test_stochastic_rounding_is_right_in_the_mean(self):
        count, share = 40_000, 0.3
        weights = feram(np.full((200, 200), 0.1, np.float32), m=0.0)
        before = weights.values().astype(float)
        weights.add(np.full(count, share * weights.step, dtype=np.float32))
        moved = (weights.values() - before).mean() / weights.step
        # Binomial: five standard deviations.
        assert abs(moved - share) < 5 * np.sqrt(share * (1 - share) / count)

    def test_nearest_rounding_loses_small_updates(self):
        weights = feram(np.full((20, 20), 0.1, np.float32), m=0.0, rounding="nearest")
        for _ in range(100):
            weights.add(np.full(400, 0.49 * weights.step, dtype=np.float32))
        assert not weights.writes.any()
        weights.add(np.full(400, 0.51 * weights.step, dtype=np.float32))
        assert (weights.writes == 1).all()

    def test_the_table_damps_as_the_function(self):
        m, start = 1.35, np.linspace(-0.99, 0.99, 40, dtype=np.float32).reshape(4, 10)
        moved = []
        for seed in range(200):
            weights = feram(start, m, seed=seed)
            before = weights.values().astype(float)
            weights.add((-np.sign(start) * 0.02).astype(np.float32).reshape(-1))
            moved.append(weights.values() - before)
        mean = np.mean(moved, axis=0)
        expected = -np.sign(start) * 0.02 * (1 - np.tanh(m * np.abs(before)) ** 2)
        # One step's rounding has at most half a step of deviation; five of them over 200 draws.
        assert np.abs(mean - expected).max() < 5 * 0.5 * float(weights.step) / np.sqrt(200)


class TestSequence:
    def test_same_seed_same_result(self, tasks):
        settings = MetaplasticSettings(train(epochs=2, hidden=(32,)))
        first, second = (learn_sequence(tasks[:2], settings) for _ in range(2))
        assert first.rows == second.rows
        assert first.wear == second.wear

    def test_rows_name_every_task_so_far(self, tasks):
        settings = MetaplasticSettings(train(epochs=1, hidden=(16,)))
        rows = learn_sequence(tasks, settings).rows
        seen = [(row["learned"], row["task"]) for row in rows]
        assert seen == [(k, t) for k in range(3) for t in range(k + 1)]

    def test_m_above_zero_forgets_less(self, digits):
        """Paired over seeds: a one-sided t-test at 1 %, which equal memories would fail."""
        from scipy.stats import ttest_rel

        seeds = range(4)
        means = {m: [] for m in (0.0, 25.0)}
        for m, found in means.items():
            for seed in seeds:
                sequence = [changed(digits, "pixels", k, seed) for k in range(2)]
                training = train(seed=seed, epochs=15, hidden=(128,))
                settings = MetaplasticSettings(training, m=m)
                rows = learn_sequence(sequence, settings).rows
                (end,) = [row for row in rows[-2:] if row["task"] == 0]
                found.append(end["test_accuracy"])
        test = ttest_rel(means[25.0], means[0.0], alternative="greater")
        assert test.pvalue < 0.01

    def test_tasks_norms_are_their_own_unless_shared(self, tasks):
        settings = {
            norm: MetaplasticSettings(train(epochs=3, hidden=(64,)), batch_norm=norm)
            for norm in ("task", "shared")
        }
        found = {norm: learn_sequence(tasks[:2], s) for norm, s in settings.items()}
        for one, other in zip(found["task"].rows, found["shared"].rows, strict=True):
            same = one["test_accuracy"] == other["test_accuracy"]
            assert same == (one["task"] == one["learned"])

    def test_misread_weights_are_written_right_again(self, tasks):
        settings = MetaplasticSettings(
            train(epochs=2, hidden=(32,)), read=Confusion.binary_symmetric(0.1)
        )
        result = learn_sequence(tasks[:1], settings)
        for layer in result.layers:
            signs = np.empty_like(layer.weights)
            layer.hidden.binary(signs)
            np.testing.assert_array_equal(layer.weights, signs)
        clean = learn_sequence(tasks[:1], MetaplasticSettings(train(epochs=2, hidden=(32,))))
        assert result.rows[-1]["test_accuracy"] < clean.rows[-1]["test_accuracy"]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"m": -1.0}, "m: -1.0"),
            ({"m": float("nan")}, "m: nan"),
            ({"full_scale": 0.0}, "full_scale"),
            ({"memory": "dram"}, "memory: 'dram'"),
            ({"rounding": "up"}, "rounding: 'up'"),
            ({"batch_norm": "none"}, "batch_norm: 'none'"),
        ],
    )
    def test_settings_that_cannot_be_are_refused(self, fields, message):
        with pytest.raises(InputError, match=message):
            MetaplasticSettings(train(), **fields)

    def test_tasks_that_do_not_fit_are_refused(self, tasks, digits):
        settings = MetaplasticSettings(train(epochs=1))
        with pytest.raises(InputError, match="tasks: none given"):
            learn_sequence([], settings)
        from dataclasses import replace

        small = replace(
            digits,
            name="half",
            train_images=digits.train_images[:, :32],
            test_images=digits.test_images[:, :32],
        )
        with pytest.raises(InputError, match="half has 32 pixels"):
            learn_sequence([digits, small], settings)
        with pytest.raises(InputError, match="batch: 100, expected at most 50"):
            learn_sequence([digits.first(50)], settings)
