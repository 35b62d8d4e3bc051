"""Files of data sets are read as they are, and damaged ones refused by name."""

from __future__ import annotations

import os
import pickle
import sys

import numpy as np
import pytest

from rramchar.errors import InputError, MissingToolError
from rramchar.nn.cifar import read_batch
from rramchar.nn.datasets import load_dataset

RNG = np.random.default_rng(0)


def _records(count, label=None):
    records = RNG.integers(0, 256, (count, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(count) % 10 if label is None else label
    return records


@pytest.fixture
def cifar(tmp_path):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    parts = {"data_batch_1": 6, "data_batch_3": 4, "test_batch": 5}
    records = {name: _records(count) for name, count in parts.items()}
    for name, part in records.items():
        (folder / f"{name}.bin").write_bytes(part.tobytes())
    return tmp_path, records


def test_cifar(cifar):
    folder, records = cifar
    data = load_dataset("cifar10", folder)
    assert (data.shape, data.maximum, data.classes) == ((3, 32, 32), 255, 10)
    train = np.concatenate([records["data_batch_1"], records["data_batch_3"]])
    np.testing.assert_array_equal(data.train_images, train[:, 1:])
    np.testing.assert_array_equal(data.train_labels, train[:, 0])
    np.testing.assert_array_equal(data.test_images, records["test_batch"][:, 1:])


def test_damaged_cifar(cifar):
    folder = cifar[0] / "cifar10"
    test = folder / "test_batch.bin"
    good = test.read_bytes()
    for content, words in (
        (good[:-1], "15364 bytes, expected a multiple of 3073"),
        (b"", "0 bytes"),
        (_records(3, label=77).tobytes(), "label 77 in record 0, expected 0 to 9"),
    ):
        test.write_bytes(content)
        with pytest.raises(InputError, match=words) as caught:
            load_dataset("cifar10", cifar[0])
        assert str(caught.value).startswith(str(test))
    for path in folder.glob("data*"):
        path.unlink()
    test.write_bytes(good)
    with pytest.raises(InputError, match="data_batch_1.bin: missing"):
        load_dataset("cifar10", folder)
    with pytest.raises(InputError, match="no such file"):
        read_batch(folder / "none.bin")


def test_npz_of_one_part_is_split_by_class(tmp_path):
    path = tmp_path / "mine.npz"
    images = RNG.integers(0, 20, (50, 3, 4), dtype=np.uint8)
    labels = np.arange(50) % 2
    np.savez(path, images=images, labels=labels)
    data = load_dataset(str(path))
    assert (data.name, data.shape, data.classes) == ("mine", (3, 4), 2)
    assert data.maximum == images.max()
    assert np.bincount(data.test_labels).tolist() == [5, 5]
    everything = np.concatenate([data.train_images, data.test_images])
    assert sorted(map(bytes, everything)) == sorted(map(bytes, images.reshape(50, -1)))


def test_npz_of_two_parts(tmp_path):
    path = tmp_path / "two.npz"
    train, test = (RNG.integers(0, 9, (n, 5), dtype=np.uint8) for n in (7, 4))
    np.savez_compressed(
        path, train_images=train, train_labels=np.arange(7) % 3, test_images=test,
        test_labels=np.zeros(4, np.uint8), maximum=15,
    )  # fmt: skip
    data = load_dataset(str(path))
    np.testing.assert_array_equal(data.train_images, train)
    np.testing.assert_array_equal(data.test_images, test)
    assert (data.maximum, data.classes) == (15, 3)


_IMAGES, _LABELS = np.zeros((6, 4), np.uint8), np.arange(6) % 2


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": _IMAGES}, r"array labels is missing \(it holds images\)"),
        ({}, "it holds nothing"),
        ({"images": _IMAGES.astype(float), "labels": _LABELS}, "array images: type float64"),
        ({"images": np.zeros(6, np.uint8), "labels": _LABELS}, r"shape \(6,\)"),
        ({"images": _IMAGES, "labels": _LABELS[:5]}, r"array labels: .*expected integers of shape"),
        ({"images": _IMAGES, "labels": _LABELS - 1}, "label -1 at position 0"),
        ({"images": _IMAGES, "labels": _LABELS * 10**6}, "label 1000000 at position 1"),
        ({"images": _IMAGES, "labels": _LABELS * 0}, "all labels are 0"),
        ({"images": _IMAGES + 9, "labels": _LABELS, "maximum": 8}, "array maximum: 8"),
        ({"images": _IMAGES[:2], "labels": _LABELS[:2]}, "empty training or test part"),
        (
            {"train_images": _IMAGES, "train_labels": _LABELS, "test_images": _IMAGES[:, :3],
             "test_labels": _LABELS},
            "training and test images have shapes",
        ),
    ],
)  # fmt: skip
def test_npz_that_cannot_be_used(tmp_path, arrays, words):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=words):
        load_dataset(str(path))


def test_npz_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    objects = tmp_path / "objects.npz"
    np.savez(objects, images=np.array([Trap()], dtype=object), labels=_LABELS)
    plain = tmp_path / "plain.npz"
    plain.write_bytes(pickle.dumps(Trap()))
    for path in (objects, plain):
        with pytest.raises(InputError, match=r"Python objects, which are never loaded"):
            load_dataset(str(path))
    assert not (tmp_path / "sprung").exists()


def test_other_files_are_no_npz(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(InputError, match="no such file"):
        load_dataset(str(path))
    np.savez(path, images=_IMAGES, labels=_LABELS)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match="x.npz: damaged, cut short"):
        load_dataset(str(path))
    with path.open("wb") as stream:
        np.save(stream, _IMAGES)
    with pytest.raises(InputError, match="a single array"):
        load_dataset(str(path))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_anywhere_is_one_line(tmp_path, save):
    """numpy and zipfile raise what they like: TokenError, NotImplementedError, RuntimeError."""
    path = tmp_path / "x.npz"
    save(path, images=_IMAGES, labels=_LABELS)
    good, rng = path.read_bytes(), np.random.default_rng(1)
    refused = []
    for _ in range(600):
        damaged = bytearray(good)
        for at in rng.integers(0, len(good), rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            load_dataset(str(path))
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 200
    assert all(line.startswith(str(path)) and "\n" not in line for line in refused)


@pytest.fixture
def record(tmp_path):
    """A record of 20 s with a beat every second, each a spike of its own height."""
    wfdb = pytest.importorskip("wfdb", reason="wfdb is not installed (extra ecg)")
    folder = tmp_path / "ecg"
    folder.mkdir()
    time = np.arange(20 * 250) / 250
    beats = np.arange(0, 20) + 0.5
    signal = 0.2 + sum(np.exp(-(((time - b) / 0.02) ** 2)) for b in beats)
    lead2 = -signal
    wfdb.wrsamp("a", fs=250, units=["mV", "mV"], sig_name=["I", "II"], fmt=["16", "16"],
                p_signal=np.stack([signal, lead2], axis=1), write_dir=str(folder))  # fmt: skip
    symbols = ["N", "V"] * 10
    samples = (beats * 250).astype(int)
    wfdb.wrann("a", "atr", np.append(samples, 4990), [*symbols, "+"], write_dir=str(folder))
    return folder


def test_beats_are_cut_around_their_annotations(record):
    data = load_dataset("ecg", record.parent)
    assert (data.shape, data.classes, data.maximum) == ((2, 128), 5, 255)
    assert np.bincount(data.train_labels, minlength=5).tolist() == [8, 0, 8, 0, 0]
    assert np.bincount(data.test_labels, minlength=5).tolist() == [2, 0, 2, 0, 0]
    beats = data.train_images.reshape(-1, 2, 128)
    peak = beats[:, 0].argmax(axis=1)
    # 0.25 s of 0.7 s, in 127 steps
    assert abs(peak - 0.25 / 0.7 * 127).max() <= 1
    # 1 mV above a median of about 0.2 mV, as 255 steps of 5 mV
    np.testing.assert_allclose(beats[:, 0].max(axis=1), (1 + 2.5) * 51, atol=2)
    np.testing.assert_allclose(beats[:, 1].min(axis=1), (-1 + 2.5) * 51, atol=2)


def test_damaged_records(record):
    (record / "a.dat").write_bytes((record / "a.dat").read_bytes()[:1000])
    with pytest.raises(InputError, match="a: damaged or cut short"):
        load_dataset("ecg", record)
    (record / "a.hea").write_text("nonsense\n")
    with pytest.raises(InputError, match="a: damaged or cut short"):
        load_dataset("ecg", record)
    (record / "a.hea").unlink()
    with pytest.raises(InputError, match="a.hea: missing"):
        load_dataset("ecg", record)
    (record / "a.atr").unlink()
    with pytest.raises(InputError, match="holds neither"):
        load_dataset("ecg", record)


def test_ecg_without_its_package(tmp_path, monkeypatch):
    for suffix in ("hea", "atr"):
        (tmp_path / f"a.{suffix}").write_text("a 1 250 10\n")
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(MissingToolError, match=r"pip install 'rramchar\[ecg\]'"):
        load_dataset("ecg", tmp_path)


def _real(name):
    folder = os.environ.get("RRAMCHAR_DATA")
    if not folder or not os.path.isdir(os.path.join(folder, name)):
        pytest.skip(f"RRAMCHAR_DATA is not set to a folder with {name}")
    return folder


def test_real_cifar10():
    data = load_dataset("cifar10", _real("cifar10"))
    assert (len(data.train_labels), len(data.test_labels)) == (20000, 10000)
    assert np.bincount(data.test_labels).tolist() == [1000] * 10


def test_real_ecg():
    folder = _real("ecg")
    pytest.importorskip("wfdb", reason="wfdb is not installed (extra ecg)")
    data = load_dataset("ecg", folder)
    both = np.bincount(data.train_labels, minlength=5) + np.bincount(data.test_labels, minlength=5)
    # record 100 has 2239 N, 33 A and 1 V; the first and last beats lack a whole window
    assert (abs(both - [2239, 33, 1, 0, 0]) <= [2, 0, 0, 0, 0]).all()


def test_fashion_is_read_as_mnist(tmp_path):
    def idx(array):
        array = np.asarray(array, np.uint8)
        head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        return head + array.tobytes()

    folder = tmp_path / "fashion"
    folder.mkdir()
    for part, count in (("train", 4), ("t10k", 3)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(np.full((count, 28, 28), count)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count)))
    data = load_dataset("fashion", tmp_path)
    assert (data.name, data.shape, len(data.train_labels)) == ("fashion", (28, 28), 4)
    with pytest.raises(InputError, match="holds neither train-images-idx3-ubyte.gz.*Fashion-MNIST"):
        load_dataset("fashion", folder.parent.parent)
