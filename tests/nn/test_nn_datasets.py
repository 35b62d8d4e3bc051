from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from rramchar.errors import InputError
from rramchar.nn.datasets import load_dataset
from rramchar.nn.idx import read_images, read_labels


def _idx(array, magic=None):
    array = np.asarray(array, dtype=np.uint8)
    number = 0x0800 + array.ndim if magic is None else magic
    return struct.pack(f">{1 + array.ndim}I", number, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A small MNIST: 5 training and 3 test images; one file plain, the rest compressed."""
    rng = np.random.default_rng(0)
    for part, number in (("train", 5), ("t10k", 3)):
        images = rng.integers(0, 256, (number, 28, 28))
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(images)))
        labels = _idx(rng.integers(0, 10, number))
        if part == "train":
            (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(labels)
        else:
            (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return tmp_path


def test_digits(digits):
    assert digits.train_images.shape == (1438, 64)
    assert digits.test_images.shape == (359, 64)
    assert digits.train_images.dtype == np.uint8
    assert digits.train_images.max() == digits.maximum == 16
    shares = np.bincount(digits.test_labels) / (
        np.bincount(digits.test_labels) + np.bincount(digits.train_labels)
    )
    assert np.abs(shares - 0.2).max() < 0.005
    together = np.concatenate([digits.train_images, digits.test_images])
    assert int(together.sum()) == 561718  # every image once
    again = load_dataset("digits")
    np.testing.assert_array_equal(again.test_images, digits.test_images)


def test_mnist_layout(folder, tmp_path):
    dataset = load_dataset("mnist", folder)
    assert dataset.train_images.shape == (5, 784)
    assert dataset.test_labels.shape == (3,)
    assert (dataset.maximum, dataset.classes, dataset.pixels) == (255, 10, 784)
    inner = tmp_path / "mnist"
    inner.mkdir()
    for path in list(folder.iterdir()):
        if path.is_file():
            path.rename(inner / path.name)
    np.testing.assert_array_equal(load_dataset("mnist", folder).train_images, dataset.train_images)


def test_unknown_name():
    known = "cifar10, digits, ecg, fashion, mnist"
    with pytest.raises(InputError, match=rf"'mnits' is unknown.*{known}"):
        load_dataset("mnits")


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="--data.*RRAMCHAR_DATA"):
        load_dataset("mnist")
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("mnist", tmp_path / "none")
    with pytest.raises(InputError, match="holds neither"):
        load_dataset("mnist", tmp_path)


def test_a_missing_file_is_named(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte.*missing"):
        load_dataset("mnist", folder)


def test_counts_must_agree(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(_idx([1, 2, 3]))
    with pytest.raises(InputError, match="holds 3 labels.*holds 5 images"):
        load_dataset("mnist", folder)


def test_other_image_sizes_are_refused(folder):
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(_idx(np.zeros((3, 32, 32))))
    with pytest.raises(InputError, match="32 x 32.*28 x 28"):
        load_dataset("mnist", folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "too short"),
        (b"\x00\x00\x08", "too short"),
        (_idx(np.zeros((2, 3, 3)))[:-1], "expected 34.*cut short"),
        (_idx(np.zeros((2, 3, 3))) + b"x", "followed by something else"),
        (_idx(np.zeros((2, 3, 3)), magic=0x0803 << 8), "magic number 0x00080300"),
        (_idx(np.zeros((2, 3, 3)), magic=0x0D03), "magic number 0x00000d03, expected 0x00000803"),
        (_idx(np.zeros(20)), "magic number 0x00000801"),
        (_idx(np.zeros((0, 3, 3))), "empty dimension"),
        (struct.pack(">4I", 0x0803, 2**32 - 1, 2**32 - 1, 2**32 - 1), "cut short"),
        (gzip.compress(_idx(np.zeros((20, 30, 30))), mtime=0)[:-9], "damaged or cut short"),
        (b"\x1f\x8bnonsense", "damaged or cut short"),
    ],
)
def test_damaged_images(tmp_path, content, words):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_images(path)
    assert str(caught.value).startswith(str(path))


def test_a_label_out_of_range(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(_idx([0, 9, 10, 3]))
    with pytest.raises(InputError, match="label 10 at position 2, expected 0 to 9"):
        read_labels(path, classes=10)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_labels(tmp_path / "none", classes=10)
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path, classes=10)
