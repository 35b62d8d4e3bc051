"""Labelled images to train and evaluate on: the embedded digits, and MNIST's IDX files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.idx import read_images, read_labels

DIGITS_TEST_SHARE = 0.2
DIGITS_SPLIT_SEED = 0


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images, split into a training and a test part.

    Parameters
    ----------
    name : str
        Name, as `load_dataset` takes it.
    train_images, test_images : array of uint8, shape (image, pixel)
        Pixel values from 0 to `maximum`.
    train_labels, test_labels : array of int64, shape (image,)
        Right class of each image, from 0.
    maximum : int
        The largest value that a pixel can have.
    classes : int
        Number of classes.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    maximum: int
    classes: int = 10

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        return self.train_images.shape[1]


def load_dataset(name: str, data_dir: str | Path | None = None) -> Dataset:
    """Load a data set by name.

    ``digits``: 1797 handwritten digits of 8 x 8 pixels from 0 to 16 (UCI, as embedded in
    scikit-learn); 20 % of each class, drawn with a fixed seed, are the test part. ``mnist``: 60000
    training and 10000 test digits of 28 x 28 pixels from 0 to 255, from the four IDX files.

    Parameters
    ----------
    name : str
        ``digits`` or ``mnist``.
    data_dir : str or path, optional
        Folder that holds the files, or that holds a folder with the data set's name that does.
        Not needed for ``digits``.

    Returns
    -------
    Dataset
        The images and labels.

    Raises
    ------
    InputError
        If the name is unknown, or a file is missing or damaged.
    """
    if name not in _LOADERS:
        raise InputError(
            f"data set {name!r} is unknown; the known ones are {', '.join(sorted(_LOADERS))}"
        )
    return _LOADERS[name](data_dir)


def _digits(_: str | Path | None) -> Dataset:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images, labels = images.astype(np.uint8), labels.astype(np.int64)
    test = np.zeros(len(labels), dtype=bool)
    rng = np.random.default_rng(DIGITS_SPLIT_SEED)
    for label in range(10):
        members = np.flatnonzero(labels == label)
        test[rng.permutation(members)[: round(DIGITS_TEST_SHARE * len(members))]] = True
    return Dataset("digits", images[~test], labels[~test], images[test], labels[test], maximum=16)


def _mnist(data_dir: str | Path | None) -> Dataset:
    folder = _folder("mnist", data_dir, "train-images-idx3-ubyte")
    parts: list[NDArray[Any]] = []
    for part in ("train", "t10k"):
        images_file = _file(folder, f"{part}-images-idx3-ubyte")
        labels_file = _file(folder, f"{part}-labels-idx1-ubyte")
        images = read_images(images_file)
        labels = read_labels(labels_file, classes=10)
        if len(images) != len(labels):
            raise InputError(
                f"{labels_file}: holds {len(labels)} labels, but {images_file.name} holds "
                f"{len(images)} images; take both from one data set"
            )
        if images.shape[1:] != (28, 28):
            raise InputError(
                f"{images_file}: images of {images.shape[1]} x {images.shape[2]} pixels, "
                "expected 28 x 28"
            )
        parts += [images.reshape(len(images), -1), labels]
    train_images, train_labels, test_images, test_labels = parts
    return Dataset("mnist", train_images, train_labels, test_images, test_labels, maximum=255)


def _folder(name: str, data_dir: str | Path | None, probe: str) -> Path:
    if data_dir is None:
        raise InputError(
            f"data set {name!r} needs the folder of its files; give it with --data DIR or in the "
            "environment variable RRAMCHAR_DATA"
        )
    root = Path(data_dir)
    if not root.is_dir():
        raise InputError(f"data folder {root}: does not exist or is no folder")
    for folder in (root / name, root):
        if any((folder / f"{probe}{suffix}").is_file() for suffix in ("", ".gz")):
            return folder
    raise InputError(
        f"data folder {root}: holds neither {probe}.gz nor {name}/{probe}.gz (with or without "
        ".gz); give the folder of the four IDX files of MNIST"
    )


def _file(folder: Path, stem: str) -> Path:
    for name in (f"{stem}.gz", stem):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder / stem}: missing (with or without .gz); the data set needs it")


_LOADERS: dict[str, Callable[[str | Path | None], Dataset]] = {"digits": _digits, "mnist": _mnist}
DATASETS = tuple(sorted(_LOADERS))
