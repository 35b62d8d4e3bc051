"""Chips keep their three kinds of errors apart, at the rates that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rramchar.ber.confusion import Confusion
from rramchar.errors import InputError
from rramchar.nn import chip_accuracy as module
from rramchar.nn.array_layout import ArrayLayout
from rramchar.nn.chip_accuracy import chip_accuracies, clean_accuracy
from rramchar.nn.chips import HardwareErrors, draw_chip, overlay, read_chip
from rramchar.nn.evaluate import evaluate
from rramchar.nn.forward import predict
from rramchar.nn.graph import as_graph
from rramchar.nn.inject import Changes
from rramchar.nn.weak_pairs import WeakPairs, draw_weak, weak_reads

FLIPS = Confusion.binary_symmetric(0.05)
STEPS = Confusion.ternary_adjacent(0.05, 1 / 3)


@pytest.fixture(scope="module")
def case(make_network, make_images):
    rng = np.random.default_rng(2)
    network = make_network(rng, (50, 40, 5))
    images = make_images(rng, 240, network)
    return network, images, predict(network, images)


def _seen(network, changes):
    return [c.apply(layer.weights) for c, layer in zip(changes, network.layers, strict=True)]


def _frequency_agrees(hits, trials, rate):
    """Within four standard errors of a binomial rate."""
    return abs(hits / trials - rate) < 4 * np.sqrt(rate * (1 - rate) / trials)


def test_programming_errors_alone_are_the_draws_of_evaluate(case):
    expected = evaluate(*case, FLIPS, draws=6, seed=3)
    found = chip_accuracies(*case, HardwareErrors(FLIPS), range(6), seed=3)
    np.testing.assert_array_equal(found, expected.accuracy)
    assert clean_accuracy(*case) == expected.clean == 1.0
    later = chip_accuracies(*case, HardwareErrors(FLIPS), range(4, 6), seed=3)
    np.testing.assert_array_equal(later, found[4:])


@pytest.mark.parametrize("kind", ["binary", "ternary"])
def test_a_chip_equals_running_its_weights_in_full(make_network, make_images, kind):
    rng = np.random.default_rng(8)
    network = make_network(rng, (30, 20, 4), kind)
    images = make_images(rng, 100, network)
    labels = predict(network, images)
    model = FLIPS if kind == "binary" else STEPS
    errors = HardwareErrors(model, WeakPairs(0.05, 0.5), model, images_per_read=30)
    chip = draw_chip(network, errors, 5, 1)
    right = 0
    for read in range(4):
        part = slice(30 * read, 30 * read + 30)
        held = network.with_weights(_seen(network, read_chip(network, errors, chip, read)))
        right += np.count_nonzero(predict(held, images[part]) == labels[part])
    assert chip_accuracies(network, images, labels, errors, range(1, 2), 5)[0] == right / 100


def test_blocks_and_groups_change_nothing(case, monkeypatch):
    errors = HardwareErrors(FLIPS, WeakPairs(0.02), FLIPS, images_per_read=50)
    whole = chip_accuracies(*case, errors, range(5))
    monkeypatch.setattr(module, "_GROUP_BYTES", 9 * case[0].parameters * 2)
    calls = []
    parts = chip_accuracies(*case, errors, range(5), progress=lambda *a: calls.append(a))
    np.testing.assert_array_equal(parts, whole)
    assert calls == [(k, 25) for k in range(1, 26)]  # 5 reads of 5 chips


@pytest.mark.parametrize("block", [30, 70, 1000])
def test_reads_are_the_same_for_every_size_of_blocks(case, monkeypatch, block):
    """Also where a block is smaller than a read and does not divide it."""
    errors = HardwareErrors(None, None, FLIPS, images_per_read=100)
    monkeypatch.setattr(module, "_largest_block", lambda network: 10**6)
    whole = chip_accuracies(*case, errors, range(6))
    monkeypatch.setattr(module, "_largest_block", lambda network: block)
    np.testing.assert_array_equal(chip_accuracies(*case, errors, range(6)), whole)


def test_fixed_errors_stay_and_read_errors_are_redrawn(make_network):
    network = make_network(np.random.default_rng(1), (200, 100, 4))
    errors = HardwareErrors(FLIPS, WeakPairs(0.1), Confusion.binary_symmetric(0.02))
    chip = draw_chip(network, errors, 0, 0)
    first, second = (_seen(network, read_chip(network, errors, chip, k))[0] for k in (0, 1))
    assert (_seen(network, read_chip(network, errors, chip, 0))[0] == first).all()
    stuck = np.zeros(first.size, dtype=bool)
    stuck[chip.bad[0]] = True
    np.testing.assert_array_equal(first.ravel()[stuck], second.ravel()[stuck])
    np.testing.assert_array_equal(first.ravel()[stuck], chip.stuck[0].value)
    programmed = chip.programmed[0].apply(network.layers[0].weights).ravel()
    for seen in (first, second):
        wrong = (seen.ravel() != programmed)[~stuck]
        assert _frequency_agrees(wrong.sum(), wrong.size, 0.02)
    both = ((first != second).ravel())[~stuck]
    assert _frequency_agrees(both.sum(), both.size, 2 * 0.02 * 0.98)
    stored = network.layers[0].weights.ravel()
    assert _frequency_agrees((programmed != stored).sum(), stored.size, 0.05)


def test_a_read_reads_what_was_programmed(make_network):
    """A ternary +1 programmed as 0 is read with the errors of a 0."""
    network = make_network(np.random.default_rng(1), (50, 40, 3), "ternary")
    to_zero = np.array([[0.0, 1, 0], [0, 1, 0], [0, 1, 0]])
    zero_to_minus = np.array([[1.0, 0, 0], [0, 0, 1], [0, 0, 1]])
    errors = HardwareErrors(to_zero, None, zero_to_minus)
    seen = _seen(network, read_chip(network, errors, draw_chip(network, errors, 0, 0), 0))
    assert all((w == -1).all() for w in seen)


@pytest.mark.parametrize("kind", ["binary", "ternary"])
def test_weak_pairs_err_at_their_rate_and_never_give_their_own_weight(make_network, kind):
    values = [1, -1] if kind == "binary" else [1, 0, -1]
    weights = np.random.default_rng(0).choice(np.array(values, np.int8), 30_000)
    position = np.arange(0, 30_000, 2)
    change = weak_reads(weights, position, 0.3, kind, np.random.default_rng(4))
    assert _frequency_agrees(len(change.position), len(position), 0.3)
    assert (change.value != weights[change.position]).all()
    assert np.isin(change.position, position).all()
    for stored in values:
        mine = change.value[weights[change.position] == stored]
        for other in set(values) - {stored}:
            assert _frequency_agrees((mine == other).sum(), len(mine), 1 / (len(values) - 1)) or (
                len(values) == 2
            )


def test_bad_pairs_gather_in_rows_columns_and_dies_but_keep_their_share():
    shape, share = (96, 128), 0.02
    layout = ArrayLayout(32, 32)

    def counts(**sigma):
        weak = WeakPairs(share, layout=layout, **sigma)
        maps = []
        for seed in range(60):
            bad = np.zeros(shape, dtype=bool)
            bad.ravel()[draw_weak([shape], weak, np.random.default_rng(seed))[0]] = True
            maps.append(bad)
        return np.array(maps)

    even = counts()
    assert _frequency_agrees(even.sum(), even.size, share)
    rows = counts(row_sigma=1.0)
    # one array: neurons 0 to 31 share the row of an input
    in_rows = rows[:, :32].sum(axis=1)
    assert in_rows.var() > 1.5 * in_rows.mean()
    assert 0.8 < even[:, :32].sum(axis=1).var() / even[:, :32].sum(axis=1).mean() < 1.2
    columns = counts(column_sigma=1.0)[:, :, :32].sum(axis=2)
    assert columns.var() > 1.5 * columns.mean()
    dies = counts(die_sigma=0.7).sum(axis=(1, 2))
    assert dies.var() > 20 * dies.mean()
    for maps in (rows, counts(column_sigma=1.0)):
        # lognormal factors of mean 1: 60 chips of 512 rows or 384 columns each
        assert abs(maps.mean() / share - 1) < 4 * np.sqrt((np.e - 1) / (60 * 384) + 1 / maps.sum())


@pytest.mark.parametrize(
    ("share", "sigmas"),
    [
        (0.5, {"row_sigma": 5.0}),
        (0.02, {"row_sigma": 1.5, "column_sigma": 1.5}),
        (0.3, {"row_sigma": 1.0, "column_sigma": 2.0, "die_sigma": 0.5}),
    ],
)
def test_the_mean_share_survives_clipping(share, sigmas):
    weak = WeakPairs(share, layout=ArrayLayout(4, 4), **sigmas)
    z = np.random.default_rng(0).standard_normal((3, 400_000))
    product = np.full(z.shape[1], weak.scale)
    for sigma, part in zip(sigmas.values(), z, strict=False):
        product *= np.exp(sigma * part - sigma**2 / 2)
    clipped = np.minimum(product, 1)
    assert abs(clipped.mean() - share) < 5 * clipped.std() / np.sqrt(clipped.size)
    shapes, found = [(200, 200)], []
    for seed in range(30):
        found.append(len(draw_weak(shapes, weak, np.random.default_rng(seed))[0]) / 40_000)
    assert abs(np.mean(found) - share) < 5 * np.std(found, ddof=1) / np.sqrt(30)


def test_where_nothing_is_clipped_the_share_is_the_scale():
    assert WeakPairs(0.01).scale == 0.01
    assert WeakPairs(1e-6, row_sigma=0.5).scale == 1e-6
    assert WeakPairs(0.0, row_sigma=2.0).scale == 0.0
    assert WeakPairs(1.0, row_sigma=2.0).scale == np.inf
    (everything,) = draw_weak([(5, 6)], WeakPairs(1.0, die_sigma=5.0), np.random.default_rng(0))
    assert len(everything) == 30


def test_reads_per_image_change_the_spread_and_not_the_mean(case):
    network, images, labels = case
    found = {
        n: chip_accuracies(
            network, images, labels, HardwareErrors(reading=FLIPS, images_per_read=n), range(40)
        )
        for n in (24, 240)
    }
    few, all_ = found[24], found[240]
    error = np.hypot(few.std(ddof=1), all_.std(ddof=1)) / np.sqrt(40)
    assert abs(few.mean() - all_.mean()) < 4 * error
    assert few.std() < 0.8 * all_.std()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_overlay_is_applying_one_after_the_other(data):
    weights = np.array(data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=1)), np.int8)

    def changes():
        at = data.draw(st.sets(st.integers(0, len(weights) - 1)))
        values = [data.draw(st.sampled_from([-1, 0, 1])) for _ in at]
        return Changes(np.array(sorted(at), np.int64), np.array(values, np.int8))

    below, above = changes(), changes()
    together = overlay(below, above)
    np.testing.assert_array_equal(together.apply(weights), above.apply(below.apply(weights)))
    assert (np.diff(together.position) > 0).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WeakPairs(1.5), "share: 1.5"),
        (lambda: WeakPairs(0.1, -0.1), "read_error: -0.1"),
        (lambda: WeakPairs(0.1, row_sigma=9), "row_sigma: 9"),
        (lambda: HardwareErrors(images_per_read=0), "images_per_read: 0"),
        (lambda: ArrayLayout(0, 3), "array rows: 0"),
        (lambda: ArrayLayout.parse("32"), "array '32': expected ROWSxCOLUMNS"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_a_graph_gives_what_the_same_chain_gives(case):
    network, images, labels = case
    errors = HardwareErrors(FLIPS, WeakPairs(0.02), FLIPS, images_per_read=100)
    chain = chip_accuracies(network, images, labels, errors, range(3), 4)
    graph = chip_accuracies(as_graph(network), images, labels, errors, range(3), 4)
    np.testing.assert_array_equal(graph, chain)
