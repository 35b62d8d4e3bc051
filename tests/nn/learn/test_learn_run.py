"""Learning in the array, on the digits."""

import numpy as np
import pytest

from rramchar.errors import InputError, StoreError
from rramchar.fitting.model import save_model
from rramchar.fitting.published import published_model
from rramchar.nn.energy_devices import load_device_energies
from rramchar.nn.forward import accuracy as network_accuracy
from rramchar.nn.learn.counters import (
    counter_histogram,
    device_counts,
    device_energy_j,
    summarize_counters,
)
from rramchar.nn.learn.run import accuracy, learn, network
from rramchar.nn.learn.run_folder import run_in_folder
from rramchar.nn.learn.settings import LearnSettings
from rramchar.nn.learn.state import LearnState
from rramchar.nn.learn.state_file import load_state, save_state
from rramchar.nn.network_file import load_network


@pytest.fixture(scope="module")
def few(digits):
    return digits.first(600, 200)


SMALL = LearnSettings(hidden=(24,), epochs=4, batch=50)
SAME = ("epoch", "loss", "train_accuracy", "test_accuracy", "pulses", "sets", "flips")


def with_fields(**fields):
    return LearnSettings(**{"hidden": (24,), "epochs": 4, "batch": 50, **fields})


def histories_equal(one, other):
    return [[row[k] for k in SAME] for row in one] == [[row[k] for k in SAME] for row in other]


def states_equal(one, other):
    for a, b in zip(one.layers, other.layers, strict=True):
        for name, values in a.state_dict().items():
            np.testing.assert_array_equal(values, b.state_dict()[name], err_msg=name)


@pytest.mark.parametrize(
    ("fields", "least"),
    [
        ({}, 0.93),
        ({"rule": "threshold", "tau": 2.0}, 0.92),
        ({"model": "ideal"}, 0.93),
        ({"model": "arxiv2107"}, 0.80),
        ({"synapse": "analog"}, 0.92),
        ({"synapse": "analog", "beta_set": 1.0}, 0.92),
        ({"encoding": "sign"}, 0.85),
    ],
)
def test_arrays_learn_the_digits(digits, fields, least):
    result = learn(digits, LearnSettings(hidden=(256,), epochs=12, **fields))
    assert result.test_accuracy > least
    assert result.history[0]["loss"] > result.history[-1]["loss"]


def test_the_array_decides_as_the_network_that_is_made_of_it(few):
    for encoding in ("uint8", "sign"):
        state = learn(few, with_fields(encoding=encoding)).state
        made = network(state)
        exact = network_accuracy(made, few.test_images, few.test_labels)
        assert accuracy(state, few.test_images, few.test_labels) == pytest.approx(exact, abs=0.006)
        for layer, stored in zip(state.layers, made.layers, strict=True):
            assert (np.abs(stored.weights) == np.abs(layer.synapses.weights)).all()


def test_the_same_seed_gives_the_same_array(few):
    one, same, other = (learn(few, with_fields(seed=s)) for s in (5, 5, 6))
    assert histories_equal(one.history, same.history)
    states_equal(one.state, same.state)
    assert not histories_equal(one.history, other.history)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rule": "threshold", "tau": 2.0, "schedule": "constant"},
        {"model": "arxiv2107", "set_spread": 0.01, "read_noise": 0.01},
        {"model": "ideal", "read_offset": 0.01},
        {"synapse": "analog"},
    ],
)
def test_a_saved_state_goes_on_identically(few, tmp_path, fields):
    settings = with_fields(**fields)
    whole = learn(few, settings)
    half = learn(few, settings, epochs=2)
    save_state(half.state, tmp_path / "half.npz", {"note": 1})
    state, facts = load_state(tmp_path / "half.npz")
    assert facts == {"note": 1}
    rest = learn(few, settings, epochs=2, state=state)
    assert histories_equal(whole.history, state.history)
    assert [row["epoch"] for row in rest.history] == [3, 4]
    states_equal(whole.state, state)


def test_an_interrupted_run_ends_as_an_undisturbed_one(few, tmp_path):
    whole = run_in_folder(few, SMALL, tmp_path / "whole")

    def interrupt(done, total):
        if done == 2 * total // 4 + 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_folder(few, SMALL, tmp_path / "cut", interrupt)
    assert load_state(tmp_path / "cut" / "state.npz")[0].epoch == 2
    cut = run_in_folder(few, SMALL, tmp_path / "cut")
    assert histories_equal(whole.document["history"], cut.document["history"])
    states_equal(whole.result.state, cut.result.state)
    assert cut.document["counters"] == whole.document["counters"]
    stored = [load_network(tmp_path / name / "network.npz") for name in ("whole", "cut")]
    for a, b in zip(*(s.layers for s in stored), strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)


def test_a_finished_run_is_not_learned_again(few, tmp_path):
    first = run_in_folder(few, SMALL, tmp_path)
    called = []
    again = run_in_folder(few, SMALL, tmp_path, lambda done, total: called.append(done))
    assert not called
    assert again.document["history"] == first.document["history"]


def test_a_folder_of_other_settings_or_data_is_refused(few, tmp_path):
    run_in_folder(few, with_fields(epochs=1, schedule="constant"), tmp_path)
    with pytest.raises(StoreError, match="with tau"):
        run_in_folder(few, with_fields(epochs=1, schedule="constant", tau=7.0), tmp_path)
    fewer = few.first(500)
    with pytest.raises(StoreError, match="other data"):
        run_in_folder(fewer, with_fields(epochs=1, schedule="constant"), tmp_path)
    longer = run_in_folder(few, with_fields(epochs=2, schedule="constant"), tmp_path)
    assert len(longer.document["history"]) == 2
    with pytest.raises(StoreError, match="more than the 1 asked for"):
        run_in_folder(few, with_fields(epochs=1, schedule="constant"), tmp_path)


def test_damaged_states_are_refused(few, tmp_path):
    path = tmp_path / "state.npz"
    save_state(LearnState.new(SMALL, few), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged"):
        load_state(path)
    np.savez(path, header=np.array("{}"))
    with pytest.raises(StoreError, match="does not say format"):
        load_state(path)
    with pytest.raises(InputError, match="no such file"):
        load_state(tmp_path / "other.npz")


def test_a_state_notices_a_changed_model(few, tmp_path):
    model = tmp_path / "fit.json"
    save_model(published_model("iedm2019"), model)
    save_state(LearnState.new(with_fields(model=str(model)), few), tmp_path / "state.npz")
    load_state(tmp_path / "state.npz")
    save_model(published_model("arxiv2107"), model)
    with pytest.raises(InputError, match="another device model"):
        load_state(tmp_path / "state.npz")


@pytest.mark.parametrize("name", ["iedm2019", "arxiv2107"])
def test_fitted_models_drive_the_array_with_devices_that_differ(few, tmp_path, name):
    path = tmp_path / "fit.json"
    save_model(published_model(name), path)
    result = learn(few, with_fields(model=str(path), epochs=2))
    devices = result.state.layers[0].synapses.bl
    every = np.arange(len(devices))
    devices.set(every)
    assert devices.log_conductance().std() > 0.01
    alike = LearnState.new(with_fields(model=str(path), imperfections=()), few)
    devices = alike.layers[0].synapses.bl
    devices.set(np.arange(len(devices)))
    assert devices.log_conductance().std() < 1e-5


def test_voltage_and_width_act_through_the_acceleration(few):
    def fall(**fields):
        state = LearnState.new(with_fields(eta=0.0, **fields), few)
        devices = state.layers[0].synapses.bl
        at = np.arange(4)
        devices.set(at)
        devices.weak_reset(at)
        return float(1 - devices.normalized(at).mean())

    reference = fall(pulse=0.05)
    assert reference == pytest.approx(0.05, rel=1e-3)
    scale = published_model("iedm2019").value("v_s")
    assert fall(pulse=0.05, v_reset_v=1.2 + scale / 2) == pytest.approx(
        reference * np.exp(0.5), rel=1e-3
    )
    assert fall(pulse=0.05, pulse_width_s=250e-9) == pytest.approx(2.5 * reference, rel=1e-3)


def test_a_state_learns_other_data_next(few):
    first = learn(few, SMALL)
    other = few.first()
    turned = type(few)(
        "turned", other.train_images[:, ::-1].copy(), other.train_labels,
        other.test_images[:, ::-1].copy(), other.test_labels, other.maximum,
    )  # fmt: skip
    before = accuracy(first.state, turned.test_images, turned.test_labels)
    second = learn(turned, SMALL, state=first.state)
    assert second.test_accuracy > before + 0.2
    assert [row["dataset"] for row in first.state.history] == ["digits"] * 4 + ["turned"] * 4


def test_a_batch_that_is_too_large_leaves_no_folder(few, tmp_path):
    with pytest.raises(InputError, match="batch: 5000"):
        run_in_folder(few, with_fields(batch=5000), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_does_not_fit_is_refused(few, digits):
    with pytest.raises(InputError, match="batch: 5000"):
        learn(few, with_fields(batch=5000))
    with pytest.raises(InputError, match="analog"):
        network(LearnState.new(with_fields(synapse="analog"), few))
    state = LearnState(SMALL, 49, 10, 16)
    with pytest.raises(InputError, match="64 pixels"):
        learn(digits, SMALL, state=state)
    with pytest.raises(InputError, match="epochs: -1"):
        learn(few, SMALL, epochs=-1)


def test_progress_counts_the_steps(few):
    seen = []
    learn(few, with_fields(epochs=2), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 24) for k in range(1, 25)]


def test_counters_of_a_run_add_up(few):
    result = learn(few, SMALL)
    summary = summarize_counters(result.state)
    pulses = sum(row["pulses"] for row in result.history)
    sets = sum(row["sets"] for row in result.history)
    synapses = 64 * 24 + 24 * 10
    assert summary["weak_resets"]["total"] == pulses + synapses  # one in each new pair
    assert summary["sets"]["total"] == sets + 2 * synapses
    rows = counter_histogram(result.state)
    for kind in ("weak_resets", "sets"):
        counts = device_counts(result.state, kind)
        assert sum(r["devices"] for r in rows if r["kind"] == kind) == 2 * synapses
        for row in rows:
            if row["kind"] == kind:
                most = np.inf if row["most"] is None else row["most"]
                of_layer = counts[row["layer"]]
                inside = (of_layer >= row["least"]) & (of_layer <= most)
                assert row["devices"] == np.count_nonzero(inside)
    energy = device_energy_j(result.state, 2e-12, 5e-12)
    total = 2e-12 * summary["weak_resets"]["total"] + 5e-12 * summary["sets"]["total"]
    assert sum(e.sum() for e in energy) == pytest.approx(total)
    shipped = load_device_energies()
    spent = shipped.weak_reset.energy_j * summary["weak_resets"]["total"]
    spent += shipped.set.energy_j * summary["sets"]["total"]
    assert summary["energy_j"]["total"] == pytest.approx(spent)
    assert summary["energy_j"]["mean"] == pytest.approx(spent / (2 * synapses))
    most = max(summary["weak_resets"]["max"], summary["sets"]["max"])
    assert summary["trainings_within_1e5"] == pytest.approx(1e5 / most)
