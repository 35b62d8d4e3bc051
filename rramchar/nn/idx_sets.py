"""MNIST and data sets of its shape: four IDX files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.nn.dataset import Dataset
from rramchar.nn.idx import read_images, read_labels

PROBE = "train-images-idx3-ubyte"
_SHAPE = (28, 28)


def read_idx_set(name: str, folder: Path) -> Dataset:
    """Read the four IDX files of a folder, each plain or gzip-compressed.

    Parameters
    ----------
    name : str
        Name of the data set.
    folder : Path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the two of ``t10k``, with
        or without ``.gz``.

    Returns
    -------
    Dataset
        Images of 28 x 28 pixels in ten classes.

    Raises
    ------
    InputError
        If a file is missing or damaged, or images and labels do not go together.
    """
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
        if images.shape[1:] != _SHAPE:
            raise InputError(
                f"{images_file}: images of {images.shape[1]} x {images.shape[2]} pixels, "
                "expected 28 x 28"
            )
        parts += [images.reshape(len(images), -1), labels]
    train_images, train_labels, test_images, test_labels = parts
    return Dataset(
        name, train_images, train_labels, test_images, test_labels, maximum=255, shape=_SHAPE
    )


def _file(folder: Path, stem: str) -> Path:
    for name in (f"{stem}.gz", stem):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder / stem}: missing (with or without .gz); the data set needs it")
